"""Many batches without training: evaluate and predict, and where batches come from. fit is in trainer.py.

evaluate    for each batch: test_step
predict     for each batch: forward
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np

from minicnn import backend, ops
from minicnn._base import keras_errors
from minicnn.callbacks import Callback, CallbackList
from minicnn.models import datasets, progress
from minicnn.models.running import TrainingPosition, is_training
from minicnn.models.step import TrainingStep

Callbacks = Callback | Sequence[Callback | Sequence[Callback] | None] | None


class Evaluation(TrainingStep):
    """A model that can be evaluated on many batches, and predict.

    Attributes:
        callback_list: the CallbackList of the training that runs; None if none runs.
    """

    callback_list: Any = None

    @overload
    def evaluate(
        self,
        x: Any = ...,
        y: Any = ...,
        batch_size: int | None = ...,
        verbose: int | str = ...,
        sample_weight: Any = ...,
        steps: int | None = ...,
        callbacks: Callbacks = ...,
        *,
        return_dict: Literal[True],
    ) -> dict[str, float]: ...

    @overload
    def evaluate(
        self,
        x: Any = ...,
        y: Any = ...,
        batch_size: int | None = ...,
        verbose: int | str = ...,
        sample_weight: Any = ...,
        steps: int | None = ...,
        callbacks: Callbacks = ...,
        return_dict: Literal[False] = ...,
    ) -> Any: ...

    @keras_errors.keras_arguments
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Callbacks = None,
        return_dict: bool = False,
    ) -> Any:
        """Return loss and metrics on (x, y): a list as ``metrics_names``, a number, or a dictionary.

        x may be a generator or a dataset, as in :meth:`fit`. ``steps`` batches are used, by default all.

        Raises:
            ValueError: the model is not compiled, the data do not fit it, or there is no batch.
        """
        self.check_compiled()
        source = self._source(x, y, sample_weight, batch_size=batch_size, steps=steps)
        logs = self._evaluate(source, steps, self._beside_a_training(callbacks), self.test_step)
        if progress.resolve(verbose):
            print(progress.describe(logs))
        return logs if return_dict else one_or_list(logs)

    def _evaluate(
        self, source: Any, steps: int | None, callback_list: CallbackList, test_step: Callable[..., Any]
    ) -> dict[str, Any]:
        callback_list.on_test_begin()
        step = None
        with self.check_compiled().used() as results:
            for step, (x, y, weight) in enumerate(itertools.islice(self._checked_batches(source), steps)):
                callback_list.on_test_batch_begin(step)
                with ops.turn():
                    value, prediction = test_step(x, y, weight)
                callback_list.on_test_batch_end(step, results.update(value, y, prediction, weight))
            if step is None:
                raise ValueError("evaluation: the generator is at its end, there is no batch")
            callback_list.on_test_end(results.logs())
            return results.logs()

    def _beside_a_training(self, callbacks: Callbacks) -> CallbackList:
        """Return the callbacks of an evaluation or prediction; those of a running training keep its params."""
        of_training = self.callback_list.callbacks if is_training(self) else []
        return CallbackList(callbacks, self, {}, in_use=of_training)

    @keras_errors.keras_arguments
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Callbacks = None,
    ) -> np.ndarray:
        """Return the model's output for x (N, …), computed a batch at a time; ``verbose`` changes nothing.

        x may be a generator or a dataset, whose targets are not used. ``steps`` batches are used, by default
        all. A model with several outputs returns a list of arrays (the type says np.ndarray, which most
        models return).

        Raises:
            ValueError: the data do not fit the model, or there is no batch.
        """
        source = self._source(x, batch_size=batch_size, steps=steps, targets=False)
        callback_list = self._beside_a_training(callbacks)
        callback_list.on_predict_begin()
        outputs: list[Any] = []
        for step, (samples, _, _) in enumerate(itertools.islice(self._checked_batches(source), steps)):
            callback_list.on_predict_batch_begin(step)
            with ops.turn(), self.first_pass_checked("forward"):
                outputs.append(self.infer(samples))
            callback_list.on_predict_batch_end(step)
        callback_list.on_predict_end()
        if not outputs:
            raise ValueError("prediction: the generator is at its end, there is no batch")
        if isinstance(outputs[0], list):  # of a graph with several outputs
            several: Any = [np.concatenate(parts) for parts in zip(*outputs)]
            return several
        return np.concatenate(outputs)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return loss and metrics on one batch, as :meth:`evaluate`; no weight changes."""
        given: Any = {"return_dict": return_dict}  # which of the overloads it is, is not known here
        x, y, sample_weight = self.arranged(x, y, sample_weight)
        return self.evaluate(x, y, len(x), verbose=0, sample_weight=sample_weight, **given)

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """Return the model's output for one batch, as :meth:`predict`."""
        x, _, _ = self.arranged(x)
        return self.predict(x, len(x))

    # ---- where batches come from ---------------------------------------------------------------------------

    def _source(self, x: Any, *args: Any, **options: Any) -> Any:
        """Return the batches of x, see `datasets.source`, and build the model for them."""
        if x is None:
            raise ValueError(
                "x=None: expected samples, an array (N, …), a generator or a PyDataset; is it what a function "
                "without return gave?"
            )
        if not datasets.is_stream(x):
            x, _, _ = self.arranged(x)
            self._build_for(x)
        options["arranged"] = self.arranged
        source = datasets.source(x, *args, dtype=self.dtype or backend.floatx(), **options)
        if not self.built:
            self._build_for(source.peek())
        return source

    def _checked_batches(self, source: Any, position: TrainingPosition | None = None) -> Iterator[Any]:
        batches = source.iterate() if position is None else source.iterate(position.order, position.step)
        for batch in batches:
            self.check_shape(self._shape_of(batch[0]))
            yield batch

    @ops.in_turn
    def _build_for(self, x: Any) -> None:
        """Build the model for samples of x's shape, and check that they fit."""
        shape = self._shape_of(x)
        if not self.built:
            self.build((None, *shape[1:]))
        self.check_shape(shape)

    def _shape_of(self, x: Any) -> Any:
        """Return the shape of samples; for several inputs, Parts or a list of arrays, the list of shapes."""
        return [each.shape for each in getattr(x, "arrays", x)] if self.multiple_inputs else np.shape(x)


def one_or_list(logs: Mapping[str, Any]) -> Any:
    """Return the values, or the one value by itself, as Keras."""
    values = list(logs.values())
    return values if len(values) > 1 else values[0]

"""What a model can do with a loss and the forward pass alone: evaluate, predict. training.py adds the backward pass."""

import copy
import itertools
from typing import Any

import numpy as np

from minicnn import backend, losses, optimizers, progress, spellings, streams
from minicnn import callbacks as callbacks_module
from minicnn.layers.base import Layer
from minicnn.metrics import Metric
from minicnn.results import Results


class Evaluator(Layer):
    """compile, evaluate, predict."""

    final_activation: Any  # of the chain or graph that the model is
    optimizer: Any = None
    loss: losses.Loss | None = None
    stop_training = False
    _results: Any = None

    @spellings.keras_arguments
    def compile(self, optimizer="rmsprop", loss=None, metrics=None, weighted_metrics=None) -> None:
        """Choose how to train.

        Args:
            optimizer: an optimizer or its name.
            loss: a loss or its name.
            metrics: metrics or names such as "accuracy", over all samples alike.
            weighted_metrics: the same, weighted by sample and class weights.
        """
        self.optimizer = optimizers.get(optimizer)
        self.loss = None if loss is None else losses.get(loss)
        self._loss_of_logits = None
        if isinstance(self.loss, losses.CategoricalCrossentropy) and not self.loss.from_logits:
            self._loss_of_logits = copy.copy(self.loss)
            self._loss_of_logits.from_logits = True
        self._results = Results(self.loss, metrics or [], weighted_metrics or [])
        self.stop_training = False

    def _compiled(self) -> losses.Loss:
        if self.loss is None:
            raise ValueError(
                f'{self.name} has no loss: call compile first, such as model.compile("adam", '
                '"sparse_categorical_crossentropy", metrics=["accuracy"])'
            )
        return self.loss

    def __getattr__(self, name: str) -> Any:
        raise spellings.no_attribute("model", self, name)

    # ---- one batch ------------------------------------------------------------------------------------------------

    def _loss_of(self, prediction):
        """Return (loss function, what it looks at): for cross-entropy after a softmax, the logits before it.

        Softmax and cross-entropy in one have the gradient p − t, exact even where a probability underflows.
        """
        last = self.final_activation
        if self._loss_of_logits is None or getattr(last, "activation", None) != "softmax":
            return self.loss, prediction
        return self._loss_of_logits, last.logits

    def penalty(self):
        """Return the sum of all regularisers' penalties."""
        return sum(w.regularizer(w.value) for w in self.trainable_weights if w.regularizer is not None)

    def test_step(self, x, y, sample_weight=None):
        """Forward and loss, as in evaluation. Returns (loss, prediction)."""
        return self.forward_loss(x, y, sample_weight, training=False)

    def forward_loss(self, x, y, sample_weight=None, training=False):
        """Forward and loss, regularisers included. Returns (loss, prediction)."""
        prediction = self.forward(x, training)
        loss, scores = self._loss_of(prediction)
        self._measured = loss, scores is not prediction
        return loss.forward(y, scores, sample_weight) + self.penalty(), prediction

    # ---- many batches ---------------------------------------------------------------------------------------------

    @spellings.keras_arguments
    def evaluate(
        self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, callbacks=None,
        return_dict=False,
    ):  # fmt: skip
        """Return loss and metrics on (x, y): a list in the order of ``metrics_names``, one number, or a dictionary.

        x may be a generator or a dataset, as in :meth:`fit`; of ``steps`` batches, by default of all.
        """
        self._compiled()
        source = self._source(x, y, sample_weight, batch_size=batch_size, steps=steps)
        hooks = callbacks_module.CallbackList(callbacks or [], model=self, params={})
        logs = self._evaluate(source, steps, hooks)
        if progress.resolve(verbose):
            print(progress.describe(logs))
        if return_dict:
            return logs
        values = list(logs.values())
        return values if len(values) > 1 else values[0]

    def _evaluate(self, source, steps, hooks):
        hooks.on_test_begin()
        results = self._results.restart()
        step = None
        for step, (x, y, weight) in enumerate(itertools.islice(self._checked_batches(source), steps)):
            hooks.on_test_batch_begin(step)
            value, prediction = self.test_step(x, y, weight)
            hooks.on_test_batch_end(step, results.update(value, y, prediction, weight))
        if step is None:
            raise ValueError("evaluation: the generator is at its end, there is no batch")
        hooks.on_test_end(results.logs())
        return results.logs()

    @spellings.keras_arguments
    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """Return the model's output for x (N, …), computed a batch at a time; ``verbose`` changes nothing.

        x may be a generator or a dataset, whose targets are not looked at; of ``steps`` batches, by default of all.
        """
        source = self._source(x, batch_size=batch_size, steps=steps, targets=False)
        hooks = callbacks_module.CallbackList(callbacks or [], model=self, params={})
        hooks.on_predict_begin()
        outputs = []
        for step, (samples, _, _) in enumerate(itertools.islice(self._checked_batches(source), steps)):
            hooks.on_predict_batch_begin(step)
            outputs.append(self.forward(samples))
            hooks.on_predict_batch_end(step)
        hooks.on_predict_end()
        if not outputs:
            raise ValueError("prediction: the generator is at its end, there is no batch")
        if isinstance(outputs[0], list):  # of a graph with several outputs
            return [np.concatenate(parts) for parts in zip(*outputs)]
        return np.concatenate(outputs)

    def _source(self, x, *args, **options):
        """Return the batches of x, see `streams.source`, and build the model for them."""
        if not streams.is_stream(x):
            self._build_for(x)
        source = streams.source(x, *args, dtype=self.dtype or backend.floatx(), **options)
        if not self.built:
            self._build_for(source.peek())
        return source

    def _checked_batches(self, source, place=None):
        for batch in source.iterate() if place is None else source.iterate(place.order, place.step):
            self.check_shape(batch[0].shape)
            yield batch

    def _build_for(self, x):
        """Build the model for samples of x's shape, and check that they fit."""
        shape = np.shape(x)
        if not self.built:
            self.build((None, *shape[1:]))
        self.check_shape(shape)

    # ---- what is reported -----------------------------------------------------------------------------------------

    @property
    def metrics_names(self) -> list[str]:
        """What evaluate returns, in order."""
        return self._results.names if self._results else []

    @property
    def metrics(self) -> list[Metric]:
        """The loss's running mean and the metrics; these from the first batch on."""
        return self._results.metrics if self._results else []

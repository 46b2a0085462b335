"""The training loop: what `fit` runs, in the order in which it happens.

    for each epoch, for each batch:
        prediction = forward(x)                      layer by layer, first to last
        loss = loss.forward(y, prediction) + regularisers
        backward(loss.backward())                    layer by layer, last to first: every parameter gets its .grad
        optimizer.apply(parameters)                  every parameter moves against its gradient

`Trainer.train_step` does this; put a breakpoint there.
"""

import copy
import itertools
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn import callbacks as callbacks_module
from minicnn import data, losses, optimizers, progress, random, spellings, streams
from minicnn.layers.base import Layer
from minicnn.metrics import Metric
from minicnn.results import Results


@dataclass
class Place:
    """Where a training is: ``step`` batches of ``epoch`` are done.

    Attributes:
        order: the numbers of the samples (of a dataset's batches) in the order of this epoch; None if not shuffled.
        generator: the state of the generator from which it was drawn, before.
    """

    epoch: int
    step: int = 0
    order: np.ndarray | None = None
    generator: dict[str, Any] | None = None


class Trainer(Layer):
    """compile, fit, evaluate, predict: what a model can do beyond forward and backward."""

    final_activation: Any  # of the chain or graph that the model is
    generator: np.random.Generator  # shuffles the samples
    optimizer: Any = None
    loss: losses.Loss | None = None
    stop_training = False
    place: Any = None  # a Place, of the training that runs or ran last
    source: Any = None  # its batches
    hooks: Any = None  # the callbacks of the training that runs
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

    def train_step(self, x, y, sample_weight=None):
        """One step on one batch: forward, loss, backward, update. Returns (loss, prediction)."""
        value, prediction = self.forward_loss(x, y, sample_weight, training=True)
        if np.isfinite(value):  # a step along a gradient of NaN would ruin every weight
            self.set_gradients()
            self.optimizer.apply(self.trainable_weights)
        return value, prediction

    def test_step(self, x, y, sample_weight=None):
        """Forward and loss, as in evaluation. Returns (loss, prediction)."""
        return self.forward_loss(x, y, sample_weight, training=False)

    def forward_loss(self, x, y, sample_weight=None, training=False):
        """Forward and loss, regularisers included. Returns (loss, prediction)."""
        prediction = self.forward(x, training)
        loss, scores = self._loss_of(prediction)
        self._measured = loss, scores is not prediction
        return loss.forward(y, scores, sample_weight) + self.penalty(), prediction

    def set_gradients(self, need_dx=False):
        """Give every trainable parameter its ``grad``, of the last :meth:`forward_loss`; return dL/dx if needed."""
        loss, of_logits = self._measured
        self.needs_dx = need_dx  # while training nobody reads the gradient of the images
        try:
            with self.final_activation.skipped() if of_logits else nullcontext():
                dx = self.backward(loss.backward())
        finally:
            self.needs_dx = True
        for weight in self.trainable_weights:
            if weight.regularizer is not None:
                weight.grad = weight.grad + weight.regularizer.gradient(weight.value)
        return dx

    # ---- many batches ---------------------------------------------------------------------------------------------

    @spellings.keras_arguments
    def fit(
        self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, validation_split=0.0,
        validation_data=None, shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0,
        steps_per_epoch=None, validation_steps=None, validation_batch_size=None, validation_freq=1,
    ):  # fmt: skip
        """Train and return a History, as `keras.Model.fit`.

        Args:
            x, y: samples (N, …) and targets, of any numeric dtype; or x a generator or a ``utils.PyDataset``, which
                gives batches (x, y) or (x, y, sample_weight).
            batch_size: samples in a batch, 32 by default.
            epochs: the number of the last epoch; training begins at ``initial_epoch``.
            verbose: 0 nothing, 1 a bar, 2 a line an epoch; "auto" is 1 on a terminal and 2 elsewhere.
            callbacks: a list of callbacks.
            validation_split: the part at the end of x that is held out.
            validation_data: (x, y) or (x, y, sample_weight), a generator or a dataset.
            shuffle: draw a new order for each epoch: of samples, or of a dataset's batches.
            class_weight: {class number: weight} in the loss; sample_weight: (N,), one for each sample.
            steps_per_epoch: batches in an epoch; by default all. A generator needs it. The next epoch goes on where
                this one stopped; arrays and datasets begin anew at their end. A generator that ends too soon ends the
                training, with a warning.
            validation_steps: batches of validation_data; by default all. A generator needs it.
        """
        self._compiled()
        if validation_split:
            if streams.is_stream(x):
                raise ValueError(
                    f"validation_split needs arrays, not {type(x).__name__}: give validation_data"
                )
            (x, y, sample_weight), held_out = data.split(validation_split, np.asarray(x), y, sample_weight)
            validation_data = validation_data or held_out
        source = self._source(x, y, sample_weight, class_weight, batch_size, steps_per_epoch)
        self.source = source = streams.in_steps(source, steps_per_epoch, "steps_per_epoch")
        held_out = None
        if validation_data is not None:
            parts = validation_data if isinstance(validation_data, tuple | list) else (validation_data,)
            x, y, sample_weight = (*parts, None, None)[:3]
            batch_size = validation_batch_size or batch_size
            held_out = self._source(x, y, sample_weight, batch_size=batch_size, steps=validation_steps)
            streams.in_steps(held_out, validation_steps, "validation_steps")
        verbose = progress.resolve(verbose)
        hooks = callbacks_module.CallbackList(
            [callbacks, progress.callbacks(verbose)],
            model=self,
            params={"epochs": epochs, "steps": source.steps, "verbose": verbose},
        )
        self.stop_training = False
        self.place, self.hooks = Place(initial_epoch), hooks
        hooks.on_train_begin()  # which may put us elsewhere: see callbacks.BackupAndRestore
        logs: dict[str, float] = {}
        for epoch in range(self.place.epoch, epochs):
            if self.stop_training:
                break
            hooks.on_epoch_begin(epoch)
            epoch_logs = self._run_epoch(source, hooks, shuffle)
            if not self.place.step:
                # nothing was left of a generator
                break
            logs = epoch_logs
            if held_out is not None and (epoch + 1) % validation_freq == 0:
                results = self._evaluate(held_out, validation_steps, hooks)
                logs |= {f"val_{name}": value for name, value in results.items()}
            self.place = Place(epoch + 1)
            hooks.on_epoch_end(epoch, logs)
        self.optimizer.finalize_variable_values(
            self.trainable_weights
        )  # a moving average becomes the weights
        hooks.on_train_end(logs)
        self.hooks = None
        return hooks.history

    def _run_epoch(self, source, hooks, shuffle):
        place = self.place
        place.generator = random.state(self.generator)
        place.order = source.order(self.generator) if shuffle else None
        results = self._results if place.step else self._results.restart()
        for step, (x, y, weight) in enumerate(self._checked_batches(source, place), place.step):
            hooks.on_train_batch_begin(step)
            value, prediction = self.train_step(x, y, weight)
            logs = results.update(value, y, prediction, weight)
            place.step = step + 1
            hooks.on_train_batch_end(step, logs)
            if self.stop_training:
                break
        else:
            if place.step < source.steps:
                warnings.warn(
                    f"the data ended after {place.step} of an epoch's {source.steps} batches: training ends here. "
                    "A generator has to give steps_per_epoch * epochs batches",
                    stacklevel=3,
                )
                self.stop_training = True
        return results.logs()

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

    def train_on_batch(self, x, y, sample_weight=None, class_weight=None, return_dict=False):
        """Take one step on one batch; return its loss and metrics."""
        self._build_for(x)
        ((x, y, weight),) = data.Batches(x, y, sample_weight, class_weight, len(x), self.dtype).iterate()
        value, prediction = self.train_step(x, y, weight)
        logs = self._results.restart().update(value, y, prediction, weight)
        return logs if return_dict else list(logs.values())

    def _source(
        self, x, y=None, sample_weight=None, class_weight=None, batch_size=None, steps=None, targets=True
    ):
        """Return the batches of x, and build the model for them."""
        if streams.is_stream(x):
            source = streams.source(
                x, y, sample_weight, class_weight, steps=steps, dtype=self.dtype, targets=targets
            )
            if not self.built:
                self._build_for(source.peek())
            return source
        self._build_for(x)
        return streams.source(x, y, sample_weight, class_weight, batch_size, steps, self.dtype, targets)

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

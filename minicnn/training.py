"""The training loop: what `fit` runs, in the order in which it happens.

    for each epoch, for each batch:
        prediction = forward(x)                      layer by layer, first to last
        loss = loss.forward(y, prediction) + regularisers
        backward(loss.backward())                    layer by layer, last to first: every parameter gets its .grad
        optimizer.apply(parameters)                  every parameter moves against its gradient

`Trainer.train_step` does this; put a breakpoint there. The forward pass and the loss are in evaluation.py.
"""

import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn import callbacks as callbacks_module
from minicnn import data, progress, random, spellings, streams
from minicnn.evaluation import Evaluator


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


class Trainer(Evaluator):
    """fit: what a model can do that has a backward pass too."""

    generator: np.random.Generator  # shuffles the samples
    place: Any = None  # a Place, of the training that runs or ran last
    source: Any = None  # its batches
    hooks: Any = None  # the callbacks of the training that runs

    # ---- one batch ------------------------------------------------------------------------------------------------

    def train_step(self, x, y, sample_weight=None):
        """One step on one batch: forward, loss, backward, update. Returns (loss, prediction)."""
        value, prediction = self.forward_loss(x, y, sample_weight, training=True)
        if np.isfinite(value):  # a step along a gradient of NaN would ruin every weight
            self.set_gradients()
            self.optimizer.apply(self.trainable_weights)
        return value, prediction

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

    def train_on_batch(self, x, y, sample_weight=None, class_weight=None, return_dict=False):
        """Take one step on one batch; return its loss and metrics."""
        self._build_for(x)
        ((x, y, weight),) = data.Batches(x, y, sample_weight, class_weight, len(x), self.dtype).iterate()
        value, prediction = self.train_step(x, y, weight)
        logs = self._results.restart().update(value, y, prediction, weight)
        return logs if return_dict else list(logs.values())

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
            (x, y, sample_weight), end = data.split(validation_split, np.asarray(x), y, sample_weight)
            validation_data = validation_data or end
        source = self._source(x, y, sample_weight, class_weight, batch_size, steps_per_epoch)
        self.source = source = streams.in_steps(source, steps_per_epoch, "steps_per_epoch")
        held_out: Any = None
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
        # a moving average becomes the weights
        self.optimizer.finalize_variable_values(self.trainable_weights)
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

"""The training loop: what `fit` runs, in the order in which it happens.

    for each epoch, for each batch:
        prediction = forward(x)                      layer by layer, first to last
        loss = loss.forward(y, prediction) + regularisers
        backward(loss.backward())                    layer by layer, last to first: every parameter gets its .grad
        optimizer.apply(parameters)                  every parameter moves against its gradient

`Trainer.train_step` does this; put a breakpoint there.
"""

import copy
from contextlib import nullcontext
from typing import Any

import numpy as np

from minicnn import callbacks as callbacks_module
from minicnn import data, losses, optimizers, progress
from minicnn.layers.containers import Chain
from minicnn.metrics import Metric
from minicnn.results import Results


class Trainer(Chain):
    """compile, fit, evaluate, predict: what a model can do beyond a chain of layers."""

    optimizer: Any = None
    loss: losses.Loss | None = None
    stop_training = False
    _results: Any = None

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

    def fit(
        self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, validation_split=0.0,
        validation_data=None, shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0,
        validation_batch_size=None, validation_freq=1,
    ):  # fmt: skip
        """Train on arrays and return a History, as `keras.Model.fit`.

        Args:
            x, y: samples (N, …) and targets, of any numeric dtype.
            batch_size: samples in a batch, 32 by default.
            epochs: the number of the last epoch; training begins at ``initial_epoch``.
            verbose: 0 nothing, 1 a bar, 2 a line an epoch; "auto" is 1 on a terminal and 2 elsewhere.
            callbacks: a list of callbacks.
            validation_split: the part at the end of x that is held out.
            validation_data: (x, y) or (x, y, sample_weight).
            shuffle: draw a new order for each epoch.
            class_weight: {class number: weight} in the loss; sample_weight: (N,), one for each sample.
        """
        self._compiled()
        if validation_split:
            (x, y, sample_weight), held_out = data.split(validation_split, np.asarray(x), y, sample_weight)
            validation_data = validation_data or held_out
        self._build_for(x)
        batches = data.Batches(x, y, sample_weight, class_weight, batch_size or 32, self.dtype)
        if batches.y is None:
            raise ValueError("fit needs targets: fit(x, y)")
        verbose = progress.resolve(verbose)
        steps = len(batches)
        hooks = callbacks_module.CallbackList(
            [*(callbacks or []), *progress.callbacks(verbose)],
            model=self,
            params={"epochs": epochs, "steps": steps, "verbose": verbose},
        )
        self.stop_training = False
        hooks.on_train_begin()
        logs: dict[str, float] = {}
        for epoch in range(initial_epoch, epochs):
            hooks.on_epoch_begin(epoch)
            logs = self._run_epoch(batches, hooks, shuffle)
            if validation_data is not None and (epoch + 1) % validation_freq == 0:
                results = self._evaluate(validation_data, validation_batch_size or batch_size or 32, hooks)
                logs |= {f"val_{name}": value for name, value in results.items()}
            hooks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        self.optimizer.finalize_variable_values(
            self.trainable_weights
        )  # a moving average becomes the weights
        hooks.on_train_end(logs)
        return hooks.history

    def _run_epoch(self, batches, hooks, shuffle):
        order = self.generator.permutation(batches.samples) if shuffle else None
        results = self._results.restart()
        for step, (x, y, weight) in enumerate(batches.iterate(order)):
            hooks.on_train_batch_begin(step)
            value, prediction = self.train_step(x, y, weight)
            hooks.on_train_batch_end(step, results.update(value, y, prediction, weight))
            if self.stop_training:
                break
        return results.logs()

    def evaluate(
        self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, callbacks=None, return_dict=False
    ):  # fmt: skip
        """Return loss and metrics on (x, y): a list in the order of ``metrics_names``, one number, or a dictionary."""
        self._compiled()
        self._build_for(x)
        hooks = callbacks_module.CallbackList(callbacks or [], model=self, params={})
        logs = self._evaluate((x, y, sample_weight), batch_size or 32, hooks)
        if progress.resolve(verbose):
            print(progress.describe(logs))
        if return_dict:
            return logs
        values = list(logs.values())
        return values if len(values) > 1 else values[0]

    def _evaluate(self, held_out, batch_size, hooks):
        x, y, sample_weight = (*held_out, None)[:3]
        batches = data.Batches(x, y, sample_weight, batch_size=batch_size, dtype=self.dtype)
        results = self._results.restart()
        hooks.on_test_begin()
        for step, (x, y, weight) in enumerate(batches.iterate()):
            hooks.on_test_batch_begin(step)
            value, prediction = self.test_step(x, y, weight)
            hooks.on_test_batch_end(step, results.update(value, y, prediction, weight))
        hooks.on_test_end(results.logs())
        return results.logs()

    def predict(self, x, batch_size=None, verbose="auto", callbacks=None):
        """Return the model's output for x (N, …), computed a batch at a time; ``verbose`` changes nothing."""
        self._build_for(x)
        batches = data.Batches(x, batch_size=batch_size or 32, dtype=self.dtype)
        hooks = callbacks_module.CallbackList(callbacks or [], model=self, params={})
        hooks.on_predict_begin()
        outputs = []
        for step, (samples, _, _) in enumerate(batches.iterate()):
            hooks.on_predict_batch_begin(step)
            outputs.append(self.forward(samples))
            hooks.on_predict_batch_end(step)
        hooks.on_predict_end()
        return np.concatenate(outputs)

    def train_on_batch(self, x, y, sample_weight=None, class_weight=None, return_dict=False):
        """Take one step on one batch; return its loss and metrics."""
        self._build_for(x)
        ((x, y, weight),) = data.Batches(x, y, sample_weight, class_weight, len(x), self.dtype).iterate()
        value, prediction = self.train_step(x, y, weight)
        logs = self._results.restart().update(value, y, prediction, weight)
        return logs if return_dict else list(logs.values())

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

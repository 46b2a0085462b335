"""The training loop: what `fit` runs, in the order in which it happens.

    for each epoch, for each batch:
        prediction = forward(x)                      layer by layer, first to last
        loss = loss.forward(y, prediction) + regularisers
        backward(loss.backward())                    layer by layer, last to first: every parameter gets its .grad
        optimizer.apply(parameters)                  every parameter moves against its gradient

`Trainer.train_step` is these four lines; put a breakpoint there.
"""

import copy
from typing import Any

import numpy as np

from minicnn import callbacks as callbacks_module
from minicnn import data, losses, metrics, optimizers, progress
from minicnn.layers.base import Layer


class Trainer(Layer):
    """compile, fit, evaluate, predict: what a model can do beyond a layer."""

    optimizer: Any = None
    loss: losses.Loss | None = None
    stop_training = False

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
        self._metric_names = list(metrics or []), list(weighted_metrics or [])
        self._metrics: tuple[list[metrics.Metric], list[metrics.Metric]] | None = (
            None  # made for the first batch
        )
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
        prediction = self.forward(x, training=True)
        loss, scores = self._loss_of(prediction)
        value = loss.forward(y, scores, sample_weight) + self.penalty()
        self.set_gradients(loss.backward(), of_logits=scores is not prediction)
        self.optimizer.apply(self.trainable_weights)
        return value, prediction

    def test_step(self, x, y, sample_weight=None):
        """Forward and loss, as in evaluation. Returns (loss, prediction)."""
        prediction = self.forward(x, training=False)
        loss, scores = self._loss_of(prediction)
        return loss.forward(y, scores, sample_weight) + self.penalty(), prediction

    def set_gradients(self, dy, of_logits=False):
        """Give every trainable parameter its ``grad``, regularisers included, given dL/dy of the last forward pass.

        With ``of_logits``, dy is the gradient of what went into the last activation.
        """
        last = self.final_activation
        try:
            if of_logits:
                last.bypassed = True
            self.backward(dy)
        finally:
            if of_logits:
                last.bypassed = False
        for weight in self.trainable_weights:
            if weight.regularizer is not None:
                weight.grad = weight.grad + weight.regularizer.gradient(weight.value)

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
        hooks.on_train_end(logs)
        return hooks.history

    def _run_epoch(self, batches, hooks, shuffle):
        order = self.generator.permutation(batches.samples) if shuffle else None
        report = self._new_report()
        for step, (x, y, weight) in enumerate(batches.iterate(order)):
            hooks.on_train_batch_begin(step)
            value, prediction = self.train_step(x, y, weight)
            logs = report.update(value, y, prediction, weight)
            hooks.on_train_batch_end(step, logs)
            if self.stop_training:
                break
        return report.logs()

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
        batches = data.Batches(
            held_out[0], held_out[1], *held_out[2:], batch_size=batch_size, dtype=self.dtype
        )
        report = self._new_report()
        hooks.on_test_begin()
        for step, (x, y, weight) in enumerate(batches.iterate()):
            hooks.on_test_batch_begin(step)
            value, prediction = self.test_step(x, y, weight)
            hooks.on_test_batch_end(step, report.update(value, y, prediction, weight))
        hooks.on_test_end(report.logs())
        return report.logs()

    def predict(self, x, batch_size=None, verbose="auto"):
        """Return the model's output for x (N, …), computed a batch at a time."""
        self._build_for(x)
        batches = data.Batches(x, batch_size=batch_size or 32, dtype=self.dtype)
        return np.concatenate([self(samples) for samples, _, _ in batches.iterate()])

    def train_on_batch(self, x, y, sample_weight=None, class_weight=None, return_dict=False):
        """Take one step on one batch; return its loss and metrics."""
        self._build_for(x)
        ((x, y, weight),) = data.Batches(x, y, sample_weight, class_weight, len(x), self.dtype).iterate()
        value, prediction = self.train_step(x, y, weight)
        logs = self._new_report().update(value, y, prediction, weight)
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
        plain, weighted = self._metric_names
        return ["loss", *(name if isinstance(name, str) else name.name for name in plain + weighted)]

    def _new_report(self) -> "_Report":
        return _Report(self)


class _Report:
    """Running means of the loss and the metrics over an epoch."""

    def __init__(self, model: Trainer) -> None:
        self.model = model
        self.loss = metrics.Mean("loss")
        for metric in self._metrics():
            metric.reset_state()

    def _metrics(self):
        return [metric for group in self.model._metrics or () for metric in group]

    def update(self, loss, y, prediction, sample_weight):
        """Take in a batch; return the means so far."""
        if self.model._metrics is None:
            # what "accuracy" means depends on the targets' form, so the metrics are made for the first batch
            self.model._metrics = tuple(
                [metrics.get(name, self.model.loss, prediction.shape) for name in names]
                for names in self.model._metric_names
            )
        self.loss.update_state([loss], sample_weight=[len(prediction)])
        plain, weighted = self.model._metrics
        for metric in plain:
            metric.update_state(y, prediction)
        for metric in weighted:
            metric.update_state(y, prediction, sample_weight=sample_weight)
        return self.logs()

    def logs(self):
        """Return {name: mean so far}."""
        values = [self.loss.result(), *(metric.result() for metric in self._metrics())]
        return dict(zip(self.model.metrics_names, map(_plain, values)))


def _plain(value):
    return float(value) if np.ndim(value) == 0 else value

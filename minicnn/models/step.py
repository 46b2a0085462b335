"""One batch: what a training step does, in the order in which it happens.

    prediction = forward(x)                      layer by layer, first to last
    loss = loss.forward(y, prediction) + regularisers
    backward(loss.backward())                    layer by layer, last to first: every parameter gets its .grad
    optimizer.apply(parameters)                  every parameter moves against its gradient

`TrainingStep.train_step` does this; put a breakpoint there. The loops over many batches are in trainer.py.
"""

import copy
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

import numpy as np

from minicnn import losses, optimizers
from minicnn._base import keras_errors
from minicnn.layers.base import Layer
from minicnn.metrics import Metric
from minicnn.models.compiled_metrics import CompiledMetrics
from minicnn.optimizers import Optimizer


class TrainingStep(Layer):
    """A model that is compiled: it can take one step on one batch."""

    final_activation: Any  # of the chain or graph that the model is
    optimizer: Any = None  # an Optimizer once the model is compiled
    loss: losses.Loss | None = None
    compiled_metrics: CompiledMetrics | None = None
    stop_training: bool = False
    _last_loss: Any = None  # of the last forward_loss: (the loss function, whether it looks at logits)

    @keras_errors.keras_arguments
    def compile(
        self,
        optimizer: str | Optimizer | dict[str, Any] = "rmsprop",
        loss: str | losses.Loss | dict[str, Any] | None = None,
        metrics: Iterable[Any] | None = None,
        weighted_metrics: Iterable[Any] | None = None,
    ) -> None:
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
        self.compiled_metrics = CompiledMetrics(self.loss, metrics or [], weighted_metrics or [])
        self.stop_training = False

    def check_compiled(self) -> CompiledMetrics:
        """Return the running means of loss and metrics.

        Raises:
            ValueError: the model is not compiled.
        """
        if self.loss is None or self.compiled_metrics is None:
            raise ValueError(
                f'{self.name} has no loss: call compile first, such as model.compile("adam", '
                '"sparse_categorical_crossentropy", metrics=["accuracy"])'
            )
        return self.compiled_metrics

    def __getattr__(self, name: str) -> Any:
        raise keras_errors.no_attribute("model", self, name)

    # ---- forward and loss -----------------------------------------------------------------------------------------

    def forward_loss(
        self, x: np.ndarray, y: Any, sample_weight: Any = None, training: bool = False
    ) -> tuple[Any, Any]:
        """Forward and loss, regularisers included. Returns (loss, prediction)."""
        prediction = self.forward(x, training)
        loss, scores = self._loss_of(prediction)
        self._last_loss = loss, scores is not prediction
        return loss.forward(y, scores, sample_weight) + self.penalty(), prediction

    def _loss_of(self, prediction: Any) -> tuple[Any, Any]:
        """Return (loss function, its input): for cross-entropy after a softmax, the logits before it.

        Softmax and cross-entropy in one have the gradient p − t, exact even where a probability underflows.
        """
        last = self.final_activation
        if self._loss_of_logits is None or getattr(last, "activation", None) != "softmax":
            return self.loss, prediction
        return self._loss_of_logits, last.logits

    def penalty(self) -> Any:
        """Return the sum of all regularisers' penalties."""
        return sum(w.regularizer(w.value) for w in self.trainable_weights if w.regularizer is not None)

    def test_step(self, x: np.ndarray, y: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        """Forward and loss, as in evaluation. Returns (loss, prediction)."""
        return self.forward_loss(x, y, sample_weight, training=False)

    # ---- backward and update --------------------------------------------------------------------------------------

    def train_step(self, x: np.ndarray, y: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        """One step on one batch: forward, loss, backward, update. Returns (loss, prediction)."""
        value, prediction = self.forward_loss(x, y, sample_weight, training=True)
        if np.isfinite(value):  # a step along a gradient of NaN would ruin every weight
            self.set_gradients()
            self.optimizer.apply(self.trainable_weights)
        return value, prediction

    def set_gradients(self, need_dx: bool = False) -> Any:
        """Set ``grad`` of every trainable parameter, for the last :meth:`forward_loss`; return dL/dx if needed."""
        loss, of_logits = self._last_loss
        self.needs_dx = need_dx  # training does not use the gradient of the images
        try:
            with self.final_activation.skipped() if of_logits else nullcontext():
                dx = self.backward(loss.backward())
        finally:
            self.needs_dx = True
        for weight in self.trainable_weights:
            if weight.regularizer is not None:
                weight.grad = weight.grad + weight.regularizer.gradient(weight.value)
        return dx

    # ---- what is reported -----------------------------------------------------------------------------------------

    @property
    def metrics_names(self) -> list[str]:
        """The names of what evaluate returns, in order."""
        return self.compiled_metrics.names if self.compiled_metrics else []

    @property
    def metrics(self) -> list[Metric]:
        """The loss's running mean and the metrics; these from the first batch on."""
        return self.compiled_metrics.metrics if self.compiled_metrics else []

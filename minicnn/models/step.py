"""One batch: what a training step does, in the order in which it happens.

    prediction = forward(x)                      layer by layer, first to last
    loss = loss.forward(y, prediction) + regularisers
    backward(loss.backward())                    layer by layer, last to first: every parameter gets its .grad
    optimizer.apply(parameters)                  every parameter moves against its gradient

`TrainingStep.train_step` does this; put a breakpoint there. The loops over many batches are in trainer.py.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn import activations, losses, ops, optimizers
from minicnn._base import keras_errors
from minicnn._base.messages import shown
from minicnn.distributed import DataParallel
from minicnn.layers.base import Layer
from minicnn.metrics import Metric
from minicnn.models import inference, own_layers, several_outputs
from minicnn.models.compiled_metrics import CompiledMetrics
from minicnn.models.logits import of_logits
from minicnn.models.whole_step import WholeStep
from minicnn.optimizers import Optimizer

Config = Mapping[str, Any]  # {"class_name": …, "config": …}
OptimizerLike = str | Optimizer | type[Optimizer] | Config
LossLike = str | losses.Loss | type[losses.Loss] | Callable[..., Any] | Config
MetricLike = str | Metric | type[Metric] | Callable[..., Any] | Config
# for several outputs: a list with one for each, or a dictionary by their names, as Config is one
LossesLike = LossLike | Sequence[LossLike | None]
MetricsLike = Iterable[MetricLike | Iterable[MetricLike] | None]


class TrainingStep(Layer):
    """A model that can take one training step on one batch, once it is compiled.

    Attributes:
        optimizer, loss: those of :meth:`compile`; None before it.
        compiled_metrics: the running means of loss and metrics; None before :meth:`compile`.
        stop_training: True ends the training after the current batch.
        skipped_steps: how many steps of this epoch were not taken, because a number in them was not finite;
            with train_on_batch: since compile.
        skip_reported: whether there was a warning of such a step.
        distribution: shares the batches of the ``fit`` that runs among processes; None: there is one process.
    """

    optimizer: Optimizer = None  # type: ignore[assignment]  # None until compile: a user reads it after that
    loss: losses.Loss | None = None
    compiled_metrics: CompiledMetrics | None = None
    stop_training: bool = False
    skipped_steps: int = 0
    skip_reported: bool = False
    distribution: DataParallel | None = None
    _passes_checked: frozenset[str] = frozenset()
    _plan: inference.Plan | None = None
    _last_loss: tuple[losses.Loss, bool]  # set by forward_loss: the loss function, whether it takes logits

    @keras_errors.keras_arguments
    def compile(
        self,
        optimizer: OptimizerLike = "rmsprop",
        loss: LossesLike | None = None,
        metrics: MetricsLike | None = None,
        weighted_metrics: MetricsLike | None = None,
        loss_weights: Sequence[float] | Mapping[str, float] | None = None,
    ) -> None:
        """Choose how to train.

        Args:
            optimizer: an optimizer or its name.
            loss: a loss or its name.
            metrics: metrics or names such as "accuracy"; all samples have the same weight.
            weighted_metrics: the same, weighted by sample and class weights.
            loss_weights: for several outputs the factors of their losses. Then this, loss and metrics are lists with
                an entry for each output, or {name of the output: entry}: see several_outputs.py.

        Raises:
            ValueError, TypeError: there is no such optimizer, loss or metric.
            NotImplementedError: Keras has it, minicnn has not.
        """
        self.skip_reported = False
        self.stop_training, self.skipped_steps, self._passes_checked = False, 0, frozenset()
        names = self.output_names
        if len(names) > 1:
            self.optimizer, self.loss, self.compiled_metrics = optimizers.get(optimizer), None, None
            if loss is not None:
                self.loss = of_all = several_outputs.LossOfOutputs(loss, loss_weights, names)
                self.compiled_metrics = several_outputs.MetricsOfOutputs(of_all, metrics, weighted_metrics)
            return
        if _only(self._by_name(loss_weights)) not in (None, 1):
            raise NotImplementedError(
                f"compile: loss_weights={shown(loss_weights)} with one output is Keras's, but not in minicnn. Nearest: "
                "a learning rate times the weight; class_weight or sample_weight in fit"
            )
        loss = _only(self._by_name(loss))
        plain, weighted = (self._metrics_of_one(given) or [] for given in (metrics, weighted_metrics))
        self.optimizer = optimizers.get(optimizer)
        self.loss = None if loss is None else losses.get(loss)
        self.compiled_metrics = CompiledMetrics(self.loss, plain, weighted)

    def _metrics_of_one(self, given: Any) -> Any:
        """Return the metrics of the one output: given as for several outputs, in a list or by its name, or alone."""
        value = self._by_name(given)
        if isinstance(value, str) and value is not given:  # {name of the output: "accuracy"}
            return [value]
        return _only(value) if isinstance(_only(value), list | tuple) else value

    def _by_name(self, given: Any) -> Any:
        """Return the value of {name of the output's layer: value}; anything else as it is."""
        if not isinstance(given, Mapping) or len(given) != 1 or "class_name" in given:
            return given
        ((name, value),) = given.items()
        if vars(self).get("outputs") and name != self.output_names[0]:
            raise ValueError(f"{self.name} has no output {name!r}: its output is {self.output_names[0]!r}")
        return value

    @property
    def output_names(self) -> list[str]:
        """The names of the layers whose outputs are the model's; a model that is not built has one output."""
        return [symbol.name for symbol in vars(self).get("outputs", [])] or [self.name]

    def arranged(self, x: Any, y: Any = None, sample_weight: Any = None) -> tuple[Any, Any, Any]:
        """Return samples, targets and weights as they are; of several inputs or outputs as Parts: a batch has a part
        of each.
        """
        if self.multiple_inputs:
            x = several_outputs.parts(x, [symbol.name for symbol in vars(self)["inputs"]], "x")
        names = self.output_names
        if len(names) == 1:
            return x, self._by_name(y), sample_weight
        if y is not None:
            y = several_outputs.parts(y, names, "y")
        if isinstance(sample_weight, list | tuple | Mapping):
            sample_weight = several_outputs.parts(sample_weight, names, "sample_weight")
        return x, y, sample_weight

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
        if not isinstance(self.loss, losses.Loss):
            raise ValueError(f"{self.name}.loss={shown(self.loss)}: expected a Loss; call compile with it")
        return self.compiled_metrics

    if not TYPE_CHECKING:  # a type checker reports unknown names itself

        def __getattr__(self, name: str) -> Any:
            raise keras_errors.no_attribute("model", self, name)

    # ---- forward and loss ----------------------------------------------------------------------------------

    def forward_loss(
        self, x: np.ndarray, y: Any, sample_weight: Any = None, training: bool = False
    ) -> tuple[Any, Any]:
        """Forward and loss, with the regularisers' penalties. Returns (loss, prediction)."""

        def run(logits: bool) -> Any:
            if self.distribution is not None and training:
                return self.distribution.forward(x, len(y), logits)
            return (self.pre_activation_forward if logits else self.forward)(x, training)

        return self._loss_of(run, y, sample_weight)

    def _loss_of(self, run: Callable[[bool], Any], y: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Return (loss, prediction); ``run`` gives the output, or with True that without its last function."""
        function: Any = self.last_function
        loss: Any = of_logits(self.loss, function)
        if loss is None:
            loss = self.loss
            scores = prediction = run(False)
        else:  # softmax and cross-entropy in one: p − t, exact even where a probability is rounded to 0 or 1
            scores = run(True)
            prediction = activations.get(function)(scores)
        self._last_loss = loss, loss is not self.loss
        return loss.forward(y, scores, sample_weight) + self.penalty(), prediction

    def penalty(self) -> Any:
        """Return the sum of all regularisers' penalties."""
        return sum(w.regularizer(w.value) for w in self.trainable_weights if w.regularizer is not None)

    @ops.in_turn
    def test_step(self, x: np.ndarray, y: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        """Forward and loss, as in evaluation. Returns (loss, prediction)."""
        with self.first_pass_checked("forward"):
            if type(self).forward_loss is not TrainingStep.forward_loss:
                return self.forward_loss(x, y, sample_weight, training=False)
            return self._loss_of(lambda logits: self.infer(x, logits), y, sample_weight)

    @ops.in_turn
    def validation_step(self, x: np.ndarray, y: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        """:meth:`test_step` of a validation in fit, which processes share as they share a training step."""
        share = self.distribution
        if share is None:
            return self.test_step(x, y, sample_weight)
        return self._loss_of(lambda logits: share.infer(x, len(y), logits), y, sample_weight)

    @ops.in_turn
    def infer(self, x: Any, logits: bool = False) -> Any:
        """Return the output for x (N, …), as :meth:`forward`, but no layer can run its backward pass after it.

        With ``logits`` the model's last function is left out. See inference.py.
        """
        if inference.usable(self, x):
            self._plan = self._plan or inference.Plan()
            return self._plan.run(self, x, logits)
        return (self.pre_activation_forward if logits else self.forward)(x, False)

    # ---- backward and update -------------------------------------------------------------------------------

    @ops.in_turn
    def train_step(self, x: np.ndarray, y: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        """One step on one batch: forward, loss, backward, update. Returns (loss, prediction).

        A step is whole or not at all: if the loss, a moving statistic, a gradient or a new weight is not
        finite, weights, moving statistics, the optimizer's state and averages are what they were, and
        ``skipped_steps`` counts it. Only random generators have gone on.
        """
        if not self.trainable_weights:
            fix = "add a layer that has some, such as Dense(7)"
            if self.weights:
                fix = f"{self.name}.trainable = True before it is trained, and perhaps False again after it"
            raise ValueError(f"{self.name} has no weights to train: {fix}")
        with self.first_pass_checked("backward"), WholeStep(self) as step:
            value, prediction = self.forward_loss(x, y, sample_weight, training=True)
            if step.is_finite(value):
                self.set_gradients()
                step.taken = self.optimizer.apply_if_finite(self.trainable_weights)
        self.skipped_steps += not step.taken
        return value, prediction

    @contextmanager
    def first_pass_checked(self, which: str) -> Iterator[None]:
        """In this context, layers of one's own are checked, the first time: see own_layers.py."""
        if which in self._passes_checked:
            yield
            return
        with own_layers.checked(self):
            yield
        self._passes_checked |= {which, "forward"}

    def set_gradients(self, need_dx: bool = False) -> Any:
        """Set ``grad`` of all trainable parameters for the last :meth:`forward_loss`; return dL/dx or None."""
        loss, takes_logits = self._last_loss
        if self.distribution is not None:
            self.distribution.backward(loss.backward(), takes_logits)
            self._add_penalties()
            return None
        self.needs_dx = need_dx  # training does not need the gradient of the images
        try:
            dx = (self.pre_activation_backward if takes_logits else self.backward)(loss.backward())
        finally:
            self.needs_dx = True
        self._add_penalties()
        return dx

    def _add_penalties(self) -> None:
        """Add the regularizers' part to the gradients."""
        for weight in self.trainable_weights:
            if weight.regularizer is not None:
                weight.grad = weight.grad + weight.regularizer.gradient(weight.value)

    # ---- what is reported ----------------------------------------------------------------------------------

    @property
    def metrics_names(self) -> list[str]:
        """The names of what evaluate returns, in order."""
        return self.compiled_metrics.names if self.compiled_metrics else []

    @property
    def metrics(self) -> list[Metric]:
        """The running mean of the loss and the metrics; the latter exist after the first batch."""
        return self.compiled_metrics.metrics if self.compiled_metrics else []


def _only(given: Any) -> Any:
    """Return the one entry of a list of one; anything else as it is."""
    return given[0] if isinstance(given, list | tuple) and len(given) == 1 else given

"""Training a model with several outputs: a loss and metrics for each.

    L = Σₖ wₖ·Lₖ(yₖ, ŷₖ)          so          dL/dŷₖ = wₖ · dLₖ/dŷₖ

The model's backward pass takes these gradients as a list; where the outputs have layers in common, it adds what
comes back from them (layers/graph.py). As in Keras, the results are "loss", the L; for each output "NAME_loss",
its Lₖ without the weight; and "NAME_METRIC". NAME is that of the output's layer.

Each Lₖ is computed from what its output gives. A model with one output does better after a softmax or a sigmoid:
logits.py.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minicnn import losses, metrics
from minicnn._base.messages import shown
from minicnn.models.compiled_metrics import CompiledMetrics
from minicnn.models.data import Parts


def by_output(given: Any, names: Sequence[str], argument: str) -> list[Any]:
    """Return a list with the value of each output; for the argument "x" of each input.

    Args:
        given: a list of as many values, a dictionary {name of an output: value}, or None.
        names: of the outputs.
        argument: what is given, in errors.

    Raises:
        ValueError: it is something else.
    """
    if given is None:
        return [None] * len(names)
    if isinstance(given, Mapping) and set(given) <= set(names):
        return [given.get(name) for name in names]
    if isinstance(given, list | tuple) and len(given) == len(names):
        return list(given)
    end = "input" if argument == "x" else "output"
    raise ValueError(
        f"{argument}={shown(given)}: expected a list of {len(names)}, one for each {end}, or a dictionary with the "
        f"{end}s' names, {', '.join(map(repr, names))}"
    )


def parts(given: Any, names: Sequence[str], argument: str) -> Parts:
    """Return samples, targets or sample weights, a list or {name of an end: array}, as Parts.

    Raises:
        ValueError: there is not one for each output or input, or their lengths differ.
    """
    if isinstance(given, Parts):
        return given
    arrays = by_output(given, names, argument)
    if argument == "x" and any(each is None for each in arrays):
        raise ValueError(f"x: expected an array for each input, {', '.join(map(repr, names))}")
    return Parts(arrays, argument)


class LossOfOutputs(losses.Loss):
    """The weighted sum of the outputs' losses.

    Args:
        losses: one for each output, or None for an output without; or one for all; a list or {name: loss}.
        loss_weights: numbers, in the same forms; 1 by default.
        names: of the outputs.

    Raises:
        ValueError: there is not one for each output, or there is no loss at all.
    """

    def __init__(self, losses_: Any, loss_weights: Any, names: Sequence[str]) -> None:
        super().__init__(name="loss")
        if (
            isinstance(losses_, Mapping)
            and "class_name" in losses_
            and losses_["class_name"] == "LossOfOutputs"
        ):
            losses_, loss_weights = (losses_["config"][key] for key in ("losses", "loss_weights"))
        one = not isinstance(losses_, list | tuple | Mapping) or "class_name" in losses_
        given = [losses_] * len(names) if one else by_output(losses_, names, "loss")
        self.names = list(names)
        self.each = [None if each is None else copy.copy(losses.get(each)) for each in given]
        if not any(self.each):
            raise ValueError(f"loss={shown(losses_)}: expected a loss for one output at least")
        weights = by_output(loss_weights, names, "loss_weights")
        self.weights = [1.0 if weight is None else float(weight) for weight in weights]

    def get_config(self) -> dict[str, Any]:
        """Return the losses and their weights."""
        return {"losses": self.each, "loss_weights": self.weights}

    def forward(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> np.ndarray:
        """Return Σ wₖ·Lₖ; the arguments are lists, or Parts; ``sample_weight`` may be one array for all."""
        self._shapes = y_pred
        total: Any = 0
        targets, weights = self._parts(y_true, sample_weight)
        for loss, factor, y, prediction, weight in zip(self.each, self.weights, targets, y_pred, weights):
            if loss is not None:
                total = total + factor * loss.forward(y, prediction, weight)
        return np.asarray(total)

    def backward(self) -> Any:
        """Return the list of wₖ·dLₖ/dŷₖ."""
        return [
            np.zeros_like(prediction) if loss is None else prediction.dtype.type(factor) * loss.backward()
            for loss, factor, prediction in zip(self.each, self.weights, self._shapes)
        ]

    def _parts(self, y_true: Any, sample_weight: Any) -> tuple[list[Any], list[Any]]:
        targets = parts(y_true, self.names, "y").arrays
        for name, loss, target in zip(self.names, self.each, targets):
            if loss is not None and target is None:
                raise ValueError(f"y: the output {name!r} has a loss and no targets")
        of_all = sample_weight is None or isinstance(sample_weight, np.ndarray)
        if of_all:
            return targets, [sample_weight] * len(targets)
        return targets, parts(sample_weight, self.names, "sample_weight").arrays

    def values(self, y_true: Any, y_pred: Any, sample_weight: Any) -> list[tuple[Any, ...]]:
        """Return (Lₖ or 0, yₖ, ŷₖ, weights) for each output; no gradient follows."""
        targets, weights = self._parts(y_true, sample_weight)
        return [
            (0.0 if loss is None else copy.copy(loss).forward(y, prediction, weight), y, prediction, weight)
            for loss, y, prediction, weight in zip(self.each, targets, y_pred, weights)
        ]


class MetricsOfOutputs(CompiledMetrics):
    """The running means of the loss and the outputs' losses and metrics.

    Args:
        loss: the model's loss.
        plain, weighted: for each output a metric, a list of them or None; a list or {name: metrics}.
    """

    def __init__(self, loss: LossOfOutputs, plain: Any, weighted: Any) -> None:
        super().__init__(loss, (), ())
        self._sum = loss
        groups = [
            [_as_list(each) for each in by_output(given or None, loss.names, argument)]
            for given, argument in ((plain, "metrics"), (weighted, "weighted_metrics"))
        ]
        self._outputs = [CompiledMetrics(each, *both) for each, *both in zip(loss.each, *groups)]
        given: list[Any] = [[output.given[which] for output in self._outputs] for which in (0, 1)]
        self.given = tuple(each if any(each) else [] for each in given)

    @property
    def names(self) -> list[str]:
        """ "loss", the outputs' losses, their metrics, and their weighted metrics."""
        of_losses = [f"{name}_loss" for name, loss in zip(self._sum.names, self._sum.each) if loss]
        plain, weighted = [], []
        for name, output in zip(self._sum.names, self._outputs):
            own, cut = [f"{name}_{each}" for each in output.names[1:]], len(output.given[0])
            plain += own[:cut]
            weighted += own[cut:]
        return ["loss", *(of_losses if len(of_losses) > 1 else []), *plain, *weighted]

    @property
    def metrics(self) -> list[metrics.Metric]:
        """The means and metrics, in the order of ``names``; those given by name exist after the first batch."""
        outputs = [output.metrics for output in self._outputs]
        of_losses = [means[0] for means, loss in zip(outputs, self._sum.each) if loss]
        cuts = [min(1 + len(output.given[0]), len(means)) for output, means in zip(self._outputs, outputs)]
        plain = [each for means, cut in zip(outputs, cuts) for each in means[1:cut]]
        weighted = [each for means, cut in zip(outputs, cuts) for each in means[cut:]]
        return [self._mean_loss, *(of_losses if len(of_losses) > 1 else []), *plain, *weighted]

    def copy(self) -> "MetricsOfOutputs":
        """Return equal metrics with sums of their own."""
        other: Any = super().copy()
        other._outputs = [output.copy() for output in self._outputs]
        return other

    def update(self, loss: Any, y: Any, prediction: Any, sample_weight: Any) -> dict[str, Any]:
        """Add a batch; return the means so far."""
        self._mean_loss.update_state([loss], sample_weight=[len(prediction[0])])
        for output, values in zip(self._outputs, self._sum.values(y, prediction, sample_weight)):
            output.update(*values)
        return self.logs()

    def get_state(self) -> list[dict[str, Any]]:
        """Return the sums over the batches so far."""
        return [*super().get_state()[:1], *(each for output in self._outputs for each in output.get_state())]

    def set_state(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Continue from what :meth:`get_state` of equal metrics returned.

        Raises:
            ValueError: it is the state of other metrics.
        """
        lengths = [1 + len(output.given[0]) + len(output.given[1]) for output in self._outputs]
        if len(state) != 1 + sum(lengths):
            raise ValueError(f"the saved results are not those of {self.names}")
        self._mean_loss.set_state(state[0]["sums"])
        rest = iter(state[1:])
        for output, length in zip(self._outputs, lengths):
            output.set_state([next(rest) for _ in range(length)])


def _as_list(given: Any) -> list[Any]:
    return [] if given is None else list(given) if isinstance(given, list | tuple) else [given]

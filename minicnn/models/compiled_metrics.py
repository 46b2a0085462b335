"""The running means of the loss and the metrics over an epoch, which `fit` and `evaluate` report."""

import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minicnn import metrics
from minicnn._base.messages import shown
from minicnn.losses import Loss


class CompiledMetrics:
    """The loss and the metrics of a compiled model.

    Args:
        loss: the model's loss; the meaning of "accuracy" depends on it.
        plain: metrics, or their names; all samples have the same weight.
        weighted: the same, weighted by the samples' weights.

    Attributes:
        given: (plain, weighted), the metrics as objects or as names.
    """

    def __init__(self, loss: Loss | None, plain: Iterable[Any], weighted: Iterable[Any]) -> None:
        for group in (plain, weighted):
            if isinstance(group, str) or not isinstance(group, Iterable):
                raise ValueError(f'metrics={group!r}: expected a list, such as ["accuracy"]')
        self._loss, self._mean_loss = loss, metrics.Mean("loss")
        # a name becomes a metric with the first batch: "accuracy" depends on the shape of the targets
        self.given = tuple(
            [metric if isinstance(metric, str) else metrics.get(metric) for metric in group]
            for group in (plain, weighted)
        )
        self._groups: tuple[list[metrics.Metric], ...] = ([], [])
        self._free = [True]  # who takes the entry may use these sums; to take it is one step for all threads

    @property
    def names(self) -> list[str]:
        """ "loss" and the metrics' names, in order; as in Keras, a second f1 is "weighted_f1" or "f1_1"."""
        names = ["loss"]
        for group, prefix in zip(self.given, ("", "weighted_")):
            for metric in group:
                name = metric if isinstance(metric, str) else metric.name
                if name in names:
                    name = prefix + name
                copies = (f"{name}_{number}" for number in itertools.count(1))
                names.append(
                    name if name not in names else next(copy for copy in copies if copy not in names)
                )
        return names

    @property
    def metrics(self) -> list[metrics.Metric]:
        """The loss's mean and the metrics, in order; names become metrics with the first batch."""
        return [self._mean_loss, *self._groups[0], *self._groups[1]]

    @contextmanager
    def used(self) -> Iterator["CompiledMetrics"]:
        """Give an epoch or an evaluation its sums, at 0: these, or a copy while another one uses these.

        So an evaluation in a callback, or in another thread, does not touch the sums of the epoch that runs.
        """
        try:
            free, results = self._free.pop(), self
        except IndexError:
            free, results = False, self.copy()
        try:
            for metric in results.metrics:
                metric.reset_state()
            yield results
        finally:
            if free:
                self._free.append(True)

    def copy(self) -> "CompiledMetrics":
        """Return equal metrics with sums of their own.

        Raises:
            TypeError: a metric cannot be copied.
        """
        other = copy.copy(self)
        other._free = [True]
        parts = self._mean_loss, self.given, self._groups
        try:
            other._mean_loss, other.given, other._groups = copy.deepcopy(parts)
        except Exception as error:
            raise TypeError(
                f"metrics {self.names[1:]}: an evaluation while another one runs needs copies of them, and one "
                f"cannot be copied ({error}): keep in it only what copy.deepcopy can copy"
            ) from error
        return other

    def __deepcopy__(self, memo: Any) -> "CompiledMetrics":
        return self.copy()

    def update(self, loss: Any, y: Any, prediction: np.ndarray, sample_weight: Any) -> dict[str, Any]:
        """Add a batch; return the means so far."""
        if not any(self._groups):
            self._groups = tuple(
                [metrics.get(metric, self._loss, prediction.shape, np.shape(y)) for metric in group]
                for group in self.given
            )
        self._mean_loss.update_state([loss], sample_weight=[len(prediction)])
        plain, weighted = self._groups
        for metric in plain:
            metric.update_state(y, prediction)
        for metric in weighted:
            metric.update_state(y, prediction, sample_weight=sample_weight)
        return self.logs()

    def get_state(self) -> list[dict[str, Any]]:
        """Return the sums over the batches so far, and the metrics that were given as names."""
        given = [self._mean_loss, *self.given[0], *self.given[1]]
        return [
            {
                "sums": copy.deepcopy(metric.get_state()),  # a metric may go on in the same arrays
                "metric": metrics.serialize(metric) if isinstance(original, str) else None,
            }
            for original, metric in zip(given, self.metrics)
        ]

    def set_state(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Continue from what :meth:`get_state` of equal metrics returned.

        Raises:
            ValueError: it is the state of other metrics.
        """
        given = [*self.given[0], *self.given[1]]
        by_name = [isinstance(one, str) for one in given]
        # before the first batch, names have no metrics yet
        if len(state) > 1 and [bool(one["metric"]) for one in state[1:]] != by_name:
            raise ValueError(f"the saved results are not those of the metrics {shown(given)}")
        saved = iter(state[1:])
        self._groups = tuple(
            [metrics.get(one["metric"] or original) for original, one in zip(group, saved)]
            for group in self.given
        )
        for metric, one in zip(self.metrics, state):
            metric.set_state(copy.deepcopy(one["sums"]))

    def logs(self) -> dict[str, Any]:
        """Return {name: mean so far}; a result that is one number as a float, an array as a copy."""
        return {name: _reported(metric.result()) for name, metric in zip(self.names, self.metrics)}


def _reported(result: Any) -> Any:
    if np.ndim(result) == 0:
        return float(result)
    return np.array(result) if isinstance(result, np.ndarray) else result

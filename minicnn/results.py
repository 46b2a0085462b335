"""The running means of the loss and the metrics over an epoch, which `fit` and `evaluate` report."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minicnn import metrics
from minicnn.losses import Loss


class Results:
    """The loss and the metrics of a compiled model.

    Args:
        loss: the model's loss, which helps to tell what "accuracy" means.
        plain: metrics, or their names, over all samples alike.
        weighted: the same, weighted by the samples' weights.
    """

    def __init__(self, loss: Loss | None, plain: Iterable[Any], weighted: Iterable[Any]) -> None:
        self._loss, self._mean_loss = loss, metrics.Mean("loss")
        # a name stays a name until the first batch: what "accuracy" means depends on the targets' form
        self.chosen = tuple(
            [choice if isinstance(choice, str) else metrics.get(choice) for choice in group]
            for group in (plain, weighted)
        )
        self._groups: tuple[list[metrics.Metric], ...] = ([], [])

    @property
    def names(self) -> list[str]:
        """ "loss" and the names of the metrics, in order."""
        return ["loss", *(c if isinstance(c, str) else c.name for group in self.chosen for c in group)]

    @property
    def metrics(self) -> list[metrics.Metric]:
        """The loss's mean and the metrics, in order; names become metrics with the first batch."""
        return [self._mean_loss, *self._groups[0], *self._groups[1]]

    def restart(self) -> "Results":
        """Forget all batches; return self."""
        for metric in self.metrics:
            metric.reset_state()
        return self

    def update(self, loss: Any, y: Any, prediction: np.ndarray, sample_weight: Any) -> dict[str, Any]:
        """Take in a batch; return the means so far."""
        if not any(self._groups):
            self._groups = tuple(
                [metrics.get(choice, self._loss, prediction.shape, np.shape(y)) for choice in group]
                for group in self.chosen
            )
        self._mean_loss.update_state([loss], sample_weight=[len(prediction)])
        plain, weighted = self._groups
        for metric in plain:
            metric.update_state(y, prediction)
        for metric in weighted:
            metric.update_state(y, prediction, sample_weight=sample_weight)
        return self.logs()

    def logs(self) -> dict[str, Any]:
        """Return {name: mean so far}; a result that is one number as a float."""
        results = [metric.result() for metric in self.metrics]
        return {
            name: float(value) if np.ndim(value) == 0 else value for name, value in zip(self.names, results)
        }

"""What a metric is: an object that gets one batch after another and gives the result of all of them.

    metric.reset_state()                                   # an epoch begins
    metric.update_state(y_true, y_pred, sample_weight)     # a batch
    metric.result()

A metric sums over samples, not over batches: a last, smaller batch has less weight, and the result is that of
the whole epoch. Sums are kept in float64. Where nothing was counted, 0/0 is 0.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minicnn._base import keras_errors
from minicnn._base.names import snake_case, unique_name
from minicnn._base.registry import Configured


class Metric(Configured):
    """Base class. Your own metric defines :meth:`reset_state`, :meth:`update_state` and :meth:`result`.

    Args:
        name: what the result is called; by default the class's name in snake_case, numbered from the second
            on.
        dtype: as in Keras; it changes nothing, sums are in float64.
        unknown: other arguments, for the error message: minicnn._base.keras_errors.

    Attributes:
        direction: "up" if larger is better, "down" if smaller; for callbacks with mode="auto".
    """

    direction = "up"

    def __init__(self, name: str | None = None, dtype: Any = None, **unknown: Any) -> None:
        keras_errors.check_arguments("metric", type(self), unknown)
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.reset_state()

    def reset_state(self) -> None:
        """Start again, without batches."""
        raise NotImplementedError(f"{type(self).__name__}.reset_state")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: targets, predictions, and (N,) weights of the samples, 1 by default."""
        raise NotImplementedError(f"{type(self).__name__}.update_state")

    def result(self) -> Any:
        """Return the metric over all batches since the last reset: a float, or one for each class."""
        raise NotImplementedError(f"{type(self).__name__}.result")

    def get_state(self) -> dict[str, Any]:
        """Return the sums over the batches so far: every attribute that is a number or an array."""
        numbers = (int, float, np.number, np.ndarray)
        return {name: value for name, value in vars(self).items() if isinstance(value, numbers)}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`get_state` returned."""
        vars(self).update(state)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON-able values."""
        return {"name": self.name}


class Mean(Metric):
    """The weighted mean of values; those of more than one axis (N, …) are averaged over each sample first."""

    direction = "down"

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def reset_state(self) -> None:
        """Start again, without batches."""
        self.total = self.count = 0.0

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add values, (N, …) or a single one, and their weights (N,)."""
        values = np.atleast_1d(np.asarray(values, np.float64))
        samples = values.reshape(len(values), -1).mean(axis=1) if values.size else values.reshape(-1)
        weights = as_weights(sample_weight, len(samples))
        self.total += float(np.sum(samples * weights))
        self.count += float(np.sum(weights))

    def result(self) -> float:
        """Return the mean so far."""
        return ratio(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean of ``fn(y_true, y_pred, **arguments)``, which gives one value for each sample."""

    direction = "up"

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **arguments: Any
    ) -> None:
        super().__init__(name or str(getattr(fn, "__name__", type(fn).__name__)), dtype)
        self._fn, self._arguments = fn, arguments

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add a batch."""
        super().update_state(
            self._fn(np.asarray(y_true), np.asarray(y_pred), **self._arguments), sample_weight
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; of the wrapper itself there are none that JSON can hold."""
        if type(self) is MeanMetricWrapper:
            raise ValueError(f"metric {self.name!r}: a function cannot be saved; use a subclass of Metric")
        return super().get_config() | self._arguments


def as_weights(sample_weight: Any, samples: int) -> np.ndarray:
    """Return the weights of the samples, (N,), in float64: all 1 for None.

    Raises:
        ValueError: there is not one for each sample.
    """
    if sample_weight is None:
        return np.ones(samples)
    weights = np.asarray(sample_weight, np.float64).reshape(-1)
    if len(weights) != samples:
        raise ValueError(
            f"sample_weight of shape {np.shape(sample_weight)}: expected ({samples},), one a sample"
        )
    return weights


def ratio(part: Any, whole: Any) -> Any:
    """Return part / whole, and 0 where whole is 0: floats for floats, arrays for arrays."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    result = np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole != 0)
    return float(result) if result.ndim == 0 else result

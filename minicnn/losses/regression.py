"""Losses of numbers: the mean over the last axis, (N, …, K) -> (N, …), of something of the error e = p − t.

                                                                dℓ/dp
mean squared error   e²                                         2·e / K
mean absolute error  |e|                                        sign(e) / K; 0 at e = 0
Huber                e²/2; δ·|e| − δ²/2 where |e| > δ           clip(e, −δ, δ) / K
"""

from typing import Any

import numpy as np

from minicnn.losses.base import Loss, each_entry, from_zero, row_means


class MeanSquaredError(Loss):
    """(p − t)², the mean over the last axis, as in Keras: (N, …, K) -> (N, …)."""

    def __init__(
        self, reduction: str = "sum_over_batch_size", name: str | None = "mean_squared_error", **others: Any
    ) -> None:
        super().__init__(reduction, name, **others)

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the mean squared error of each row of entries."""
        error = y_pred - y_true
        return row_means(error * error), error

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dy_pred."""
        return 2 * cache * each_entry(dlosses, cache)


class MeanAbsoluteError(Loss):
    """|p − t|, the mean over the last axis, as in Keras: (N, …, K) -> (N, …); at p = t the slope is 0."""

    def __init__(
        self, reduction: str = "sum_over_batch_size", name: str | None = "mean_absolute_error", **others: Any
    ) -> None:
        super().__init__(reduction, name, **others)

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the mean absolute error of each row of entries."""
        error = y_pred - y_true
        sign = np.sign(error.real)
        return row_means(error * sign), sign

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dy_pred."""
        return cache * each_entry(dlosses, cache)


class Huber(Loss):
    """(p − t)²/2 near the target, δ·|p − t| − δ²/2 from a distance of δ on; the mean over the last axis.

    Its slope is never longer than δ, so that single targets that are far off do not decide a step.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str = "sum_over_batch_size",
        name: str | None = "huber_loss",
        **others: Any,
    ) -> None:
        super().__init__(reduction, name, **others)
        self.delta = from_zero("delta", delta)

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the mean of each row of entries."""
        error, delta = y_pred - y_true, np.asarray(self.delta, y_true.dtype)
        slope = np.where(np.abs(error.real) <= delta, error, delta * np.sign(error.real))
        return row_means(slope * (error - slope / 2)), slope  # e·(e − e/2), or ±δ·(e ∓ δ/2)

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dy_pred."""
        return cache * each_entry(dlosses, cache)

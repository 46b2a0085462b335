"""What all losses share: the weights of samples, the mean, and a logarithm that stays finite.

L = Σ wₙ·ℓₙ / N          so          dL/dŷₙ = (wₙ / N) · dℓₙ/dŷₙ          (see the package for w and N)
"""

import math
from typing import Any

import numpy as np

from minicnn import backend
from minicnn._base import keras_errors
from minicnn._base.registry import Configured

EPSILON = backend.epsilon()  # Keras's: a probability that is exactly 0 counts as this; log stays finite
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight")


def log_of(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return log p and its slope 1/p, for probabilities p; both are finite.

    0, and what is too small for a normal number (1e-38 in float32), counts as EPSILON. What is outside
    [0, 1] counts as the nearer of EPSILON and 1, with slope 0.
    """
    inside, zero = (p.real >= np.finfo(p.dtype).tiny) & (p.real <= 1), (p.real < np.finfo(p.dtype).tiny)
    kept = np.where(inside, p, np.where(zero, EPSILON, 1)).astype(p.dtype)
    return np.log(kept), np.where(inside | (zero & (p.real >= 0)), 1 / kept, 0)


class Loss(Configured):
    """Base class. Your own loss defines :meth:`losses` and :meth:`gradient`.

    Args:
        reduction: "sum_over_batch_size" (or "mean", the same), "sum" or "mean_with_sample_weight".
        name: its name in reports.
        unknown: other arguments, for the error message: minicnn._base.keras_errors.
    """

    sparse = False  # whether targets are class numbers

    def __init__(
        self, reduction: str = "sum_over_batch_size", name: str | None = None, **unknown: Any
    ) -> None:
        keras_errors.check_arguments("loss", type(self), unknown)
        if reduction in (None, "none"):
            raise NotImplementedError(
                f"reduction={reduction!r} is not in minicnn: a step needs one number. Nearest: "
                "losses.categorical_crossentropy(y_true, y_pred) and the like, which give one a sample"
            )
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction={reduction!r}: expected one of {', '.join(REDUCTIONS)}")
        self.reduction = reduction
        self.name = name or type(self).__name__

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return each sample's loss (N,), or (N, …) for maps, and a cache for :meth:`gradient`."""
        raise NotImplementedError

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Given dL/dℓ, of the losses' shape, return dL/dy_pred, of y_pred's shape."""
        raise NotImplementedError

    def targets(self, y_true: Any, y_pred: np.ndarray) -> np.ndarray:
        """Return the targets in y_pred's shape and dtype.

        Raises:
            ValueError: they do not fit the predictions.
        """
        y_true = np.asarray(y_true)
        if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
            y_true = y_true[..., None]
        if y_true.shape != y_pred.shape:
            hint = ": for class numbers use sparse_categorical_crossentropy, or utils.to_categorical"
            hint = hint if y_true.size == len(y_pred) else ""
            raise ValueError(f"{self.name}: y_true has shape {y_true.shape}, but y_pred {y_pred.shape}{hint}")
        return y_true.astype(y_pred.real.dtype, copy=False)

    def forward(self, y_true: Any, y_pred: np.ndarray, sample_weight: Any = None) -> np.ndarray:
        """Return the batch's loss, a scalar, and keep what :meth:`backward` needs.

        Args:
            y_true: targets.
            y_pred: predictions.
            sample_weight: one a sample, (N,) or (N, 1); or, as in Keras, what broadcasts with the losses: a
                number, or one for each pixel of a map.

        Raises:
            ValueError: the targets or the weights do not fit.
        """
        targets = self.targets(y_true, y_pred)
        losses, cache = self.losses(targets, y_pred)  # (N,), or (N, …) for maps
        weights = self._gradient_of_losses(losses, sample_weight, targets.dtype)
        self._cache = weights, cache
        return np.sum(weights * losses)

    def _gradient_of_losses(self, losses: np.ndarray, sample_weight: Any, dtype: Any) -> np.ndarray:
        """Return dL/dℓ, of the losses' shape: the weights, divided as ``reduction`` says."""
        weights = np.asarray(1 if sample_weight is None else sample_weight, dtype)
        if weights.ndim == losses.ndim + 1 and weights.shape[-1] == 1:
            weights = weights[..., 0]
        if weights.shape == losses.shape[:1]:  # one a sample
            weights = weights.reshape(-1, *[1] * (losses.ndim - 1))
        try:
            shape = np.broadcast_shapes(losses.shape, weights.shape)
        except ValueError:
            raise ValueError(
                f"sample_weight has {weights.size} entries, expected {len(losses)}, one a sample: its shape "
                f"{weights.shape} does not broadcast with the losses' {losses.shape}"
            ) from None
        divisor: Any = 1
        if self.reduction == "mean_with_sample_weight" and sample_weight is not None:
            divisor = weights.sum() or 1  # all weights 0: the loss is 0
        elif self.reduction != "sum":
            divisor = np.asarray(math.prod(shape), dtype)
        # a loss that meets several weights has their sum
        dlosses = np.broadcast_to(weights / divisor, shape)
        dlosses = dlosses.sum(axis=tuple(range(len(shape) - losses.ndim)))
        repeated = tuple(axis for axis, length in enumerate(losses.shape) if length < dlosses.shape[axis])
        return dlosses.sum(axis=repeated).reshape(losses.shape)

    def backward(self) -> np.ndarray:
        """Return dL/dy_pred of the last :meth:`forward`."""
        return self.gradient(*self._cache)

    __call__ = forward

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, for saving."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


def from_zero(name: str, value: float) -> float:
    """Return a number from 0 that is finite.

    Raises:
        ValueError: it is another one.
    """
    if not 0 <= value < math.inf:
        raise ValueError(f"{name}={value!r}: expected a number from 0")
    return value


def row_means(entries: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis, (N, …, K) -> (N, …); numbers (N,) are N samples."""
    return entries.mean(-1) if entries.ndim > 1 else entries


def each_entry(dlosses: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """Return dL/dℓ divided by the number of entries in the mean ℓ, in a shape to multiply them with."""
    if entries.ndim == 1:
        return dlosses
    return (dlosses / np.asarray(entries.shape[-1], dlosses.dtype))[..., None]

"""Focal losses: a cross-entropy in which entries that are right and sure of it hardly count.

    ℓ = (1 − p_t)^γ · cross-entropy        p_t the probability of the right answer; dℓ/dp by the product rule

Source: Lin et al., "Focal Loss for Dense Object Detection", arXiv:1708.02002.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minicnn import ops
from minicnn.losses.base import from_zero, log_of, row_means
from minicnn.losses.classification import BinaryCrossentropy, CrossEntropy


class BinaryFocalCrossentropy(BinaryCrossentropy):
    """Binary cross-entropy times (1 − p_t)^γ, with p_t the probability of the right answer: entries that are right
    and sure of it hardly count.

    Args:
        apply_class_balancing: multiply by α where the target is 1, by 1 − α where it is 0.
        alpha: α, used with ``apply_class_balancing`` only.
        gamma: γ, from 0, which is plain cross-entropy.
        from_logits, label_smoothing, reduction, name: as :class:`BinaryCrossentropy`.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        **others: Any,
    ) -> None:
        super().__init__(from_logits, label_smoothing, reduction, name, **others)
        self.apply_class_balancing, self.alpha = apply_class_balancing, alpha
        self.gamma = from_zero("gamma", gamma)

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the mean focal cross-entropy of each row of entries."""
        t = self._smooth(y_true)
        entries, slope = self._entries(t, y_pred)
        if self.from_logits:
            p, q = (ops.sigmoid_forward(z)[0] for z in (y_pred, -y_pred))
            dp = p * q
        else:
            inside = (y_pred.real >= 0) & (y_pred.real <= 1)
            p = np.where(inside, y_pred, y_pred.real > 1)
            q, dp = 1 - p, inside
        factor, dfactor = _power(t * q + (1 - t) * p, self.gamma)  # of 1 − p_t
        slope = factor * slope + dfactor * (1 - 2 * t) * dp * entries
        weight = t * self.alpha + (1 - t) * (1 - self.alpha) if self.apply_class_balancing else 1
        return row_means(weight * factor * entries), weight * slope


class CategoricalFocalCrossentropy(CrossEntropy):
    """−Σ α·(1 − p)^γ·t·log p: samples whose right class has a large p hardly count.

    Predictions that are probabilities are divided by the sum of their row first, and count as in
    :class:`CategoricalCrossentropy` where they are 0 or outside [0, 1].

    Args:
        alpha: α, a number, or one for each class.
        gamma: γ, from 0, which is cross-entropy times α.
        from_logits, label_smoothing, reduction, name: as :class:`CategoricalCrossentropy`.
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        **others: Any,
    ) -> None:
        super().__init__(from_logits, label_smoothing, reduction, name, **others)
        self.alpha, self.gamma = alpha, from_zero("gamma", gamma)

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return −Σ α·(1 − p)^γ·t·log p of each sample."""
        t = y_true * (1 - self.label_smoothing) + self.label_smoothing / y_true.shape[-1]
        t = t * np.asarray(self.alpha, t.dtype)
        if self.from_logits:
            log_p, p = ops.log_softmax_forward(y_pred)  # the cache is p
            total, slope, dp = None, np.ones_like(p), p  # slopes by log p
        else:
            total = y_pred.sum(-1, keepdims=True)
            p = y_pred / total
            dp = (p.real >= 0) & (p.real <= 1)
            log_p, slope = log_of(p)
        factor, dfactor = _power(np.where(p.real < 0, 1, 1 - p), self.gamma)
        d = t * (dfactor * dp * log_p - factor * slope)
        return -np.sum(t * factor * log_p, -1), (d, p, total)

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dy_pred."""
        d, p, total = cache
        d = dlosses[..., None] * d
        if total is None:
            return ops.log_softmax_backward(d, p)
        return (d - np.sum(d * p, -1, keepdims=True)) / total  # through the division by the row's sum


def _power(base: np.ndarray, exponent: float) -> tuple[np.ndarray, np.ndarray]:
    """Return base^exponent and its slope; a base of 0 (or, by rounding, below) has the slope 0.

    So has a denormal number: its power −1 would be infinite.
    """
    positive = base.real >= np.finfo(base.real.dtype).tiny
    kept = np.where(positive, base, 1)
    slope = np.where(positive, exponent * kept ** (exponent - 1), 0)
    return np.where(positive, kept**exponent, exponent == 0), slope

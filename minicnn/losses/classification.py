"""Losses of classes: cross-entropies, the divergence of two distributions, the hinge.

                                                                                     dℓ/dp
categorical cross-entropy   −Σ t·log p                                               −t/p
… of logits                 −Σ t·log softmax(z)                                      softmax(z) − t
binary cross-entropy        −mean(t·log p + (1−t)·log(1−p))                          (p−t) / (p·(1−p)·K)
Kullback-Leibler            Σ t·log(t/p)                                             −t/p
categorical hinge           max(0, 1 + max((1−t)·p) − Σ t·p)                         +1 at largest, −t
"""

from typing import Any

import numpy as np

from minicnn import ops
from minicnn.losses.base import EPSILON, Loss, each_entry, log_of, row_means


class CrossEntropy(Loss):
    """What cross-entropies share: from_logits and label_smoothing, see :class:`CategoricalCrossentropy`."""

    def __init__(
        self, from_logits: bool, label_smoothing: float, reduction: str, name: str | None, **others: Any
    ) -> None:
        super().__init__(reduction, name, **others)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"label_smoothing={label_smoothing!r}: expected a number from 0 to 1")
        self.from_logits, self.label_smoothing = from_logits, label_smoothing


class CategoricalCrossentropy(CrossEntropy):
    """−Σ t·log p, for one-hot or probability targets. See the module for shapes.

    Predictions p are divided by the sum of their row first. Where p is exactly 0, the formula is infinite: p
    counts as 1e-7 there, for the loss and for its slope −t/p. A negative p counts as 1e-7, one above 1 as 1, and
    their slope is 0.

    Args:
        from_logits: predictions are logits, before any softmax. A model whose last function is softmax or
            sigmoid is trained on its logits in any case: its gradient is exact even where p underflows.
        label_smoothing: s, from 0 to 1.
        reduction, name: as :class:`Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        **others: Any,
    ) -> None:
        super().__init__(from_logits, label_smoothing, reduction, name, **others)

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return −Σ t·log p of each sample."""
        if self.from_logits:
            losses, cache = ops.softmax_cross_entropy_forward(y_pred, y_true, self.label_smoothing)
            return losses, (cache,)
        smooth = y_true * (1 - self.label_smoothing) + self.label_smoothing / y_true.shape[-1]
        total = y_pred.sum(-1, keepdims=True)
        p = y_pred / total  # as Keras: rows are made to sum to 1
        log_p, slope = log_of(p)
        return -np.sum(smooth * log_p, -1), (smooth, p, slope, total)

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dy_pred."""
        if self.from_logits:
            return ops.softmax_cross_entropy_backward(dlosses, *cache)
        smooth, p, slope, total = cache
        dp = -dlosses[..., None] * smooth * slope
        return (dp - np.sum(dp * p, -1, keepdims=True)) / total  # through the division by the row's sum


class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """−log p of the right class; targets are class numbers from 0. Keras has no ``label_smoothing`` here."""

    sparse = True

    def __init__(
        self,
        from_logits: bool = False,
        reduction: str = "sum_over_batch_size",
        name: str | None = "sparse_categorical_crossentropy",
        label_smoothing: float = 0.0,
        **others: Any,
    ) -> None:
        super().__init__(from_logits, label_smoothing, reduction, name, **others)

    def targets(self, y_true: Any, y_pred: np.ndarray) -> np.ndarray:
        """Return the class numbers as one-hot rows."""
        numbers, rows = np.asarray(y_true), y_pred.shape[:-1]
        if numbers.shape not in (rows, (*rows, 1)) and (len(rows) > 1 or numbers.size != len(y_pred)):
            raise ValueError(
                f"{self.name}: y_true has shape {numbers.shape}, expected {rows}: one class number for each "
                f"row of the predictions {y_pred.shape}; for one-hot targets use categorical_crossentropy"
            )
        numbers = numbers.reshape(rows)
        classes = y_pred.shape[-1]
        wrong = (numbers < 0) | (numbers >= classes) | (numbers != np.floor(numbers))
        if wrong.any():
            raise ValueError(
                f"{self.name}: label {numbers[wrong][0]:g}, expected an integer from 0 to {classes - 1}: "
                f"the last layer has {classes} units"
            )
        return np.eye(classes, dtype=y_pred.real.dtype)[numbers.astype(int)]


class BinaryCrossentropy(CrossEntropy):
    """−(t·log p + (1 − t)·log(1 − p)), the mean over the last axis, as in Keras: (N, …, K) -> (N, …).

    The slope is −t/p + (1 − t)/(1 − p). Where p is exactly 0 or 1, a part of the formula is infinite: p counts as
    1e-7 away from it there, so that the slope is up to 1e7. Outside [0, 1] it counts so too, with slope 0. A
    model whose last function is sigmoid or softmax is trained on its logits, where nothing is rounded to 0 or 1.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        **others: Any,
    ) -> None:
        super().__init__(from_logits, label_smoothing, reduction, name, **others)

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the mean cross-entropy of each row of entries."""
        entries, slope = self._entries(self._smooth(y_true), y_pred)
        return row_means(entries), slope

    def _smooth(self, y_true: np.ndarray) -> np.ndarray:
        return y_true * (1 - self.label_smoothing) + self.label_smoothing / 2

    def _entries(self, t: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the cross-entropy of each entry and its slope."""
        if self.from_logits:
            # −t·log σ(z) − (1 − t)·log(1 − σ(z)) = max(z, 0) − z·t + log(1 + e^−|z|), which cannot overflow
            positive = y_pred.real > 0
            decay = np.exp(np.where(positive, -y_pred, y_pred))  # e^−|z|
            entries = np.where(positive, y_pred, 0) - y_pred * t + np.log1p(decay)
            return entries, np.where(positive, 1, decay) / (1 + decay) - t
        (log_p, slope), (log_q, slope_q) = log_of(y_pred), log_of(1 - y_pred)
        # log(1 − p) of a small p, without rounding 1 − p
        np.log1p(-y_pred, out=log_q, where=(y_pred.real > 0) & (y_pred.real < 0.5))
        return -t * log_p - (1 - t) * log_q, (1 - t) * slope_q - t * slope

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dy_pred."""
        return cache * each_entry(dlosses, cache)


class KLDivergence(Loss):
    """Σ t·log(t/p), the Kullback-Leibler divergence of p from t: cross-entropy less the entropy of the targets.

    Targets below 1e-7 count as 1e-7. Predictions are not divided by their sum; where they are 0 or outside [0, 1],
    they count as in :class:`CategoricalCrossentropy`.
    """

    def __init__(
        self, reduction: str = "sum_over_batch_size", name: str | None = "kl_divergence", **others: Any
    ) -> None:
        super().__init__(reduction, name, **others)

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return Σ t·log(t/p) of each sample."""
        t = np.clip(y_true, EPSILON, 1).astype(y_true.dtype)
        log_p, slope = log_of(y_pred)
        return np.sum(t * (np.log(t) - log_p), -1), -t * slope

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dy_pred."""
        return cache * dlosses[..., None]


class CategoricalHinge(Loss):
    """max(0, 1 + the largest wrong score − the right score): 0 if the right score is larger by 1 or more."""

    def __init__(
        self, reduction: str = "sum_over_batch_size", name: str | None = "categorical_hinge", **others: Any
    ) -> None:
        super().__init__(reduction, name, **others)

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the hinge of each sample; exactly at its corner the gradient is 0."""
        wrong = (1 - y_true) * y_pred
        largest = wrong.real.argmax(-1)[..., None]  # (N, …, 1); of equal scores, the first
        margin = np.take_along_axis(wrong, largest, -1)[..., 0] - np.sum(y_true * y_pred, -1) + 1
        active = margin.real > 0
        return np.where(active, margin, 0), (y_true, largest, active)

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dy_pred."""
        t, largest, active = cache
        d = -t
        np.put_along_axis(d, largest, np.take_along_axis(d + 1 - t, largest, -1), -1)
        return d * (dlosses * active)[..., None]

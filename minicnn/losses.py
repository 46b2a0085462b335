"""Losses: one number for the errors of the predictions, and its gradient.

Every loss gives one value ℓₙ for each sample; training minimises

    L = Σ wₙ·ℓₙ / N          so          dL/dŷₙ = (wₙ / N) · dℓₙ/dŷₙ

with the sample (or class) weights wₙ, 1 by default, and N the batch's size: Keras's "sum_over_batch_size".
The division by N is what hand-written code forgets most often. reduction="sum" has no division,
"mean_with_sample_weight" divides by Σ wₙ.

    with t the target, p the prediction (a probability), K classes                                   dℓ/dp
    categorical cross-entropy   −Σ t·log p                                                           −t/p
    … of logits                 −Σ t·log softmax(z), which softmax and cross-entropy make together   softmax(z) − t
    binary cross-entropy        −mean(t·log p + (1−t)·log(1−p))                                      (p−t) / (p·(1−p)·K)
    mean squared error          mean (p − t)²                                                        2·(p − t) / K
    Huber                       mean of e²/2, e = p − t; δ·|e| − δ²/2 where |e| > δ                  clip(e, −δ, δ) / K
    Kullback-Leibler            Σ t·log(t/p)                                                         −t/p
    focal                       cross-entropy of each entry times (1 − its probability)^γ            by the product rule
    categorical hinge           max(0, 1 + max((1−t)·p) − Σ t·p)                                     +1 at largest, −t

Label smoothing s trains towards t·(1 − s) + s/K. Shapes: targets and predictions (N, K), or
(N, …, K) for maps; sparse targets (N,) or (N, 1), for maps (N, …) or (N, …, 1).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minicnn import backend, ops
from minicnn._base import keras_errors
from minicnn._base.registry import Configured, Registry
from minicnn._base.registry import serialize as serialize

EPSILON = backend.epsilon()  # Keras's: a probability that is exactly 0 counts as this; log stays finite
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight")


def _log(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


class _CrossEntropy(Loss):
    def __init__(
        self, from_logits: bool, label_smoothing: float, reduction: str, name: str | None, **others: Any
    ) -> None:
        super().__init__(reduction, name, **others)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"label_smoothing={label_smoothing!r}: expected a number from 0 to 1")
        self.from_logits, self.label_smoothing = from_logits, label_smoothing


class CategoricalCrossentropy(_CrossEntropy):
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
        log_p, slope = _log(p)
        return -np.sum(smooth * log_p, -1), (smooth, p, slope, total)

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dy_pred."""
        if self.from_logits:
            return ops.softmax_cross_entropy_backward(dlosses, *cache)
        smooth, p, slope, total = cache
        dp = -dlosses[..., None] * smooth * slope
        return (dp - np.sum(dp * p, -1, keepdims=True)) / total  # through the division by the row's sum


class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """−log p of the right class; targets are class numbers 0 … K − 1. Keras has no
    ``label_smoothing`` here.
    """

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


class BinaryCrossentropy(_CrossEntropy):
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
        return _row_means(entries), slope

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
        (log_p, slope), (log_q, slope_q) = _log(y_pred), _log(1 - y_pred)
        # log(1 − p) of a small p, without rounding 1 − p
        np.log1p(-y_pred, out=log_q, where=(y_pred.real > 0) & (y_pred.real < 0.5))
        return -t * log_p - (1 - t) * log_q, (1 - t) * slope_q - t * slope

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dy_pred."""
        return cache * _each(dlosses, cache)


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
        self.gamma = _from_zero("gamma", gamma)

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
        return _row_means(weight * factor * entries), weight * slope


class CategoricalFocalCrossentropy(_CrossEntropy):
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
        self.alpha, self.gamma = alpha, _from_zero("gamma", gamma)

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
            log_p, slope = _log(p)
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
        log_p, slope = _log(y_pred)
        return np.sum(t * (np.log(t) - log_p), -1), -t * slope

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dy_pred."""
        return cache * dlosses[..., None]


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
        self.delta = _from_zero("delta", delta)

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the mean of each row of entries."""
        error, delta = y_pred - y_true, np.asarray(self.delta, y_true.dtype)
        slope = np.where(np.abs(error.real) <= delta, error, delta * np.sign(error.real))
        return _row_means(slope * (error - slope / 2)), slope  # e·(e − e/2), or ±δ·(e ∓ δ/2)

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dy_pred."""
        return cache * _each(dlosses, cache)


class MeanSquaredError(Loss):
    """(p − t)², the mean over the last axis, as in Keras: (N, …, K) -> (N, …)."""

    def __init__(
        self, reduction: str = "sum_over_batch_size", name: str | None = "mean_squared_error", **others: Any
    ) -> None:
        super().__init__(reduction, name, **others)

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the mean squared error of each row of entries."""
        error = y_pred - y_true
        return _row_means(error * error), error

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dy_pred."""
        return 2 * cache * _each(dlosses, cache)


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


def _from_zero(name: str, value: float) -> float:
    if not 0 <= value < math.inf:
        raise ValueError(f"{name}={value!r}: expected a number from 0")
    return value


def _power(base: np.ndarray, exponent: float) -> tuple[np.ndarray, np.ndarray]:
    """Return base^exponent and its slope; a base of 0 (or, by rounding, below) has the slope 0."""
    positive = base.real > 0
    kept = np.where(positive, base, 1)
    slope = np.where(positive, exponent * kept ** (exponent - 1), 0)
    return np.where(positive, kept**exponent, exponent == 0), slope


def _row_means(entries: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis, (N, …, K) -> (N, …); numbers (N,) are N samples."""
    return entries.mean(-1) if entries.ndim > 1 else entries


def _each(dlosses: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """Return dL/dℓ divided by the number of entries in the mean ℓ, in a shape to multiply them with."""
    if entries.ndim == 1:
        return dlosses
    return (dlosses / np.asarray(entries.shape[-1], dlosses.dtype))[..., None]


def _function(kind: type[Loss]) -> Callable[..., np.ndarray]:
    """Return Keras's function for a class: each sample's loss, with the class's options."""

    def losses(y_true: Any, y_pred: Any, **options: Any) -> np.ndarray:
        loss, y_pred = kind(**options), np.asarray(y_pred)
        return loss.losses(loss.targets(y_true, y_pred), y_pred)[0]

    losses.__name__ = losses.__qualname__ = kind().name.removesuffix("_loss")
    losses.__doc__ = f"Return each sample's loss, as `{kind.__name__}`, whose options it takes."
    return losses


categorical_crossentropy = _function(CategoricalCrossentropy)
sparse_categorical_crossentropy = _function(SparseCategoricalCrossentropy)
binary_crossentropy = _function(BinaryCrossentropy)
mean_squared_error = mse = _function(MeanSquaredError)
categorical_hinge = _function(CategoricalHinge)
huber = _function(Huber)
kl_divergence = kld = _function(KLDivergence)
binary_focal_crossentropy = _function(BinaryFocalCrossentropy)
categorical_focal_crossentropy = _function(CategoricalFocalCrossentropy)

keras_errors.add_getattr(__name__)
_CLASSES = [
    *(CategoricalCrossentropy, SparseCategoricalCrossentropy, BinaryCrossentropy),
    *(MeanSquaredError, CategoricalHinge, Huber, KLDivergence),
    *(BinaryFocalCrossentropy, CategoricalFocalCrossentropy),
]
_registry = Registry("loss", _CLASSES, aliases={"mse": MeanSquaredError, "kld": KLDivergence})
_of_function = {globals()[kind().name.removesuffix("_loss")]: kind for kind in _CLASSES}


def get(loss: Any) -> Loss:
    """Return the loss of a name, a dictionary, a class, an object, or a function: categorical_crossentropy.

    Raises:
        ValueError: there is no such loss.
        NotImplementedError: Keras has it, minicnn has not; or it is your own function.
    """
    if callable(loss) and not isinstance(loss, Loss | type):
        if loss not in _of_function:
            raise NotImplementedError(
                f"loss={loss!r}: the gradient of your own function is not known. Nearest: a subclass of "
                "losses.Loss with losses() and gradient()"
            )
        return _of_function[loss]()
    found = _registry.get(loss)
    if not isinstance(found, Loss):
        raise ValueError(f"loss={loss!r}: expected the name of a loss, or an instance of losses.Loss")
    return found


deserialize = get

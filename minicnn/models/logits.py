"""The loss of a model that ends in softmax or sigmoid, computed from what goes into that function.

A probability is rounded: in float32, σ(20) is 1, and the cross-entropy of 1 has no gradient that leads back.
The logits z say it exactly. Each pair has a form without a division or a logarithm of a rounded number:

    softmax, categorical    −Σ t·log softmax(z)                                     dz = p − t
    sigmoid, binary         max(z, 0) − z·t + log(1 + e^−|z|)                       dz = p − t
    sigmoid, categorical    p/Σp = softmax(u),  u = log σ(z)                        dz = (1 − σ(z))·du
    softmax, binary         p = σ(v),  v = z − log Σ_others e^z, the log-odds       dz: see log_odds_backward
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn import activations, losses


def of_logits(loss: losses.Loss | None, function: str | None) -> losses.Loss | None:
    """Return the same loss for the values that go into a last ``function``.

    None where there is none: the loss is no cross-entropy of probabilities, or a subclass of your own; the
    function is not "softmax" or "sigmoid".
    """
    known: Any = loss
    of_classes: Any = (losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy)
    of_classes += (losses.CategoricalFocalCrossentropy,)
    of_entries = (losses.BinaryCrossentropy, losses.BinaryFocalCrossentropy)
    if (
        type(known) not in (*of_classes, *of_entries)
        or known.from_logits
        or function not in ("softmax", "sigmoid")
    ):
        return None
    same = copy.copy(known)
    same.from_logits = True
    binary = type(known) in of_entries
    if binary and function == "softmax":
        return _Changed(same, log_odds_forward, log_odds_backward)
    if not binary and function == "sigmoid":
        return _Changed(same, log_sigmoid_forward, log_sigmoid_backward)
    return same


class _Changed(losses.Loss):
    """A loss of f(z)."""

    def __init__(self, loss: losses.Loss, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        super().__init__(loss.reduction, loss.name)
        self._loss, self._forward, self._backward = loss, forward, backward

    def targets(self, y_true: Any, y_pred: np.ndarray) -> np.ndarray:
        """Return the targets of the loss."""
        return self._loss.targets(y_true, y_pred)

    def losses(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the losses of f(z)."""
        u, cache = self._forward(y_pred)
        values, inner = self._loss.losses(y_true, u)
        return values, (inner, cache)

    def gradient(self, dlosses: np.ndarray, cache: Any) -> np.ndarray:
        """Return dL/dz."""
        inner, cache = cache
        return self._backward(self._loss.gradient(dlosses, inner), cache)


def log_sigmoid_forward(z: np.ndarray) -> tuple[np.ndarray, Any]:
    """Return log σ(z) = min(z, 0) − log(1 + e^−|z|)."""
    positive = z.real > 0
    return np.where(positive, 0, z) - np.log1p(np.exp(np.where(positive, -z, z))), z


def log_sigmoid_backward(du: np.ndarray, z: Any) -> np.ndarray:
    """Return du·(1 − σ(z)), which is du·σ(−z)."""
    return du * activations.sigmoid(-z)


def log_odds_forward(z: np.ndarray) -> tuple[np.ndarray, Any]:
    """Return v = log p/(1 − p) for p = softmax(z): z minus the logarithm of the sum of the others' eᶻ.

    The sum without one of the small terms is S − e. Without the largest it is added up anew, since S − e
    would be lost in rounding. The softmax of one class is always 1, which counts as 1 − EPSILON.
    """
    if z.shape[-1] == 1:
        return np.full_like(z, np.log(1 / losses.EPSILON - 1)), None
    first = z.real.argmax(-1)[..., None]
    largest = np.arange(z.shape[-1]) == first
    top = np.take_along_axis(z.real, first, -1)
    second = np.where(largest, -np.inf, z.real).max(-1, keepdims=True)
    powers = np.exp(z - top)  # at most 1, which is the largest's
    others = np.where(largest, 1, powers.sum(-1, keepdims=True) - powers)  # from 1; not used for the largest
    below = np.where(largest, 0, np.exp(np.where(largest, 0, z - second)))
    total = below.sum(-1, keepdims=True)
    v = z - np.where(largest, second + np.log(total), top + np.log(others))
    return v, (largest, powers, others, below / total)


def log_odds_backward(dv: np.ndarray, cache: Any) -> np.ndarray:
    """Return dzⱼ = dvⱼ − Σ_{k≠j} dvₖ·e^zⱼ / Σ_{i≠k} e^zᵢ."""
    if cache is None:
        return np.zeros_like(dv)
    largest, powers, others, shares = cache
    small = np.where(largest, 0, dv / others)
    of_largest = np.where(largest, dv, 0).sum(-1, keepdims=True)
    return dv - powers * (small.sum(-1, keepdims=True) - small) - of_largest * shares

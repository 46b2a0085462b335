"""Penalties on weights, added to the loss, and their gradients, added to the weights' gradients.

    L1    λ · Σ |w|     gradient  λ · sign(w)      the same for all weights: small weights become 0
    L2    λ · Σ w²      gradient  2λ · w           proportional to the weight: weights stay small, but not 0
    L1L2  the sum of both

|w| has no derivative at 0; the gradient there is defined as 0. For complex weights, which only the
complex-step check uses, |w| is sign(w)·w with the sign of the real part: the absolute value of a complex
number is not analytic.

An L2 penalty is not the ``weight_decay`` of an optimizer: the penalty's gradient passes through momentum and
Adam's scaling, the decay does not.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn._base import keras_errors
from minicnn._base.registry import Configured, Registry, serialize

__all__ = ["L1", "L1L2", "L2", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2", "serialize"]


class Regularizer(Configured):
    """Base class. Your own defines ``__call__`` and :meth:`gradient`; as a dataclass it can be saved."""

    def __call__(self, w: np.ndarray) -> Any:
        """Return the penalty, a scalar of w's dtype."""
        raise NotImplementedError(f"{type(self).__name__}.__call__")

    def gradient(self, w: np.ndarray) -> np.ndarray:
        """Return the penalty's derivative with respect to each entry of w, of w's shape and dtype."""
        raise NotImplementedError(f"{type(self).__name__}.gradient")


@dataclass(frozen=True)
class L1L2(Regularizer):
    """l1 · Σ |w| + l2 · Σ w²."""

    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("l1", "l2"):
            factor = getattr(self, name)
            if not 0 <= factor < math.inf:
                raise ValueError(f"{name}={factor!r}: expected a finite number of at least 0")

    def __call__(self, w: np.ndarray) -> Any:
        """Return the penalty, a scalar of w's dtype."""
        return w.dtype.type(self.l1 * np.sum(np.sign(w.real) * w) + self.l2 * np.sum(w * w))

    def gradient(self, w: np.ndarray) -> np.ndarray:
        """Return l1 · sign(w) + 2 · l2 · w."""
        return self.l1 * np.sign(w.real) + (2 * self.l2) * w


class L1(L1L2):
    """l1 · Σ |w|."""

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)


class L2(L1L2):
    """l2 · Σ w²."""

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)


l1, l2, l1_l2 = L1, L2, L1L2
keras_errors.add_getattr(__name__)
_registry = Registry("regularizer", [L1, L2, L1L2])


def get(identifier: Any) -> Regularizer | None:
    """Return the regularizer of a name ("l1", "l2", "l1_l2": factors 0.01), a dictionary or an object.

    Raises:
        ValueError: there is no regularizer of that name.
        TypeError: ``identifier`` is something else, such as a function: its gradient is not known.
        NotImplementedError: Keras has it, minicnn has not.
    """
    if isinstance(identifier, str) and identifier.lower() == "l1_l2":
        return L1L2(0.01, 0.01)  # as Keras documents; L1L2() is a penalty of 0
    regularizer = None if identifier is None else _registry.get(identifier)
    if regularizer is not None and not (callable(regularizer) and hasattr(regularizer, "gradient")):
        raise TypeError(f"regularizer={identifier!r}: expected a name or a Regularizer (with its gradient)")
    return regularizer


deserialize = get

"""The types of the arguments that layers share, and the checks of them: what a constructor accepts, in one place.

A wrong argument is an error when the layer is made: later it would be one deep inside a computation.

kernel_size: Pair                          3 or (3, 5)
activation: ActivationLike                 "relu", activations.relu, a layer such as ReLU(), or None
kernel_initializer: InitializerLike        "he_normal", HeNormal(seed=1), or a function of shape and dtype
**kwargs: Unpack[LayerArguments]           trainable, dtype, name, input_shape, input_dim, as for every layer
"""

import math
import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypedDict

import numpy as np

from minicnn._base.messages import shown
from minicnn.initializers import Initializer
from minicnn.ops import geometry
from minicnn.regularizers import Regularizer

Array = np.ndarray
Shape = tuple[Any, ...]  # lengths, batch first; None if not known

Pair = int | Sequence[int]
ActivationLike = str | Callable[..., Any] | None
InitializerLike = str | Initializer | type[Initializer] | Mapping[str, Any] | Callable[..., Any]
RegularizerLike = str | Regularizer | type[Regularizer] | Mapping[str, Any] | None
Interval = float | Sequence[float]  # f, which means (−f, f), or (low, high)


class LayerArguments(TypedDict, total=False):
    """The arguments of every layer: see :class:`minicnn.layers.Layer`."""

    trainable: bool
    dtype: Any
    name: str | None
    input_shape: Sequence[int | None] | None
    input_dim: int | None


def number(
    argument: str, value: Any, expected: str = "a number", holds: Callable[[float], bool] = math.isfinite
) -> Any:
    """Return a number for which ``holds`` is true.

    Raises:
        ValueError: it is none; the message says what was expected.
    """
    plain = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
    real = isinstance(plain, numbers.Real) and not isinstance(plain, bool)
    if not real or not holds(float(plain)):
        raise ValueError(f"{argument}={shown(value)}: expected {expected}")
    return value


def count(argument: str, value: Any, least: int = 1, most: int = geometry.LARGEST) -> int:
    """Return an integer from ``least`` to ``most``.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__") or not least <= value <= most:
        raise ValueError(f"{argument}={shown(value)}: expected a whole number from {least} to {most}")
    return int(value)


def flag(argument: str, value: Any) -> bool:
    """Return a bool; 0 and 1 are accepted too.

    Raises:
        ValueError: it is another value.
    """
    if not isinstance(value, bool | np.bool_ | int) or value not in (0, 1):
        raise ValueError(f"{argument}={shown(value)}: expected True or False")
    return bool(value)


def real_numbers(argument: str, value: Any) -> Any:
    """Return a number, or one for each channel, unchanged.

    Raises:
        ValueError: it is neither, or one of them is not finite.
    """
    try:
        array = np.asarray(value)
    except ValueError:  # rows of several lengths
        array = np.array(None)
    if array.dtype.kind not in "fiu" or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"{argument}={shown(value)}: expected a number, or one for each channel")
    return value


_room: ContextVar[list[int] | None] = ContextVar("room", default=None)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let layers make weights of ``size`` numbers, not more: those of a file, whose description may declare more."""
    token = _room.set([size])
    try:
        yield
    finally:
        _room.reset(token)


def check_room(path: str, shape: Sequence[int]) -> None:
    """Take the room for a weight.

    Raises:
        ValueError: there is none left.
    """
    left = _room.get()
    if left is not None:
        left[0] -= math.prod(shape)
        if left[0] < 0:
            raise ValueError(f"{path} of shape {shown(tuple(shape))} is larger than the arrays in the file")

"""Input: the start of a network. It declares the shape of one sample and computes nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minicnn.layers.arguments import Array
from minicnn.layers.base import Layer
from minicnn.layers.symbol import Symbol

Lengths = Sequence[int | None]


def Input(
    shape: Lengths | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    batch_shape: Lengths | None = None,
    name: str | None = None,
) -> Symbol:
    """Return the symbol of a model's input, as `keras.Input`, to start a Sequential or to call layers on.

    Args:
        shape: of one sample, such as (48, 48, 1); None means any length.
        batch_size: a number for the summary; batches of other sizes are accepted too.
        dtype: "float32" or "float64", in which the network then computes; by default ``backend.floatx()``.
        batch_shape: (batch_size, *shape), instead of the other two.
        name: the name of the :class:`InputLayer`.

    Raises:
        ValueError: ``shape`` is not a shape.
    """
    symbol: Symbol = InputLayer(shape, batch_size, dtype, batch_shape, name=name).output
    return symbol


class InputLayer(Layer):
    """The layer of an :func:`Input`."""

    def __init__(
        self,
        shape: Lengths | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        batch_shape: Lengths | None = None,
        input_shape: Lengths | None = None,
        **kwargs: Any,
    ) -> None:
        if batch_shape is not None:
            batch_size, *shape = batch_shape
        shape = input_shape if shape is None else shape
        lengths = shape if isinstance(shape, list | tuple) else [0]
        if any(length is not None and (not hasattr(length, "__index__") or length < 1) for length in lengths):
            raise ValueError(
                f"shape={shape!r}: expected the lengths of one sample's axes, such as (48, 48, 1)"
            )
        if dtype is not None and np.dtype(dtype).kind != "f":
            dtype = None  # an integer dtype: the data are cast when they are used
        super().__init__(input_shape=shape, dtype=dtype, **kwargs)
        self.shape, self.batch_size = tuple(lengths), batch_size
        self.build((None, *self.shape))
        self._output = Symbol(self, (), (batch_size, *self.shape), self.dtype)

    @property
    def only_moves(self) -> str:
        """It moves nothing at all."""
        return "rows"

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x."""
        return x

    def backward(self, dy: Array) -> Array:
        """Return dy."""
        return dy

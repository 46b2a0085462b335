"""Input: where a network begins. It says what one sample looks like and computes nothing."""

import numpy as np

from minicnn.layers.base import Layer
from minicnn.layers.symbol import Symbol


def Input(shape=None, batch_size=None, dtype=None, batch_shape=None, name=None):
    """Return the symbol of a model's input, as `keras.Input`: for the head of a Sequential, or to call layers on.

    Args:
        shape: of one sample, such as (48, 48, 1); None stands for any length.
        batch_size: a number for the summary to show; any batch is taken all the same.
        dtype: "float32" or "float64", in which the network then computes; by default ``backend.floatx()``.
        batch_shape: both in one, (batch_size, *shape).
        name: that of the layer behind it.

    Raises:
        ValueError: ``shape`` is no shape.
    """
    return InputLayer(shape, batch_size, dtype, batch_shape, name=name).output


class InputLayer(Layer):
    """The layer of an :func:`Input`."""

    def __init__(self, shape=None, batch_size=None, dtype=None, batch_shape=None, input_shape=None, **kwargs):
        if batch_shape is not None:
            batch_size, *shape = batch_shape
        shape = input_shape if shape is None else shape
        lengths = shape if isinstance(shape, list | tuple) else [0]
        if any(length is not None and (not hasattr(length, "__index__") or length < 1) for length in lengths):
            raise ValueError(
                f"shape={shape!r}: expected the lengths of one sample's axes, such as (48, 48, 1)"
            )
        if dtype is not None and np.dtype(dtype).kind != "f":
            dtype = None  # what the data have; they are cast when they are used
        super().__init__(input_shape=shape, dtype=dtype, **kwargs)
        self.shape, self.batch_size = tuple(shape), batch_size
        self.build((None, *shape))
        self._output = Symbol(self, (), (batch_size, *shape), self.dtype)

    def forward(self, x, training=False):
        """Return x."""
        return x

    def backward(self, dy):
        """Return dy."""
        return dy

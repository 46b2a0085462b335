"""Pooling layers: each window of a map becomes one number, its maximum or its mean.

    max      y = max of the window          dx: the whole dy goes to the maximum (the first, if several are equal)
    average  y = mean of the window         dx: dy / (entries of the window) goes to each entry
    global   the window is the whole map

Windows may overlap; then the gradients from all windows of a pixel add. Shapes: (N, H, W, C) -> (N, OH, OW,
C), and (N, H, W, C) -> (N, C) for the global layers.
"""

from collections.abc import Callable
from typing import Unpack

from minicnn import ops
from minicnn.layers.arguments import LayerArguments, Pair, flag
from minicnn.layers.base import Layer
from minicnn.ops import geometry


class _Pooling(Layer):
    _forward: Callable  # of minicnn.ops
    _backward: Callable

    def __init__(
        self,
        pool_size: Pair = (2, 2),
        strides: Pair | None = None,
        padding: str = "valid",
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = geometry.pair(pool_size, "pool_size")
        self.strides = self.pool_size if strides is None else geometry.pair(strides, "strides")
        self.padding = geometry.checked_padding(padding)

    def build(self, input_shape):
        """Check that the windows fit."""
        self.compute_output_shape(input_shape)
        super().build(input_shape)

    def compute_output_shape(self, input_shape):
        """(N, H, W, C) -> (N, OH, OW, C)."""
        if len(input_shape) != 4:
            raise ValueError(
                f"{self.name}: input of shape {input_shape}, expected (batch, height, width, channels)"
            )
        batch, height, width, channels = input_shape
        rows, columns = geometry.axes(height, width, self.pool_size, self.strides, self.padding)
        return batch, rows.out, columns.out, channels

    def forward(self, x, training=False):
        """Return one number for each window."""
        return self.forward_by(self._forward, x)

    def forward_by(self, operation, x):
        """Run the forward pass with the given operation: the layer's, or that with a ReLU (fusion.py)."""
        y, self._cache = operation(x, self.pool_size, self.strides, self.padding)
        return y

    def backward(self, dy):
        """Return dx: the gradient of each window goes to its pixels."""
        return self._backward(dy, self._cache)


class MaxPooling2D(_Pooling):
    """Maximum of each window, as `keras.layers.MaxPooling2D`; strides default to the pool size."""

    _forward = staticmethod(ops.max_pool2d_forward)
    _backward = staticmethod(ops.max_pool2d_backward)


class AveragePooling2D(_Pooling):
    """Mean of each window, as `keras.layers.AveragePooling2D`; padding pixels are not counted."""

    _forward = staticmethod(ops.average_pool2d_forward)
    _backward = staticmethod(ops.average_pool2d_backward)


class _GlobalPooling(Layer):
    _forward: Callable  # of minicnn.ops
    _backward: Callable

    def __init__(self, keepdims: bool = False, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.keepdims = flag("keepdims", keepdims)

    def compute_output_shape(self, input_shape):
        """(N, H, W, C) -> (N, C), or (N, 1, 1, C) with keepdims."""
        batch, channels = input_shape[0], input_shape[-1]
        return (batch, 1, 1, channels) if self.keepdims else (batch, channels)

    def forward(self, x, training=False):
        """Return one number for each map."""
        y, self._cache = self._forward(x)
        return y.reshape(self.compute_output_shape(x.shape))

    def backward(self, dy):
        """Return dx: the gradient of each map goes to its pixels."""
        return self._backward(dy.reshape(dy.shape[0], -1), self._cache)


class GlobalAveragePooling2D(_GlobalPooling):
    """Mean of each map, as `keras.layers.GlobalAveragePooling2D`."""

    _forward = staticmethod(ops.global_average_pool2d_forward)
    _backward = staticmethod(ops.global_average_pool2d_backward)


class GlobalMaxPooling2D(_GlobalPooling):
    """Maximum of each map, as `keras.layers.GlobalMaxPooling2D`."""

    _forward = staticmethod(ops.global_max_pool2d_forward)
    _backward = staticmethod(ops.global_max_pool2d_backward)

"""Transposed convolution: from a small map to a larger one, as in the second half of a segmentation network.

    y is what the backward pass of Conv2D makes of dy = x: each pixel of x adds a copy of the kernel, times
    itself, to its window in y; windows overlap, and add.

    y[n, i·s + a·d, j·s + b·d, k] += Σ_c  x[n,i,j,c] · kernel[a,b,k,c]            then + bias[k]

So dx is Conv2D's forward pass, of dy: docs/backprop/transposed_convolution.md. Shapes: x (N, H, W, C), kernel
(kh, kw, filters, C), y (N, OH, OW, filters). With "same" OH = H·s; with "valid" OH = H·s + max(kh − s, 0).
"""

from typing import Unpack

from minicnn import initializers, ops, regularizers
from minicnn.layers.arguments import (
    ActivationLike,
    Array,
    InitializerLike,
    LayerArguments,
    Pair,
    RegularizerLike,
    Shape,
    count,
)
from minicnn.layers.convolution import ConvolutionBase
from minicnn.ops import geometry


class Conv2DTranspose(ConvolutionBase):
    """Transposed convolution, as `keras.layers.Conv2DTranspose`.

    Args:
        filters: number of output channels.
        strides: the output is larger by this factor.
        padding: "same": OH = H · stride. "valid": the whole of every window, so that OH is larger by up to
            kernel height − stride.
        kernel_size, dilation_rate, activation, use_bias, *_initializer, *_regularizer: as for
            :class:`minicnn.layers.Conv2D`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Pair,
        strides: Pair = (1, 1),
        padding: str = "valid",
        dilation_rate: Pair = (1, 1),
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        window = (kernel_size, strides, padding, dilation_rate)
        super().__init__(*window, activation, use_bias, bias_initializer, bias_regularizer, **kwargs)
        self.filters = count("filters", filters)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)

    def build(self, input_shape: Shape) -> None:
        """Create kernel (kh, kw, filters, C) and bias (filters,)."""
        self.compute_output_shape(input_shape)
        super().build(input_shape)
        shape = (*self.kernel_size, self.filters, input_shape[-1])
        self.kernel = self.add_weight(
            "kernel", shape, self.kernel_initializer, regularizer=self.kernel_regularizer
        )
        self.add_bias(self.filters)

    def output_lengths(self, height: int | None, width: int | None) -> Shape:
        """Return (OH, OW)."""
        return geometry.transposed_lengths((height, width), self.kernel_size, *self._geometry)

    def output_channels(self, channels: int) -> int:
        """Return ``filters``."""
        return self.filters

    def pre_activation_forward(self, x: Array, training: bool = False) -> Array:
        """Add a copy of the kernel for each pixel, add the bias."""
        z, self._cache = ops.conv2d_transpose_forward(x, self.kernel.value, self._bias_value, *self._geometry)
        return z

    def pre_activation_backward(self, dz: Array) -> Array | None:
        """Back to kernel, bias and x."""
        dx, self.kernel.grad, dbias = ops.conv2d_transpose_backward(dz, self._cache, self.needs_dx)
        self._set_bias_gradient(dbias)
        return dx

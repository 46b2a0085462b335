"""Convolution layers: a small kernel moves over the map, and is multiplied with the window at each position.

    y[n,i,j,k] = bias[k] + Σ_a Σ_b Σ_c  x[n, i·s + a·d, j·s + b·d, c] · kernel[a,b,c,k]          (x zero-padded)

The gradient of each factor is a sum, over the outputs that use it, of dy times the other factor: see
minicnn.ops.reference.convolution. Shapes: x (N, H, W, C), kernel (kh, kw, C, filters), y (N, OH, OW,
filters).
"""

from typing import Any, Unpack

from minicnn import initializers, ops, regularizers
from minicnn.layers.activations import ActivatedLayer
from minicnn.layers.arguments import (
    ActivationLike,
    Array,
    InitializerLike,
    LayerArguments,
    Pair,
    RegularizerLike,
    Shape,
    count,
    flag,
)
from minicnn.ops import geometry


class ConvolutionBase(ActivatedLayer):
    """What convolutions share: window geometry, bias and activation."""

    bias: Any = None  # a Parameter, if the layer has one

    def __init__(
        self,
        kernel_size: Pair,
        strides: Pair,
        padding: str,
        dilation_rate: Pair,
        activation: ActivationLike,
        use_bias: bool,
        bias_initializer: InitializerLike,
        bias_regularizer: RegularizerLike,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(activation, **kwargs)
        self.kernel_size = geometry.pair(kernel_size, "kernel_size")
        self.strides = geometry.pair(strides, "strides")
        self.dilation_rate = geometry.pair(dilation_rate, "dilation_rate")
        self.padding = geometry.checked_padding(padding)
        self.use_bias = flag("use_bias", use_bias)
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def output_channels(self, channels: int) -> int:
        """Return the number of output channels for ``channels`` input channels."""
        raise NotImplementedError

    def add_bias(self, channels: int) -> None:
        """Create bias (channels,), if the layer has one."""
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", (channels,), self.bias_initializer, regularizer=self.bias_regularizer
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, H, W, C) -> (N, OH, OW, K)."""
        if len(input_shape) != 4:
            raise ValueError(
                f"{self.name}: input of shape {input_shape}, expected (batch, height, width, channels); "
                "gray images need their one channel: x[..., None]"
            )
        batch, height, width, channels = input_shape
        return batch, *self.output_lengths(height, width), self.output_channels(channels)

    def output_lengths(self, height: int | None, width: int | None) -> Shape:
        """Return (OH, OW)."""
        rows, columns = geometry.axes(height, width, self.kernel_size, *self._geometry)
        return rows.out, columns.out

    @property
    def _geometry(self) -> tuple[tuple[int, int], str, tuple[int, int]]:
        return self.strides, self.padding, self.dilation_rate

    @property
    def _bias_value(self) -> Array | None:
        return self.bias.value if self.use_bias else None

    def _set_bias_gradient(self, dbias: Array | None) -> None:
        if self.use_bias:
            self.bias.grad = dbias


class Conv2D(ConvolutionBase):
    """2-D convolution, as `keras.layers.Conv2D`.

    Args:
        filters: number of output channels.
        kernel_size: height and width of the kernel, or one integer for both.
        strides: pixels between neighboring windows.
        padding: "valid" (none) or "same" (zeros, so that OH = ceil(H / stride)).
        dilation_rate: pixels between neighboring entries of the kernel.
        activation: name of the activation after it, or None.
        use_bias, *_initializer, *_regularizer: as in Keras.
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
        """Create kernel (kh, kw, C, filters) and bias (filters,)."""
        self.compute_output_shape(input_shape)
        super().build(input_shape)
        shape = (*self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(
            "kernel", shape, self.kernel_initializer, regularizer=self.kernel_regularizer
        )
        self.add_bias(self.filters)

    def output_channels(self, channels: int) -> int:
        """Return ``filters``."""
        return self.filters

    def pre_activation_forward(self, x: Array, training: bool = False) -> Array:
        """Convolve, add the bias."""
        z, self._cache = ops.conv2d_forward(x, self.kernel.value, self._bias_value, *self._geometry)
        return z

    def pre_activation_backward(self, dz: Array) -> Array | None:
        """Back to kernel, bias and x."""
        dx, self.kernel.grad, dbias = ops.conv2d_backward(dz, self._cache, self.needs_dx)
        self._set_bias_gradient(dbias)
        return dx


class DepthwiseConv2D(ConvolutionBase):
    """Convolve each channel with its own ``depth_multiplier`` kernels, as `keras.layers.DepthwiseConv2D`."""

    def __init__(
        self,
        kernel_size: Pair,
        strides: Pair = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        dilation_rate: Pair = (1, 1),
        activation: ActivationLike = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        window = (kernel_size, strides, padding, dilation_rate)
        super().__init__(*window, activation, use_bias, bias_initializer, bias_regularizer, **kwargs)
        self.depth_multiplier = count("depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)

    def build(self, input_shape: Shape) -> None:
        """Create kernel (kh, kw, C, depth_multiplier) and bias (C · depth_multiplier,)."""
        self.compute_output_shape(input_shape)
        super().build(input_shape)
        self.kernel = self.add_weight(
            "kernel",
            (*self.kernel_size, input_shape[-1], self.depth_multiplier),
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
        )
        self.add_bias(self.output_channels(input_shape[-1]))

    def output_channels(self, channels: int) -> int:
        """Return C · depth_multiplier."""
        return channels * self.depth_multiplier

    def pre_activation_forward(self, x: Array, training: bool = False) -> Array:
        """Convolve each channel, add the bias."""
        z, self._cache = ops.depthwise_conv2d_forward(x, self.kernel.value, self._bias_value, *self._geometry)
        return z

    def pre_activation_backward(self, dz: Array) -> Array | None:
        """Back to kernel, bias and x."""
        dx, self.kernel.grad, dbias = ops.depthwise_conv2d_backward(dz, self._cache, self.needs_dx)
        self._set_bias_gradient(dbias)
        return dx


class SeparableConv2D(ConvolutionBase):
    """A depthwise, then a 1×1 convolution over the channels, as `keras.layers.SeparableConv2D`."""

    def __init__(
        self,
        filters: int,
        kernel_size: Pair,
        strides: Pair = (1, 1),
        padding: str = "valid",
        dilation_rate: Pair = (1, 1),
        depth_multiplier: int = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        pointwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        pointwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        window = (kernel_size, strides, padding, dilation_rate)
        super().__init__(*window, activation, use_bias, bias_initializer, bias_regularizer, **kwargs)
        self.filters = count("filters", filters)
        self.depth_multiplier = count("depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)

    def build(self, input_shape: Shape) -> None:
        """Create depthwise (kh, kw, C, M), pointwise (1, 1, C · M, filters) and bias (filters,)."""
        self.compute_output_shape(input_shape)
        super().build(input_shape)
        channels, multiplier = input_shape[-1], self.depth_multiplier
        self.depthwise_kernel = self.add_weight(
            "depthwise_kernel",
            (*self.kernel_size, channels, multiplier),
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
        )
        self.pointwise_kernel = self.add_weight(
            "pointwise_kernel",
            (1, 1, channels * multiplier, self.filters),
            self.pointwise_initializer,
            regularizer=self.pointwise_regularizer,
        )
        self.add_bias(self.filters)

    def output_channels(self, channels: int) -> int:
        """Return ``filters``."""
        return self.filters

    def pre_activation_forward(self, x: Array, training: bool = False) -> Array:
        """Depthwise, pointwise, bias."""
        each, self._depthwise = ops.depthwise_conv2d_forward(
            x, self.depthwise_kernel.value, None, *self._geometry
        )
        z, self._pointwise = ops.conv2d_forward(each, self.pointwise_kernel.value, self._bias_value)
        return z

    def pre_activation_backward(self, dz: Array) -> Array | None:
        """The backward passes of the same steps in reverse order."""
        deach, self.pointwise_kernel.grad, dbias = ops.conv2d_backward(dz, self._pointwise)
        self._set_bias_gradient(dbias)
        dx, self.depthwise_kernel.grad, _ = ops.depthwise_conv2d_backward(
            deach, self._depthwise, self.needs_dx
        )
        return dx

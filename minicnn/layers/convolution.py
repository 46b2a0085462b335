"""Convolution layers: a small kernel slides over the map and is multiplied with what it sees, in every position.

    y[n,i,j,k] = bias[k] + Σ_a Σ_b Σ_c  x[n, i·s + a·d, j·s + b·d, c] · kernel[a,b,c,k]          (x zero-padded)

Its gradients, each a sum of "the other factor" over the outputs that the factor went into, are derived and written
out in minicnn.ops.reference.convolution. Shapes: x (N, H, W, C), kernel (kh, kw, C, filters), y (N, OH, OW, filters).
"""

from minicnn import initializers, ops, regularizers
from minicnn.layers.activations import activation_config, make_activation
from minicnn.layers.base import Layer
from minicnn.ops import geometry


class _Convolution(Layer):
    """What the three convolutions share: window geometry, bias and activation."""

    def __init__(
        self, kernel_size, strides, padding, dilation_rate, activation, use_bias, bias_initializer, bias_regularizer,
        **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.kernel_size = geometry.pair(kernel_size, "kernel_size")
        self.strides = geometry.pair(strides, "strides")
        self.dilation_rate = geometry.pair(dilation_rate, "dilation_rate")
        self.padding = geometry.checked_padding(padding)
        self.activation, self.use_bias = activation_config(activation), use_bias
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self._activation = make_activation(activation, self)

    @property
    def final_activation(self):
        """The activation layer at the end of this one."""
        return self._activation

    def output_channels(self, channels):
        """Return the number of channels that come out for ``channels`` that go in."""
        raise NotImplementedError

    def add_bias(self, channels):
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", (channels,), self.bias_initializer, regularizer=self.bias_regularizer
            )

    def compute_output_shape(self, input_shape):
        """(N, H, W, C) -> (N, OH, OW, K)."""
        if len(input_shape) != 4:
            raise ValueError(
                f"{self.name}: input of shape {input_shape}, expected (batch, height, width, channels); "
                "gray images need their one channel: x[..., None]"
            )
        batch, height, width, channels = input_shape
        rows, columns = geometry.axes(
            height, width, self.kernel_size, self.strides, self.padding, self.dilation_rate
        )
        return batch, rows.out, columns.out, self.output_channels(channels)

    @property
    def _geometry(self):
        return self.strides, self.padding, self.dilation_rate

    @property
    def _bias_value(self):
        return self.bias.value if self.use_bias else None

    def _set_bias_gradient(self, dbias):
        if self.use_bias:
            self.bias.grad = dbias


class Conv2D(_Convolution):
    """2-D convolution, as `keras.layers.Conv2D`.

    Args:
        filters: number of output channels.
        kernel_size: height and width of the kernel; an integer for both.
        strides: pixels between neighbouring windows.
        padding: "valid" (none) or "same" (zeros, so that OH = ceil(H / stride)).
        dilation_rate: pixels between neighbouring entries of the kernel.
        activation: name of the activation after it, or None.
        use_bias, *_initializer, *_regularizer: as in Keras.
    """

    def __init__(
        self, filters, kernel_size, strides=(1, 1), padding="valid", dilation_rate=(1, 1), activation=None,
        use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None,
        bias_regularizer=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            kernel_size, strides, padding, dilation_rate, activation, use_bias, bias_initializer, bias_regularizer,
            **kwargs,
        )  # fmt: skip
        self.filters = geometry.pair(filters, "filters")[0]
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        """Create kernel (kh, kw, C, filters) and bias (filters,)."""
        self.compute_output_shape(input_shape)
        super().build(input_shape)
        shape = (*self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(
            "kernel", shape, self.kernel_initializer, regularizer=self.kernel_regularizer
        )
        self.add_bias(self.filters)

    def output_channels(self, channels):
        """Return ``filters``."""
        return self.filters

    def forward(self, x, training=False):
        """Convolve, add the bias, activate."""
        y, self._cache = ops.conv2d_forward(x, self.kernel.value, self._bias_value, *self._geometry)
        return self._activation.forward(y, training)

    def backward(self, dy):
        """Back through the activation, then to kernel, bias and x."""
        dy = self._activation.backward(dy)
        dx, self.kernel.grad, dbias = ops.conv2d_backward(dy, self._cache, self.needs_dx)
        self._set_bias_gradient(dbias)
        return dx


class DepthwiseConv2D(_Convolution):
    """Each channel convolved with ``depth_multiplier`` kernels of its own, as `keras.layers.DepthwiseConv2D`."""

    def __init__(
        self, kernel_size, strides=(1, 1), padding="valid", depth_multiplier=1, dilation_rate=(1, 1),
        activation=None, use_bias=True, depthwise_initializer="glorot_uniform", bias_initializer="zeros",
        depthwise_regularizer=None, bias_regularizer=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            kernel_size, strides, padding, dilation_rate, activation, use_bias, bias_initializer, bias_regularizer,
            **kwargs,
        )  # fmt: skip
        self.depth_multiplier = geometry.pair(depth_multiplier, "depth_multiplier")[0]
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)

    def build(self, input_shape):
        """Create kernel (kh, kw, C, depth_multiplier) and bias (C · depth_multiplier,)."""
        self.compute_output_shape(input_shape)
        super().build(input_shape)
        self.kernel = self.add_weight(
            "kernel", (*self.kernel_size, input_shape[-1], self.depth_multiplier),
            self.depthwise_initializer, regularizer=self.depthwise_regularizer,
        )  # fmt: skip
        self.add_bias(self.output_channels(input_shape[-1]))

    def output_channels(self, channels):
        """Return C · depth_multiplier."""
        return channels * self.depth_multiplier

    def forward(self, x, training=False):
        """Convolve each channel, add the bias, activate."""
        y, self._cache = ops.depthwise_conv2d_forward(x, self.kernel.value, self._bias_value, *self._geometry)
        return self._activation.forward(y, training)

    def backward(self, dy):
        """Back through the activation, then to kernel, bias and x."""
        dy = self._activation.backward(dy)
        dx, self.kernel.grad, dbias = ops.depthwise_conv2d_backward(dy, self._cache, self.needs_dx)
        self._set_bias_gradient(dbias)
        return dx


class SeparableConv2D(_Convolution):
    """A depthwise convolution, then a 1×1 convolution that mixes the channels, as `keras.layers.SeparableConv2D`."""

    def __init__(
        self, filters, kernel_size, strides=(1, 1), padding="valid", dilation_rate=(1, 1), depth_multiplier=1,
        activation=None, use_bias=True, depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform", bias_initializer="zeros", depthwise_regularizer=None,
        pointwise_regularizer=None, bias_regularizer=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            kernel_size, strides, padding, dilation_rate, activation, use_bias, bias_initializer, bias_regularizer,
            **kwargs,
        )  # fmt: skip
        self.filters = geometry.pair(filters, "filters")[0]
        self.depth_multiplier = geometry.pair(depth_multiplier, "depth_multiplier")[0]
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)

    def build(self, input_shape):
        """Create depthwise (kh, kw, C, M), pointwise (1, 1, C · M, filters) and bias (filters,)."""
        self.compute_output_shape(input_shape)
        super().build(input_shape)
        channels, multiplier = input_shape[-1], self.depth_multiplier
        self.depthwise_kernel = self.add_weight(
            "depthwise_kernel", (*self.kernel_size, channels, multiplier),
            self.depthwise_initializer, regularizer=self.depthwise_regularizer,
        )  # fmt: skip
        self.pointwise_kernel = self.add_weight(
            "pointwise_kernel", (1, 1, channels * multiplier, self.filters),
            self.pointwise_initializer, regularizer=self.pointwise_regularizer,
        )  # fmt: skip
        self.add_bias(self.filters)

    def output_channels(self, channels):
        """Return ``filters``."""
        return self.filters

    def forward(self, x, training=False):
        """Depthwise, pointwise, bias, activation."""
        z, self._depthwise = ops.depthwise_conv2d_forward(
            x, self.depthwise_kernel.value, None, *self._geometry
        )
        y, self._pointwise = ops.conv2d_forward(z, self.pointwise_kernel.value, self._bias_value)
        return self._activation.forward(y, training)

    def backward(self, dy):
        """The same steps in reverse."""
        dy = self._activation.backward(dy)
        dz, self.pointwise_kernel.grad, dbias = ops.conv2d_backward(dy, self._pointwise)
        self._set_bias_gradient(dbias)
        dx, self.depthwise_kernel.grad, _ = ops.depthwise_conv2d_backward(dz, self._depthwise, self.needs_dx)
        return dx

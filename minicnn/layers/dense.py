"""The dense layer: every output depends on every input.

    y = x · kernel + bias        dx = dy · kernelᵀ        dkernel = xᵀ · dy        dbias = Σ_n dy[n]

Shapes: x (N, D), kernel (D, units), y (N, units). Further axes before the last are treated as more samples.
"""

from typing import Unpack

from minicnn import initializers, ops, regularizers
from minicnn.layers.activations import Activation, activation_config, make_activation
from minicnn.layers.arguments import (
    ActivationLike,
    Array,
    InitializerLike,
    LayerArguments,
    RegularizerLike,
    Shape,
)
from minicnn.layers.base import Layer
from minicnn.ops import geometry


class Dense(Layer):
    """Fully connected layer, as `keras.layers.Dense`."""

    def __init__(
        self,
        units: int,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.units = geometry.pair(units, "units")[0]
        self.activation, self.use_bias = activation_config(activation), use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self._activation = make_activation(activation, self)

    @property
    def final_activation(self) -> Activation:
        """The activation layer at the end of this one."""
        return self._activation

    def build(self, input_shape: Shape) -> None:
        """Create kernel (D, units) and bias (units,)."""
        super().build(input_shape)
        self.kernel = self.add_weight(
            "kernel",
            (input_shape[-1], self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", (self.units,), self.bias_initializer, regularizer=self.bias_regularizer
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, …, D) -> (N, …, units)."""
        return (*input_shape[:-1], self.units)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Multiply, add the bias, activate."""
        rows = x.reshape(-1, x.shape[-1])
        y, self._cache = ops.dense_forward(
            rows, self.kernel.value, self.bias.value if self.use_bias else None
        )
        return self._activation.forward(y.reshape(*x.shape[:-1], self.units), training)

    def backward(self, dy: Array) -> Array | None:
        """Back through the activation, then to kernel, bias and x."""
        dy = self._activation.backward(dy)
        rows = dy.reshape(-1, self.units)
        dx, self.kernel.grad, dbias = ops.dense_backward(rows, self._cache, self.needs_dx)
        if self.use_bias:
            self.bias.grad = dbias
        return None if dx is None else dx.reshape(*dy.shape[:-1], -1)

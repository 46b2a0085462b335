"""The dense layer: every output depends on every input.

    z = x · kernel + bias        dx = dz · kernelᵀ        dkernel = xᵀ · dz        dbias = Σ_n dz[n]
    y = activation(z)            dz = dy · activation'(z)

Shapes: x (N, D), kernel (D, units), y and z (N, units). Further axes before the last are treated as more samples.
"""

from typing import Any, Unpack

from minicnn import initializers, ops, regularizers
from minicnn.layers.activations import ActivatedLayer
from minicnn.layers.arguments import (
    ActivationLike,
    Array,
    InitializerLike,
    LayerArguments,
    RegularizerLike,
    Shape,
    count,
    flag,
)


class Dense(ActivatedLayer):
    """Fully connected layer, as `keras.layers.Dense`."""

    bias: Any = None  # a Parameter, if the layer has one

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
        super().__init__(activation, **kwargs)
        self.units = count("units", units)
        self.use_bias = flag("use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

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

    def pre_activation_forward(self, x: Array, training: bool = False) -> Array:
        """Multiply, add the bias."""
        rows = x.reshape(-1, x.shape[-1])
        z, self._cache = ops.dense_forward(
            rows, self.kernel.value, self.bias.value if self.use_bias else None
        )
        return z.reshape(*x.shape[:-1], self.units)

    def pre_activation_backward(self, dz: Array) -> Array | None:
        """Back to kernel, bias and x."""
        rows = dz.reshape(-1, self.units)
        dx, self.kernel.grad, dbias = ops.dense_backward(rows, self._cache, self.needs_dx)
        if self.use_bias:
            self.bias.grad = dbias
        return None if dx is None else dx.reshape(*dz.shape[:-1], -1)

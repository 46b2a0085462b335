"""Fusion: two neighboring layers run as one, which gives the same numbers with fewer passes over memory.

A pass over a large map takes the time to move it from memory and back, even if little is computed.

    batch norm, ReLU      The maximum with 0 is taken before batch norm writes its output.
    ReLU, max-pooling     ReLU is monotonic, so relu(max(window)) = max(relu(window)). The gradient is the
                          same too: it goes to the first maximum, if this is positive. So the maximum with 0
                          is taken before the pooling writes its output.
    sum, ReLU             The maximum with 0 is taken before the sum of two branches is written, of Residual or Add.

Layers are fused only while the Numba kernels are in use. With the reference every layer runs separately, so
that a debugger can step through it.
"""

from collections.abc import Iterable
from typing import Any

from minicnn import ops
from minicnn.layers.activations import Activation
from minicnn.layers.base import Layer
from minicnn.layers.convolution import Conv2D
from minicnn.layers.normalization import BatchNormalization
from minicnn.layers.pooling import MaxPooling2D


class NormReLU:
    """Batch normalization and the ReLU after it, instead of two layers."""

    def __init__(self, norm: BatchNormalization) -> None:
        self.norm = norm

    def forward(self, x: Any, training: bool = False) -> Any:
        """Normalize, then ReLU."""
        from minicnn.ops.kernels import normalization  # imported here: Numba takes half a second to import

        forward, inference = (
            normalization.batch_norm_relu_forward,
            normalization.batch_norm_relu_inference_forward,
        )
        return self.norm.forward_by(forward, inference, x, training)

    def backward(self, dy: Any) -> Any:
        """Return dx, through both."""
        return self.norm.backward(dy)


class PoolBeforeReLU:
    """A convolution with ReLU and the max-pooling after it, instead of two layers."""

    def __init__(self, convolution: Conv2D, pooling: MaxPooling2D) -> None:
        self.convolution, self.pooling = convolution, pooling

    def forward(self, x: Any, training: bool = False) -> Any:
        """Convolve, pool, then ReLU."""
        from minicnn.ops.kernels.pooling import max_pool2d_relu_forward  # imported here, as above

        z = self.convolution.pre_activation_forward(x, training)
        return self.pooling.forward_by(max_pool2d_relu_forward, z)

    def backward(self, dy: Any) -> Any:
        """Return dx, through all three."""
        return self.convolution.pre_activation_backward(self.pooling.backward(dy))


class SumReLU:
    """The sum of two branches and the ReLU after it, instead of two layers."""

    def __init__(self, summed: Any) -> None:
        self.summed = summed  # Residual or Add

    def forward(self, x: Any, training: bool = False) -> Any:
        """Add the two branches, then ReLU."""
        from minicnn.ops.kernels.residual import add_relu_forward  # imported here, as above

        y, self._cache = add_relu_forward(*self.summed.outputs(x, training))
        return y

    def backward(self, dy: Any) -> Any:
        """Return dx, through both."""
        return self.summed.backward(ops.relu_backward(dy, self._cache))


Unit = Layer | NormReLU | PoolBeforeReLU | SumReLU


def units(layers: Iterable[Layer]) -> list[tuple[int, Unit]]:
    """Return the layers and fused pairs to run, in order, each with the index of its first layer."""
    result: list[tuple[int, Unit]] = []
    for number, layer in enumerate(layers):
        pair = fused(result[-1][1], layer) if result and ops.active() == "kernels" else None
        if pair is None:
            result.append((number, layer))
        else:
            result[-1] = (result[-1][0], pair)
    return result


def fused(before: Unit, layer: Layer) -> Unit | None:
    """Return the fused pair that replaces two neighboring layers, or None."""
    if isinstance(before, Layer) and before.fused_with is not None:
        return before.fused_with(layer)  # type: ignore[no-any-return]
    if not (isinstance(before, Layer) and before.has_library_passes and layer.has_library_passes):
        return None  # a layer of one's own, such as a subclass of Conv2D with another forward pass
    if isinstance(layer, Activation) and layer.activation == "relu":
        if isinstance(before, BatchNormalization):
            return NormReLU(before)
        if getattr(before, "sums_branches", False):  # in modules that import this one
            return SumReLU(before)
    if isinstance(before, Conv2D) and isinstance(layer, MaxPooling2D) and before.activation == "relu":
        return PoolBeforeReLU(before, layer)
    return None

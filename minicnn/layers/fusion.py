"""Neighbours that run as one: the same numbers in fewer passes over memory.

A pass over a large map costs as much as moving it from memory and back, however little is computed on the way.

    batch norm, ReLU      The maximum with 0 is taken before batch norm writes its output for the first time.
    ReLU, max-pooling     ReLU never turns the order of two numbers round, so relu(max(window)) = max(relu(window)), and
                          the gradient goes the same way: to the first of the largest, if it is positive. So the ReLU
                          runs after the pooling, on a map of a quarter of the size.

Only the kernels do this: on the reference operations every layer runs by itself, to be stepped through.
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
    """Batch normalisation and the ReLU behind it, in the place of a layer."""

    def __init__(self, norm: BatchNormalization) -> None:
        self.norm = norm

    def forward(self, x: Any, training: bool = False) -> Any:
        """Normalise and rectify."""
        return self.norm.forward(x, training, relu=True)

    def backward(self, dy: Any) -> Any:
        """Back through both."""
        return self.norm.backward(dy)


class PoolBeforeReLU:
    """A convolution that ends in ReLU and the max-pooling behind it, in the place of a layer."""

    def __init__(self, convolution: Conv2D, pooling: MaxPooling2D) -> None:
        self.convolution, self.pooling = convolution, pooling

    def forward(self, x: Any, training: bool = False) -> Any:
        """Convolve, pool, rectify."""
        with self.convolution.final_activation.skipped():
            y = self.convolution.forward(x, training)
        return self.convolution.final_activation.forward(self.pooling.forward(y, training), training)

    def backward(self, dy: Any) -> Any:
        """Back through the three."""
        dy = self.pooling.backward(self.convolution.final_activation.backward(dy))
        with self.convolution.final_activation.skipped():
            return self.convolution.backward(dy)


Unit = Layer | NormReLU | PoolBeforeReLU


def units(layers: Iterable[Layer]) -> list[tuple[int, Unit]]:
    """Return what runs one after the other, each with the number of the layer it begins with."""
    result: list[tuple[int, Unit]] = []
    for number, layer in enumerate(layers):
        pair = fused(result[-1][1], layer) if result and ops.active() == "kernels" else None
        if pair is None:
            result.append((number, layer))
        else:
            result[-1] = (result[-1][0], pair)
    return result


def fused(before: Unit, layer: Layer) -> Unit | None:
    """Return what two neighbours run as, or None."""
    if (
        isinstance(before, BatchNormalization)
        and isinstance(layer, Activation)
        and layer.activation == "relu"
    ):
        return NormReLU(before)
    if isinstance(before, Conv2D) and isinstance(layer, MaxPooling2D) and before.activation == "relu":
        return PoolBeforeReLU(before, layer)
    return None

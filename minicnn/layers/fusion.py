"""Neighbours that run as one: the same numbers in fewer passes over memory.

A pass over a large map costs as much as moving it from memory and back, however little is computed on the way. Batch
normalisation writes its output and a ReLU behind reads and writes it again; as one operation the maximum is taken
before the first write. Only the kernels do this: on the reference operations every layer runs by itself, to be stepped
through.
"""

from collections.abc import Iterable
from typing import Any

from minicnn import ops
from minicnn.layers.activations import Activation
from minicnn.layers.base import Layer
from minicnn.layers.normalization import BatchNormalization


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


def units(layers: Iterable[Layer]) -> list[tuple[int, Layer | NormReLU]]:
    """Return what runs one after the other, each with the number of the layer it begins with."""
    numbered = list(enumerate(layers))
    if ops.active() == "reference":
        return numbered
    result: list[tuple[int, Layer | NormReLU]] = []
    for number, layer in numbered:
        before = result[-1][1] if result else None
        is_relu = isinstance(layer, Activation) and layer.activation == "relu"
        if is_relu and isinstance(before, BatchNormalization):
            result[-1] = (result[-1][0], NormReLU(before))
        else:
            result.append((number, layer))
    return result

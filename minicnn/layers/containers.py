"""Layers made of layers: a chain, and the skip connection of residual networks.

    chain     y = f₃(f₂(f₁(x)))       dx = backward₁(backward₂(backward₃(dy))): the chain rule
    residual  y = main(x) + short(x)  dx = main.backward(dy) + short.backward(dy)

The gradient of a value that is used twice is the sum of the gradients of both uses. A skip connection needs
no other rule. Source: He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Unpack

import numpy as np

from minicnn import activations
from minicnn.layers import fusion
from minicnn.layers.arguments import LayerArguments
from minicnn.layers.base import Layer
from minicnn.layers.inputs import InputLayer
from minicnn.layers.symbol import Symbol


class Chain(Layer):
    """Layers one after the other."""

    def __init__(self, layers: Iterable[Layer | Symbol] = (), **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self._layers: list[Layer] = []
        for layer in layers:
            self.append(layer)

    def append(self, layer: Layer | Symbol) -> None:
        """Add a layer at the end; the first may also be an :func:`Input`.

        Raises:
            TypeError: it is not a layer.
            ValueError: it is in the chain already; a layer stores the values of one use only.
        """
        if isinstance(layer, Symbol) and isinstance(layer.layer, InputLayer):
            layer = layer.layer
        if not isinstance(layer, Layer):
            raise TypeError(f"{layer!r} is not a layer: expected an instance such as Dense(7)")
        if any(layer is other for other in self._layers):
            raise ValueError(f"layer {layer.name!r} is in the chain already: make a second one")
        self._layers.append(layer)

    @property
    def sublayers(self) -> list[Layer]:
        """The layers, in order."""
        return self._layers

    @property
    def layers(self) -> list[Layer]:
        """The layers, in order."""
        return self._layers

    def build(self, input_shape: Any) -> None:
        """Build each layer for the output of the one before."""
        super().build(input_shape)
        for layer in self._layers:
            layer.build_for(input_shape, self.dtype)
            input_shape = layer.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape after the last layer."""
        for layer in self._layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def forward(self, x: Any, training: bool = False) -> Any:
        """Run the layers in order."""
        return self._forward(x, training, None)

    def pre_activation_forward(self, x: Any, training: bool = False) -> Any:
        """Run the layers in order, the one with the last function without it."""
        return self._forward(x, training, self.head)

    def _forward(self, x: Any, training: bool, head: Layer | None) -> Any:
        self._ran = fusion.units(self._layers)
        for _, unit in self._ran:
            x = (head.pre_activation_forward if head is unit else unit.forward)(x, training)
        return x

    def backward(self, dy: Any) -> Any:
        """Run the layers' backward passes in reverse order.

        Without ``needs_dx`` it stops at the first layer with trainable weights: layers before it need no
        gradient.
        """
        return self._backward(dy, None)

    def pre_activation_backward(self, dz: Any) -> Any:
        """Run the layers' backward passes in reverse order, the one with the last function without it."""
        return self._backward(dz, self.head)

    def _backward(self, dy: Any, head: Layer | None) -> Any:
        first = 0 if self.needs_dx else self._first_trained()
        for number, layer in enumerate(self._layers):
            layer.needs_dx = self.needs_dx or number > first
        for number, unit in reversed(self._ran):
            if number >= first:
                dy = (head.pre_activation_backward if head is unit else unit.backward)(dy)
        return dy if self.needs_dx else None

    def _first_trained(self) -> int:
        trained = (index for index, layer in enumerate(self._layers) if layer.trainable_weights)
        return next(trained, len(self._layers))

    @property
    def head(self) -> Layer | None:
        """The layer whose last function gives the output, or None."""
        return head_of(self._layers)[0]

    @property
    def last_function(self) -> str | None:
        """The activation whose values are the output, in another order perhaps; or None."""
        return head_of(self._layers)[1] if self.has_library_passes else None

    @property
    def only_moves(self) -> str | None:
        """What the layers together leave in place: "rows" or "entries"; or None."""
        kinds = {layer.only_moves for layer in self._layers}
        if None in kinds or not self.has_library_passes:
            return None
        return "entries" if "entries" in kinds else "rows"


def head_of(layers: Sequence[Layer]) -> tuple[Layer | None, str | None]:
    """Return the one of layers in a row whose last function gives the output, and that function's name.

    The layers after it only move its values: f(z) moved is f of z moved. A softmax needs its rows for that.
    """
    moved = "rows"
    for layer in reversed(layers):
        if layer.only_moves is None:
            name = layer.last_function
            if name is None or (activations.TABLE[name].by_row and moved != "rows"):
                break
            return layer, name
        moved = layer.only_moves if moved == "rows" else moved
    return None, None


class Residual(Layer):
    """y = main(x) + shortcut(x).

    Args:
        main: a layer or a list of layers.
        shortcut: the same, if main changes the shape (for example a 1×1 convolution); None adds x itself.
    """

    sums_branches = True  # a ReLU after it can be taken with the sum, see fusion.py

    def __init__(
        self,
        main: Layer | Iterable[Layer],
        shortcut: Layer | Iterable[Layer] | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.main = [main] if isinstance(main, Layer) else list(main)
        self.shortcut = [shortcut] if isinstance(shortcut, Layer) else list(shortcut or [])
        self._branches: list[Layer] = [
            Chain(self.main, name=f"{self.name}/main"),
            Chain(self.shortcut, name=f"{self.name}/shortcut"),
        ]

    @property
    def sublayers(self) -> list[Layer]:
        """The two branches."""
        return self._branches

    def build(self, input_shape: Any) -> None:
        """Build both branches and check that their outputs can be added."""
        super().build(input_shape)
        for branch in self._branches:
            branch.build_for(input_shape, self.dtype)
        main, shortcut = (branch.compute_output_shape(input_shape) for branch in self._branches)
        if main[1:] != shortcut[1:]:
            raise ValueError(
                f"{self.name}: main gives {main[1:]} but the shortcut {shortcut[1:]}, which cannot be added: "
                f"give a shortcut of that shape, such as Conv2D({main[-1]}, 1, strides=…)"
            )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output of both branches."""
        return self._branches[0].compute_output_shape(input_shape)

    def forward(self, x: Any, training: bool = False) -> Any:
        """Add the outputs of the two branches."""
        return np.add(*self.outputs(x, training))

    def outputs(self, x: Any, training: bool) -> list[Any]:
        """Return the outputs of the two branches, which are of one shape."""
        return [branch.forward(x, training) for branch in self._branches]

    def backward(self, dy: Any) -> Any:
        """Add the gradients from the two branches."""
        for branch in self._branches:
            branch.needs_dx = self.needs_dx
        main, shortcut = (branch.backward(dy) for branch in self._branches)
        return np.add(main, shortcut) if self.needs_dx else None

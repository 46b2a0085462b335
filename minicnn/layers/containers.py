"""Layers made of layers: a chain, and the skip connection of residual networks.

    chain     y = f₃(f₂(f₁(x)))       dx = backward₁(backward₂(backward₃(dy))): the chain rule, right to left
    residual  y = main(x) + short(x)  dx = main.backward(dy) + short.backward(dy)

A value that is used twice gets the sum of the gradients of both uses: that is all that a skip connection adds.
Source: He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
"""

from collections.abc import Iterable

import numpy as np

from minicnn.layers import fusion
from minicnn.layers.base import Layer
from minicnn.layers.inputs import InputLayer
from minicnn.layers.symbol import Symbol


class Chain(Layer):
    """Layers one after the other."""

    def __init__(self, layers: Iterable[Layer] = (), **kwargs) -> None:
        super().__init__(**kwargs)
        self._layers: list[Layer] = []
        for layer in layers:
            self.append(layer)

    def append(self, layer: Layer) -> None:
        """Put a layer at the end; at the head, an :func:`Input` too.

        Raises:
            TypeError: it is not a layer.
            ValueError: it is in the chain already; its cache can serve one place only.
        """
        if isinstance(layer, Symbol) and isinstance(layer.layer, InputLayer):
            layer = layer.layer
        if not isinstance(layer, Layer):
            raise TypeError(f"{layer!r} is not a layer: expected an instance such as Dense(7)")
        if any(layer is other for other in self._layers):
            raise ValueError(f"layer {layer.name!r} is in the chain already: make a second one")
        self._layers.append(layer)

    @property
    def sublayers(self):
        """The layers, in order."""
        return self._layers

    @property
    def layers(self):
        """The layers, in order."""
        return self._layers

    def build(self, input_shape):
        """Build each layer for the output of the one before."""
        super().build(input_shape)
        for layer in self._layers:
            layer.build_for(input_shape, self.dtype)
            input_shape = layer.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape):
        """The shape after the last layer."""
        for layer in self._layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def forward(self, x, training=False):
        """Run the layers in order."""
        self._ran = fusion.units(self._layers)
        for _, unit in self._ran:
            x = unit.forward(x, training)
        return x

    def backward(self, dy):
        """Run the layers' backward passes in reverse order.

        Without ``needs_dx`` it stops at the first layer that has something to train: what is before needs no gradient.
        """
        first = 0 if self.needs_dx else self._first_trained()
        for number, layer in enumerate(self._layers):
            layer.needs_dx = self.needs_dx or number > first
        for number, unit in reversed(self._ran):
            if number >= first:
                dy = unit.backward(dy)
        return dy if self.needs_dx else None

    def _first_trained(self):
        trained = (index for index, layer in enumerate(self._layers) if layer.trainable_weights)
        return next(trained, len(self._layers))

    @property
    def final_activation(self):
        """The activation at the very end, or None."""
        last = self._layers[-1] if self._layers else None
        return getattr(last, "final_activation", last)


class Residual(Layer):
    """y = main(x) + shortcut(x).

    Args:
        main: a layer or a list of layers.
        shortcut: the same, for when main changes the shape (a 1×1 convolution, say); None adds x itself.
    """

    def __init__(self, main, shortcut=None, **kwargs):
        super().__init__(**kwargs)
        self.main = [main] if isinstance(main, Layer) else list(main)
        self.shortcut = [shortcut] if isinstance(shortcut, Layer) else list(shortcut or [])
        self._branches = [
            Chain(self.main, name=f"{self.name}/main"),
            Chain(self.shortcut, name=f"{self.name}/shortcut"),
        ]

    @property
    def sublayers(self):
        """The two branches."""
        return self._branches

    def build(self, input_shape):
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

    def compute_output_shape(self, input_shape):
        """The shape that both branches give."""
        return self._branches[0].compute_output_shape(input_shape)

    def forward(self, x, training=False):
        """Add what the two branches give."""
        main, shortcut = (branch.forward(x, training) for branch in self._branches)
        return np.add(main, shortcut)

    def backward(self, dy):
        """Add what the two branches give back."""
        for branch in self._branches:
            branch.needs_dx = self.needs_dx
        main, shortcut = (branch.backward(dy) for branch in self._branches)
        return np.add(main, shortcut) if self.needs_dx else None

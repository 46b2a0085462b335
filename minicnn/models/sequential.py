"""Sequential: a model of layers in a row."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minicnn._base.registry import to_json
from minicnn.layers.base import Layer
from minicnn.layers.containers import Chain
from minicnn.layers.graph import in_order
from minicnn.layers.inputs import Input, InputLayer
from minicnn.layers.symbol import Symbol
from minicnn.models.model import MODELS, Model, layers_of


class Sequential(Chain, Model):
    """A model of layers in a row, as `keras.Sequential`.

        model = Sequential([Input((48, 48, 1)), Conv2D(32, 3, activation="relu"), …, Dense(7,
        activation="softmax")]) model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(images, labels, epochs=10, validation_data=(more_images, more_labels))

    With an Input, or ``input_shape=`` on the first layer, the weights exist at once; otherwise after the
    first data.
    """

    def __init__(
        self, layers: Iterable[Layer | Symbol] | None = None, trainable: bool = True, name: str | None = None
    ) -> None:
        super().__init__(trainable=trainable, name=name)
        for layer in layers or ():
            self.add(layer)

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input's declaration."""
        return [layer for layer in self.sublayers if not isinstance(layer, InputLayer)]

    @property
    def symbols(self) -> list[Symbol]:
        """The symbols of the input and of the output of each layer.

        Raises:
            ValueError: the model is not built.
        """
        self.built_shape()
        return in_order(self.inputs, self.outputs)

    def add(self, layer: Layer | Symbol) -> None:
        """Put a layer at the end; it is built at once when the model's input shape is known.

        Raises:
            TypeError: it is neither a layer nor an Input.
            ValueError: it is in the model already, or does not fit the layers before it.
        """
        self.append(layer)
        added = self.sublayers[-1]
        if self.built:
            try:
                self.outputs = [added(self.outputs[0])]
            except Exception:
                self.sublayers.pop()
                raise
        elif added.declared_input_shape is not None and len(self.sublayers) == 1:
            self.dtype = added.dtype
            self.build(added.declared_input_shape)
        elif isinstance(added, Model) and added.built and len(self.sublayers) == 1:
            self.dtype = added.dtype
            self.build(added.built_shape())

    def build(self, input_shape: Any) -> None:
        """Build each layer for the output of the one before, and set the model's symbols."""
        Layer.build(self, input_shape)
        first = self.sublayers[0] if self.sublayers else None
        symbol = first.output if isinstance(first, InputLayer) else Input(input_shape[1:], dtype=self.dtype)
        self.inputs = [symbol]
        for layer in self.layers:
            symbol = layer(symbol)
        self.outputs = [symbol]

    def pop(self) -> Layer:
        """Remove and return the last layer.

        Raises:
            ValueError: there is no layer.
        """
        if not self.layers:
            raise ValueError(f"{self.name} has no layers to pop")
        if self.built:
            self.outputs = list(self.outputs[0].inputs)
        return self.sublayers.pop()

    def get_config(self) -> dict[str, Any]:
        """Return name and layers, of which :meth:`from_config` makes an equal model with new weights."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [to_json(layer) for layer in self.sublayers],
            "build_input_shape": self.input_shape,
            "dtype": self.dtype and str(self.dtype),
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, type] | None = None
    ) -> "Sequential":
        """Make a model from what :meth:`get_config` returned."""
        model = cls(layers_of(config, custom_objects), name=config["name"], trainable=config["trainable"])
        if not model.built and config.get("build_input_shape"):
            model.dtype = np.dtype(config["dtype"])
            model.build(tuple(config["build_input_shape"]))
        return model


MODELS["Sequential"] = Sequential

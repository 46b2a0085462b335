"""The two kinds of models, and how they come back from a file.

    Sequential([…])             layers in a row
    Model(inputs, outputs)      layers that split and join; its class is Functional

What both can do is in model.py.
"""

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minicnn import saving, spellings
from minicnn.layers.base import Layer
from minicnn.layers.containers import Chain
from minicnn.layers.graph import Graph, in_order
from minicnn.layers.inputs import Input, InputLayer
from minicnn.layers.serialization import deserialize
from minicnn.layers.symbol import Symbol
from minicnn.model import Model


class Sequential(Chain, Model):
    """A model whose layers follow one another, as `keras.Sequential`.

        model = Sequential([Input((48, 48, 1)), Conv2D(32, 3, activation="relu"), …, Dense(7, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(images, labels, epochs=10, validation_data=(more_images, more_labels))

    With an Input, or ``input_shape=`` on the first layer, weights exist at once; otherwise from the first data on.
    """

    def __init__(
        self, layers: Iterable[Any] | None = None, trainable: bool = True, name: str | None = None
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
        """The symbols of the input and of what each layer gives.

        Raises:
            ValueError: the model is not built.
        """
        self._built_shape()
        return in_order(self.inputs, self.outputs)

    def add(self, layer: Any) -> None:
        """Put a layer at the end; it is built at once when the model's input shape is known.

        Raises:
            TypeError: it is neither a layer nor an Input.
            ValueError: it is in the model already, or does not fit what comes before it.
        """
        self.append(layer)
        layer = self.sublayers[-1]
        if self.built:
            try:
                self.outputs = [layer(self.outputs[0])]
            except Exception:
                self.sublayers.pop()
                raise
        elif layer.declared_input_shape is not None and len(self.sublayers) == 1:
            self.dtype = layer.dtype
            self.build(layer.declared_input_shape)

    def build(self, input_shape: Any) -> None:
        """Build each layer for the output of the one before, which is also noted in symbols."""
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
            ValueError: there is none.
        """
        if not self.layers:
            raise ValueError(f"{self.name} has no layers to pop")
        if self.built:
            self.outputs = list(self.outputs[0].inputs)
        return self.sublayers.pop()

    def get_config(self) -> dict[str, Any]:
        """Return the model's name and layers, from which :meth:`from_config` makes an equal one with new weights."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [saving.to_json(layer) for layer in self.sublayers],
            "build_input_shape": self.input_shape,
            "dtype": self.dtype and str(self.dtype),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, type] | None = None
    ) -> "Sequential":
        """Make a model from what :meth:`get_config` returned."""
        model = cls(_layers(config, custom_objects), name=config["name"], trainable=config["trainable"])
        if not model.built and config.get("build_input_shape"):
            model.dtype = np.dtype(config["dtype"])
            model.build(tuple(config["build_input_shape"]))
        return model


class Functional(Graph, Model):
    """What ``Model(inputs, outputs)`` makes: a graph of layers. One with one input and one output can be trained."""

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        trainable: bool = True,
        **unknown: Any,
    ) -> None:
        super().__init__(inputs, outputs, name=name, trainable=trainable, **unknown)
        for symbol in self.inputs:
            if symbol not in self.symbols:
                raise ValueError(
                    f"the input {symbol!r} leads to none of the outputs: leave it out, or use it"
                )

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Choose how to train: see `Trainer.compile`.

        Raises:
            NotImplementedError: the model has several outputs.
        """
        if len(self.outputs) > 1:
            raise NotImplementedError(
                f"{self.name} has {len(self.outputs)} outputs: a model is trained on the loss of one; compile "
                "Model(inputs, one_of_the_outputs), which has the same layers and weights, or concatenate them"
            )
        super().compile(*args, **kwargs)

    def _build_for(self, x: Any) -> None:
        if self.takes_several:
            raise NotImplementedError(
                f"{self.name} has {len(self.inputs)} inputs: fit, evaluate and predict take one array; make the inputs "
                "one, such as channels of an image, and cut it apart in a layer; or call the model, model([a, b])"
            )
        super()._build_for(x)

    def get_config(self) -> dict[str, Any]:
        """Return the model's name and layers and what each is called on, for :meth:`from_config`."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [saving.to_json(layer) for layer in self.layers],
            "called_on": {symbol.name: [each.name for each in symbol.inputs] for symbol in self.symbols},
            "training": {s.name: s.training for s in self.symbols if s.training is not None},
            "inputs": [symbol.name for symbol in self.inputs],
            "outputs": [symbol.name for symbol in self.outputs],
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, type] | None = None
    ) -> "Functional":
        """Make a model from what :meth:`get_config` returned."""
        symbols: dict[str, Symbol] = {}
        for layer in _layers(config, custom_objects):
            sources = [symbols[name] for name in config["called_on"][layer.name]]
            training = config["training"].get(layer.name)
            if not sources:
                symbols[layer.name] = layer.output
            else:
                symbols[layer.name] = layer(sources if layer.takes_several else sources[0], training)
        inputs, outputs = ([symbols[name] for name in config[end]] for end in ("inputs", "outputs"))
        return cls(inputs, outputs, config["name"], config["trainable"])


__getattr__ = spellings.names_of(__name__)
_MODELS: dict[str, type] = {"Sequential": Sequential, "Functional": Functional}


def _layers(config: Mapping[str, Any], custom_objects: Mapping[str, type] | None) -> list[Layer]:
    """Return the layers of a model's configuration, made anew where they are descriptions."""
    kinds = _MODELS | dict(custom_objects or {})
    return [deserialize(each, kinds) if isinstance(each, Mapping) else each for each in config["layers"]]


def save_model(model: Any, filepath: str | os.PathLike) -> None:
    """Write a model: ``model.save(filepath)``."""
    model.save(filepath)


def load_model(
    path: str | os.PathLike, custom_objects: Mapping[str, type] | None = None, compile: bool = True
) -> Any:
    """Return the model that `Model.save` wrote: it predicts the same and trains on from where it was.

    Args:
        path: the .npz file.
        custom_objects: class name -> class, for layers of your own.
        compile: whether to restore optimizer and loss too.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not such a file, or uses a layer that is not known.
    """
    config, arrays = saving.read(path)
    if "model" not in config:
        raise ValueError(f"{path}: holds weights only; make the model, then call model.load_weights(path)")
    model: Any = deserialize(config["model"], _MODELS | dict(custom_objects or {}))
    if not model.built:
        model.build(tuple(config["input_shape"]))
    compiled = compile and "compiled" in config
    if compiled:
        model.compile(**config["compiled"])
    model.restore(config, arrays, optimizer=compiled)
    return model


def model_from_json(json_string: str, custom_objects: Mapping[str, type] | None = None) -> Any:
    """Return a model with new weights from what `Model.to_json` returned.

    Args:
        json_string: the text.
        custom_objects: class name -> class, for layers of your own.

    Raises:
        ValueError: it is no such text, or uses a layer that is not known.
    """
    try:
        description = json.loads(json_string)
        return deserialize(description, _MODELS | dict(custom_objects or {}))
    except (json.JSONDecodeError, TypeError, KeyError) as error:
        raise ValueError(
            f"not the description of a model ({error!r}): expected what model.to_json() gave"
        ) from error


def clone_model(model: Any) -> Any:
    """Return a model with the same layers, new ones, and new weights, as `keras.models.clone_model`."""
    return model_from_json(model.to_json(), {type(layer).__name__: type(layer) for layer in model.layers})

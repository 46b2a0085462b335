"""Describe a model in Keras's JSON: its layers, their arguments, and their connections.

    {"module": "keras.layers", "class_name": "Dense", "config": {"units": 7, …}, "registered_name": null}

A Sequential lists its layers. In a Functional each layer also has ``inbound_nodes``: the tensors that it was
called on. A tensor is [name, n, 0]: the layer that computes it, and which of its calls.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn import layers
from minicnn.initializers import Initializer
from minicnn.layers.base import Layer
from minicnn.layers.containers import Chain
from minicnn.layers.graph import Graph
from minicnn.layers.symbol import Symbol
from minicnn.regularizers import Regularizer
from minicnn.saving.keras import layout

ADVICE = 'write "x.weights.h5" and load it into an equal model made in Keras'


def described(model: Any) -> dict[str, Any]:
    """Return the description of a built model.

    Raises:
        NotImplementedError: it contains something that Keras does not have.
    """
    if isinstance(model, Graph):
        return _functional(model)
    if isinstance(model, Chain):
        return _sequential(model)
    raise NotImplementedError(f"{model.name}: a {type(model).__name__} cannot be a .keras file: {ADVICE}")


def _sequential(model: Any) -> dict[str, Any]:
    inputs = _input(f"{model.name}_input", model.input_shape, model.dtype)
    config = {
        "name": model.name,
        "trainable": model.trainable,
        "layers": [inputs, *(_layer(layer) for layer in _in_a_row(model))],
        "build_input_shape": list(model.input_shape),
    }
    return _as("keras", "Sequential", config)


def _in_a_row(chain: Chain) -> list[Layer]:
    """Return the layers of a chain; in place of a chain inside it, that chain's layers."""
    row: list[Layer] = []
    for layer in chain.layers:
        row += _in_a_row(layer) if isinstance(layer, Chain) and not layout.is_model(layer) else [layer]
    return [layer for layer in row if not isinstance(layer, layers.InputLayer)]


def _functional(model: Any) -> dict[str, Any]:
    def place(symbol: Symbol) -> list[Any]:
        return [symbol.name, model.uses.numbers[symbol], 0]

    called: dict[str, dict[str, Any]] = {}
    for symbol in model.symbols:  # a layer that is used again gets one more node
        one = _called(symbol, place)
        called.setdefault(symbol.name, one | {"inbound_nodes": []})["inbound_nodes"] += one["inbound_nodes"]
    config = {
        "name": model.name,
        "trainable": model.trainable,
        "layers": list(called.values()),
        "input_layers": [place(symbol) for symbol in model.inputs],
        "output_layers": [place(symbol) for symbol in model.outputs],
    }
    return _as("keras.src.models.functional", "Functional", config)


def _called(symbol: Symbol, place: Callable[[Symbol], list[Any]]) -> dict[str, Any]:
    """Return the description of a graph's layer, with the tensors that it was called on."""
    layer = symbol.layer
    if isinstance(layer, layers.InputLayer):
        return _input(layer.name, symbol.shape, symbol.dtype) | {"name": layer.name, "inbound_nodes": []}
    tensors = [
        {
            "class_name": "__keras_tensor__",
            "config": {"shape": source.shape, "dtype": source.dtype, "keras_history": place(source)},
        }
        for source in symbol.inputs
    ]
    arguments = {} if symbol.training is None else {"training": symbol.training}
    node = {"args": [tensors] if layer.multiple_inputs else tensors, "kwargs": arguments}
    return _layer(layer) | {"name": layer.name, "inbound_nodes": [node]}


def _input(name: str, shape: Any, dtype: Any) -> dict[str, Any]:
    return _as("keras.layers", "InputLayer", {"batch_shape": list(shape), "dtype": str(dtype), "name": name})


def _layer(layer: Any) -> dict[str, Any]:
    if layout.is_model(layer):
        return described(layer)
    name = type(layer).__name__
    if getattr(layers, name, None) is not type(layer) or isinstance(layer, layers.Chain | layers.Residual):
        raise NotImplementedError(
            f"{layer.name}: Keras has no layer {name}, so it cannot be in a .keras file: {ADVICE}"
        )
    config = {key: _plain(value, layer) for key, value in layer.get_config().items()}
    if not layer.weights:
        del config["trainable"]  # some of Keras's layers without weights do not take it
    return _as("keras.layers", name, config)


def _plain(value: Any, layer: Layer) -> Any:
    """Return an argument of a layer as Keras's JSON."""
    if isinstance(value, Initializer):
        return _as("keras.initializers", type(value).__name__, value.get_config())
    if isinstance(value, Regularizer):
        return _as("keras.regularizers", type(value).__name__, value.get_config())
    if isinstance(value, layers.Activation):
        raise NotImplementedError(
            f"{layer.name}: activation={value!r} is a layer in a layer: name it, as in "
            f'activation="{value.activation}", or put the layer after this one'
        )
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return [_plain(item, layer) for item in value] if isinstance(value, list | tuple) else value


def _as(module: str, name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}

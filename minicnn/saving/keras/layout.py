"""How Keras 3 lays out a file of weights, and which of our layers is which of its.

    layers/conv2d/vars/0            kernel of the first Conv2D
    layers/conv2d/vars/1            its bias
    layers/conv2d_1/vars/0          kernel of the second
    layers/sequential/layers/…      a model inside the model

A group is named by the layer's class, in snake_case, and numbered in the order of the model's layers, whatever the
layers are called; their own names stand in the attribute "name" of ``vars``. `Chain` and `Residual` have no
counterpart in Keras: the layers inside them are listed as if they stood in the model itself.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from minicnn.layers.base import Layer, Parameter


def snake_case(name: str) -> str:
    """Return a class's name as Keras writes it: MaxPooling2D -> max_pooling2d."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def class_name(layer: Layer) -> str:
    """Return the name of the layer's class in snake_case."""
    return snake_case(type(layer).__name__)


def is_model(layer: Layer) -> bool:
    """Whether a layer is a model of its own, which Keras would nest, not a container that Keras does not have."""
    return hasattr(layer, "fit")


def own_weights(layer: Layer) -> list[Parameter]:
    """Return the layer's weights without those of the layers inside it."""
    inner = {id(weight) for sub in layer.sublayers for weight in sub.weights}
    return [weight for weight in layer.weights if id(weight) not in inner]


def members(container: Layer) -> Iterator[Layer]:
    """Yield the layers of a model as Keras would list them, those in `Chain` and `Residual` one by one."""
    for layer in container.sublayers:
        if is_model(layer):
            yield layer
            continue
        if not layer.sublayers or own_weights(layer):
            yield layer
        yield from members(layer)


def placed(container: Any, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Yield each layer of a model, those of nested models too, with the path of its group: ("layers/conv2d", layer)."""
    numbers: Counter[str] = Counter()
    for layer in members(container):
        name = class_name(layer)
        number, numbers[name] = numbers[name], numbers[name] + 1
        path = f"{prefix}layers/{name}_{number}" if number else f"{prefix}layers/{name}"
        yield path, layer
        if is_model(layer):
            yield from placed(layer, f"{path}/")

"""The layout of a Keras 3 weight file, and the path of each layer of a minicnn model in it.

    layers/conv2d/vars/0            kernel of the first Conv2D
    layers/conv2d/vars/1            bias of the first Conv2D
    layers/conv2d_1/vars/0          kernel of the second Conv2D
    layers/sequential/layers/…      a model inside the model

A group's name is the layer's class in snake_case and a number, in the order of the model's layers. The
layer's own name does not count; it is in the attribute "name" of ``vars``. Keras has no `Chain` and no
`Residual`: the layers in them are listed as layers of the model itself.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from minicnn._base.names import snake_case
from minicnn.layers.base import Layer, Parameter


def class_name(layer: Layer) -> str:
    """Return the name of the layer's class in snake_case."""
    return snake_case(type(layer).__name__)


def is_model(layer: Layer) -> bool:
    """Return whether a layer is a model, which Keras nests; `Chain` and `Residual` are not."""
    return hasattr(layer, "fit")


def own_weights(layer: Layer) -> list[Parameter]:
    """Return the layer's weights without those of the layers inside it."""
    inner = {id(weight) for sub in layer.sublayers for weight in sub.weights}
    return [weight for weight in layer.weights if id(weight) not in inner]


def members(container: Layer) -> Iterator[Layer]:
    """Yield the layers of a model as Keras lists them: for a `Chain` or `Residual` the layers in it."""
    for layer in container.sublayers:
        if is_model(layer):
            yield layer
            continue
        if not layer.sublayers or own_weights(layer):
            yield layer
        yield from members(layer)


def placed(container: Any, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Yield ("layers/conv2d", layer), group and layer, for each layer of a model and of nested models."""
    numbers: Counter[str] = Counter()
    for layer in members(container):
        name = class_name(layer)
        number, numbers[name] = numbers[name], numbers[name] + 1
        path = f"{prefix}layers/{name}_{number}" if number else f"{prefix}layers/{name}"
        yield path, layer
        if is_model(layer):
            yield from placed(layer, f"{path}/")

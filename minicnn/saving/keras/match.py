"""Match the layers in a file of Keras with the layers of a model.

1. By name, if the user named every layer that has weights (``name="stem"``, not "conv2d_3") and the file
   has the same names.
2. Otherwise by kind and order, as Keras does: the first Conv2D in the file is the first Conv2D of the model.

minicnn.saving.keras.layout describes Keras 3's layout, where a kind is a class. The older layout has a group
for each layer, with the layer's name, in the order of the attribute "layer_names"; there a kind is the list
of a layer's weights:

    model_weights/conv2d_7 (its weight_names: conv2d_7/kernel:0, conv2d_7/bias:0)/conv2d_7/kernel:0
"""

import json
import re
from collections import defaultdict
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from minicnn.layers.base import Layer, Parameter
from minicnn.saving.keras import hdf5, layout

PLACE = re.compile(
    r"(?P<parent>(?:layers/[^/]+/)*)layers/(?P<kind>[^/]+?)(?:_(?P<number>\d+))?/vars/(?P<index>\d+)"
)


class Stored(NamedTuple):
    """One layer in a file: its name, its kind, and the arrays of its weights, which are not read yet."""

    name: str
    kind: Hashable
    arrays: list[Any]


class Wanted(NamedTuple):
    """One layer of the model: the layer, its kind, and its weights."""

    layer: Layer
    kind: Hashable
    weights: list[Parameter]


def matched(model: Layer, file: Any, found: dict[str, Any], path: Path) -> list[tuple[Parameter, Any]]:
    """Return each weight of a model with its dataset in the file, which has the same shape.

    Args:
        model: a built model.
        file: an open HDF5 file.
        found: its datasets by name.
        path: the file's name in errors.

    Raises:
        ValueError: a layer or weight has no counterpart, or a shape differs.
    """
    if "layer_names" in file.attrs or "layer_names0" in file.attrs or "model_weights" in file:
        stored, wanted = list(_stored_by_keras_2(file, found, path)), _wanted_by_weights(model)
    else:
        stored, wanted = _stored_by_keras_3(found, path), _wanted_by_class(model)
    return list(_paired(stored, wanted, path))


def _stored_by_keras_3(found: dict[str, Any], path: Path) -> list[Stored]:
    """Return the layers in the layout of Keras 3, in order."""
    layers: dict[tuple[str, str, int], dict[int, Any]] = defaultdict(dict)
    for name, array in found.items():
        # Keras 2.13 had another name for the list of layers, and wrote backslashes on Windows
        place = name.replace("\\", "/").replace("_layer_checkpoint_dependencies", "layers")
        match = PLACE.fullmatch(place)
        if array.dtype.kind != "f":
            continue  # counters and random states
        if match:
            layer = match["parent"], match["kind"], int(match["number"] or 0)
            layers[layer][int(match["index"])] = array
        elif place.startswith(("layers/", "vars/")):
            raise ValueError(f"{path}: {name!r} belongs to a layer that minicnn does not have")
    return [
        Stored(
            hdf5.text(arrays[min(arrays)].parent, "name", ""),
            (parent, kind),
            [arrays[index] for index in sorted(arrays)],
        )
        for (parent, kind, _), arrays in sorted(layers.items())
    ]


def _wanted_by_class(model: Layer) -> list[Wanted]:
    return [
        Wanted(layer, (place[: place.rindex("layers/")], layout.class_name(layer)), weights)
        for place, layer in layout.placed(model)
        if not layout.is_model(layer) and (weights := layout.own_weights(layer))
    ]


def _stored_by_keras_2(file: Any, found: dict[str, Any], path: Path) -> Iterator[Stored]:
    """Yield the layers in the older layout: groups with the names of their weights as an attribute."""
    prefix = "model_weights" if "model_weights" in file else ""
    root = file[prefix] if prefix else file
    order = _names_in_order(json.loads(hdf5.text(file, "model_config", "{}")))
    for layer in [*hdf5.names(root, "layer_names"), "top_level_model_weights"]:
        # a nested model is one group here, with its trainable weights first: group them by layer
        inside: dict[str, dict[str, Any]] = defaultdict(dict)
        for name in hdf5.names(root[layer], "weight_names") if layer in root else []:
            array = found["/".join(part for part in (prefix, layer, name) if part)]
            owner, _, weight = re.sub(r":\d+$", "", name).rpartition("/")
            weights_of_owner = inside[owner.rpartition("/")[2]] if array.dtype.kind == "f" else {}
            if weight in weights_of_owner:
                raise ValueError(
                    f"{path}: {layer!r} holds two layers called {owner.rpartition('/')[2]!r}: rename one"
                )
            weights_of_owner[weight] = array
        if len(inside) > 1 and not all(name in order for name in inside):
            raise ValueError(
                f"{path}: {layer!r} is a nested model, and this older file form does not store the order "
                'of its layers: save it in Keras as "x.weights.h5" or "x.keras"'
            )
        for name in sorted(inside, key=lambda name: order.get(name, 0)):
            arrays = inside[name]
            if "pointwise_kernel" not in arrays and "depthwise_kernel" in arrays:
                arrays["kernel"] = arrays.pop("depthwise_kernel")  # Keras 2's DepthwiseConv2D
            weights = sorted(arrays)
            kind = tuple((weight, len(arrays[weight].shape)) for weight in weights)
            yield Stored(name, kind, [arrays[weight] for weight in weights])


def _names_in_order(config: Any) -> dict[str, int]:
    """Return {layer name: its place in the model's configuration}, with the layers of nested models."""
    found: dict[str, int] = {}
    values = [config]
    while values:
        inner = values.pop().get("config")
        if isinstance(inner, dict):
            found.setdefault(str(inner.get("name")), len(found))
            values += [value for value in reversed(inner.get("layers", [])) if isinstance(value, dict)]
    return found


def _wanted_by_weights(model: Layer) -> list[Wanted]:
    wanted = []
    for _, layer in layout.placed(model):
        weights = sorted(layout.own_weights(layer), key=lambda weight: weight.name)
        if weights and not layout.is_model(layer):
            wanted.append(
                Wanted(layer, tuple((weight.name, weight.value.ndim) for weight in weights), weights)
            )
    return wanted


def _paired(stored: list[Stored], wanted: list[Wanted], path: Path) -> Iterator[tuple[Parameter, Any]]:
    """Yield each weight of the model with its array, which has the same shape."""
    given = {layer.name for layer, _, _ in wanted if not _is_automatic(layer)}
    if len(given) == len(wanted) == len(stored) and given == {layer.name for layer in stored}:
        stored = [layer._replace(kind=layer.name) for layer in stored]
        wanted = [layer._replace(kind=layer.layer.name) for layer in wanted]
    theirs, ours = defaultdict(list), defaultdict(list)
    for there in stored:
        theirs[there.kind].append(there)
    for here in wanted:
        ours[here.kind].append(here)
    for kind in dict.fromkeys([*ours, *theirs]):
        if len(ours[kind]) != len(theirs[kind]):
            raise ValueError(
                f"{path}: holds {len(theirs[kind])} layers of the kind {_kind_text(kind)} with weights, "
                f"the model has {len(ours[kind])}: make the same layers as in Keras, in the same order"
            )
        for there, here in zip(theirs[kind], ours[kind]):
            yield from _fitting(there, here, path)


def _is_automatic(layer: Layer) -> bool:
    return re.fullmatch(rf"{layout.class_name(layer)}(_\d+)?", layer.name) is not None


def _kind_text(kind: Any) -> str:
    """Return a kind as text: "layers/conv2d", or "bias (1-d), kernel (4-d)"."""
    if isinstance(kind[0], tuple):
        return ", ".join(f"{weight} ({axes}-d)" for weight, axes in kind)
    return kind if isinstance(kind, str) else "".join(kind)


def _fitting(there: Stored, here: Wanted, path: Path) -> Iterator[tuple[Parameter, Any]]:
    label = f"{here.layer.name} (in the file {there.name or _kind_text(there.kind)!r})"
    if len(there.arrays) != len(here.weights):
        raise ValueError(
            f"{path}: {label}: the file holds {len(there.arrays)} arrays, the layer expects "
            f"{', '.join(weight.name for weight in here.weights)}: give the layer the same arguments as in "
            "Keras (use_bias, center, scale)"
        )
    for array, weight in zip(there.arrays, here.weights):
        if array.shape != weight.shape:
            raise ValueError(
                f"{path}: {label}: the file's {weight.name} has the shape {array.shape}, the model's "
                f"{weight.shape}: make the layers and the input shape as in Keras"
            )
        yield weight, array

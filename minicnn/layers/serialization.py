"""Layers to JSON and back: the name of the class and the arguments of its constructor."""

from collections.abc import Mapping
from typing import Any

from minicnn import layers
from minicnn._base.messages import shown
from minicnn._base.registry import to_json


def serialize(layer: layers.Layer) -> dict[str, Any]:
    """Return {"class_name": …, "config": …} for a layer and its sublayers, without weights."""
    return to_json(layer)


def deserialize(
    description: Mapping[str, Any], custom_objects: Mapping[str, type] | None = None
) -> layers.Layer:
    """Return a new layer from the result of :func:`serialize`.

    Args:
        description: {"class_name": …, "config": …}.
        custom_objects: class name -> class, for your own layers.

    Raises:
        ValueError: there is no such class.
    """
    classes = {name: getattr(layers, name) for name in layers.__all__} | dict(custom_objects or {})

    def known(name: Any) -> bool:
        return isinstance(name, str) and name in classes

    def revive(value: Any) -> Any:
        if isinstance(value, list):
            return [revive(item) for item in value]
        if isinstance(value, Mapping) and "config" in value and known(value.get("class_name")):
            return deserialize(value, custom_objects)
        return value

    name = description["class_name"]
    if not known(name):
        raise ValueError(
            f"unknown layer {shown(name)}: give its class as custom_objects={{{shown(name)}: {str(name)[:40]}}}"
        )
    return classes[name].from_config({key: revive(value) for key, value in description["config"].items()})

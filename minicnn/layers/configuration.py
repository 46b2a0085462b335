"""A layer as its constructor's arguments, and back: what get_config and from_config of every layer do.

The value of an argument is that of the attribute of the same name. What is in no such attribute would be lost
by saving: a layer of one's own that has ``self.n_groups = groups`` would come back with the default. That is
an error when the layer is saved, not a different prediction when it is loaded.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from minicnn import backend
from minicnn._base.names import is_ours
from minicnn.layers.arguments import LayerArguments


def arguments(layer: Any, positional: int, given: tuple[str, ...]) -> dict[str, Any]:
    """Return {argument: value} of the layer's constructor, without those that every layer has.

    Args:
        layer: the layer.
        positional, given: with how many arguments by position, and which by name, it was made.

    Raises:
        ValueError: an argument is in no attribute of its name.
    """
    parameters = list(_parameters(type(layer)).values())[1:]
    named = [each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    # what came by **kwargs is for a parent: class Wide(Conv2D), called as Wide(2, padding="same")
    parents = {name for each in type(layer).__mro__ if "__init__" in vars(each) for name in _parameters(each)}
    wanted = dict.fromkeys([*named, *(name for name in given if name in parents)])
    wanted = {name: None for name in wanted if name not in LayerArguments.__annotations__}
    missing = [name for name in wanted if not hasattr(layer, name)]
    rest = [each.name for each in parameters if each.kind is each.VAR_POSITIONAL and positional > len(named)]
    _refuse_lost(layer, missing + [f"*{name}" for name in rest])
    return {name: getattr(layer, name) for name in wanted if name not in missing}


def _refuse_lost(layer: Any, missing: list[str]) -> None:
    """Refuse to lose these, except those that a get_config of one's own takes care of; ours are tested."""

    def definer(method: str) -> type:
        return next(each for each in type(layer).__mro__ if method in vars(each))

    handled = _parameters(definer("get_config"))
    lost = [name for name in missing if name.removeprefix("*") not in handled]
    if lost and not is_ours(definer("__init__")):
        name = lost[0]
        fix = "give it by name" if "*" in name else f"keep it in __init__, self.{name} = {name}"
        raise ValueError(
            f"layer {layer.name!r} of class {type(layer).__name__}: the argument {name} is in no attribute of that "
            f"name, so a saved layer would lose it: {fix}; or define get_config"
        )


def from_arguments(kind: type, config: Mapping[str, Any]) -> Any:
    """Return a layer of that class; name, trainable and dtype are set where its constructor takes none."""
    parameters, named = _parameters(kind), dict(config)
    by_position = [
        named.pop(each.name)
        for each in parameters.values()
        if each.kind is each.POSITIONAL_ONLY and each.name in config
    ]
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return kind(*by_position, **named)
    layer = kind(*by_position, **{name: value for name, value in named.items() if name in parameters})
    later = {name: config[name] for name in ("name", "trainable", "dtype") if name in config}
    for name, value in later.items():
        if name not in parameters:
            setattr(layer, name, backend.checked_dtype(value) if name == "dtype" and value else value)
    return layer


def _parameters(kind: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(kind.__init__).parameters

"""Names and JSON for a model's small objects: optimizers, schedules, initializers, regularizers, metrics.

An object can be given in three forms:

    "he_normal"                                                    the class's name, as it is or in snake_case
    {"class_name": "HeNormal", "config": {"seed": 1}}              what serialize() returned
    HeNormal(seed=1)                                               the object itself
"""

import dataclasses
import difflib
import inspect
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minicnn._base import keras_errors
from minicnn._base.keras_errors import letters
from minicnn._base.messages import shown

_KINDS: dict[str, Any] = {
    "float": numbers.Real, "int": numbers.Integral, "bool": (bool, np.bool_), "None": type(None),
}  # fmt: skip


class Configured:
    """An object with a configuration: its constructor's arguments; for a dataclass, its fields.

    The numbers among a dataclass's fields are checked.
    """

    def __post_init__(self) -> None:
        """Check the fields whose type is int, float or bool.

        Raises:
            ValueError: one has another type.
        """
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            kinds = [
                _KINDS.get(kind.strip())
                for kind in str(getattr(field.type, "__name__", field.type)).split("|")
            ]
            value = getattr(self, field.name)
            plain = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
            if None in kinds or any(
                isinstance(plain, kind) and not (isinstance(plain, bool) and kind != _KINDS["bool"])
                for kind in kinds
                if kind is not None
            ):
                continue
            raise ValueError(f"{field.name}={shown(value)}: expected a value of the type {field.type}")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON-able values."""
        if not dataclasses.is_dataclass(self):
            raise NotImplementedError(f"{type(self).__name__} must define get_config() to be saved")
        return arguments_of(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Make an object from what :meth:`get_config` returned."""
        return cls(**config)


class Registry:
    """The classes of one kind, found by name.

    Args:
        kind: the word for them in errors, such as "optimizer"; the plural is the name of their module.
        classes: the classes.
        aliases: other names, in lower-case letters without underscores -> class.
    """

    def __init__(self, kind: str, classes: Iterable[type], aliases: Mapping[str, type] | None = None) -> None:
        self.kind = kind
        self.names = [cls.__name__ for cls in classes]
        self._makers = {letters(cls.__name__): cls for cls in classes} | dict(aliases or {})

    def get(self, identifier: Any) -> Any:
        """Return the object of a name, a dictionary or a class; any other object unchanged.

        Raises:
            ValueError: there is no such name, or a dictionary has no "class_name".
            NotImplementedError: Keras has it, minicnn does not.
        """
        if isinstance(identifier, str):
            return self._find(identifier)()
        if isinstance(identifier, Mapping):
            config = identifier.get("config") or {}
            if not isinstance(identifier.get("class_name"), str) or not isinstance(config, Mapping):
                raise ValueError(
                    f'{self.kind} {shown(dict(identifier))}: expected the keys "class_name" and "config"'
                )
            return self._find(identifier["class_name"]).from_config(dict(config))
        return identifier() if isinstance(identifier, type) else identifier

    def _find(self, name: str) -> Any:
        found = self._makers.get(letters(name))
        if found is not None:
            return found
        name = name[:200]
        keras_errors.refuse_name("losses" if self.kind == "loss" else f"{self.kind}s", name)
        spelled = {letters(each): each for each in self.names}
        close = difflib.get_close_matches(letters(name), spelled, n=1, cutoff=0.5)
        hint = f"did you mean {spelled[close[0]]!r}? " if close else ""
        raise ValueError(f"unknown {self.kind} {shown(name)}: {hint}There are {', '.join(self.names)}")


def arguments_of(instance: Any) -> dict[str, Any]:
    """Return the arguments of an object's constructor that it keeps in attributes of their names."""
    kept, constructor = vars(instance), inspect.signature(type(instance).__init__)
    return {name: kept[name] for name in constructor.parameters if name in kept}


def serialize(instance: Any) -> dict[str, Any] | None:
    """Return the dictionary from which `Registry.get` makes an equal object; None for None."""
    if instance is None:
        return None
    return {"class_name": type(instance).__name__, "config": instance.get_config()}


def to_json(value: Any) -> Any:
    """Return ``value`` for JSON: objects with get_config become {"class_name": …, "config": …}."""
    if hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": to_json(value.get_config())}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if callable(value):
        raise ValueError(
            f"{shown(value)}: a function cannot be in a file; save the weights, model.save_weights(path), and load "
            "them into an equal model; or make a layer of your own, see minicnn.layers.base"
        )
    return value

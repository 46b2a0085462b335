"""Models from files and from descriptions: load_model, save_model, model_from_json, clone_model."""

import json
import os
from collections.abc import Mapping
from typing import Any, TypeVar

from minicnn.layers.serialization import deserialize
from minicnn.models.model import MODELS, Model
from minicnn.saving import npz

ModelT = TypeVar("ModelT", bound=Model)


def save_model(model: Model, filepath: str | os.PathLike[str]) -> None:
    """Write a model: ``model.save(filepath)``."""
    model.save(filepath)


def load_model(
    path: str | os.PathLike[str], custom_objects: Mapping[str, type] | None = None, compile: bool = True
) -> Model:
    """Return the model that `Model.save` wrote: its predictions are the same, and training can continue.

    Args:
        path: the .npz file.
        custom_objects: class name -> class, for your own layers.
        compile: whether to restore optimizer and loss too.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a file of `Model.save`, or has a layer of an unknown class.
    """
    config, arrays = npz.read(path)
    if "model" not in config:
        raise ValueError(f"{path}: holds weights only; make the model, then call model.load_weights(path)")
    model: Any = deserialize(config["model"], MODELS | dict(custom_objects or {}))
    if not model.built:
        model.build(tuple(config["input_shape"]))
    compiled = compile and "compiled" in config
    if compiled:
        model.compile(**config["compiled"])
    model.restore(config, arrays, optimizer=compiled)
    return model


def model_from_json(json_string: str, custom_objects: Mapping[str, type] | None = None) -> Model:
    """Return a model with new weights from what `Model.to_json` returned.

    Args:
        json_string: the text.
        custom_objects: class name -> class, for your own layers.

    Raises:
        ValueError: it is not the text of `Model.to_json`, or has a layer of an unknown class.
    """
    try:
        description = json.loads(json_string)
        model: Any = deserialize(description, MODELS | dict(custom_objects or {}))
        return model
    except (json.JSONDecodeError, TypeError, KeyError) as error:
        raise ValueError(
            f"not the description of a model ({error!r}): expected what model.to_json() gave"
        ) from error


def clone_model(model: ModelT) -> ModelT:
    """Return a new model of equal layers with new weights, as `keras.models.clone_model`."""
    clone: Any = model_from_json(
        model.to_json(), {type(layer).__name__: type(layer) for layer in model.layers}
    )
    return clone

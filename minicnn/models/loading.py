"""Models from files and from descriptions: load_model, save_model, model_from_json, clone_model."""

import json
import os
from collections.abc import Mapping
from typing import Any

from minicnn.layers.serialization import deserialize
from minicnn.models.model import MODELS
from minicnn.saving import npz


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
        return deserialize(description, MODELS | dict(custom_objects or {}))
    except (json.JSONDecodeError, TypeError, KeyError) as error:
        raise ValueError(
            f"not the description of a model ({error!r}): expected what model.to_json() gave"
        ) from error


def clone_model(model: Any) -> Any:
    """Return a model with the same layers, new ones, and new weights, as `keras.models.clone_model`."""
    return model_from_json(model.to_json(), {type(layer).__name__: type(layer) for layer in model.layers})

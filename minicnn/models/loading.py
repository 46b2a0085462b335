"""Models from files and from descriptions: load_model, save_model, model_from_json, clone_model."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from minicnn._base import keras_errors, schema
from minicnn._base.messages import reason
from minicnn.layers.arguments import room_for
from minicnn.layers.inputs import InputLayer
from minicnn.layers.serialization import deserialize
from minicnn.models.model import MODELS, Model
from minicnn.models.saved import OBJECT, SNAPSHOT, weights_of
from minicnn.saving import npz

ModelT = TypeVar("ModelT", bound=Model)


def save_model(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write a model: ``model.save(filepath, overwrite)``."""
    model.save(filepath, overwrite)


@keras_errors.keras_arguments
def load_model(
    filepath: str | os.PathLike[str], custom_objects: Mapping[str, type] | None = None, compile: bool = True
) -> Model:
    """Return the model that `Model.save` wrote: its predictions are the same, and training can continue.

    Args:
        filepath: the file.
        custom_objects: class name -> class, for your own layers.
        compile: whether to restore optimizer and loss too.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a file of `Model.save`, is damaged, or has a layer of an unknown class; the
            message names the file.
    """
    config, arrays = npz.read(filepath)
    if "model" not in config:
        raise ValueError(
            f"{filepath}: holds weights only; make the model, then call model.load_weights(filepath)"
        )
    with npz.naming(filepath):
        schema.check(config, SNAPSHOT)
        # the description alone could ask for weights of any size
        with room_for(sum(array.size for array in weights_of(arrays))):
            model: Any = deserialize(config["model"], MODELS | dict(custom_objects or {}))
            if not isinstance(model, Model):
                raise ValueError(f"it holds a {type(model).__name__}, which is not a model")
            if not model.built:
                model.build(tuple(config["input_shape"]))
        compiled = compile and "compiled" in config
        if compiled:
            model.compile(**config["compiled"])
        model.restore(config, arrays, optimizer=compiled)
    model.metadata = dict(config.get("metadata", {}))
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
        description = schema.parse(json_string)
        schema.check(description, OBJECT)
        model: Any = deserialize(description, MODELS | dict(custom_objects or {}))
        return model
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        if isinstance(error, ValueError) and "unknown layer" in str(error):
            raise
        raise ValueError(
            f"not the description of a model ({reason(error)}): expected what model.to_json() gave"
        ) from error


def clone_model(model: ModelT, clone_function: Callable[[Any], Any] | None = None) -> ModelT:
    """Return a new model of equal layers with new weights, as `keras.models.clone_model`.

    Args:
        model: the model.
        clone_function: is given each layer and returns the layer for its place, which must have the same name.

    Raises:
        ValueError: a layer got another name.
    """
    if clone_function is not None:
        config, layers = model.get_config(), []
        for each, layer in zip(config["layers"], model.sublayers):
            layers.append(each if isinstance(layer, InputLayer) else clone_function(layer))
            if not isinstance(layer, InputLayer) and getattr(layers[-1], "name", None) != layer.name:
                raise ValueError(
                    f"clone_function gave {layers[-1]!r} for {layer!r}: expected a layer of the same name, such "
                    "as type(layer).from_config(layer.get_config())"
                )
        changed: Any = type(model).from_config({**config, "layers": layers})  # type: ignore[arg-type]
        return changed  # type: ignore[no-any-return]
    clone: Any = model_from_json(
        model.to_json(), {type(layer).__name__: type(layer) for layer in [model, *model.layers]}
    )
    return clone

"""Write a model for Keras 3: a file of its weights, or a file for `keras.models.load_model`.

save_keras_weights    writes one of these files, or says why not
with_keras            adds to minicnn's own file what Keras needs, so that both load it: for model.save

x.weights.h5     weights alone                                 minicnn.saving.keras.layout
x.keras          a zip of two JSON texts and the weights       also minicnn's arrays: the members that end in .npy
x.h5, x.hdf5     Keras's older form, one HDF5 file             also minicnn's file as the dataset "minicnn"
"""

import importlib.util
import io
import json
import os
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from minicnn import layers
from minicnn._base.files import replacing
from minicnn.layers.base import Layer
from minicnn.saving.checks import check_built, check_folder, needed
from minicnn.saving.keras import config, hdf5, layout

KERAS = "3.10.0"  # the version of the file form


def save_keras_weights(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a built model's weights for Keras 3.

    Args:
        model: a built model.
        path: "x.weights.h5" for `keras_model.load_weights` of an equal model made in Keras; or "x.keras",
            "x.h5" or "x.hdf5" for `keras.models.load_model`, which also makes the model. It is not compiled.

    Raises:
        ImportError: h5py, the extra ``[keras]``, is not installed.
        ValueError: the model is not built, or the file name ends otherwise.
        NotImplementedError: a file for load_model of a model with layers that Keras does not have.
        FileNotFoundError: the folder does not exist.
    """
    path = Path(path)
    check_built(model)
    if path.name.endswith(".weights.h5"):
        content = _weights(model)
    elif path.suffix == ".keras":
        content = _archive(model)
    elif path.suffix in hdf5.SUFFIXES:
        content = older_file(model)
    else:
        raise ValueError(
            f'{path}: expected a file name that ends in ".weights.h5", ".keras", ".h5" or ".hdf5"'
        )
    check_folder(path)
    with replacing(path) as file:
        file.write(content)


def with_keras(
    model: Any, path: str | os.PathLike[str], weights: bool = False
) -> Callable[[bytes], bytes] | None:
    """Return a function that changes minicnn's own file into one that Keras loads too.

    Args:
        model: a built model.
        path: the file's name decides its form.
        weights: whether the file is one of weights alone. A file .weights.h5 is then Keras's, which minicnn reads.

    Returns:
        None if there is no such file: the name ends in ".npz", h5py is not installed, or the model has a layer that
        Keras does not have.
    """
    suffix = Path(path).suffix
    if suffix not in (".keras", *hdf5.SUFFIXES) or importlib.util.find_spec("h5py") is None:
        return None
    if weights and suffix != ".keras":
        for_keras_3 = Path(path).name.endswith(".weights.h5")
        return lambda own: _weights(model) if for_keras_3 else older_file(model, own, weights=True)
    if weights:
        return None
    try:
        config.described(model)
    except NotImplementedError:
        return None
    return lambda own: _archive(model, own) if suffix == ".keras" else older_file(model, own)


def older_file(model: Any, own: bytes = b"", weights: bool = False) -> bytes:
    """Return a file in the form of Keras 2, which Keras 3 still reads.

    Args:
        model: a built model.
        own: minicnn's file, which becomes the dataset "minicnn".
        weights: leave the model's description out, for Keras's load_weights.
    """
    h5py = needed("h5py", "keras")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = KERAS, "numpy"
        if not weights:
            described = config.described(model)
            file.attrs["model_config"] = json.dumps({key: described[key] for key in ("class_name", "config")})
        group = file if weights else file.create_group("model_weights")
        group.attrs["keras_version"], group.attrs["backend"] = KERAS, "numpy"
        members = [layer for layer in layout.members(model) if not layer.sublayers or layout.is_model(layer)]
        group.attrs["layer_names"] = np.array([layer.name for layer in members], h5py.string_dtype())
        for layer in members:
            arrays = {each.path: each.value for each in layer.trainable_weights + layer.non_trainable_weights}
            if isinstance(layer, layers.Normalization) and arrays:
                arrays[f"{layer.name}/count"] = np.array(0, "int32")
            inside = group.create_group(layer.name)
            inside.attrs["weight_names"] = np.array(list(arrays), h5py.string_dtype())
            for name, array in arrays.items():
                inside[name] = array
        if own:
            file[hdf5.OWN] = np.frombuffer(own, np.uint8)
    return buffer.getvalue()


def _weights(model: Layer) -> bytes:
    """Return an HDF5 file in the layout of minicnn.saving.keras.layout."""
    h5py = needed("h5py", "keras")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_group("vars").attrs["name"] = model.name
        for place, layer in layout.placed(model):
            group = file.create_group(f"{place}/vars")
            group.attrs["name"] = layer.name
            if layout.is_model(layer):
                continue
            arrays = [weight.value for weight in layout.own_weights(layer)]
            if isinstance(layer, layers.Normalization) and arrays:
                arrays.append(np.array(0, "int32"))  # Keras's third weight: the number of batches
            for index, array in enumerate(arrays):
                group[str(index)] = array
    return buffer.getvalue()


def _archive(model: Layer, own: bytes = b"") -> bytes:
    """Return a .keras file: a zip of two JSON texts and the weights, added to the archive ``own``."""
    buffer = io.BytesIO(own)
    with zipfile.ZipFile(buffer, "a") as archive:
        metadata = {"keras_version": KERAS, "date_saved": datetime.now().strftime("%Y-%m-%d@%H:%M:%S")}
        archive.writestr("metadata.json", json.dumps(metadata))
        archive.writestr("config.json", json.dumps(config.described(model), allow_nan=False))
        archive.writestr(hdf5.WEIGHTS, _weights(model))
    return buffer.getvalue()

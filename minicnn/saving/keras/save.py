"""Write a model for Keras 3: a file of its weights, or a .keras file for `keras.models.load_model`."""

import io
import json
import os
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from minicnn import layers
from minicnn._base.files import replacing
from minicnn.layers.base import Layer
from minicnn.saving.checks import check_built, check_folder, needed
from minicnn.saving.keras import config, layout

KERAS = "3.10.0"  # the version of the file form


def save_keras_weights(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a built model's weights for Keras 3.

    Args:
        model: a built model.
        path: "x.weights.h5" for `keras_model.load_weights` of an equal model made in Keras; or "x.keras" for
            `keras.models.load_model`, which also makes the model. It is not compiled.

    Raises:
        ImportError: h5py, the extra ``[keras]``, is not installed.
        ValueError: the model is not built, or the file name ends otherwise.
        NotImplementedError: "x.keras" of a model with layers that Keras does not have.
        FileNotFoundError: the folder does not exist.
    """
    path = Path(path)
    check_built(model)
    if path.name.endswith(".weights.h5"):
        content = _weights(model)
    elif path.suffix == ".keras":
        content = _archive(model)
    else:
        raise ValueError(f'{path}: expected a file name that ends in ".weights.h5" or ".keras"')
    check_folder(path)
    with replacing(path) as file:
        file.write(content)


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


def _archive(model: Layer) -> bytes:
    """Return a .keras file: a zip of two JSON texts and the weights."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        metadata = {"keras_version": KERAS, "date_saved": datetime.now().strftime("%Y-%m-%d@%H:%M:%S")}
        archive.writestr("metadata.json", json.dumps(metadata))
        archive.writestr("config.json", json.dumps(config.described(model), allow_nan=False))
        archive.writestr("model.weights.h5", _weights(model))
    return buffer.getvalue()

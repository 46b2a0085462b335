"""Read weights from Keras's files into an existing model. Nothing in the file is executed.

    x.weights.h5   Keras 3's file of weights
    x.keras        a zip archive with config.json and model.weights.h5
    x.h5           the older form, which Keras 2 wrote and Keras 3 can still write

The file's content decides which form it is. minicnn.saving.keras.match finds the layer of each weight.
All shapes are compared before a number is read, and all numbers are read before a weight is changed.
"""

import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minicnn._base.files import regular
from minicnn._base.messages import reason
from minicnn.layers.base import Layer
from minicnn.saving.arrays import READ_ERRORS
from minicnn.saving.checks import check_built
from minicnn.saving.keras import hdf5, match

CODE = ("Lambda", "__lambda__")  # classes whose configuration is Python's compiled code
LARGEST_CONFIG = 64 * 2**20  # bytes


def load_keras_weights(model: Layer, path: str | os.PathLike[str]) -> None:
    """Set the weights of a built model from a file of an equal Keras model: .weights.h5, .keras or .h5.

    Optimizer, random states and the file's configuration are ignored. Layers are matched by name if the user
    named them all, and otherwise by kind and order. In a residual network whose branches have layers of the
    same kind and shape, name the layers: the order of branches may differ.

    Raises:
        ImportError: h5py, the extra ``[keras]``, is not installed.
        FileNotFoundError: there is no such file.
        ValueError: the model is not built; or the file does not fit it, is damaged, or is refused because it
            holds pickled objects, Lambda layers, links to other places or anything but numbers. The model is
            unchanged.
    """
    path = Path(path)
    check_built(model)
    with _weights_file(path, sum(weight.value.nbytes for weight in model.weights)) as file:
        found = hdf5.datasets(file, path)
        refuse_code(hdf5.text(file, "model_config", "{}"), path)
        pairs = match.matched(model, file, found, path)
        values = [(weight, array[()].astype(weight.dtype)) for weight, array in pairs]
    for weight, value in values:
        weight.assign(value)


def is_for_keras_alone(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is one of Keras that holds nothing of minicnn's own.

    Raises:
        ImportError: it is HDF5, and h5py is not installed.
        ValueError: it is HDF5, and damaged or refused.
    """
    path = Path(path)
    if not path.exists():
        return False
    with regular(path) as file:
        if file.read(len(hdf5.SIGNATURE)) == hdf5.SIGNATURE:
            return hdf5.own_file(path) is None
        try:
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
        except READ_ERRORS:
            return False
    return hdf5.WEIGHTS in names and "config.json.npy" not in names


@contextmanager
def _weights_file(path: Path, size: int) -> Iterator[Any]:
    """Open the HDF5 file ``path``, or the one in the .keras archive ``path``."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    with regular(path) as opened:
        beginning = opened.read(len(hdf5.SIGNATURE))
    if beginning == hdf5.SIGNATURE:
        with hdf5.opened(path, path) as file:
            yield file
    elif beginning[:2] == b"PK":
        with hdf5.opened(io.BytesIO(_from_archive(path, size)), path) as file:
            yield file
    elif beginning[:1] == b"\x80":
        raise ValueError(f"{path}: looks pickled, which is refused: loading it could run any code")
    else:
        raise ValueError(f"{path}: neither HDF5 nor a .keras archive, expected a file that Keras wrote")


def _from_archive(path: Path, size: int) -> bytes:
    """Return model.weights.h5 from a .keras archive, for a model of ``size`` bytes."""
    # enough for weights of twice our width and the optimizer's moments
    largest = 16 * size + LARGEST_CONFIG
    try:
        with regular(path) as file, zipfile.ZipFile(file) as archive:
            present = {entry.filename: entry.file_size for entry in archive.infolist()}
            if hdf5.WEIGHTS not in present:
                raise ValueError(
                    f"{path}: holds no model.weights.h5, expected a .keras file; a model of minicnn's own "
                    "is loaded by models.load_model(path)"
                )
            for name, most in (("config.json", LARGEST_CONFIG), (hdf5.WEIGHTS, largest)):
                if present.get(name, 0) > most:
                    raise ValueError(
                        f"{path}: refused: {name} unpacks to {present[name]:,} bytes, "
                        f"expected {most:,} at most for this model"
                    )
            if "config.json" in present:
                refuse_code(archive.read("config.json").decode(), path)
            return archive.read(hdf5.WEIGHTS)
    except READ_ERRORS as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path}: not a .keras archive, or damaged ({reason(error)})") from error


def refuse_code(config: str, path: Path) -> None:
    """Check that a model's configuration, a JSON text, contains no code.

    Raises:
        ValueError: it holds a Lambda layer, or it is not JSON.
    """
    try:
        values = [json.loads(config)]
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: its configuration is not JSON, or damaged ({reason(error)})") from error
    while values:
        value = values.pop()
        if isinstance(value, dict):
            if str(value.get("class_name")) in CODE:
                raise ValueError(
                    f"{path}: refused: it holds a Lambda layer, which is compiled Python code by the file's "
                    "author; make the model in Keras without it, and save that"
                )
            values += value.values()
        elif isinstance(value, list):
            values += value

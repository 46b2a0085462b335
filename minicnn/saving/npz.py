"""Models as files: one .npz file with arrays and one JSON text. No pickle, so loading executes no code.

    config.json   the model: layers with their arguments, arguments of compile, states of random generators
    weights/0 …   its weights, in the order of `model.weights`
    optimizer/…   the optimizer's moments, so that training continues where it stopped

A file is written under another name and renamed when it is complete: a reader finds the old file or the new
one. A file .keras or .h5 may hold the same beside what Keras needs: keras/save.py.
"""

import io
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from minicnn._base import schema
from minicnn._base.files import UnusableFile, regular, replacing
from minicnn._base.messages import reason
from minicnn._base.registry import to_json
from minicnn.saving.arrays import LARGEST, READ_ERRORS, read_arrays
from minicnn.saving.checks import check_folder
from minicnn.saving.keras import hdf5

VERSION = 1
SUFFIXES = (".npz", ".keras", *hdf5.SUFFIXES)
# what code raises that is given values of another kind than it expects
UNFIT = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, NotImplementedError, RecursionError, OSError,
    MemoryError,
)  # fmt: skip
BY_KERAS = (
    "written by Keras: make an equal model here, with the same layers in the same order, and call "
    "model.load_weights(path)"
)
_STORED = "in arrays"  # {_STORED: key}: the value is arrays[key]


def pack(value: Any, arrays: dict[str, np.ndarray], name: str) -> Any:
    """Return ``value`` for JSON. What JSON has not (arrays, NaN) goes into ``arrays`` as ``name``/number.

    :func:`unpack` restores the same value, bit for bit.
    """
    if isinstance(value, Mapping):
        return {str(key): pack(item, arrays, name) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [pack(item, arrays, name) for item in value]
    if isinstance(value, np.ndarray) or (isinstance(value, float) and not math.isfinite(value)):
        key = f"{name}/{len(arrays)}"
        arrays[key] = np.asarray(value)
        return {_STORED: key}
    return value.item() if isinstance(value, np.generic) else value


def unpack(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return the value that :func:`pack` was given; tuples become lists."""
    if isinstance(value, list):
        return [unpack(item, arrays) for item in value]
    if not isinstance(value, Mapping):
        return value
    if list(value) == [_STORED]:
        array = arrays[value[_STORED]]
        return array if array.ndim else array.item()
    return {key: unpack(item, arrays) for key, item in value.items()}


def checked_name(path: str | os.PathLike[str]) -> Path:
    """Return the path of a model's file: .npz or one of Keras's suffixes.

    Raises:
        ValueError: the name has another suffix.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: expected a file name that ends in {', '.join(SUFFIXES)}")
    return path


def write(
    path: str | os.PathLike[str],
    config: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    change: Callable[[bytes], bytes] | None = None,
) -> None:
    """Write a configuration and arrays to ``path``, completely or not at all.

    ``change`` makes another file of the content: see saving.keras.

    Raises:
        ValueError: the name has another suffix than SUFFIXES, or the content is too large to be read again.
        FileNotFoundError: the folder does not exist.
    """
    path = checked_name(path)
    check_folder(path)
    text = json.dumps({"minicnn": VERSION, **to_json(config)}, allow_nan=False)
    contents: dict[str, Any] = {"config.json": np.array(text), **arrays}
    size = sum(array.nbytes for array in contents.values())
    if size > LARGEST or len(text) > schema.LARGEST:
        raise ValueError(
            f"{path}: the model has {size:,} bytes, {len(text):,} of them of JSON: too many to be read again"
        )
    with replacing(path) as file:
        if change is None:
            np.savez(file, **contents)
        else:
            buffer = io.BytesIO()
            np.savez(buffer, **contents)
            file.write(change(buffer.getvalue()))


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what :func:`write` wrote: (configuration, arrays).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not one that :func:`write` wrote, or is damaged.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file; a model is saved by model.save({path.name!r})")
    try:
        with _own_archive(path) as file, zipfile.ZipFile(file) as archive:
            if hdf5.WEIGHTS in archive.namelist() and "config.json.npy" not in archive.namelist():
                raise ValueError(f"{path}: {BY_KERAS}")
            arrays = read_arrays(archive)
        text = arrays.pop("config.json")
        if text.ndim or text.dtype.kind != "U":
            raise ValueError("its config.json is not one text")
        config = schema.parse(str(text))
        schema.check(config, {"minicnn": int, ...: ...}, "config.json")
    except UnusableFile:
        raise
    except READ_ERRORS as error:
        if isinstance(error, ValueError) and str(error).startswith(f"{path}: "):
            raise
        raise ValueError(
            f"{path}: not a minicnn model, or damaged ({reason(error)}); expected a file by model.save"
        ) from error
    if config["minicnn"] != VERSION:
        raise ValueError(f"{path}: written by format version {config['minicnn']}, expected {VERSION}")
    return config, arrays


def _own_archive(path: Path) -> IO[bytes]:
    """Open minicnn's archive: the file itself, or what an HDF5 file holds of it."""
    file = regular(path, 2 * LARGEST)
    if file.read(len(hdf5.SIGNATURE)) != hdf5.SIGNATURE:
        return file
    file.close()
    own = hdf5.own_file(path)
    if own is None:
        raise ValueError(f"{path}: {BY_KERAS}")
    return io.BytesIO(own)


@contextmanager
def naming(path: Any, what: str = "not a model that can be used") -> Iterator[None]:
    """Turn what damaged or foreign content raises within the block into a ValueError that names the file."""
    try:
        yield
    except (FileNotFoundError, ImportError):
        raise
    except UNFIT as error:
        if isinstance(error, ValueError | OSError) and str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path}: {what}: {reason(error)}") from error

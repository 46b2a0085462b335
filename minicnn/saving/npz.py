"""Models as files: one .npz file with arrays and one JSON text. No pickle, so loading executes no code.

    config.json   the model: layers with their arguments, arguments of compile, states of random generators
    weights/0 …   its weights, in the order of `model.weights`
    optimizer/…   the optimizer's moments, so that training continues where it stopped

A file is written under another name and renamed when it is complete: a reader finds the old file or the new
one.
"""

import json
import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minicnn._base.files import replacing
from minicnn._base.registry import to_json
from minicnn.saving.checks import check_folder

VERSION = 1
SUFFIXES = (".npz", ".keras", ".h5")
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
    """Return the path of a model's file: .npz or one of Keras's suffixes. The content is always minicnn's.

    Raises:
        ValueError: the name has another suffix.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: expected a file name that ends in {', '.join(SUFFIXES)}")
    return path


def write(path: str | os.PathLike[str], config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a configuration and arrays to ``path``, completely or not at all.

    Raises:
        ValueError: the name has another suffix than SUFFIXES.
        FileNotFoundError: the folder does not exist.
    """
    path = checked_name(path)
    check_folder(path)
    text = json.dumps({"minicnn": VERSION, **to_json(config)}, allow_nan=False)
    contents: dict[str, Any] = {"config.json": np.array(text), **arrays}
    with replacing(path) as file:
        np.savez(file, **contents)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what :func:`write` wrote: (configuration, arrays).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not one that :func:`write` wrote, or is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; a model is saved by model.save({path.name!r})")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        config = json.loads(str(arrays.pop("config.json")))
        if config["minicnn"] != VERSION:
            raise ValueError(f"{path}: written by format version {config['minicnn']}, expected {VERSION}")
    except (zipfile.BadZipFile, KeyError, TypeError, EOFError, OSError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path}: not a minicnn model, or damaged ({error}); expected a file by model.save"
        ) from error
    except ValueError as error:
        if "allow_pickle" in str(error) or "pickle" in str(error):
            raise ValueError(
                f"{path}: holds pickled objects, which are refused; expected a file by model.save"
            ) from None
        raise
    return config, arrays

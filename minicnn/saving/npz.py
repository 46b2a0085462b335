"""Models on disk: one .npz file, which is arrays and one JSON text; no pickle, so loading runs no code.

    config.json   what the model is: layers with their arguments, how it was compiled, states of its random generators
    weights/0 …   its weights, in the order of `model.weights`
    optimizer/…   the optimizer's moments, so that training goes on where it stopped

A file is written beside its destination and renamed when complete: whoever reads finds the old one or the new one.
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

VERSION = 1
SUFFIXES = (".npz", ".keras", ".h5")
_STORED = "in arrays"  # the key that stands where pack() took a value out


def pack(value: Any, arrays: dict[str, np.ndarray], name: str) -> Any:
    """Return ``value`` as JSON-able; what JSON cannot say (an array, NaN) goes into ``arrays`` under ``name``/number.

    The two together are ``value`` to the bit: :func:`unpack` puts them together.
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
    """Return what :func:`pack` took apart; tuples come back as lists."""
    if isinstance(value, list):
        return [unpack(item, arrays) for item in value]
    if not isinstance(value, Mapping):
        return value
    if list(value) == [_STORED]:
        array = arrays[value[_STORED]]
        return array if array.ndim else array.item()
    return {key: unpack(item, arrays) for key, item in value.items()}


def checked_name(path: str | os.PathLike) -> Path:
    """Return the path of a model's file: .npz, or a name that Keras gives; what is in it is minicnn's own in any case.

    Raises:
        ValueError: the name ends otherwise.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: expected a file name that ends in {', '.join(SUFFIXES)}")
    return path


def write(path: str | os.PathLike, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a configuration and arrays to ``path``, all or nothing.

    Raises:
        ValueError: the name ends neither in .npz nor as Keras's do.
        FileNotFoundError: there is no such folder.
    """
    path = checked_name(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}; make it first")
    text = json.dumps({"minicnn": VERSION, **to_json(config)}, allow_nan=False)
    contents: dict[str, Any] = {"config.json": np.array(text), **arrays}
    with replacing(path) as file:
        np.savez(file, **contents)


def read(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what :func:`write` wrote: (configuration, arrays).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not such a file, or it is damaged.
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

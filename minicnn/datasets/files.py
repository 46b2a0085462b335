"""The files of data sets: where Keras keeps them, and how they are read. Nothing in a file is executed.

.npz            arrays, as NumPy writes them
idx, .gz        two zero bytes, a byte for the type (8: uint8), one for the number of axes, their lengths, the bytes
data_batch_1    a pickled dictionary, whose arrays are read as bytes: no class of another kind is made
"""

import gzip
import io
import math
import os
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from minicnn._base.files import regular
from minicnn._base.messages import reason
from minicnn.saving.arrays import READ_ERRORS, read_arrays

LARGEST = 1 << 28  # bytes of one file, packed or not: the largest, of MNIST, has 47 MB
Parts = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def found(path: str | os.PathLike[str] | None, names: tuple[str, ...], first: str, source: str) -> Path:
    """Return the file or folder of a data set.

    Args:
        path: the user's; also a name in Keras's folder, ~/.keras/datasets or KERAS_HOME/datasets. None: ``names``.
        names: where it may be in Keras's folder.
        first: a file that the folder has; "" if it is a file itself.
        source: where it can be had.

    Raises:
        FileNotFoundError: it is in none of these places.
    """
    cache = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"
    places = [cache / name for name in names] if path is None else [Path(path), cache / path]
    for place in places:
        if (place / first).exists():
            return place
    raise FileNotFoundError(
        f"{places[0]}: no such {f'folder with {first}' if first else 'file'}; get it from {source}, "
        "put it there or call load_data(path), or let keras.datasets of Keras itself download it"
    )


def npz(path: Path, names: tuple[str, ...]) -> list[np.ndarray]:
    """Return arrays of a .npz file.

    Raises:
        ValueError: it is damaged, or lacks one.
    """
    try:
        with regular(path, LARGEST) as file, zipfile.ZipFile(file) as archive:
            arrays = read_arrays(archive, names, LARGEST)
            return [arrays[name] for name in names]
    except READ_ERRORS as error:
        raise ValueError(
            f"{path}: not the data set, or damaged ({reason(error)}): expected {', '.join(names)}"
        ) from error


def idx(path: Path) -> np.ndarray:
    """Return the array of an idx file, packed by gzip.

    Raises:
        ValueError: it is damaged, or holds something else than uint8.
    """
    try:
        with regular(path, LARGEST) as file, gzip.open(file) as unpacked:
            content = unpacked.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{path}: not packed by gzip, or damaged ({reason(error)})") from error
    axes = content[3] if content[:3] == b"\0\0\x08" and len(content) > 3 else 0
    shape = tuple(int(length) for length in np.frombuffer(content[4 : 4 + 4 * axes], ">u4", count=-1))
    if not axes or len(content) != 4 + 4 * axes + math.prod(shape):
        raise ValueError(
            f"{path}: {len(content):,} bytes, expected an idx file of bytes with the shape that it says"
        )
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()


class _Noted:
    """What stands for NumPy's classes while a pickle is read: it keeps what it is given."""

    state: Any = ()

    def __init__(self, *arguments: Any) -> None:
        """Take the arguments of the class or function that it stands for."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Numbers(pickle.Unpickler):
    """Reads dictionaries, lists, texts, bytes and numbers; arrays become :class:`_Noted`; all else is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a class.

        Raises:
            UnpicklingError: it is none of those that an array needs.
        """
        if (module.replace("numpy._core", "numpy.core"), name) in (
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
        ):
            return _Noted
        raise pickle.UnpicklingError(f"refused: it asks for {module}.{name}"[:200])


def pickled_images(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return (images, labels) of one file of CIFAR-10: (N, 32, 32, 3) and (N,), uint8.

    Raises:
        ValueError: it is damaged, or refused because it holds something else than numbers.
    """
    try:
        with regular(path, LARGEST) as file:
            content: Any = _Numbers(io.BytesIO(file.read()), encoding="bytes").load()
        parts = {key.decode() if isinstance(key, bytes) else key: value for key, value in content.items()}
        values = parts["data"].state[-1]  # version, shape, type, order, bytes
        labels = np.array(parts["labels"], np.uint8)
        images = np.frombuffer(values, np.uint8).reshape(len(labels), 3, 32, 32)
    except FileNotFoundError:
        raise
    except Exception as error:  # of a damaged pickle: any kind
        raise ValueError(f"{path}: not a batch of CIFAR-10, or damaged ({reason(error)})") from error
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)), labels

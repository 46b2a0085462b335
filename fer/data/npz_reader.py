"""Read faces from a NumPy archive: ``images`` uint8 (N, 48, 48), and ``labels`` and ``usage`` if it has them.

``numpy.load`` allocates the size in an array's header before it checks whether the file holds that much, and
a damaged header can hold any size. Here the header is checked first: against the largest size of an array of
faces, and against the size of its member in the archive.
"""

import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from typing import IO

import numpy as np
from numpy.lib import format as npy

from fer.data.table import SIDE, USAGES, Rows
from fer.emotions import EMOTIONS
from fer.errors import BadInput, short_message

MAX_BYTES = 1 << 30  # of an array
ARRAY_NAMES = ("images", "labels", "usage")


def read(file: IO[bytes], name: str) -> Rows:
    """Read faces from an open .npz file; the name is for messages.

    Raises:
        BadInput: it is not such a file, or an array in it is wrong; names the array,
            what was found and expected.
    """
    try:
        if file.read(6) == npy.MAGIC_PREFIX:
            raise ValueError("it is a single array, a .npy file")
        with zipfile.ZipFile(file) as archive:
            arrays = read_arrays(archive, ARRAY_NAMES)
    except READ_ERRORS as error:
        raise BadInput(f"{name} is not a readable .npz file: {short_message(error)}") from None
    images, labels, usage = (arrays.get(array) for array in ARRAY_NAMES)
    if images is None:
        raise BadInput(f"{name} has no array 'images'; expected images, labels and (optional) usage")
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE) or len(images) == 0:
        raise BadInput(
            f"{name}: images is {images.dtype} of shape {images.shape}, expected uint8 (N, {SIDE}, {SIDE})"
        )
    for key, array in (("labels", labels), ("usage", usage)):
        if array is not None and array.shape != images.shape[:1]:
            raise BadInput(
                f"{name}: {key} has shape {array.shape}, expected {images.shape[:1]}, one an image"
            )
    if labels is not None:
        good = np.isin(labels, np.arange(len(EMOTIONS)))
        _check_each(name, "labels", labels, good, f"0 to {len(EMOTIONS) - 1}")
        labels = labels.astype(np.uint8)
    if usage is not None:
        _check_each(name, "usage", usage, np.isin(usage, USAGES), f"one of {', '.join(USAGES)}")
        usage = np.select([usage == use for use in USAGES], list(range(len(USAGES)))).astype(np.uint8)
    return Rows(images, labels, usage)


def holds_faces(file: IO[bytes]) -> bool:
    """Return whether an open zip file is a .npz with images."""
    try:
        with zipfile.ZipFile(file) as archive:
            return "images.npy" in archive.namelist()
    except READ_ERRORS:
        return False


# Errors of zipfile and NumPy for damaged files. NotImplementedError: a compression that zipfile does not
# know; RuntimeError: a password; SyntaxError: the text of an array's header; OSError: bzip2.
READ_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError, SyntaxError, EOFError, OSError,
    NotImplementedError, RuntimeError, ValueError, TypeError, LookupError, OverflowError, MemoryError,
)  # fmt: skip


def read_arrays(archive: zipfile.ZipFile, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Return those of the named arrays that an archive holds.

    Raises:
        One of READ_ERRORS: an array is damaged, or its header declares more than the file holds.
    """
    members = set(archive.namelist())
    return {name: _array(archive, name + ".npy") for name in names if name + ".npy" in members}


def _array(archive: zipfile.ZipFile, member: str) -> np.ndarray:
    with archive.open(member) as file:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{member} has version {version} of the array format")
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_columns, dtype = read_header(file)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or dtype.kind not in "biufSU":
            raise ValueError(f"{member} holds {dtype}; expected numbers or text")
        if size > min(MAX_BYTES, archive.getinfo(member).file_size):
            raise ValueError(f"{member} declares {size} bytes, more than it holds or {MAX_BYTES >> 20} MB")
        array = np.empty(shape[::-1] if by_columns else shape, dtype)
        _fill(file, array, member)
        return array.T if by_columns else array


def _fill(file: IO[bytes], array: np.ndarray, member: str) -> None:
    """Read an array's bytes directly into it: a copy of 80 MB would take as long as reading them."""
    if array.size == 0:
        return
    view = memoryview(array.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
    done = 0
    while done < len(view):
        got = file.readinto(view[done : done + (1 << 20)])  # type: ignore[attr-defined]
        if got == 0:
            raise ValueError(f"{member} ends after {done} of {len(view)} bytes")
        done += got
    if file.read(1):
        raise ValueError(f"{member} goes on after the array's end")


def _check_each(name: str, key: str, values: np.ndarray, good: np.ndarray, expected: str) -> None:
    if not good.all():
        i = int(np.argmin(good))
        raise BadInput(f"{name}: {key}[{i}] is {values[i]!s:.40}, expected {expected}")

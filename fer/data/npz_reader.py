"""Read faces from a NumPy archive: ``images`` uint8 (N, 48, 48), and ``labels`` and ``usage`` if it has them.

Sizes are checked before memory is allocated (:mod:`minicnn.saving.arrays`).
"""

import zipfile
from typing import IO

import numpy as np
from numpy.lib import format as npy

from fer.data.table import SIDE, USAGES, Rows
from fer.emotions import EMOTIONS
from fer.errors import BadInput, short_message
from minicnn.saving.arrays import READ_ERRORS, read_arrays

__all__ = ["ARRAY_NAMES", "MAX_BYTES", "READ_ERRORS", "holds_faces", "read", "read_arrays"]

MAX_BYTES = 1 << 30  # of the arrays
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
            arrays = read_arrays(archive, ARRAY_NAMES, MAX_BYTES)
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


def _check_each(name: str, key: str, values: np.ndarray, good: np.ndarray, expected: str) -> None:
    if not good.all():
        i = int(np.argmin(good))
        raise BadInput(f"{name}: {key}[{i}] is {values[i]!s:.40}, expected {expected}")

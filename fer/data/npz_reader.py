"""Read faces from a NumPy archive, such as ``np.savez("faces.npz", images=…, labels=…, usage=…)``.

    images   (N, 48, 48), (N, 48, 48, 1) or (N, 2304): integers or floats from 0 to 255, or floats from 0 to 1
    labels   (N,): FER2013's codes 0 to 6, indices into ``classes``, or words; (N, K): one-hot, or shares that sum to 1
    usage    (N,): Training, PublicTest, PrivateTest, or train, val, test
    classes  (K,): the names of the classes

All but the images may be missing. An array may have another of the names in ROLES, and each split may have arrays
of its own: x_train, y_train, x_test, y_test, or train_images, train_labels, …. Sizes are checked before memory is
allocated (:mod:`minicnn.saving.arrays`).
"""

import zipfile
from collections.abc import Sequence
from typing import IO

import numpy as np
from numpy.lib import format as npy

from fer.data import loose_csv, pictures
from fer.data.table import PIXELS, SIDE, SPLITS, USAGES, Rows
from fer.emotions import EMOTIONS, MOST_CLASSES, classes_of
from fer.errors import BadInput, short_message
from minicnn.saving import shown
from minicnn.saving.arrays import READ_ERRORS, is_mappable, map_array, read_arrays

__all__ = ["MAX_BYTES", "READ_ERRORS", "ROLES", "holds_faces", "read", "read_arrays"]

MAX_BYTES = 1 << 30  # of the arrays
ROLES = {
    "images": ("images", "image", "x", "faces", "data", "pixels"),
    "labels": ("labels", "label", "y", "emotion", "emotions", "targets"),
    "usage": ("usage", "split"),
    "classes": ("classes", "class_names", "label_names"),
}
_ROLE_OF = {name: role for role, names in ROLES.items() for name in names}
_SHAPES = ((SIDE, SIDE), (SIDE, SIDE, 1), (1, SIDE, SIDE), (PIXELS,))
_ROWS = 1 << 12  # converted at a time
_LONGEST = 100  # characters of a class's name


def read(file: IO[bytes], name: str, mapped: bool = False) -> Rows:
    """Read faces from an open .npz file; the name is for messages.

    Args:
        file: the file.
        name: of it.
        mapped: leave images in the file, if it is not compressed.

    Raises:
        BadInput: it is not such a file, or an array in it is wrong; names the array,
            what was found and expected.
    """
    try:
        if file.read(6) == npy.MAGIC_PREFIX:
            raise ValueError("it is a single array, a .npy file")
        with zipfile.ZipFile(file) as archive:
            names = _names_by_role(archive, name)
            stay = {
                key
                for (role, _), key in names.items()
                if mapped and role == "images" and is_mappable(archive, key)
            }
            arrays = read_arrays(archive, set(names.values()) - stay, MAX_BYTES)
            arrays |= {key: map_array(archive, key) for key in stay}
    except BadInput:
        raise
    except READ_ERRORS as error:
        raise BadInput(f"{name} is not a readable .npz file: {short_message(error)}") from None
    uses = sorted(use for role, use in names if role == "images")
    if not uses:
        raise BadInput(f"{name} has no array 'images'; expected images, labels and (optional) usage")
    if uses[0] < 0 and len(uses) > 1:
        several = " and ".join(names["images", use] for use in uses)
        raise BadInput(f"{name} has {several}: expected one array of images, or one for each split")
    images = [(names["images", use], arrays[names["images", use]]) for use in uses]
    notes: list[str] = []
    pixels = _gray_levels(images, name, notes)
    usage: np.ndarray | None = None
    if uses[0] >= 0:
        usage = np.repeat(uses, [len(array) for _, array in images]).astype(np.uint8)
    elif ("usage", -1) in names:
        usage = _usage(_one_an_image(arrays, names["usage", -1], len(pixels), name), names["usage", -1], name)
    known = [names.get(("labels", use)) for use in uses]
    if not any(known):
        return Rows(pixels, None, usage, tuple(notes))
    for (mine, _), its in zip(images, known):
        if its is None:
            raise BadInput(f"{name}: there are no labels for {mine}, unlike for others")
    parts = [_one_an_image(arrays, its or "", len(array), name) for its, (_, array) in zip(known, images)]
    if len({(part.shape[1:], part.dtype.kind in "SU") for part in parts}) > 1:
        raise BadInput(f"{name}: {' and '.join(map(str, known))} are of different forms")
    given = arrays.get(names.get(("classes", -1), ""))
    labels, classes, targets = _labels(np.concatenate(parts), given, known[0] or "", name)
    return Rows(pixels, labels, usage, tuple(notes), classes, targets)


def holds_faces(file: IO[bytes]) -> bool:
    """Return whether an open zip file is a .npz with images."""
    try:
        with zipfile.ZipFile(file) as archive:
            return any(role == "images" for role, _ in _names_by_role(archive, ""))
    except READ_ERRORS:
        return False


def _names_by_role(archive: zipfile.ZipFile, name: str) -> dict[tuple[str, int], str]:
    """Return the name of each array that has one of the roles, for each Usage; -1: for all of them."""
    found: dict[tuple[str, int], str] = {}
    for member in archive.namelist():
        array = member.removesuffix(".npy")
        parts = array.lower().split("_")
        uses = [SPLITS[part] for part in parts if part in SPLITS]
        role = _ROLE_OF.get(array.lower()) or _ROLE_OF.get(
            "_".join(part for part in parts if part not in SPLITS)
        )
        if member == array or role is None or len(uses) > 1:
            continue
        key = role, uses[0] if uses and array.lower() not in _ROLE_OF else -1
        if role in (array, found.get(key)):  # the name that stands first in ROLES
            array = role
        elif key in found:
            raise BadInput(f"{name} has {found[key]} and {array}: expected one array of {role}")
        found[key] = array
    return found


def _one_an_image(arrays: dict[str, np.ndarray], key: str, count: int, name: str) -> np.ndarray:
    array = arrays[key]
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.shape[:1] != (count,) or array.ndim > 2:
        raise BadInput(f"{name}: {key} has shape {array.shape}, expected {(count,)}, one an image")
    return array


def _gray_levels(images: Sequence[tuple[str, np.ndarray]], name: str, notes: list[str]) -> np.ndarray:
    """Return arrays of images as one, (N, 48, 48) uint8; they have one scale."""
    for key, array in images:
        if array.dtype.kind not in "uif" or array.shape[1:] not in _SHAPES or len(array) == 0:
            raise BadInput(
                f"{name}: {key} is {array.dtype} of shape {array.shape}, expected uint8, or floats, (N, {SIDE}, {SIDE})"
            )
    if len(images) == 1 and images[0][1].dtype == np.uint8:
        return images[0][1].reshape(-1, SIDE, SIDE)
    least, most = min(array.min() for _, array in images), max(array.max() for _, array in images)
    scale = 1
    if any(array.dtype.kind == "f" for _, array in images):
        scale = pictures.scale(least, most, f"{name}: {images[0][0]}")
    if not (least >= 0 and most <= 255):
        raise BadInput(f"{name}: {images[0][0]} has values from {least:.4g} to {most:.4g}, expected 0 to 255")
    if scale != 1:
        notes.append(f"{name}: values from {least:.4g} to {most:.4g}, times 255")
    result = np.empty((sum(len(array) for _, array in images), SIDE, SIDE), np.uint8)
    start = 0
    for _, array in images:
        for first in range(0, len(array), _ROWS):
            part = array[first : first + _ROWS].reshape(-1, SIDE, SIDE)
            result[start : start + len(part)] = np.rint(part * np.float64(scale))
            start += len(part)
    return result


def _usage(values: np.ndarray, key: str, name: str) -> np.ndarray:
    places = {use: SPLITS.get(use.strip().lower()) for use in _texts(np.unique(values))}
    words = _texts(values)
    _check_each(name, key, words, [places[use] is not None for use in words], f"one of {', '.join(USAGES)}")
    return np.array([places[use] for use in words], np.uint8)


def _labels(
    values: np.ndarray, given: np.ndarray | None, key: str, name: str
) -> tuple[np.ndarray, tuple[str, ...], np.ndarray | None]:
    """Return labels (N,) uint8, the classes, and targets where the values are shares."""
    if values.dtype.kind in "SU":
        words = _texts(values.reshape(-1))
        if values.ndim > 1:
            raise BadInput(
                f"{name}: {key} has shape {values.shape}, expected {values.shape[:1]}, one an image"
            )
        _check_each(name, key, words, [0 < len(word) <= _LONGEST for word in words], "a name or a number")
        return (*loose_csv.labels_of(words, name), None)
    names = EMOTIONS if given is None else tuple(_texts(given.reshape(-1)))
    if not all(0 < len(each) <= _LONGEST for each in names) or not 2 <= len(names) <= MOST_CLASSES:
        raise BadInput(f"{name}: classes are {shown(names)}, expected names")
    classes, places = classes_of(names)
    index = np.array([places[each] for each in names])
    if given is None:
        classes, index = EMOTIONS, np.arange(len(EMOTIONS))
    expected = f"0 to {len(names) - 1}" + (
        ", or an array 'classes' with their names" if given is None else ""
    )
    if values.ndim == 1:
        _check_each(name, key, values, np.isin(values, np.arange(len(names))), expected)
        return index[values.astype(np.int64)].astype(np.uint8), classes, None
    if values.shape[1] != len(names):
        raise BadInput(
            f"{name}: {key} has {values.shape[1]} columns, expected {len(names)}, one a class"
            + (", or an array 'classes' with their names" if given is None else "")
        )
    shares = np.zeros((len(values), len(classes)), np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        np.add.at(shares.T, index, values.T.astype(np.float32))
        good = (values >= 0).all(axis=1) & (np.abs(shares.sum(axis=1) - 1) < 1e-3)
    _check_each(name, key, values, good, "one 1 and zeros, or shares that sum to 1")
    is_one_hot = np.isin(shares, (0, 1)).all()
    return shares.argmax(axis=1).astype(np.uint8), classes, None if is_one_hot else shares


def _texts(values: np.ndarray) -> list[str]:
    if values.dtype.kind == "S":
        return [value.decode("utf-8", errors="replace") for value in values.tolist()]
    return [str(value) for value in values.tolist()]


def _check_each(
    name: str,
    key: str,
    values: Sequence[object] | np.ndarray,
    good: Sequence[bool] | np.ndarray,
    expected: str,
) -> None:
    good = np.asarray(good, bool)
    if not good.all():
        i = int(np.argmin(good))
        raise BadInput(f"{name}: {key}[{i}] is {values[i]!s:.40}, expected {expected}")

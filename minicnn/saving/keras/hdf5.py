"""Read HDF5 files from untrusted sources: only numbers that are stored in the file itself.

HDF5 files can contain more than arrays: links to other files, arrays whose bytes are in other files, objects,
sizes that are declared but never written. Every link is checked before it is followed. A dataset is returned
without reading it, so that its shape can be checked before memory is allocated.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from minicnn._base.messages import reason
from minicnn.saving.checks import needed

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUFFIXES = (".h5", ".hdf5")
OWN = "minicnn"  # the dataset with minicnn's own file
WEIGHTS = "model.weights.h5"  # the HDF5 file in a .keras archive
# what h5py raises for damaged files
DAMAGE = (
    OSError, RuntimeError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, MemoryError,
)  # fmt: skip
LARGEST_CHUNK = 2**28  # bytes that are decompressed at once


@contextmanager
def opened(source: Path | IO[bytes], path: Path) -> Iterator[Any]:
    """Open an HDF5 file for reading; ``path`` is its name in errors.

    Raises:
        ImportError: h5py is not installed.
        ValueError: the file is damaged, even if this is noticed later, while it is read.
    """
    h5py = needed("h5py", "keras")
    try:
        with h5py.File(source, "r") as file:
            yield file
    except DAMAGE as error:
        if isinstance(error, ValueError) and str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path}: not a file that Keras wrote, or damaged ({reason(error)})") from error


def datasets(file: Any, path: Path) -> dict[str, Any]:
    """Return every dataset of a file by its full name, without reading it.

    Raises:
        ValueError: the file holds what a weight file does not need: a soft or external link, an array in
            another file, an array of anything but numbers, or a group that contains itself.
    """
    h5py = needed("h5py", "keras")
    found: dict[str, Any] = {}
    groups, met = [("", file)], {file["/"]}
    while groups:
        prefix, group = groups.pop()
        for name in group:
            inner = f"{prefix}/{name}" if prefix else name
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{path}: refused: {inner!r} is a soft or external link")
            item = group[name]
            if isinstance(item, h5py.Group):
                if item in met:
                    raise ValueError(
                        f"{path}: refused: the group {inner!r} is in two places, or contains itself"
                    )
                met.add(item)
                groups.append((inner, item))
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise ValueError(f"{path}: refused: the numbers of {inner!r} are in another file")
                if item.dtype.kind not in "fiub":
                    raise ValueError(
                        f"{path}: refused: {inner!r} holds {item.dtype}, expected numbers; "
                        "objects are not read"
                    )
                if math.prod(item.chunks or ()) * item.dtype.itemsize > LARGEST_CHUNK:
                    raise ValueError(
                        f"{path}: refused: {inner!r} unpacks in pieces of over {LARGEST_CHUNK:,} bytes"
                    )
                found[inner] = item
    return found


def own_file(path: Path) -> bytes | None:
    """Return minicnn's own file that is in an HDF5 file; None if Keras wrote it.

    Raises:
        ImportError: h5py is not installed.
        ValueError: the file is damaged or refused.
    """
    with opened(path, path) as file:
        found = datasets(file, path).get(OWN)
        if found is None:
            return None
        if found.dtype != np.uint8 or found.ndim != 1 or found.nbytes > path.stat().st_size:
            raise ValueError(
                f"{path}: refused: {OWN!r} declares more bytes than the file holds, or is none of them"
            )
        content: bytes = found[()].tobytes()
        return content


def names(group: Any, attribute: str) -> list[str]:
    """Return a list of names from a group's attributes; Keras splits long ones: ``attribute0``, …

    Raises:
        ValueError: the attribute is not text.
    """
    if attribute in group.attrs:
        return _text(group, attribute)
    found: list[str] = []
    chunk = 0
    while f"{attribute}{chunk}" in group.attrs:
        found += _text(group, f"{attribute}{chunk}")
        chunk += 1
    return found


def text(group: Any, attribute: str, default: str) -> str:
    """Return an attribute that is one text, or the default if there is none.

    Raises:
        ValueError: the attribute is not text.
    """
    return "".join(_text(group, attribute)) if attribute in group.attrs else default


def _text(group: Any, attribute: str) -> list[str]:
    """Return the texts in an attribute, which is one text or an array of them; Keras 2 wrote bytes."""
    h5py = needed("h5py", "keras")
    stored = group.attrs.get_id(attribute)
    count = math.prod(stored.shape)
    # an empty list has the type of numbers; reading one of a damaged type can crash the process
    if count == 0:
        return []
    if (
        not isinstance(stored.get_type(), h5py.h5t.TypeStringID)
        or count * stored.dtype.itemsize > LARGEST_CHUNK
    ):
        raise ValueError(f"the attribute {attribute!r} of {group.name!r} is not text")
    values = np.ravel(group.attrs[attribute])
    return [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in values]

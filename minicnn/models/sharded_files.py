"""Data larger than memory: arrays in files, of which only the rows of a batch are read.

    np.savez("faces/000.npz", x=…, y=…)                  files with as many rows as you like, not compressed
    data = utils.open_shards("faces")                    {"x": a ShardedArray, "y": a ShardedArray}
    model.fit(data["x"], data["y"], epochs=10)           the same bits as with the arrays in memory

    x = np.load("x.npy", mmap_mode="r")                  one array in one file needs nothing of this module

An epoch's order is a permutation of all rows, drawn as for arrays in memory: no buffer is shuffled instead. It needs
8 bytes a row.
"""

import contextlib
import mmap
import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minicnn._base.files import regular
from minicnn._base.messages import shown
from minicnn.saving.arrays import READ_ERRORS, map_array

PIECE_BYTES = 1 << 22  # of what must be looked at whole
MOST_BYTES = 1 << 50  # of a file
RESIDENT_BYTES = 1 << 25  # of mapped files that a training keeps in its memory, about
AROUND_BYTES = 1 << 19  # that the system maps with a row; it depends on the system


class ShardedArray:
    """Arrays one behind the other, seen as one array (N, …).

    A slice ``[a:b]`` is again a ShardedArray, as a view is an array, and nothing is read. Numbers of rows, an array
    or a list, or True and False for each row, give an array with a copy of these rows. ``np.asarray`` reads all.

    Args:
        parts: arrays (n, …) that differ in n alone, such as ``np.memmap``.

    Attributes:
        shape, dtype, ndim: of the whole.

    Raises:
        ValueError: there is none, or they differ in more.
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        kinds = {(part.shape[1:], part.dtype) for part in parts if part.ndim}
        if len(kinds) != 1 or not all(part.ndim for part in parts):
            found = ", ".join(f"{part.dtype} {part.shape}" for part in parts[:4]) or "none"
            raise ValueError(f"parts={found}: expected arrays (n, …) of one dtype that differ in n alone")
        ((row, self.dtype),) = kinds
        self.parts = [part for part in parts if len(part)] or list(parts[:1])
        self._ends = np.cumsum([len(part) for part in self.parts])
        self.shape: tuple[int, ...] = (int(self._ends[-1]), *row)
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        """Return what it is, without its rows."""
        return f"<ShardedArray {self.dtype} {self.shape} in {len(self.parts)} parts>"

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple):  # x[..., None], x[rows, :5]
            rest = index if index[:1] == (Ellipsis,) else (slice(None), *index[1:])
            parts = ShardedArray([part[rest] for part in self.parts])
            return parts if rest is index else parts[index[0]]
        if isinstance(index, slice) and index.step in (None, 1):
            start, stop, _ = index.indices(len(self))
            begins = self._ends - [len(part) for part in self.parts]
            bounds = [(max(start - begin, 0), max(stop - begin, 0)) for begin in begins]
            return ShardedArray([part[first:last] for part, (first, last) in zip(self.parts, bounds)])
        numbers = np.arange(len(self))[index]  # as NumPy takes it, with its errors
        rows = numbers.reshape(-1)
        result = np.empty((len(rows), *self.shape[1:]), self.dtype)
        part_of = np.searchsorted(self._ends, rows, side="right")
        for number in np.unique(part_of).tolist():
            part, chosen = self.parts[number], part_of == number
            result[chosen] = part[rows[chosen] - (self._ends[number] - len(part))]
        return result.reshape(numbers.shape + self.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = np.concatenate(self.parts)
        return whole if dtype is None else whole.astype(dtype, copy=False)


def open_shards(folder: str | os.PathLike[str]) -> dict[str, ShardedArray]:
    """Open all .npz files of a folder, in the order of their names; return their arrays by name.

    Each file holds some rows of every array, such as ``np.savez("faces/000.npz", x=x[:1000], y=y[:1000])``. The
    files must not be compressed, and not change while they are used.

    Raises:
        ValueError: there is none; or one is damaged or compressed, or holds other arrays than the first one.
        OSError: the folder or a file cannot be read.
    """
    paths = sorted(path for path in Path(folder).iterdir() if path.suffix == ".npz")
    if not paths:
        raise ValueError(f"folder={shown(str(folder))} has no .npz files: write them with np.savez")
    found: dict[str, list[np.ndarray]] = {}
    for path in paths:
        with regular(path, MOST_BYTES) as file:
            try:
                with zipfile.ZipFile(file) as archive:
                    names = [name.removesuffix(".npy") for name in archive.namelist()]
                    arrays = {name: map_array(archive, name) for name in names}
            except READ_ERRORS as error:
                raise ValueError(f"{path}: {error}") from None
        if found and arrays.keys() != found.keys():
            raise ValueError(
                f"{path} has the arrays {sorted(arrays)}, expected {sorted(found)} as in {paths[0]}"
            )
        if len({array.shape[:1] for array in arrays.values()}) != 1:
            shapes = {name: array.shape for name, array in arrays.items()}
            raise ValueError(f"{path}: shapes are {shapes}, expected the same number of rows in each array")
        for name, array in arrays.items():
            found.setdefault(name, []).append(array)
    whole = {}
    for name, parts in found.items():
        for path, part in zip(paths, parts):
            if (part.shape[1:], part.dtype) != (parts[0].shape[1:], parts[0].dtype):
                raise ValueError(
                    f"{path}: {name} is {part.dtype} {part.shape}, expected {parts[0].dtype} (n, "
                    f"{', '.join(map(str, parts[0].shape[1:]))}) as in {paths[0]}"
                )
        whole[name] = ShardedArray(parts)
    return whole


def as_rows(given: Any) -> Any:
    """Return what has rows: a ShardedArray as it is, anything else as an array; nothing that is one is copied."""
    return given if isinstance(given, ShardedArray) else np.asarray(given)


def in_pieces(array: Any) -> Iterator[np.ndarray]:
    """Yield the rows of an array, some megabytes at a time."""
    size = max(1, PIECE_BYTES // max(1, array.dtype.itemsize * int(np.prod(array.shape[1:]))))
    pages = Pages([array])
    for start in range(0, len(array), size):
        yield np.asarray(array[start : start + size])
        pages.used(size)


class Pages:
    """The memory that mapped files fill while their rows are used, which the system would free only when it is short.

    Args:
        arrays: with rows; those that are not mapped don't count.
    """

    def __init__(self, arrays: Sequence[Any]) -> None:
        parts = [part for array in arrays for part in getattr(array, "parts", [array])]
        maps = {id(found): found for part in parts if (found := _map_of(part)) is not None}
        self._maps = list(maps.values())
        self._used = 0

    def used(self, rows: int) -> None:
        """Give memory back, if the rows that were used since the last time may fill much of it."""
        self._used += rows * AROUND_BYTES
        if self._maps and self._used > RESIDENT_BYTES and hasattr(mmap, "MADV_DONTNEED"):
            self._used = 0
            for each in self._maps:
                # the file keeps the content: it is open for reading only
                with contextlib.suppress(OSError, ValueError):
                    each.madvise(mmap.MADV_DONTNEED)


def _map_of(array: Any) -> mmap.mmap | None:
    """Return the map of a file that an array is a part of, if nothing in it can be changed."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap) and array.mode != "r":
            return None
        array = array.base
    return array if isinstance(array, mmap.mmap) else None

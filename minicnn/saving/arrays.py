"""Read or map the arrays of a .npz file that may come from anybody, without allocating what the file does not hold.

``numpy.load`` allocates the size in an array's header before it checks whether the file holds that much, and
a damaged header can hold any size. Here the header is checked first: against the size of its member in the
archive, and all members together against the size of the file, which a compressed one exceeds by far only if
it is meant to fill the memory.
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

LARGEST = 1 << 32  # bytes of all arrays together
ALWAYS = 1 << 26  # bytes that any file may unpack to
RATIO = 8  # above that: times the file's own size
MOST_MEMBERS = 100_000

# Errors of zipfile and NumPy for damaged files. NotImplementedError: a compression that zipfile does not
# know; RuntimeError: a password; SyntaxError: the text of an array's header; OSError: bzip2.
READ_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError, SyntaxError, EOFError, OSError,
    NotImplementedError, RuntimeError, ValueError, TypeError, LookupError, OverflowError, MemoryError,
)  # fmt: skip


def read_arrays(
    archive: zipfile.ZipFile, names: Iterable[str] | None = None, most: int = LARGEST
) -> dict[str, np.ndarray]:
    """Return the arrays of an archive: those of the names that it holds, or all.

    Args:
        archive: an open .npz file.
        names: without the suffix .npy; None: all.
        most: the largest size of all of them together, in bytes.

    Raises:
        One of READ_ERRORS: an array is damaged, not of numbers or text, or declares more than the file holds.
    """
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise ValueError(f"it holds {len(members):,} arrays, more than {MOST_MEMBERS:,}")
    found = {member.filename: member for member in members}
    if len(found) < len(members):
        raise ValueError("it holds two arrays of the same name")
    if names is None:
        names = [name.removesuffix(".npy") for name in found]
    chosen = {name: found[f"{name}.npy"] for name in names if f"{name}.npy" in found}
    total = sum(member.file_size for member in chosen.values())
    size = archive.fp.seek(0, 2) if archive.fp else 0
    if total > min(most, ALWAYS + RATIO * size):
        raise ValueError(f"it unpacks to {total:,} bytes, more than is expected of its {size:,} bytes")
    return {name: _array(archive, member, most) for name, member in chosen.items()}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> np.ndarray:
    name = member.filename
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed by method {member.compress_type}, which NumPy does not use")
    with archive.open(member) as file:
        shape, by_columns, dtype = _header(file, member, most)
        array = np.empty(shape[::-1] if by_columns else shape, dtype)
        _fill(file, array, name)
        return array.T if by_columns else array


def _header(file: IO[bytes], member: zipfile.ZipInfo, most: int) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return an array's shape, whether it is stored by columns, and its dtype."""
    name = member.filename
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{name} has version {version} of the array format")
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, by_columns, dtype = read_header(file)
    if dtype.hasobject or dtype.kind not in "biufSU":
        pickled = ", not pickled objects, which are refused" if dtype.hasobject else ""
        raise ValueError(f"{name} holds {str(dtype)[:80]}; expected numbers or text{pickled}")
    size = math.prod(shape) * max(dtype.itemsize, 1)  # itemsize is 0 for empty texts
    if size > min(most, member.file_size):
        raise ValueError(f"{name} declares {size} bytes, more than it holds or {most >> 20} MB")
    return shape, by_columns, dtype


def is_mappable(archive: zipfile.ZipFile, name: str) -> bool:
    """Return whether an array lies in its file as it would lie in memory."""
    member = archive.getinfo(f"{name}.npy")
    return member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1  # 1: with a password


def map_array(archive: zipfile.ZipFile, name: str, check: bool = False) -> np.ndarray:
    """Return an array of an archive as it lies in the file: what is used of it is read when it is used.

    Args:
        archive: an open .npz file that is not compressed, as ``np.savez`` writes it.
        name: without the suffix .npy.
        check: read all of it once, a piece at a time, and compare it with its checksum.

    Raises:
        One of READ_ERRORS: there is none of this name, or it is compressed, damaged, or not of numbers or text.
    """
    member, whole = archive.getinfo(f"{name}.npy"), archive.fp
    if whole is None or not is_mappable(archive, name):
        raise ValueError(f"{name} is compressed: write it with np.savez, not np.savez_compressed")
    with archive.open(member) as file:
        shape, by_columns, dtype = _header(file, member, member.file_size)
        length = file.tell()
        while check and file.read(1 << 20):
            pass
    if not math.prod(shape):
        return np.empty(shape, dtype)
    # the local header repeats the name; what follows it may differ from the list's
    whole.seek(member.header_offset)
    names, extras = struct.unpack("<26xHH", whole.read(30))
    start = member.header_offset + 30 + names + extras + length
    return np.memmap(whole, dtype, "r", start, shape, "F" if by_columns else "C")  # type: ignore[call-overload,no-any-return]


def _fill(file: IO[bytes], array: np.ndarray, name: str) -> None:
    """Read an array's bytes directly into it: a copy of 80 MB would take as long as reading them."""
    if array.size == 0:
        return
    view = memoryview(array.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
    done = 0
    while done < len(view):
        got = file.readinto(view[done : done + (1 << 20)])  # type: ignore[attr-defined]
        if got == 0:
            raise ValueError(f"{name} ends after {done} of {len(view)} bytes")
        done += got
    if file.read(1):
        raise ValueError(f"{name} goes on after the array's end")

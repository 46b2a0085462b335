"""A cache of parsed faces: reading 83 MB of arrays takes a fraction of the time of parsing 301 MB of text.

An entry is a .npz file, one for each path that was read, in $XDG_CACHE_HOME/minicnn-fer
(~/.cache/minicnn-fer); FER2013_CACHE names another folder, or is "off". The entries used last are kept.

Images of more than LARGE_BYTES are mapped: they stay in the file, and what is used of them is read when it is used.
Processes that train together map smaller ones too, and so share one copy on each machine.

A cache must never be wrong, and its errors must never stop the program:

* An entry holds a fingerprint of its source, and is used only while the source's fingerprint is the same. For
  a file the fingerprint is its size, the times of its last change of content (mtime) and of anything (ctime),
  its inode, and a hash of samples of its content. The times alone are not enough: copying tools set mtime,
  and some file systems count it in steps of two seconds. No program can set ctime, and the samples (all of a
  small file) detect a change within one step of the clock. A folder's fingerprint is the names, sizes and
  times of all its files.
* Each member's CRC is checked: a damaged entry is ignored.
* An entry is written completely or not at all (``minicnn.saving.replacing``). If it cannot be written, there
is none.
"""

import contextlib
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from fer.data import npz_reader
from fer.data.table import PIXELS, Rows
from minicnn.models.sharded_files import in_pieces
from minicnn.saving import regular, replacing, schema
from minicnn.saving.arrays import map_array

VARIABLE = "FER2013_CACHE"
VERSION = 4  # of the entries
MAX_ENTRIES = 4  # entries, of about 80 MB
LARGE_BYTES = 1 << 28  # of images: more are mapped
MIN_FACES = 1000  # fewer are read as quickly from their source
_SAMPLES, _SAMPLE_BYTES = 64, 1 << 12
_META = "meta.json"
_IMAGES, _OTHERS = "images", ("labels", "usage", "targets")
MOST_BYTES = 1 << 50  # of an entry
SPARE = 2  # times the images' bytes must be free on the disk


def folder() -> Path | None:
    """Return the folder of the entries; None: there is no cache."""
    named = os.environ.get(VARIABLE)
    if named:
        return None if named.lower() == "off" else Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minicnn-fer"
    except RuntimeError:
        return None


def file_fingerprint(path: Path) -> list[Any]:
    """Return a value that changes when the file changes."""
    samples = hashlib.sha256()
    with regular(path, buffering=0) as file:
        status = os.fstat(file.fileno())
        for i in range(_SAMPLES):
            file.seek(max(0, status.st_size - _SAMPLE_BYTES) * i // (_SAMPLES - 1))
            samples.update(file.read(_SAMPLE_BYTES))
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, samples.hexdigest()]


def folder_fingerprint(stats: list[tuple[str, int, int]]) -> list[Any]:
    """Return what differs when one of the files has changed: a hash of the name, size and time of each."""
    return [len(stats), hashlib.sha256(json.dumps(stats).encode()).hexdigest()]


def load(source: Path, fingerprint: list[Any], mapped: bool = False) -> Rows | None:
    """Return the cached rows of a source with this fingerprint; None if there are none, or damaged ones.

    Args:
        source: the file or folder.
        fingerprint: what it is now.
        mapped: leave the images in the file, also if they are few.
    """
    entry = _entry(source)
    if entry is None:
        return None
    try:
        with regular(entry, MOST_BYTES) as file, zipfile.ZipFile(file) as archive:
            if archive.getinfo(_META).file_size > schema.LARGEST:
                return None
            kept = schema.parse(archive.read(_META))
            if kept["fingerprint"] != [VERSION, *fingerprint]:
                return None
            if mapped or archive.getinfo(f"{_IMAGES}.npy").file_size > LARGE_BYTES:
                images = map_array(archive, _IMAGES, check=True)
            else:
                images = npz_reader.read_arrays(archive, [_IMAGES])[_IMAGES]
            others = npz_reader.read_arrays(archive, _OTHERS)
        os.utime(entry)
        notes, classes = tuple(kept["notes"]), tuple(kept["classes"])
        return Rows(images, others.get("labels"), others.get("usage"), notes, classes, others.get("targets"))
    except npz_reader.READ_ERRORS:
        return None


def store(source: Path, fingerprint: list[Any], rows: Rows, notes: Callable[[], tuple[str, ...]]) -> None:
    """Store what was read from a source; ``notes`` is called last, when the images are written."""
    entry = _entry(source)
    if entry is None or len(rows) < MIN_FACES:
        return
    with contextlib.suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(entry.parent).free < SPARE * len(rows) * PIXELS:
            return
        with replacing(entry, sync=False) as file, zipfile.ZipFile(file, "w") as archive:
            for name in (_IMAGES, *_OTHERS):
                array = getattr(rows, name)
                if array is not None:
                    with archive.open(name + ".npy", "w", force_zip64=True) as member:
                        _write(member, array)
            meta = {"fingerprint": [VERSION, *fingerprint], "notes": notes(), "classes": rows.classes}
            archive.writestr(_META, json.dumps(meta))
        _prune(entry.parent)


def _write(file: IO[bytes], array: Any) -> None:
    """Write an array in NumPy's format, a piece at a time."""
    header = {"shape": array.shape, "fortran_order": False, "descr": npy.dtype_to_descr(array.dtype)}
    npy.write_array_header_1_0(file, header)
    for piece in in_pieces(array):
        file.write(np.ascontiguousarray(piece).data)


def contains(source: Path) -> bool:
    """Return whether there is an entry for a source; it may be outdated."""
    entry = _entry(source)
    return entry is not None and entry.exists()


def remove(source: Path) -> None:
    """Delete the entry of a source."""
    entry = _entry(source)
    if entry is not None:
        entry.unlink(missing_ok=True)


def _entry(source: Path) -> Path | None:
    place = folder()
    name = hashlib.sha256(os.fsencode(source.absolute())).hexdigest()[:24]
    return place / f"faces-{name}.cache" if place else None


def _prune(place: Path) -> None:
    """Delete all entries but the ones used last."""
    entries = sorted(place.glob("faces-*.cache"), key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in entries[MAX_ENTRIES:]:
        entry.unlink(missing_ok=True)

"""Parsed faces, kept: reading 83 MB of them again takes a fraction of the time that 301 MB of text do.

An entry is a plain .npz, one for each path that was read, in $XDG_CACHE_HOME/minicnn-fer (~/.cache/minicnn-fer);
FER2013_CACHE names another folder, or says "off". The last few are kept.

A cache must never be wrong, and never be in the way:

* An entry holds its source's mark, and counts only while the source's mark is the same. For a file the mark is its
  size, the times of its last change of content (mtime) and of anything (ctime), its inode, and a hash of samples of its
  content. The times alone are not enough: copying tools set mtime, and some file systems count it in steps of two
  seconds. ctime no program can set, and the samples (all of a small file) see what happens within one step of the
  clock. A folder's mark is the names, sizes and times of all its files.
* zipfile checks each member's CRC: a damaged entry is read as none.
* It is written beside its place and renamed, so a reader finds a whole one or none; what cannot be written is not kept.
"""

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fer.data import npz_reader
from fer.data.table import Rows
from minicnn.saving import replacing

VARIABLE = "FER2013_CACHE"
VERSION = 1  # of the entries
KEPT = 4  # entries, of about 80 MB
LARGEST = 1 << 28  # bytes of images that are kept
FEWEST = 1000  # faces: fewer are read as quickly from their source
_SAMPLES, _SAMPLE = 64, 1 << 12
_MARK = "mark.json"


def folder() -> Path | None:
    """Return the folder of the entries; None: nothing is kept."""
    named = os.environ.get(VARIABLE)
    if named:
        return None if named.lower() == "off" else Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minicnn-fer"
    except RuntimeError:
        return None


def mark_of_file(path: Path) -> list[Any]:
    """Return what changes when the file does."""
    samples = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        for i in range(_SAMPLES):
            file.seek(max(0, status.st_size - _SAMPLE) * i // (_SAMPLES - 1))
            samples.update(file.read(_SAMPLE))
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, samples.hexdigest()]


def mark_of_names(marks: list[tuple[str, int, int]]) -> list[Any]:
    """Return what changes when one of the files does: name, size and time of each."""
    return [len(marks), hashlib.sha256(json.dumps(marks).encode()).hexdigest()]


def load(source: Path, mark: list[Any]) -> Rows | None:
    """Return what was kept of a source with this mark; None if nothing was, or if it is damaged."""
    entry = _entry(source)
    if entry is None:
        return None
    try:
        with zipfile.ZipFile(entry) as archive:
            kept = json.loads(archive.read(_MARK))
            if kept["mark"] != [VERSION, *mark]:
                return None
            arrays = npz_reader.read_arrays(archive, npz_reader.NAMES)
        os.utime(entry)
        return Rows(arrays["images"], arrays.get("labels"), arrays.get("usage"), tuple(kept["notes"]))
    except npz_reader.ERRORS:
        return None


def store(source: Path, mark: list[Any], rows: Rows, notes: Callable[[], tuple[str, ...]]) -> None:
    """Keep what was read from a source; ``notes`` is asked last, when the images are written."""
    entry = _entry(source)
    if entry is None or len(rows) < FEWEST or rows.images.nbytes > LARGEST:
        return
    with contextlib.suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        with replacing(entry, sync=False) as file, zipfile.ZipFile(file, "w") as archive:
            for name in npz_reader.NAMES:
                array = getattr(rows, name)
                if array is not None:
                    with archive.open(name + ".npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, array, allow_pickle=False)
            archive.writestr(_MARK, json.dumps({"mark": [VERSION, *mark], "notes": notes()}))
        _prune(entry.parent)


def holds(source: Path) -> bool:
    """Say whether anything, of whatever mark, is kept of a source."""
    entry = _entry(source)
    return entry is not None and entry.exists()


def forget(source: Path) -> None:
    """Keep nothing of a source any more."""
    entry = _entry(source)
    if entry is not None:
        entry.unlink(missing_ok=True)


def _entry(source: Path) -> Path | None:
    place = folder()
    name = hashlib.sha256(os.fsencode(source.absolute())).hexdigest()[:24]
    return place / f"faces-{name}.cache" if place else None


def _prune(place: Path) -> None:
    """Delete all but the entries used last."""
    entries = sorted(place.glob("faces-*.cache"), key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in entries[KEPT:]:
        entry.unlink(missing_ok=True)

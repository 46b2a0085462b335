"""FER2013 in any form: ``read(path) -> Rows``, from the cache if the source has not changed.

A path names a file or a folder. The content of a file decides how it is read, not its name: CSV, .npz, zip,
tar, tar.gz, or a CSV file in gzip. A folder or an archive may hold one of them, or image folders.
"""

import gzip
import io
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fer.data import archives, cache, csv_reader, image_folders, npz_reader, npz_shards, sniff
from fer.data.archives import GZIP, ZIP, Source
from fer.data.known_files import Recogniser
from fer.data.table import PIXELS, Rows
from fer.errors import BadInput, expecting
from minicnn import distributed
from minicnn.saving import regular

FILES = ("fer2013.csv", "icml_face_data.csv", "train.csv", "fer2013.npz")  # looked for in this order
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
WHERE_TO_GET = (
    "FER2013 is available at "
    "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-"
    "recognition-challenge (log in, accept the rules) or https://www.kaggle.com/datasets/msambare/fer2013; "
    "pass it with --data fer2013.csv or set FER2013_DATA=fer2013.csv"
)
_EXPECTED = f"{', '.join(FILES)} or folders of pictures, one for each class"


def find(path: Path) -> Path:
    """Return the file that a path means: the path itself, or the data file in that folder, or in one in it.

    A folder without a data file is returned as it is; it may hold pictures.

    Raises:
        FileNotFoundError: the path does not exist; the message says where to get the data.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist. {WHERE_TO_GET}")
    if not path.is_dir():
        if not path.is_file():
            raise BadInput(f"{path} is not a regular file; expected {_EXPECTED}")
        return path
    for folder in (path, *sorted(child for child in path.iterdir() if child.is_dir())):
        for name in FILES:
            if (folder / name).is_file():
                return folder / name
    files = [child for child in sorted(path.iterdir()) if child.is_file()]
    if image_folders.may_be_in(path):
        return path
    for suffixes in ((".npz",), (".csv",), ARCHIVES):
        fitting = [file for file in files if file.name.lower().endswith(suffixes)]
        if len(fitting) == 1:
            return fitting[0]
    return path


def read(path: Path, use_cache: bool = True, detect: str | None = None) -> Rows:
    """Read the faces of a file or a folder, with their labels and Usage if it has them.

    Args:
        path: the file or folder.
        use_cache: take what was read before, if the file has not changed since, and keep what is read now.
        detect: the detector that cuts the face out of each picture; None: its middle square is taken. Rows of
            a table are faces already.

    Raises:
        FileNotFoundError: there is no such file, or no data in the folder; the
            message says where to get them.
        BadInput: names the file, the row, what was found and what was expected.
        OSError: the file cannot be opened or read.
    """
    path = find(path)
    fingerprint = [*_fingerprint(path), *([] if detect is None else [detect])] if use_cache else []
    together = distributed.launched()
    kept = cache.load(path, fingerprint, together) if use_cache else None
    if kept is not None:
        return replace(kept, notes=(*kept.notes, f"{path.name}: read from the cache {cache.folder()}"))
    with Recogniser() as recogniser:
        if path.is_dir():
            rows = _read_folder(path, recogniser, detect)
        else:
            rows = _read_file(path, recogniser, detect)
        if use_cache and _fingerprint(path) == fingerprint[: len(fingerprint) - (detect is not None)]:
            cache.store(path, fingerprint, rows, lambda: rows.notes + recogniser.notes())
        notes = rows.notes + recogniser.notes()
    if use_cache and (together or len(rows) * PIXELS > cache.LARGE_BYTES):
        kept = cache.load(path, fingerprint, together)  # mapped: what was read needs no memory any more
    return replace(rows, images=np.asarray(rows.images), notes=notes) if kept is None else kept


def _fingerprint(path: Path) -> list[Any]:
    """Return what differs when the file, or a file in the folder, has changed."""
    return (
        cache.folder_fingerprint(archives.Folder(path).stats)
        if path.is_dir()
        else cache.file_fingerprint(path)
    )


def _read_folder(path: Path, recogniser: Recogniser, detect: str | None) -> Rows:
    shards = npz_shards.files(path)
    if shards and not image_folders.may_be_in(path):
        return npz_shards.read(shards)
    with archives.open_source(path) as source:
        rows = _read_source(source, str(path), recogniser, detect)
    if rows is None:
        raise FileNotFoundError(f"the directory {path} holds none of {_EXPECTED}. {WHERE_TO_GET}")
    return rows


def _read_file(path: Path, recogniser: Recogniser, detect: str | None) -> Rows:
    """Read a file in the form that its first bytes show."""
    name = str(path)
    with expecting(_EXPECTED), regular(path, buffering=0) as file:
        start = file.read(sniff.START)
        file.seek(0)
        if path.suffix.lower() == ".npz" or (start.startswith(ZIP) and npz_reader.holds_faces(file)):
            file.seek(0)
            return npz_reader.read(file, name)
        if start.startswith(GZIP):
            with archives.naming_errors(name), regular(path) as packed, gzip.open(packed) as unpacked:
                if not archives.is_tar(unpacked.read(sniff.START)):
                    unpacked.seek(0)
                    stream = archives.LimitedStream(unpacked, name, compressed=True)
                    return csv_reader.read(recogniser.hash_stream(stream, path.name), name)
        elif not (start.startswith(ZIP) or archives.is_tar(start)):
            recogniser.hash_file(path)
            return csv_reader.read(file, name, os.fstat(file.fileno()).st_size)
    with archives.open_source(path) as source:
        rows = _read_source(source, name, recogniser, detect)
    if rows is None:
        raise BadInput(f"the archive {name} holds none of {_EXPECTED}")
    return rows


def _read_source(source: Source, where: str, recogniser: Recogniser, detect: str | None) -> Rows | None:
    """Read the faces in a folder or an archive; None if there are none."""
    names = {name: size for name, size in source.names.items() if not archives.is_clutter(name)}
    chosen = _choose(names)
    if chosen is None or Path(chosen).name.lower() not in FILES:
        if image_folders.has_classes(names):
            return image_folders.read(names, source.open, where, detect)
        if chosen is None:
            return None
    inner = f"{where}/{chosen}"
    with source.open(chosen) as stream:
        if chosen.lower().endswith(".npz"):
            return npz_reader.read(io.BytesIO(stream.read()), inner)
        return csv_reader.read(recogniser.hash_stream(stream, Path(chosen).name), inner, names[chosen])


def _choose(names: Iterable[str]) -> str | None:
    """Return the table among the files: the first of FILES, else the only .npz or .csv; or None."""
    by_depth = sorted(names, key=lambda name: (name.count("/"), name))
    for file in FILES:
        for name in by_depth:
            if name.rsplit("/", 1)[-1].lower() == file:
                return name
    for suffix in (".npz", ".csv"):
        fitting = [name for name in by_depth if name.lower().endswith(suffix)]
        if len(fitting) == 1:
            return fitting[0]
    return None

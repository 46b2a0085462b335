"""A folder of .npz files, each with some of the faces: a data set that is larger than memory.

``python -m fer.synthetic --out FOLDER`` writes such files; so does any program, with ``np.savez("000.npz", images=…,
labels=…, usage=…)`` (npz_reader.py says what may be in them). They are read in the order of their names. Without an
array usage the name may say it: train_000.npz. Images stay in the files until the cache has copied them into one, if
np.savez wrote them, and not np.savez_compressed.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fer.data import npz_reader
from fer.data.table import SPLITS, Rows
from fer.errors import BadInput
from minicnn.models.sharded_files import MOST_BYTES, ShardedArray
from minicnn.saving import regular


def files(folder: Path) -> list[Path]:
    """Return the shards in a folder: its .npz files, if there are several."""
    found = sorted(path for path in folder.glob("*.npz") if path.is_file())
    return found if len(found) > 1 else []


def read(paths: list[Path]) -> Rows:
    """Return the faces of all files; the images are a ShardedArray.

    Raises:
        BadInput: a file cannot be used, or differs from the first one in what it has.
        OSError: one cannot be read.
    """
    shards: list[Rows] = []
    for path in paths:
        with regular(path, MOST_BYTES) as file:
            shards.append(_with_usage(npz_reader.read(file, str(path), mapped=True), path))
        for what in ("labels", "usage", "targets", "classes"):
            first, own = (_kind(getattr(rows, what)) for rows in (shards[0], shards[-1]))
            if first != own:
                raise BadInput(
                    f"{path} has {what} {own}, and {paths[0]} has {first}: expected the same in all files"
                )

    def joined(what: str) -> Any:
        parts = [getattr(rows, what) for rows in shards]
        return None if parts[0] is None else np.concatenate(parts)

    images: Any = ShardedArray([rows.images for rows in shards])
    notes = (*dict.fromkeys(note for rows in shards for note in rows.notes), f"{len(paths)} files of faces")
    return Rows(images, joined("labels"), joined("usage"), notes, shards[0].classes, joined("targets"))


def _with_usage(rows: Rows, path: Path) -> Rows:
    """Return the rows of train.npz, faces_test_3.npz, …, if they have no Usage of their own, with that of the name."""
    uses = {SPLITS[word] for word in re.split("[^a-z]+", path.stem.lower()) if word in SPLITS}
    if rows.usage is not None or len(uses) != 1:
        return rows
    return replace(rows, usage=np.full(len(rows), uses.pop(), np.uint8))


def _kind(value: Any) -> Any:
    """Return what must be the same in all shards."""
    return ("none" if value is None else "given") if isinstance(value, np.ndarray | None) else value

"""FER2013 in memory: ``load(path) -> FerDataset(train, validation, test)``, whatever form the file has.

The official split is by use: Training, PublicTest (here: validation) and PrivateTest (here: test). Rows
without a use are split 80 : 10 : 10, class by class, with every copy of an image on one side: FER2013 holds
many images twice.
Images stay uint8, 2304 bytes a face; a batch is cast when it is used.
"""

import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer import csv_reader
from fer.csv_reader import SIDE, USAGES, Rows
from fer.emotions import EMOTIONS
from fer.errors import BadInput

VARIABLE = "FER2013_DATA"
FILES = (
    "fer2013.csv",
    "icml_face_data.csv",
    "train.csv",
    "fer2013.npz",
)  # looked for in a directory, in this order
WHERE_TO_GET = (
    "FER2013 can be had from https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-"
    "recognition-challenge (log in, accept the rules) or https://www.kaggle.com/datasets/deadskull7/fer2013; "
    f"pass it with --data fer2013.csv or set {VARIABLE}=fer2013.csv"
)
FRACTIONS = (0.8, 0.1, 0.1)  # FER2013's own: 28709, 3589 and 3589 of 35887


@dataclass(frozen=True)
class Split:
    """Faces and their labels: images (N, 48, 48) uint8, labels (N,) uint8 in the order of EMOTIONS."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def counts(self) -> np.ndarray:
        """Return how many faces each emotion has, (7,) int64."""
        return np.bincount(self.labels, minlength=len(EMOTIONS))


@dataclass(frozen=True)
class FerDataset:
    """The three splits of a data set; validation and test are None when the source has no such rows."""

    train: Split
    validation: Split | None
    test: Split | None
    name: str

    def splits(self) -> dict[str, Split]:
        """Return the splits that there are, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in named.items() if split is not None}


def load(path: str | os.PathLike[str] | None = None, seed: int = 0) -> FerDataset:
    """Load FER2013 from a file, or from a directory that holds one.

    Args:
        path: fer2013.csv, icml_face_data.csv, train.csv (no Usage), a .npz (``images`` uint8 (N, 48, 48),
            ``labels``, ``usage`` with the CSV's three names, or none), or a directory that holds one.
            None: what FER2013_DATA names.
        seed: of the split, where the file has none.

    Raises:
        FileNotFoundError: no such file; says where it can be had.
        BadInput: a ValueError that names the file, the row, what was found and what was expected.
    """
    if path is None:
        path = os.environ.get(VARIABLE) or None
    if path is None:
        raise FileNotFoundError(f"no path given and {VARIABLE} is not set. {WHERE_TO_GET}")
    path = find(Path(path))
    rows = _read_npz(path) if path.suffix == ".npz" else csv_reader.read(path)
    if rows.labels is None:
        raise BadInput(
            f"{path} has no labels (no emotion column): its faces can be predicted, but nothing can be "
            "trained or tested with them. Use fer2013.csv, icml_face_data.csv or train.csv"
        )
    name, usage = path.name, rows.usage
    if usage is None:
        name += f" (split 80:10:10 at random, seed {seed})"
        usage = split_at_random(rows.images, rows.labels, seed)
    train, validation, test = (_select(rows.images, rows.labels, usage == use) for use in range(len(USAGES)))
    if train is None:
        raise BadInput(f"{path} has no row whose Usage is Training: there is nothing to train on")
    return FerDataset(train, validation, test, name)


def find(path: Path) -> Path:
    """Return the file that a path means: itself, or the one that a directory (or a directory in it) holds."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist. {WHERE_TO_GET}")
    if not path.is_dir():
        return path
    for folder in (path, *sorted(child for child in path.iterdir() if child.is_dir())):
        for name in FILES:
            if (folder / name).is_file():
                return folder / name
    others = sorted(path.glob("*.npz"))
    if len(others) == 1:
        return others[0]
    raise FileNotFoundError(f"the directory {path} holds none of {', '.join(FILES)}. {WHERE_TO_GET}")


def split_at_random(images: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Return a use (an index into USAGES) for each row, (N,) uint8: stratified, copies together, seeded.

    Of each emotion, the distinct images are shuffled and dealt out until 80 % of its rows are Training and
    90 % are Training or PublicTest. A picture whose copies disagree counts as the first copy's.
    """
    first_copy: dict[bytes, int] = {}
    leaders = np.array([first_copy.setdefault(image.tobytes(), i) for i, image in enumerate(images)])
    copies = np.bincount(leaders, minlength=len(images))  # of each leader; 0 for the others
    generator = np.random.default_rng(seed)
    usage = np.zeros(len(images), np.uint8)
    for emotion in range(len(EMOTIONS)):
        pictures = generator.permutation(np.flatnonzero((labels == emotion) & (copies > 0)))
        before = np.cumsum(copies[pictures]) - copies[pictures]  # rows dealt out before this picture
        total = copies[pictures].sum()
        usage[pictures] = np.searchsorted(np.cumsum(FRACTIONS[:2]) * total, before, side="right")
    return usage[leaders]


def _select(images: np.ndarray, labels: np.ndarray, chosen: np.ndarray) -> Split | None:
    """Return the chosen rows; without a copy where they follow each other, as in FER2013 they do."""
    where = np.flatnonzero(chosen)
    if len(where) == 0:
        return None
    neighbours = where[-1] - where[0] + 1 == len(where)
    index = slice(where[0], where[-1] + 1) if neighbours else where
    return Split(images[index], labels[index])


def _read_npz(path: Path) -> Rows:
    try:
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                raise ValueError("it is a single array, a .npy file")
            arrays = {name: content[name] for name in ("images", "labels", "usage") if name in content}
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BadInput(f"{path} is not a readable .npz file: {error}") from None
    images, labels, usage = (arrays.get(name) for name in ("images", "labels", "usage"))
    if images is None:
        raise BadInput(f"{path} has no array 'images'; expected images, labels and (optional) usage")
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE) or len(images) == 0:
        raise BadInput(
            f"{path}: images is {images.dtype} of shape {images.shape}, expected uint8 (N, {SIDE}, {SIDE})"
        )
    for name, array in (("labels", labels), ("usage", usage)):
        if array is not None and array.shape != images.shape[:1]:
            raise BadInput(
                f"{path}: {name} has shape {array.shape}, expected {images.shape[:1]}, one an image"
            )
    if labels is not None:
        _check_each(
            path, "labels", labels, np.isin(labels, np.arange(len(EMOTIONS))), f"0 to {len(EMOTIONS) - 1}"
        )
        labels = labels.astype(np.uint8)
    if usage is not None:
        _check_each(path, "usage", usage, np.isin(usage, USAGES), f"one of {', '.join(USAGES)}")
        usage = np.select([usage == use for use in USAGES], list(range(len(USAGES)))).astype(np.uint8)
    return Rows(images, labels, usage)


def _check_each(path: Path, name: str, values: np.ndarray, good: np.ndarray, expected: str) -> None:
    if not good.all():
        i = int(np.argmin(good))
        raise BadInput(f"{path}: {name}[{i}] is {values[i]!s:.40}, expected {expected}")

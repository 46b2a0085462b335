"""FER2013 in memory: ``load(path) -> FerDataset(train, validation, test)``, from any form of the file.

The official split is the column Usage: Training, PublicTest (here: validation) and PrivateTest (here: test).
Rows without a Usage are split 80 : 10 : 10, class by class. All copies of an image get into the same split:
FER2013 holds many images twice. Images stay uint8, 2304 bytes each; a batch is cast when it is used.
"""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer.data import faulty, formats
from fer.data.formats import WHERE_TO_GET
from fer.data.table import USAGES, Rows
from fer.emotions import EMOTIONS
from fer.errors import BadInput

ENV_VARIABLE = "FER2013_DATA"
HELD_OUT = "a tenth of its Training rows held out for validation"
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

    def copies_in(self, other: "Split") -> np.ndarray:
        """Return which of these faces the other split holds too, equal in every pixel: (N,) bool."""
        known = {image.tobytes() for image in other.images}
        return np.array([image.tobytes() in known for image in self.images], bool)


@dataclass(frozen=True)
class FerDataset:
    """The three splits of a data set.

    Attributes:
        train: the training faces.
        validation: None where the source has no such rows.
        test: likewise.
        name: of the file, with what was done to its rows.
        notes: lines about the source: a known file, read from the cache, ….
    """

    train: Split
    validation: Split | None
    test: Split | None
    name: str
    notes: tuple[str, ...] = ()

    def splits(self) -> dict[str, Split]:
        """Return the splits that are not None, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in named.items() if split is not None}

    def with_validation(self) -> "FerDataset":
        """Return the data with validation rows: if there are none, a tenth of the
        training rows, always the same ones.

        A tenth of each emotion is taken. All copies of a picture stay on one side: otherwise a copy that was
        trained on would help to choose the epoch.

        Raises:
            BadInput: there are too few rows.
        """
        if self.validation is not None:
            return self
        train = self.train
        held_out = split_at_random(train.images, train.labels, seed=0) == 1
        if not held_out.any() or held_out.all():
            raise BadInput(
                f"{self.name} has no PublicTest rows to choose the best epoch by, and too few "
                "to hold some out"
            )
        kept = Split(train.images[~held_out], train.labels[~held_out])
        validation = Split(train.images[held_out], train.labels[held_out])
        return replace(self, train=kept, validation=validation, name=f"{self.name} ({HELD_OUT})")

    def fingerprint(self) -> str:
        """Return a hash of all pixels, labels and their order: equal for equal data."""
        result = hashlib.blake2b(digest_size=16)
        for name, split in self.splits().items():
            result.update(f"{name} {split.images.shape}".encode())
            result.update(np.ascontiguousarray(split.images).data)
            result.update(np.ascontiguousarray(split.labels).data)
        return result.hexdigest()


def load(path: str | os.PathLike[str] | None = None, seed: int = 0, drop_faulty: bool = False) -> FerDataset:
    """Load FER2013 from any of its forms.

    Args:
        path: a file or a folder, as for :func:`read`; None: the one that FER2013_DATA names.
        seed: of the random split, if the source has none.
        drop_faulty: leave out the Training rows that show no face (see ``fer.data.faulty``).

    Raises:
        FileNotFoundError: there is no such file; the message says where to get it.
        BadInput: a ValueError; it names the file, the row, what was found and what was expected.
    """
    path = resolve_path(path)
    rows = formats.read(path)
    if rows.labels is None:
        raise BadInput(
            f"{path} has no labels (no emotion column): its faces can be predicted, but nothing can be "
            "trained or tested with them. Use fer2013.csv, icml_face_data.csv or train.csv"
        )
    name, usage, notes = path.name, rows.usage, rows.notes
    if usage is None:
        name += f" (split 80:10:10 at random, seed {seed})"
        usage = split_at_random(rows.images, rows.labels, seed)
    train, validation, test = (_select(rows.images, rows.labels, usage == use) for use in range(len(USAGES)))
    if train is None:
        raise BadInput(f"{path} has no row whose Usage is Training: there is nothing to train on")
    if drop_faulty:
        train, note = _drop_faulty(train)
        if not len(train):
            raise BadInput(f"{path}: {note}, and none is left: leave out --drop-faulty (drop_faulty)")
        notes = (*notes, note)
    return FerDataset(train, validation, test, name, notes)


def read(path: str | os.PathLike[str] | None = None) -> Rows:
    """Read the faces of a file or a folder as they are: not split, perhaps without labels or Usage.

    Args:
        path: fer2013.csv, icml_face_data.csv, train.csv (no Usage), test.csv (no labels); a .npz
            (``images`` uint8 (N, 48, 48), and ``labels``, ``usage`` with the CSV's three names, or none);
            a folder that holds one of these, or folders of pictures named after the emotions; a .zip,
            .tar or .tar.gz of any of them.
            None: the one that FER2013_DATA names.

    Raises:
        FileNotFoundError: there is no such file; the message says where to get it.
        BadInput: a ValueError; it names the file, the row, what was found and what was expected.
    """
    return formats.read(resolve_path(path))


def resolve_path(path: str | os.PathLike[str] | None) -> Path:
    """Return the file, or the folder of pictures, that a path names; without a path, FER2013_DATA.

    Raises:
        FileNotFoundError: there is none; the message says where to get the data.
    """
    path = path or os.environ.get(ENV_VARIABLE)
    if not path:
        raise FileNotFoundError(f"no path given and {ENV_VARIABLE} is not set. {WHERE_TO_GET}")
    return formats.find(Path(path))


def _drop_faulty(train: Split) -> tuple[Split, str]:
    """Return the split without the rows that show no face, and a line with their number."""
    faulty_rows = faulty.no_face(train.images)
    black = int((faulty_rows & faulty.black(train.images)).sum())
    kept = Split(train.images[~faulty_rows], train.labels[~faulty_rows])
    return kept, f"{black} black and {faulty_rows.sum() - black} non-face rows of Training left out"


def split_at_random(images: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Return a Usage (an index into USAGES) for each row, (N,) uint8: stratified, copies together, seeded.

    The distinct images of each emotion are shuffled and assigned in this order until 80 % of its rows are
    Training and 90 % are Training or PublicTest. If the copies of a picture have different labels, the first
    copy's counts.
    """
    first_copy: dict[bytes, int] = {}
    leaders = np.array([first_copy.setdefault(image.tobytes(), i) for i, image in enumerate(images)])
    copies = np.bincount(leaders, minlength=len(images))  # of each leader; 0 for the others
    generator = np.random.default_rng(seed)
    usage = np.zeros(len(images), np.uint8)
    for emotion in range(len(EMOTIONS)):
        pictures = generator.permutation(np.flatnonzero((labels == emotion) & (copies > 0)))
        before = np.cumsum(copies[pictures]) - copies[pictures]  # rows assigned before this picture
        total = copies[pictures].sum()
        usage[pictures] = np.searchsorted(np.cumsum(FRACTIONS[:2]) * total, before, side="right")
    return usage[leaders]


def _select(images: np.ndarray, labels: np.ndarray, chosen: np.ndarray) -> Split | None:
    """Return the chosen rows; a view, not a copy, if they follow each other, as in FER2013."""
    where = np.flatnonzero(chosen)
    if len(where) == 0:
        return None
    contiguous = where[-1] - where[0] + 1 == len(where)
    index = slice(where[0], where[-1] + 1) if contiguous else where
    return Split(images[index], labels[index])

"""FER2013 in memory: ``load(path) -> FerDataset(train, validation, test)``, from any form of the file.

The official split is the column Usage: Training, PublicTest (here: validation) and PrivateTest (here: test).
Rows without a Usage are split 80 : 10 : 10, class by class. All copies of an image get into the same split:
FER2013 holds many images twice. Images stay uint8, 2304 bytes each; a batch is cast when it is used.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer.data import faulty, ferplus, formats
from fer.data.formats import WHERE_TO_GET
from fer.data.table import USAGES, Rows, keys, split_at_random
from fer.emotions import EMOTIONS, indices_in
from fer.errors import BadInput
from minicnn.models.sharded_files import in_pieces
from minicnn.terminal import printable

ENV_VARIABLE = "FER2013_DATA"
HELD_OUT = "a tenth of its Training rows held out for validation"


@dataclass(frozen=True)
class Split:
    """Faces and their labels.

    Attributes:
        images: (N, 48, 48) uint8.
        labels: (N,) uint8, indices into ``classes``.
        classes: the names of the classes.
        targets: (N, classes) float32, how much of each class a face shows, if the data tell; None: the labels
            are all.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...] = EMOTIONS
    targets: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        """Return it in one line, without the arrays."""
        classes = ", ".join(f"{name} {count}" for name, count in zip(self.classes, self.counts().tolist()))
        return f"<Split of {len(self):,} faces: {printable(classes)}>"

    def counts(self) -> np.ndarray:
        """Return how many faces each class has, (classes,) int64."""
        return np.bincount(self.labels, minlength=len(self.classes))

    def rows(self, chosen: np.ndarray | slice) -> "Split":
        """Return some of the faces."""
        targets = None if self.targets is None else self.targets[chosen]
        return replace(self, images=self.images[chosen], labels=self.labels[chosen], targets=targets)

    def in_classes(self, classes: Sequence[str]) -> tuple["Split", str]:
        """Return the faces with the labels that another network or data set gives its classes, and a line.

        Classes are compared by their meaning: "anger" is "Angry". Faces of a class that is not among the
        others are left out, and the line says so; otherwise it is "".

        Raises:
            BadInput: no face is left.
        """
        if tuple(classes) == self.classes:
            return self, ""
        places = indices_in(self.classes, classes)
        table = np.array([-1 if place is None else place for place in places])
        labels = table[self.labels]
        kept = self.rows(labels >= 0)
        lost = [
            f"{n} {name}"
            for name, n, place in zip(self.classes, self.counts(), places)
            if n and place is None
        ]
        if not len(kept):
            raise BadInput(
                f"the classes are {', '.join(self.classes)}, and the network knows {', '.join(classes)}: none "
                "of these; train one on these data"
            )
        line = f"Left out, because the network does not know their class: {', '.join(lost)}." if lost else ""
        known = replace(
            kept, labels=labels[labels >= 0].astype(np.uint8), classes=tuple(classes), targets=None
        )
        return known, line

    def copies_in(self, other: "Split") -> np.ndarray:
        """Return which of these faces the other split holds too, equal in every pixel: (N,) bool."""
        known = set(keys(other.images))
        return np.array([key in known for key in keys(self.images)], bool)


@dataclass(frozen=True)
class FerDataset:
    """The three splits of a data set.

    Attributes:
        train: the training faces; none, where only others are to be evaluated.
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

    def __repr__(self) -> str:
        """Return it in one line, without the arrays."""
        sizes = ", ".join(f"{name} {len(split):,}" for name, split in self.splits().items()) or "no faces"
        return f"<FerDataset {printable(self.name)}: {sizes}>"

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the labels."""
        return self.train.classes

    def splits(self) -> dict[str, Split]:
        """Return the splits that are not None, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in named.items() if split is not None and len(split)}

    def with_training(self) -> "FerDataset":
        """Return the data, which have training rows.

        Raises:
            BadInput: they have none.
        """
        if not len(self.train):
            raise BadInput(f"{self.name} has no row whose Usage is Training: there is nothing to train on")
        return self

    def with_validation(self) -> "FerDataset":
        """Return the data with validation rows: without any, a tenth of the training rows, always the same.

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
        kept, validation = train.rows(~held_out), train.rows(held_out)
        return replace(self, train=kept, validation=validation, name=f"{self.name} ({HELD_OUT})")

    def fingerprint(self) -> str:
        """Return a hash of all pixels, labels and their order: equal for equal data."""
        result = hashlib.blake2b(digest_size=16)
        for name, split in self.splits().items():
            result.update(f"{name} {split.images.shape}".encode())
            for piece in in_pieces(split.images):
                result.update(np.ascontiguousarray(piece).data)
            result.update(np.ascontiguousarray(split.labels).data)
            if split.classes != EMOTIONS:
                result.update("\n".join(split.classes).encode(errors="surrogateescape"))
            if split.targets is not None:
                result.update(np.ascontiguousarray(split.targets).data)
        return result.hexdigest()


def load(
    path: str | os.PathLike[str] | None = None,
    seed: int = 0,
    drop_faulty: bool = False,
    detect: str | None = None,
    labels: str | os.PathLike[str] | None = None,
    votes: str = "majority",
) -> FerDataset:
    """Load FER2013 from any of its forms.

    Args:
        path: a file or a folder, as for :func:`read`; None: the one that FER2013_DATA names.
        seed: of the random split, if the source has none.
        drop_faulty: leave out the Training rows that show no face (see ``fer.data.faulty``).
        detect: the detector that cuts the face out of each picture of a folder, such as "haar"; None: the
            middle square is taken.
        labels: FER+'s fer2013new.csv: its labels take the place of FER2013's (see ``fer.data.ferplus``).
        votes: what becomes of its votes: "majority", or "soft" for targets that are shares.

    Raises:
        FileNotFoundError: there is no such file; the message says where to get it.
        BadInput: a ValueError; it names the file, the row, what was found and what was expected.
    """
    rows, path = labelled(path, detect, labels, votes)
    return from_rows(rows, name_of(path, labels), seed, drop_faulty).with_training()


def name_of(path: Path, labels: str | os.PathLike[str] | None) -> str:
    """Return how the faces of a path are called, with the labels of another file."""
    return path.name + (f" (labels of {Path(labels).name})" if labels is not None else "")


def labelled(
    path: str | os.PathLike[str] | None,
    detect: str | None = None,
    labels: str | os.PathLike[str] | None = None,
    votes: str = "majority",
) -> tuple[Rows, Path]:
    """Return the rows of a file or folder, which have labels, and its path; the arguments are those of
    :func:`load`.

    Raises:
        BadInput: there are no labels, or the data cannot be used.
        FileNotFoundError: there is no such file.
    """
    path = resolve_path(path)
    rows = formats.read(path, detect=detect)
    if labels is not None:
        rows = ferplus.relabel(rows, str(path), labels, votes)
    if rows.labels is None:
        raise BadInput(
            f"{path} has no labels (no emotion column): its faces can be predicted, but nothing can be "
            "trained or tested with them. Use fer2013.csv, icml_face_data.csv or train.csv"
        )
    return rows, path


def from_rows(rows: Rows, name: str, seed: int = 0, drop_faulty: bool = False) -> FerDataset:
    """Return rows as splits; ``train`` is empty if no row is for training.

    Args:
        rows: with labels.
        name: of where they come from.
        seed: of the random split, if the rows have none.
        drop_faulty: leave out the Training rows that show no face.

    Raises:
        BadInput: no row is left.
    """
    assert rows.labels is not None
    title, usage, notes = name, rows.usage, rows.notes
    if usage is None:
        title += f" (split 80:10:10 at random, seed {seed})"
        usage = split_at_random(rows.images, rows.labels, seed)
    everything = Split(rows.images, rows.labels, rows.classes, rows.targets)
    train, validation, test = (_select(everything, usage == use) for use in range(len(USAGES)))
    train = everything.rows(slice(0, 0)) if train is None else train
    if drop_faulty and len(train):
        train, note = _drop_faulty(train)
        if not len(train):
            raise BadInput(f"{name}: {note}, and none is left: leave out --drop-faulty (drop_faulty)")
        notes = (*notes, note)
    return FerDataset(train, validation, test, title, notes)


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
    return train.rows(
        ~faulty_rows
    ), f"{black} black and {faulty_rows.sum() - black} non-face rows of Training left out"


def _select(split: Split, chosen: np.ndarray) -> Split | None:
    """Return the chosen rows; a view, not a copy, if they follow each other, as in FER2013."""
    where = np.flatnonzero(chosen)
    if len(where) == 0:
        return None
    contiguous = where[-1] - where[0] + 1 == len(where)
    return split.rows(slice(where[0], where[-1] + 1) if contiguous else where)

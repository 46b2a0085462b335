"""Rows of FER2013, which every reader of a file returns, and the values of its column Usage."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fer.emotions import EMOTIONS
from minicnn.models.sharded_files import in_pieces

SIDE = 48
PIXELS = SIDE * SIDE
USAGES = ("Training", "PublicTest", "PrivateTest")  # here: train, validation, test
# the names that files and folders of other people give them, in lower case
SPLITS = {
    **dict.fromkeys(("train", "training"), 0),
    **dict.fromkeys(("validation", "val", "valid", "dev", "publictest"), 1),
    **dict.fromkeys(("test", "testing", "privatetest"), 2),
}

FRACTIONS = (0.8, 0.1, 0.1)  # of the rows; FER2013's own: 28709, 3589 and 3589 of 35887


@dataclass(frozen=True)
class Rows:
    """Faces in the order of their file.

    Attributes:
        images: (N, 48, 48) uint8.
        labels: (N,) uint8, indices into ``classes``; None if the file has none.
        usage: (N,) uint8, indices into USAGES; None if the file has none.
        notes: lines about the file.
        classes: the names of the classes.
        targets: (N, classes) float32, how much of each class a face shows; None: the labels are all.
    """

    images: np.ndarray
    labels: np.ndarray | None
    usage: np.ndarray | None
    notes: tuple[str, ...] = ()
    classes: tuple[str, ...] = EMOTIONS
    targets: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        """Return it in one line, without the arrays."""
        missing = [name for name in ("labels", "usage") if getattr(self, name) is None]
        return f"<Rows: {len(self):,} faces{''.join(f', no {name}' for name in missing)}>"


def keys(images: np.ndarray) -> Iterator[bytes]:
    """Yield a hash of each image: equal for equal ones."""
    for piece in in_pieces(images):
        yield from (hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in piece)


def split_at_random(images: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Return a Usage (an index into USAGES) for each row, (N,) uint8: stratified, copies together, seeded.

    The distinct images of each emotion are shuffled and assigned in this order until 80 % of its rows are
    Training and 90 % are Training or PublicTest. If the copies of a picture have different labels, the first
    copy's counts.
    """
    first_copy: dict[bytes, int] = {}
    leaders = np.array([first_copy.setdefault(key, i) for i, key in enumerate(keys(images))])
    copies = np.bincount(leaders, minlength=len(images))  # of each leader; 0 for the others
    generator = np.random.default_rng(seed)
    usage = np.zeros(len(images), np.uint8)
    for emotion in range(int(labels.max(initial=0)) + 1):
        pictures = generator.permutation(np.flatnonzero((labels == emotion) & (copies > 0)))
        before = np.cumsum(copies[pictures]) - copies[pictures]  # rows assigned before this picture
        total = copies[pictures].sum()
        usage[pictures] = np.searchsorted(np.cumsum(FRACTIONS[:2]) * total, before, side="right")
    return usage[leaders]

"""Rows of FER2013, which every reader of a file returns, and the values of its column Usage."""

from dataclasses import dataclass

import numpy as np

from fer.emotions import EMOTIONS

SIDE = 48
PIXELS = SIDE * SIDE
USAGES = ("Training", "PublicTest", "PrivateTest")  # here: train, validation, test
# the names that files and folders of other people give them, in lower case
SPLITS = {
    **dict.fromkeys(("train", "training"), 0),
    **dict.fromkeys(("validation", "val", "valid", "dev", "publictest"), 1),
    **dict.fromkeys(("test", "testing", "privatetest"), 2),
}


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

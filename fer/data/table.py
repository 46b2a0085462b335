"""Rows of FER2013, which every reader of a file returns, and the values of its column Usage."""

from dataclasses import dataclass

import numpy as np

SIDE = 48
PIXELS = SIDE * SIDE
USAGES = ("Training", "PublicTest", "PrivateTest")  # here: train, validation, test


@dataclass(frozen=True)
class Rows:
    """Faces in the order of their file.

    Attributes:
        images: (N, 48, 48) uint8.
        labels: (N,) uint8, indices into EMOTIONS; None if the file has none.
        usage: (N,) uint8, indices into USAGES; None if the file has none.
        notes: lines about the file.
    """

    images: np.ndarray
    labels: np.ndarray | None
    usage: np.ndarray | None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

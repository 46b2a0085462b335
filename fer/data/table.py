"""Rows of FER2013: what every reader of a file returns, and the words that files use for their columns."""

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
        labels: (N,) uint8, indices into EMOTIONS; None where the file has none.
        usage: (N,) uint8, indices into USAGES; None where the file has none.
        notes: lines that tell what the file was found to be.
    """

    images: np.ndarray
    labels: np.ndarray | None
    usage: np.ndarray | None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

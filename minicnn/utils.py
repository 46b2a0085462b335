"""Small helpers, under Keras's names."""

from typing import Any

import numpy as np

from minicnn import backend, random, spellings
from minicnn.backend import clear_session
from minicnn.preprocessing.files import array_to_img, img_to_array, load_img, save_img
from minicnn.streams import PyDataset

__all__ = [
    "PyDataset",
    "Sequence",
    "array_to_img",
    "clear_session",
    "img_to_array",
    "load_img",
    "normalize",
    "save_img",
    "set_random_seed",
    "to_categorical",
]

Sequence = PyDataset
# as a package's, so that importing an old spelling, minicnn.utils.np_utils, comes to minicnn.spellings too
__path__: list[str] = []
__getattr__ = spellings.names_of(__name__)


def set_random_seed(seed: int) -> None:
    """Make all that is random a function of ``seed``: initial weights, shuffling, dropout, augmentation."""
    random.set_seed(seed)


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """Return x with the vectors along ``axis`` scaled to length 1, by the norm of ``order``; those of zeros stay."""
    array = np.asarray(x)
    lengths = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(lengths == 0, 1, lengths)


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Return class numbers as one-hot rows: [0, 2] -> [[1, 0, 0], [0, 0, 1]], in the default float type.

    Args:
        x: integers from 0, (N,) or (N, 1).
        num_classes: length of the rows; by default the largest number + 1.

    Raises:
        ValueError: a number is negative, not whole, or not below ``num_classes``.
    """
    numbers = np.asarray(x)
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    if num_classes is None:
        num_classes = int(numbers.max()) + 1 if numbers.size else 0
    wrong = (numbers < 0) | (numbers >= num_classes) | (numbers != np.floor(numbers))
    if wrong.any():
        raise ValueError(
            f"x holds {numbers[wrong].flat[0]}, expected integers from 0 to num_classes - 1 = {num_classes - 1}"
        )
    return np.eye(num_classes, dtype=backend.floatx())[numbers.astype(int)]

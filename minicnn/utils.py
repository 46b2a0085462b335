"""Small helpers, under Keras's names."""

from typing import Any

import numpy as np

from minicnn import backend, random


def set_random_seed(seed: int) -> None:
    """Make all that is random a function of ``seed``: initial weights, shuffling, dropout, augmentation."""
    random.set_seed(seed)


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

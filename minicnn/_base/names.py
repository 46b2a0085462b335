"""Names of objects: the class's name in snake_case, numbered for each class."""

import re
from collections.abc import Iterator
from itertools import count

_numbers: dict[str, Iterator[int]] = {}  # next() and setdefault() are one step each: safe in threads


def snake_case(name: str) -> str:
    """Return a class's name in Keras's snake_case: MaxPooling2D -> max_pooling2d, F1Score -> f1_score."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", name).lower()


def unique_name(base: str) -> str:
    """Return ``base``, ``base_1``, ``base_2``, … in the order of the calls."""
    number = next(_numbers.setdefault(base, count()))
    return f"{base}_{number}" if number else base


def is_ours(defined: object) -> bool:
    """Return whether a class or a function is defined in minicnn, not by its user."""
    return str(getattr(defined, "__module__", "")).partition(".")[0] == "minicnn"


def restart() -> None:
    """Number the names from the beginning again."""
    _numbers.clear()

"""Checks of the optimizers' arguments; an error names the argument, its value and what was expected."""

import numbers
from typing import Any


def check(holds: bool, argument: str, value: Any, expected: str) -> None:
    """Raise a ValueError that names the argument, unless ``holds``."""
    if not holds:
        raise ValueError(f"{argument}={value!r}: expected {expected}")


def check_clipping(**limits: float | None) -> None:
    """Raise unless at most one kind of clipping is given, with a positive limit."""
    given = {argument: limit for argument, limit in limits.items() if limit is not None}
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} are given: choose one kind of clipping")
    for argument, limit in given.items():
        check(limit > 0, argument, limit, "a positive number, or None for no clipping")


def checked_rate(value: Any) -> Any:
    """Return a learning rate as a float; a schedule or function as it is."""
    if callable(value):
        return value
    if not isinstance(value, numbers.Real) or not float(value) >= 0:
        raise ValueError(f"learning_rate={value!r}: expected a number from 0, a schedule or a function")
    return float(value)

"""Numbers, lists and axes as text; the orders of axes."""

from collections.abc import Iterable, Iterator
from itertools import permutations

MOST_AXES = 5  # of an array; with more, their orders and combinations are too many to try


def orders(axes: Iterable[int]) -> Iterator[tuple[int, ...]]:
    """Yield all orders of the axes; none if there are too many to try."""
    axes = tuple(axes)
    return permutations(axes) if len(axes) <= MOST_AXES else iter(())


def number(value: float) -> str:
    """Return a number as text for a sentence."""
    return f"{value:.6g}"


def listed(items: Iterable[object]) -> str:
    """Return "a", "a and b" or "a, b and c"; "" for nothing."""
    *first, last = [*map(str, items)] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def axes_named(axes: tuple[int, ...]) -> str:
    """Return "axis 1" or "axes (0, 1)"."""
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes}"

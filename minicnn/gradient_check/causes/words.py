"""Numbers, lists and axes as text; the orders of axes."""

from collections.abc import Iterable, Iterator
from itertools import combinations, permutations, product

MOST_AXES = 5  # of an array; with more, their orders and combinations are too many to try


def orders(axes: Iterable[int]) -> Iterator[tuple[int, ...]]:
    """Yield all orders of the axes; of many, only those with two exchanged."""
    axes = tuple(axes)
    if len(axes) <= MOST_AXES:
        yield from permutations(axes)
        return
    yield axes
    for a, b in combinations(axes, 2):
        yield tuple({a: b, b: a}.get(axis, axis) for axis in axes)


def number(value: float) -> str:
    """Return a number as text for a sentence."""
    return f"{value:.6g}"


def fraction(value: float) -> str:
    """Return a number, as a fraction if it is a simple one."""
    simple = ((f"{p}/{q}", p / q) for q, p in product(range(2, 10), range(1, 10)) if p % q)
    sign = "−" if value < 0 else ""
    return next((sign + text for text, near in simple if abs(abs(value) - near) < 1e-9), number(value))


def listed(items: Iterable[object]) -> str:
    """Return "a", "a and b" or "a, b and c"; "" for nothing."""
    *first, last = [*map(str, items)] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def axes_named(axes: tuple[int, ...]) -> str:
    """Return "axis 1" or "axes (0, 1)"."""
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes}"

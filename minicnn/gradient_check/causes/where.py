"""The last hypotheses: no cause fits the numbers, but the position of the errors is a hint."""

from collections.abc import Iterator
from math import comb

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.causes.layout import axis_name, of_images

# This many entries must be right, and not 0, or "wrong only here" has no meaning.
ENOUGH = 2
SELDOM = 10_000  # of so many sets of entries one is that beyond a number: any number would do
BY_CHANCE = 0.02  # the chance that so many wrong entries are all in a region


def location(e: Evidence) -> str | None:
    """Wrong only in one region, or right only there: an entry, a row, the border, where x is negative."""
    wrong = e.wrong
    right = e.zero(e.given - e.right) & ~e.zero(e.right)
    if np.count_nonzero(right) < ENOUGH or not wrong.any():
        return None
    among = "" if e.complete else f"of the {len(wrong)} entries compared: "
    if np.count_nonzero(wrong) == 1:
        return f"{among}right everywhere but at {e.places[:, wrong][:, 0].tolist()}"
    for name, inside in _regions(e):
        if not wrong[~inside].any() and np.count_nonzero(right[~inside]) >= ENOUGH:
            if not right[inside].any():
                return f"{among}wrong only {name}"
            if inside.mean() ** np.count_nonzero(wrong) < BY_CHANCE:
                return f"{among}right everywhere but for entries {name}"
    for name, inside in _regions(e):
        if not right[~inside].any() and not wrong[inside].any():
            return f"{among}right only {name}"
    return None


def _regions(e: Evidence) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name of a region, which entries are in it), small regions first."""
    x, shape = e.array.ravel()[e.index], e.array.shape
    if e.of_input:
        yield "where x is 0", x == 0
    slabs = {}
    for axis, length in enumerate(shape):
        for i in range(length if length > 1 else 0):
            slabs[axis, i] = e.places[axis] == i
            yield _slab(e, axis, i), slabs[axis, i]
    last = [(axis, shape[axis] - 1) for axis in range(len(shape)) if shape[axis] > 1]
    for n, a in enumerate(last):
        for b in last[n + 1 :]:
            yield f"{_slab(e, *a)} and {_slab(e, *b)}", slabs[a] | slabs[b]
    axes = (2, 3) if of_images(e) == "NCHW" else (1, 2) if e.of_input else (0, 1)
    if len(shape) == 4 and all(shape[axis] > 2 for axis in axes):
        ends = [slabs[axis, i] for axis in axes for i in (0, shape[axis] - 1)]
        yield f"at the border (the ends of axes {axes[0]} and {axes[1]})", np.any(ends, axis=0)
    if e.of_input and e.array.shape == e.dy.shape:
        for side, below in (("<", True), (">", False)):
            wrong, right = x[e.wrong], x[~e.wrong & (e.right != 0)]
            gap = (wrong.max(), right.min()) if below else (right.max(), wrong.min())
            at = 0.0 if gap[0] < 0 <= gap[1] or gap[0] <= 0 < gap[1] else (gap[0] + gap[1]) / 2
            if at == 0 or comb(len(x), len(wrong)) > SELDOM:
                yield f"where x {side} {at:.3g}", (x < at) if below else (x > at)


def _slab(e: Evidence, axis: int, i: int) -> str:
    if not e.of_input:
        return f"at index {i} of axis {axis}"
    name = axis_name(e, axis, e.array.ndim)
    which = {0: "first", e.array.shape[axis] - 1: "last"}.get(i)
    return f"in the {which} {name}" if which else f"in {name.replace('(', f'{i} (')}"

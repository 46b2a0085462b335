"""Functions that only move numbers: concatenation, slices, padding, upsampling, gathering from a table.

Each output is a copy of one entry, so each entry's gradient is the sum of dy over its copies. A wrong gradient
that is made of numbers of dy shows from which outputs they were taken.
"""

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.causes.words import listed
from minicnn.gradient_check.report import Gradient

ENOUGH = 3


def wrong_copies(e: Evidence) -> str | None:
    """Only one of several copies counts, or the numbers of dy come from another place."""
    n = len(e.index)
    columns = e.columns.reshape(n, -1)
    if not (np.abs(columns * (columns - 1)) < 1e-6).all() or np.count_nonzero(columns) == 0:
        return None
    copies = np.count_nonzero(np.abs(columns) > 0.5, axis=1)
    dy = e.dy.ravel()
    nearest = np.abs(e.given[:, None] - dy).argmin(axis=1)
    taken = np.where(
        e.zero(e.given - dy[nearest]), nearest, -1
    )  # the flat index in dy, of each entry's number
    if (taken < 0).any():
        averaged = copies.min() != copies.max() and e.fits(e.right / copies)
        return "the gradients of an entry's copies are averaged: they must be added" if averaged else None
    if (columns[np.arange(n), taken] > 0.5).all() and copies.min() == copies.max() > 1 and e.of_input:
        return f"only one of the {copies[0]} outputs that each entry is copied to counts: their gradients must be added"
    if copies.max() > 1 or len(np.unique(taken)) < ENOUGH or copies.min() == 0:
        return None
    right = columns.argmax(axis=1)
    apart = np.array(np.unravel_index(taken, e.dy.shape)) - np.array(np.unravel_index(right, e.dy.shape))
    if np.ptp(apart, axis=1).any():
        return None
    by = listed(f"{p[0]:+d} along axis {axis}" for axis, p in enumerate(apart) if p[0])
    return f"the right shape, but cut out of dy at the wrong place: every entry has the number of dy at offset {by}"


def of_another_array(e: Evidence) -> str | None:
    """The gradient of another argument: returned in another order, or written under the wrong name."""
    for name, array in e.arrays.items():
        if name == e.gradient.name or array.size != e.analytic.size or array.size > 2_000:
            continue
        if name in e.search.right and e.gradient.fits:
            continue  # the two are not exchanged: a factor is missing
        unknown = Gradient(name, None, np.full(array.shape, np.nan), e.gradient.method)
        other = Evidence(unknown, e.function, e.arrays, e.dy)
        right = np.array([np.sum(e.dy * other.column(i)) for i in range(array.size)]).reshape(array.shape)
        if array.shape == e.analytic.shape and e.matches(right):
            return f"this is the gradient of {name}, not of {e.gradient.name}: are they in the wrong order?"
        if array.ndim == 2 and right.T.shape == e.analytic.shape and e.matches(right.T):
            return f"this is the gradient of {name}, transposed, not that of {e.gradient.name}"
    return None


def array_itself(e: Evidence) -> str | None:
    """An array, y or dy was returned instead of a gradient."""
    for name, array in {**e.arrays, "y": e.y, "dy": e.dy}.items():
        if array.shape == e.analytic.shape and array.any() and e.matches(array):
            return f"this is {name} itself, not a gradient"
        if array.shape == e.analytic.shape and array.any() and e.matches(2 * array):
            return f"this is 2·{name}, not a gradient"
    return None

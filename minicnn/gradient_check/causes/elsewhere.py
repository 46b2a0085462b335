"""Other numbers: what is true of one set of arrays by chance is not true of another; and the time for all searches."""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minicnn.gradient_check.numeric import Arrays
from minicnn.gradient_check.report import Gradient

Evidence = Any  # of evidence.py, which uses this file
# other arrays -> the upstream gradient, and what backward returns for each
Elsewhere = Callable[[Arrays], tuple[np.ndarray, Mapping[str, np.ndarray | None]]]
MOST_ELSEWHERE = 150  # entries that are compared for other arrays


@dataclasses.dataclass
class Search:
    """What the searches for the causes of several arrays share: the time; slips that were found, (text, place).

    Attributes:
        until: when to stop, in seconds of ``time.process_time``.
        found: slips that explain the gradient of another array: they are tried first.
        right: the names of the arrays whose gradients are right.
        cut: whether time was up.
    """

    until: float = math.inf
    found: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    right: tuple[str, ...] = ()
    cut: bool = False

    @property
    def is_over(self) -> bool:
        """Whether time is up; then it is noted."""
        self.cut = self.cut or time.process_time() > self.until
        return self.cut


def second_evidence(e: Evidence) -> Evidence | None:
    """Return the evidence for other arrays, with one sample more if both passes take it; None if there is no such."""
    n = e.input.shape[:1]
    of_samples = [name for name, array in e.arrays.items() if array.shape[:1] == n]
    for names in ([next(iter(e.arrays))], of_samples, []):
        rng = np.random.default_rng([7, 2])
        arrays = {name: _redrawn(array, name in names, rng) for name, array in e.arrays.items()}
        try:
            return _at(e, arrays)
        except Exception:  # the user's functions do not take such arrays
            continue
    return None


def is_constant(e: Evidence, here: float, there: float) -> bool:
    """Whether a number is the same for the arrays and for the second ones; it may be divided by the batch size."""
    n = (1, len(e.second.input), len(e.input)) if e.second and e.input.ndim else (1, 1, 1)
    return any(math.isclose(there, here * r, rel_tol=1e-5) for r in (1, n[1] / n[2], n[2] / n[1]))


def _at(e: Evidence, arrays: Arrays) -> Evidence:
    """Return the evidence for other arrays.

    Raises:
        ValueError: the gradient is right there, or of another shape.
    """
    assert e.elsewhere is not None
    name, (dy, given) = e.gradient.name, e.elsewhere(arrays)
    right = np.full(arrays[name].shape, np.nan)
    gradient = Gradient(name, given[name], right, e.gradient.method)
    search = Search(e.search.until, right=e.search.right)
    there = dataclasses.replace(e, gradient=gradient, arrays=arrays, dy=dy, elsewhere=None, search=search)
    for i in np.random.default_rng([7, 3]).permutation(right.size)[:MOST_ELSEWHERE]:
        right.ravel()[i] = np.sum(dy * there.column(int(i)))
    if not gradient.fits or not there.wrong.any():
        raise ValueError
    return there


def _redrawn(array: np.ndarray, longer: bool, rng: np.random.Generator) -> np.ndarray:
    """Return other numbers of about the same sizes and signs, perhaps with one index more along the first axis."""
    other = rng.permuted(array.ravel()).reshape(array.shape) * rng.uniform(0.6, 1.7, array.shape)
    if not longer:
        return other
    return np.concatenate([other, rng.permuted(other[:1].ravel()).reshape(other[:1].shape) * 1.1])

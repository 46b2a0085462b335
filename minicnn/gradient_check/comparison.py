"""Compare gradients with derivatives, and name the likely causes: the report.

    compare_exactly   a function of the library: every decision is taken on real parts, the complex step is right
    compare_any       a function that nobody knows (slopes.py, judge.py): what it takes, and where it has kinks

If a gradient is wrong, first its form is looked at (answers.py), then its numbers (causes/).
"""

import dataclasses
import re
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from minicnn.gradient_check import numeric
from minicnn.gradient_check.answers import of_form
from minicnn.gradient_check.causes import Evidence, likely_cause
from minicnn.gradient_check.causes.elsewhere import Elsewhere, Search
from minicnn.gradient_check.gradient import FLOOR, Gradient
from minicnn.gradient_check.judge import judge
from minicnn.gradient_check.numeric import Arrays, Function
from minicnn.gradient_check.report import Report
from minicnn.gradient_check.slopes import COMPLEX, DIFFERENCES, SINGLE, Slopes

METHODS = ("auto", COMPLEX, DIFFERENCES)
SECONDS = 5.0  # for the entries of all arrays; what is not compared in this time is tested along directions
SINGLE_NOTE = (
    "float32 inside the forward pass. Results have 7 digits, slopes 2 or 3, so only large errors are seen. "
    "Compute with the dtype of x, and the check is exact"
)
MOVED_NOTE = "mend first what is said above the table, then the numbers can be explained"

Analytic = Mapping[str, np.ndarray | None]


class How(NamedTuple):
    """How to compare: the arguments of :func:`compare` with these names."""

    method: str = "auto"
    entries: int | None = None
    seed: int = 0
    thorough: bool = False

    @classmethod
    def checked(cls, method: str, *others: Any) -> "How":
        """Return them together.

        Raises:
            ValueError: there is no such method.
        """
        if method not in METHODS:
            raise ValueError(f"method={method!r}: expected one of {', '.join(METHODS)}")
        return cls(method, *others)


def compare(
    title: str,
    function: Function,
    arrays: Arrays,
    dy: np.ndarray,
    analytic: Analytic,
    method: str = "auto",
    entries: int | None = None,
    seed: int = 0,
    thorough: bool = False,
) -> Report:
    """Compare analytic gradients with numeric ones.

    Args:
        title: the report's title.
        function: called with each array as a keyword; returns y, of dy's shape.
        arrays: name -> float64 array, the points at which to differentiate.
        dy: the upstream gradient.
        analytic: name -> the gradient of ``sum(dy * y)`` to check.
        method: "complex step" (the function must take complex arrays, and decide on their real parts),
            "central differences", or "auto": for any function; the complex step where it can be trusted.
        entries: how many entries of each array to compare, drawn at random; None: all, with "auto" those that fit
            into 5 seconds.
        seed: of that draw.
        thorough: all entries, whatever time it takes.

    Raises:
        ValueError: there is no such method.
    """
    how = How.checked(method, entries, seed, thorough)
    return (compare_exactly if method == COMPLEX else compare_any)(title, function, arrays, dy, analytic, how)


def compare_exactly(
    title: str,
    function: Function,
    arrays: Arrays,
    dy: np.ndarray,
    analytic: Analytic,
    how: How,
) -> Report:
    """Compare with the complex step, of a function that takes every decision on real parts."""
    gradients = {}
    for name, array in arrays.items():
        chosen: Any = range(array.size)
        if how.entries is not None:
            chosen = np.sort(np.random.default_rng(how.seed).permutation(array.size)[: how.entries])
        values, scale = np.full(array.shape, np.nan), 0.0
        for i in chosen:
            entry = tuple(map(int, np.unravel_index(i, array.shape)))
            terms = dy * numeric.complex_column(function, arrays, name, entry)
            values[entry] = terms.sum()
            scale = max(scale, float(np.abs(terms).sum()))
        scale = max(scale, FLOOR * float(np.abs(dy).max(initial=0.0))) or 1.0
        gradient = Gradient(name, analytic[name], values, COMPLEX, scale)
        gradients[name] = _explained(gradient, function, arrays, dy)
    return Report(title, gradients)


def compare_any(
    title: str,
    function: Function,
    arrays: Arrays,
    dy: np.ndarray,
    analytic: Analytic,
    how: How,
    own: bool = False,
    problems: Sequence[str] = (),
    given: Sequence[np.ndarray | None] = (),
    elsewhere: Elsewhere | None = None,
) -> Report:
    """Compare gradients of any function; ``own``: it is the library's; ``given``: all that backward returned;
    ``elsewhere``: both passes for other arrays.
    """
    slopes = {name: Slopes(function, arrays, name, how.method, own) for name in arrays}
    most, seconds = (None, np.inf) if how.thorough else (how.entries, SECONDS / len(arrays))
    gradients = {name: judge(slopes[name], dy, analytic[name], most, seconds, how.seed) for name in arrays}
    for name, gradient in gradients.items():
        if gradient.flat:
            tested = not gradient.passed or not _depends_elsewhere(function, arrays, name)
            gradients[name] = dataclasses.replace(gradient, flat=not tested)
    lost: dict[str, list[str]] = {}  # why not exact -> of which arrays
    for name, each in slopes.items():
        if each.method != COMPLEX:
            reason = SINGLE_NOTE if each.method == SINGLE else _how_to_be_exact(each.lost)
            lost.setdefault(reason, []).append(name)
    search = Search(
        np.inf if how.thorough else time.process_time() + SECONDS,
        right=tuple(name for name, gradient in gradients.items() if gradient.passed),
    )
    moved = any(re.match("backward changed (?!dy|y in)", each) for each in problems)
    for name, gradient in gradients.items():
        if gradient.passed:
            continue
        words = of_form(gradient, [*arrays], gradients, given or [*analytic.values()])
        if moved and gradient.fits:
            gradients[name] = dataclasses.replace(gradient, notes=(*gradient.notes, MOVED_NOTE))
        elif words:
            gradients[name] = dataclasses.replace(gradient, cause=words)
        else:
            explain = slopes[name].convention if slopes[name].method == COMPLEX else function
            known = gradients[name] = _explained(gradient, explain, arrays, dy, function, elsewhere, search)
            if not known.cause and gradient.fits and "backward changed" in str(problems):
                gradients[name] = dataclasses.replace(known, notes=(*known.notes, MOVED_NOTE))
    notes = [f"{', '.join(names)}: {reason}" for reason, names in lost.items() if reason]
    if search.cut:
        notes.append(f"the search for causes was cut after {SECONDS:.0f} s: thorough=True goes on")
    return Report(title, gradients, tuple(problems), tuple(notes))


def _explained(
    gradient: Gradient,
    function: Function,
    arrays: Arrays,
    dy: np.ndarray,
    plain: Function | None = None,
    elsewhere: Elsewhere | None = None,
    search: Search | None = None,
) -> Gradient:
    if gradient.passed:
        return gradient
    if any(each.agrees is False for each in gradient.along) and gradient.fits:
        off = np.argwhere(gradient.errors > gradient.bound).tolist()
        if len(off) == 1:  # all that were drawn at random are right: too little to name a cause
            others = np.count_nonzero(gradient.checked) - 1
            note = f"wrong at {off[0]}, to which the direction led; the {others} other entries compared are right"
            return dataclasses.replace(gradient, notes=(*gradient.notes, note))
    evidence = Evidence(gradient, function, arrays, dy, plain, elsewhere, search or Search())
    return dataclasses.replace(gradient, cause=likely_cause(evidence))


def _depends_elsewhere(function: Function, arrays: Arrays, name: str) -> bool:
    """Whether y depends on an array of which all slopes are 0, if all arrays have other numbers.

    It does behind a ReLU that is off. A bias before batch normalization has the gradient 0 everywhere: 0 is right.
    """
    rng = np.random.default_rng([6, 2])
    for size in (-1.0, *10 ** rng.uniform(-0.5, 3, 30)):
        moved = {
            each: size * array
            if size < 0
            else size * (array + (1 + np.abs(array)) * rng.standard_normal(array.shape))
            for each, array in arrays.items()
        }
        step = {**moved, name: moved[name] + 1e-5 * abs(size) * rng.standard_normal(moved[name].shape)}
        with suppress(Exception), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            here, there = (np.real(np.asarray(function(**at))).astype(np.float64) for at in (moved, step))
            apart = np.abs(there - here) / (1 + np.abs(here))
            if ((apart > 1e-11) & (apart < 1e-2)).any():  # a jump is no slope
                return True
    return False


def _how_to_be_exact(lost: str | None) -> str:
    if lost is None:  # the user chose differences
        return ""
    text = "compared with differences, to 7 digits: "
    if lost.startswith("it uses"):
        return f"{text}the complex step has no exact derivative of one of its functions ({lost})"
    text += "forward does not take complex numbers"
    if "complex" in lost.lower() and "something else" not in lost:
        return (
            f"{text}. Does it write into np.zeros(shape), or call float(…)? With np.zeros(shape, dtype=x.dtype) or "
            f"np.zeros_like(x) instead, the check is exact ({lost})"
        )
    return f"{text} ({lost})"


def unjudged(title: str, arrays: Arrays, analytic: Mapping[str, Any], problems: Sequence[str]) -> Report:
    """Return the report on a forward pass that is not a function."""
    gradients = {
        name: Gradient(name, analytic[name], np.full(a.shape, np.nan), COMPLEX) for name, a in arrays.items()
    }
    return Report(title, gradients, tuple(problems))

"""Compare gradients with derivatives, and name the likely causes: for functions of
the library, and for any.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minicnn.gradient_check import numeric
from minicnn.gradient_check.answers import of_form
from minicnn.gradient_check.causes import Evidence, likely_cause
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

MOVED_NOTE = "backward changed what it computes with: mend this first, then the numbers can be explained"


def compare(
    title: str,
    function: Function,
    arrays: Arrays,
    dy: np.ndarray,
    analytic: Mapping[str, np.ndarray | None],
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
    if method not in METHODS:
        raise ValueError(f"method={method!r}: expected one of {', '.join(METHODS)}")
    if method == COMPLEX:
        gradients = {}
        for name in arrays:
            gradient = _exact(function, arrays, dy, name, analytic[name], entries, seed)
            gradients[name] = _explained(gradient, function, arrays, dy)
        return Report(title, gradients)
    return compare_any(title, function, arrays, dy, analytic, method, entries, seed, thorough)


def _exact(
    function: Function,
    arrays: Arrays,
    dy: np.ndarray,
    name: str,
    analytic: np.ndarray | None,
    entries: int | None,
    seed: int,
) -> Gradient:
    """Differentiate with the complex step a function that takes every decision on real parts."""
    array = arrays[name]
    chosen: Any = range(array.size)
    if entries is not None:
        chosen = np.sort(np.random.default_rng(seed).permutation(array.size)[:entries])
    values = np.full(array.shape, np.nan)
    scale = 0.0
    for i in chosen:
        entry = tuple(map(int, np.unravel_index(i, array.shape)))
        terms = dy * numeric.complex_column(function, arrays, name, entry)
        values[entry] = terms.sum()
        scale = max(scale, float(np.abs(terms).sum()))
    scale = max(scale, FLOOR * float(np.abs(dy).max(initial=0.0))) or 1.0
    return Gradient(name, analytic, values, COMPLEX, scale)


def compare_any(
    title: str,
    function: Function,
    arrays: Arrays,
    dy: np.ndarray,
    analytic: Mapping[str, np.ndarray | None],
    method: str,
    entries: int | None,
    seed: int,
    thorough: bool,
    problems: Sequence[str] = (),
    given: Sequence[np.ndarray | None] = (),
    own: bool = False,
) -> Report:
    """Compare gradients of any function; ``given``: all that backward returned; ``own``: it is the library's."""
    gradients, explain = {}, {}
    lost: dict[str, list[str]] = {}  # why not exact -> of which arrays
    for name in arrays:
        slopes = Slopes(function, arrays, name, method, own)
        most, seconds = (None, np.inf) if thorough else (entries, SECONDS / len(arrays))
        gradients[name] = judge(slopes, dy, analytic[name], most, seconds, seed)
        if slopes.method != COMPLEX:
            reason = SINGLE_NOTE if slopes.method == SINGLE else _how_to_be_exact(slopes.lost)
            lost.setdefault(reason, []).append(name)
        explain[name] = slopes.convention if slopes.method == COMPLEX else function
    moved = any(re.match("backward changed (?!dy|y in)", each) for each in problems)
    for name, gradient in gradients.items():
        if moved and not gradient.passed and gradient.fits:
            gradients[name] = dataclasses.replace(gradient, notes=(*gradient.notes, MOVED_NOTE))
            continue
        words = of_form(gradient, [*arrays], gradients, given or [*analytic.values()])
        if words and not gradient.passed:
            gradients[name] = dataclasses.replace(gradient, cause=words)
        else:
            gradients[name] = _explained(gradient, explain[name], arrays, dy)
    notes = [f"{', '.join(names)}: {reason}" for reason, names in lost.items() if reason]
    return Report(title, gradients, tuple(problems), tuple(notes))


def _explained(gradient: Gradient, function: Function, arrays: Arrays, dy: np.ndarray) -> Gradient:
    if gradient.passed:
        return gradient
    if any(each.agrees is False for each in gradient.along) and gradient.fits:
        off = np.argwhere(gradient.errors > gradient.bound).tolist()
        if len(off) == 1:  # all that were drawn at random are right: too little to name a cause
            others = np.count_nonzero(gradient.checked) - 1
            note = f"wrong at {off[0]}, to which the direction led; the {others} other entries compared are right"
            return dataclasses.replace(gradient, notes=(*gradient.notes, note))
    return dataclasses.replace(gradient, cause=likely_cause(Evidence(gradient, function, arrays, dy)))


def _how_to_be_exact(lost: str | None) -> str:
    if lost is None:  # the user chose differences
        return ""
    text = "compared with differences, to 7 digits: forward does not take complex numbers"
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

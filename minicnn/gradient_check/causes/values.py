"""Values of the forward pass in a factor: a number such as √d, or an array such as a norm or a count."""

import math
import re
from collections.abc import Iterator

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.causes.followed import follower_of
from minicnn.gradient_check.causes.step import Step
from minicnn.gradient_check.causes.words import number

ENOUGH = 3
POWERS = {1: "{}", 2: "the square of {}", 0.5: "the root of {}"}


def numbers(steps: list[Step]) -> dict[str, float]:
    """Return the numbers that have a name in the code, and by which it multiplies or divides: text -> value."""
    found: dict[str, set[float]] = {}  # a variable that changes in a loop is no number of the code
    for step in steps:
        names = step.place.text.operands if step.place else ()
        for m, name in enumerate(names if step.name in ("multiply", "divide") else ()):
            value = step.inputs[m] if m < len(step.inputs) else ()
            if np.size(value) == 1:
                each = math.nan if m in step.active else float(np.real(np.ravel(value)[0]))
                found.setdefault(f"“{name}”", set()).add(each)
    return {name: value for name, (value, *more) in found.items() if not more and not math.isnan(value)}


def named(e: Evidence, value: float) -> str:
    """Return the number of the code that has this value or is 1 over it, as text; "" if there is none."""
    follower = follower_of(e)
    known = numbers(follower.steps) if follower else {}
    near = (
        f"{name} in the code is {number(each)}"
        for name, each in known.items()
        for v in (each, 1 / each if each else 0)
        if math.isclose(v, value)
    )
    return next(near, "")


def times_a_value(e: Evidence) -> str | None:
    """given/right is an array of the forward pass, or its square, or 1 over it: a norm that was left out."""
    told = ~e.zero(e.right)
    if not e.wrong.any() or np.count_nonzero(told) < ENOUGH or e.zero(e.given)[told].any():
        return None
    if not e.zero(e.given[~told]).all():
        return None
    ratio = e.given[told] / e.right[told]
    if np.ptp(ratio) <= 1e-6 * np.abs(ratio).max():
        return None
    places = e.places[:, told]
    found: list[tuple[int, str]] = []
    for name, value in _arrays(e):
        for wide in _widened(value, e.array.shape):
            v = np.broadcast_to(wide, e.array.shape)[tuple(places)]
            if not v.all():
                continue
            for rank, (power, text) in enumerate(POWERS.items()):
                for sign, verb in ((1, "multiplied"), (-1, "divided")):
                    k = ratio / v ** (sign * power)
                    known = any(math.isclose(k[0], c, rel_tol=1e-8) for c in (1, 2, 0.5))
                    if known and np.ptp(k) <= 1e-8 * abs(k[0]):
                        more = "" if math.isclose(k[0], 1) else f", and by {number(k[0])}"
                        found.append((rank, f"{verb} by {text.format(name)} once too often{more}"))
    return min(found, key=lambda each: (each[0], len(each[1])), default=(0, None))[1]


def _arrays(e: Evidence) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays of the function with their names: its arguments, operands, results of lines."""
    yield from e.arrays.items()
    yield "y", e.y
    follower = follower_of(e)
    for step in follower.steps if follower else ():
        text = step.place.text if step.place else None
        for name, value in zip(text.operands if text else (), step.inputs):
            if np.size(value) > 1 and re.fullmatch(r"[A-Za-z_][\w.]*", name):
                yield f"“{name}”", np.real(value)
        if step.name != "[]=" and step.output.size > 1:
            yield f"“{text.own or text.line}”" if text else f"np.{step.name}", step.output.real


def _widened(value: np.ndarray, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Yield the array as it may multiply one of this shape: as it is, or with an axis put in."""
    ways = [
        value,
        *(np.expand_dims(value, axis) for axis in range(len(shape)) if value.ndim == len(shape) - 1),
    ]
    for each in ways:
        if each.size > 1 and each.ndim == len(shape) and all(a in (1, b) for a, b in zip(each.shape, shape)):
            yield each

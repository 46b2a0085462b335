"""Faults of size: the gradient has the right direction, but one factor too many or too few."""

import math
import re
from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from minicnn.gradient_check.causes.elsewhere import is_constant
from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.causes.layout import axis_name, letters
from minicnn.gradient_check.causes.values import named
from minicnn.gradient_check.causes.words import axes_named, fraction, number

# A single pair of numbers always has a ratio. If this many pairs have the same ratio, it is not by chance.
ENOUGH = 3
# If more than this many known numbers have the value of the factor, none of them is named.
MOST_NAMES = 3
FEW = 4.5  # smaller sizes are often equal by chance, and a constant of the formula can be as small
OF_A_SHAPE = re.compile(
    "(the length|the number of channels|the number of entries) of|.* the (root|length) of"
)

Source = Callable[[Evidence], Iterator[tuple[float, str]]]


def _factor(e: Evidence) -> float:
    """Return f if given = f · right, else 0."""
    factor = float(e.given @ e.right / (e.right @ e.right)) if e.right.any() else 0.0
    return factor if abs(factor) > 1e-9 and e.fits(factor * e.right) else 0.0


def constant_factor(e: Evidence) -> str | None:
    """given = f · right for one number f: a mean instead of a sum, the 2 of a square, a sign."""
    telling = np.count_nonzero(~e.zero(e.right))
    factor = _factor(e)
    if not factor or (telling < ENOUGH and not e.complete):
        return None
    there = _second_factor(e, factor)
    if math.isclose(factor, -1, rel_tol=1e-9):
        return "the sign is wrong: this is minus the right gradient"
    size = abs(factor)
    sign = "the sign is wrong, and it is " if factor < 0 else ""
    inverse = 1 / there if there else 0.0
    for value, goal, verb in ((size, abs(there), "multiplied"), (1 / size, abs(inverse), "divided")):
        for source in (_of_copies, _known_numbers, _lengths):
            near = max(1e-6, e.gradient.bound) * value
            known = (name for length, name in source(e) if abs(length - value) <= near and length != 1)
            names, varied = _as_elsewhere(e, source, [*dict.fromkeys(known)], value, goal)
            several = len(names) > MOST_NAMES  # the shapes single nothing out
            few = value < FEW and not varied  # a small number can be anything
            whole = math.isclose(value, round(value), rel_tol=1e-6)
            such_as = f", such as {names[0]}" if source is _lengths and len(names) == 1 else ""
            if few and not several:
                said = [name for name in names if not OF_A_SHAPE.match(name)]
                names = said or [""] * (whole and bool(names))
            if not names:
                continue
            told = f"{sign}{verb} by {number(value)}: "
            if several:
                return f"{told}several sizes are {number(value)} here, and the numbers do not say which it is"
            names = [name.format("n − 1 for n" if verb == "multiplied" else "n for n − 1") for name in names]
            if whole and (source is _lengths or 2.5 < value < FEW):  # a length, or x³
                names.append("a constant factor of the formula, such as an exponent")
            code = named(e, size)
            names = [code] * (not code[1:2].isdigit()) + names
            names += [f"another size that is {number(value)}{such_as}"] * (few and whole)
            perhaps = "perhaps " * (source is _lengths and not few)  # many are the length of something
            return f"{told}{perhaps}{', or '.join(filter(None, names))}"
    code = named(e, size)
    if code:
        return f"{sign}off by a factor: it is {number(size)} times the right gradient, and {code}"
    if not is_constant(e, factor, there):
        return None
    if telling < ENOUGH and not e.second:
        return None
    told = f"{sign}off by a constant factor: {number(size)} times the right gradient"
    for value, what in ((1 / size, "a mean in the place of a sum"), (size, "a sum in the place of a mean")):
        if math.isclose(value, round(value), rel_tol=1e-9):
            return f"{told}: {what}, over {round(value)}?"
    p_q = fraction(size)
    return f"{told}, {p_q}: one size in the place of another?" if "/" in p_q else told


def _as_elsewhere(
    e: Evidence, source: Source, names: list[str], value: float, goal: float
) -> tuple[list[str], bool]:
    """Return the names that fit the second arrays, too; only those that change with the factor, if it changes."""
    if not names or not goal or not e.second:
        return names, False
    there: dict[str, list[bool]] = {}
    for known, name in source(e.second):
        there.setdefault(_kind(name), []).append(math.isclose(known, goal, rel_tol=1e-6))
    changes = not math.isclose(goal, value, rel_tol=1e-6)
    varied = [name for name in names if changes and any(there.get(_kind(name), ()))]
    return varied or [name for name in names if any(there.get(_kind(name), (True,)))], bool(varied)


def _kind(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _second_factor(e: Evidence, factor: float) -> float:
    """Return the factor for other arrays; 0 if there is none."""
    return _factor(e.second) if e.second else factor


def _of_copies(e: Evidence) -> Iterator[tuple[float, str]]:
    """Yield (value, name) for a pooling's mean and an upsampling: how many entries or outputs belong together."""
    if len(e.arrays) > 1 or e.array.ndim < 2 or not e.complete:
        return
    there = (e.columns != 0).reshape(len(e.index), -1)
    for counts, what in (
        (there.sum(axis=0), "entries that each output is computed from"),
        (there.sum(axis=1), "outputs that each entry is copied to"),
    ):
        count, shares = int(counts.max(initial=0)), e.columns[e.columns != 0]
        mean = np.ptp(shares) < 1e-6 and abs(shares[0] * count - 1) < 1e-6  # also one that counts the padding
        if 1 < count < there.size // len(counts) and (counts.min() == count or mean):
            yield float(count), f"the number of {what}"
            if math.isqrt(count) ** 2 == count and np.ptp(shares) < 1e-6:  # a pooling
                yield math.sqrt(count), f"the side of a window, not the number of {what}"


def _known_numbers(e: Evidence) -> Iterator[tuple[float, str]]:
    """Yield (value, name) of the factors that are often forgotten, or used one time too many."""
    linear = e.is_linear(e.gradient.name, np.random.default_rng(4).standard_normal(e.array.shape))
    square = "added twice, or a 2 or ½ of the formula" if linear else "the 2 of a square, or added twice"
    yield 2.0, square
    x = next(iter(e.arrays))
    shape = e.dy.shape or e.input.shape or (1,)
    layout = letters(e, len(shape))
    samples = "the batch size" if layout else "the first axis's length (the batch size, if it has samples)"
    yield float(shape[layout.find("N") if layout else 0]), samples
    seen = np.count_nonzero(e.columns, axis=0)
    if e.complete and seen.size and seen.min() == seen.max():
        n, what = float(seen.max()), "the number of entries that each output is computed from"
        yield n, what
        if n > 2:
            yield n / (n - 1), f"{{}}, with n = {n:.0f}, {what}"
    for shape, owner in {e.dy.shape: "y", e.input.shape: x}.items():
        layout = letters(e, len(shape))
        if len(shape) == 4 and layout:
            height, width, channels = (shape[layout.index(letter)] for letter in "HWC")
            yield float(height * width), f"the {height}·{width} pixels of a map of {owner}"
            yield float(shape[0] * height * width), f"the number of entries of a channel of {owner}"
            yield float(channels), f"the number of channels of {owner}"
    for value, name in ((math.pi, "π"), (2 * math.pi, "2π"), (math.pi / 2, "π/2"), (math.pi / 4, "π/4")):
        yield value, name
        yield math.sqrt(value), f"√({name})"
    yield from ((math.sqrt(2), "√2"), (math.log(2), "ln 2"), (math.log(10), "ln 10"))


def _lengths(e: Evidence) -> Iterator[tuple[float, str]]:
    """Yield (value, name) of what can be made of the lengths of axes."""
    owners = {e.dy.shape: "dy", e.array.shape: e.gradient.name, e.input.shape: next(iter(e.arrays))}
    for shape, owner in owners.items():
        for axes in (axes for n in range(1, len(shape) + 1) for axes in combinations(range(len(shape)), n)):
            length = float(math.prod(shape[axis] for axis in axes))
            yield length, f"the number of entries of {owner} along {axes_named(axes)}"
            if len(axes) == 1 and e.slopes is None:  # a function of each entry by itself takes no mean
                which = f"the length of {axes_named(axes)} of {owner}"
                yield math.sqrt(length), f"√{length:.0f}, the root of {which}"
                if length > 2:
                    yield length / (length - 1), f"{{}}, with n = {length:.0f}, {which}"


def dropout_scale(e: Evidence) -> str | None:
    """Dropout keeps an entry with the chance q = 1 − rate, and divides what it keeps by q; once in each pass.

    The kept entries of dropout are anywhere: those in a range of x are of another function.
    """
    factor, slopes = _factor(e), e.slopes
    if factor <= 0 or np.count_nonzero(~e.zero(e.right)) < ENOUGH or slopes is None or slopes.all():
        return None
    kept = slopes != 0
    k = float(slopes[kept][0])
    ranges = np.count_nonzero(np.diff(kept[np.argsort(e.array.ravel()[e.index])]))
    if np.ptp(slopes[kept]) > 1e-6 * abs(k) or ranges <= 2 or k <= 1 + 1e-6:
        return None
    q, scale = 1 / k, "the scale 1/(1 − rate) of the kept entries"
    known = {
        f"multiplied by {number(k)}: {scale} is applied twice": k,
        f"divided by {number(k)}: {scale} is missing": q,
        f"multiplied by q = {number(q)} instead of divided by it: {scale}": q * q,
        f"divided by the rate, {number(1 - q)}, instead of 1 − rate = {number(q)}": q / (1 - q),
    }
    return next((text for text, value in known.items() if math.isclose(factor, value, rel_tol=1e-6)), None)


def factor_of_its_own(e: Evidence) -> str | None:
    """Each sample (or channel) is wrong by its own factor: weights were forgotten.

    In an outer product, as x·δ of one sample, this is so whatever is wrong with one of the two.
    """
    for axis, length in enumerate(e.array.shape if e.complete else ()):
        right, given = (np.moveaxis(a, axis, 0).reshape(length, -1) for a in (e.gradient.numeric, e.analytic))
        factors = (given * right).sum(axis=1) / (right**2).sum(axis=1)
        one = right.shape[1] < ENOUGH or np.linalg.matrix_rank(right, 1e-6 * np.abs(right).max()) < 2
        wide = factors.reshape([length if a == axis else 1 for a in range(e.array.ndim)])
        if not one and factors.all() and np.ptp(factors) > 1e-6 and e.matches(wide * e.gradient.numeric):
            shown = ", ".join(map(number, factors[:3])) + ", …" * (length > 3)
            name = axis_name(e, axis, e.array.ndim) if e.of_input else f"index (axis {axis})"
            return f"each {name} is wrong by its own factor ({shown})"
    return None

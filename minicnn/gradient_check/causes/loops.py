"""Faults of loops over outputs: terms that are overwritten, left out, or added to the wrong entry."""

from itertools import product
from typing import NamedTuple

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.causes.layout import axis_name
from minicnn.gradient_check.causes.words import MOST_AXES, listed

# A few wrong zeros can have many causes. This many, next to right numbers, are seldom by chance.
ENOUGH = 3


def overwritten(e: Evidence) -> str | None:
    """Of windows that slide over an input; entries that are used again by an index wait for steps.py."""
    return _overwritten(e) if _slides(e) else None


def overwritten_entries(e: Evidence) -> str | None:
    """Of entries that are used again, as in an embedding, or a weight in a loop."""
    return None if _slides(e) else _overwritten(e)


def _overwritten(e: Evidence) -> str | None:
    """Each entry has one term only, its last or its first: windows overlap, and = is used instead of +=.

    The order is that of a loop over windows, dy's row-major order. (If the loop is over the entries of a
    window, the order is reversed: the first window comes last.) A window may also overwrite with 0, as in
    max-pooling. So two sets of windows are tried: all that contain the entry, and only those whose term is
    not 0.
    """
    if e.dy.ndim < 2:
        return None
    n = len(e.index)
    reached = np.stack([e.reached(int(i)) for i in e.index]) if e.windows is None else e.windows[e.index]
    for axis in (
        *range(e.dy.ndim, 1, -1),
        None,
    ):  # a window writes all its channels at once (this axis), or one
        terms = (e.terms if axis is None else e.terms.sum(axis=axis)).reshape(n, -1)
        every_window = (reached if axis is None else reached.any(axis=axis)).reshape(n, -1)
        for there in (every_window, terms != 0):
            last = there.shape[1] - 1 - there[:, ::-1].argmax(axis=1)
            for which, place in (("last", last), ("first", there.argmax(axis=1))):
                candidate = np.where(there.any(axis=1), terms[np.arange(n), place], 0)
                # a wrong 0 can have any cause: one wrong entry must have a term
                if not candidate[e.wrong].any() or not e.fits(candidate):
                    continue
                if there.all():
                    why = "an early return, or a bound in a loop that is off by one; or " * (which == "first")
                    return f"every entry has only the {which} term of its sum: {why}= is used instead of +="
                who = "overlapping windows" if _slides(e) else "outputs that use the same entry"
                return (
                    f"{who} overwrite each other: every entry has only its {which} contribution (= is used instead "
                    "of +=; np.add.at for an index array that repeats)"
                )
    return None


def _slides(e: Evidence) -> bool:
    """Whether a window can slide over the array: else entries are used again by an index, as in an embedding."""
    maps = e.array.ndim > 2 and e.dy.ndim >= e.array.ndim - 1
    return e.of_input and maps and (e.array.ndim > 3 or len(e.arrays) < 3)


def tied_maxima(e: Evidence) -> str | None:
    """Several entries of a window are its maximum: one of them may get the gradient, but others do."""
    if e.windows is None:
        return None
    y = e.y
    values = e.array.ravel()
    if not np.isin(y, values).all():
        return None
    wins = e.windows & (y == values.reshape(-1, *[1] * y.ndim))  # (entries, …y…)
    winners = wins.sum(axis=0)
    if winners.max(initial=0) < 2:
        return None
    last = wins & (np.cumsum(wins, axis=0) == winners)
    ties = np.count_nonzero(winners > 1)
    for shares, text in (
        (wins * e.dy, "each of them gets the whole gradient (only one of them may)"),
        (
            wins * (e.dy / np.maximum(winners, 1)),
            "they share the gradient (the library's convention is the first)",
        ),
        (last * e.dy, "the last of them gets the gradient (the library's convention is the first)"),
    ):
        if e.fits(shares.reshape(len(values), -1).sum(axis=1)[e.index]):
            return f"ties: {ties} of {y.size} windows have several equal maxima, and {text}"
    return None


class Part(NamedTuple):
    """Some of the indices along an axis of dy: only the first or last, all but the first or last, or all."""

    indices: slice
    alone: str = ""
    left_out: str = ""


def _parts(length: int) -> list[Part]:
    parts = [Part(slice(None))]
    if length > 1:
        parts += [Part(slice(1), alone="first"), Part(slice(-1, None), alone="last")]
    if length > 2:
        parts += [Part(slice(-1), left_out="last"), Part(slice(1, None), left_out="first")]
    return parts


def part_of_dy(e: Evidence) -> str | None:
    """Only some outputs count: the first sample (a return inside a loop), all but the
    last row (a bound off by one).
    """
    if e.dy.ndim > MOST_AXES:
        return None
    left = ~e.zero(e.given)
    if not left[e.wrong].any() and min(np.count_nonzero(left), np.count_nonzero(e.wrong)) < ENOUGH:
        return None
    few = e.terms[:8]  # of the worst entries: enough to rule out nearly everything
    found: list[tuple[Part, ...]] = []
    for parts in sorted(product(*map(_parts, e.dy.shape)), key=_limits)[1:]:
        if found and _limits(parts) > _limits(found[0]):
            break
        where = (slice(None), *(part.indices for part in parts))
        sums = few[where].reshape(len(few), -1).sum(axis=1)
        if np.abs(sums - e.given[: len(few)]).max() > e.tolerance:
            continue
        if e.fits(e.terms[where].reshape(len(e.index), -1).sum(axis=1)):
            found.append(parts)
    # if several parts explain the numbers, and are equally simple, the cause is not known
    causes = [_of_parts(e, found[0])] if len(found) == 1 else []
    if e.fits((e.terms * (e.dy > 0)).reshape(len(e.index), -1).sum(axis=1)):
        causes.append("the negative numbers of dy do not count: a mask where dy > 0")
    return ", or: ".join(causes) or None


def _limits(parts: tuple[Part, ...]) -> int:
    """Return how many axes are not whole."""
    return sum(part.indices != slice(None) for part in parts)


def _of_parts(e: Evidence, parts: tuple[Part, ...]) -> str:
    named = [axis_name(e, axis, len(parts)) for axis in range(len(parts))]
    alone = listed(f"{part.alone} {name}" for part, name in zip(parts, named) if part.alone)
    left_out = listed(f"{part.left_out} {name}" for part, name in zip(parts, named) if part.left_out)
    if not alone:
        return f"dy does not count in its {left_out}: a bound that is off by one, or windows that do not tile"
    without = f", without the {left_out}" if left_out else ""
    short = any(part.alone and length == 2 for part, length in zip(parts, e.dy.shape))
    off = ", or a bound that is off by one" if short else ""
    return f"dy counts only in its {alone}{without}: an early return in a loop{off}, or = instead of +="

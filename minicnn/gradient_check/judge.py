"""The verdict on one gradient of a function that is not known: entries, kinks, and whole directions.

**Entries**, one at a time: as many as fit into the time, all of a small array. Along entry i the slope must be
g[i]. If the slopes of the two sides differ, the entry is at a kink. There each output allows every slope
between its two, so g[i] must be between the sums of the smallest and of the largest terms.

**Entries at kinks, together.** If two equal numbers are the maximum, each of them may get the gradient dy, or a
part of it, but not both all of it: move both by the same amount, and y moves by exactly this amount. So entries
at the kinks of one output, and random sets of them, are moved together, and g must fit there too.

**Directions.** Along a random v the slope must be g·v. One wrong entry changes g·v, whatever v is, so a few
directions test all entries at once. If one fails, halves of v show which entry is wrong.

Between the slopes of both sides are all that a valid choice can give only if the output is convex or concave
there, as max, |x| and ReLU are. If limits of gradients (slopes.py) are outside, as with the median of equal
numbers, what does not fit is not called wrong: it is not judged.
"""

import dataclasses
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from minicnn.gradient_check.gradient import BOUNDS, FLOOR, Along, Gradient, Kink
from minicnn.gradient_check.slopes import TIE, Sides, Slopes

DIRECTIONS = 4  # random ones
LIMITS = 12  # gradients beside a kink that are looked at before a choice is called wrong
LEAST_ENTRIES = 12  # compared in any case: the search for a cause needs some
MOST_GROUPS = 40  # outputs at a kink whose entries are moved together


class Allowed(NamedTuple):
    """The sums of terms along a direction: the least and largest that is allowed, both sides, their size."""

    low: float
    high: float
    left: float
    right: float
    size: float


def judge(
    slopes: Slopes,
    dy: np.ndarray,
    analytic: np.ndarray | None,
    entries: int | None = None,
    seconds: float = np.inf,
    seed: int = 0,
) -> Gradient:
    """Compare a gradient of ``sum(dy * y)`` with the slopes.

    Args:
        slopes: of the array.
        dy: the upstream gradient.
        analytic: the gradient, or what was given for it.
        entries: how many entries to compare one at a time, drawn at random; None: all that fit into the time.
        seconds: the time.
        seed: of the draws.
    """
    return _Judge(slopes, dy, analytic, seed).run(entries, time.monotonic() + seconds)


class _Judge:
    def __init__(self, slopes: Slopes, dy: np.ndarray, analytic: np.ndarray | None, seed: int) -> None:
        self.slopes, self.dy, self.given = slopes, dy, analytic
        self.shape = slopes.x.shape
        fits = analytic is not None and analytic.shape == self.shape
        self.g = np.asarray(analytic, np.float64) if fits else None
        self.rng = np.random.default_rng([seed, 2])
        self.values = np.full(self.shape, np.nan)
        self.kinks: dict[tuple[int, ...], Kink] = {}
        self.at_kink: dict[tuple[int, ...], np.ndarray] = {}  # entry -> which outputs have a kink there
        self.scale = 0.0
        self.bound = BOUNDS[slopes.method]

    def run(self, entries: int | None, deadline: float) -> Gradient:
        size = int(np.prod(self.shape))
        if entries is None:
            order = self.rng.permutation(size)
        else:
            order = np.sort(self.rng.permutation(size)[:entries])
        for count, flat in enumerate(order):
            if entries is None and count >= LEAST_ENTRIES and time.monotonic() > deadline:
                break
            self.entry(tuple(map(int, np.unravel_index(flat, self.shape))))
        floor, largest = FLOOR * float(np.abs(self.dy).max(initial=0.0)), self.scale
        self.scale = max(self.scale, floor) or 1.0
        along: list[Along] = []
        if self.g is not None and np.isfinite(self.g).all():
            if self.kinks:
                self.together()
            if np.isnan(self.values).any():
                along = self.directions()
        return Gradient(
            self.slopes.name,
            self.given,
            self.values,
            self.slopes.method,
            self.scale,
            tuple(self.kinks[entry] for entry in sorted(self.kinks)),
            along=tuple(along),
            flat=not self.kinks
            and max((largest, *(abs(each.numeric) for each in along))) <= self.bound * self.scale,
        )

    # ---- one entry -----------------------------------------------------------------------------------------

    def entry(self, entry: tuple[int, ...]) -> None:
        """Compare one entry; note its kink."""
        v = np.zeros(self.shape)
        v[entry] = 1
        sides = self.slopes.along(v)
        terms = self.dy * sides.right
        self.values[entry] = terms.sum()
        size = float(np.abs(terms).sum())
        if np.isfinite(size):
            self.scale = max(self.scale, size)
        kinked = self.slopes.kinked(sides) & (self.dy != 0)
        g = np.nan if self.g is None else float(self.g[entry])
        # the middle one of three equal numbers: its own step shows no kink, but others do
        hidden = not self.slopes.smooth and abs(g - self.values[entry]) > TIE[self.slopes.method] * size
        if kinked.any() or hidden:
            allowed = self.allowed(sides)
            self.at_kink[entry] = kinked
            verdict = self.fits(v, g, allowed, sides)
            self.kinks[entry] = Kink(entry, g, allowed.left, allowed.right, verdict)
            if verdict is False and kinked.any():
                self.convention(entry, sides)
            elif verdict is False:
                del self.kinks[entry]

    def convention(self, entry: tuple[int, ...], sides: Sides | None = None) -> None:
        """Take the gradient for which the first of equal numbers wins as the right one."""
        v = np.zeros(self.shape)
        v[entry] = 1
        slope = self.slopes.limit(v, self.slopes.first_wins, sides or self.slopes.along(v))
        self.values[entry] = (self.dy * slope).sum()

    def allowed(self, sides: Sides, *more: np.ndarray) -> Allowed:
        """Return the range of the sum of terms, if each output has any slope between those given."""
        terms = [self.dy * slope for slope in (*sides, *more)]
        low, high = np.minimum.reduce(terms), np.maximum.reduce(terms)
        size = float(np.sqrt(np.sum(np.maximum(np.abs(low), np.abs(high)) ** 2)))
        return Allowed(low.sum(), high.sum(), terms[1].sum(), terms[0].sum(), size)

    def fits(self, v: np.ndarray, value: float, allowed: Allowed, sides: Sides) -> bool | None:
        """Return whether ``value`` is allowed along v; None if that cannot be said."""
        if not np.isfinite(allowed.low + allowed.high):
            return None
        kinked = self.slopes.kinked(sides).any()
        own = 0.0 if self.g is None else float(np.sqrt(np.sum((self.g * v) ** 2)))
        margin = (TIE[self.slopes.method] if kinked else self.bound) * max(allowed.size + own, self.scale)
        if allowed.low - margin <= value <= allowed.high + margin:
            return True
        if self.slopes.smooth or not np.isfinite(value):
            return False
        limits: list[np.ndarray] = []
        for _ in range(LIMITS):
            limits.append(self.slopes.limit(v, self.rng.standard_normal(self.shape), sides))
            wider = self.allowed(sides, *limits)
            if wider.low - margin <= value <= wider.high + margin:
                return True
        more = wider.low < allowed.low - margin or wider.high > allowed.high + margin
        return None if more else False

    # ---- entries together ----------------------------------------------------------------------------------

    def together(self) -> None:
        """Move entries at kinks together; entries that do not fit together get a numeric value of their own."""
        places = [entry for entry, kink in self.kinks.items() if kink.valid]
        if len(places) < 2:
            return
        for group in self.groups(places):
            v = np.zeros(self.shape)
            for entry, step in group:
                v[entry] = step
            assert self.g is not None
            sides = self.slopes.along(v)
            verdict = self.fits(v, float((self.g * v).sum()), self.allowed(sides), sides)
            if verdict is not True:
                for entry, _ in group:
                    self.kinks[entry] = dataclasses.replace(self.kinks[entry], valid=verdict)
                    if verdict is False:
                        self.convention(entry)
            if verdict is False and len(group) == len(places):
                return

    def groups(self, places: list[tuple[int, ...]]) -> Iterator[list[tuple[tuple[int, ...], float]]]:
        """Yield the sets of entries to move: those of one output, and random ones of all."""
        outputs = np.flatnonzero(np.any([self.at_kink[entry] for entry in places], axis=0))
        seen: set[tuple[tuple[int, ...], ...]] = set()
        for j in self.rng.permutation(outputs)[:MOST_GROUPS]:
            group = tuple(entry for entry in places if self.at_kink[entry].ravel()[j])
            if len(group) > 1 and group not in seen:
                seen.add(group)
                yield [(entry, 1.0) for entry in group]
        yield [(entry, 1.0) for entry in places]
        for _ in range(DIRECTIONS):
            left = [entry for entry in places if self.kinks[entry].valid]
            yield [(entry, float(self.rng.standard_normal())) for entry in left]

    # ---- directions ----------------------------------------------------------------------------------------

    def directions(self) -> list[Along]:
        """Compare along random directions; if one fails, find an entry that is wrong."""
        found = []
        for _ in range(DIRECTIONS):
            v = self.rng.standard_normal(self.shape)
            along, verdict = self.direction(v)
            found.append(along)
            if verdict is False:
                if not self.one_is_wrong():
                    self.locate(v)
                break
        return found

    def direction(self, v: np.ndarray) -> tuple[Along, bool | None]:
        """Compare along v."""
        assert self.g is not None
        sides = self.slopes.along(v)
        allowed = self.allowed(sides)
        value = float((self.g * v).sum())
        verdict = self.fits(v, value, allowed, sides)
        return Along(value, (allowed.left + allowed.right) / 2, verdict), verdict

    def one_is_wrong(self) -> bool:
        """Whether an entry that was compared is wrong already."""
        assert self.g is not None
        off = np.abs(self.g - self.values) > self.bound * self.scale
        return bool(off.any()) or any(kink.valid is False for kink in self.kinks.values())

    def locate(self, v: np.ndarray) -> None:
        """Halve the set of entries until one is left along which the gradient is wrong."""
        places = np.arange(v.size)
        while len(places) > 1:
            half = places[: len(places) // 2]
            part = np.zeros(v.size)
            part[half] = v.ravel()[half]
            _, verdict = self.direction(part.reshape(self.shape))
            places = half if verdict is False else places[len(places) // 2 :]
        entry = tuple(map(int, np.unravel_index(places[0], self.shape)))
        if np.isnan(self.values[entry]):
            self.entry(entry)

"""The result for one array: for each entry the gradient and the derivative, the largest error, kinks, the likely
cause.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# For each method, the largest error of a right gradient, relative to the largest sum of |terms| of an entry.
BOUNDS = {
    "complex step": 1e-12,
    "central differences": 1e-7,
    "differences in float32": 5e-3,
}
# If the sums are nearly zero, errors are relative to this times the largest |dy|.
FLOOR = 1.0


@dataclass(frozen=True)
class Kink:
    """An entry where the function has a kink: the derivatives on both sides, and the gradient's value.

    ``valid``: whether the value is a valid choice there; None: it was not judged.
    """

    entry: tuple[int, ...]
    analytic: float
    left: float
    right: float
    valid: bool | None = None

    @property
    def side(self) -> str:
        """Return "left", "right", "between" the two (such a value is a subgradient) or "neither"."""
        near = SIDE_TOLERANCE * max(1.0, abs(self.left), abs(self.right))
        for side, value in (("left", self.left), ("right", self.right)):
            if abs(self.analytic - value) <= near:
                return side
        inside = min(self.left, self.right) < self.analytic < max(self.left, self.right)
        return "between" if inside else "neither"

    def __str__(self) -> str:
        at = ", ".join(map(str, self.entry))
        if np.isnan(self.left + self.right):
            return f"no slope at [{at}]: y jumps there, or is too steep, as √x at 0; not judged"
        side = f"of the {self.side} side" if self.side in ("left", "right") else self.side
        verdict = {True: "a valid choice", False: "not a valid choice", None: "not judged"}[self.valid]
        return (
            f"kink at [{at}]: slope {self.left:.7g} on the left, {self.right:.7g} on the right; "
            f"the gradient is {self.analytic + 0.0:.7g} ({side}): {verdict}"
        )


class Along(NamedTuple):
    """A test of all entries at once: g·v, the slope along a random v, and whether they agree (None: unknown)."""

    analytic: float
    numeric: float
    agrees: bool | None


SIDE_TOLERANCE = 1e-5
SMALL = 1e-4  # an error that is no wrong formula


@dataclass(frozen=True)
class Gradient:
    """The gradient of one array, analytic and numeric.

    Attributes:
        name: "x", "kernel", …
        analytic: the gradient from the backward pass; None if it returned none.
        numeric: the derivative by the complex step or by differences; nan at entries that are not checked.
        method: "complex step", "central differences", "differences in float32"; of a kernel: what it is
            compared with.
        scale: errors are divided by it.
        kinks: entries without a derivative; they are judged by the slopes on both sides.
        cause: the likely cause of an error; None without an error, or if no cause fits the numbers.
        along: tests along random directions, of all entries at once; none if every entry was compared.
        notes: what else is to be said about it, in words.
        limit: the bound, if it is not that of the method.
        flat: y does not depend on the array at this point, or less than errors are seen, but does elsewhere. A right
            and a wrong formula agree here, so nothing is judged.
    """

    name: str
    analytic: np.ndarray | None
    numeric: np.ndarray
    method: str
    scale: float = 1.0
    kinks: tuple[Kink, ...] = ()
    cause: str | None = None
    along: tuple[Along, ...] = ()
    notes: tuple[str, ...] = ()
    limit: float | None = None
    flat: bool = False

    @property
    def checked(self) -> np.ndarray:
        """Which entries were compared, a boolean array; not those at kinks, unless they are wrong there."""
        checked = ~np.isnan(self.numeric)
        for kink in self.kinks:
            checked[kink.entry] &= kink.valid is False
        return checked

    @property
    def steepest(self) -> float:
        """The largest slope that was found."""
        return float(np.nanmax(np.abs(self.numeric), initial=0.0))

    @property
    def right(self) -> int:
        """How many entries are known to be right, valid choices at kinks included."""
        if self.flat:
            return 0
        if self.along and all(each.agrees for each in self.along):
            return self.numeric.size - sum(kink.valid is not True for kink in self.kinks)
        right = np.count_nonzero(self.checked & (self.errors <= self.bound))
        return int(right) + sum(kink.valid is True for kink in self.kinks)

    @property
    def unjudged(self) -> dict[str, int]:
        """Why entries were not judged, and how many for each reason."""
        if self.flat:
            return {"flat": self.numeric.size}
        jumps = sum(bool(np.isnan(kink.left + kink.right)) for kink in self.kinks)
        kinks = sum(kink.valid is None for kink in self.kinks) - jumps
        wrong = np.count_nonzero(self.checked & ~(self.errors <= self.bound))
        rest = self.numeric.size - self.right - int(wrong) - jumps - kinks
        return {"kinks": kinks, "jumps": jumps, "not compared": max(rest, 0)}

    @property
    def bound(self) -> float:
        """The largest error of a right gradient."""
        return BOUNDS[self.method] if self.limit is None else self.limit

    @property
    def fits(self) -> bool:
        """Whether there is a gradient of the array's shape."""
        return self.analytic is not None and self.analytic.shape == self.numeric.shape

    @property
    def errors(self) -> np.ndarray:
        """|analytic − numeric| / scale of each entry; 0 where none was compared,
        infinite where one is not a number.
        """
        if self.analytic is None or not self.fits:
            return np.full(self.numeric.shape, np.inf)
        difference = np.abs(self.analytic - self.numeric) / self.scale
        return np.where(self.checked, np.where(np.isnan(difference), np.inf, difference), 0.0)

    @property
    def error(self) -> float:
        """The largest of the errors; infinite if the gradient is missing or of another shape."""
        if not self.fits:
            return np.inf
        return max(float(self.errors.max(initial=0.0)), *(self._off(each) for each in self.along), 0.0)

    @property
    def shown_error(self) -> str:
        """The error as text; "-" if no entry was compared."""
        return f"{self.error:.1e}" if self.error or self.checked.any() else "-"

    def _off(self, along: Along) -> float:
        return abs(along.analytic - along.numeric) / self.scale if along.agrees is False else 0.0

    @property
    def worst(self) -> tuple[int, ...]:
        """The entry with the largest error."""
        return tuple(int(i) for i in np.unravel_index(np.argmax(self.errors), self.numeric.shape))

    @property
    def passed(self) -> bool:
        """Whether every compared entry is within the bound, and every choice at a kink is valid."""
        wrong = any(each.agrees is False for each in self.along) or any(k.valid is False for k in self.kinks)
        return self.error <= self.bound and not wrong

    @property
    def mark(self) -> str:
        """Return "ok", "FAIL", or "--" if nothing was judged."""
        if not self.passed:
            return "FAIL"
        return "--" if self.right == 0 and self.numeric.size else "ok"

    def cells(self) -> tuple[str, str, str, str]:
        """Return how many entries were compared, where the error is largest, and both numbers there, as texts."""
        compared = f"{np.count_nonzero(self.checked)} of {self.numeric.size}"
        if self.analytic is None:
            return compared, "no gradient was given", "", ""
        if not self.fits:
            return compared, f"shape {self.analytic.shape}, expected {self.numeric.shape}", "", ""
        if not self.checked.any():
            return compared, "" if self.numeric.size else "empty", "", ""
        analytic, numeric = (f"{a[self.worst]:.7g}" for a in (self.analytic, self.numeric))
        return compared, str(list(self.worst)), analytic, numeric

    def line(self, width: int = 14) -> str:
        """Return the gradient's line in the table of a report; ``width``: of the column "worst at"."""
        compared, at, analytic, numeric = self.cells()
        if analytic:
            signed = [value if value.startswith("-") else f" {value}" for value in (analytic, numeric)]
            at = f"{at:{width}}  {signed[0]:14}{signed[1]}"
        return f"{self.shown_error:>9}  {self.mark:4}  {compared:>14}  {at}".rstrip()


def dependence(names: str, steepest: float) -> str:
    """Return in words that y does not depend on arrays, or too little; ``steepest``: the largest slope."""
    if not steepest:
        return f"y does not depend on {names} here: all slopes are 0"
    return f"y hardly depends on {names} here: all slopes are at most {steepest:.0e}, too small to compare"


MOST_KINKS = 3  # that a report lists


def remarks(gradient: Gradient, of: Sequence[str] = ()) -> Iterator[str]:
    """Yield the lines below a gradient's line; ``of``: the arrays with the same cause, which the first one names."""
    if gradient.cause and gradient.name in of[1:]:
        pass
    elif gradient.cause:
        names = f", of {', '.join(of)}" if len(of) > 1 else ""
        yield f"likely cause{names}: {gradient.cause}"
    elif not gradient.passed and gradient.fits and not gradient.notes:
        if gradient.bound < gradient.error < SMALL:
            yield (
                f"it agrees to {int(-np.log10(gradient.error))} digits: is there an ε in one pass only, such as "
                "log(p + 1e-7), a rounded constant, or float32 in backward?"
            )
        else:
            yield "none of the known causes gives these numbers"
    yield from gradient.notes
    if gradient.flat:
        name = gradient.name
        other = f"−{name}" if not gradient.steepest else f"{name}/10"
        yield f"{dependence(name, gradient.steepest)}. Take other numbers, such as {other}"
        return
    if gradient.along:
        yield from _directions(gradient)
    elif gradient.unjudged["not compared"] and gradient.fits and gradient.passed:
        compared = np.count_nonzero(~np.isnan(gradient.numeric))
        unseen = 1 - compared / gradient.numeric.size
        if compared:
            yield f"{compared} entries were compared: a single wrong entry goes unseen with a chance of {unseen:.0%}"
    for valid, text in (
        (True, "with a valid choice"),
        (None, "that were not judged"),
        (False, "with a wrong choice"),
    ):
        kinks = [kink for kink in gradient.kinks if kink.valid is valid]
        yield from map(str, kinks[:MOST_KINKS])
        if len(kinks) > MOST_KINKS:
            yield f"and {len(kinks) - MOST_KINKS} more kinks {text}"


def _directions(gradient: Gradient) -> Iterator[str]:
    agreed = sum(each.agrees is True for each in gradient.along)
    if agreed == len(gradient.along):
        yield f"all {gradient.numeric.size} entries agree along {agreed} random directions"
    elif any(each.agrees is False for each in gradient.along):
        wrong = next(each for each in gradient.along if each.agrees is False)
        yield f"along a random direction it is {wrong.analytic:.7g}, and {wrong.numeric:.7g} is right"

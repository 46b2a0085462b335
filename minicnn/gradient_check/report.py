"""The result of a check: for each array the largest error, its entry, both values,
kinks, the likely cause.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

# For each method, the largest error of a right gradient, relative to the largest sum of |terms| of an entry.
BOUNDS = {"complex step": 1e-12, "central differences": 1e-7}
# If the sums are nearly zero, errors are relative to this times the largest |dy|.
FLOOR = 1.0


@dataclass(frozen=True)
class Kink:
    """An entry where the function has a kink: the derivatives on both sides, and the gradient's value."""

    entry: tuple[int, ...]
    analytic: float
    left: float
    right: float

    @property
    def side(self) -> str:
        """Return "left", "right", "between" the two (such a value is a subgradient) or "neither"."""
        near = SIDE_TOLERANCE * max(1.0, abs(self.left), abs(self.right))
        for side, value in (("left", self.left), ("right", self.right)):
            if abs(self.analytic - value) <= near:
                return side
        inside = min(self.left, self.right) < self.analytic < max(self.left, self.right)
        return "between" if inside else "neither"


SIDE_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Gradient:
    """The gradient of one array, analytic and numeric.

    Attributes:
        name: "x", "kernel", …
        analytic: the gradient from the backward pass; None if it returned none.
        numeric: the derivative by the complex step or by differences; nan at entries that are not checked.
        method: "complex step" or "central differences".
        scale: errors are divided by it.
        kinks: entries without a derivative; they are not compared.
        cause: the likely cause of an error; None without an error, or if no cause fits the numbers.
    """

    name: str
    analytic: np.ndarray | None
    numeric: np.ndarray
    method: str
    scale: float = 1.0
    kinks: tuple[Kink, ...] = ()
    cause: str | None = None

    @property
    def checked(self) -> np.ndarray:
        """Which entries were compared, a boolean array."""
        checked = ~np.isnan(self.numeric)
        for kink in self.kinks:
            checked[kink.entry] = False
        return checked

    @property
    def bound(self) -> float:
        """The largest error of a right gradient."""
        return BOUNDS[self.method]

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
        return float(self.errors.max(initial=0.0))

    @property
    def worst(self) -> tuple[int, ...]:
        """The entry with the largest error."""
        return tuple(int(i) for i in np.unravel_index(np.argmax(self.errors), self.numeric.shape))

    @property
    def passed(self) -> bool:
        """Whether every compared entry is within the bound."""
        return self.error <= self.bound

    def line(self) -> str:
        """Return the gradient's line in the table of a report."""
        if self.analytic is None:
            values = "no gradient was given"
        elif not self.fits:
            values = f"shape {self.analytic.shape}, expected {self.numeric.shape}"
        elif self.numeric.size == 0:
            values = "empty"
        else:
            at = ", ".join(map(str, self.worst))
            values = (
                f"[{at}]".ljust(16) + f"{self.analytic[self.worst]:< 14.7g}{self.numeric[self.worst]:< 14.7g}"
            )
        compared = f"{np.count_nonzero(self.checked)} of {self.numeric.size}"
        return f"{self.error:9.1e}  {'ok  ' if self.passed else 'FAIL'}  {compared:>14}  {values}".rstrip()


@dataclass(frozen=True)
class Report(Mapping[str, Gradient]):
    """The result of a check: a mapping from an array's name to its :class:`Gradient`. Print it to read it.

    Attributes:
        title: what was checked.
        gradients: by name.
    """

    title: str
    gradients: dict[str, Gradient] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Gradient:
        return self.gradients[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.gradients)

    def __len__(self) -> int:
        return len(self.gradients)

    @property
    def passed(self) -> bool:
        """Whether every gradient is right, except at kinks."""
        return all(gradient.passed for gradient in self.values())

    @property
    def error(self) -> float:
        """The worst error of all."""
        return max((gradient.error for gradient in self.values()), default=0.0)

    @property
    def failures(self) -> list[str]:
        """The names of the arrays whose gradient is wrong."""
        return [name for name, gradient in self.items() if not gradient.passed]

    def __str__(self) -> str:
        width = max((len(name) for name in self), default=0)
        methods = sorted({gradient.method for gradient in self.values()})
        how = ", ".join(f"{method}, bound {BOUNDS[method]:.0e}" for method in methods)
        verdict = "every gradient is right" if self.passed else f"WRONG: {', '.join(self.failures)}"
        lines = [
            f"{self.title}: {verdict} ({how})",
            f"  {'':{width}}      error              compared  worst at        analytic      numeric",
        ]
        for name, gradient in self.items():
            lines.append(f"  {name:{width}}  {gradient.line()}")
            lines += [f"  {'':{width}}  {text}" for text in _remarks(gradient)]
        return "\n".join(line.rstrip() for line in lines)

    def __repr__(self) -> str:
        state = "passed" if self.passed else f"failed: {', '.join(self.failures)}"
        return f"<Report {self.title}: {state}, worst error {self.error:.1e}>"


MOST_KINKS = 3  # that a report lists


def _remarks(gradient: Gradient) -> Iterator[str]:
    if gradient.cause:
        yield f"likely cause: {gradient.cause}"
    for kink in gradient.kinks[:MOST_KINKS]:
        at = ", ".join(map(str, kink.entry))
        yield (
            f"kink at [{at}]: slope {kink.left:.7g} on the left, {kink.right:.7g} on the right; "
            f"the gradient is {kink.analytic:.7g} ({kink.side})"
        )
    if len(gradient.kinks) > MOST_KINKS:
        yield f"and {len(gradient.kinks) - MOST_KINKS} more kinks, where no derivative exists"

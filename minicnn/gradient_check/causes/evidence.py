"""What a hypothesis uses: the wrong numbers, the right ones, and the function, which can be called again.

A right gradient is a sum with one term for each output (docs/backprop/index.md, the chain rule):

    right[i] = Σ_j  dy[j] · ∂y[j]/∂x[i]        the terms: dy times a column of the Jacobian

A backward pass computes it without building the Jacobian. To find a fault, time does not matter, so here the
Jacobian is built. A fault is then a statement such as "only the terms with j in the last sample are there". A
*candidate* is the result of such a statement, computed from the columns. It is compared with the result of
the backward pass.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from minicnn.gradient_check.causes.elsewhere import Elsewhere, Search, second_evidence
from minicnn.gradient_check.causes.words import number
from minicnn.gradient_check.numeric import STEP, Arrays, Function
from minicnn.gradient_check.report import Gradient

MOST_NUMBERS = 4_000_000  # in the columns of the Jacobian; with more, fewer entries are compared
MOST_ENTRIES = 2_000  # each column costs a call of the function
ENOUGH_DIGITS = 8
OR = ", or: "  # between causes that give the same numbers

# what is wrong -> the gradient that this gives
Candidates = Mapping[str, np.ndarray] | Iterable[tuple[str, np.ndarray]]


class Unanswered(Exception):
    """The function does not take the arrays that a hypothesis tries."""


@dataclass(frozen=True)
class Evidence:
    """The data for all hypotheses.

    Attributes:
        gradient: of one array, analytic and numeric.
        function: y = function(**arrays).
        arrays: the point at which the derivative was taken; the first is the input, "x".
        dy: the upstream gradient.
        plain: the function as it was given, if ``function`` holds it to a convention at ties.
        elsewhere: both passes for other arrays.
        search: what the searches for causes share.
    """

    gradient: Gradient
    function: Function
    arrays: Arrays
    dy: np.ndarray
    plain: Function | None = None
    elsewhere: Elsewhere | None = None
    search: Search = field(default_factory=Search)

    # ---- the numbers ---------------------------------------------------------------------------------------

    @property
    def array(self) -> np.ndarray:
        """The array whose gradient is wrong."""
        return self.arrays[self.gradient.name]

    @property
    def analytic(self) -> np.ndarray:
        """The result of the backward pass, of any shape."""
        assert self.gradient.analytic is not None
        return self.gradient.analytic

    @property
    def input(self) -> np.ndarray:
        """The first array: x."""
        return next(iter(self.arrays.values()))

    @property
    def of_input(self) -> bool:
        """Whether the wrong gradient is that of the first array: not of a weight."""
        return self.array is self.input

    @cached_property
    def index(self) -> np.ndarray:
        """The flat indices of the n entries to compare: those that were checked, the largest error first."""
        checked = np.flatnonzero(self.gradient.checked)
        worst_first = checked[np.argsort(-self.gradient.errors.ravel()[checked], kind="stable")]
        most = max(1, min(MOST_ENTRIES, MOST_NUMBERS // max(self.dy.size, 1)))
        if len(checked) <= most:
            return worst_first
        evenly = np.linspace(0, len(checked) - 1, most).astype(int)
        return worst_first[evenly]

    @cached_property
    def places(self) -> np.ndarray:
        """The same entries as indices along each axis, (axes, n)."""
        if not self.array.ndim:
            return np.empty((0, len(self.index)), int)
        return np.array(np.unravel_index(self.index, self.array.shape))

    @cached_property
    def given(self) -> np.ndarray:
        """The analytic values at the entries of ``index``, (n,)."""
        return self.analytic.ravel()[self.index]

    @cached_property
    def right(self) -> np.ndarray:
        """The numeric values there, (n,)."""
        return self.gradient.numeric.ravel()[self.index]

    @cached_property
    def wrong(self) -> np.ndarray:
        """Which of them are certainly wrong, (n,)."""
        return np.abs(self.given - self.right) > 100 * self.tolerance

    @property
    def complete(self) -> bool:
        """Whether every entry of the array is compared."""
        return len(self.index) == self.array.size

    @cached_property
    def second(self) -> "Evidence | None":
        """The same for other arrays, with one sample more if both passes take it; None if there is no such.

        What is true by chance here, such as a factor that has the size of a shape, is not true there.
        """
        return second_evidence(self) if self.elsewhere else None

    # ---- comparisons ---------------------------------------------------------------------------------------

    @cached_property
    def tolerance(self) -> float:
        """The largest difference between two numbers that count as equal."""
        bound = self.gradient.bound
        largest = np.nanmax(np.abs(self.gradient.numeric), initial=0.0)
        if self.analytic.size:
            largest = max(largest, np.abs(self.analytic).max())
        return max(max(1e-9, 10 * bound) * float(largest), 10 * bound * self.gradient.scale)

    def fits(self, candidate: Iterable[float]) -> bool:
        """Whether a candidate equals the given gradient at each entry of ``index``, up to rounding.

        Where the candidate is nan, nothing is compared. At least one of the compared entries must be
        certainly wrong, or else the right gradient would fit too. The largest errors come first, so most
        candidates are rejected at the first number: give a generator if each number is costly.
        """
        tells = False
        for value, given, wrong in zip(candidate, self.given, self.wrong):
            if np.isnan(value):
                continue
            if not abs(value - given) <= self.tolerance:
                return False
            tells = tells or wrong
        return bool(tells)

    def matches(self, candidate: np.ndarray) -> bool:
        """Whether a formula's result is the given gradient, in every entry: for formulas that need no column.

        The numbers must have enough digits together: one number known to 6 digits can be chance.
        """
        candidate = np.asarray(candidate)
        if candidate.shape != self.analytic.shape or not np.isfinite(candidate).all():
            return False
        if candidate.shape != self.array.shape:
            return self.same(candidate, self.analytic)
        if not self.wrong.any():
            return False
        apart = np.abs(candidate - self.analytic).max(initial=0.0)
        telling = ~self.zero(candidate) | ~self.zero(np.nan_to_num(self.gradient.numeric))
        return bool(apart <= self.tolerance and np.count_nonzero(telling) * self.digits >= ENOUGH_DIGITS)

    @property
    def digits(self) -> float:
        """How many digits of a number are compared."""
        return -np.log10(self.tolerance / max(np.abs(self.analytic).max(initial=0.0), self.tolerance))

    def is_right(self, candidate: np.ndarray) -> bool:
        """Whether a formula's result is the right gradient, at the entries that were checked."""
        candidate = np.asarray(candidate)
        if candidate.shape != self.array.shape or not np.isfinite(candidate).all():
            return False
        return bool(self.zero(candidate.ravel()[self.index] - self.right).all())

    def explained_by(self, formulas: Candidates) -> str | None:
        """Return the text of the formula whose result was given; of two, if the numbers fit both."""
        scalar = float(self.dy.ravel()[0]) if self.dy.size == 1 else 1.0
        texts: dict[str, None] = {}
        for text, values in formulas.items() if isinstance(formulas, Mapping) else formulas:
            if any(text.startswith(other) for other in texts):
                continue  # the same with a further fault that changes nothing here
            if self.matches(values):
                texts[text] = None
            elif scalar not in (0, 1) and self.matches(np.asarray(values) / scalar):
                texts[f"{text}; and the upstream gradient {number(scalar)} is not used"] = None
        return OR.join(list(texts)[:2]) or None

    def same(self, a: np.ndarray, b: np.ndarray) -> bool:
        """Whether two arrays have equal shapes and, where neither is nan, equal numbers, not all zero."""
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape or not a.size:
            return False
        known = ~np.isnan(a) & ~np.isnan(b)
        apart = np.abs(a[known] - b[known]).max(initial=0.0)
        return bool(apart <= self.tolerance < np.abs(a[known]).max(initial=0.0))

    def zero(self, values: np.ndarray) -> np.ndarray:
        """Where values count as 0."""
        return np.abs(values) <= self.tolerance

    # ---- questions to the function -------------------------------------------------------------------------

    def ask(self, **replaced: np.ndarray) -> np.ndarray:
        """Return y with some of the arrays replaced.

        Raises:
            Unanswered: the function does not take them.
        """
        try:
            return np.asarray(self.function(**{**self.arrays, **replaced}))
        except Exception as error:  # the function may be the user's and may raise any error
            raise Unanswered from error

    @cached_property
    def y(self) -> np.ndarray:
        """The output for the given arrays."""
        return np.real(self.ask())

    def along(self, name: str, direction: np.ndarray, **replaced: np.ndarray) -> np.ndarray:
        """Return the derivative of y as an array moves along a direction, perhaps with other arrays replaced."""
        start = replaced.get(name, self.arrays[name])
        if self.gradient.method == "complex step":
            return np.imag(self.ask(**{**replaced, name: start + 1j * STEP * direction})) / STEP
        h = 2e-4 * max(1.0, float(np.abs(start[direction != 0]).max(initial=0.0)))
        coarse, fine = (
            (
                np.real(self.ask(**{**replaced, name: start + s * direction}))
                - np.real(self.ask(**{**replaced, name: start - s * direction}))
            )
            / (2 * s)
            for s in (h, h / 2)
        )
        return (4 * fine - coarse) / 3

    def column(self, i: int, **replaced: np.ndarray) -> np.ndarray:
        """Return ∂y/∂(the array's flat entry i), of y's shape, perhaps with other arrays replaced."""
        direction = np.zeros(self.array.size)
        direction[i] = 1
        return self.along(self.gradient.name, direction.reshape(self.array.shape), **replaced)

    def with_another(self, name: str, array: np.ndarray) -> Iterator[float]:
        """Yield the gradients that would be right if another array had other numbers, at the entries of ``index``."""
        return (float(np.sum(self.dy * self.column(int(i), **{name: array}))) for i in self.index)

    @cached_property
    def columns(self) -> np.ndarray:
        """The columns of the entries of ``index``, (n, …y's shape…)."""
        return np.stack([self.column(i) for i in self.index])

    @cached_property
    def terms(self) -> np.ndarray:
        """dy · columns: the sum over all but the first axis is ``right``."""
        return self.columns * self.dy

    @cached_property
    def jacobian(self) -> np.ndarray | None:
        """The columns of all entries in their order, (array.size, …y's shape…); None if that is too much."""
        size = self.array.size
        if self.complete:
            return self.columns[np.argsort(self.index)]
        if size > MOST_ENTRIES or size * self.dy.size > MOST_NUMBERS:
            return None
        return np.stack([self.column(i) for i in range(size)])

    @cached_property
    def diagonal(self) -> np.ndarray | None:
        """∂y[i]/∂x[i] at the entries of ``index``, (n,); None if y has another shape."""
        if self.array.shape != self.dy.shape:
            return None
        n = len(self.index)
        return self.columns.reshape(n, -1)[np.arange(n), self.index]

    @cached_property
    def slopes(self) -> np.ndarray | None:
        """The diagonal if all else is 0: y = f(x) for each entry, as ReLU. Else None."""
        own = self.diagonal
        return own if own is not None and np.count_nonzero(self.columns) == np.count_nonzero(own) else None

    def slope_at(self, points: np.ndarray) -> np.ndarray:
        """Return f′ at other points, for y = f(x) of each entry by itself: one nudge for all entries."""
        name = self.gradient.name
        return self.along(name, np.ones(self.array.shape), **{name: points})

    def is_linear(self, in_array: str, v: np.ndarray) -> bool:
        """Whether the function is linear in an array: its own derivative along v is constant, others' are linear."""
        array = self.arrays[in_array]
        aside = (1 + np.abs(array)) * np.random.default_rng([4, 3]).uniform(-2, 2, array.shape)
        low, here, high = (
            self.along(self.gradient.name, v, **{in_array: array + by * aside}) for by in (-1, 0, 1)
        )
        beside = low if in_array == self.gradient.name else (low + high) / 2
        return bool(np.allclose(beside, here, rtol=1e-6, atol=1e-6 * np.abs(here).max(initial=0.0)))

    def right_at(self, i: int) -> float:
        """Return the right gradient of any flat entry, also of one that was not checked."""
        if np.isnan(self._right_of_all[i]):
            self._right_of_all[i] = np.sum(self.dy * self.column(i))
        return float(self._right_of_all[i])

    @cached_property
    def _right_of_all(self) -> np.ndarray:
        return self.gradient.numeric.ravel().copy()

    @cached_property
    def windows(self) -> np.ndarray | None:
        """Which outputs each entry reaches (:meth:`reached`), (array.size, …y's shape…); None if that is too much."""
        size = self.array.size
        if size > MOST_ENTRIES or size * self.dy.size > MOST_NUMBERS:
            return None
        return np.stack([self.reached(i) for i in range(size)])

    def reached(self, i: int) -> np.ndarray:
        """Which outputs change when flat entry i becomes by far the largest, an array of y's shape."""
        raised = self.array.copy()
        raised.ravel()[i] = raised.max() + np.ptp(raised) + 1
        return np.real(self.ask(**{self.gradient.name: raised})) != self.y

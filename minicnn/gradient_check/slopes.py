"""The slopes of a function along any direction of one of its arrays, on both sides, for each output.

With the complex step both are exact (foreign.py); if the function does not take complex numbers, or loses
them on the way, they are refined differences. If it computes in float32 inside, only rough ones.

At a kink the two sides differ. A gradient that a backward pass can return there is a limit of gradients at
points near by, or a mean of such limits (Clarke's generalized gradient). :meth:`Slopes.limit` gives one of the
limits: along v, at the point moved by an infinitesimal step r, which breaks the ties.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np

from minicnn.gradient_check import numeric
from minicnn.gradient_check.foreign import READERS, Lost, Nudged
from minicnn.gradient_check.numeric import STEP, Arrays, Function

COMPLEX, DIFFERENCES, SINGLE = "complex step", "central differences", "differences in float32"
TIE = {COMPLEX: 1e-9, DIFFERENCES: 1e-5, SINGLE: 2e-2}  # slopes of both sides that differ by more: a kink
FIRSTS = {DIFFERENCES: (2e-2, 2e-3, 2e-4, 2e-5), SINGLE: (0.25, 0.06, 0.015)}
TINY = 1e-7  # a step that is rough, but crosses no kink beside the point
NEAR = 1e-4  # where differences look for the slopes beside a kink


class Sides(NamedTuple):
    """The slopes along v on the side of v, and on the side of −v; nan where y jumps."""

    right: np.ndarray
    left: np.ndarray


class Slopes:
    """The slopes of ``function(**arrays)`` along directions of the array ``name``.

    ``own``: the function is the library's: it takes complex arrays, and decides on real parts.

    Attributes:
        y: its result.
        method: "complex step", "central differences", or "differences in float32".
        smooth: whether slopes are linear in the direction: there is no kink.
        lost: why the function does not take complex numbers; None if it does.
    """

    def __init__(
        self, function: Function, arrays: Arrays, name: str, method: str = "auto", own: bool = False
    ) -> None:
        self.function, self.arrays, self.name = function, arrays, name
        self.x = arrays[name]
        self.lost: str | None = None
        self._kind: type[np.ndarray] = np.ndarray if own else Nudged
        y = np.real(np.asarray(function(**{each: array.copy() for each, array in arrays.items()})))
        self.y = y.astype(np.float64)
        if method == "auto" and own:
            method = COMPLEX
        elif method == "auto":
            method = COMPLEX if self._complex() else DIFFERENCES
        self.method = SINGLE if method == DIFFERENCES and self._rounds_to_float32(y) else method
        self.smooth = False
        self.smooth = self._linear()

    # ---- the function --------------------------------------------------------------------------------------

    def at(self, step: float, v: Any = 1.0) -> np.ndarray:
        """Return y at x + step·v."""
        return self._real({**self.arrays, self.name: self.x + step * v})

    def _real(self, arrays: Arrays) -> np.ndarray:
        """Return y for copies of the arrays; nan where the function is not defined."""
        try:
            with np.errstate(all="ignore"):
                y = np.real(np.asarray(self.function(**{name: a.copy() for name, a in arrays.items()})))
                return y if y.dtype.kind == "f" else y.astype(np.float64)
        except (ArithmeticError, ValueError):  # math.log(-0.01)
            return np.full(self.y.shape, np.nan)

    def _at_nudged(self, v: np.ndarray, arrays: Arrays | None = None) -> np.ndarray:
        """Return the complex y at x + i·h·v."""
        moved = {name: array.astype(complex) for name, array in (arrays or self.arrays).items()}
        moved[self.name] = moved[self.name].real + 1j * STEP * v
        y = self.function(**{name: array.view(self._kind) for name, array in moved.items()})
        return np.asarray(y).view(np.ndarray)

    def _complex(self) -> bool:
        """Whether complex arrays give what differences give; plain ones are faster, Nudged ones take more."""
        for self._kind in (np.ndarray, Nudged):
            self.lost = self._why_not()
            if self.lost is None:
                return True
        return False

    def _why_not(self) -> str | None:
        v = np.random.default_rng([2, 2]).standard_normal(self.x.shape)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                results = [self._at_nudged(side) for side in (v, -v)]
        except Lost as error:
            return f"it uses {error}"
        except Exception as error:  # a function may raise any error for complex numbers
            return f"{type(error).__name__}: {error}"
        if not all(map(np.iscomplexobj, results)):
            return "its result is real"

        def function(**only: np.ndarray) -> np.ndarray:
            moved = {**self.arrays, self.name: only[self.name].real}
            if np.iscomplexobj(only[self.name]):
                return self._at_nudged(only[self.name].imag / STEP, moved)
            return self._real(moved)

        finite = all((np.isfinite(y) | ~np.isfinite(self.y)).all() for y in results)
        trusted = finite and numeric.takes_complex(function, {self.name: self.x}, np.ones(self.y.shape))
        if trusted and all(self._as_differences(y, side) for y, side in zip(results, (v, -v))):
            return None
        if trusted and self._reads_real_parts(v):
            return None
        return "with complex numbers it computes something else"

    def _reads_real_parts(self, v: np.ndarray) -> bool:
        """Whether the function decides on real parts itself, and so states what happens at its kinks."""
        read: list[bool] = []
        READERS.append(read)
        kind, self._kind = self._kind, Nudged
        try:
            self._at_nudged(v)
        finally:
            READERS.remove(read)
            self._kind = kind
        return bool(read)

    def _as_differences(self, y: np.ndarray, v: np.ndarray) -> bool:
        """Whether the slopes on one side are, roughly, those of a small step: √(x²) at 0 has others."""
        h = TINY * max(1.0, float(np.abs(self.x).max(initial=0.0)))
        with np.errstate(all="ignore"):
            exact, rough = np.imag(y) / STEP, (self.at(h, v) - self.y) / h
            noise = 1e-15 / h * max(1.0, float(np.abs(self.y).max(initial=0.0)))
            off = numeric.apart(exact, rough, 1e-3) & (np.abs(exact - rough) > noise)
            comparable = np.isfinite(rough) & ~numeric.apart(y.real, self.y, 1e-9)
        return not (off & comparable).any()

    def _rounds_to_float32(self, y: np.ndarray) -> bool:
        """Whether a step that float64 shows and float32 does not leaves y as it is."""
        if y.dtype in (np.float32, np.float16):
            return True
        v = np.random.default_rng([3, 2]).standard_normal(self.x.shape)
        size = max(1.0, float(np.abs(self.x).max(initial=0.0)))
        here, tiny, small = (self.at(step * size, v) for step in (1e-3, 1e-3 + 1e-11, 2e-3))
        moves = np.abs(small - here) > 1e-6 * np.maximum(1.0, np.abs(here))
        return bool(2 * np.count_nonzero(moves & (tiny == here)) > np.count_nonzero(moves))

    # ---- slopes --------------------------------------------------------------------------------------------

    def kinked(self, sides: Sides) -> np.ndarray:
        """Return which outputs have a kink (or a jump)."""
        same = ~numeric.apart(sides.right, sides.left, TIE[self.method])
        return ~same | np.isnan(sides.right + sides.left)

    def _linear(self) -> bool:
        """Whether slopes along random directions, and along their sum, add up."""
        rng = np.random.default_rng([1, 2])
        for _ in range(2):
            a, b = rng.standard_normal((2, *self.x.shape))
            each, other, both = self.along(a), self.along(b), self.along(a + b)
            if self.kinked(each).any() or self.kinked(Sides(each.right + other.right, both.right)).any():
                return False
        return True

    def along(self, v: np.ndarray) -> Sides:
        """Return the slopes of each output along v."""
        with np.errstate(all="ignore"):
            if self.method != COMPLEX:
                return self._differences(v)
            right = self._one_side(v)
            return Sides(right, right if self.smooth else -self._one_side(-v))

    def _one_side(self, v: np.ndarray) -> np.ndarray:
        y = self._at_nudged(v)
        jumps = numeric.apart(y.real, self.y, 1e-9)
        return np.where(jumps, np.nan, np.imag(y) / STEP)

    def _differences(self, v: np.ndarray, firsts: Any = None, aside: Any = 0.0) -> Sides:
        size = float(np.sqrt(np.mean(self.x[v != 0] ** 2))) if np.any(v) else 1.0
        tie = TIE[self.method]

        def at(step: float) -> np.ndarray:
            return self.at(1.0, aside + step * v).astype(np.float64)

        found = numeric.differences(at, size, firsts or FIRSTS[self.method], tie)
        kinks = numeric.apart(found.left, found.right, tie)
        if not kinks.any():
            return Sides(found.both, found.both)
        tiny = 1e-12 if self.method == DIFFERENCES else 1e-5
        here = at(0.0)
        jumps = [numeric.apart(at(side * tiny * max(1.0, size)), here, 1e6 * tiny) for side in (1, -1)]
        if self.method == SINGLE:
            jumps = [np.zeros_like(kinks)] * 2
        return Sides(
            *(
                np.where(jump, np.nan, np.where(kinks, side, found.both))
                for side, jump in zip((found.right, found.left), jumps)
            )
        )

    def limit(self, v: np.ndarray, r: np.ndarray, sides: Sides | None = None) -> np.ndarray:
        """Return the slope of each output along v, a little further along r, where there are no ties.

        Args:
            v: the direction.
            r: breaks the ties, with entries of about 1.
            sides: the slopes along v, if they are known: the slope is usually one of these.
        """
        with np.errstate(all="ignore"):
            if self.method == COMPLEX:
                return self._limit(v, r, self.arrays)
            size = max(1.0, float(np.sqrt(np.mean(self.x**2))))
            beside = self._differences(v, (NEAR * 1e-2,), NEAR * size * r)
            slope = (beside.right + beside.left) / 2
            for side in sides or ():
                slope = np.where(numeric.apart(slope, side, 1e-2), slope, side)
            return slope

    def _limit(self, v: np.ndarray, r: np.ndarray, arrays: Arrays) -> np.ndarray:
        # along r + δ·v, with a δ so small that the ties are broken as along r, slopes are linear in δ
        small = 2.0 ** -np.ceil(3 + np.log2(max(1, self.x.size) * max(1.0, np.abs(v).max(initial=0.0))))
        near, here = (np.imag(self._at_nudged(d, arrays)) / STEP for d in (r + small * v, r))
        return (near - here) / small

    @property
    def first_wins(self) -> np.ndarray:
        """The r that makes the first of equal numbers the largest, and zeros negative."""
        return -(1.0 + np.arange(self.x.size).reshape(self.x.shape)) / max(1, self.x.size)

    def convention(self, **arrays: np.ndarray) -> np.ndarray:
        """Return y for real or complex arrays; ties are decided in favor of the first.

        With complex arrays x + i·h·v the imaginary part is h times a slope along v, as numeric.complex_column
        reads it.
        """
        if not any(np.iscomplexobj(array) for array in arrays.values()):
            moved = {name: np.array(array) for name, array in arrays.items()}
            return np.real(np.asarray(self.function(**moved)))
        arrays = {name: np.asarray(array) for name, array in arrays.items()}
        v = arrays[self.name].imag / STEP
        if self.smooth or self.x.shape != v.shape:
            return self._at_nudged(v, arrays)
        return np.real(
            self.function(**{n: a.real.copy() for n, a in arrays.items()})
        ) + 1j * STEP * self._limit(v, self.first_wins, arrays)

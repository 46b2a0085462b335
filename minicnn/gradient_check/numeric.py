"""Derivatives from the function itself: the complex step, and refined central differences that detect kinks.

**The complex step.** For an analytic function f and a tiny real h,

    f(x + i·h) = f(x) + i·h·f'(x) − h²/2·f''(x) − …      so      f'(x) = Im f(x + i·h) / h + O(h²)

Nothing is subtracted, so nothing cancels: with h = 1e-30 the result is exact to the last digit of float64,
while a finite difference (f(x + h) − f(x − h)) / 2h keeps half of the digits. Every decision in the reference
operations (is ReLU's input above 0? which pixel of a window is the maximum?) uses the real part, which the
step does not change: the check never crosses a kink.

**Central differences**, for functions that do not take complex numbers. D(h) = (f(x + h) − f(x − h))
/ 2h has the error c₂·h² + c₄·h⁴ + …, so two steps cancel the first term: (4·D(h/2) − D(h)) / 3, and
so on (Richardson). At a kink the slopes on the two sides differ and there is no derivative; each side
is then extrapolated separately.

Sources: Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40
(1998); Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances in Engineering Software 4 (1982).
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from minicnn import ops

STEP = 1e-30
HALVINGS = 5  # of the step; extrapolation then removes the error of the differences
FIRST_STEPS = (2e-2, 2e-3, 2e-4)  # tried in this order until both sides agree: a kink may be near
SLOPE_TOLERANCE = 1e-5  # if the slopes of both sides differ by more, there is a kink
DISAGREEMENT = (
    1e-4  # between the complex step and differences: then the function is not fit for complex numbers
)

Function = Callable[..., np.ndarray]
Arrays = Mapping[str, np.ndarray]


def complex_column(function: Function, arrays: Arrays, name: str, entry: tuple[int, ...]) -> np.ndarray:
    """Return dy/d(arrays[name][entry]), of y's shape: one column of the Jacobian."""
    nudged = arrays[name].astype(complex)
    nudged[entry] += 1j * STEP
    return np.imag(function(**{**arrays, name: nudged})) / STEP


def complex_step(function: Function, arrays: Arrays, dy: np.ndarray) -> dict[str, np.ndarray]:
    """Return the gradient of ``sum(dy * function(**arrays))`` with respect to every entry of every array.

    Args:
        function: called with each array as a keyword; returns y, of dy's shape. Must accept complex arrays.
        arrays: name -> float64 array, the points at which to differentiate.
        dy: the upstream gradient. Use a random one: an all-ones dy hides errors (of batch norm, nearly all).

    Returns:
        name -> gradient, of the array's shape, exact to rounding.
    """
    gradients = {}
    for name, array in arrays.items():
        gradient = np.empty(array.shape)
        for entry in np.ndindex(array.shape):
            gradient[entry] = np.sum(dy * complex_column(function, arrays, name, entry))
        gradients[name] = gradient
    return gradients


def takes_complex(function: Function, arrays: Arrays, dy: np.ndarray) -> bool:
    """Whether the complex step can be trusted with this function.

    The function must accept complex arrays and return one. If it uses |z|, z̄ or a comparison of complex
    numbers, it may run but be wrong. So its derivative along a random direction is compared with refined
    differences, for each output. The point is slightly shifted, because the given one may be at a kink;
    outputs with a kink near by are not compared.
    """
    rng = np.random.default_rng([0, 2])
    aside = {name: array + 1e-3 * rng.standard_normal(array.shape) for name, array in arrays.items()}
    v = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}

    def along(step: complex | float) -> np.ndarray:
        return np.asarray(function(**{name: array + step * v[name] for name, array in aside.items()}))

    try:
        # one thread at a time: catch_warnings changes the filters of the process
        with ops.turn(), warnings.catch_warnings():
            # NumPy only warns when it discards an imaginary part
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            y = along(1j * STEP)
    except Exception:  # a function may raise any error for complex numbers
        return False
    if not np.iscomplexobj(y):
        return False
    with np.errstate(all="ignore"):
        if apart(np.real(y), np.real(along(0.0)), 1e-9).any():
            return False
        found = differences(lambda step: np.real(along(step)), 1.0)
        smooth = ~found.is_kink & ~apart(found.both, found.left)
        trusted = ~smooth | ~apart(np.imag(y) / STEP, found.both, DISAGREEMENT)
        return bool(np.all(trusted | ~np.isfinite(found.both)))


class Slope(NamedTuple):
    """Derivatives by differences: from both sides, and from each side separately; numbers or arrays."""

    both: Any
    left: Any
    right: Any

    @property
    def is_kink(self) -> Any:
        """Whether the two sides differ."""
        return apart(self.left, self.right)


def apart(a: Any, b: Any, tolerance: float = SLOPE_TOLERANCE) -> Any:
    """Return whether two slopes differ, for each number."""
    return np.abs(a - b) > tolerance * np.maximum(1.0, np.maximum(np.abs(a), np.abs(b)))


def differences(
    at: Callable[[float], np.ndarray],
    size: float,
    firsts: Sequence[float] = FIRST_STEPS,
    tolerance: float = SLOPE_TOLERANCE,
) -> Slope:
    """Return the slopes of ``at`` at step 0, by refined differences, for each of its numbers.

    Args:
        at: the function, moved by a step along some direction.
        size: of the numbers that are moved; steps are relative to it if it is above 1.
        firsts: the largest steps, tried in this order until both sides agree: a kink may be near.
        tolerance: slopes that differ by less agree.
    """
    here = at(0.0)
    result: Slope | None = None
    unsure = np.ones(np.shape(here), bool)
    for first in firsts:
        steps = [first * max(1.0, size) / 2**i for i in range(HALVINGS)]
        above, below = ([at(sign * h) for h in steps] for sign in (1, -1))
        finer = Slope(
            both=_extrapolate([(a - b) / (2 * h) for a, b, h in zip(above, below, steps)], power=2),
            left=_extrapolate([(here - b) / h for b, h in zip(below, steps)], power=1),
            right=_extrapolate([(a - here) / h for a, h in zip(above, steps)], power=1),
        )
        result = finer if result is None else Slope(*(np.where(unsure, f, r) for f, r in zip(finer, result)))
        apart_here = apart(finer.left, finer.right, tolerance) | apart(finer.both, finer.left, tolerance)
        unsure = unsure & (apart_here | np.isnan(finer.both + finer.left + finer.right))
        if not unsure.any():
            break
    assert result is not None
    return result


def _extrapolate(values: list[np.ndarray], power: int) -> np.ndarray:
    """Return the limit of values at steps h, h/2, h/4, …, if their error is a series in h^power.

    The entry of the tableau that differs least from its neighbors is returned: later entries have rounding
    errors.
    """
    best, least = values[-1], np.full(np.shape(values[-1]), np.inf)
    row = values
    for level in range(1, len(values)):
        factor = 2.0 ** (power * level)
        finer = [(factor * b - a) / (factor - 1) for a, b in pairwise(row)]
        for new, a, b in zip(finer, row, row[1:]):
            doubt = np.maximum(np.abs(new - a), np.abs(new - b))
            better = doubt < least
            best, least = np.where(better, new, best), np.where(better, doubt, least)
        row = finer
    return best


def worst_error(analytic: np.ndarray, exact: np.ndarray) -> float:
    """Return the largest difference between two arrays of one shape, relative to the
    largest entry of either (or 1).
    """
    if analytic.shape != exact.shape:
        raise ValueError(f"analytic has shape {analytic.shape}, expected {exact.shape}")
    if exact.size == 0:
        return 0.0
    scale = max(np.abs(analytic).max(), np.abs(exact).max(), 1.0)
    return float(np.abs(analytic - exact).max() / scale)

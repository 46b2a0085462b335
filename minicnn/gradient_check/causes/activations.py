"""Faults of a function of one number, y = f(x) for each entry: dx = dy·f′(x) with a wrong mask or slope.

What students do: put x where the formula needs the output y, stop after the first factor of y·(1 − y), take
the slope at y or at dy, forget one term of the product rule, forget the part where x < 0.
"""

from collections.abc import Callable

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.causes.words import number

# On each side of 0, at least this many entries must agree.
ENOUGH_ON_A_SIDE = 3


def sigmoid(v: np.ndarray) -> np.ndarray:
    """Return 1/(1 + exp(−v))."""
    return 1 / (1 + np.exp(-v))


# of x or of y, with v for its name
OF_ONE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "v·(1 − v)": lambda v: v * (1 - v),
    "1 − v²": lambda v: 1 - v**2,
    "v": lambda v: v,
    "1 − v": lambda v: 1 - v,
    "1 + v": lambda v: 1 + v,
    "1 + v²": lambda v: 1 + v**2,
    "v·(1 + v)": lambda v: v * (1 + v),
    "(1 − v)²": lambda v: (1 - v) ** 2,
    "v²": lambda v: v**2,
    "2·v": lambda v: 2 * v,
    "1/v": lambda v: 1 / v,
    "−1/v²": lambda v: -1 / v**2,
    "1/(2·v)": lambda v: 1 / (2 * v),
    "√v": np.sqrt,
    "exp(v)": np.exp,
    "exp(−v)": lambda v: np.exp(-v),
    "σ(v)": sigmoid,
    "σ(v)·(1 − σ(v))": lambda v: sigmoid(v) * (1 - sigmoid(v)),
    "tanh(v)": np.tanh,
    "1 − tanh(v)²": lambda v: 1 - np.tanh(v) ** 2,
    "1 − tanh(v)": lambda v: 1 - np.tanh(v),
    "cos(v)": np.cos,
    "sin(v)": np.sin,
    "sign(v)": np.sign,
    "1 where v > 0, else 0": lambda v: v > 0.0,
    "1/(1 + |v|)²": lambda v: 1 / (1 + np.abs(v)) ** 2,
}


def expressions(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is used as a slope, rightly or wrongly: text -> values."""
    values = {"0": 0 * x, "1": 1 + 0 * x}
    for v, name in ((y, "y"), (x, "x")):
        values |= {text.replace("v", name): f(v) for text, f in OF_ONE.items()}
    return values


def _of_slope(x: np.ndarray, y: np.ndarray, slope: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is made of the right slope."""
    h = y / x
    product = "product rule: y = x·h(x), and"
    return {
        "the slope f′(x) is applied twice": slope**2,
        "divided by the slope f′(x) instead of multiplied by it": 1 / slope,
        f"{product} only the term h(x) is there, x·h′(x) is missing": h,
        f"{product} only the term x·h′(x) is there, h(x) is missing": slope - h,
        f"{product} the factor x of x·h′(x) is missing": h + (slope - h) / x,
    }


def wrong_slope(e: Evidence) -> str | None:
    """dy is multiplied by another expression than the slope."""
    if e.slopes is None:
        return None
    x, y, dy, slopes = e.array.ravel()[e.index], e.y.ravel()[e.index], e.dy.ravel()[e.index], e.slopes
    others = [a for name, a in e.arrays.items() if a.shape == e.array.shape and name != e.gradient.name]
    if any(e.zero(a.ravel()[e.index] - slopes).all() for a in others):
        return None  # y = a·b has the slope b for a: steps.py names it
    at_y, at_dy, at_minus_x = (e.slope_at(points).ravel()[e.index] for points in (e.y, e.dy, -e.array))
    two = ", a mask where dy > 0 instead of where x > 0" if len(np.unique(slopes.round(9))) == 2 else ""
    tried = {
        "the slope is taken at the output: f′(y), and f′(x) is right": at_y * dy,
        f"the slope is taken at dy: f′(dy){two}, and f′(x) is right": at_dy * dy,
        "the slope is taken at −x: f′(−x), and f′(x) is right": at_minus_x * dy,
        **{text: values * dy for text, values in _of_slope(x, y, slopes).items()},
        "the mask is where x > 0 and dy > 0: negative gradients must pass too (this is guided backpropagation)": (
            slopes * dy * (dy > 0)
        ),
        "dy + f′(x): the upstream gradient is added, and must be multiplied": dy + slopes,
    }
    found = [text for text, values in tried.items() if e.fits(values)]
    side = None if found else _one_side(e, x, y, dy)
    if found or side:
        return ", or: ".join(found[:2]) or side
    names = expressions(x, y)
    right = next((text for text, values in names.items() if e.zero((values - slopes) * dy).all()), None)
    for used, values in names.items():
        if used != "1" and e.fits(values * dy + slopes / values):
            return f"dy·a + b for dy·a·b, with a = {used}: all factors of f′(x) must be multiplied"
    for used, values in names.items():
        if e.fits(values * dy):
            is_swap = right is not None and used != right and used.replace("x", "y") == right
            swapped = " (the formula is for the output y, and x was put in)" if is_swap else ""
            return f"dy is multiplied by {used}, but f′(x) is {right or 'another function'} here{swapped}"
    return None


def _one_side(e: Evidence, x: np.ndarray, y: np.ndarray, dy: np.ndarray) -> str | None:
    """A function between two bounds, of which the mask has only one."""
    assert e.slopes is not None
    for side, inside in (("lower", x < 0), ("upper", x > 0)):
        at_end = inside & ((y == y.max()) | (y == y.min()))
        if not e.slopes[inside].all() and e.fits(np.where(at_end, dy, e.slopes * dy)):
            return f"dy passes beyond the {side} bound, where y does not change: the mask needs both bounds"
    return None


def mask(e: Evidence) -> str | None:
    """ReLU and dropout multiply dy by a mask: all slopes are 0 or one number k. Was the right mask used?"""
    slopes = e.slopes
    if slopes is None or not slopes.any() or len(slopes) < 2:  # one number fits anything
        return None
    dy = e.dy.ravel()[e.index]
    kept = slopes != 0
    stopped = np.count_nonzero(~kept)
    k = float(slopes[kept][0])
    if np.ptp(slopes[kept]) > 1e-6 * abs(k):
        return (
            "the slope is not applied: this is dy itself, not dy·f′(x)" if e.fits(dy) else _of_two(e, slopes)
        )
    for scale in dict.fromkeys((k, 1.0)):
        let_through = scale * dy
        scaled = "" if scale == k else f", nor is its scale {number(k)}, 1/(1 − rate)"
        if e.fits(let_through) and stopped:
            return (
                f"the mask is not applied{scaled}: dy passes at the {stopped} entries where y does not change"
            )
        if e.fits(np.where(kept, 0, let_through)) and stopped:
            return "the mask is inverted: dy passes where it should be 0, and only there"
        if e.fits(np.where(dy > 0, let_through, 0)):
            return "the mask is where dy > 0: it must be where y changes with x, as in the forward pass"
        zero = e.zero(e.given)
        if not e.fits(np.where(zero, 0, let_through)) or np.count_nonzero(~zero) < ENOUGH_ON_A_SIDE:
            continue
        if (zero & kept).any() and (~zero & ~kept).any():
            return "another mask than the forward pass's: there are zeros where dy should pass, and the other way round"
        if kept.all():
            return "a mask is applied, though none was in the forward pass"
    return None


def _of_two(e: Evidence, slopes: np.ndarray) -> str | None:
    """Leaky ReLU has two slopes. Are both there, and each on its own side?"""
    low, high = slopes.min(), slopes.max()
    upper = np.abs(slopes - high) < 1e-6
    if not (upper | (np.abs(slopes - low) < 1e-6)).all():
        return None
    a, b = number(low), number(high)
    pairs = {
        f"where x < 0 dy is multiplied by 0: the slope there is {a}": (0, high),
        f"the mask is inverted: {b} and {a} have changed places": (high, low),
        f"multiplied by {a} everywhere, also where x > 0: the slope there is {b}": (low, low),
        f"where x < 0 dy is divided by {a} instead of multiplied by it": (1 / low if low else 0, high),
        f"where x < 0 the sign is wrong: the slope there is {a}": (-low, high),
    }
    fitting = (
        text
        for text, (below, above) in pairs.items()
        if e.fits(np.where(upper, above, below) * e.dy.ravel()[e.index])
    )
    return next(fitting, None)

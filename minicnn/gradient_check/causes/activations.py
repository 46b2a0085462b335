"""Faults of a function of one number, y = f(x) for each entry: dx = dy·f′(x) with a wrong mask or slope.

What students do: put x where the formula needs the output y, stop after the first factor of y·(1 − y), take
the slope at y or at dy, forget one term of the product rule, forget the part where x < 0.
"""

import re
from collections.abc import Iterator

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence, number

# With fewer points, a curve cannot be distinguished from noise.
ENOUGH_FOR_A_CURVE = 40
RISES_AND_FALLS = 4
# On each side of 0, at least this many entries must agree.
ENOUGH_ON_A_SIDE = 3


def expressions(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (text, values) of what is used as a slope, rightly or wrongly."""
    s = 1 / (1 + np.exp(-x))
    yield "0", 0 * x
    yield "1", 1 + 0 * x
    for v, name in ((y, "y"), (x, "x")):
        sigmoid = 1 / (1 + np.exp(-v))
        yield f"{name}·(1 − {name})", v * (1 - v)
        yield f"1 − {name}²", 1 - v**2
        yield name, v
        yield f"1 − {name}", 1 - v
        yield f"1 + {name}", 1 + v
        yield f"1 + {name}²", 1 + v**2
        yield f"{name}·(1 + {name})", v * (1 + v)
        yield f"(1 − {name})²", (1 - v) ** 2
        yield f"{name}²", v**2
        yield f"2·{name}", 2 * v
        yield f"1/{name}", 1 / v
        yield f"−1/{name}²", -1 / v**2
        yield f"1/(2·{name})", 1 / (2 * v)
        yield f"√{name}", np.sqrt(v)
        yield f"exp({name})", np.exp(v)
        yield f"exp(−{name})", np.exp(-v)
        yield f"σ({name})", sigmoid
        yield f"σ({name})·(1 − σ({name}))", sigmoid * (1 - sigmoid)
        yield f"tanh({name})", np.tanh(v)
        yield f"1 − tanh({name})²", 1 - np.tanh(v) ** 2
        yield f"1 − tanh({name})", 1 - np.tanh(v)
        yield f"cos({name})", np.cos(v)
        yield f"sin({name})", np.sin(v)
        yield f"sign({name})", np.sign(v)
        yield f"1 where {name} > 0, else 0", v > 0.0
        yield f"1/(1 + |{name}|)²", 1 / (1 + np.abs(v)) ** 2
    yield "x·y", x * y
    yield "x + y", x + y
    yield "x·exp(x)", x * np.exp(x)
    yield "x·exp(x − 1)", x * np.exp(x - 1)
    yield "x·σ(x)·(1 − σ(x))", x * s * (1 - s)
    yield "−x·exp(−x²)", -x * np.exp(-(x**2))
    yield "1/√x", 1 / np.sqrt(x)
    yield "x³", x**3
    yield "3·x", 3 * x


def renamed(x: np.ndarray, y: np.ndarray, x_name: str, y_name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the expressions with other names than x and y, without the constants."""
    names = {"x": x_name, "y": y_name}
    for text, values in expressions(x, y):
        if text not in ("0", "1"):
            yield re.sub(r"(?<![a-z])[xy](?![a-z])", lambda found: names[found.group()], text), values


def _of_slope(x: np.ndarray, y: np.ndarray, slope: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what is made of the right slope."""
    yield "the slope f′(x) is applied twice", slope**2
    yield "divided by the slope f′(x) instead of multiplied by it", 1 / slope
    yield "multiplied by x·f′(x): one factor x too many", x * slope
    yield "multiplied by y·f′(x): one factor y too many", y * slope
    yield "the root of the slope f′(x) is used", np.sqrt(slope)
    yield "the slope has the sign of x: |f′(x)| is used", np.abs(slope)
    yield "y is added to the slope", slope + y
    yield "x is added to the slope", slope + x
    h = y / x
    yield "product rule: y = x·h(x), and only the term h(x) is there, x·h′(x) is missing", h
    yield "product rule: y = x·h(x), and only the term x·h′(x) is there, h(x) is missing", slope - h
    yield "product rule: y = x·h(x), and h(x) − x·h′(x) is used: a sign is wrong", 2 * h - slope
    yield "product rule: y = x·h(x), and the factor x of x·h′(x) is missing", h + (slope - h) / x


def wrong_slope(e: Evidence) -> str | None:
    """dy is multiplied by another expression than the slope."""
    if e.slopes is None:
        return None
    x, y, dy = e.array.ravel()[e.index], e.y.ravel()[e.index], e.own_dy
    plain = [e.slope_at(points).ravel()[e.index] for points in (e.y, e.dy, -e.array)]
    places = (
        ("the slope is taken at the output: f′(y), and f′(x) is right", plain[0]),
        (f"the slope is taken at dy: f′(dy){_where_dy(e.slopes)}, and f′(x) is right", plain[1]),
        ("the slope is taken at −x: f′(−x), and f′(x) is right", plain[2]),
        *_of_slope(x, y, e.slopes),
    )
    found = [text for text, values in places if e.fits(values * dy)]
    if found:
        return found[0]
    if e.fits(e.slopes * dy * (dy > 0)):
        return "the mask is where x > 0 and dy > 0: negative gradients must pass too (this is guided backpropagation)"
    if e.fits(dy + e.slopes):
        return "dy + f′(x): the upstream gradient is added, and must be multiplied"
    side = _one_side(e, x, y, dy)
    if side:
        return side
    if e.fits(np.real(e.ask(**{e.gradient.name: e.dy})).ravel()[e.index]):
        return "this is f(dy), the function itself: dy·f′(x) is needed"
    names = [*expressions(x, y), *_other_arrays(e)]
    right = next((text for text, values in names if e.zero((values - e.slopes) * dy).all()), None)
    for used, values in names:
        if e.fits(values * dy):
            swapped = " (the formula is for the output y, and x was put in)" if _is_swap(used, right) else ""
            text = f"dy is multiplied by {used}, but f′(x) is {right or 'another function'} here{swapped}"
            return text if e.gradient.name == "x" else f"{text} (x stands for {e.gradient.name})"
    return None


def _other_arrays(e: Evidence) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the other arrays of the same shape: y = a·b has the slope b for a."""
    for name, array in e.arrays.items():
        if name != e.gradient.name and array.shape == e.array.shape:
            yield name, array.ravel()[e.index]


def _where_dy(slopes: np.ndarray) -> str:
    kinds = len(np.unique(slopes.round(9)))
    return ", a mask where dy > 0 instead of where x > 0" if kinds == 2 else ""


def _is_swap(used: str, right: str | None) -> bool:
    return right is not None and used != right and used.replace("x", "y") == right


def _one_side(e: Evidence, x: np.ndarray, y: np.ndarray, dy: np.ndarray) -> str | None:
    """A function in pieces: right for x > 0 (or x < 0), and another expression on the other side."""
    assert e.slopes is not None
    for side, inside in (("x < 0", x < 0), ("x > 0", x > 0)):
        if e.wrong[~inside].any() or np.count_nonzero(e.wrong & inside) < ENOUGH_ON_A_SIDE:
            continue
        slope = e.slopes[inside]
        candidates = [*expressions(x[inside], y[inside]), ("its square", slope**2), ("1 over it", 1 / slope)]
        candidates += [("its negative", -slope), ("y·(slope)", y[inside] * slope)]
        at_end = (y == y.max()) | (y == y.min())
        if not slope.all() and e.zero((e.given - dy) * (inside & at_end)).all():
            bound = "upper" if side == "x > 0" else "lower"
            if e.zero((e.given - e.slopes * dy) * ~(inside & at_end)).all():
                return (
                    f"dy passes beyond the {bound} bound, where y does not change: the mask needs both bounds"
                )
        used = [t for t, values in candidates if e.zero(values * dy[inside] - e.given[inside]).all()]
        if not used:
            continue
        right = [t for t, values in candidates if e.zero((values - slope) * dy[inside]).all()]
        if not right and np.ptp(slope) <= 1e-6 * abs(slope[0]):
            right = [number(slope[0])]
        ratio = e.given[inside] / (slope * dy[inside])
        if not right and np.isfinite(ratio).all() and np.ptp(ratio) < 1e-6 * abs(ratio[0]):
            return None  # where.location says it better: by a factor
        return (
            f"where {side}, dy is multiplied by {used[0]}, but f′(x) is "
            f"{right[0] if right else 'another function'} there"
        )
    return None


def mask(e: Evidence) -> str | None:
    """ReLU and dropout multiply dy by a mask: all slopes are 0 or one number k. Was the right mask used?"""
    slopes = e.slopes
    if slopes is None or not slopes.any():
        return None
    kept = slopes != 0
    stopped = np.count_nonzero(~kept)
    k = float(slopes[kept][0])
    if np.ptp(slopes[kept]) > 1e-6 * abs(k):
        if e.fits(e.own_dy):
            return "the slope is not applied: this is dy itself, not dy·f′(x)"
        return _of_two(e, slopes)
    for scale in dict.fromkeys((k, 1.0)):
        let_through = scale * e.own_dy
        scaled = "" if scale == k else f", nor is its scale {number(k)}, 1/(1 − rate)"
        if e.fits(let_through) and stopped:
            return (
                f"the mask is not applied{scaled}: dy passes at the {stopped} entries where y does not change"
            )
        if e.fits(np.where(kept, 0, let_through)) and stopped:
            return "the mask is inverted: dy passes where it should be 0, and only there"
        if e.fits(np.where(e.own_dy > 0, let_through, 0)):
            return "the mask is where dy > 0: it must be where y changes with x, as in the forward pass"
        zero = e.zero(e.given)
        if not e.fits(np.where(zero, 0, let_through)) or np.count_nonzero(~zero) < 3:
            continue
        if (zero & kept).any() and (~zero & ~kept).any():
            return "another mask than the forward pass's: there are zeros where dy should pass, and the other way round"
        if kept.all():
            return "a mask is applied, though none was in the forward pass"
    return None


def _of_two(e: Evidence, slopes: np.ndarray) -> str | None:
    """Leaky ReLU has two slopes. Are both there, and each on its own side?"""
    low, high = slopes.min(), slopes.max()
    if (
        np.count_nonzero(np.abs(slopes - low) < 1e-6) + np.count_nonzero(np.abs(slopes - high) < 1e-6)
        < slopes.size
    ):
        return None
    upper = np.abs(slopes - high) < 1e-6
    a, b = number(low), number(high)
    for below, above, text in (
        (0, high, f"where x < 0 dy is multiplied by 0: the slope there is {a}"),
        (high, low, f"the mask is inverted: {b} and {a} have changed places"),
        (low, low, f"multiplied by {a} everywhere, also where x > 0: the slope there is {b}"),
        (1 / low if low else 0, high, f"where x < 0 dy is divided by {a} instead of multiplied by it"),
        (-low, high, f"where x < 0 the sign is wrong: the slope there is {a}"),
        (high, 0, f"where x > 0 dy is multiplied by 0: the slope there is {b}"),
    ):
        if e.fits(np.where(upper, above, below) * e.own_dy):
            return text
    return None


def slope(e: Evidence) -> str | None:
    """A function of one number with a wrong slope f′(x): the error of the slope is a smooth function of x.

    If x is sorted, this error rises and falls only a few times. The same is true of its rank among all
    errors: in each rise or fall, the changes of the rank add up to n at most. An error that depends on
    something else is irregular: its rank changes by n/3 on average at each step.
    """
    if e.slopes is None or not e.wrong.any():
        return None
    telling = np.abs(e.own_dy) > 0.01  # the slope that was used is given / dy, which needs a dy that is not 0
    n = np.count_nonzero(telling)
    if n < ENOUGH_FOR_A_CURVE:
        return None
    x, right, used = (v[telling] for v in (e.array.ravel()[e.index], e.slopes, e.given / e.own_dy))
    error = (used - right).round(9)
    rank = error[np.argsort(x)].argsort(kind="stable").argsort()
    if np.abs(np.diff(rank)).sum() > RISES_AND_FALLS * n:
        return None
    worst = np.argmax(np.abs(error))
    return (
        f"the slope is wrong, as a function of x: at x = {x[worst]:.3g}, where it is worst, "
        f"{used[worst]:.4g} is used "
        f"and {right[worst]:.4g} is right. Is a constant of the formula mistyped?"
    )

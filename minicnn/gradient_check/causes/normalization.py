"""Batch, layer and instance normalization, recognized by their values over any axes; and their usual slips.

    x̂ = (x − μ)·r       y = γ·x̂ + β       r = 1/√(v + ε)       d = γ·dy

    dx = r·( d  −  mean(d)  −  x̂·mean(d·x̂) )            dγ = Σ dy·x̂        dβ = Σ dy
             direct  through μ  through v

The means are over the n entries that are normalized together. A slip changes one of the three paths, or what is
in it. If the forward pass divides the variance by n − 1, so does the path through v.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any

import numpy as np

from minicnn.gradient_check.causes.evidence import Candidates, Evidence, Unanswered
from minicnn.gradient_check.causes.words import axes_named


@dataclass(frozen=True)
class Normalization:
    """What was recognized: the axes of the means, x̂, r, γ (of y's shape), n, and what the variance divides by."""

    axes: tuple[int, ...]
    x: np.ndarray
    hat: np.ndarray
    r: np.ndarray
    gamma: np.ndarray
    n: int
    divisor: int

    def mean(self, v: np.ndarray, axes: tuple[int, ...] | None = None) -> np.ndarray:
        """Return the mean over the normalized axes, or others."""
        return v.mean(axis=axes or self.axes, keepdims=True)

    @property
    def centered(self) -> np.ndarray:
        """The array x − μ."""
        return self.x - self.mean(self.x)

    def dx(self, d: Any, mean: Any = 1.0, variance: Any = 1.0, direct: Any = 1.0, **other: Any) -> np.ndarray:
        """Return dx, with each of the three paths multiplied by a factor.

        ``other``: of_mean and of_variance, the d in these paths; inner and outer, the x̂ inside and in front of the
        mean of d·x̂; r; over_mean and over_variance, the axes of both means.
        """
        through_mean = self.mean(other.get("of_mean", d), other.get("over_mean"))
        product = other.get("of_variance", d) * other.get("inner", self.hat)
        through_variance = self.mean(product, other.get("over_variance")) * self.n / self.divisor
        outer = other.get("outer", self.hat)
        paths = direct * d - mean * through_mean - variance * outer * through_variance
        return other.get("r", self.r) * paths


def normalization_slips(e: Evidence) -> str | None:
    """Recognize the normalization; then compare the slips for dx, or for dγ."""
    known = _recognized(e)
    if known is None:
        return None
    if not e.of_input:
        return e.explained_by(_of_weights(known, e))
    dy = e.dy.reshape(known.x.shape)
    for divisor in (known.n, known.n - 1):
        known = replace(known, divisor=divisor)
        if e.is_right(known.dx(known.gamma * dy).reshape(e.array.shape)):
            slips = _of_dx(known, dy)
            return e.explained_by((text, values.reshape(e.array.shape)) for text, values in slips)
    return None


def _recognized(e: Evidence) -> Normalization | None:
    x, others = e.input, list(e.arrays)[1:]
    if x.shape != e.dy.shape or x.size < 4 or len(others) > 2:
        return None
    for kept in product((1.0, 0.0), repeat=len(others)):  # γ = 1 and β = 0 leave x̂
        try:
            hat = np.real(e.ask(**{name: np.full_like(e.arrays[name], k) for name, k in zip(others, kept)}))
            y = np.real(e.ask(**{name: 0 * e.arrays[name] for name, k in zip(others, kept) if not k}))
        except Unanswered:
            continue
        if hat.shape != x.shape or np.ptp(hat) < 1e-9 or abs(hat.mean()) > 1e-6:
            continue
        for shape in _views(x.shape):
            found = _over_axes(*(v.reshape(shape) for v in (x, hat, y / hat)))
            if found is not None:
                return found
    return None


def _views(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the shape; then, for group normalization, shapes with one axis cut into groups."""
    yield shape
    for axis, n in enumerate(shape[1:], 1):
        for groups in (g for g in range(2, n) if n % g == 0):
            yield (*shape[:axis], groups, n // groups, *shape[axis + 1 :])


def _over_axes(x: np.ndarray, hat: np.ndarray, gamma: np.ndarray) -> Normalization | None:
    for axes in (axes for n in range(1, x.ndim + 1) for axes in combinations(range(x.ndim), n)):
        if np.abs(hat.mean(axis=axes)).max() > 1e-9:
            continue
        centered = x - x.mean(axis=axes, keepdims=True)
        square = (centered**2).sum(axis=axes, keepdims=True)
        n = x.size // square.size
        if n < 3 or not square.all():
            continue
        r = (hat * centered).sum(axis=axes, keepdims=True) / square
        scaled = np.ptp(r) > 1e-9 * abs(r).max() or (r.size == 1 and abs(r - 1) > 1e-6)
        if scaled and np.allclose(r * centered, hat, rtol=0, atol=1e-9):
            return Normalization(axes, x, hat, r, gamma, n, n)
    return None


def _of_dx(k: Normalization, dy: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    d, n, r = k.gamma * dy, k.n, k.r
    constant = "is treated as a constant: the path from x through"
    yield from {
        "mean and variance are treated as constants: only the direct path from x to y is there": k.dx(
            d, 0, 0
        ),
        f"the mean {constant} the mean is missing": k.dx(d, 0, 1),
        f"the variance {constant} the variance is missing": k.dx(d, 1, 0),
        "the direct path from x to y is missing: dy itself, times γ and 1/σ": k.dx(d, direct=0),
        "the signs of both paths, through mean and variance, are wrong": k.dx(d, -1, -1),
        f"both paths are sums: their division by n = {n} is missing": k.dx(d, n, n),
        f"both paths are divided by n − 1 = {n - 1} instead of n = {n}": k.dx(d, n / (n - 1), n / (n - 1)),
    }.items()
    if np.abs(k.gamma - 1).max() > 1e-9:
        outside = "gamma is outside of the means: it must multiply dy before the means are taken"
        yield from {
            "gamma is missing: dy is not multiplied by it": k.dx(dy),
            outside: k.gamma * k.dx(dy),
            "gamma is applied twice": k.gamma * k.dx(d),
            "gamma is missing in the paths through mean and variance": k.dx(d, of_mean=dy, of_variance=dy),
            "gamma is missing in the path through the mean": k.dx(d, of_mean=dy),
            "gamma is missing in the path through the variance": k.dx(d, of_variance=dy),
            "gamma is missing in the direct path only": k.dx(d) + r * (dy - d),
        }.items()
    right = k.divisor
    lengths = (math.prod(some) for m in range(1, dy.ndim + 1) for some in combinations(dy.shape, m))
    counts = sorted(set(lengths) - {1, n, n - 1})
    for count in counts:
        yield (
            f"both paths, through mean and variance, are divided by {count} instead of n = {n}",
            k.dx(d, n / count, n / count),
        )
    for path in ("mean", "variance"):
        divisor = n if path == "mean" else right
        other = 2 * n - 1 - divisor if right != n or path == "variance" else n - 1
        twos = " (the 2 of the square, or the ½ of the root)" if path == "variance" else ""
        shown = {n: f"n = {n}", n - 1: f"n − 1 = {n - 1}"}
        for text, factor in {
            f"the sign of the path through the {path} is wrong": -1,
            f"off by a factor: the path through the {path} by 2{twos}": 2,
            f"off by a factor: the path through the {path} by 0.5{twos}": 0.5,
            f"the path through the {path} is a sum: its division by n = {n} is missing": n,
            f"the path through the {path} is divided by n = {n} twice": 1 / n,
            f"the path through the {path} is divided by {shown[other]} instead of {shown[divisor]}": (
                divisor / other
            ),
            **{f"the path through the {path} is divided by {c} instead of {n}": divisor / c for c in counts},
        }.items():
            yield text, k.dx(d, **{path: factor})
    yield from {
        "the division by the standard deviation: r = 1/σ is missing": k.dx(d) / r,
        "the division by the standard deviation: r = 1/σ is applied twice: divided by the variance": k.dx(d)
        * r,
        "multiplied by the standard deviation instead of divided by it": k.dx(d) / r**2,
    }.items()
    v = k.mean(k.centered**2) * n / right
    yield "divided by the variance instead of by the standard deviation", k.dx(d) / r / v
    epsilon = 1 / r**2 - v  # the forward pass divides by √(v + ε), or by something else
    if np.ptp(epsilon) < 1e-6 * (np.abs(epsilon).max() + v.max()):
        other_v = v * right / (2 * n - 1 - right)
        how = "with n − 1 instead of n" if right == n else "with n instead of n − 1"
        yield from _of_sigma(k, d, 1 / np.sqrt(other_v + epsilon), how)
        if epsilon.max() > 1e-15:
            yield from _of_sigma(k, d, 1 / np.sqrt(v), "without ε")
            outside = "with ε outside of the root, √v + ε for √(v + ε)"
            yield from _of_sigma(k, d, 1 / (np.sqrt(v) + epsilon.mean()), outside)
    path = "the path through the variance"
    x, c, y = k.x, k.centered, k.gamma * k.hat
    yield from {
        f"{path} has 1/σ once too many": k.dx(d, variance=r),
        f"{path} has 1/σ once too few": k.dx(d, variance=1 / r),
        f"{path} lacks (v + ε)^(−3/2): two factors 1/σ are missing": k.dx(d, variance=1 / r**2),
        f"{path}: x is used instead of x̂": k.dx(d, inner=x, outer=x),
        f"{path}: x is used instead of x̂ in front of the mean of dy·x̂": k.dx(d, outer=x),
        f"{path}: x is used instead of x̂ in the mean of dy·x̂": k.dx(d, inner=x),
        f"{path}: x − μ is used instead of x̂: not divided by σ": k.dx(d, inner=c, outer=c),
        f"{path}: y is used instead of x̂": k.dx(d, inner=y, outer=y),
        f"{path} has no dy·x̂ in its mean": k.dx(d, inner=1),
        f"{path} has no x̂ in front of its mean": k.dx(d, outer=1),
    }.items()
    for axes in (a for m in range(1, dy.ndim + 1) for a in combinations(range(dy.ndim), m) if a != k.axes):
        wrong = f"over {axes_named(axes)} instead of {axes_named(k.axes)}"
        yield f"the means are {wrong}", k.dx(d, over_mean=axes, over_variance=axes)
        part = math.prod(dy.shape[axis] for axis in axes) / n  # of a sum that is divided by n
        for divided in (1, part):
            yield f"the mean of dy, the path through the mean, is {wrong}", k.dx(d, divided, over_mean=axes)
            through_variance = k.dx(d, variance=divided, over_variance=axes)
            yield f"the mean of dy·x̂, the path through the variance, is {wrong}", through_variance


def _of_sigma(k: Normalization, d: np.ndarray, q: np.ndarray, how: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield dx with another 1/σ than the forward pass's: everywhere, in front, or with the right x̂."""
    hat = k.centered * q
    text = f"the standard deviation is computed {how}, unlike in the forward pass"
    yield text, k.dx(d, r=q, inner=hat, outer=hat)
    yield text, k.dx(d, r=q)
    yield text, k.dx(d, inner=hat, outer=hat)


def _of_weights(k: Normalization, e: Evidence) -> Candidates:
    shape, dy = e.array.shape, e.dy
    r = np.broadcast_to(k.r, k.x.shape).reshape(dy.shape)
    x, hat, gamma = (v.reshape(dy.shape) for v in (k.x, k.hat, k.gamma))
    for axes in (a for m in range(dy.ndim + 1) for a in combinations(range(dy.ndim), m)):
        right = (dy * hat).sum(axis=axes)
        if right.size == e.array.size and e.is_right(right.reshape(shape)):
            break
    else:
        return {}
    slips = {
        "x is used instead of x̂: not normalized": dy * x,
        "x − μ is used instead of x̂: not divided by σ": dy * hat / r,
        "y is used instead of x̂: dγ is Σ dy·x̂": dy * e.y,
        "γ·x̂ is used instead of x̂: dγ is Σ dy·x̂": dy * gamma * hat,
        "x̂ is missing: this is Σ dy, the gradient of beta": dy,
        "dy is missing: this is Σ x̂": hat,
        "divided by σ once too many: x̂ is divided by it already": dy * hat * r,
        "x̂ is squared": dy * hat**2,
    }
    return {text: values.sum(axis=axes).reshape(shape) for text, values in slips.items()}

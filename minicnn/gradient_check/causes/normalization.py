"""Batch, layer and instance normalization, recognized by their values over any axes; and their usual slips.

    x̂ = (x − μ)·r       y = γ·x̂ + β       r = 1/√(v + ε)       d = γ·dy

    dx = r·( d  −  mean(d)  −  x̂·mean(d·x̂) )            dγ = Σ dy·x̂        dβ = Σ dy
             direct  through μ  through v

The means are over the n entries that are normalized together.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence, Unanswered, axes_named


@dataclass(frozen=True)
class Normalization:
    """What was recognized: the axes of the means, x̂, r, γ (of y's shape) and n."""

    axes: tuple[int, ...]
    x: np.ndarray
    hat: np.ndarray
    r: np.ndarray
    gamma: np.ndarray
    n: int

    def mean(self, v: np.ndarray) -> np.ndarray:
        """Return the mean over the normalized axes."""
        return v.mean(axis=self.axes, keepdims=True)

    @property
    def centered(self) -> np.ndarray:
        """The array x − μ."""
        return self.x - self.mean(self.x)


def normalization_slips(e: Evidence) -> str | None:
    """Recognize the normalization; then compare the slips for dx, or for dγ and dβ."""
    known = _recognized(e)
    if known is None:
        return None
    if e.of_input:
        slips = _of_dx(known, e.dy.reshape(known.x.shape))
        return e.explained_by((text, values.reshape(e.array.shape)) for text, values in slips)
    return e.explained_by(_of_weights(known, e))


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
            return Normalization(axes, x, hat, r, gamma, n)
    return None


def _dx(
    k: Normalization, d: np.ndarray, direct: float = 1, mean: float = 1, variance: float = 1
) -> np.ndarray:
    """Return dx, with each of the three paths multiplied by a factor."""
    return k.r * (direct * d - mean * k.mean(d) - variance * k.hat * k.mean(d * k.hat))


def _of_dx(k: Normalization, dy: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    d, n, r = k.gamma * dy, k.n, k.r
    alone = "is treated as a constant: the path from x through the"
    yield (
        "mean and variance are treated as constants: only the direct path from x to y is there",
        _dx(k, d, 1, 0, 0),
    )
    yield f"the mean {alone} mean is missing", _dx(k, d, 1, 0, 1)
    yield f"the variance {alone} variance is missing", _dx(k, d, 1, 1, 0)
    yield "the direct path from x to y is missing: dy itself, times γ and 1/σ", _dx(k, d, 0, 1, 1)
    if np.ptp(k.gamma) > 1e-9 or abs(k.gamma - 1).max() > 1e-9:
        yield "gamma is missing: dy is not multiplied by it", _dx(k, dy)
        yield (
            "gamma is outside of the means: it must multiply dy before the means are taken",
            k.gamma * _dx(k, dy),
        )
        yield "gamma is applied twice", _dx(k, k.gamma * d)
        yield "gamma is missing in the direct path only", r * (dy - k.mean(d) - k.hat * k.mean(d * k.hat))
        yield (
            "gamma is missing in the paths through mean and variance",
            r * (d - k.mean(dy) - k.hat * k.mean(dy * k.hat)),
        )
        yield (
            "gamma is missing in the path through the variance",
            r * (d - k.mean(d) - k.hat * k.mean(dy * k.hat)),
        )
        yield (
            "gamma is missing in the path through the mean",
            r * (d - k.mean(dy) - k.hat * k.mean(d * k.hat)),
        )
    path = {"mean": lambda f: _dx(k, d, mean=f), "variance": lambda f: _dx(k, d, variance=f)}
    for name, of in path.items():
        yield f"the sign of the path through the {name} is wrong", of(-1)
        yield f"off by a factor: the path through the {name} by 2 (a 2 of a square too many)", of(2)
        yield f"off by a factor: the path through the {name} by 0.5 (the 2 of a square is missing)", of(0.5)
        yield f"the path through the {name} is a sum: its division by n = {n} is missing", of(n)
        yield f"the path through the {name} is divided by n = {n} twice", of(1 / n)
        yield f"the path through the {name} is divided by n − 1 = {n - 1} instead of n = {n}", of(n / (n - 1))
        yield f"the path through the {name} is divided by n = {n} instead of n − 1 = {n - 1}", of((n - 1) / n)
    yield "the signs of both paths, through mean and variance, are wrong", _dx(k, d, 1, -1, -1)
    yield f"both paths are sums: their division by n = {n} is missing", _dx(k, d, 1, n, n)
    yield (
        f"both paths are divided by n − 1 = {n - 1} instead of n = {n}",
        _dx(k, d, 1, n / (n - 1), n / (n - 1)),
    )
    for name, power in (("r = 1/σ is missing", 0), ("r = 1/σ is applied twice: divided by the variance", 2)):
        yield f"the division by the standard deviation: {name}", r ** (power - 1) * _dx(k, d)
    yield "multiplied by the standard deviation instead of divided by it", _dx(k, d) / r**2
    v = k.mean(k.centered**2)
    corrected = v * n / (n - 1)
    epsilon = float(np.median(1 / r**2 - v))
    if np.ptp(1 / r**2 - v) < 1e-6 * (np.abs(epsilon) + v.max()):  # the forward pass divides by √(v + ε)
        yield from _of_sigma(k, d, 1 / np.sqrt(corrected + epsilon), "with n − 1 instead of n")
        if epsilon > 1e-15:
            yield from _of_sigma(k, d, 1 / np.sqrt(v), "without ε")
            yield from _of_sigma(
                k, d, 1 / (np.sqrt(v) + epsilon), "with ε outside of the root, √v + ε for √(v + ε)"
            )
    else:
        yield from _of_sigma(k, d, 1 / np.sqrt(v), "with n instead of n − 1")
    hat = k.centered * r**2
    yield (
        "the variance's path has a power of σ too many: (v + ε)^(−3/2) is in it once",
        r * (d - k.mean(d) - hat * r * k.mean(d * k.hat)),
    )
    yield "the variance's path has 1/σ once too many", r * (d - k.mean(d) - hat * k.mean(d * k.hat))
    yield "the variance's path has 1/σ once too few", r * (d - k.mean(d) - k.hat * k.mean(d * k.hat) / r)
    yield (
        "the variance's path lacks (v + ε)^(−3/2): two factors 1/σ are missing",
        r * (d - k.mean(d) - k.hat * k.mean(d * k.hat) / r**2),
    )
    for inner, outer, text in (
        (k.hat, k.x, "x is used instead of x̂ in front of the mean of dy·x̂"),
        (k.x, k.hat, "x is used instead of x̂ in the mean of dy·x̂"),
        (k.x, k.x, "x is used instead of x̂"),
        (k.hat, k.centered, "x − μ is used instead of x̂ in front of the mean of dy·x̂: not divided by σ"),
        (k.centered, k.hat, "x − μ is used instead of x̂ in the mean of dy·x̂: not divided by σ"),
        (k.centered, k.centered, "x − μ is used instead of x̂: not divided by σ"),
        (k.gamma * k.hat, k.gamma * k.hat, "y is used instead of x̂"),
    ):
        yield f"the path through the variance: {text}", r * (d - k.mean(d) - outer * k.mean(d * inner))
    yield (
        "dγ and dβ have changed places: mean(dy·x̂) and mean(dy)",
        r * (d - k.mean(d * k.hat) - k.hat * k.mean(d)),
    )
    yield "the path through the variance has no dy·x̂ in its mean", r * (d - k.mean(d) - k.hat * k.mean(d))
    for axes in (a for m in range(1, dy.ndim + 1) for a in combinations(range(dy.ndim), m) if a != k.axes):

        def mean(u: np.ndarray, over: tuple[int, ...] = axes) -> np.ndarray:
            return u.mean(axis=over, keepdims=True)

        wrong = f"over {axes_named(axes)} instead of {axes_named(k.axes)}"
        yield f"the means are {wrong}", r * (d - mean(d) - k.hat * mean(d * k.hat))
        yield (
            f"the mean of dy, the path through the mean, is {wrong}",
            r * (d - mean(d) - k.hat * k.mean(d * k.hat)),
        )
        yield (
            f"the mean of dy·x̂, the path through the variance, is {wrong}",
            r * (d - k.mean(d) - k.hat * mean(d * k.hat)),
        )
        other = k.x - mean(k.x)
        q = 1 / np.sqrt(mean(other**2) + max(epsilon, 0))
        yield f"everything is normalized {wrong}", q * (d - mean(d) - other * q * mean(d * other * q))


def _of_sigma(k: Normalization, d: np.ndarray, q: np.ndarray, how: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield dx with another 1/σ than the forward pass's: everywhere, in front, or with the right x̂."""
    hat = k.centered * q
    text = f"the standard deviation is computed {how}, unlike in the forward pass"
    yield text, q * (d - k.mean(d) - hat * k.mean(d * hat))
    yield text, q / k.r * _dx(k, d)
    yield text, k.r * (d - k.mean(d) - hat * k.mean(d * hat))


def _of_weights(k: Normalization, e: Evidence) -> Iterator[tuple[str, np.ndarray]]:
    shape, dy = e.array.shape, e.dy
    r = np.broadcast_to(k.r, k.x.shape).reshape(dy.shape)
    k = replace(k, **{name: getattr(k, name).reshape(dy.shape) for name in ("x", "hat", "gamma")})
    subsets = [a for m in range(dy.ndim + 1) for a in combinations(range(dy.ndim), m)]
    of_gamma = [
        a for a in subsets if _size(dy, a) == e.array.size and e.is_right((dy * k.hat).sum(a).reshape(shape))
    ]
    if not of_gamma:
        return
    axes = of_gamma[0]
    for values, text in (
        (dy * k.x, "x is used instead of x̂: not normalized"),
        (dy * (k.hat / r), "x − μ is used instead of x̂: not divided by σ"),
        (dy * e.y, "y is used instead of x̂: dγ is Σ dy·x̂"),
        (dy * k.gamma * k.hat, "γ·x̂ is used instead of x̂: dγ is Σ dy·x̂"),
        (dy, "x̂ is missing: this is Σ dy, the gradient of beta"),
        (k.hat, "dy is missing: this is Σ x̂"),
        (dy * k.hat * r, "divided by σ once too many: x̂ is divided by it already"),
        (dy * k.hat**2, "x̂ is squared"),
    ):
        yield text, values.sum(axis=axes).reshape(shape)


def _size(array: np.ndarray, axes: tuple[int, ...]) -> int:
    return array.size // int(np.prod([array.shape[axis] for axis in axes], dtype=int))

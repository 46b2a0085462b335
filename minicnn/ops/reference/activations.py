"""Activations: a function of one number, applied to every entry. So dx = dy · f'(x) for each entry.

    relu        f = max(x, 0)                                   f' = 1 if x > 0 else 0
    leaky_relu  f = x if x > 0 else a·x                         f' = 1 if x > 0 else a
    relu6       f = a·(x − t) if x ≤ t, m if x ≥ m, else x      f' = a, 0 or 1;  relu6 itself: t = a = 0, m = 6
    elu         f = x if x > 0 else a·(eˣ − 1)                  f' = 1 if x > 0 else a·eˣ  = f + a
    sigmoid     f = 1 / (1 + e⁻ˣ)                               f' = f·(1 − f)
    tanh        f = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)                     f' = 1 − f²
    gelu        f = x·Φ(x),  Φ(x) = (1 + erf(x/√2)) / 2         f' = Φ(x) + x·φ(x),  φ(x) = e^(−x²/2) / √(2π)
      or        f = x·(1 + t)/2,  t = tanh u                    f' = (1 + t)/2 + x/2·(1 − t²)·u'
                u = √(2/π)·(x + 0.044715·x³)                    u' = √(2/π)·(1 + 3·0.044715·x²)
    hard_sigmoid  f = min(max(x + 3, 0), 6) / 6                 f' = 1/6 if −3 < x < 3 else 0
    mish        f = x·tanh(s),  s = log(1 + eˣ)                 f' = t + x·(1 − t²)·σ(x),  t = tanh s,  σ(x) = s'

At the kink x = 0 the left branch is used, so ReLU'(0) = 0 (a convention: any slope between those of the two
branches is a subgradient). At hard_sigmoid's kinks x = ±3 and relu6's x = m the constant branches are used, so
the slope there is 0. NaN stays NaN: conditions are written `x <= 0`, which is false for NaN. If f' can be
computed from y = f(x), the cache is y.

Shapes: x, y, dy and dx have the same shape, which may be any.
"""

import math

import numpy as np

from minicnn.ops.types import Array, Cache

__all__ = [
    "elu_backward",
    "elu_forward",
    "gelu_backward",
    "gelu_forward",
    "hard_sigmoid_backward",
    "hard_sigmoid_forward",
    "leaky_relu_backward",
    "leaky_relu_forward",
    "mish_backward",
    "mish_forward",
    "relu6_backward",
    "relu6_forward",
    "relu_backward",
    "relu_forward",
    "sigmoid_backward",
    "sigmoid_forward",
    "tanh_backward",
    "tanh_forward",
]

_GELU_CUBIC = 0.044715  # Hendrycks and Gimpel, "Gaussian error linear units" (2016), section 2
_SQRT_2_OVER_PI = math.sqrt(2 / math.pi)


def relu_forward(x: Array) -> tuple[Array, Cache]:
    """Return (y, cache): y = max(x, 0)."""
    y = np.where(x.real <= 0, 0, x)
    return y, y


def relu_backward(dy: Array, cache: Cache) -> Array:
    """Return dx: dy where the output was positive, 0 elsewhere."""
    y = cache
    return np.where(y.real <= 0, 0, dy)


def leaky_relu_forward(x: Array, negative_slope: float = 0.3) -> tuple[Array, Cache]:
    """Return (y, cache): y = x where x > 0, ``negative_slope``·x elsewhere."""
    return np.where(x.real <= 0, negative_slope * x, x), (x, negative_slope)


def leaky_relu_backward(dy: Array, cache: Cache) -> Array:
    """Return dx: dy where x > 0, ``negative_slope``·dy elsewhere."""
    x, negative_slope = cache
    return np.where(x.real <= 0, negative_slope * dy, dy)


def relu6_forward(
    x: Array, max_value: float | None = 6.0, negative_slope: float = 0.0, threshold: float = 0.0
) -> tuple[Array, Cache]:
    """Return (y, cache): ``negative_slope``·(x − ``threshold``) up to the threshold, then x, but ``max_value``
    at most; None is no limit.
    """
    most = np.inf if max_value is None else max_value
    left, above = x.real <= threshold, x.real >= most
    below = negative_slope * (x - threshold) if negative_slope else 0  # of −∞ too
    return np.where(left, below, np.where(above, most, x)), (left, above, negative_slope)


def relu6_backward(dy: Array, cache: Cache) -> Array:
    """Return dx: ``negative_slope``·dy up to the threshold, 0 at and above the limit, dy between them."""
    left, above, negative_slope = cache
    return np.where(left, negative_slope * dy, np.where(above, 0, dy))


def elu_forward(x: Array, alpha: float = 1.0) -> tuple[Array, Cache]:
    """Return (y, cache): y = x where x > 0, ``alpha``·(eˣ − 1) elsewhere."""
    left = x.real <= 0
    # without the inner where, eˣ could overflow
    y = np.where(left, alpha * np.expm1(np.where(left, x, 0)), x)
    return y, (x, y, alpha)


def elu_backward(dy: Array, cache: Cache) -> Array:
    """Return dx: dy where x > 0, dy·``alpha``·eˣ = dy·(y + ``alpha``) elsewhere."""
    x, y, alpha = cache
    return np.where(x.real <= 0, dy * (y + alpha), dy)


def sigmoid_forward(x: Array) -> tuple[Array, Cache]:
    """Return (y, cache): y = 1 / (1 + e⁻ˣ), or eˣ / (1 + eˣ) for x < 0: neither exponential overflows."""
    negative = x.real < 0
    small = np.exp(np.where(negative, x, -x))  # e^(−|x|), in (0, 1]
    y = np.where(negative, small, 1) / (1 + small)
    return y, y


def sigmoid_backward(dy: Array, cache: Cache) -> Array:
    """Return dx = dy·y·(1 − y)."""
    y = cache
    return dy * y * (1 - y)


def tanh_forward(x: Array) -> tuple[Array, Cache]:
    """Return (y, cache): y = tanh x."""
    y = np.tanh(x)
    return y, y


def tanh_backward(dy: Array, cache: Cache) -> Array:
    """Return dx = dy·(1 − y²)."""
    y = cache
    return dy * (1 - y**2)


def gelu_forward(x: Array, approximate: bool = False) -> tuple[Array, Cache]:
    """Return (y, cache): y = x·Φ(x), or its ``approximate`` form with tanh."""
    y = x * (_normal_cdf_by_tanh(x)[0] if approximate else _normal_cdf(x))
    return y, (x, approximate)


def gelu_backward(dy: Array, cache: Cache) -> Array:
    """Return dx = dy·(Φ + x·Φ')."""
    x, approximate = cache
    if approximate:
        cdf, slope = _normal_cdf_by_tanh(x)
    else:
        cdf, slope = _normal_cdf(x), np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return dy * (cdf + x * slope)


def hard_sigmoid_forward(x: Array) -> tuple[Array, Cache]:
    """Return (y, cache): y = (x + 3)/6 where −3 < x < 3, 0 left of it, 1 right of it."""
    return np.where(x.real <= -3, 0, np.where(x.real >= 3, 1, (x + 3) / 6)), x


def hard_sigmoid_backward(dy: Array, cache: Cache) -> Array:
    """Return dx: dy/6 where −3 < x < 3, 0 elsewhere."""
    x = cache
    return np.where(np.abs(x.real) >= 3, 0, dy / 6)


def mish_forward(x: Array) -> tuple[Array, Cache]:
    """Return (y, cache): y = x·tanh(log(1 + eˣ)); log(1 + eˣ) = max(x, 0) + log(1 +
    e^(−|x|)) does not overflow.
    """
    positive = x.real > 0
    small = np.exp(np.where(positive, -x, x))  # e^(−|x|), in (0, 1]
    t = np.tanh(np.where(positive, x, 0) + np.log1p(small))
    return x * t, (x, t)


def mish_backward(dy: Array, cache: Cache) -> Array:
    """Return dx = dy·(t + x·(1 − t²)·σ(x)), t = tanh(log(1 + eˣ))."""
    x, t = cache
    sigmoid, _ = sigmoid_forward(x)
    return dy * (t + x * (1 - t**2) * sigmoid)


def _normal_cdf(x: Array) -> Array:
    """Return Φ(x) = (1 + erf(x/√2)) / 2."""
    return (1 + _erf(x / math.sqrt(2))) / 2


def _normal_cdf_by_tanh(x: Array) -> tuple[Array, Array]:
    """Return (1 + tanh u)/2 and its derivative (1 − tanh² u)/2·u'."""
    t = np.tanh(_SQRT_2_OVER_PI * (x + _GELU_CUBIC * x**3))
    return (1 + t) / 2, (1 - t**2) / 2 * (_SQRT_2_OVER_PI * (1 + 3 * _GELU_CUBIC * x**2))


def _erf(x: Array) -> Array:
    """Return erf(x), from the standard library; NumPy has no erf.

    For complex x = r + i·h it is erf(r) + i·h·erf'(r), with erf'(r) = 2/√π·e^(−r²). The error is O(h²), which
    is negligible for a complex step of 1e-30.
    """
    real = np.vectorize(math.erf, otypes=[x.real.dtype])(x.real) if x.size else x.real
    if not np.iscomplexobj(x):
        return real
    return real + 1j * (x.imag * (2 / math.sqrt(math.pi)) * np.exp(-(x.real**2)))

"""The exponential and functions made of it, for loops that LLVM vectorizes: it inlines them, and no call is left.

The C library's exponential takes one number at a time. Here, in float64:

    eˣ = 2ⁿ·e^r,   n = round(x / ln 2),   r = x − n·ln 2 in [−0.35, 0.35]

e^r − 1 is its Taylor polynomial to r¹³ (the next term is below 1e-17), and 2ⁿ is a float whose exponent bits
are n.
"""

import math

import numpy as np

from minicnn.ops.kernels.parallel import compiled

_LN2_HIGH = 0.6931471803691238  # ln 2 in two parts: n·HIGH is exact, as HIGH ends in 21 zero bits
_LN2_LOW = 1.9082149292705877e-10
_ROUND = 1.5 * 2.0**52  # adding it to n leaves no bits for a fraction: the sum's last bits are n, rounded


@compiled(forceinline=True, fastmath={"contract"})  # no "reassoc": (x + _ROUND) - _ROUND has to be computed
def power_and_fraction(x):
    """Return (2ⁿ, e^r − 1), in float64: eˣ is 2ⁿ + 2ⁿ·(e^r − 1), and eˣ − 1 is (2ⁿ − 1) + 2ⁿ·(e^r − 1)."""
    x = np.float64(x)
    x = -708.0 if x < -708.0 else x  # beyond these 2ⁿ is no normal float
    x = 709.0 if x > 709.0 else x
    rounded = np.float64(x * (1 / math.log(2)) + _ROUND)
    n = rounded - _ROUND
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = r * (1 / 13) + 1  # a Horner scheme in r/k: e^r − 1 = r·(1 + r/2·(1 + r/3·(1 + …)))
    p = p * r * (1 / 12) + 1
    p = p * r * (1 / 11) + 1
    p = p * r * (1 / 10) + 1
    p = p * r * (1 / 9) + 1
    p = p * r * (1 / 8) + 1
    p = p * r * (1 / 7) + 1
    p = p * r * (1 / 6) + 1
    p = p * r * (1 / 5) + 1
    p = p * r * (1 / 4) + 1
    p = p * r * (1 / 3) + 1
    p = p * r * (1 / 2) + 1
    exponent = np.int64((rounded.view(np.int64) + 1023) << 52)
    return exponent.view(np.float64), p * r


@compiled(forceinline=True)
def exp(x):
    """Return eˣ."""
    power, fraction = power_and_fraction(x)
    return power + power * fraction


@compiled(forceinline=True)
def expm1(x):
    """Return eˣ − 1, exact near 0."""
    power, fraction = power_and_fraction(x)
    return (power - 1) + power * fraction


@compiled(forceinline=True)
def normal_cdf(x):
    """Return Φ(x) with an error below 1e-15.

    With z = |x|/√2 and t = (z − 3)/(z + 3), the tail on the side of x is e^(−z²)·h(t)/2.

    h(t) = erfc(z)·e^(z²) is smooth for all z >= 0, which is t in [−1, 1). Here it is the polynomial through
    21 Chebyshev nodes, with coefficients that were computed to 50 digits.
    """
    z = abs(x) * math.sqrt(0.5)
    z = 27.0 if z > 27.0 else z  # the tail is 0 from here on
    t = (z - 3) / (z + 3)
    h = (-3.6410152980314752e-09 * t - 2.1695977996809756e-09) * t + 3.654423869193241e-08
    h = (h * t + 3.3410056799353215e-08) * t - 2.2251497924970352e-07
    h = (h * t - 2.985990196500411e-07) * t + 1.2435316256483257e-06
    h = (h * t + 2.1229015829547324e-06) * t - 7.973889625561072e-06
    h = (h * t - 1.2861691088915762e-05) * t + 6.405528582105432e-05
    h = (h * t + 4.525562086188602e-05) * t - 0.0005970617186575995
    h = (h * t + 0.0007077463847767089) * t + 0.004269136309848642
    h = (h * t - 0.02439249931353144) * t + 0.07166583719903666
    h = (h * t - 0.15011593650100638) * t + 0.24560380171231647
    h = (h * t - 0.32623356004303417) * t + 0.17900115118138996
    tail = 0.5 * h * exp(-z * z)
    return tail if x < 0 else 1 - tail


@compiled(forceinline=True)
def tanh(x):
    """Return tanh x = (e^2x − 1)/(e^2x + 1)."""
    e = expm1(2 * x)
    return e / (e + 2)

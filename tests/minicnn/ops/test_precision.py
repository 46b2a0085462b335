"""The kernels' own exponential and normal law, to the last digits: a coefficient that is
slightly off would show here.

EPS is the distance from 1 to the next float64; a correctly rounded result is within half of it.
"""

import math

import numpy as np
import pytest

from minicnn.ops import kernels

EPS = np.finfo(float).eps


def relative_error(computed, exact):
    return np.abs(computed - exact) / np.abs(exact)


@pytest.mark.parametrize(("low", "high"), [(-0.3466, -1e-9), (-1.2, -0.3), (-36.0, -1.0)])
def test_the_exponential_minus_one(low, high):
    """At ±ln(2)/2 the polynomial is furthest from where it was made."""
    x = np.linspace(low, high, 3001)
    y, _ = kernels.elu_forward(x)
    assert relative_error(y, np.expm1(x)).max() <= 1.5 * EPS


def test_the_exponential_over_its_whole_range():
    x = np.linspace(-707.0, 0.0, 6001)
    ones, (_, alpha) = np.ones_like(x), kernels.elu_forward(x)[1]
    slope = kernels.elu_backward(ones, (x, alpha))  # e^x, as x <= 0
    assert relative_error(slope, np.exp(x)).max() <= 1.5 * EPS


def test_beyond_its_range_it_stays_at_its_ends():
    x = np.array([-1e9, -709.0, -708.0])
    slope = kernels.elu_backward(np.ones(3), kernels.elu_forward(x)[1])
    np.testing.assert_allclose(slope, np.exp(-708.0), rtol=1e-15)
    y, _ = kernels.sigmoid_forward(np.array([-1e9, -709.0]))
    np.testing.assert_allclose(y, np.exp(-709.0), rtol=1e-15)


@pytest.mark.parametrize(
    ("forward", "exact"),
    [(kernels.sigmoid_forward, lambda x: 1 / (1 + np.exp(-x))), (kernels.tanh_forward, np.tanh)],
    ids=["sigmoid", "tanh"],
)
def test_what_is_made_of_it(forward, exact):
    x = np.linspace(-30.0, 30.0, 6000)
    y, _ = forward(x)
    assert relative_error(y, exact(x)).max() <= 2.5 * EPS


def test_the_normal_law_far_into_its_tail():
    """Relative to the tail's own size: e^(−z²) multiplies the error of z² by its
    size, so some digits go there.
    """
    x = np.linspace(-6.0, 6.0, 4000)
    cdf = kernels.gelu_forward(x)[0] / x
    exact = np.array([math.erfc(-value / math.sqrt(2)) / 2 for value in x])
    assert relative_error(cdf, exact).max() <= 64 * EPS
    assert np.abs(cdf - exact).max() <= 3 * EPS


def test_the_normal_law_at_infinity():
    y, _ = kernels.gelu_forward(np.array([np.inf, 1e300]))
    assert np.array_equal(y, [np.inf, 1e300])

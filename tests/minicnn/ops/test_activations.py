"""Activations at points whose values are known, at the kink, and far out where exponentials overflow."""

import math

import numpy as np
import pytest

from minicnn import activations

pytestmark = pytest.mark.usefixtures("implementation")

NAMES = [name for name, row in activations.TABLE.items() if not row.by_row]


def value_and_slope(name, x, **options):
    x, row = np.asarray(x, float), activations.TABLE[name]
    y, cache = row.forward(x, **options)
    return y, row.backward(np.ones_like(x), cache)


@pytest.mark.parametrize(
    ("name", "options", "x", "y", "slope"),
    [
        ("relu", {}, [-2, 0, 3], [0, 0, 3], [0, 0, 1]),
        ("leaky_relu", {"negative_slope": 0.1}, [-2, 0, 3], [-0.2, 0, 3], [0.1, 0.1, 1]),
        ("relu6", {}, [-2, 0, 3, 6, 7], [0, 0, 3, 6, 6], [0, 0, 1, 0, 0]),
        # 0.5·(−3 − 1), 0.5·(1 − 1), 2, at most 3
        (
            "relu6",
            {"max_value": 3.0, "negative_slope": 0.5, "threshold": 1.0},
            [-3, 1, 2, 4],
            [-2, 0, 2, 3],
            [0.5, 0.5, 1, 0],
        ),
        ("elu", {"alpha": 2.0}, [-1, 0, 3], [2 / math.e - 2, 0, 3], [2 / math.e, 2, 1]),
        ("sigmoid", {}, [-math.log(3), 0, math.log(3)], [0.25, 0.5, 0.75], [3 / 16, 0.25, 3 / 16]),
        ("tanh", {}, [-math.log(2), 0, math.log(2)], [-0.6, 0, 0.6], [0.64, 1, 0.64]),
        ("hard_sigmoid", {}, [-4, -3, 0, 3, 4], [0, 0, 0.5, 1, 1], [0, 0, 1 / 6, 0, 0]),
        # with E = eˣ, tanh(log(1 + E)) = ((1 + E)² − 1)/((1 + E)² + 1): 3/5 at x = 0, 4/5 at log 2
        ("mish", {}, [0, math.log(2)], [0, 0.8 * math.log(2)], [0.6, 0.8 + 0.24 * math.log(2)]),
        # Φ(1) = 0.841344746068543, φ(1) = 0.241970724519143: any table of the normal law
        ("gelu", {}, [-1, 0], [-0.158655253931457, 0], [-0.083315470587686, 0.5]),
        ("gelu", {}, [0, 1], [0, 0.841344746068543], [0.5, 1.083315470587686]),
        # the tanh form at 1 and 2, evaluated to 25 digits with mpmath
        ("gelu", {"approximate": True}, [0, 1], [0, 0.841191990608276], [0.5, 1.082964083845782]),
        ("gelu", {"approximate": True}, [0, 2], [0, 1.954597694087775], [0.5, 1.086099256623618]),
    ],
)
def test_known_values(name, options, x, y, slope):
    computed = value_and_slope(name, x, **options)
    assert np.allclose(computed, (y, slope), rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_out_every_activation_is_a_straight_line(name, dtype):
    """Nothing overflows (NumPy's warnings are errors here), and the slope is that of
    the line through two values.
    """
    row = activations.TABLE[name]
    for x in (np.array([-1e5, -1000], dtype), np.array([1000, 1e5], dtype)):
        y, cache = row.forward(x, **row.options)
        dx = row.backward(np.ones_like(x), cache)
        assert y.dtype == dx.dtype == dtype
        assert np.allclose(dx, (y[1] - y[0]) / (x[1] - x[0]), rtol=1e-6, atol=1e-300)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "sigmoid", "tanh", "gelu"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_out_the_limits_are_exact(name, dtype):
    x, row = np.array([-1e5, -1000, 1000, 1e5], dtype), activations.TABLE[name]
    y, cache = row.forward(x)
    dx = row.backward(np.ones_like(x), cache)
    left = {"leaky_relu": 0.3 * x, "elu": -np.ones_like(x), "tanh": -np.ones_like(x)}.get(name, 0 * x)
    right = np.ones_like(x) if name in ("sigmoid", "tanh") else x
    assert np.allclose(y, np.where(x < 0, left, right), rtol=1e-6, atol=1e-300)
    slopes = {"leaky_relu": (0.3, 1), "sigmoid": (0, 0), "tanh": (0, 0)}.get(name, (0, 1))
    assert np.allclose(dx, np.where(x < 0, *slopes), rtol=1e-6, atol=1e-300)


@pytest.mark.parametrize("name", NAMES)
def test_nan_is_not_hidden(name):
    y, slope = value_and_slope(name, [np.nan, 1.0])
    assert np.isnan(y).tolist() == [True, False]
    assert np.isfinite(slope[1])


@pytest.mark.parametrize("name", ["elu", "tanh"])
def test_near_zero_no_digits_are_lost(name):
    """eˣ − 1 computed as written would keep 4 digits of x = −1e-12."""
    y, _ = value_and_slope(name, [-1e-12])
    assert np.isclose(y, -1e-12, rtol=1e-11, atol=0)


def test_sigmoid_and_tanh_are_one_function():
    x = np.random.default_rng(0).standard_normal(1000) * 5
    y, _ = value_and_slope("tanh", x)
    assert np.allclose(y, 2 * value_and_slope("sigmoid", 2 * x)[0] - 1, rtol=0, atol=1e-15)


def test_gelu_is_x_times_the_normal_cdf():
    """gelu(x) − gelu(−x) = x·(Φ(x) + Φ(−x)) = x, at every x, and the tanh form stays within 5e-4 of it."""
    x = np.linspace(-6, 6, 2001)
    y, _ = value_and_slope("gelu", x)
    assert np.allclose(y - value_and_slope("gelu", -x)[0], x, rtol=0, atol=2e-15)
    assert np.abs(value_and_slope("gelu", x, approximate=True)[0] - y).max() < 5e-4
    phi = [v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x]
    assert np.allclose(y, phi, rtol=0, atol=5e-15)

"""The numbers that a gradient is compared with: exact by the complex step, close by
differences, and kinks seen.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn.gradient_check.numeric import complex_step, differences, takes_complex, worst_error


def test_the_complex_step_is_exact():
    x = np.array([0.3, -1.2, 2.0])
    dy = np.array([1.0, -2.0, 0.5])
    gradient = complex_step(lambda x: np.exp(x) * np.sin(x), {"x": x}, dy)["x"]
    np.testing.assert_allclose(gradient, dy * np.exp(x) * (np.sin(x) + np.cos(x)), rtol=1e-15)


def test_worst_error():
    assert worst_error(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0
    assert worst_error(np.array([0.0, 0.5]), np.array([0.0, 0.0])) == 0.5  # absolute below 1
    assert worst_error(np.array([0.0, 150.0]), np.array([0.0, 200.0])) == 0.25  # relative above
    with pytest.raises(ValueError, match=r"shape \(2,\), expected \(3,\)"):
        worst_error(np.zeros(2), np.zeros(3))


def at(function, x, dy=1.0):
    """The slope of a function of one number."""
    return differences(lambda step: dy * function(x=np.array([x + step])).sum(), abs(x))


@given(st.floats(-5, 5), st.floats(-3, 3))
def test_differences_find_the_derivative_of_a_smooth_function(x, dy):
    found = at(lambda x: np.exp(x) * np.sin(x), x, dy)
    assert not found.is_kink
    exact = dy * np.exp(x) * (np.sin(x) + np.cos(x))
    assert abs(found.both - exact) <= 1e-9 * max(1, abs(exact))


@given(st.floats(0.1, 3), st.sampled_from([-2.0, 0.5]))
def test_a_kink_is_seen_with_its_two_slopes(steepness, dy):
    found = at(lambda x: np.where(x > 1, steepness * (x - 1) * (x + 1), 0), 1.0, dy)
    assert found.is_kink
    assert found.left == 0
    assert found.right == pytest.approx(dy * steepness * 2, rel=1e-6)


@pytest.mark.parametrize("distance", [0.015, 1e-3, 3e-4])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_kink_near_by_is_not_taken_for_one_here(distance, side):
    found = at(lambda x: np.abs(x), side * distance)
    assert not found.is_kink
    assert found.both == pytest.approx(side, abs=1e-9)


ANALYTIC = {
    "exp": lambda x: np.exp(x),
    "relu": lambda x: np.where(x.real > 0, x, 0),
    "square": lambda x: x * x,
}
NOT_ANALYTIC = {
    "absolute value": lambda x: np.abs(x) * (1 + 0j),
    "conjugate": lambda x: np.conj(x) * x,
    "real part": lambda x: x.real**2 + 0j,
    "real result": lambda x: np.abs(x),
    "refuses": lambda x: np.floor(x),
    "throws the imaginary part away": lambda x: np.square(x.astype(float)),
}


@pytest.mark.parametrize("name", [*ANALYTIC, *NOT_ANALYTIC])
def test_what_takes_complex_numbers_rightly(name, rng):
    function = (ANALYTIC | NOT_ANALYTIC)[name]
    x, dy = rng.standard_normal((2, 6))
    assert takes_complex(function, {"x": x}, dy) == (name in ANALYTIC)


def test_a_kink_does_not_make_an_analytic_function_suspect(rng):
    x = np.zeros(5)  # ReLU's kink in every entry
    assert takes_complex(ANALYTIC["relu"], {"x": x}, rng.standard_normal(5))

"""Regularizers: their gradients by the complex step, values by hand, names."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import regularizers
from minicnn.gradient_check import complex_step, worst_error
from minicnn.regularizers import L1, L1L2, L2

FACTORS = st.floats(0, 2)


@given(FACTORS, FACTORS, st.integers(0, 99))
def test_gradient_is_that_of_the_penalty(l1, l2, seed):
    rng = np.random.default_rng(seed)
    w, upstream = rng.normal(size=(2, 3, 2)), rng.normal()
    regularizer = L1L2(l1, l2)
    exact = complex_step(lambda w: np.asarray(regularizer(w)), {"w": w}, np.asarray(upstream))["w"]
    assert worst_error(upstream * regularizer.gradient(w), exact) < 1e-14


def test_penalties_by_hand():
    w = np.array([[1.0, -2.0], [0.0, 0.5]])
    assert L1(0.1)(w) == pytest.approx(0.35)
    assert L2(0.1)(w) == pytest.approx(0.525)
    assert L1L2(0.1, 0.2)(w) == pytest.approx(0.35 + 1.05)
    np.testing.assert_allclose(L1L2(0.1, 0.2).gradient(w), [[0.5, -0.9], [0.0, 0.3]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_follows_the_weights(dtype):
    w = np.array([0.25, -0.5], dtype)
    for regularizer in (L1(), L2(), L1L2(0.1, 0.1)):
        assert regularizer(w).dtype == dtype
        assert regularizer.gradient(w).dtype == dtype


def test_the_slope_of_l1_at_zero_is_zero():
    np.testing.assert_array_equal(L1(0.5).gradient(np.array([0.0, -0.0])), [0.0, 0.0])


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("l1", {"l1": 0.01}),
        ("l2", {"l2": 0.01}),
        ("l1_l2", {"l1": 0.01, "l2": 0.01}),
        ("L2", {"l2": 0.01}),
        ("L1_L2", {"l1": 0.01, "l2": 0.01}),
    ],
)
def test_get_by_name_and_from_json(name, config):
    regularizer = regularizers.get(name)
    assert regularizer.get_config() == config
    again = regularizers.get(json.loads(json.dumps(regularizers.serialize(regularizer))))
    assert again == regularizer
    assert type(again) is type(regularizer)


def test_get_refuses_what_has_no_gradient():
    assert regularizers.get(None) is None
    with pytest.raises(TypeError, match="gradient"):
        regularizers.get(lambda w: 0.0)
    with pytest.raises(ValueError, match="unknown regularizer 'l3'"):
        regularizers.get("l3")


@pytest.mark.parametrize("factor", [-0.1, float("nan"), float("inf")])
def test_wrong_factors_are_named(factor):
    with pytest.raises(ValueError, match=f"l2={factor}"):
        L2(factor)

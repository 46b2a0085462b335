"""Initializers: bounds and moments, orthogonality, the same values again, and names."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import initializers

SHAPE = (3, 3, 40, 60)  # 21,600 values; fans 360 and 540
N = math.prod(SHAPE)
NAMES = [
    *("zeros", "ones", "constant", "random_normal", "random_uniform", "truncated_normal", "variance_scaling"),
    *(
        "glorot_uniform",
        "glorot_normal",
        "he_uniform",
        "he_normal",
        "lecun_uniform",
        "lecun_normal",
        "orthogonal",
    ),
]


def draw(initializer, shape=SHAPE, dtype="float64", seed=0):
    return initializers.get(initializer)(shape, dtype, np.random.default_rng(seed))


def assert_moments(values, variance):
    """Mean and variance within five standard errors (the kurtosis of these distributions is at most 3)."""
    assert abs(values.mean()) < 5 * math.sqrt(variance / N)
    assert values.var() == pytest.approx(variance, rel=5 * math.sqrt(2 / N))


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("glorot_uniform", 2 / 900),
        ("he_uniform", 2 / 360),
        ("lecun_uniform", 1 / 360),
        ("random_uniform", 0.05**2 / 3),
    ],
)
def test_uniform_fills_its_bounds(name, variance):
    values, limit = draw(name), math.sqrt(3 * variance)
    assert_moments(values, variance)
    assert np.abs(values).max() <= limit
    assert np.abs(values).max() > limit * (1 - 20 / N)


@pytest.mark.parametrize(
    ("name", "variance"), [("glorot_normal", 2 / 900), ("he_normal", 2 / 360), ("lecun_normal", 1 / 360)]
)
def test_truncated_normal_has_the_variance_after_truncation(name, variance):
    values = draw(name)
    assert_moments(values, variance)
    cut = 2 * math.sqrt(variance) / initializers.TRUNCATED_DEVIATION
    assert cut * 0.99 < np.abs(values).max() <= cut


def test_truncated_deviation_is_that_of_a_normal_cut_at_two():
    density, inside = math.exp(-2) / math.sqrt(2 * math.pi), math.erf(math.sqrt(2))
    assert pytest.approx(math.sqrt(1 - 4 * density / inside), rel=1e-12) == initializers.TRUNCATED_DEVIATION


def test_normal_and_truncated_normal_around_a_mean():
    assert_moments(draw(initializers.RandomNormal(3.0, 0.1)) - 3.0, 0.01)
    values = draw(initializers.TruncatedNormal(3.0, 0.1)) - 3.0
    assert_moments(values, (0.1 * initializers.TRUNCATED_DEVIATION) ** 2)
    assert np.abs(values).max() <= 0.2 + 1e-12
    assert_moments(draw(initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")), 2 / 540)


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((), (1, 1)), ((5,), (5, 5)), ((4, 7), (4, 7)), ((3, 5, 2, 8), (30, 120)), ((3, 3, 6, 1), (54, 9))],
)
def test_fans(shape, fans):
    assert initializers.compute_fans(shape) == fans


@given(st.lists(st.integers(1, 5), min_size=2, max_size=4), st.floats(0.5, 3))
def test_orthogonal_has_orthonormal_rows_or_columns(shape, gain):
    matrix = draw(initializers.Orthogonal(gain), tuple(shape)).reshape(-1, shape[-1]) / gain
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-12)


def test_orthogonal_signs_are_random():
    corners = [draw("orthogonal", (3, 3), seed=seed)[0, 0] > 0 for seed in range(200)]
    assert 60 < sum(corners) < 140  # without the correction QR makes them nearly all negative


def test_constants():
    np.testing.assert_array_equal(draw("zeros", (2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(draw("ones", (2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(draw(initializers.Constant(0.25), (2,)), [0.25, 0.25])
    np.testing.assert_array_equal(draw(initializers.Identity(2.0), (2, 3)), [[2, 0, 0], [0, 2, 0]])


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_float64_rounded(name):
    single, double = draw(name, (4, 5), "float32"), draw(name, (4, 5), "float64")
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(single, double.astype(np.float32))


def test_a_generator_moves_on_and_a_seed_does_not():
    generator = np.random.default_rng(0)
    unseeded, seeded = initializers.HeNormal(), initializers.HeNormal(seed=4)
    assert (unseeded((4, 4), generator=generator) != unseeded((4, 4), generator=generator)).all()
    np.testing.assert_array_equal(seeded((4, 4)), seeded((4, 4), generator=generator))
    assert (unseeded((4, 4)) != unseeded((4, 4))).all()  # each call is the next consumer of the global seed


@pytest.mark.parametrize("name", NAMES)
def test_serialises(name):
    initializer = initializers.get(name)
    again = initializers.get(json.loads(json.dumps(initializers.serialize(initializer))))
    assert type(again) is type(initializer)
    np.testing.assert_array_equal(draw(again, (3, 4)), draw(initializer, (3, 4)))


def test_get_by_class_alias_and_function():
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    assert isinstance(initializers.get("uniform"), initializers.RandomUniform)
    assert initializers.get(None) is None
    made = initializers.get(lambda shape, dtype=None: np.full(shape, 0.5, dtype))
    np.testing.assert_array_equal(made((2,), "float32"), np.float32([0.5, 0.5]))
    with pytest.raises(ValueError, match="cannot be saved"):
        initializers.serialize(made)
    with pytest.raises(ValueError, match=r"shape \(1,\), expected \(2,\)"):
        initializers.get(lambda shape, dtype=None: np.zeros(1))((2,))


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: initializers.get("glorot"), ValueError, "Glorot"),
        (lambda: initializers.get(3), TypeError, "initializer=3"),
        (lambda: initializers.VarianceScaling(0.0), ValueError, "scale=0.0"),
        (lambda: initializers.VarianceScaling(mode="in"), ValueError, "mode='in'"),
        (lambda: initializers.VarianceScaling(distribution="normal"), ValueError, "distribution='normal'"),
        (lambda: draw("orthogonal", (3,)), ValueError, "two dimensions"),
        (lambda: draw("identity", (3, 3, 3)), ValueError, "two dimensions"),
    ],
)
def test_wrong_arguments_are_named(make, error, match):
    with pytest.raises(error, match=match):
        make()

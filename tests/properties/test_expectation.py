"""Dropout and batch normalisation on average: nothing is lost, and training agrees with evaluation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import layers, ops
from minicnn.gradient_check import worst_error
from tests.properties.draw import HypothesisDraw, seeds

SAMPLES = 2000


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize("spatial", [False, True])
@given(rate=st.sampled_from([0.1, 0.5, 0.8]), seed=seeds)
def test_dropout_keeps_the_mean_of_every_entry(implementation, spatial, rate, seed):
    rng = np.random.default_rng(seed)
    one = rng.standard_normal((3, 1, 4))
    x = np.repeat(one[None], SAMPLES, axis=0)
    with ops.use(implementation):
        y, cache = ops.dropout_forward(x, rate, int(rng.integers(2**63)), spatial)
        dx = ops.dropout_backward(x, cache)
    # an entry is x / (1 − rate) with probability 1 − rate: its standard deviation is
    # |x| · √(rate / (1 − rate))
    error = np.abs(one) * np.sqrt(rate / (1 - rate) / SAMPLES)
    assert np.all(np.abs(y.mean(axis=0) - one) <= 6 * error)
    assert np.array_equal(dx, y)  # dy = x: the same entries, the same scale


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@given(data=st.data(), seed=seeds)
def test_batch_norm_sets_mean_and_deviation(implementation, data, seed):
    draw, rng = HypothesisDraw(data), np.random.default_rng(seed)
    shape = (2, *draw.maps()[1:])
    x, dy = rng.standard_normal((2, *shape)) * 3 + 1
    gamma, beta = rng.standard_normal((2, shape[-1]))
    epsilon = 1e-3
    with ops.use(implementation):
        y, mean, variance, cache = ops.batch_norm_forward(x, gamma, beta, epsilon)
        dx, _, _ = ops.batch_norm_backward(dy, cache)
    axes = (0, 1, 2)
    assert worst_error(mean, x.mean(axes)) <= 1e-12
    assert worst_error(variance, x.var(axes)) <= 1e-12
    assert worst_error(y.mean(axes), beta) <= 1e-12
    assert worst_error(y.var(axes), gamma**2 * variance / (variance + epsilon)) <= 1e-11
    # y does not change when all of x is moved, so dx has no part along that direction
    assert np.abs(dx.sum(axes)).max() <= 1e-11 * np.abs(dy).sum()


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@given(seed=seeds, momentum=st.sampled_from([0.0, 0.5, 0.9]), steps=st.integers(1, 5))
def test_moving_statistics_move_towards_the_batch_and_evaluation_uses_them(
    implementation, seed, momentum, steps
):
    x = np.random.default_rng(seed).standard_normal((5, 3, 2, 2)) * 2 + 3
    layer = layers.BatchNormalization(momentum=momentum)
    with ops.use(implementation):
        for _ in range(steps):
            trained = layer(x, training=True)
        remembered = 1 - momentum**steps  # of what it began with: mean 0, variance 1
        mean, variance = layer.moving_mean.value, layer.moving_variance.value
        assert worst_error(mean, remembered * x.mean((0, 1, 2))) <= 1e-12
        assert worst_error(variance, 1 + remembered * (x.var((0, 1, 2)) - 1)) <= 1e-12
        before = mean.copy(), variance.copy()
        evaluated = layer(x, training=False)
        assert np.array_equal(layer.moving_mean.value, before[0])
        assert np.array_equal(layer.moving_variance.value, before[1])
    assert worst_error(evaluated, (x - mean) / np.sqrt(variance + layer.epsilon)) <= 1e-12
    if momentum == 0:
        assert worst_error(evaluated, trained) <= 1e-12

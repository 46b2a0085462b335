"""Batch normalization: what it promises of its output and its gradient, and the
cases where it breaks elsewhere.
"""

import numpy as np
import pytest

from minicnn import ops

both = pytest.mark.usefixtures("implementation")

GAMMA, BETA = np.array([2.0, -1.0]), np.array([0.5, 3.0])


def random_maps(seed=0, shape=(8, 5, 6, 2)):
    return np.random.default_rng(seed).standard_normal(shape)


@both
def test_by_hand():
    x = np.array([[1.0], [3.0]])  # mean 2, biased variance 1
    y, mean, variance, cache = ops.batch_norm_forward(x, np.array([6.0]), np.array([10.0]), epsilon=3.0)
    assert (mean.item(), variance.item()) == (2, 1)
    assert np.allclose(y, [[7], [13]], rtol=1e-15)  # x̂ = ∓1/√(1 + 3)
    dx, dgamma, dbeta = ops.batch_norm_backward(np.array([[1.0], [2.0]]), cache)
    assert np.allclose((dgamma, dbeta), [[0.5], [3]], rtol=1e-15)
    # γ·r·(dy − dβ/m − x̂·dγ/m) = 3·(1 − 1.5 + 0.125), 3·(2 − 1.5 − 0.125)
    assert np.allclose(dx, [[-1.125], [1.125]], rtol=1e-15)


@both
def test_output_has_beta_for_mean_and_gamma_for_deviation():
    y, *_ = ops.batch_norm_forward(1000 + 50 * random_maps(), GAMMA, BETA, epsilon=0.0)
    assert np.allclose(y.mean(axis=(0, 1, 2)), BETA, rtol=1e-13)
    assert np.allclose(y.std(axis=(0, 1, 2)), np.abs(GAMMA), rtol=1e-13)


@both
def test_gradient_is_blind_to_shift_and_scale():
    """Shifting or stretching a channel changes nothing (ε = 0), so dx is orthogonal to ones and to x."""
    x = random_maps()
    *_, cache = ops.batch_norm_forward(x, GAMMA, BETA, epsilon=0.0)
    dx, _, _ = ops.batch_norm_backward(random_maps(seed=1), cache)
    assert np.allclose(dx.sum(axis=(0, 1, 2)), 0, atol=1e-12)
    assert np.allclose((dx * x).sum(axis=(0, 1, 2)), 0, atol=1e-12)


@both
def test_inference_uses_the_given_statistics():
    x, mean, variance = random_maps(), np.array([1.0, -2.0]), np.array([4.0, 0.25])
    y, cache = ops.batch_norm_inference_forward(x, GAMMA, BETA, mean, variance, epsilon=0.0)
    assert np.allclose(y, (x - mean) * [1, -2] + BETA, rtol=1e-14)
    dy = random_maps(seed=1)
    dx, dgamma, dbeta = ops.batch_norm_inference_backward(dy, cache)
    assert np.allclose(dx, dy * [1, -2], rtol=1e-15)
    assert np.allclose(dgamma, (dy * (x - mean) / [2, 0.5]).sum(axis=(0, 1, 2)), rtol=1e-13)
    assert np.allclose(dbeta, dy.sum(axis=(0, 1, 2)), rtol=1e-13)


@both
@pytest.mark.parametrize("x", [np.full((1, 2), 7.0), np.full((5, 2), 7.0)], ids=["one sample", "constant"])
def test_no_variance_is_no_division_by_zero(x):
    y, mean, variance, cache = ops.batch_norm_forward(x, GAMMA, BETA, epsilon=1e-3)
    assert np.array_equal(y, np.broadcast_to(BETA, x.shape))
    assert np.array_equal(mean, [7, 7])
    assert np.array_equal(variance, [0, 0])
    dx, dgamma, dbeta = ops.batch_norm_backward(np.ones_like(x), cache)
    assert not dx.any()
    assert not dgamma.any()
    assert np.array_equal(dbeta, [len(x)] * 2)


@pytest.mark.parametrize("shape", [(16, 2), (3, 7, 7, 2), (64, 24, 24, 2)])
def test_kernels_in_float32_survive_a_large_mean(shape):
    """Σx² − (Σx)²/m in float32 would have no digit left: the mean is 1000 deviations."""
    x = (1000 + random_maps(shape=shape)).astype(np.float32)
    with ops.use("kernels"):
        _, mean, variance, _ = ops.batch_norm_forward(x, *np.float32([GAMMA, BETA]), epsilon=0.0)
    exact = x.astype(np.float64).reshape(-1, 2)
    assert np.allclose(mean, exact.mean(axis=0), rtol=1e-6)
    assert np.allclose(variance, exact.var(axis=0), rtol=1e-6)

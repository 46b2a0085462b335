"""Softmax and cross-entropy by hand, at the edge of the number range, and the identities that define them."""

import numpy as np
import pytest

from minicnn import ops

pytestmark = pytest.mark.usefixtures("implementation")

LOGITS = np.log([[1.0, 2, 3, 4], [4.0, 4, 1, 1]])  # p = (.1 .2 .3 .4) and (.4 .4 .1 .1)
P = np.array([[0.1, 0.2, 0.3, 0.4], [0.4, 0.4, 0.1, 0.1]])


def test_softmax_by_hand():
    p, cache = ops.softmax_forward(LOGITS)
    assert np.allclose(p, P, rtol=1e-15)
    dx = ops.softmax_backward(np.array([[1.0, 0, 0, 0], [0, 0, 0, 10]]), cache)
    # row 0 is p₀·(δ − p); row 1 is 10·p₃·(δ − p): the off-diagonal terms are there
    assert np.allclose(dx, [[0.09, -0.02, -0.03, -0.04], [-0.4, -0.4, -0.1, 0.9]], rtol=1e-14)


def test_softmax_moves_no_mass():
    """Probabilities add up to 1, so equal upstream gradients move nothing, and dx adds up to 0."""
    p, cache = ops.softmax_forward(LOGITS)
    assert np.allclose(p.sum(axis=1), 1, rtol=1e-15)
    assert np.allclose(ops.softmax_backward(np.full_like(p, 3), cache), 0, atol=1e-15)
    dy = np.random.default_rng(0).standard_normal(p.shape)
    assert np.allclose(ops.softmax_backward(dy, cache).sum(axis=1), 0, atol=1e-15)


def test_huge_logits_stay_finite():
    x = np.array([[1e4, 0.0, -1e4]])
    assert np.array_equal(ops.softmax_forward(x)[0], [[1, 0, 0]])
    assert np.array_equal(ops.log_softmax_forward(x)[0], [[0, -1e4, -2e4]])
    loss, cache = ops.softmax_cross_entropy_forward(x, np.array([[0.0, 0, 1]]))
    assert loss == 2e4
    assert np.array_equal(ops.softmax_cross_entropy_backward(np.ones(1), cache), [[1, 0, -1]])


def test_log_softmax_is_the_logarithm():
    log_p, cache = ops.log_softmax_forward(LOGITS)
    assert np.allclose(log_p, np.log(P), rtol=1e-14)
    dy = np.random.default_rng(0).standard_normal(P.shape)
    _, softmax_cache = ops.softmax_forward(LOGITS)
    chained = ops.softmax_backward(dy / P, softmax_cache)  # d log p = dp/p
    assert np.allclose(ops.log_softmax_backward(dy, cache), chained, rtol=1e-13)


def test_cross_entropy_by_hand():
    loss, cache = ops.softmax_cross_entropy_forward(LOGITS, np.eye(4)[[1, 0]])
    assert np.allclose(loss, [np.log(5), np.log(2.5)], rtol=1e-14)
    dlogits = ops.softmax_cross_entropy_backward(np.array([1.0, 10.0]), cache)  # 10: a sample's weight
    assert np.allclose(dlogits, [[0.1, -0.8, 0.3, 0.4], [-6, 4, 1, 1]], rtol=1e-14)


def test_label_smoothing_by_hand():
    loss, cache = ops.softmax_cross_entropy_forward(LOGITS[:1], np.eye(4)[[1]], label_smoothing=0.4)
    smooth = np.array([[0.1, 0.7, 0.1, 0.1]])
    assert np.allclose(loss, -(smooth * np.log(P[:1])).sum(), rtol=1e-14)
    assert np.allclose(ops.softmax_cross_entropy_backward(np.ones(1), cache), P[:1] - smooth, rtol=1e-14)


def test_targets_may_be_of_any_type():
    logits = LOGITS.astype(np.float32)
    for dtype in (bool, np.uint8, np.float64):
        loss, cache = ops.softmax_cross_entropy_forward(logits, np.eye(4)[[1, 0]].astype(dtype))
        assert loss.dtype == ops.softmax_cross_entropy_backward(loss, cache).dtype == np.float32
        assert np.allclose(loss, [np.log(5), np.log(2.5)], rtol=1e-6)


def test_the_last_axis_of_any_array():
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    for name in ("softmax", "log_softmax"):
        forward = getattr(ops, f"{name}_forward")
        assert np.array_equal(forward(x)[0].reshape(-1, 5), forward(x.reshape(-1, 5))[0])

"""Slips at one step of a forward pass of any form: the line is named."""

import numpy as np

from minicnn.gradient_check import check_op


def test_a_recurrent_kernel_that_is_not_transposed(rng):
    def forward(w, h):
        states = [h]
        for _ in range(3):
            states.append(np.tanh(states[-1] @ w))
        return states[-1], (w, states)

    def backward(dy, cache):
        w, states = cache
        d, dw = dy, np.zeros_like(w)
        for t in (3, 2, 1):
            dz = d * (1 - states[t] ** 2)
            dw += states[t - 1].T @ dz
            d = dz @ w  # right: w.T
        return dw, d

    report = check_op(
        (forward, backward), {"w": rng.standard_normal((4, 4)), "h": rng.standard_normal((2, 4))}
    )
    for name in ("w", "h"):
        assert "not transposed" in report[name].cause
        assert "np.tanh(states[-1] @ w)" in report[name].cause


def test_a_mask_in_a_branch(rng):
    def forward(x, w):
        return np.maximum(x @ w, 0) + x, (x, w)

    def backward(dy, cache):
        x, w = cache
        return dy @ w.T + dy, x.T @ (dy * (x @ w > 0))

    report = check_op(
        (forward, backward), {"x": rng.standard_normal((3, 4)), "w": rng.standard_normal((4, 4))}
    )
    assert "the slope is missing" in report["x"].cause


def test_a_norm_that_is_taken_for_a_constant(rng):
    def forward(a, b):
        norm = np.sqrt((a * a).sum(axis=1))
        return (a * b).sum(axis=1) / norm, (a, b, norm)

    def backward(dy, cache):
        a, b, norm = cache
        return dy[:, None] * b / norm[:, None], dy[:, None] * a / norm[:, None]

    report = check_op(
        (forward, backward), {"a": rng.standard_normal((3, 4)), "b": rng.standard_normal((3, 4))}
    )
    assert "treated as a constant" in report["a"].cause
    assert "norm = np.sqrt" in report["a"].cause


def test_noise_has_no_such_cause(rng):
    def forward(x, w):
        return np.tanh(x @ w) * x, (x, w)

    for _ in range(20):
        noise = rng.standard_normal((3, 4)), rng.standard_normal((4, 4))
        report = check_op(
            (forward, lambda dy, cache, noise=noise: noise),
            {"x": rng.standard_normal((3, 4)), "w": rng.standard_normal((4, 4))},
        )
        assert [each.cause for each in report.values()] == [None, None]

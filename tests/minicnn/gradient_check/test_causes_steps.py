"""Slips at one step of a forward pass of any form: the line is named."""

import math

import numpy as np
import pandas as pd
import pytest

from minicnn.gradient_check import check_op
from minicnn.gradient_check.causes.rebound import rebound
from minicnn.gradient_check.foreign import Nudged


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


# ---- one slip each: (forward, backward, arrays, of which array, what must be said) ---------------------------


def _padded(x, k):
    y = np.zeros(len(x) - len(k) + 1)
    for i in range(len(y)):
        for j in range(len(k)):
            y[i] += float(x[i + j]) * k[j]
    return np.tanh(y), (x, k, y)


def _padded_back(dy, cache):
    x, k, y = cache
    d = dy * (1 - y**2)  # right: 1 − tanh(y)²
    return np.convolve(d, k), np.correlate(x, d)


def _lstm(x, c):
    i, f, g = (1 / (1 + np.exp(-x))), (1 / (1 + np.exp(-2 * x))), np.tanh(x)
    return f * c + i * g, (x, c, i, f, g)


def _lstm_back(dy, cache):
    x, _, i, _, _ = cache
    return np.zeros_like(x), dy * i  # right, for c: dy * f


def _pool(x):
    y = np.zeros(len(x) // 2)
    for i in range(len(y)):
        y[i] = x[2 * i : 2 * i + 2].max()
    return np.exp(y), (x, y)


def _pool_back(dy, cache):
    x, y = cache
    dx = np.zeros_like(x)
    for i, d in enumerate(dy * np.exp(y)):
        dx[i : i + 2][x[2 * i : 2 * i + 2].argmax()] += d
    return dx


def _recurrent(w, x):
    h = np.full((2, 3), 0.5)
    states = [h]
    for t in range(3):
        h = np.tanh(x[t] + h @ w)
        states.append(h)
    return h, (w, states)


def _recurrent_back(dy, cache):
    w, h = cache
    dw, dx = np.zeros_like(w), []
    for t in (2, 1, 0):
        dz = dy * (1 - h[t + 1] ** 2)
        dw = h[t].T @ dz  # right: +=
        dx.append(dz)
        dy = dz @ w.T
    return dw, np.stack(dx[::-1])


def _first_weight(x, w):
    return np.stack([x[n] * w[n] for n in range(3)]), (x, w)


def _first_weight_back(dy, cache):
    x, w = cache
    return dy * w[0], dy * x


SIGNS = np.array([1.0, -1, 1, 1])
ROWS = np.array([0, 2, 2, 1])

SLIPS = {
    "loops into np.zeros": (_padded, _padded_back, {"x": 6, "k": 3}, "x", "1 − v² is used"),
    "another gate": (_lstm, _lstm_back, {"x": (2, 3), "c": (2, 3)}, "c", "another array"),
    "one time step": (
        _recurrent,
        _recurrent_back,
        {"w": (3, 3), "x": (3, 2, 3)},
        "w",
        "only its first run counts",
    ),
    "always the first": (
        _first_weight,
        _first_weight_back,
        {"x": (3, 4), "w": (3, 4)},
        "x",
        "at the same place",
    ),
    "tanh's slope of the input": (
        lambda a, b: (np.tanh(a) * b, (a, b)),
        lambda dy, c: (dy * c[1] * (1 - c[0] ** 2), dy * np.tanh(c[0])),
        {"a": (3, 4), "b": (3, 4)},
        "a",
        "1 − v² is used for the slope, with v = “a”",
    ),
    "sigmoid's slope of tanh": (
        lambda a, b: (np.tanh(a) * b, (a, b)),
        lambda dy, c: (dy * c[1] * np.tanh(c[0]) * (1 - np.tanh(c[0])), dy * np.tanh(c[0])),
        {"a": (3, 4), "b": (3, 4)},
        "a",
        "y·(1 − y) is used for the slope, with the y that comes out",
    ),
    "np.where without its mask": (
        lambda x, a: (np.where(x > 0, x, a * np.sin(x)), (x, a)),
        lambda dy, c: (dy * np.where(c[0] > 0, 1, c[1] * np.cos(c[0])), (dy * np.sin(c[0])).sum(0)),
        {"x": (5, 3), "a": 3},
        "a",
        "of ReLU: its mask",
    ),
    "an index that repeats": (
        lambda e: (np.tanh(e[ROWS]), e),
        lambda dy, e: (lambda d: [d.__setitem__(ROWS, d[ROWS] + dy / np.cosh(e[ROWS]) ** 2), d][1])(0 * e),
        {"e": (3, 2)},
        "e",
        "+=",
    ),
    "tile for repeat": (
        lambda x: (np.exp(np.repeat(x, 2, axis=1)), x),
        lambda dy, x: (dy * np.exp(np.repeat(x, 2, axis=1))).reshape(3, 2, 4).sum(1),
        {"x": (3, 4)},
        "x",
        "np.tile's order",
    ),
    "reshape for transpose": (
        lambda x: (np.tanh(x.reshape(2, 3, 2).transpose(0, 2, 1)).cumsum(1), x),
        lambda dy, x: (
            np.flip(np.flip(dy, 1).cumsum(1), 1) / np.cosh(x.reshape(2, 3, 2).transpose(0, 2, 1)) ** 2
        ).reshape(2, 6),
        {"x": (2, 6)},
        "x",
        "a reshape is used where a transpose belongs",
    ),
    "blocks exchanged": (
        lambda a: (np.concatenate([np.sin(a), np.exp(a)]), a),
        lambda dy, a: dy[3:] * np.cos(a) + dy[:3] * np.exp(a),
        {"a": (3, 2)},
        "a",
        "the blocks of the gradient are exchanged",
    ),
    "the norm once too often": (
        lambda x: (x / np.sqrt((x * x).sum(1, keepdims=True)), x),
        lambda dy, x: (lambda r: (dy - x / r * (dy * x).sum(1, keepdims=True)) / r)(
            np.sqrt((x * x).sum(1, keepdims=True))
        ),
        {"x": (3, 4)},
        "x",
        "once too often",
    ),
    "dy not used at one step": (
        lambda x, w: (np.tanh(np.exp(x) @ w) + x, (x, w)),
        lambda dy, c: (
            dy + (1 - np.tanh(np.exp(c[0]) @ c[1]) ** 2) @ c[1].T * np.exp(c[0]),
            np.exp(c[0]).T @ (dy * (1 - np.tanh(np.exp(c[0]) @ c[1]) ** 2)),
        ),
        {"x": (3, 4), "w": (4, 4)},
        "x",
        "the gradient that comes from above is not used",
    ),
    "a third of one term": (
        lambda x: (np.sin(x) + SIGNS * x**3, x),
        lambda dy, x: dy * (np.cos(x) + SIGNS * x**2),
        {"x": (3, 4)},
        "x",
        "the factor 3 of the slope, the exponent, is missing",
    ),
    "a sum for a product": (
        lambda x: (1 / (1 + np.exp(-x)), 1 / (1 + np.exp(-x))),
        lambda dy, y: dy * (1 - y) + y,
        {"x": (3, 4)},
        "x",
        "all factors of f′(x) must be multiplied",
    ),
    "stride of a pool": (_pool, _pool_back, {"x": 8}, "x", "stride"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_one_slip(name, rng):
    forward, backward, shapes, of, words = SLIPS[name]
    report = check_op((forward, backward), {n: rng.standard_normal(shape) for n, shape in shapes.items()})
    assert words in str(report[of].cause), report


def test_a_copy_that_keeps_complex_numbers_changes_nothing():
    buffers = []

    class Layer:
        def make(self, n):
            return np.zeros(n)

        def forward(self, x):
            y = self.make(len(x))
            for i in range(len(x)):
                y[i] = math.exp(float(x[i]))
            buffers.append(y)
            return y

    layer = Layer()
    copied = rebound(layer.forward, Nudged)
    x = np.array([0.5, 1.0])
    moved = np.asarray(copied((x + 1e-30j).view(Nudged)))
    assert np.allclose(moved.imag / 1e-30, np.exp(x))
    assert layer.forward(x).dtype == np.float64
    assert np.zeros(1).dtype == np.float64
    assert type(layer) is Layer


def test_code_that_is_not_the_users_is_not_copied(rng):
    def forward(x, draw=rng.standard_normal, moment=pd.Timestamp):
        return np.tanh(x)

    captured = rng.standard_normal, pd.Timestamp, pd.Timestamp(0).round, pd.isna, pytest.raises
    assert np.allclose(rebound(forward, Nudged)(np.array([1.0])), np.tanh(1.0))

    def closed(draw):
        return lambda x: draw

    for each in captured:
        assert rebound(closed(each), Nudged)(1) == each

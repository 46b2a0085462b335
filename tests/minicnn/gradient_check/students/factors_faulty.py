"""A constant factor, or a constant, too many or too few: named only as what the shapes single out."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, op


@op("torch.sigmoid(w @ x + b)", x=(4, 6), w=(3, 4), b=(3, 1))
def sigmoid_layer_in_columns(x, w, b):
    a = 1 / (1 + np.exp(-(w @ x + b)))
    return a, (x, w, a)


@faulty(
    "sigmoid layer in columns, dW divided by its samples", sigmoid_layer_in_columns, ["6: the batch size"]
)
def divided_by_samples(da, cache):
    x, w, a = cache
    dz = da * a * (1 - a)
    return w.T @ dz, dz @ x.T / x.shape[1], dz.sum(axis=1, keepdims=True)


@op("x.reshape(2, 2, 2, 3, 2, 3).mean(dim=(2, 4))", x=(2, 4, 6, 3))
def average_pool(x):
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4)), x.shape


@faulty("average pool by reshape, divided by the side", average_pool, ["side of a window"])
def divided_by_the_side(dy, shape):
    return dy.repeat(2, axis=1).repeat(2, axis=2) / 2


@op("x.repeat_interleave(2, 2).repeat_interleave(2, 3)", x=(2, 3, 3, 4))
def upsample(x):
    return x.repeat(2, axis=2).repeat(2, axis=3), x.shape


@faulty("upsampling, mean for sum", upsample, ["4: the number of outputs that each entry is copied to"])
def mean_of_copies(dy, shape):
    n, c, h, w = shape
    return dy.reshape(n, c, h, 2, w, 2).mean(axis=(3, 5))


@op("torch.relu(x)", x=(3, 12))
def relu(x):
    return np.maximum(x, 0), x


@faulty("relu, one and a half times dy", relu, ["factor: 1.5 times"])
def relu_and_a_half(dy, x):
    return 1.5 * dy * (x > 0)


@op(
    "-0.5 * (1 + v - m**2 - torch.exp(v)).sum()",
    m=(3, 2),
    v=lambda rng: np.abs(rng.standard_normal((3, 2))),
)
def divergence(m, v):
    return -0.5 * np.sum(1 + v - m**2 - np.exp(v)), (m, v)


@faulty(
    "divergence of a Gaussian, the -1 missing", divergence, ["constant term of the derivative, −0.5", "-0.5"]
)
def divergence_without_one(dy, cache):
    m, v = cache
    return dy * m, dy * 0.5 * np.exp(v)


X, Y = np.random.default_rng(5).standard_normal((2, 5, 4))


@op(
    "((X @ w - y)**2).mean() + 0.1 * (w * w).sum()",
    w=(4,),
    options={"X": X, "y": Y[:, 0]},
)
def penalized(w, X, y):
    e = X @ w - y
    return np.mean(e**2) + 0.1 * np.sum(w * w), (w, X, e)


@faulty("mean squared error with a penalty, the penalty's 2 missing", penalized, ["0.1·w (l2) is missing"])
def half_the_penalty(dy, cache):
    w, X, e = cache
    return dy * (2 * X.T @ e / len(e) + 0.1 * w)

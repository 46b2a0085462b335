# ruff: noqa: RUF059 — people unpack the whole cache
"""Dense layers with a slip in their backward pass."""

import numpy as np

from tests.minicnn.gradient_check.students import dense as d
from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, of_class, op


@faulty("affine, db not summed over the batch", d.affine_forward, ["sum", "shape"])
def affine_db_not_summed(dout, cache):
    x, w, b = cache
    return dout.dot(w.T).reshape(x.shape), x.reshape(len(x), -1).T.dot(dout), dout


@faulty("affine, db averaged", d.affine_forward, ["batch", "1/n", "0.25", "mean"])
def affine_db_mean(dout, cache):
    x, w, b = cache
    return dout.dot(w.T).reshape(x.shape), x.reshape(len(x), -1).T.dot(dout), dout.mean(axis=0)


@faulty("affine, dw divided by the batch", d.affine_forward, ["batch", "1/n", "0.25", "mean"])
def affine_dw_mean(dout, cache):
    x, w, b = cache
    dw = x.reshape(len(x), -1).T.dot(dout) / len(x)
    return dout.dot(w.T).reshape(x.shape), dw, dout.sum(axis=0)


@faulty("affine, dx not reshaped", d.affine_forward, ["shape"])
def affine_dx_flat(dout, cache):
    x, w, b = cache
    return dout.dot(w.T), x.reshape(len(x), -1).T.dot(dout), dout.sum(axis=0)


@faulty("affine, dw transposed", d.affine_forward, ["transpos"])
def affine_dw_transposed(dout, cache):
    x, w, b = cache
    return dout.dot(w.T).reshape(x.shape), dout.T.dot(x.reshape(len(x), -1)), dout.sum(axis=0)


@faulty("affine, order dw, dx, db", d.affine_forward, ["order", "swap"])
def affine_swapped(dout, cache):
    x, w, b = cache
    return x.reshape(len(x), -1).T.dot(dout), dout.dot(w.T).reshape(x.shape), dout.sum(axis=0)


@op("x @ w", x=(3, 3), w=(3, 3))
def square_forward(x, w):
    return x @ w, (x, w)


@faulty("square product, w not transposed", square_forward, ["transpos", "swapped"])
def square_w(dout, cache):
    x, w = cache
    return dout @ w, x.T @ dout


@faulty("square product, dw transposed", square_forward, ["transpos", "swapped"])
def square_dw(dout, cache):
    x, w = cache
    return dout @ w.T, dout.T @ x


@faulty("square product, order dw, dx", square_forward, ["order", "swap"])
def square_swapped(dout, cache):
    x, w = cache
    return x.T @ dout, dout @ w.T


@faulty("square product, x not transposed", square_forward, ["transpos", "swapped"])
def square_x(dout, cache):
    x, w = cache
    return dout @ w.T, x @ dout


@faulty(
    "linear in columns, 1/m of a loss that has none", d.linear_forward, ["batch", "1/m", "columns", "axis 1"]
)
def linear_over_m(dZ, cache):
    m = dZ.shape[1]
    dW = np.dot(dZ, cache["A"].T) / m
    db = np.sum(dZ, axis=1, keepdims=True) / m
    return np.dot(cache["W"].T, dZ), dW, db


@faulty("linear in columns, db a number", d.linear_forward, ["shape"])
def linear_db_number(dZ, cache):
    return np.dot(cache["W"].T, dZ), np.dot(dZ, cache["A"].T), np.sum(dZ)


@faulty("linear in columns, keepdims forgotten", d.linear_forward, ["shape"])
def linear_keepdims(dZ, cache):
    return np.dot(cache["W"].T, dZ), np.dot(dZ, cache["A"].T), np.sum(dZ, axis=1)


@faulty("dense loops, = for +=", d.dense_loops, ["= for +=", "+=", "last", "assign"])
def dense_assign(dout, cache):
    x, w = cache
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[1])
    for i in range(x.shape[0]):
        for j in range(w.shape[1]):
            db[j] += dout[i, j]
            for k in range(x.shape[1]):
                dx[i, k] += dout[i, j] * w[k, j]
                dw[k, j] = dout[i, j] * x[i, k]
    return dx, dw, db


@faulty("dense loops, the last sample forgotten", d.dense_loops, None, may=["last sample"])
def dense_range(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    for i in range(x.shape[0] - 1):
        dw += np.outer(x[i], dout[i])
    return dout @ w.T, dw, dout.sum(0)


@faulty(
    "logistic regression, sigmoid's derivative forgotten",
    d.logistic_regression,
    ["slope is missing"],
    may=["own factor", "sigmoid"],
)
def logistic_without_derivative(dp, cache):
    x, w, p = cache
    return np.outer(dp, w), x.T @ dp, dp.sum()


@faulty("scale and shift, dw without x", d.scale_and_shift, ["“x”, is missing"])
def scale_without_x(dout, cache):
    x, w = cache
    return dout * w, dout.sum(axis=0), dout.sum(axis=0)


@faulty("quadratic form, as if a were symmetric", d.quadratic_form, None)
def quadratic_symmetric(dout, cache):
    x, a = cache
    return dout * 2 * a @ x, dout * np.outer(x, x)


@faulty("two layers, relu's mask forgotten", d.two_layer, ["mask", "relu"], may=["right only"])
def two_layer_mask(dscores, cache):
    x, w1, h, w2 = cache
    dhidden = dscores @ w2.T
    return dhidden @ w1.T, x.T @ dhidden, dhidden.sum(0), h.T @ dscores, dscores.sum(0)


@faulty(
    "planar data, 1 - A1 without the square",
    d.planar_net,
    None,
    may=["1 − y", "square", "slope of the activation"],
)
def planar_square(dA2, cache):
    x, w1, A1, w2, A2 = cache
    dZ2 = dA2 * A2 * (1 - A2)
    dZ1 = np.dot(w2.T, dZ2) * (1 - A1)
    db1, db2 = dZ1.sum(1, keepdims=True), dZ2.sum(1, keepdims=True)
    return w1.T @ dZ1, dZ1 @ x.T, db1, dZ2 @ A1.T, db2


class UpdatesInside(d.Affine):
    """Takes the step of gradient descent within backward, before dx."""

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(0)
        self.W -= 0.1 * self.dW
        return (dout @ self.W.T).reshape(self.original_x_shape)


class GradientOfTheLast(d.Affine):
    """Keeps x of the constructor's time: the weights' gradient is never set."""

    def backward(self, dout):
        self.db = dout.sum(0)
        return (dout @ self.W.T).reshape(self.original_x_shape)


AFFINE = {"x": (3, 4), "w": (4, 2), "b": (2,)}
faulty_pair(
    "affine class, weights updated inside backward",
    of_class(UpdatesInside, ["w", "b"], ["dW", "db"]),
    "x @ w + b",
    ["in place"],
    **AFFINE,
)
faulty_pair(
    "affine class, dW never set",
    of_class(GradientOfTheLast, ["w", "b"], ["dW", "db"]),
    "x @ w + b",
    ["no gradient", "none", "missing"],
    **AFFINE,
)

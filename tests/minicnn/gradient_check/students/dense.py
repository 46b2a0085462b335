# ruff: noqa: RUF059 — people unpack the whole cache
"""Dense layers in rows and in columns, two-layer networks, logistic regression: right."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import of_class, of_closure, op, right, right_pair


@op("x.flatten(1) @ w + b", x=(4, 3, 2), w=(6, 5), b=(5,))
def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


@right("affine, CS231n", affine_forward)
def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


@right("affine, a loop over the batch", affine_forward)
def affine_backward_loop(dout, cache):
    x, w, b = cache
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros(b.shape)
    for i in range(x.shape[0]):
        dx[i] = (w @ dout[i]).reshape(x.shape[1:])
        dw += np.outer(x[i].ravel(), dout[i])
        db += dout[i]
    return dx, dw, db


@op("w @ a + b", a=(3, 4), w=(5, 3), b=(5, 1))
def linear_forward(a, w, b):
    Z = np.dot(w, a) + b
    return Z, {"A": a, "W": w, "b": b}


@right("linear in columns, (features, batch), cache a dict", linear_forward)
def linear_backward(dZ, cache):
    dW = np.dot(dZ, cache["A"].T)
    db = np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(cache["W"].T, dZ)
    return dA_prev, dW, db


@op("torch.relu(w @ a + b)", a=(3, 4), w=(5, 3), b=(5, 1))
def linear_activation_forward(a, w, b):
    Z, linear_cache = linear_forward(a, w, b)
    return np.maximum(0, Z), (linear_cache, Z)


@right("linear -> relu in columns, nested caches", linear_activation_forward)
def linear_activation_backward(dA, cache):
    linear_cache, activation_cache = cache
    dZ = np.array(dA, copy=True)
    dZ[activation_cache <= 0] = 0
    return linear_backward(dZ, linear_cache)


@op("F.linear(x, weight, bias)", x=(2, 3, 4), weight=(5, 4), bias=(5,))
def linear_last_axis(x, weight, bias):
    return x @ weight.T + bias, (x, weight)


@right("linear over the last axis, tensordot", linear_last_axis)
def linear_last_axis_backward(grad_output, saved):
    x, weight = saved
    grad_weight = np.tensordot(grad_output, x, axes=((0, 1), (0, 1)))
    return grad_output @ weight, grad_weight, grad_output.sum((0, 1))


@right("linear over the last axis, einsum", linear_last_axis)
def linear_last_axis_einsum(grad_output, saved):
    x, weight = saved
    return (
        np.einsum("nto,oi->nti", grad_output, weight),
        np.einsum("nto,nti->oi", grad_output, x),
        np.einsum("nto->o", grad_output),
    )


@op("x @ w + b", x=(3, 4), w=(4, 2), b=(2,))
def dense_loops(x, w, b):
    n, d = x.shape
    m = w.shape[1]
    out = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            total = 0
            for k in range(d):
                total += x[i, k] * w[k, j]
            out[i, j] = total + b[j]
    return out, (x, w)


@right("dense, three loops into np.zeros", dense_loops)
def dense_loops_backward(dout, cache):
    x, w = cache
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[1])
    for i in range(x.shape[0]):
        for j in range(w.shape[1]):
            db[j] += dout[i, j]
            for k in range(x.shape[1]):
                dx[i, k] += dout[i, j] * w[k, j]
                dw[k, j] += dout[i, j] * x[i, k]
    return dx, dw, db


@op("w @ x + b", x=(4,), w=(3, 4), b=(3,))
def neuron_lists(x, w, b):
    out = [sum(wi * xi for wi, xi in zip(row, x)) + bias for row, bias in zip(w, b)]
    return np.array(out), (x, w)


@right("neurons as lists, sum and zip", neuron_lists)
def neuron_lists_backward(delta, cache):
    x, w = cache
    dx = np.array([sum(delta[j] * w[j][i] for j in range(len(w))) for i in range(len(x))])
    dw = np.array([[d * xi for xi in x] for d in delta])
    return dx, dw, delta


class Affine:
    """As in "Deep Learning from Scratch"."""

    def __init__(self, W, b):
        self.W, self.b = W, b
        self.x = self.dW = self.db = None

    def forward(self, x):
        self.original_x_shape = x.shape
        self.x = x.reshape(x.shape[0], -1)
        return np.dot(self.x, self.W) + self.b

    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return dx.reshape(*self.original_x_shape)


right_pair(
    "affine, class with dW and db",
    of_class(Affine, ["w", "b"], ["dW", "db"]),
    "x.flatten(1) @ w + b",
    x=(3, 2, 2),
    w=(4, 5),
    b=(5,),
)


class Accumulating(Affine):
    """Gradients start at zero in the constructor and add up."""

    def __init__(self, W, b):
        super().__init__(W, b)
        self.dW, self.db = np.zeros(W.shape), np.zeros(b.shape)

    def backward(self, dout):
        self.dW += self.x.T @ dout
        self.db += dout.sum(0)
        return (dout @ self.W.T).reshape(self.original_x_shape)


right_pair(
    "affine, class that adds to its gradients",
    of_class(Accumulating, ["w", "b"], ["dW", "db"]),
    "x @ w + b",
    x=(3, 4),
    w=(4, 2),
    b=(2,),
)


def make_dense():
    def f(x, w, b):
        nonlocal saved
        saved = x, w
        return x @ w + b

    def g(dy):
        x, w = saved
        return dy @ w.T, x.T @ dy, dy.sum(axis=0)

    saved = None
    return f, g


right_pair("dense, closure", of_closure(make_dense), "x @ w + b", x=(3, 4), w=(4, 2), b=(2,))


@op("torch.bmm(a, b)", a=(2, 3, 4), b=(2, 4, 5))
def batched_product(a, b):
    return np.matmul(a, b), (a, b)


@right("batched matrix product, swapaxes", batched_product)
def batched_product_backward(dout, cache):
    a, b = cache
    return dout @ b.swapaxes(-1, -2), np.swapaxes(a, 1, 2) @ dout


@op("x @ a @ x", x=(4,), a=(4, 4))
def quadratic_form(x, a):
    return x @ a @ x, (x, a)


@right("quadratic form, a number", quadratic_form)
def quadratic_form_backward(dout, cache):
    x, a = cache
    return dout * (a + a.T) @ x, dout * np.outer(x, x)


@op("x1 @ w @ x2", x1=(3,), w=(3, 4), x2=(4,))
def bilinear_form(x1, w, x2):
    return np.einsum("i,ij,j->", x1, w, x2), (x1, w, x2)


@right("bilinear form, einsum to a number", bilinear_form)
def bilinear_form_backward(dout, cache):
    x1, w, x2 = cache
    return dout * (w @ x2), dout * np.outer(x1, x2), dout * (x1 @ w)


@op("torch.relu(x @ w1 + b1) @ w2 + b2", x=(4, 3), w1=(3, 6), b1=(6,), w2=(6, 2), b2=(2,))
def two_layer(x, w1, b1, w2, b2):
    h = np.maximum(x @ w1 + b1, 0)
    return h @ w2 + b2, (x, w1, h, w2)


@right("two layers with relu", two_layer)
def two_layer_backward(dscores, cache):
    x, w1, h, w2 = cache
    dw2 = h.T @ dscores
    dhidden = dscores @ w2.T
    dhidden[h <= 0] = 0
    return dhidden @ w1.T, x.T @ dhidden, dhidden.sum(0), dw2, dscores.sum(0)


@op("torch.sigmoid(w2 @ torch.tanh(w1 @ x + b1) + b2)", x=(2, 5), w1=(4, 2), b1=(4, 1), w2=(1, 4), b2=(1, 1))
def planar_net(x, w1, b1, w2, b2):
    A1 = np.tanh(np.dot(w1, x) + b1)
    A2 = 1 / (1 + np.exp(-(np.dot(w2, A1) + b2)))
    return A2, (x, w1, A1, w2, A2)


@right("planar data, tanh and sigmoid, in columns", planar_net)
def planar_net_backward(dA2, cache):
    x, w1, A1, w2, A2 = cache
    dZ2 = dA2 * A2 * (1 - A2)
    dZ1 = np.multiply(np.dot(w2.T, dZ2), 1 - np.power(A1, 2))
    return (
        np.dot(w1.T, dZ1),
        np.dot(dZ1, x.T),
        np.sum(dZ1, axis=1, keepdims=True),
        np.dot(dZ2, A1.T),
        np.sum(dZ2, axis=1, keepdims=True),
    )


@op("torch.sigmoid(x @ w + b)", x=(5, 3), w=(3,), b=())
def logistic_regression(x, w, b):
    p = 1 / (1 + np.exp(-(x @ w + b)))
    return p, (x, w, p)


@right("logistic regression, bias a number", logistic_regression)
def logistic_regression_backward(dp, cache):
    x, w, p = cache
    dz = dp * p * (1 - p)
    return np.outer(dz, w), x.T @ dz, dz.sum()


@op("x * w + b", x=(4, 3), w=(3,), b=(3,))
def scale_and_shift(x, w, b):
    return x * w + b, (x, w)


@right("scale and shift, broadcast", scale_and_shift)
def scale_and_shift_backward(dout, cache):
    x, w = cache
    return dout * w, (dout * x).sum(axis=0), dout.sum(axis=0)

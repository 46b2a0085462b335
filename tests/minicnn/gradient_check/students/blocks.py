"""Residual blocks, gates and small nets: right."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import of_class, op, right, right_pair, uniform
from tests.minicnn.gradient_check.students.sequences import sigmoid


@op("x + torch.relu(x @ w1) @ w2", x=(3, 4), w1=(4, 5), w2=(5, 4))
def residual(x, w1, w2):
    h = np.maximum(x @ w1, 0)
    return x + h @ w2, (x, w1, w2, h)


@right("residual block", residual)
def residual_backward(dy, cache):
    x, w1, w2, h = cache
    dh = dy @ w2.T * (h > 0)
    return dy + dh @ w1.T, x.T @ dh, h.T @ dy


@op(
    "x * torch.sigmoid(torch.relu(x.mean((2, 3)) @ w1) @ w2)[:, :, None, None]",
    x=uniform(0, 1, 2, 4, 2, 3),
    w1=uniform(0, 1, 4, 2),
    w2=(2, 4),
)
def squeeze_excite(x, w1, w2):
    s = x.mean(axis=(2, 3))
    h = np.maximum(s @ w1, 0)
    e = sigmoid(h @ w2)
    return x * e[:, :, None, None], (x, w1, w2, s, h, e)


@right("squeeze and excite", squeeze_excite)
def squeeze_excite_backward(dy, cache):
    x, w1, w2, s, h, e = cache
    de = (dy * x).sum((2, 3)) * e * (1 - e)
    dh = de @ w2.T * (h > 0)
    ds = dh @ w1.T
    dx = dy * e[:, :, None, None] + ds[:, :, None, None] / (x.shape[2] * x.shape[3])
    return dx, s.T @ dh, h.T @ de


class Highway:
    """t·tanh(xW) + (1 − t)·x with a gate t."""

    def __init__(self, W, T):
        self.W, self.T = W, T

    def forward(self, x):
        self.x, self.h, self.t = x, np.tanh(x @ self.W), sigmoid(x @ self.T)
        return self.t * self.h + (1 - self.t) * x

    def backward(self, dy):
        dh = dy * self.t * (1 - self.h**2)
        dt = dy * (self.h - self.x) * self.t * (1 - self.t)
        self.dW, self.dT = self.x.T @ dh, self.x.T @ dt
        return dy * (1 - self.t) + dh @ self.W.T + dt @ self.T.T


right_pair(
    "highway layer, class",
    of_class(Highway, ["W", "T"], ["dW", "dT"]),
    "torch.sigmoid(x @ T) * torch.tanh(x @ W) + (1 - torch.sigmoid(x @ T)) * x",
    x=(3, 2),
    W=(2, 2),
    T=(2, 2),
)


class MLP:
    """A list of layers, each with forward and backward; the weights of all in one list."""

    def __init__(self, w1, w2):
        self.ws, self.inputs = [w1, w2], []

    def forward(self, x):
        for w in self.ws:
            self.inputs.append(x)
            x = np.tanh(x @ w)
        self.out = x
        return x

    def backward(self, delta):
        outs = [*self.inputs[1:], self.out]
        grads = []
        for w, x, y in zip(self.ws[::-1], self.inputs[::-1], outs[::-1]):
            delta = delta * (1 - y * y)
            grads.insert(0, x.T @ delta)
            delta = delta @ w.T
        self.dw1, self.dw2 = grads
        return delta


right_pair(
    "multi-layer perceptron, a list of weights",
    of_class(MLP, ["w1", "w2"], ["dw1", "dw2"]),
    "torch.tanh(torch.tanh(x @ w1) @ w2)",
    x=(3, 4),
    w1=(4, 3),
    w2=(3, 2),
)


@op(
    "F.max_pool2d(torch.relu(F.conv2d(x, w, padding=1)), 2).flatten(1) @ v",
    x=(1, 1, 4, 4),
    w=(2, 1, 3, 3),
    v=(8, 2),
)
def small_cnn(x, w, v):
    p = np.pad(x[:, 0], ((0, 0), (1, 1), (1, 1)))
    z = np.array(
        [
            [[[(p[n, i : i + 3, j : j + 3] * k[0]).sum() for j in range(4)] for i in range(4)] for k in w]
            for n in range(len(x))
        ]
    )
    a = np.maximum(z, 0)
    blocks = a.reshape(-1, 2, 2, 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(-1, 2, 2, 2, 4)
    flat = blocks.max(-1).reshape(len(x), -1)
    return flat @ v, (p, w, v, z, blocks.argmax(-1), flat)


@right("conv, relu, max pool, dense in one function", small_cnn)
def small_cnn_backward(dy, cache):
    p, w, v, z, winner, flat = cache
    dpool = (dy @ v.T).reshape(-1, 2, 2, 2)
    dblocks = np.eye(4)[winner] * dpool[..., None]
    da = dblocks.reshape(-1, 2, 2, 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(-1, 2, 4, 4)
    dz = da * (z > 0)
    dp, dw = np.zeros_like(p), np.zeros_like(w)
    for n, f, i, j in np.ndindex(*dz.shape):
        dp[n, i : i + 3, j : j + 3] += dz[n, f, i, j] * w[f, 0]
        dw[f, 0] += dz[n, f, i, j] * p[n, i : i + 3, j : j + 3]
    return dp[:, None, 1:-1, 1:-1], dw, flat.T @ dy

"""Activations as people write them: functions, closures, classes, loops."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import (
    of_class,
    of_closure,
    op,
    right,
    right_pair,
    uniform,
)

# ---- ReLU and its family


@op("torch.relu(x)", x=(3, 4))
def relu_forward(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


@right("relu, CS231n", relu_forward)
def relu_backward(dout, cache):
    x = cache
    return dout * (x > 0)


@right("relu, copy and assign zero", relu_forward)
def relu_backward_assign(dA, cache):
    Z = cache
    dZ = np.array(dA, copy=True)
    dZ[Z <= 0] = 0
    return dZ


@right("relu, np.where", relu_forward)
def relu_backward_where(grad_output, x):
    return np.where(x > 0, grad_output, 0.0)


@right("relu, np.heaviside", relu_forward)
def relu_backward_heaviside(delta, x):
    return delta * np.heaviside(x, 0)


@right("relu, astype(int)", relu_forward)
def relu_backward_int(dout, x):
    return (x > 0).astype(int) * dout


@op("torch.relu(x)", x=(2, 3, 2))
def relu_times_mask(x):
    mask = x > 0
    return x * mask, mask


@right("relu, x times its mask", relu_times_mask)
def relu_times_mask_backward(dout, mask):
    return dout * mask


@op("torch.relu(x)", x=(7,))
def relu_by_list(x):
    return np.array([max(0.0, v) for v in x]), x


@right("relu, list comprehension and max()", relu_by_list)
def relu_by_list_backward(dout, x):
    return np.array([d if v > 0 else 0.0 for d, v in zip(dout, x)])


@op("torch.relu(x)", x=(3, 3))
def relu_loops(x):
    out = np.zeros(x.shape)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            if x[i, j] > 0:
                out[i, j] = x[i, j]
    return out, x


@right("relu, two loops into np.zeros", relu_loops)
def relu_loops_backward(dout, x):
    dx = np.zeros(x.shape)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            if x[i, j] > 0:
                dx[i, j] = dout[i, j]
    return dx


def make_relu():
    saved = None

    def f(x):
        nonlocal saved
        saved = x > 0
        return np.where(saved, x, 0)

    def b(dy):
        return dy * saved

    return f, b


right_pair("relu, closure", of_closure(make_relu), "torch.relu(x)", x=(2, 5))


class ReLU:
    """ReLU that keeps its mask, as in "Deep Learning from Scratch"."""

    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout = dout.copy()
        dout[self.mask] = 0
        return dout


right_pair("relu, class with mask", of_class(ReLU), "torch.relu(x)", x=(2, 3, 2))


@op("torch.relu(x)", x=(2, 5))
def relu_abs(x):
    return 0.5 * (x + np.abs(x)), x


@right("relu, by abs and sign", relu_abs)
def relu_abs_backward(dy, x):
    return 0.5 * dy * (1 + np.sign(x))


@op("F.leaky_relu(x, 0.1)", x=(3, 4))
def leaky_forward(x):
    return np.where(x > 0, x, 0.1 * x), x


@right("leaky relu, slopes", leaky_forward)
def leaky_backward(dout, x):
    dx = np.ones_like(x)
    dx[x < 0] = 0.1
    return dx * dout


@op("F.leaky_relu(x, 0.01)", x=(2, 6))
def leaky_max(x, alpha=0.01):
    return np.maximum(alpha * x, x), (x, alpha)


@right("leaky relu, maximum of two", leaky_max)
def leaky_max_backward(dout, cache):
    x, alpha = cache
    return dout * np.where(x >= 0, 1, alpha)


@op("F.prelu(x, a)", x=(2, 3, 2, 2), a=(3,))
def prelu(x, a):
    slope = a[None, :, None, None]
    return np.maximum(x, 0) + slope * np.minimum(x, 0), (x, a)


@right("prelu, NCHW, one slope per channel", prelu)
def prelu_backward(dout, cache):
    x, a = cache
    dx = dout * np.where(x > 0, 1.0, a[None, :, None, None])
    da = np.sum(dout * np.minimum(x, 0), axis=(0, 2, 3))
    return dx, da


@op("F.elu(x)", x=(3, 4))
def elu_forward(x, alpha=1.0):
    out = np.where(x > 0, x, alpha * (np.exp(x) - 1))
    return out, (x, out, alpha)


@right("elu, from the output", elu_forward)
def elu_backward(dout, cache):
    x, out, alpha = cache
    return np.where(x > 0, dout, dout * (out + alpha))


@op("F.selu(x)", x=(3, 4))
def selu(x):
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return scale * np.where(x > 0, x, alpha * np.expm1(x)), x


@right("selu", selu)
def selu_backward(dout, x):
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return dout * scale * np.where(x > 0, 1.0, alpha * np.exp(x))


@op("F.relu6(3 * x)", x=(3, 4))
def relu6(x):
    z = 3 * x
    return np.clip(z, 0, 6), z


@right("relu6 of 3x, np.clip", relu6)
def relu6_backward(dout, z):
    return 3 * dout * ((z > 0) & (z < 6))


@op("F.hardtanh(x)", x=uniform(-2.5, 2.5, 3, 4))
def hardtanh(x):
    return np.minimum(np.maximum(x, -1), 1), x


@right("hardtanh, np.abs(x) < 1", hardtanh)
def hardtanh_backward(dout, x):
    return dout * (np.abs(x) < 1)


@op("torch.clamp(0.2 * x + 0.5, 0, 1)", x=uniform(-4, 4, 3, 4))
def hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0, 1), x


@right("hard sigmoid of Keras", hard_sigmoid)
def hard_sigmoid_backward(dout, x):
    y = 0.2 * x + 0.5
    return np.where(np.logical_and(y > 0, y < 1), 0.2 * dout, 0)


@op("F.hardswish(x)", x=uniform(-5, 5, 3, 5))
def hardswish(x):
    return x * np.clip(x + 3, 0, 6) / 6, x


@right("hardswish", hardswish)
def hardswish_backward(dout, x):
    grad = np.clip(x + 3, 0, 6) / 6 + x / 6 * ((x > -3) & (x < 3))
    return grad * dout


@op("F.softshrink(x, 0.5)", x=(3, 4))
def softshrink(x):
    return np.sign(x) * np.maximum(np.abs(x) - 0.5, 0), x


@right("softshrink, sign and abs", softshrink)
def softshrink_backward(dout, x):
    return dout * (np.abs(x) > 0.5)


@op("F.threshold(x, 0.3, 0.0)", x=(3, 4))
def thresholded(x):
    return np.where(x > 0.3, x, 0), x


@right("thresholded relu (it jumps, the slopes are right)", thresholded)
def thresholded_backward(dout, x):
    return dout * (x > 0.3)


@op("torch.maximum(x[:, 0::2], x[:, 1::2])", x=(3, 6))
def maxout(x):
    pairs = x.reshape(x.shape[0], -1, 2)
    return pairs.max(axis=2), (x.shape, pairs.argmax(axis=2))


@right("maxout, argmax and fancy index", maxout)
def maxout_backward(dout, cache):
    shape, winner = cache
    dx = np.zeros((shape[0], shape[1] // 2, 2))
    rows, cols = np.indices(winner.shape)
    dx[rows, cols, winner] = dout
    return dx.reshape(shape)

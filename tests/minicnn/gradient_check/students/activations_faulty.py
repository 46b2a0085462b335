# ruff: noqa: RUF059 — people unpack the whole cache
"""Activations with a slip in their backward pass."""

import numpy as np

from tests.minicnn.gradient_check.students import activations as a
from tests.minicnn.gradient_check.students import activations_smooth as s
from tests.minicnn.gradient_check.students import kinks, softmax
from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, of_class, op


@faulty(
    "relu, mask forgotten", a.relu_forward, ["mask", "derivative of the activation", "passed on unchanged"]
)
def relu_without_mask(dout, x):
    return dout


@faulty("relu, mask of the upstream gradient", a.relu_forward, ["sign of dy", "dy > 0", "mask"])
def relu_mask_of_dout(dout, x):
    return dout * (dout > 0)


@faulty("relu, returns the mask and not the gradient", a.relu_forward, ["dy", "upstream"])
def relu_returns_mask(dout, x):
    return (x > 0).astype(float)


@faulty("relu, mask turned around", a.relu_forward, ["mask", "opposite", "turned"])
def relu_turned(dout, x):
    dx = dout.copy()
    dx[x > 0] = 0
    return dx


@faulty(
    "leaky relu, slope at the positive side",
    a.leaky_forward,
    ["invert", "changed places", "swap", "x > 0", "x < 0"],
)
def leaky_swapped(dout, x):
    return dout * np.where(x > 0, 0.1, 1)


@faulty("leaky relu, zero at the negative side", a.leaky_forward, None, may=["x < 0"])
def leaky_as_relu(dout, x):
    return dout * (x > 0)


@faulty("prelu, da not summed over the places", a.prelu, ["shape", "sum"])
def prelu_not_summed(dout, cache):
    x, slope = cache
    dx = dout * np.where(x > 0, 1.0, slope[None, :, None, None])
    return dx, np.sum(dout * np.minimum(x, 0), axis=0)


@faulty("prelu, da over all x", a.prelu, ["another array"], may=["x > 0"])
def prelu_all_x(dout, cache):
    x, slope = cache
    dx = dout * np.where(x > 0, 1.0, slope[None, :, None, None])
    return dx, np.sum(dout * x, axis=(0, 2, 3))


@faulty("elu, operator precedence", a.elu_forward, None, may=["x < 0"])
def elu_precedence(dout, cache):
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, out) + alpha


@faulty("elu, out for out + alpha", a.elu_forward, ["y is used for the slope", "where x < 0"])
def elu_alpha_forgotten(dout, cache):
    x, out, alpha = cache
    return np.where(x > 0, dout, dout * out)


@faulty("hard sigmoid, slope forgotten", a.hard_sigmoid, ["5 times", "factor", "slope"])
def hard_sigmoid_slope(dout, x):
    y = 0.2 * x + 0.5
    return dout * (y > 0) * (y < 1)


@faulty("hardtanh, not masked", a.hardtanh, ["mask", "unchanged", "derivative of the activation"])
def hardtanh_unmasked(dout, x):
    return dout.copy()


@faulty("maxout, both pieces get the gradient", a.maxout, ["maximum", "winner", "mask"])
def maxout_both(dout, cache):
    return np.repeat(dout, 2, axis=1)


@faulty("sigmoid, x(1-x) with x for s", s.sigmoid_stable, ["x(1", "x * (1", "x·(1", "output"])
def sigmoid_of_x(dout, x):
    return dout * x * (1 - x)


@faulty("sigmoid, derivative at the output: sigmoid(s)", s.sigmoid_forward, ["output", "twice"])
def sigmoid_twice(dout, out):
    sig = 1 / (1 + np.exp(-out))
    return dout * sig * (1 - sig)


@faulty("sigmoid, upstream forgotten", s.sigmoid_forward, ["dy", "upstream"])
def sigmoid_alone(dout, out):
    return out * (1 - out)


@faulty("sigmoid, 1 - s forgotten", s.sigmoid_forward, ["1 − y", "1 − s", "1 - s", "multiplied by y"])
def sigmoid_half(dout, out):
    return dout * out


@faulty("tanh, 1 - x^2 with x for t", s.tanh_by_exp, ["1 − x", "1 - x", "tanh"])
def tanh_of_x(dout, x):
    return dout * (1 - x**2)


@faulty("tanh, at the output: 1 - tanh(t)^2", s.tanh_forward, ["output", "twice"])
def tanh_twice(dout, t):
    return dout * (1 - np.tanh(t) ** 2)


@faulty("tanh, the derivative without the upstream", s.tanh_forward, ["dy", "upstream"])
def tanh_alone(dout, t):
    return 1 - t**2


@faulty("gelu, constant ten times too large", s.gelu_tanh, ["10 times"])
def gelu_constant(dout, cache):
    x, t = cache
    c = np.sqrt(2 / np.pi)
    return dout * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.44715 * x**2))


@faulty("silu, product rule forgotten", s.silu, ["product rule"])
def silu_half(dout, cache):
    x, sig = cache
    return dout * x * sig * (1 - sig)


@faulty("softplus, sign of the exponent", s.softplus, ["−x", "-x", "sign"])
def softplus_sign(dout, x):
    return dout / (1 + np.exp(x))


@faulty("swish, beta's gradient not summed", s.swish, ["shape", "sum"])
def swish_not_summed(dout, cache):
    x, beta, sig = cache
    ds = sig * (1 - sig)
    return dout * (sig + beta * x * ds), dout * x * x * ds


@faulty("softmax, only the diagonal", softmax.softmax_forward, ["diagonal", "p(1", "jacobian", "p·(1"])
def softmax_diagonal(dout, p):
    return dout * p * (1 - p)


@faulty("softmax, sum over the batch axis", softmax.softmax_forward, ["axis", "batch"])
def softmax_axis(dout, p):
    return p * (dout - np.sum(dout * p, axis=0, keepdims=True))


@faulty("softmax, p forgotten in front", softmax.softmax_forward, ["factor p", "in front"])
def softmax_front(dout, p):
    return dout - np.sum(dout * p, axis=1, keepdims=True)


@faulty("softmax, sum over everything", softmax.softmax_forward, ["axis", "sum", "batch"])
def softmax_all(dout, p):
    return p * (dout - np.sum(dout * p))


@faulty("log softmax, sum of dout forgotten", softmax.log_softmax, ["Σ dy", "sum over dy", "sum of dy"])
def log_softmax_sum(dout, logp):
    return dout - np.exp(logp)


class SoftmaxWrongAxis(softmax.Softmax):
    """Keeps axis=-1 of the (N, C) version."""

    def backward(self, dy):
        return self.y * (dy - np.sum(self.y * dy, axis=-1, keepdims=True))


faulty_pair(
    "softmax over channels, sum over the width",
    of_class(SoftmaxWrongAxis),
    "torch.softmax(x, 1)",
    ["axis"],
    x=(2, 3, 4, 5),
)


# ---- at the kink, outside of both slopes


@faulty("relu at 0, value 2 there", kinks.relu_at_zero, None, may=["where x is 0", "kink"])
def relu_outside(dy, x):
    return dy * np.where(x == 0, 2, x > 0)


@faulty("abs at 0, right only there", kinks.abs_at_zero, None, may=["dy itself", "x < 0", "slope"])
def abs_wrong_elsewhere(dy, sign):
    return dy * np.abs(sign)


@op("torch.maximum(x[:, :2], x[:, 2:])", x=[[1.0, 2.0, 1.0, 3.0], [0.0, -1.0, 0.0, -1.0]], kinks=True)
def tied_maximum(x):
    left, right = x[:, :2], x[:, 2:]
    return np.maximum(left, right), (left, right)


@faulty("maximum of two, a tie gives dy to both", tied_maximum, ["tie", "tied"])
def tied_maximum_backward(dy, cache):
    left, right = cache
    return np.concatenate([dy * (left >= right), dy * (right >= left)], axis=1)

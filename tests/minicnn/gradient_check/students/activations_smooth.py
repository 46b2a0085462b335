"""Smooth activations: the logistic function, tanh, GELU, softmax, …"""

import math

import numpy as np

from tests.minicnn.gradient_check.students.corpus import of_closure, op, right, right_pair


@op("torch.sigmoid(x)", x=(3, 4))
def sigmoid_forward(x):
    s = 1 / (1 + np.exp(-x))
    return s, s


@right("sigmoid, from the output", sigmoid_forward)
def sigmoid_backward(dA, s):
    return dA * s * (1 - s)


@right("sigmoid, s - s**2", sigmoid_forward)
def sigmoid_backward_square(dA, s):
    return dA * (s - s**2)


@op("torch.sigmoid(x)", x=(2, 3))
def sigmoid_stable(x):
    out = np.empty_like(x)
    pos = x >= 0
    out[pos] = 1 / (1 + np.exp(-x[pos]))
    e = np.exp(x[~pos])
    out[~pos] = e / (1 + e)
    return out, x


@right("sigmoid, stable in two halves, from the input", sigmoid_stable)
def sigmoid_stable_backward(dout, x):
    return dout * np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))) ** 2


@op("torch.sigmoid(x)", x=(5,))
def sigmoid_scalars(x):
    return np.array([1 / (1 + math.exp(-float(v))) for v in x]), x


@right("sigmoid, math.exp and float()", sigmoid_scalars)
def sigmoid_scalars_backward(dout, x):
    result = []
    for d, v in zip(dout, x):
        s = 1 / (1 + math.exp(-v))
        result.append(d * s * (1 - s))
    return np.array(result)


@op("torch.sigmoid(x)", x=(2, 3), single=True)
def sigmoid_single(x):
    x = x.astype(np.float32)
    s = np.float32(1) / (np.float32(1) + np.exp(-x))
    return s, s


@right("sigmoid, float32 inside", sigmoid_single)
def sigmoid_single_backward(dout, s):
    return dout * s * (1 - s)


scalar_sigmoid = np.vectorize(lambda v: 1.0 / (1.0 + math.exp(-v)), otypes=[float])


@op("torch.sigmoid(x)", x=(2, 3))
def sigmoid_vectorized(x):
    s = scalar_sigmoid(x)
    return s, s


@right("sigmoid, np.vectorize", sigmoid_vectorized)
def sigmoid_vectorized_backward(dout, s):
    return dout * s * (1.0 - s)


@op("torch.tanh(x)", x=(3, 4))
def tanh_forward(x):
    t = np.tanh(x)
    return t, t


@right("tanh, 1 - t^2", tanh_forward)
def tanh_backward(dout, t):
    return dout * (1 - np.power(t, 2))


@op("torch.tanh(x)", x=(3, 4))
def tanh_by_exp(x):
    e = np.exp(2 * x)
    return (e - 1) / (e + 1), x


@right("tanh by exp, 1/cosh^2", tanh_by_exp)
def tanh_by_exp_backward(dout, x):
    return dout / np.cosh(x) ** 2


def make_tanh():
    memory = {}

    def forward(x):
        memory["out"] = np.tanh(x)
        return memory["out"]

    def backward(grad):
        return (1 - memory["out"] ** 2) * grad

    return forward, backward


right_pair("tanh, closure with a dict", of_closure(make_tanh), "torch.tanh(x)", x=(2, 3))


@op("F.gelu(x)", x=(3, 4))
def gelu_erf(x):
    cdf = 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    return x * cdf, (x, cdf)


@right("gelu, math.erf vectorized", gelu_erf)
def gelu_erf_backward(dout, cache):
    x, cdf = cache
    pdf = np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)
    return dout * (cdf + x * pdf)


@op("F.gelu(x, approximate='tanh')", x=(3, 4))
def gelu_tanh(x):
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + t), (x, t)


@right("gelu, tanh, as in GPT-2", gelu_tanh)
def gelu_tanh_backward(dout, cache):
    x, t = cache
    c = np.sqrt(2 / np.pi)
    local = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x**2)
    return dout * local


@op("F.silu(x)", x=(3, 4))
def silu(x):
    s = 1 / (1 + np.exp(-x))
    return x * s, (x, s)


@right("silu", silu)
def silu_backward(dout, cache):
    x, s = cache
    return dout * (s + x * s * (1 - s))


@op("x * torch.sigmoid(beta * x)", x=(3, 4), beta=())
def swish(x, beta):
    s = 1 / (1 + np.exp(-beta * x))
    return x * s, (x, beta, s)


@right("swish with a learned beta, a number", swish)
def swish_backward(dout, cache):
    x, beta, s = cache
    ds = s * (1 - s)
    return dout * (s + beta * x * ds), np.sum(dout * x * x * ds)


@op("F.softplus(x)", x=(3, 4))
def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0), x


@right("softplus, stable with abs and maximum", softplus)
def softplus_backward(dout, x):
    return dout / (1 + np.exp(-x))


@op("F.softplus(x)", x=(3, 4))
def softplus_logaddexp(x):
    return np.log(1 + np.exp(x)), x


@right("softplus, log(1 + e^x)", softplus_logaddexp)
def softplus_logaddexp_backward(dout, x):
    e = np.exp(x)
    return dout * e / (1 + e)


@op("F.mish(x)", x=(3, 4))
def mish(x):
    sp = np.log1p(np.exp(x))
    return x * np.tanh(sp), (x, sp)


@right("mish", mish)
def mish_backward(dout, cache):
    x, sp = cache
    t = np.tanh(sp)
    return dout * (t + x * (1 - t**2) / (1 + np.exp(-x)))


@op("F.softsign(x)", x=(3, 4))
def softsign(x):
    return x / (1 + np.abs(x)), x


@right("softsign", softsign)
def softsign_backward(dout, x):
    return dout / np.square(1 + np.abs(x))

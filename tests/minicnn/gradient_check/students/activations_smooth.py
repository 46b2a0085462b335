"""Smooth activations: the logistic function, tanh, GELU, softmax, …"""

import math

import numpy as np

from tests.minicnn.gradient_check.students.corpus import of_class, of_closure, op, right, right_pair


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


# ---- softmax


@op("torch.softmax(x, 1)", x=(3, 4))
def softmax_forward(x):
    shifted = x - np.max(x, axis=1, keepdims=True)
    e = np.exp(shifted)
    p = e / e.sum(axis=1, keepdims=True)
    return p, p


@right("softmax, p (dp - sum p dp)", softmax_forward)
def softmax_backward(dout, p):
    return p * (dout - np.sum(dout * p, axis=1, keepdims=True))


@right("softmax, Jacobian row by row", softmax_forward)
def softmax_backward_jacobian(dout, p):
    dx = np.empty_like(dout)
    for i, (single, d) in enumerate(zip(p, dout)):
        single = single.reshape(-1, 1)
        jacobian = np.diagflat(single) - np.dot(single, single.T)
        dx[i] = np.dot(jacobian, d)
    return dx


@right("softmax, Jacobian by einsum", softmax_forward)
def softmax_backward_einsum(dout, p):
    J = np.einsum("ij,jk->ijk", p, np.eye(p.shape[1])) - np.einsum("ij,ik->ijk", p, p)
    return np.einsum("ijk,ij->ik", J, dout)


@op("torch.softmax(z, 0)", z=(4, 3))
def softmax_columns(z):
    t = np.exp(z - z.max())
    A = t / np.sum(t, axis=0)
    return A, A


@right("softmax, (classes, batch), global max", softmax_columns)
def softmax_columns_backward(dA, A):
    return A * (dA - (A * dA).sum(axis=0))


@op("torch.softmax(x, 0)", x=(5,))
def softmax_vector(x):
    m = max(x)
    e = [np.exp(v - m) for v in x]
    total = sum(e)
    p = np.array([v / total for v in e])
    return p, p


@right("softmax of one vector, lists, double loop", softmax_vector)
def softmax_vector_backward(dout, p):
    n = len(p)
    dx = [0.0] * n
    for i in range(n):
        for j in range(n):
            dx[i] += dout[j] * (p[j] * (1 - p[i]) if i == j else -p[i] * p[j])
    return np.array(dx)


@op("torch.log_softmax(x, 1)", x=(3, 4))
def log_softmax(x):
    m = x.max(axis=1, keepdims=True)
    lse = m + np.log(np.exp(x - m).sum(axis=1, keepdims=True))
    return x - lse, x - lse


@right("log softmax, logsumexp with max", log_softmax)
def log_softmax_backward(dout, logp):
    return dout - np.exp(logp) * dout.sum(axis=1, keepdims=True)


@op("torch.logsumexp(x, 1)", x=(3, 4))
def logsumexp(x):
    c = x.max(1)
    return c + np.log(np.sum(np.exp(x - c[:, np.newaxis]), 1)), x


@right("logsumexp", logsumexp)
def logsumexp_backward(dout, x):
    e = np.exp(x - x.max(1)[:, None])
    return dout[:, None] * e / e.sum(1)[:, None]


@op("torch.softmax(x, 1)", x=(2, 3, 2, 2))
def softmax_channels(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True), None


class Softmax:
    """Softmax over the channels of NCHW."""

    def forward(self, x):
        self.y, _ = softmax_channels(x)
        return self.y

    def backward(self, dy):
        return self.y * dy - self.y * np.sum(self.y * dy, axis=1, keepdims=True)


right_pair("softmax over channels, NCHW, class", of_class(Softmax), "torch.softmax(x, 1)", x=(2, 3, 2, 2))

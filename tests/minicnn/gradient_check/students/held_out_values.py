"""Normalization, activations and losses: other people's names, Jacobians, golf; right and wrong."""

import math

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, of_class, op, right, right_pair

# ---- normalization


@op("F.group_norm(x, 2, eps=0.01) * g[:, None] + b[:, None]", x=(2, 4, 5), g=(4,), b=(4,))
def group_norm(x, g, b):
    v = x.reshape(2, 2, 10)
    mu = v.mean(-1, keepdims=True)
    var = ((v - mu) ** 2).mean(-1, keepdims=True)
    n = ((v - mu) / np.sqrt(var + 0.01)).reshape(x.shape)
    return n * g[:, None] + b[:, None], (n, g, var)


def group_norm_back(dy, cache, m=10.0, eps=0.01):
    n, g, var = cache
    d, n_ = (dy * g[:, None]).reshape(2, 2, 10), n.reshape(2, 2, 10)
    dx = d - d.sum(-1, keepdims=True) / m - n_ * (d * n_).sum(-1, keepdims=True) / m
    return (dx / np.sqrt(var + eps)).reshape(n.shape), (dy * n).sum((0, 2)), dy.sum((0, 2))


@right("group norm, groups as rows", group_norm)
def group_norm_right(dy, cache):
    return group_norm_back(dy, cache)


@faulty(
    "group norm, the mean over all channels' entries", group_norm, ["divided by 2"], may=["constant", "n − 1"]
)
def group_norm_count(dy, cache):
    return group_norm_back(dy, cache, m=20.0)


@faulty("group norm, eps forgotten in backward", group_norm, ["ε", "eps", "own factor"])
def group_norm_eps(dy, cache):
    return group_norm_back(dy, cache, eps=0)


@op("F.layer_norm(x, (5,), eps=0)", x=(3, 5))
def standard_rows(x):
    z = x - x.mean(1)[:, None]
    s = np.sqrt((z * z).mean(1))[:, None]
    return z / s, (z / s, s)


def by_jacobian(dy, cache, ones=1.0, outer=1.0):
    z, s = cache
    n = z.shape[1]
    return np.stack(
        [(np.eye(n) - ones / n - outer * np.outer(r, r) / n) @ d / t for r, d, t in zip(z, dy, s)]
    )


@right("layer norm, a Jacobian for each row", standard_rows)
def by_jacobian_right(dy, cache):
    return by_jacobian(dy, cache)


@faulty("layer norm, Jacobian without the mean", standard_rows, ["mean is treated", "through the mean"])
def by_jacobian_mean(dy, cache):
    return by_jacobian(dy, cache, ones=0.0)


@faulty("layer norm, Jacobian with + outer product", standard_rows, ["sign of the path through the variance"])
def by_jacobian_sign(dy, cache):
    return by_jacobian(dy, cache, outer=-1.0)


class NormaPorLotes:
    """Batch normalization in Spanish, NHWC."""

    exponente, dos_veces = -1.5, False

    def __init__(self, escala, sesgo):
        self.escala, self.sesgo = escala, sesgo

    def forward(self, x):
        self.ejes = tuple(range(x.ndim - 1))
        self.centrado = x - x.mean(self.ejes)
        self.varianza = (self.centrado**2).mean(self.ejes) + 1e-3
        self.normal = self.centrado / self.varianza**0.5
        return self.escala * self.normal + self.sesgo

    def backward(self, dsalida):
        m = self.normal.size // self.normal.shape[-1]
        self.descala = (dsalida * self.normal).sum(self.ejes)
        self.dsesgo = dsalida.sum(self.ejes)
        dn = dsalida * self.escala * (self.escala if self.dos_veces else 1)
        dvar = (dn * self.centrado * -0.5 * self.varianza**self.exponente).sum(self.ejes)
        dmedia = -(dn / self.varianza**0.5).sum(self.ejes)
        return dn / self.varianza**0.5 + dvar * 2 * self.centrado / m + dmedia / m


class ExponenteMalo(NormaPorLotes):
    exponente = -0.5


class EscalaDosVeces(NormaPorLotes):
    dos_veces = True


LOTES = {"x": (2, 3, 2, 3), "escala": (3,), "sesgo": (3,)}
LOTES_TRUTH = "nhwc(F.batch_norm(nchw(x), None, None, escala, sesgo, True, 0, 1e-3))"


def lotes(clase):
    return of_class(clase, ["escala", "sesgo"], ["descala", "dsesgo"])


right_pair("norma por lotes", lotes(NormaPorLotes), LOTES_TRUTH, **LOTES)
faulty_pair("norma por lotes, -1/2 for -3/2", lotes(ExponenteMalo), LOTES_TRUTH, ["(v + ε)^(−3/2)"], **LOTES)
faulty_pair(
    "norma por lotes, escala twice",
    lotes(EscalaDosVeces),
    LOTES_TRUTH,
    ["gamma", "escala", "own factor"],
    **LOTES,
)


@op("F.cosine_similarity(u, v, dim=1)", u=(4, 3), v=(4, 3))
def cosine(u, v):
    nu, nv = np.sqrt(np.einsum("ij,ij->i", u, u)), np.sqrt(np.einsum("ij,ij->i", v, v))
    return np.einsum("ij,ij->i", u, v) / nu / nv, (u, v, nu, nv)


def cosine_back(d, cache, project=1.0):
    u, v, nu, nv = (each if each.ndim == 2 else each[:, None] for each in cache)
    c = (u * v).sum(1, keepdims=True) / nu / nv
    return d[:, None] * (v / nv - project * c * u / nu) / nu, d[:, None] * (
        u / nu - project * c * v / nv
    ) / nv


@right("cosine similarity of rows", cosine)
def cosine_right(d, cache):
    return cosine_back(d, cache)


@faulty("cosine similarity of rows, the lengths constant", cosine, ["constant", "norm", "length"])
def cosine_constant(d, cache):
    return cosine_back(d, cache, 0.0)


# ---- activations


@op("F.gelu(x)", x=(3, 5))
def gelu(x):
    if np.iscomplexobj(x):
        phi = 0.5 + np.array([math.erf(t) for t in (x.real / 2**0.5).flat]).reshape(x.shape) / 2
        phi = phi + 1j * x.imag * np.exp(-(x.real**2) / 2) / math.tau**0.5
    else:
        phi = 0.5 + np.array([math.erf(t) for t in (x / 2**0.5).flat]).reshape(x.shape) / 2
    return x * phi, (x, phi)


@right("gelu, erf with a derivative of its own for complex numbers", gelu)
def gelu_back(dy, cache):
    x, phi = cache
    return dy * (phi + x * np.exp(-(x**2) / 2) / math.tau**0.5)


@faulty("gelu, x times the density forgotten", gelu, ["product rule", "missing", "constant"])
def gelu_phi(dy, cache):
    return dy * cache[1]


@op("F.celu(x, 2.0)", x=(3, 5))
def celu(x):
    return np.where(x.real > 0, x, 2 * np.expm1(x / 2)), x


@right("celu, exp of the negative part", celu)
def celu_back(dy, x):
    return dy * np.exp(np.minimum(x, 0) / 2)


@faulty("celu, exp(x) for exp(x/2)", celu, ["applied twice"], may=["x < 0", "slope"])
def celu_alpha(dy, x):
    return dy * np.exp(np.minimum(x, 0))


@op("F.logsigmoid(x)", x=(3, 5))
def log_sigmoid(x):
    return -np.log1p(np.exp(-x)), x


@right("log sigmoid, 1/(1 + e^x)", log_sigmoid)
def log_sigmoid_back(dy, x):
    return dy / (1 + np.exp(x))


@faulty("log sigmoid, sigmoid(x) for sigmoid(-x)", log_sigmoid, ["sign", "1 −", "1 - ", "−x", "-x"])
def log_sigmoid_sign(dy, x):
    return dy / (1 + np.exp(-x))


@op("F.silu(x)", x=(3, 5))
def silu(x):
    s = 0.5 * (1 + np.tanh(x / 2))
    return x * s, (x, s)


@right("silu by tanh of a half", silu)
def silu_back(dy, cache):
    x, s = cache
    return dy * s * (1 + x * (1 - s))


@faulty("silu, s'(x) only", silu, ["product rule", "missing", "s·(1 − s)"])
def silu_slope(dy, cache):
    x, s = cache
    return dy * x * s * (1 - s)


@op("torch.softmax(x / 3, 0)", x=(4, 5))
def warm(x):
    z = np.exp((x - x.real.max(0)) / 3)
    return z / z.sum(0), None


def warm_pair(temperature):
    def forward(x):
        p = warm(x)[0]
        return p, p

    def backward(dy, p):
        return p * (dy - (p * dy).sum(0)) / temperature

    return forward, backward


right_pair("softmax of columns at temperature 3", warm_pair(3), "torch.softmax(x / 3, 0)", x=(4, 5))
faulty_pair(
    "softmax of columns, temperature forgotten",
    warm_pair(1),
    "torch.softmax(x / 3, 0)",
    ["3 times", "by 3", "3:"],
    x=(4, 5),
)


@op("torch.logsumexp(x, (1, 2))", x=(3, 2, 4))
def soft_maximum(x):
    m = x.real.max((1, 2), keepdims=True)
    e = np.exp(x - m)
    return np.log(e.sum((1, 2))) + m[:, 0, 0], e


@right("log-sum-exp over two axes", soft_maximum)
def soft_maximum_back(dy, e):
    return dy[:, None, None] * e / e.sum((1, 2), keepdims=True)


@faulty("log-sum-exp over two axes, not divided", soft_maximum, ["own factor", "sum", "softmax", "divid"])
def soft_maximum_raw(dy, e):
    return dy[:, None, None] * e

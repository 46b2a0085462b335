# ruff: noqa: RUF059 — people unpack the whole cache
"""Batch, layer, group, instance and RMS normalization, dropout with a given mask: right."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import of_class, op, right, right_pair

EPS = 1e-5
BN = "F.batch_norm(x, None, None, gamma, beta, True, 0.0, 1e-5)"


@op(BN, x=(5, 3), gamma=(3,), beta=(3,))
def batchnorm_forward(x, gamma, beta, eps=EPS):
    N, D = x.shape
    mu = 1.0 / N * np.sum(x, axis=0)
    xmu = x - mu
    sq = xmu**2
    var = 1.0 / N * np.sum(sq, axis=0)
    sqrtvar = np.sqrt(var + eps)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    gammax = gamma * xhat
    out = gammax + beta
    return out, (xhat, gamma, xmu, ivar, sqrtvar, var, eps)


@right("batch norm, step by step through the graph", batchnorm_forward)
def batchnorm_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 * 1.0 / np.sqrt(var + eps) * dsqrtvar
    dsq = 1.0 / N * np.ones((N, D)) * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
    dx2 = 1.0 / N * np.ones((N, D)) * dmu
    return dx1 + dx2, dgamma, dbeta


@right("batch norm, one formula", batchnorm_forward)
def batchnorm_backward_alt(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    m = len(dout)
    dgamma, dbeta = (dout * xhat).sum(0), dout.sum(0)
    dx = gamma * ivar / m * (m * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


@right("batch norm, dvar and dmean of the paper", batchnorm_forward)
def batchnorm_backward_paper(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    m = dout.shape[0]
    dxhat = dout * gamma
    dvar = np.sum(dxhat * xmu * -0.5 * (var + eps) ** (-1.5), axis=0)
    dmean = np.sum(-dxhat / np.sqrt(var + eps), axis=0) + dvar * np.mean(-2 * xmu, axis=0)
    dx = dxhat / np.sqrt(var + eps) + dvar * 2 * xmu / m + dmean / m
    return dx, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)


@op("g * (x - x.mean(0)) / (x.var(0, unbiased=True) + 1e-5) ** 0.5 + b", x=(6, 2), g=(2,), b=(2,))
def batchnorm_bessel(x, g, b):
    n = len(x)
    bndiff = x - 1 / n * x.sum(0, keepdims=True)
    bnvar = 1 / (n - 1) * (bndiff**2).sum(0, keepdims=True)
    bnvar_inv = (bnvar + 1e-5) ** -0.5
    bnraw = bndiff * bnvar_inv
    return g * bnraw + b, (g, bnvar_inv, bnraw)


@right("batch norm with n - 1, Karpathy's one-liner", batchnorm_bessel)
def batchnorm_bessel_backward(dout, cache):
    g, bnvar_inv, bnraw = cache
    n = len(dout)
    dx = g * bnvar_inv / n * (n * dout - dout.sum(0) - n / (n - 1) * bnraw * (dout * bnraw).sum(0))
    return dx, (dout * bnraw).sum(0), dout.sum(0)


@op(BN, x=(2, 3, 2, 3), gamma=(3,), beta=(3,))
def spatial_batchnorm(x, gamma, beta):
    N, C, H, W = x.shape
    out, cache = batchnorm_forward(x.transpose(0, 2, 3, 1).reshape(-1, C), gamma, beta)
    return out.reshape(N, H, W, C).transpose(0, 3, 1, 2), cache


@right("spatial batch norm, reshaped to rows", spatial_batchnorm)
def spatial_batchnorm_backward(dout, cache):
    N, C, H, W = dout.shape
    dx, dgamma, dbeta = batchnorm_backward_alt(dout.transpose(0, 2, 3, 1).reshape(-1, C), cache)
    return dx.reshape(N, H, W, C).transpose(0, 3, 1, 2), dgamma, dbeta


class BatchNorm2d:
    """NHWC, statistics over the first three axes; also keeps moving statistics."""

    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta
        self.running_mean, self.running_var = np.zeros(len(gamma)), np.ones(len(gamma))

    def forward(self, x):
        axes = (0, 1, 2)
        mean, var = x.mean(axes), x.var(axes)
        self.running_mean = 0.9 * self.running_mean + 0.1 * mean
        self.std = np.sqrt(var + EPS)
        self.xn = (x - mean) / self.std
        return self.xn * self.gamma + self.beta

    def backward(self, dy):
        axes = (0, 1, 2)
        self.dgamma, self.dbeta = np.sum(dy * self.xn, axis=axes), np.sum(dy, axis=axes)
        dxn = dy * self.gamma
        return (dxn - dxn.mean(axes) - self.xn * (dxn * self.xn).mean(axes)) / self.std


BN_PARTS = (["gamma", "beta"], ["dgamma", "dbeta"])
BN_NHWC = {"truth": f"nhwc({BN.replace('(x', '(nchw(x)')})", "x": (2, 2, 3, 4), "gamma": (4,), "beta": (4,)}
right_pair("batch norm, NHWC, class with moving statistics", of_class(BatchNorm2d, *BN_PARTS), **BN_NHWC)


@op("F.batch_norm(z.T, None, None, None, None, True, 0.0, 1e-8).T", z=(3, 5))
def batchnorm_columns(z, epsilon=1e-8):
    mu = np.mean(z, axis=1, keepdims=True)
    sigma2 = np.var(z, axis=1, keepdims=True)
    z_norm = (z - mu) / np.sqrt(sigma2 + epsilon)
    return z_norm, (z_norm, 1 / np.sqrt(sigma2 + epsilon))


@right("batch norm in columns without gamma", batchnorm_columns)
def batchnorm_columns_backward(dz_norm, cache):
    z_norm, inv = cache
    m = z_norm.shape[1]
    mean = dz_norm.sum(axis=1, keepdims=True) / m
    slope = (dz_norm * z_norm).sum(axis=1, keepdims=True) / m
    return inv * (dz_norm - mean - z_norm * slope)


@op("F.layer_norm(x, (4,), gamma, beta)", x=(3, 4), gamma=(4,), beta=(4,))
def layernorm_forward(x, gamma, beta):
    mu = x.mean(axis=-1, keepdims=True)
    std = np.sqrt(((x - mu) ** 2).mean(-1, keepdims=True) + EPS)
    xhat = (x - mu) / std
    return gamma * xhat + beta, (xhat, std, gamma)


@right("layer norm", layernorm_forward)
def layernorm_backward(dout, cache):
    xhat, std, gamma = cache
    dxhat = dout * gamma
    d = xhat.shape[-1]
    dx = (d * dxhat - dxhat.sum(-1, keepdims=True) - xhat * np.sum(dxhat * xhat, axis=-1, keepdims=True)) / (
        d * std
    )
    return dx, np.sum(dout * xhat, axis=0), dout.sum(axis=0)


@op("F.layer_norm(x, (4,), gamma, beta)", x=(2, 3, 4), gamma=(4,), beta=(4,))
def layernorm_loops(x, gamma, beta):
    out = np.zeros_like(x)
    mean, rstd = np.zeros(x.shape[:2], x.dtype), np.zeros(x.shape[:2], x.dtype)
    B, T, C = x.shape
    for b in range(B):
        for t in range(T):
            m = 0.0
            for i in range(C):
                m = m + x[b, t, i]
            m = m / C
            v = 0.0
            for i in range(C):
                shift = x[b, t, i] - m
                v = v + shift * shift
            s = 1.0 / np.sqrt(v / C + EPS)
            out[b, t] = s * (x[b, t] - m) * gamma + beta
            mean[b, t], rstd[b, t] = m, s
    return out, (x, gamma, mean, rstd)


@right("layer norm, loops as in llm.c", layernorm_loops)
def layernorm_loops_backward(dout, cache):
    x, weight, mean, rstd = cache
    dx, dweight, dbias = np.zeros_like(x), np.zeros_like(weight), np.zeros_like(weight)
    B, T, C = x.shape
    for b in range(B):
        for t in range(T):
            norm = (x[b, t] - mean[b, t]) * rstd[b, t]
            dnorm = weight * dout[b, t]
            dnorm_mean = dnorm.sum() / C
            dnorm_norm_mean = (dnorm * norm).sum() / C
            dbias += dout[b, t]
            dweight += norm * dout[b, t]
            dx[b, t] += (dnorm - dnorm_mean - norm * dnorm_norm_mean) * rstd[b, t]
    return dx, dweight, dbias


@op("F.group_norm(x, 2, gamma, beta)", x=(2, 4, 2, 2), gamma=(4,), beta=(4,))
def groupnorm(x, gamma, beta, G=2):
    N, C, H, W = x.shape
    g = x.reshape(N, G, -1)
    std = np.sqrt(g.var(axis=2, keepdims=True) + EPS)
    xhat = ((g - g.mean(axis=2, keepdims=True)) / std).reshape(x.shape)
    return gamma[:, None, None] * xhat + beta[:, None, None], (G, xhat, std, gamma)


@right("group norm", groupnorm)
def groupnorm_backward(dout, cache):
    G, xhat, std, gamma = cache
    N = len(dout)
    d = (dout * gamma[None, :, None, None]).reshape(N, G, -1)
    h = xhat.reshape(N, G, -1)
    dx = (d - d.mean(2, keepdims=True) - h * (d * h).mean(2, keepdims=True)) / std
    return dx.reshape(dout.shape), (dout * xhat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))


@op("F.instance_norm(x)", x=(2, 2, 3, 3))
def instance_norm(x):
    mu = np.mean(x, (2, 3), keepdims=True)
    s = 1 / np.sqrt(np.mean((x - mu) ** 2, (2, 3), keepdims=True) + EPS)
    return (x - mu) * s, ((x - mu) * s, s)


@right("instance norm", instance_norm)
def instance_norm_backward(g, cache):
    y, s = cache
    n = y.shape[2] * y.shape[3]
    return s * (
        g
        - np.einsum("ncij->nc", g)[..., None, None] / n
        - y * np.einsum("ncij,ncij->nc", g, y)[..., None, None] / n
    )


@op("F.rms_norm(x, (4,), w, 1e-6)", x=(2, 3, 4), w=(4,))
def rmsnorm(x, w):
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)
    return x * r * w, (x, r, w)


@right("RMS norm", rmsnorm)
def rmsnorm_backward(dy, cache):
    x, r, w = cache
    g = dy * w
    dx = r * g - x * r**3 * np.mean(g * x, axis=-1, keepdims=True)
    return dx, np.sum(dy * x * r, axis=(0, 1))

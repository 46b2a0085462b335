"""L2, weight and response normalization, dropout with a given mask: right."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import op, right


@op("F.normalize(x, dim=1)", x=(3, 4))
def l2_normalize(x):
    norm = np.sqrt(np.sum(np.square(x), axis=1, keepdims=True))
    return x / norm, (x / norm, norm)


@right("L2 normalization of rows", l2_normalize)
def l2_normalize_backward(dy, cache):
    y, norm = cache
    return (dy - y * np.sum(y * dy, axis=1, keepdims=True)) / norm


@op("F.normalize(x, dim=1)", x=(3, 4))
def l2_by_norm(x):
    norm = np.linalg.norm(x, axis=1)[:, None]
    return x / norm, (x, norm)


@right("L2 normalization by np.linalg.norm, which takes absolute values", l2_by_norm)
def l2_by_norm_backward(dy, cache):
    x, norm = cache
    return dy / norm - x * (dy * x).sum(1)[:, None] / norm**3


@op("x @ (g * v / v.norm(dim=0))", x=(3, 4), v=(4, 2), g=(2,))
def weight_norm(x, v, g):
    length = np.sqrt((v**2).sum(axis=0))
    return x @ (g * v / length), (x, v, g, length)


@right("weight norm", weight_norm)
def weight_norm_backward(dy, cache):
    x, v, g, length = cache
    dW = x.T @ dy
    dg = (dW * v).sum(0) / length
    dv = g / length * dW - g * dg / length**2 * v
    return dy @ (g * v / length).T, dv, dg


@op("x / (2 + 0.1 * (x[:, :-1] ** 2).sum(1, keepdim=True)) ** 0.75", x=(2, 3, 2))
def response_norm_like(x):
    scale = 2 + 0.1 * np.sum(x[:, :-1] ** 2, axis=1, keepdims=True)
    return x * scale**-0.75, (x, scale)


@right("divisive normalization by two of three channels", response_norm_like)
def response_norm_like_backward(dy, cache):
    x, scale = cache
    dx = dy * scale**-0.75
    dscale = np.sum(dy * x * -0.75 * scale**-1.75, axis=1, keepdims=True)
    dx[:, :-1] += dscale * 0.2 * x[:, :-1]
    return dx


@op("F.local_response_norm(x, 3, alpha=0.3, beta=0.75, k=2.0)", x=(1, 5, 2, 2))
def lrn(x, n=3, alpha=0.1, beta=0.75, k=2.0):
    C = x.shape[1]
    scale = np.full(x.shape, k, dtype=x.dtype)
    for c in range(C):
        for j in range(max(0, c - n // 2), min(C, c + n // 2 + 1)):
            scale[:, c] = scale[:, c] + alpha * x[:, j] ** 2
    return x / scale**beta, (x, scale, n, alpha, beta)


@right("local response normalization, loops over channels", lrn)
def lrn_backward(dy, cache):
    x, scale, n, alpha, beta = cache
    C = x.shape[1]
    dx = dy / scale**beta
    for c in range(C):
        for j in range(max(0, c - n // 2), min(C, c + n // 2 + 1)):
            dx[:, j] -= 2 * alpha * beta * dy[:, c] * x[:, c] * scale[:, c] ** (-beta - 1) * x[:, j]
    return dx


MASK = np.array([[1, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 1]], float)


@op("x * mask / 0.7", x=(3, 4), options={"mask": MASK})
def dropout(x, mask, keep=0.7):
    return x * mask / keep, (mask, keep)


@right("dropout with a given mask, inverted", dropout)
def dropout_backward(dout, cache):
    mask, keep = cache
    return dout * mask / keep


@op("x * torch.tensor([1.0, 0, 1, 1]) / 0.75", x=(3, 4))
def dropout_seeded(x):
    drop = np.array([1, 0, 1, 1]) / 0.75
    return np.multiply(x, drop), drop


@right("dropout of whole columns", dropout_seeded)
def dropout_seeded_backward(dout, drop):
    return np.multiply(dout, drop)

# ruff: noqa: RUF059 — people unpack the whole cache
"""Strides, axes, exponents and shares that are wrong at one place: convolutions, pools, norms, losses."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, op, uniform

# ---- convolutions


@op("F.conv_transpose2d(x, w, stride=2)", x=(2, 2, 3, 3), w=(2, 3, 4, 4))
def up_conv(x, w):
    N, _, H, W = x.shape
    _, F, K, _ = w.shape
    y = np.zeros((N, F, 2 * H - 2 + K, 2 * W - 2 + K), x.dtype)
    for i in range(H):
        for j in range(W):
            y[:, :, 2 * i : 2 * i + K, 2 * j : 2 * j + K] += np.einsum("nc,cokl->nokl", x[:, :, i, j], w)
    return y, (x, w)


def up_conv_backward(dy, cache, used=lambda w: w):
    x, w = cache
    K = w.shape[2]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            part = dy[:, :, 2 * i : 2 * i + K, 2 * j : 2 * j + K]
            dx[:, :, i, j] = np.einsum("nokl,cokl->nc", part, used(w))
            dw += np.einsum("nc,nokl->cokl", x[:, :, i, j], part)
    return dx, dw


@faulty("transposed conv, kernel (in, out, k, k) transposed", up_conv, ["rows and columns (axes 2 and 3)"])
def up_conv_transposed(dy, cache):
    return up_conv_backward(dy, cache, lambda w: w.swapaxes(2, 3))


@faulty("transposed conv, kernel reversed", up_conv, ["it must not be reversed"])
def up_conv_reversed(dy, cache):
    return up_conv_backward(dy, cache, lambda w: w[:, :, ::-1, ::-1])


@op("F.conv2d(x[None], w)[0]", x=(3, 6, 5), w=(3, 3, 3, 2))
def one_image(x, w):
    a, b = x.shape[1] - 2, x.shape[2] - 1
    y = sum(
        np.einsum("oc,cij->oij", w[:, :, k, m], x[:, k : k + a, m : m + b]) for k in range(3) for m in (0, 1)
    )
    return y, (x, w)


@faulty("conv of one image, w[i, o] for w[o, i]", one_image, ["channels (axes 0 and 1) are swapped"])
def one_image_channels(dy, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    a, b = dy.shape[1:]
    for k in range(3):
        for m in range(2):
            dx[:, k : k + a, m : m + b] += np.einsum("co,oij->cij", w[:, :, k, m], dy)  # right: oc
            dw[:, :, k, m] = np.einsum("oij,cij->oc", dy, x[:, k : k + a, m : m + b])
    return dx, dw


@op("F.conv2d(x, w[:, None], stride=2, groups=3)", x=(2, 3, 5, 5), w=(3, 3, 3))
def depthwise(x, w):
    y = 0
    for i in range(3):
        for j in range(3):
            y = y + x[:, :, i : i + 3 : 2, j : j + 3 : 2] * w[:, i, j][:, None, None]
    return y, (x, w)


@faulty("depthwise, stride forgotten in dw", depthwise, ["stride is forgotten"])
def depthwise_dw(dy, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(3):
        for j in range(3):
            dx[:, :, i : i + 3 : 2, j : j + 3 : 2] += dy * w[:, i, j][:, None, None]
            dw[:, i, j] = (x[:, :, i : i + 2, j : j + 2] * dy).sum((0, 2, 3))
    return dx, dw


@faulty("depthwise, stride forgotten in dx", depthwise, ["stride is forgotten"])
def depthwise_dx(dy, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(3):
        for j in range(3):
            dx[:, :, i : i + 2, j : j + 2] += dy * w[:, i, j][:, None, None]
            dw[:, i, j] = (x[:, :, i : i + 3 : 2, j : j + 3 : 2] * dy).sum((0, 2, 3))
    return dx, dw


TOKENS = np.array([[0, 1, 2, 1], [4, 4, 0, 3]])


@op(
    "torch.relu(F.conv1d(table[ids].transpose(1, 2), w.permute(2, 1, 0))).amax(2)",
    table=(5, 2),
    w=(2, 2, 3),
    options={"ids": TOKENS},
)
def text_cnn(table, w, ids):
    x = table[ids]
    z = np.stack([np.tensordot(x[:, t : t + 2], w, axes=([1, 2], [0, 1])) for t in range(3)], axis=1)
    h = np.maximum(z, 0)
    return h.max(axis=1), (table, w, ids, x, z, h)


@faulty("text CNN, words of a window in reverse", text_cnn, ["axis 0 reversed"])
def text_cnn_reversed(dy, cache):
    table, w, ids, x, z, h = cache
    dz = (h == h.max(1, keepdims=True)) * dy[:, None] * (z > 0)
    dx, dw, dtable = np.zeros_like(x), np.zeros_like(w), np.zeros_like(table)
    for t in range(3):
        dx[:, t : t + 2] += np.tensordot(dz[:, t], w[::-1], axes=(1, 2))
        dw += np.tensordot(x[:, t : t + 2], dz[:, t], axes=(0, 0))
    np.add.at(dtable, ids, dx)
    return dtable, dw


# ---- pools


@op("F.max_pool2d(x, 3, 2)", x=(2, 2, 7, 7))
def max_pool(x):
    y = np.zeros((*x.shape[:2], 3, 3), x.dtype)
    for i in range(3):
        for j in range(3):
            y[:, :, i, j] = x[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max((2, 3))
    return y, x


@faulty("max pool, argmax of the window without the stride", max_pool, ["without the stride"])
def max_pool_unstrided(dy, x):
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dy.shape):
        a, b = np.unravel_index(x[n, c, i : i + 3, j : j + 3].argmax(), (3, 3))
        dx[n, c, 2 * i + a, 2 * j + b] += dy[n, c, i, j]
    return dx


@op("F.avg_pool2d(x, 3, 2, 1)", x=(2, 2, 5, 7))
def padded_mean(x):
    xp = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows = [[xp[:, :, i : i + 3, j : j + 3].mean((2, 3)) for j in (0, 2, 4, 6)] for i in (0, 2, 4)]
    return np.stack([np.stack(row, 2) for row in rows], 2), x.shape


def padded_mean_backward(dy, shape, share, add=True):
    dx = np.zeros((shape[0], shape[1], shape[2] + 2, shape[3] + 2))
    for i in range(3):
        for j in range(4):
            window = dx[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            window[...] = window * add + dy[:, :, i, j][:, :, None, None] / share
    return dx[:, :, 1:-1, 1:-1]


@faulty("padded average pool, 1/3 for 1/9", padded_mean, ["side of a window"])
def padded_mean_side(dy, shape):
    return padded_mean_backward(dy, shape, 3)


@faulty("padded average pool, 1/9 forgotten", padded_mean, ["each output is computed from", "whole window"])
def padded_mean_whole(dy, shape):
    return padded_mean_backward(dy, shape, 1)


@faulty("padded average pool, = for +=", padded_mean, ["overwrite"])
def padded_mean_overwritten(dy, shape):
    return padded_mean_backward(dy, shape, 9, add=False)


@op("torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)", x=(2, 3, 3, 4))
def two_pools(x):
    flat = x.reshape(2, 3, 12)
    top = flat.argmax(2)[:, :, None]
    return np.concatenate([flat.mean(2), np.take_along_axis(flat, top, 2)[:, :, 0]], 1), (x.shape, top)


def two_pools_backward(dy, cache, mean, top, share=1):
    shape, where = cache
    dx = np.repeat(dy[:, mean, None] / 12, 12, axis=2)
    at = np.arange(2)[:, None], np.arange(3), where[:, :, 0]
    dx[at] += dy[:, top] / share
    return dx.reshape(shape)


@faulty("mean and maximum of maps, their parts exchanged", two_pools, ["exchanged"])
def two_pools_exchanged(dy, cache):
    return two_pools_backward(dy, cache, slice(3, 6), slice(3))


@faulty("mean and maximum of maps, the maximum shared too", two_pools, ["divided by 12"])
def two_pools_shared(dy, cache):
    return two_pools_backward(dy, cache, slice(3), slice(3, 6), share=12)


# ---- norms


@op("F.batch_norm(x, None, None, g, b, True, 0, 1e-3)", x=(3, 3, 2, 4), g=(3,), b=(3,))
def batch_norm(x, g, b):
    mu, var = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    sigma = np.sqrt(var + 1e-3)
    h = (x - mu) / sigma
    return g[:, None, None] * h + b[:, None, None], (h, g, sigma, var)


def batch_norm_backward(dy, cache, by=None, axes=(0, 2, 3), front=None):
    h, g, sigma, var = cache
    d, m, over = dy * g[:, None, None], dy.size // dy.shape[1], {"axis": (0, 2, 3), "keepdims": True}
    through_mean = d.sum(axes, keepdims=True)
    dx = m * d - through_mean - (h if front is None else front) * (d * h).sum(**over)
    return dx / (m * (sigma if by is None else by)), (dy * h).sum((0, 2, 3)), dy.sum((0, 2, 3))


@faulty("batch norm NCHW, the variance for its root", batch_norm, ["divided by the variance"])
def batch_norm_variance(dy, cache):
    return batch_norm_backward(dy, cache, by=cache[3])


@faulty(
    "batch norm NCHW, a sum over the batch only", batch_norm, ["is over axis 0 instead of axes (0, 2, 3)"]
)
def batch_norm_axis(dy, cache):
    return batch_norm_backward(dy, cache, axes=(0,))


@faulty("batch norm NCHW, no x̂ in front", batch_norm, ["in front of its mean"])
def batch_norm_front(dy, cache):
    return batch_norm_backward(dy, cache, front=1)


@op("x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6) * w", x=(4, 5), w=(5,))
def rms_norm(x, w):
    r = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6)
    return x * r * w, (x, w, r)


@faulty("RMS norm, w forgotten in the sum", rms_norm, ["not multiplied by “w”"])
def rms_norm_weight(dy, cache):
    x, w, r = cache
    dx = r * dy * w - x * r**3 / 5 * (dy * x).sum(-1, keepdims=True)
    return dx, (dy * x * r).sum(0)


@op("F.normalize(x, dim=1, eps=0) @ w", x=(4, 3), w=(3, 2))
def unit(x, w):
    n = np.sqrt((x**2).sum(1, keepdims=True))
    return x / n @ w, (w, n, x / n)


@faulty("unit rows, the sum of all entries", unit, ["axes (0, 1) instead of axis 1"])
def unit_all(dy, cache):
    w, n, u = cache
    du = dy @ w.T
    return (du - u * (du * u).sum()) / n, u.T @ dy


# ---- slopes, shares and penalties


@op("F.gelu(x, approximate='tanh')", x=(3, 4))
def gelu(x):
    t = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + t), (x, t)


@faulty("gelu, x for x² in the inner slope", gelu, ["the exponent is k − 2"])
def gelu_exponent(dy, cache):
    x, t = cache
    inner = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x)
    return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * inner)


@op("torch.softmax(z, 1)", z=(3, 4))
def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True), e / e.sum(1, keepdims=True)


@faulty("softmax, the identity for diag(p)", softmax, ["p is at the sum only"])
def softmax_identity(dy, p):
    return np.stack([(np.eye(4) - np.outer(row, row)) @ d for row, d in zip(p, dy)])


@op(
    "(x @ w - t).square().mean() + 0.1 * w.square().sum()",
    w=(3, 4),
    options={"x": np.arange(15.0).reshape(5, 3) / 7 - 1, "t": np.ones((5, 4))},
)
def ridge(w, x, t):
    r = x @ w - t
    return (r**2).mean() + 0.1 * (w**2).sum(), (w, x, r)


@faulty("ridge, the sum of w for w", ridge, ["one number"])
def ridge_sum(dy, cache):
    w, x, r = cache
    return dy * (2 * x.T @ r / r.size + 0.2 * w.sum())


@op("(w * s).sum() + 0.1 * w.abs().sum()", w=uniform(-2, -0.3, 6), options={"s": np.arange(6.0)})
def lasso(w, s):
    return (w * s).sum() + 0.1 * np.abs(w).sum(), (w, s)


@faulty("lasso of negative weights, |w| for its sign", lasso, ["np.abs(w)"])
def lasso_size(dy, cache):
    w, s = cache
    return dy * (s + 0.1 * np.abs(w))


@op("x + torch.relu(x @ w) * s", x=(4, 3), w=(3, 3), s=(3,))
def scaled_block(x, w, s):
    h = np.maximum(x @ w, 0)
    return x + h * s, (x, w, s, h)


@faulty("block with a scale, the skip scaled too", scaled_block, ["“s”", "f * s", "h * s"])
def scaled_skip(dy, cache):
    x, w, s, h = cache
    d = dy * s * (h > 0)
    return d @ w.T + dy * s, x.T @ d, (dy * h).sum(0)


@op(
    "torch.stack([a * c - b * s, a * s + b * c], -1).flatten(-2)",
    a=(3, 2),
    b=(3, 2),
    options={"c": np.cos(np.arange(6.0)).reshape(3, 2), "s": np.sin(np.arange(6.0)).reshape(3, 2)},
)
def rotary(a, b, c, s):
    y = np.stack([a * c - b * s, a * s + b * c], -1).reshape(3, 4)
    return y, (c, s)


@faulty("rotary positions, halves for every second entry", rotary, ["every entry in 2"])
def rotary_halves(dy, cache):
    c, s = cache
    d, e = np.split(dy, 2, axis=1)  # right: dy[:, ::2], dy[:, 1::2]
    return d * c + e * s, -d * s + e * c

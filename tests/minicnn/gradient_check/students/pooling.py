"""Pooling as people write it, also exactly at ties: right."""

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from tests.minicnn.gradient_check.students.corpus import of_class, op, right, right_pair


@op("F.max_pool2d(x, 2)", x=(2, 3, 4, 4))
def max_pool_naive(x, size=2, stride=2):
    N, C, H, W = x.shape
    H2, W2 = 1 + (H - size) // stride, 1 + (W - size) // stride
    out = np.zeros((N, C, H2, W2))
    for n in range(N):
        for c in range(C):
            for i in range(H2):
                for j in range(W2):
                    out[n, c, i, j] = np.max(
                        x[n, c, i * stride : i * stride + size, j * stride : j * stride + size]
                    )
    return out, (x, size, stride)


@right("max pool, loops, mask of the maximum", max_pool_naive)
def max_pool_naive_backward(dout, cache):
    x, k, s = cache
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        window = x[n, c, i * s : i * s + k, j * s : j * s + k]
        mask = window == np.max(window)
        dx[n, c, i * s : i * s + k, j * s : j * s + k] += mask * dout[n, c, i, j]
    return dx


@right("max pool, unravel_index of argmax", max_pool_naive)
def max_pool_unravel_backward(dout, cache):
    x, k, s = cache
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        window = x[n, c, i * s : i * s + k, j * s : j * s + k]
        a, b = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, i * s + a, j * s + b] += dout[n, c, i, j]
    return dx


@op("F.max_pool2d(x, 2)", x=(2, 2, 4, 6))
def max_pool_reshape(x):
    N, C, H, W = x.shape
    x_reshaped = x.reshape(N, C, H // 2, 2, W // 2, 2)
    out = x_reshaped.max(axis=3).max(axis=4)
    return out, (x, x_reshaped, out)


@right("max pool, reshape trick of CS231n", max_pool_reshape)
def max_pool_reshape_backward(dout, cache):
    x, x_reshaped, out = cache
    dx_reshaped = np.zeros_like(x_reshaped)
    mask = x_reshaped == out[:, :, :, np.newaxis, :, np.newaxis]
    dout_broadcast, _ = np.broadcast_arrays(dout[:, :, :, np.newaxis, :, np.newaxis], dx_reshaped)
    dx_reshaped[mask] = dout_broadcast[mask]
    dx_reshaped /= np.sum(mask, axis=(3, 5), keepdims=True)
    return dx_reshaped.reshape(x.shape)


@op("nhwc(F.max_pool2d(nchw(x), 2))", x=(2, 4, 4, 3))
def max_pool_nhwc(x):
    n, h, w, c = x.shape
    windows = (
        x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4).reshape(n, h // 2, w // 2, c, 4)
    )
    winner = windows.argmax(-1)
    return np.take_along_axis(windows, winner[..., None], -1)[..., 0], (x.shape, winner)


@right("max pool, NHWC, take_along_axis and put_along_axis", max_pool_nhwc)
def max_pool_nhwc_backward(dy, cache):
    (n, h, w, c), winner = cache
    d = np.zeros((n, h // 2, w // 2, c, 4))
    np.put_along_axis(d, winner[..., None], dy[..., None], -1)
    return d.reshape(n, h // 2, w // 2, c, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(n, h, w, c)


@op("F.max_pool2d(x, 3, stride=2)", x=(1, 2, 5, 7))
def max_pool_overlapping(x, k=3, s=2):
    windows = sliding_window_view(x, (k, k), axis=(2, 3))[:, :, ::s, ::s]
    return windows.max(axis=(-1, -2)), (x, windows, k, s)


@right("max pool, overlapping windows, 3 by 3 with stride 2", max_pool_overlapping)
def max_pool_overlapping_backward(dy, cache):
    x, windows, k, s = cache
    dx = np.zeros(x.shape)
    flat = windows.reshape(*windows.shape[:4], -1).argmax(-1)
    n, c, i, j = np.indices(dy.shape)
    np.add.at(dx, (n, c, i * s + flat // k, j * s + flat % k), dy)
    return dx


@op("F.max_pool2d(x, 2, padding=1)", x=(1, 2, 4, 4))
def max_pool_padded(x):
    p = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    s = p.strides
    view = as_strided(p, (*p.shape[:2], 3, 3, 2, 2), (s[0], s[1], 2 * s[2], 2 * s[3], s[2], s[3]))
    return view.max((4, 5)), p


@right("max pool, padded with -inf, as_strided", max_pool_padded)
def max_pool_padded_backward(dy, p):
    dp = np.zeros(p.shape)
    for n, c, i, j in np.ndindex(*dy.shape):
        w = p[n, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        dp[n, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2][w == w.max()] = dy[n, c, i, j]
    return dp[:, :, 1:-1, 1:-1]


@op("F.max_pool1d(x, 3)", x=(2, 2, 6))
def max_pool_1d(x):
    out, places = [], []
    for row in x.reshape(-1, x.shape[-1]):
        for t in range(0, len(row), 3):
            best = max(range(t, t + 3), key=lambda i: row[i])
            out.append(row[best])
            places.append(best)
    return np.array(out).reshape(*x.shape[:2], -1), (x.shape, places)


@right("max pool 1-D, Python's max with key", max_pool_1d)
def max_pool_1d_backward(dy, cache):
    shape, places = cache
    dx = np.zeros(shape).reshape(-1, shape[-1])
    per_row = len(places) // len(dx)
    for number, (place, d) in enumerate(zip(places, dy.ravel())):
        dx[number // per_row, place] += d
    return dx.reshape(shape)


@op("x.amax((2, 3))", x=(2, 3, 2, 3))
def global_max(x):
    flat = x.reshape(*x.shape[:2], -1)
    index = flat.argmax(axis=2)
    return flat.max(axis=2), (x.shape, index)


@right("global max pool, one-hot of argmax", global_max)
def global_max_backward(dy, cache):
    shape, index = cache
    hot = np.eye(shape[2] * shape[3])[index]
    return (hot * dy[:, :, None]).reshape(shape)


@op("-F.max_pool2d(-x, 2)", x=(1, 2, 4, 4))
def min_pool(x):
    parts = np.stack([x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)])
    return parts.min(axis=0), (x.shape, parts.argmin(axis=0))


@right("min pool, four slices", min_pool)
def min_pool_backward(dy, cache):
    shape, who = cache
    dx = np.zeros(shape)
    for number, (i, j) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        dx[:, :, i::2, j::2] = np.where(who == number, dy, 0)
    return dx


@op("F.avg_pool2d(x, 2)", x=(2, 2, 4, 4))
def avg_pool(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5)), x.shape


@right("average pool, np.kron", avg_pool)
def avg_pool_kron(dy, shape):
    return np.kron(dy, np.ones((2, 2))) / 4


@right("average pool, two repeats", avg_pool)
def avg_pool_repeat(dy, shape):
    return dy.repeat(2, axis=2).repeat(2, axis=3) * 0.25


@op("nhwc(F.avg_pool2d(nchw(A), 3, stride=2))", A=(1, 5, 7, 2))
def avg_pool_coursera(A, f=3, stride=2):
    m, h, w, c = A.shape
    n_H, n_W = int(1 + (h - f) / stride), int(1 + (w - f) / stride)
    out = np.zeros((m, n_H, n_W, c))
    for i in range(m):
        for a in range(n_H):
            for b in range(n_W):
                for d in range(c):
                    out[i, a, b, d] = np.mean(
                        A[i, a * stride : a * stride + f, b * stride : b * stride + f, d]
                    )
    return out, (A, f, stride)


@right("average pool of Ng's course, overlapping, distribute_value", avg_pool_coursera)
def avg_pool_coursera_backward(dA, cache):
    A, f, stride = cache
    dA_prev = np.zeros(A.shape)
    for i, h, w, c in np.ndindex(*dA.shape):
        average = dA[i, h, w, c] / (f * f)
        dA_prev[i, h * stride : h * stride + f, w * stride : w * stride + f, c] += np.ones((f, f)) * average
    return dA_prev


@op("x.mean((2, 3))", x=(2, 3, 2, 4))
def global_average(x):
    return np.average(x, axis=(2, 3)), x.shape


@right("global average pool, broadcast_to", global_average)
def global_average_backward(dy, shape):
    return np.broadcast_to(dy[:, :, None, None], shape) / (shape[2] * shape[3])


class LpPool:
    """(Σ x²)^½ over windows of 2 by 2."""

    def forward(self, x):
        self.x = x
        n, c, h, w = x.shape
        self.y = np.sqrt((x.reshape(n, c, h // 2, 2, w // 2, 2) ** 2).sum((3, 5)))
        return self.y

    def backward(self, dy):
        return self.x * np.kron(dy / self.y, np.ones((1, 1, 2, 2)))


right_pair("L2 pool, class", of_class(LpPool), "F.lp_pool2d(x, 2., 2)", x=(1, 2, 4, 4))


@op("x.sort(1, descending=True).values[:, :2]", x=(3, 5))
def top_k(x, k=2):
    order = np.argsort(-x, axis=1)[:, :k]
    return np.take_along_axis(x, order, axis=1), (x.shape, order)


@right("top k, argsort", top_k)
def top_k_backward(dy, cache):
    shape, order = cache
    dx = np.zeros(shape)
    np.put_along_axis(dx, order, dy, axis=1)
    return dx


@op("x.sort(1).values[:, 1:-1].mean(1)", x=(3, 5))
def trimmed_mean(x):
    return np.sort(x, axis=1)[:, 1:-1].mean(axis=1), x


@right("trimmed mean, np.sort", trimmed_mean)
def trimmed_mean_backward(dy, x):
    rank = x.argsort(axis=1).argsort(axis=1)
    inside = (rank > 0) & (rank < x.shape[1] - 1)
    return dy[:, None] * inside / (x.shape[1] - 2)


@op("x.median(1).values", x=(3, 5))
def median(x):
    return np.median(x, axis=1), x


@right("median of five", median)
def median_backward(dy, x):
    return dy[:, None] * (x == np.median(x, axis=1, keepdims=True))

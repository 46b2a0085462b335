# ruff: noqa: RUF059, RET503 — people unpack the whole cache, and return too early
"""Max pooling exactly at ties (integers, as in images), and pooling with a slip."""

import numpy as np

from tests.minicnn.gradient_check.students import pooling as p
from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, of_class, op, right

IMAGE = np.array([[[[3, 3, 1, 2], [0, 3, 2, 2], [5, 5, 0, 0], [5, 5, 0, 0]]]], float)


@op("F.max_pool2d(x, 2)", x=IMAGE, kinks=True)
def tied(x):
    out = np.zeros((1, 1, 2, 2))
    for i in range(2):
        for j in range(2):
            out[0, 0, i, j] = x[0, 0, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max()
    return out, x


@op("F.max_pool2d(x, 2)", x=IMAGE, kinks=True)
def tied_reshape(x):
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
    return blocks.max(axis=(3, 5)), x


def blocks_of(x):
    for i in (0, 2):
        for j in (0, 2):
            yield i, j, x[0, 0, i : i + 2, j : j + 2]


@right("tied max pool in loops, the first winner", tied)
@right("tied max pool by reshape, the first winner", tied_reshape)
def tied_first(dy, x):
    dx = np.zeros_like(x)
    for i, j, block in blocks_of(x):
        a, b = divmod(int(block.argmax()), 2)
        dx[0, 0, i + a, j + b] = dy[0, 0, i // 2, j // 2]
    return dx


@right("tied max pool in loops, the last winner", tied)
@right("tied max pool by reshape, the last winner", tied_reshape)
def tied_last(dy, x):
    dx = np.zeros_like(x)
    for i, j, block in blocks_of(x):
        a, b = divmod(3 - int(block[::-1, ::-1].argmax()), 2)
        dx[0, 0, i + a, j + b] = dy[0, 0, i // 2, j // 2]
    return dx


@right("tied max pool in loops, equal shares", tied)
@right("tied max pool by reshape, equal shares", tied_reshape)
def tied_shares(dy, x):
    dx = np.zeros_like(x)
    for i, j, block in blocks_of(x):
        mask = block == block.max()
        dx[0, 0, i : i + 2, j : j + 2] = mask / mask.sum() * dy[0, 0, i // 2, j // 2]
    return dx


ALL_TIED = ["tie", "winner", "all the maxima", "every maximum", "several"]


@faulty("tied max pool in loops, every winner gets everything", tied, ALL_TIED)
@faulty("tied max pool by reshape, every winner gets everything", tied_reshape, ALL_TIED)
def tied_everything(dy, x):
    big = np.kron(dy, np.ones((2, 2)))
    out = np.kron(tied_reshape(x)[0], np.ones((2, 2)))
    return big * (x == out)


@op("x.amax(1)", x=[[1.0, 4.0, 4.0], [2.0, 2.0, 2.0]], kinks=True)
def tied_rows(x):
    return x.max(axis=1), x


@right("tied row maximum, argmax", tied_rows)
def tied_rows_backward(dy, x):
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), x.argmax(axis=1)] = dy
    return dx


@faulty("tied row maximum, x == max", tied_rows, ALL_TIED)
def tied_rows_everything(dy, x):
    return dy[:, None] * (x == x.max(axis=1, keepdims=True))


@op("F.max_pool1d(x[None], 3, stride=1)[0]", x=[[1.0, 1.0, 0.0, 1.0, 2.0]], kinks=True)
def tied_overlapping(x):
    return np.stack([x[:, t : t + 3].max(axis=1) for t in range(3)], axis=1), x


@right("tied overlapping pool 1-D, the first", tied_overlapping)
def tied_overlapping_backward(dy, x):
    dx = np.zeros_like(x)
    for t in range(3):
        dx[0, t + x[0, t : t + 3].argmax()] += dy[0, t]
    return dx


# ---- slips away from ties


@faulty("max pool, the whole window gets the gradient", p.max_pool_naive, ["window", "mask", "maximum"])
def pool_whole(dout, cache):
    return np.kron(dout, np.ones((2, 2)))


@faulty("max pool, average shares", p.max_pool_naive, ["average", "mean", "share"])
def pool_average(dout, cache):
    return np.kron(dout, np.ones((2, 2))) / 4


@faulty("max pool, index without the stride", p.max_pool_naive, ["stride"])
def pool_index(dout, cache):
    x, k, s = cache
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        window = x[n, c, i * s : i * s + k, j * s : j * s + k]
        a, b = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, i + a, j + b] += dout[n, c, i, j]
    return dx


@faulty("max pool, return inside the loop", p.max_pool_naive, ["return", "first", "only"])
def pool_return(dout, cache):
    x, k, s = cache
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        window = x[n, c, i * s : i * s + k, j * s : j * s + k]
        dx[n, c, i * s : i * s + k, j * s : j * s + k] += (window == window.max()) * dout[n, c, i, j]
        return dx


@faulty("max pool, the minimum is sought", p.max_pool_naive, ["minimum", "argmin", "smallest", "wrong place"])
def pool_minimum(dout, cache):
    x, k, s = cache
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        window = x[n, c, i * s : i * s + k, j * s : j * s + k]
        dx[n, c, i * s : i * s + k, j * s : j * s + k] += (window == window.min()) * dout[n, c, i, j]
    return dx


@faulty("max pool, the value for the mask", p.max_pool_naive, ["maximum itself", "value"])
def pool_value(dout, cache):
    x, k, s = cache
    mask = np.kron(max_of(x), np.ones((2, 2))) == x
    return mask * x * np.kron(dout, np.ones((2, 2)))


def max_of(x):
    return p.max_pool_naive(x)[0]


@faulty("max pool, mask of the whole image's maximum", p.max_pool_naive, ["maximum", "mask", "window"])
def pool_image_maximum(dout, cache):
    x, k, s = cache
    return np.kron(dout, np.ones((2, 2))) * (x == x.max(axis=(2, 3), keepdims=True))


@faulty(
    "max pool NHWC, transposed back wrongly", p.max_pool_nhwc, ["axes", "transpos", "rearranged", "order"]
)
def pool_transpose(dy, cache):
    (n, h, w, c), winner = cache
    d = np.zeros((n, h // 2, w // 2, c, 4))
    np.put_along_axis(d, winner[..., None], dy[..., None], -1)
    return d.reshape(n, h // 2, w // 2, c, 2, 2).transpose(0, 2, 5, 1, 4, 3).reshape(n, h, w, c)


@faulty("overlapping max pool, = for +=", p.max_pool_overlapping, ["+=", "overwrit", "last", "assign"])
def pool_overwrites(dy, cache):
    x, windows, k, s = cache
    dx = np.zeros(x.shape)
    flat = windows.reshape(*windows.shape[:4], -1).argmax(-1)
    n, c, i, j = np.indices(dy.shape)
    dx[n, c, i * s + flat // k, j * s + flat % k] = dy
    return dx


@faulty(
    "average pool, not divided", p.avg_pool, ["4 times", "average", "divide", "window", "number of entries"]
)
def average_not_divided(dy, shape):
    return dy.repeat(2, axis=2).repeat(2, axis=3)


@faulty("average pool, divided by 2 for 2·2", p.avg_pool, ["2 times", "twice", "window"])
def average_half(dy, shape):
    return dy.repeat(2, axis=2).repeat(2, axis=3) / 2


@faulty("average pool, tile for repeat", p.avg_pool, ["tile", "repeat", "rearranged", "order", "wrong place"])
def average_tile(dy, shape):
    return np.tile(dy, (1, 1, 2, 2)) / 4


@faulty("overlapping average pool, = for +=", p.avg_pool_coursera, ["+=", "overwrit", "last", "assign"])
def average_overwrites(dA, cache):
    A, f, stride = cache
    dx = np.zeros(A.shape)
    for i, h, w, c in np.ndindex(*dA.shape):
        dx[i, h * stride : h * stride + f, w * stride : w * stride + f, c] = dA[i, h, w, c] / (f * f)
    return dx


@faulty("overlapping average pool, stride forgotten", p.avg_pool_coursera, ["stride"])
def average_stride(dA, cache):
    A, f, stride = cache
    dx = np.zeros(A.shape)
    for i, h, w, c in np.ndindex(*dA.shape):
        dx[i, h : h + f, w : w + f, c] += dA[i, h, w, c] / (f * f)
    return dx


@faulty("global average pool, divided by the batch too", p.global_average, ["batch", "divided by 2", "0.5"])
def global_average_batch(dy, shape):
    return np.broadcast_to(dy[:, :, None, None], shape) / (shape[0] * shape[2] * shape[3])


@faulty(
    "global average pool, not divided",
    p.global_average,
    ["8 times", "average", "divide", "window", "number of entries"],
)
def global_average_sum(dy, shape):
    return np.ones(shape) * dy[:, :, None, None]


class LpWithoutRoot(p.LpPool):
    """Forgets the derivative of the root."""

    def backward(self, dy):
        return 2 * self.x * np.kron(dy, np.ones((1, 1, 2, 2)))


faulty_pair(
    "L2 pool, root forgotten",
    of_class(LpWithoutRoot),
    "F.lp_pool2d(x, 2., 2)",
    ["slope is missing"],
    x=(1, 2, 4, 4),
)


@faulty(
    "top k, sorted gradient put at the front",
    p.top_k,
    ["order", "index", "wrong place", "rearranged", "own position"],
)
def top_k_front(dy, cache):
    shape, order = cache
    dx = np.zeros(shape)
    dx[:, :2] = dy
    return dx

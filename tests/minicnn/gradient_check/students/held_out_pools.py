# ruff: noqa: RUF059 — people unpack the whole cache
"""Pools, resizing and embeddings: integral images, scatter, uneven bins, named axes; right and wrong."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.minicnn.gradient_check.students.corpus import faulty, op, right

# ---- max pool with overlapping windows, NHWC


@op("nhwc(F.max_pool2d(nchw(x), 3, 2))", x=(2, 5, 7, 2))
def overlapping_max(x):
    v = sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::2]
    flat = v.reshape(*v.shape[:4], 9)
    k = flat.real.argmax(-1)
    return np.take_along_axis(flat, k[..., None], -1)[..., 0], (k, x.shape)


def winners(k):
    n, i, j, c = np.indices(k.shape)
    return n, 2 * i + k // 3, 2 * j + k % 3, c


@right("overlapping max pool, np.indices and np.add.at", overlapping_max)
def overlapping_back(dy, cache):
    k, shape = cache
    dx = np.zeros(shape)
    np.add.at(dx, winners(k), dy)
    return dx


@faulty("overlapping max pool, plain += at the winners", overlapping_max, ["+=", "add.at", "overwrit"])
def overlapping_plus(dy, cache):
    k, shape = cache
    dx = np.zeros(shape)
    dx[winners(k)] += dy
    return dx


@faulty("overlapping max pool, rows and columns of argmax exchanged", overlapping_max, ["changed places"])
def overlapping_exchanged(dy, cache):
    k, shape = cache
    dx = np.zeros(shape)
    n, i, j, c = np.indices(k.shape)
    np.add.at(dx, (n, 2 * i + k % 3, 2 * j + k // 3, c), dy)
    return dx


@op("F.max_pool1d(x, 2)", x=(3, 2, 6))
def pool_pairs(x):
    even, odd = x[..., ::2], x[..., 1::2]
    left = even.real >= odd.real
    return np.where(left, even, odd), left


@right("max pool of pairs, even and odd", pool_pairs)
def pool_pairs_back(dy, left):
    return np.stack([dy * left, dy * ~left], -1).reshape(*dy.shape[:-1], -1)


@faulty(
    "max pool of pairs, put after each other",
    pool_pairs,
    ["order", "wrong place", "rearranged", "reshape", "permut"],
)
def pool_pairs_behind(dy, left):
    return np.concatenate([dy * left, dy * ~left], -1)


# ---- average pool


@op("F.avg_pool2d(x[None], 3, 1)[0]", x=(2, 5, 6))
def box_filter(x):
    s = np.pad(x.cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0)))
    return (s[:, 3:, 3:] - s[:, :-3, 3:] - s[:, 3:, :-3] + s[:, :-3, :-3]) / 9, None


def box_back(dy, by=9, wide=2):
    p = np.pad(dy, ((0, 0), (wide, wide), (wide, wide)))
    return sliding_window_view(p, (3, 3), axis=(1, 2)).sum((-2, -1)) / by


@right("box filter by an integral image", box_filter)
def box_right(dy, _):
    return box_back(dy)


@faulty("box filter, divided by 3", box_filter, ["3", "side", "window"])
def box_side(dy, _):
    return box_back(dy, 3)


@faulty("box filter, no share at all", box_filter, ["9", "window", "average", "divid", "sum"])
def box_sum(dy, _):
    return box_back(dy, 1)


@op("F.adaptive_avg_pool1d(x, 3)", x=(2, 2, 7))
def adaptive(x):
    edges = [(i * 7 // 3, -(-(i + 1) * 7 // 3)) for i in range(3)]
    return np.stack([x[..., a:b].mean(-1) for a, b in edges], -1), (x.shape, edges)


@right("adaptive average pool, bins that overlap", adaptive)
def adaptive_back(dy, cache):
    shape, edges = cache
    dx = np.zeros(shape)
    for i, (a, b) in enumerate(edges):
        dx[..., a:b] += dy[..., i, None] / (b - a)
    return dx


@faulty("adaptive average pool, the bins' overlap overwritten", adaptive, ["+=", "overwrit"])
def adaptive_assign(dy, cache):
    shape, edges = cache
    dx = np.zeros(shape)
    for i, (a, b) in enumerate(edges):
        dx[..., a:b] = dy[..., i, None] / (b - a)
    return dx


@op("x.mean((1, 2)) @ w", x=(2, 3, 4, 3), w=(3, 5))
def head(x, w):
    pooled = np.einsum("bhwc->bc", x) / (x.shape[1] * x.shape[2])
    return pooled @ w, (pooled, w, x.shape)


@right("global average pool and a dense layer, einsum", head)
def head_back(dy, cache):
    pooled, w, (b, h, k, c) = cache
    return np.broadcast_to((dy @ w.T)[:, None, None] / (h * k), (b, h, k, c)).copy(), pooled.T @ dy


@faulty("global average pool and a dense layer, not divided", head, ["12", "divid", "mean"])
def head_not_divided(dy, cache):
    dx, dw = head_back(dy, cache)
    return dx * 12, dw


@faulty("global average pool and a dense layer, dw of the first sample", head, ["sample", "first", "batch"])
def head_first(dy, cache):
    return head_back(dy, cache)[0], np.outer(cache[0][0], dy[0])


# ---- bilinear resize


@op("F.interpolate(x, (5, 6), mode='bilinear', align_corners=True)", x=(1, 2, 3, 4))
def resize(x):
    h, w = x.shape[2:]
    r, c = np.linspace(0, h - 1, 5)[:, None], np.linspace(0, w - 1, 6)[None]
    r0, c0 = np.minimum(r.astype(int), h - 2), np.minimum(c.astype(int), w - 2)
    corners = [
        (r0 + i, c0 + j, abs(1 - i - (r - r0)) * abs(1 - j - (c - c0))) for i in (0, 1) for j in (0, 1)
    ]
    return sum(x[..., i, j] * f for i, j, f in corners), (corners, x.shape)


@right("bilinear resize, four corners and np.add.at", resize)
def resize_back(dy, cache):
    corners, shape = cache
    dx = np.zeros(shape)
    for i, j, f in corners:
        np.add.at(dx, (..., i, j), dy * f)
    return dx


@faulty("bilinear resize, plain +=", resize, ["an index that repeats"], may=["+=", "add.at", "overwrit"])
def resize_plus(dy, cache):
    corners, shape = cache
    dx = np.zeros(shape)
    for i, j, f in corners:
        dx[..., i, j] += dy * f
    return dx


@faulty("bilinear resize, the weights of opposite corners exchanged", resize, None)
def resize_exchanged(dy, cache):
    corners, shape = cache
    dx = np.zeros(shape)
    for (i, j, _), (_, _, f) in zip(corners, corners[::-1]):
        np.add.at(dx, (..., i, j), dy * f)
    return dx


@faulty("bilinear resize, only the nearest corner", resize, None, may=["only one"])
def resize_nearest(dy, cache):
    corners, shape = cache
    dx = np.zeros(shape)
    i, j, f = corners[0]
    np.add.at(dx, (..., i, j), dy)
    return dx


# ---- embeddings

BAGS = np.array([[0, 2, 2], [1, 4, 0], [2, 3, 1], [4, 4, 4]])


@op("table[bags].mean(1)", table=(6, 4), options={"bags": BAGS})
def bag(table, bags):
    return table[bags].mean(axis=1), (bags, table.shape)


@right("bag of words, mean, np.add.at", bag)
def bag_back(grad, cache):
    bags, shape = cache
    d = np.zeros(shape)
    np.add.at(d, bags, grad[:, None] / bags.shape[1])
    return d


@faulty("bag of words, the mean's 1/3 forgotten", bag, ["3", "divid", "mean"])
def bag_sum(grad, cache):
    return 3 * bag_back(grad, cache)


@faulty("bag of words, a word twice in a bag counts once", bag, None, may=["+=", "add.at", "overwrit"])
def bag_once(grad, cache):
    bags, shape = cache
    d = np.zeros(shape)
    for words, g in zip(bags, grad):
        d[words] += g / len(words)
    return d


@op("words[ids] + places[:3]", words=(5, 4), places=(4, 4), options={"ids": BAGS})
def positions(words, places, ids):
    return words[ids] + places[: ids.shape[1]], (ids, words.shape, places.shape)


@right("word and position embedding, np.bincount", positions)
def positions_back(g, cache):
    ids, a, b = cache
    dw = np.stack([np.bincount(ids.ravel(), g[..., d].ravel(), a[0]) for d in range(a[1])], 1)
    dp = np.zeros(b)
    dp[: ids.shape[1]] = g.sum(0)
    return dw, dp


@faulty(
    "word and position embedding, the places not summed over the batch",
    positions,
    ["sample", "first", "batch", "sum"],
)
def positions_first(g, cache):
    dw, dp = positions_back(g, cache)
    dp[: g.shape[1]] = g[0]
    return dw, dp


# ---- concatenation of branches (inception)


@op("torch.cat((torch.relu(x), x**2, x), 1)", x=(2, 3, 2, 2))
def branches(x):
    return np.concatenate([np.where(x > 0, x, 0 * x), x**2, x], 1), x


@right("three branches, concatenated channels", branches)
def branches_back(d, x):
    a, b, c = np.split(d, 3, 1)
    return a * (x > 0) + 2 * x * b + c


@faulty(
    "three branches, the identity's forgotten",
    branches,
    ["path through it is missing"],
    may=["branch", "dy", "missing", "path", "skip"],
)
def branches_two(d, x):
    a, b, c = np.split(d, 3, 1)
    return a * (x > 0) + 2 * x * b


@faulty("three branches, blocks of dy exchanged", branches, ["exchanged"])
def branches_exchanged(d, x):
    b, a, c = np.split(d, 3, 1)
    return a * (x > 0) + 2 * x * b + c

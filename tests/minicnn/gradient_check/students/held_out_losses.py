# ruff: noqa: RUF059 — people unpack the whole cache
"""Losses: ignored labels, pixels, margins, quantiles; right and wrong."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, op, right

IGNORED = np.array([2, -100, 0, 1, -100])


def soft(z, axis=-1):
    e = np.exp(z - z.real.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@op("F.cross_entropy(z, y)", z=(5, 3), options={"y": IGNORED})
def with_ignored(z, y):
    keep = np.flatnonzero(y >= 0)
    p = soft(z)
    return -np.log(p[keep, y[keep]]).mean(), (p, y, keep)


def with_ignored_back(d, cache, count=3):
    p, y, keep = cache
    dz = np.zeros(p.shape)
    dz[keep] = p[keep]
    dz[keep, y[keep]] -= 1
    return d * dz / count


@right("cross-entropy, -100 ignored", with_ignored)
def ignored_right(d, cache):
    return with_ignored_back(d, cache)


@faulty("cross-entropy, -100 ignored, divided by all", with_ignored, ["5", "factor", "0.6", "divid"])
def ignored_count(d, cache):
    return with_ignored_back(d, cache, 5)


@faulty("cross-entropy, -100 ignored but taken as the last class in backward", with_ignored, None)
def ignored_not(d, cache):
    p, y, keep = cache
    return d * (p - np.eye(3)[np.maximum(y, -1)]) / 3


@faulty("cross-entropy, p of the cache changed", with_ignored, ["in place", "changed"])
def ignored_in_place(d, cache):
    p, y, keep = cache
    p[keep, y[keep]] -= 1
    p[y < 0] = 0
    p *= d / len(keep)
    return p


LABELS = np.array([[[0, 1], [2, 2], [1, 0]], [[1, 1], [0, 2], [2, 0]]])


@op("F.cross_entropy(z, y)", z=(2, 3, 3, 2), options={"y": LABELS})
def per_pixel(z, y):
    p = soft(z, 1)
    t = np.moveaxis(np.eye(3)[y], -1, 1)
    return -(t * np.log(p)).sum() / y.size, (z, p, t)


@right("cross-entropy of each pixel", per_pixel)
def per_pixel_back(d, cache):
    z, p, t = cache
    return d * (p - t) / (t.size / 3)


@faulty("cross-entropy of each pixel, softmax over the last axis", per_pixel, ["axis"])
def per_pixel_axis(d, cache):
    z, p, t = cache
    return d * (soft(z) - t) / 12


@faulty("cross-entropy of each pixel, divided by the batch only", per_pixel, ["6", "divid", "multiplied"])
def per_pixel_count(d, cache):
    z, p, t = cache
    return d * (p - t) / 2


@faulty("cross-entropy of each pixel, one-hot not moved", per_pixel, None)
def per_pixel_not_moved(d, cache):
    z, p, t = cache
    return d * (p - np.moveaxis(t, 1, -1).reshape(p.shape)) / 12


TAGS = np.array([[1.0, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 0]])
WEIGHT = np.array([1.0, 2.0, 5.0])


@op(
    "F.binary_cross_entropy_with_logits(z, t, pos_weight=w)",
    z=(4, 3),
    options={"t": TAGS, "w": WEIGHT},
)
def tags(z, t, w):
    s = 1 / (1 + np.exp(-z))
    return -(w * t * np.log(s) + (1 - t) * np.log(1 - s)).mean(), (s, t, w)


@right("tags with weights of the positives", tags)
def tags_back(d, cache):
    s, t, w = cache
    return d * (s * (1 - t) - w * t * (1 - s)) / s.size


@faulty("tags, weights of the positives forgotten", tags, ["another array"], may=["weight", "own factor"])
def tags_plain(d, cache):
    s, t, w = cache
    return d * (s - t) / s.size


@faulty("tags, the sigmoid's slope once more", tags, ["sigmoid", "s·(1 − s)", "slope", "derivative"])
def tags_slope(d, cache):
    s, t, w = cache
    return tags_back(d, cache) * s * (1 - s)


SIDE = np.array([1.0, -1, -1, 1, 1])


@op("(torch.relu(1 - y * f)**2).mean()", f=lambda rng: rng.standard_normal(5) / 2, options={"y": SIDE})
def squared_hinge(f, y):
    m = 1 - y * f
    m = m * (m > 0)
    return (m**2).mean(), (m, y)


@right("squared hinge of two classes", squared_hinge)
def squared_hinge_back(d, cache):
    m, y = cache
    return -d * 2 * m * y / len(y)


@faulty("squared hinge of two classes, without the 2", squared_hinge, ["2", "half", "factor"])
def squared_hinge_two(d, cache):
    m, y = cache
    return -d * m * y / len(y)


@faulty("squared hinge of two classes, y forgotten", squared_hinge, ["sign", "target", "y"])
def squared_hinge_y(d, cache):
    m, y = cache
    return -d * 2 * m / len(y)


@faulty("squared hinge of two classes, the hinge's own slope", squared_hinge, ["slope is missing", "2"])
def squared_hinge_slope(d, cache):
    m, y = cache
    return -d * (m > 0) * y / len(y)


CLASS = np.array([0, 2, 1, 2])


@op("hinge(x, y)", x=(4, 3), options={"y": CLASS})
def margins(x, y):
    n = np.arange(len(y))
    m = x - x[n, y][:, None] + 1
    m = np.where(m > 0, m, 0)
    m[n, y] = 0
    return m.sum() / len(y), (m, n, y)


@right("Weston-Watkins margins, bool arrays", margins)
def margins_back(d, cache):
    m, n, y = cache
    g = (m > 0).astype(float)
    g[n, y] = -g.sum(1)
    return d * g / len(n)


@faulty("Weston-Watkins margins, the right class gets -1", margins, ["count", "right class", "margin"])
def margins_one(d, cache):
    m, n, y = cache
    g = (m > 0).astype(float)
    g[n, y] = -1
    return d * g / len(n)


@op("F.huber_loss(x, t, delta=0.5, reduction='sum')", x=(3, 4), t=(3, 4))
def huber(x, t):
    r = x - t
    a = np.where(r.real > 0, r, -r)
    return np.select([a.real <= 0.5], [r * r / 2], 0.5 * (a - 0.25)).sum(), r


@right("huber, delta 1/2, np.select", huber)
def huber_back(d, r):
    g = d * np.select([r > 0.5, r < -0.5], [0.5, -0.5], r)
    return g, -g


@faulty("huber, delta 1/2, the linear part with slope 1", huber, ["delta", "δ", "slope", "2", "linear"])
def huber_delta(d, r):
    g = d * np.select([r > 0.5, r < -0.5], [1.0, -1.0], r)
    return g, -g


@faulty("huber, delta 1/2, the target's gradient without minus", huber, ["sign"])
def huber_target(d, r):
    g = huber_back(d, r)[0]
    return g, g


@op("torch.maximum(0.9 * (t - q), -0.1 * (t - q)).mean()", q=(6,), t=(6,))
def pinball(q, t):
    e = t - q
    return np.where(e.real > 0, 0.9 * e, -0.1 * e).mean(), e


@right("quantile loss", pinball)
def pinball_back(d, e):
    g = d * np.where(e > 0, -0.9, 0.1) / e.size
    return g, -g


@op("F.poisson_nll_loss(u, k)", u=(5,), options={"k": np.array([0.0, 3, 1, 2, 5])})
def poisson(u, k):
    return (np.exp(u) - k * u).mean(), (u, k)


@right("Poisson, log rate", poisson)
def poisson_back(d, cache):
    u, k = cache
    return d * (np.exp(u) - k) / k.size


@faulty("Poisson, the rate without exp", poisson, ["used for the slope"], may=["exp"])
def poisson_rate(d, cache):
    u, k = cache
    return d * (u - k) / k.size


@faulty("Poisson, the counts forgotten", poisson, ["target", "k", "constant", "missing"])
def poisson_counts(d, cache):
    u, k = cache
    return d * np.exp(u) / k.size

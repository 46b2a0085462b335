# ruff: noqa: RUF059 — people unpack the whole cache
"""Faults for which the numbers do not single out a cause, or another one than the obvious."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, op

# ---- a factor that is the length of an axis by chance: the report may only say that it is, not that this is why


@op("x**3", x=(3, 4))
def cube(x):
    return x**3, x


@faulty("cube of 3 rows, the exponent forgotten", cube, ["constant factor", "exponent", "power"])
def cube_exponent(dy, x):
    return dy * x**2


@op("torch.softmax(x / 3, 0)", x=(4, 3))
def warm(x):
    e = np.exp(x / 3)
    p = e / e.sum(0)
    return p, p


@faulty("softmax of 3 columns, temperature 3 forgotten", warm, ["constant factor", "inside"])
def warm_temperature(dy, p):
    return p * (dy - (p * dy).sum(0))


BAGS = np.array([[0, 2, 2], [1, 4, 0], [2, 3, 1], [4, 4, 4]])


@op("table[bags].mean(1)", table=(6, 3), options={"bags": BAGS})
def bag(table, bags):
    return table[bags].mean(1), (bags, table.shape)


@faulty("bags of 3 words, width 3, the mean's 1/3 forgotten", bag, ["constant factor", "mean", "average"])
def bag_mean(dy, cache):
    bags, shape = cache
    d = np.zeros(shape)
    np.add.at(d, bags, dy[:, None])
    return d


# ---- a derivative that has two values: a difference that is constant, or sign(x), says nothing


@op("torch.relu(x).sum()", x=(3, 4))
def relu_sum(x):
    return np.where(x > 0, x, 0 * x).sum(), x


@faulty("sum of relu, mask turned around", relu_sum, ["mask"])
def relu_sum_mask(dy, x):
    return dy * (x < 0)


@op("F.leaky_relu(x, 0.1).mean()", x=(3, 4))
def leaky_mean(x):
    return np.where(x > 0, x, 0.1 * x).mean(), x


@faulty("mean of leaky relu, slopes exchanged", leaky_mean, None, may=["slope", "exchanged", "mask"])
def leaky_mean_exchanged(dy, x):
    return dy * np.where(x > 0, 0.1, 1) / x.size


@op("torch.maximum(0.9 * (t - q), -0.1 * (t - q)).mean()", q=(6,), t=(6,))
def pinball(q, t):
    e = t - q
    return np.where(e > 0, 0.9 * e, -0.1 * e).mean(), e


@faulty("quantile loss, 0.1 and 0.9 exchanged", pinball, None, may=["slope", "exchanged"])
def pinball_exchanged(dy, e):
    g = dy * np.where(e > 0, -0.1, 0.9) / e.size
    return g, -g


@op("x.max(1).values.sum()", x=(3, 4))
def row_maxima(x):
    return x.max(1).sum(), x


@faulty(
    "sum of the rows' maxima, the mask of the maximum of all",
    row_maxima,
    None,
    may=["whole", "of all", "axis"],
)
def row_maxima_all(dy, x):
    return dy * (x == x.max())


# ---- a term that is there, twice


@op("x + torch.tanh(x)", x=(3, 4))
def shortcut(x):
    t = np.tanh(x)
    return x + t, t


@faulty("tanh and a shortcut, the shortcut twice", shortcut, ["twice", "too often", "2·dy", "2 times"])
def shortcut_twice(dy, t):
    return 2 * dy + dy * (1 - t**2)


# ---- a path that is missing: of h through tanh; a sum has no slope that could be missing


@op("torch.exp(x) * torch.tanh(torch.exp(x) + x) + torch.exp(x)", x=(3, 4))
def two_ways(x):
    h = np.exp(x)
    u = h + x
    t = np.tanh(u)
    return h * t + h, (h, t)


@faulty(
    "h in a product and in tanh, the way through tanh forgotten",
    two_ways,
    None,
    may=["path", "way", "constant"],
)
def two_ways_one(dy, cache):
    h, t = cache
    return dy * (h * t + h * (1 - t**2) + h)


# ---- too few numbers


@op("x @ w", x=(1, 1), w=(1, 1))
def one_by_one(x, w):
    return x @ w, (x, w)


@faulty("dense layer of one weight, dw without x", one_by_one, None, may=["x is", "upstream", "dy itself"])
def one_by_one_x(dy, cache):
    x, w = cache
    return dy @ w.T, dy.copy()


@op("torch.logsumexp(x, 1)", x=(2, 4))
def rows(x):
    e = np.exp(x)
    return np.log(e.sum(1)), e / e.sum(1, keepdims=True)


@faulty("log-sum-exp of two rows, negative gradients cut off", rows, ["dy > 0", "negative"])
def rows_cut(dy, p):
    return np.maximum(dy[:, None] * p, 0)


@op("torch.tanh(x @ w)", x=(2, 3), w=(3, 4))
def two_samples(x, w):
    t = np.tanh(x @ w)
    return t, (x, w, t)


@faulty("two samples, range(n - 1)", two_samples, ["off by one", "last sample"])
def two_samples_range(dy, cache):
    x, w, t = cache
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for i in range(len(x) - 1):
        dx[i] = w @ (dy[i] * (1 - t[i] ** 2))
        dw += np.outer(x[i], dy[i] * (1 - t[i] ** 2))
    return dx, dw


@op("torch.softmax(x, 0)", x=(4, 3))
def columns(x):
    e = np.exp(x)
    return e / e.sum(0), e / e.sum(0)


@faulty("softmax of columns, all entries get their mean: zero but for rounding", columns, ["zero"])
def columns_mean(dy, p):
    d = p * (dy - (p * dy).sum(0))
    return np.broadcast_to(d.mean(0), d.shape)


@op("torch.softmax(x, 1)", x=(1, 4))
def one_row(x):
    e = np.exp(x)
    return e / e.sum(1), e / e.sum(1)


@faulty("softmax of one row, the sum over axis 0", one_row, ["axis"], may=["diagonal"])
def one_row_axis(dy, p):
    return p * (dy - (p * dy).sum(0))


# ---- the opposite is said: the kernel is transposed, and must not be


@op("F.conv2d(x[None, None], k[None, None])[0, 0]", x=(4, 4), k=(2, 2))
def picture(x, k):
    return sum(k[i, j] * x[i : i + 3, j : j + 3] for i in (0, 1) for j in (0, 1)), (x, k)


@faulty("conv of one picture, k[j, i] for k[i, j] in dx", picture, ["is transposed", "exchanged", "swapped"])
def picture_transposed(dy, cache):
    x, k = cache
    dx, dk = np.zeros(x.shape), np.zeros(k.shape)
    for i, j in np.ndindex(2, 2):
        dx[i : i + 3, j : j + 3] += k[j, i] * dy
        dk[i, j] = (x[i : i + 3, j : j + 3] * dy).sum()
    return dx, dk

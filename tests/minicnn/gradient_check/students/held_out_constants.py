# ruff: noqa: RUF059 — people unpack the whole cache
"""Constants, masks and choices of the forward pass that are others in the backward pass; and factors of its values."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, op, right, uniform

# ---- a constant


@op(
    "torch.maximum(q * (t - p), (q - 1) * (t - p)).sum()",
    p=(4, 3),
    options={"t": np.linspace(-2, 2, 12).reshape(4, 3) ** 3, "q": 0.8},
)
def pinball(p, t, q):
    e = t - p
    return np.maximum(q * e, (q - 1) * e).sum(), (e, q)


@right("pinball loss, where", pinball)
def pinball_where(dy, cache):
    e, q = cache
    return dy * np.where(e > 0, -q, 1 - q)


@faulty("pinball loss, q and 1 - q exchanged", pinball, ["1 − q is in the place of q"])
def pinball_sides(dy, cache):
    e, q = cache
    return dy * np.where(e > 0, q - 1, q)


@op("torch.sqrt(((x[:, None] - c) ** 2).sum(-1) + 0.01)", x=(4, 3), c=(2, 3))
def distance(x, c, eps=1e-2):
    return np.sqrt(((x[:, None] - c) ** 2).sum(-1) + eps), (x[:, None] - c, eps)


def distance_back(dy, apart, d):
    g = apart * (dy / d)[..., None]
    return g.sum(1), -g.sum(0)


@right("distances, eps in the root", distance)
def distance_right(dy, cache):
    apart, eps = cache
    return distance_back(dy, apart, np.sqrt((apart**2).sum(-1) + eps))


@faulty("distances, eps outside of the root", distance, ["1/(2·(√v + eps)) is used"])
def distance_outside(dy, cache):
    apart, eps = cache
    return distance_back(dy, apart, np.sqrt((apart**2).sum(-1)) + eps)


@faulty("distances, eps left out", distance, ["eps is left out"])
def distance_no_eps(dy, cache):
    apart, eps = cache
    return distance_back(dy, apart, np.sqrt((apart**2).sum(-1)))


@op("0.5 * torch.logsumexp(x / 0.5, 1)", x=(3, 4))
def soft_max(x, t=0.5):
    m = x.max(1, keepdims=True)
    return (t * np.log(np.exp((x - m) / t).sum(1, keepdims=True)) + m)[:, 0], (x - m, t)


@right("soft maximum", soft_max)
def soft_max_right(dy, cache):
    x, t = cache
    e = np.exp(x / t)
    return dy[:, None] * e / e.sum(1, keepdims=True)


@faulty("soft maximum, the temperature forgotten inside", soft_max, ["t is forgotten"])
def soft_max_cold(dy, cache):
    x, t = cache
    e = np.exp(x)
    return dy[:, None] * e / e.sum(1, keepdims=True)


@faulty("soft maximum, divided by the temperature", soft_max, ["“t” in the code is 0.5"])
def soft_max_divided(dy, cache):
    return soft_max_right(dy, cache) / cache[1]


@op("F.hardswish(x)", x=lambda rng: 3 * rng.standard_normal((3, 6)))
def hard_swish(x):
    return x * np.clip(x + 3, 0, 6) / 6, x


@faulty(
    "hard swish, 1/6 forgotten in one term", hard_swish, ["6 times the right one, and “6” in the code is 6"]
)
def hard_swish_one(dy, x):
    return dy * np.where(x >= 3, 1, np.where(x > -3, (x + 3) / 6 + x, 0))


# ---- masks and choices


@op("F.elu(x, 0.8)", x=(4, 4))
def elu(x):
    return np.where(x > 0, x, 0.8 * (np.exp(x) - 1)), x


@faulty("elu 0.8, the condition turned around", elu, ["the mask of np.where is inverted"])
def elu_turned(dy, x):
    return dy * np.where(x < 0, 1, 0.8 * np.exp(x))


SIGNS = np.array([1, -1, 1, 1, -1, -1, 1.0])


@op(
    "torch.relu(1 - y * (X @ w)).mean()",
    w=uniform(2, 4, 3),
    options={"X": np.cos(np.arange(21.0)).reshape(7, 3), "y": SIGNS},
)
def margin(w, X, y):
    m = 1 - y * (X @ w)
    return np.maximum(m, 0).mean(), (m, X, y)


@right("hinge of a line", margin)
def margin_right(dy, cache):
    m, X, y = cache
    return -dy * X.T @ (y * (m > 0)) / len(y)


@faulty("hinge of a line, the met margins count", margin, ["the mask of np.maximum is inverted"])
def margin_turned(dy, cache):
    m, X, y = cache
    return -dy * X.T @ (y * (m <= 0)) / len(y)


@op("(torch.einsum('ni,iko->nko', x, W) + b).amax(1)", x=(4, 3), W=(3, 2, 5), b=(2, 5))
def maxout(x, W, b):
    z = np.tensordot(x, W, 1) + b
    i = z.argmax(1)[:, None]
    return np.take_along_axis(z, i, 1)[:, 0], (x, W, i)


def maxout_back(dz, x, W):
    return np.einsum("nko,iko->ni", dz, W), np.einsum("ni,nko->iko", x, dz), dz.sum(0)


@right("maxout", maxout)
def maxout_right(dy, cache):
    x, W, i = cache
    dz = np.zeros((len(x), *W.shape[1:]))
    np.put_along_axis(dz, i, dy[:, None], 1)
    return maxout_back(dz, x, W)


@faulty("maxout, every piece gets the gradient", maxout, ["every entry gets the gradient"])
def maxout_all(dy, cache):
    x, W, i = cache
    return maxout_back(np.repeat(dy[:, None], 2, 1), x, W)


@faulty("maxout, always the first piece", maxout, ["always the first entry"])
def maxout_first(dy, cache):
    x, W, i = cache
    dz = np.zeros((len(x), *W.shape[1:]))
    dz[:, 0] = dy
    return maxout_back(dz, x, W)


# ---- factors that are values of the forward pass


@op("x.prod(1)", x=uniform(0.5, 2, 3, 4))
def row_product(x):
    return np.prod(x, axis=1), x


@right("product of rows", row_product)
def row_product_right(dy, x):
    return dy[:, None] * np.prod(x, axis=1, keepdims=True) / x


@faulty("product of rows, not divided by x", row_product, ["multiplied by x once too often"])
def row_product_whole(dy, x):
    return dy[:, None] * np.prod(x, axis=1, keepdims=True) * np.ones_like(x)


@op("F.normalize(v, dim=1, eps=0)", v=(4, 3))
def direction(v):
    n = np.sqrt((v**2).sum(1, keepdims=True))
    return v / n, (v / n, n)


@faulty("directions, not divided by the norm", direction, ["multiplied by “n” once too often", "“np.sqrt("])
def direction_long(dy, cache):
    u, n = cache
    return dy - u * (u * dy).sum(1, keepdims=True)


@op("x.std(1, unbiased=False)", x=(3, 5))
def spread(x):
    return np.std(x, axis=1), x


@faulty("standard deviation, the variance's derivative", spread, ["multiplied by y once too often, and by 2"])
def spread_of_variance(dy, x):
    return 2 * dy[:, None] * (x - x.mean(1, keepdims=True)) / x.shape[1]


@op("x.var(0)", x=(5, 3))
def sample_variance(x):
    m = x.mean(0)
    return ((x - m) ** 2).sum(0) / (len(x) - 1), x - m


@faulty("sample variance, n for n - 1", sample_variance, ["n for n − 1"])
def sample_variance_n(dy, c):
    return 2 * dy * c / len(c)


@op("(a.abs() ** 3).sum(1) ** (1 / 3)", a=(4, 3))
def norm_of_three(a, p=3):
    return (np.abs(a) ** p).sum(1) ** (1 / p), (a, p)


@faulty("norm of the third power, the root's slope forgotten", norm_of_three, ["only the k is there"])
def norm_without_root(dy, cache):
    a, p = cache
    return np.abs(a) ** (p - 1) * np.sign(a) * dy[:, None]

# ruff: noqa: RUF059 — people unpack the whole cache
"""What is used several times, and sizes that are equal by chance: a cause must not be an accident of the numbers."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, of_class, op, right

# ---- = for +=: the last item of a loop, one of several uses


USERS, FILMS, STARS = (
    np.array([0, 0, 1, 2, 2, 1]),
    np.array([0, 2, 0, 3, 1, 2]),
    np.array([3, 1, 4, 2, 5, 3.5]),
)


@op("((stars - (P[users] * Q[films]).sum(1)) ** 2).sum()", P=(3, 2), Q=(4, 2),
    options={"users": USERS, "films": FILMS, "stars": STARS})  # fmt: skip
def ratings(P, Q, users, films, stars):
    loss = 0
    for u, i, s in zip(users, films, stars):
        loss = loss + (s - P[u] @ Q[i]) ** 2
    return loss, (P, Q, users, films, stars)


def ratings_back(dy, cache, last_only=False, own=False):
    P, Q, users, films, stars = cache
    dP, dQ = np.zeros_like(P), np.zeros_like(Q)
    for u, i, s in zip(users, films, stars):
        e = -2 * dy * (s - P[u] @ Q[i])
        dP[u] = e * Q[i] + dP[u] * (not last_only)
        dQ[i] += e * (Q[i] if own else P[u])
    return dP, dQ


@right("ratings, a loop over them", ratings)
def ratings_right(dy, cache):
    return ratings_back(dy, cache)


@faulty("ratings, a user's last one only", ratings, ["= is used instead of +="])
def ratings_last(dy, cache):
    return ratings_back(dy, cache, last_only=True)


@faulty("ratings, Q for P in dQ", ratings, ["its own value"])
def ratings_own(dy, cache):
    return ratings_back(dy, cache, own=True)


@op("torch.cat([x, torch.tanh(x @ W), torch.tanh(x)], 1)", x=(3, 2), W=(2, 3))
def branches(x, W):
    h, t = np.tanh(x @ W), np.tanh(x)
    return np.concatenate([x, h, t], axis=1), (x, W, h, t)


@faulty("three branches, the last assignment stays", branches, ["= is used instead of +="])
def branches_assigned(dy, cache):
    x, W, h, t = cache
    dx = dy[:, :2] + dy[:, 5:] * (1 - t**2)
    dz = dy[:, 2:5] * (1 - h**2)
    dx = dz @ W.T
    return dx, x.T @ dz


# ---- an index that is not undone; a maximum that is no hinge; two kinds of pooling that are no windows


@op("(torch.sort(x).values * w).sum()", x=(6,), w=(6,))
def ordered(x, w):
    order = np.argsort(x.real)
    return x[order] @ w, (x, w, order)


@faulty("weights of sorted numbers, not sorted back", ordered, ["the index is ignored"])
def ordered_not_back(dy, cache):
    x, w, order = cache
    return dy * w, dy * x[order]


@op("x.max(1).values - x.min(1).values", x=(4, 5))
def spread(x):
    rows, hi, lo = np.arange(len(x)), x.real.argmax(1), x.real.argmin(1)
    return x[rows, hi] - x[rows, lo], (x.shape, rows, hi, lo)


@faulty("maximum minus minimum, plus in backward", spread, ["sign of the derivative is wrong: at"])
def spread_plus(dy, cache):
    shape, rows, hi, lo = cache
    dx = np.zeros(shape)
    dx[rows, hi] += dy
    dx[rows, lo] += dy
    return dx


@op("torch.cat([x.mean((2, 3)), x.flatten(2).max(2).values], 1)", x=(2, 3, 3, 4))
def both_pools(x):
    flat = x.reshape(*x.shape[:2], -1)
    arg = flat.real.argmax(2)
    top = np.take_along_axis(flat, arg[..., None], 2)[..., 0]
    return np.concatenate([x.mean(axis=(2, 3)), top], axis=1), (x.shape, arg)


@faulty("mean and maximum of maps, the mean forgotten", both_pools, ["the path through it is missing"])
def both_pools_maximum(dy, cache):
    shape, arg = cache
    dx = np.zeros((*shape[:2], shape[2] * shape[3]))
    np.put_along_axis(dx, arg[..., None], dy[:, shape[1] :, None], 2)
    return dx.reshape(shape)


# ---- a factor, a penalty, a gradient that another array has too


@op("0.5 * ((X @ w - 1) ** 2).mean() + 0.3 * w.abs().sum() + 0.2 * (w**2).sum()", w=(5,), X=(6, 5))
def elastic(w, X):
    r = X @ w - 1
    return 0.5 * (r * r).mean() + 0.3 * np.sum(w * np.sign(w.real)) + 0.2 * (w * w).sum(), (w, X, r)


@faulty("elastic net, w for its sign", elastic, ["0.3·w (L2) is there instead of 0.3·sign(w) (L1)"])
def elastic_w(dy, cache):
    w, X, r = cache
    return dy * (X.T @ r / len(r) + 0.3 * w + 0.4 * w), dy * np.outer(r, w) / len(r)


class Shifted:
    def __init__(self, a, b):
        self.a, self.b = a, b

    def forward(self, x):
        self.x, self.y = x, np.tanh(x * self.a + self.b)
        return self.y

    def backward(self, dy):
        dz = dy * (1 - self.y**2)
        self.da, self.db = dz.sum(0), dz.sum(0)
        return dz * self.a


@faulty("scale and shift, the factor x forgotten", op("torch.tanh(x * a + b)", x=(4, 3), a=(3,), b=(3,))(
    of_class(Shifted, "ab", ("da", "db"))[0]), ["“x”, is missing", "“self.x”, is missing"])  # fmt: skip
def shifted_no_x(dy, layer):
    return of_class(Shifted, "ab", ("da", "db"))[1](dy, layer)


@op("(1 - 2 * (p * t).sum((1, 2)) / (p.sum((1, 2)) + t.sum((1, 2)))).mean()", p=(2, 2, 5), t=(2, 2, 5))
def overlap(p, t):
    both, total = (p * t).sum((1, 2)), p.sum((1, 2)) + t.sum((1, 2))
    return (1 - 2 * both / total).mean(), (p, t, both[:, None, None], total[:, None, None])


@faulty("overlap, two samples, not their mean", overlap, ["another size that is 2", "batch size"])
def overlap_sum(dy, cache):
    p, t, both, total = cache
    return -2 * dy * (t / total - both / total**2), -2 * dy * (p / total - both / total**2)


@op("F.normalize(a, dim=1, eps=0) @ F.normalize(b, dim=1, eps=0).T * 2", a=(4, 3), b=(4, 3))
def similar(a, b):
    na, nb = np.sqrt((a * a).sum(1, keepdims=True)), np.sqrt((b * b).sum(1, keepdims=True))
    u, v = a / na, b / nb
    return u @ v.T / 0.5, (u, v, na, nb)


@faulty("similarity of directions, not divided by one norm", similar, ["multiplied by “na” once too often"])
def similar_no_norm(dy, cache):
    u, v, na, nb = cache
    du, dv = dy @ v / 0.5, dy.T @ u / 0.5
    return du - u * (u * du).sum(1, keepdims=True), (dv - v * (v * dv).sum(1, keepdims=True)) / nb

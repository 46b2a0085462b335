# ruff: noqa: RUF059 — people unpack the whole cache
"""Convolutions of groups, norms, resizing, curves and losses that few textbooks have: wrong."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, of_class, op, uniform


def sig(v):
    return 1 / (1 + np.exp(-v))


# ---- convolutions, NCHW and NHWC


@op("F.conv2d(x, w, groups=2)", x=(2, 4, 4, 5), w=(6, 2, 3, 3))
def grouped(x, w):
    N, C, H, W = x.shape
    c, k = w.shape[1:3]
    y = np.zeros((N, len(w), H - k + 1, W - k + 1), x.dtype)
    for g in range(2):
        for a in range(k):
            for b in range(k):
                part = x[:, g * c : (g + 1) * c, a : a + H - k + 1, b : b + W - k + 1]
                y[:, g * 3 : g * 3 + 3] += np.einsum("ncij,oc->noij", part, w[g * 3 : g * 3 + 3, :, a, b])
    return y, (x, w)


@faulty("grouped convolution, dx with the first group's kernels", grouped, ["same place", "first"])
def grouped_first(dy, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    rows, columns = dy.shape[2:]
    for g in range(2):
        d, mine = dy[:, g * 3 : g * 3 + 3], slice(g * 2, g * 2 + 2)
        for a in range(3):
            for b in range(3):
                dx[:, mine, a : a + rows, b : b + columns] += np.einsum("noij,oc->ncij", d, w[:3, :, a, b])
                dw[g * 3 : g * 3 + 3, :, a, b] = np.einsum(
                    "noij,ncij->oc", d, x[:, mine, a : a + rows, b : b + columns]
                )
    return dx, dw


@op("F.conv1d(x, w, dilation=2)", x=(2, 3, 9), w=(4, 3, 3))
def dilated(x, w):
    L = x.shape[2] - 4
    cols = np.stack([x[:, :, 2 * a : 2 * a + L] for a in range(3)], -1)
    return np.einsum("ncla,oca->nol", cols, w), (x, w, cols)


@faulty("dilated convolution, dw reads neighbours", dilated, ["dilation"])
def dilated_dw(dy, cache):
    x, w, cols = cache
    L, dx = dy.shape[2], np.zeros_like(x)
    dw = np.stack([np.einsum("nol,ncl->oc", dy, x[:, :, a : a + L]) for a in range(3)], -1)
    for a in range(3):
        dx[:, :, 2 * a : 2 * a + L] += np.einsum("nol,oc->ncl", dy, w[:, :, a])
    return dx, dw


@op("F.relu6(F.conv2d(x.permute(0, 3, 1, 2), k.permute(2, 0, 1)[:, None], groups=3).permute(0, 2, 3, 1) * 3)",
    x=(2, 4, 4, 3), k=(2, 2, 3))  # fmt: skip
def depthwise(x, k):
    H, W = x.shape[1] - 1, x.shape[2] - 1
    z = 3 * sum(x[:, a : a + H, b : b + W] * k[a, b] for a in range(2) for b in range(2))
    y = np.minimum(np.maximum(z, 0), 6)
    return y, (x, k, z)


@faulty("depthwise, relu6 without the upper bound", depthwise, ["minimum", "upper", "6"])
def depthwise_bound(dy, cache):
    x, k, z = cache
    H, W = z.shape[1:3]
    dz = 3 * dy * (z > 0)
    dx, dk = np.zeros_like(x), np.zeros_like(k)
    for a in range(2):
        for b in range(2):
            dx[:, a : a + H, b : b + W] += dz * k[a, b]
            dk[a, b] = (dz * x[:, a : a + H, b : b + W]).sum((0, 1, 2))
    return dx, dk


# ---- norms


class InstanceNorm:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x):
        self.c = x - x.mean((2, 3), keepdims=True)
        self.s = np.sqrt((self.c**2).mean((2, 3), keepdims=True) + 1e-5)
        return self.gamma[:, None, None] * self.c / self.s + self.beta[:, None, None]

    def backward(self, dy):
        hat = self.c / self.s
        self.dgamma, self.dbeta = (dy * self.c).sum((0, 2, 3)), dy.sum((0, 2, 3))
        d = dy * self.gamma[:, None, None]
        mean = lambda v: v.mean((2, 3), keepdims=True)  # noqa: E731
        return (d - mean(d) - hat * mean(d * hat)) / self.s


faulty_pair(
    "instance norm class, dgamma with x - mean",
    of_class(InstanceNorm, ["gamma", "beta"], ["dgamma", "dbeta"]),
    "F.instance_norm(x, weight=gamma, bias=beta)",
    ["x − μ", "not divided"],
    x=(2, 3, 4, 4),
    gamma=(3,),
    beta=(3,),
)


@op("F.rms_norm(x, (5,), g, 1e-6)", x=(2, 3, 5), g=(5,))
def rms(x, g):
    ms = (x * x).mean(-1, keepdims=True)
    r = 1 / np.sqrt(ms + 1e-6)
    return x * r * g, (x, g, r)


@faulty("rms norm, a sum where the mean belongs", rms, ["5", "mean", "sum"])
def rms_sum(dy, cache):
    x, g, r = cache
    d = dy * g
    return r * d - x * r**3 * (d * x).sum(-1, keepdims=True), (dy * x * r).sum((0, 1))


@op("x @ (v * (g / v.norm(dim=0)))", x=(5, 4), v=(4, 3), g=uniform(1, 2, 3))
def weight_norm(x, v, g):
    n = np.sqrt((v * v).sum(0))
    w = v * (g / n)
    return x @ w, (x, v, g, n, w)


@faulty("weight norm, dv projected with v, not with v/n", weight_norm, ["divided", "factor", "“n", "missing"])
def weight_norm_unit(dy, cache):
    x, v, g, n, w = cache
    dw = x.T @ dy
    return dy @ w.T, g / n * (dw - v * (dw * v).sum(0)), (dw * v).sum(0) / n


@op("F.normalize(x, dim=1, eps=0) @ W", x=(4, 3), W=(3, 2))
def unit_rows(x, W):
    n = np.sqrt(np.sum(x**2, axis=1, keepdims=True))
    u = x / n
    return u @ W, (W, n, u)


@faulty("unit rows, projected over the other axis", unit_rows, ["axis"])
def unit_columns(dy, cache):
    W, n, u = cache
    du = dy @ W.T
    return (du - u * (du * u).sum(0, keepdims=True)) / n, u.T @ dy


# ---- resizing


@op("F.interpolate(x.permute(0, 3, 1, 2), size=(4, 6), mode='bilinear', align_corners=True).permute(0, 2, 3, 1)",
    x=(2, 3, 4, 2))  # fmt: skip
def bilinear(x):
    H, W = x.shape[1:3]
    r, c = np.linspace(0, H - 1, 4), np.linspace(0, W - 1, 6)
    i, j = np.minimum(r.astype(int), H - 2), np.minimum(c.astype(int), W - 2)
    f, g = (r - i)[:, None, None], (c - j)[:, None]
    wa, wb, wc, wd = (1 - f) * (1 - g), (1 - f) * g, f * (1 - g), f * g
    rows = i[:, None]
    y = wa * x[:, rows, j] + wb * x[:, rows, j + 1] + wc * x[:, rows + 1, j] + wd * x[:, rows + 1, j + 1]
    return y, (x.shape, rows, j, (wa, wb, wc, wd))


@faulty(
    "bilinear resize, weights of two corners exchanged", bilinear, ["exchanged", "changed places", "another"]
)
def bilinear_corners(dy, cache):
    shape, rows, j, (wa, wb, wc, wd) = cache
    dx = np.zeros(shape)
    for w, down, right in ((wa, 0, 0), (wc, 0, 1), (wb, 1, 0), (wd, 1, 1)):
        np.add.at(dx, (slice(None), rows + down, j + right), w * dy)
    return dx


@op("F.pixel_shuffle(x, 2)", x=(2, 8, 2, 3))
def shuffle(x):
    N, C, H, W = x.shape
    return x.reshape(N, C // 4, 2, 2, H, W).transpose(0, 1, 4, 2, 5, 3).reshape(
        N, C // 4, 2 * H, 2 * W
    ), x.shape


@faulty(
    "pixel shuffle, the two offsets exchanged",
    shuffle,
    ["reshape", "transpose", "order", "permut", "wrong place"],
)
def shuffle_offsets(dy, shape):
    N, C, H, W = shape
    return dy.reshape(N, C // 4, H, 2, W, 2).transpose(0, 1, 5, 3, 2, 4).reshape(shape)


# ---- curves and blocks


@op("F.gelu(x @ W, approximate='tanh')", x=(4, 3), W=(3, 5))
def gelu(x, W):
    z = x @ W
    u = 0.7978845608028654 * (z + 0.044715 * z**3)
    t = np.tanh(u)
    return 0.5 * z * (1 + t), (x, W, z, t)


@faulty("dense with gelu, the 3 of z**3 forgotten", gelu, ["3", "z**3"])
def gelu_cube(dy, cache):
    x, W, z, t = cache
    dz = dy * (0.5 * (1 + t) + 0.5 * z * (1 - t**2) * 0.7978845608028654 * (1 + 0.044715 * z**2))
    return dz @ W.T, x.T @ dz


@op("x + gamma * F.softplus(x @ W, beta=2)", x=(4, 3), W=(3, 3), gamma=(3,))
def scaled(x, W, gamma):
    z = x @ W
    s = np.log(1 + np.exp(2 * z)) / 2
    return x + gamma * s, (x, W, gamma, z, s)


@faulty("layer scale, gamma forgotten in the branch", scaled, ["gamma"])
def scaled_gamma(dy, cache):
    x, W, gamma, z, s = cache
    dz = dy * sig(2 * z)
    return dy + dz @ W.T, x.T @ dz, (dy * s).sum(0)


@faulty("softplus with beta 2, sigmoid(z) for sigmoid(beta z)", scaled, ["σ(v)"])
def scaled_beta(dy, cache):
    x, W, gamma, z, s = cache
    dz = dy * gamma * sig(z)
    return dy + dz @ W.T, x.T @ dz, (dy * s).sum(0)


@op("x * torch.sigmoid(torch.relu(x.mean((1, 2)) @ A) @ B)[:, None, None]", x=uniform(0, 1, 2, 3, 4, 3),
    A=uniform(0.1, 1, 3, 2), B=(2, 3))  # fmt: skip
def excite(x, A, B):
    s = x.mean((1, 2))
    r = np.maximum(s @ A, 0)
    g = sig(r @ B)
    return x * g[:, None, None], (x, A, B, s, r, g)


@faulty("squeeze and excitation, the gate's mean not divided", excite, ["12"])
def excite_mean(dy, cache):
    x, A, B, s, r, g = cache
    dg = (dy * x).sum((1, 2)) * g * (1 - g)
    dr = dg @ B.T * (r > 0)
    return dy * g[:, None, None] + (dr @ A.T)[:, None, None], s.T @ dr, r.T @ dg


@op("torch.einsum('bi,ijk,bj->bk', a, W, b)", a=(4, 3), W=(3, 3, 2), b=(4, 3))
def form(a, W, b):
    return np.einsum("bi,ijk,bj->bk", a, W, b), (a, W, b)


@faulty(
    "bilinear form, dW with a and b exchanged", form, ["axes 0 and 1", "transposed", "swapped", "exchanged"]
)
def form_exchanged(dy, cache):
    a, W, b = cache
    return (
        np.einsum("bk,ijk,bj->bi", dy, W, b),
        np.einsum("bk,bj,bi->ijk", dy, a, b),
        np.einsum("bk,ijk,bi->bj", dy, W, a),
    )


# ---- losses


@op("F.cosine_similarity(a, b, dim=1)", a=(4, 3), b=(4, 3))
def cosine(a, b):
    na = np.sqrt((a**2).sum(1))
    nb = np.sqrt((b**2).sum(1))
    cos = (a * b).sum(1) / (na * nb)
    return cos, (a, b, na, nb, cos)


@faulty("cosine similarity, the norm's term divided once", cosine, ["divided", "factor", "“na", "missing"])
def cosine_once(dy, cache):
    a, b, na, nb, cos = (v[:, None] if v.ndim == 1 else v for v in cache)
    d = dy[:, None]
    return d * (b / (na * nb) - cos * a / na), d * (a / (na * nb) - cos * b / nb**2)


@op(
    "(F.pairwise_distance(a, p, eps=0) - F.pairwise_distance(a, n, eps=0) + 4).relu().sum()",
    a=(4, 3),
    p=(4, 3),
    n=(4, 3),
)
def triplet(a, p, n):
    dp = np.sqrt(((a - p) ** 2).sum(1))
    dn = np.sqrt(((a - n) ** 2).sum(1))
    hinge = np.maximum(dp - dn + 4, 0)
    return hinge.sum(), (a, p, n, dp, dn, hinge)


@faulty(
    "triplet loss, the negative not divided by its distance", triplet, ["dn", "distance", "square", "root"]
)
def triplet_distance(dy, cache):
    a, p, n, dp, dn, hinge = cache
    on = dy * (hinge > 0)[:, None]
    toward, away = on * (a - p) / dp[:, None], on * (a - n)
    return toward - away, -toward, away


@op("-((1 - torch.softmax(z, 1)) ** 2 * torch.log_softmax(z, 1)).gather(1, y[:, None]).mean()", z=(5, 4),
    options={"y": np.array([0, 3, 1, 1, 2])})  # fmt: skip
def focal(z, y):
    e = np.exp(z)
    p = e / e.sum(1, keepdims=True)
    pt = p[np.arange(len(y)), y]
    weight = (1 - pt) ** 2
    return -(weight * np.log(pt)).mean(), (p, pt, y)


@faulty("focal loss of classes, the weight a constant", focal, ["weight", "constant", "own factor"])
def focal_weight(dy, cache):
    p, pt, y = cache
    return dy * ((1 - pt) ** 2)[:, None] * (p - np.eye(4)[y]) / len(y)


@op("F.smooth_l1_loss(p, t, beta=0.5, reduction='sum')", p=(9,), options={"t": np.linspace(-1, 1, 9)})
def smooth(p, t):
    d = p - t
    a = np.abs(d)
    return np.where(a < 0.5, d**2 / (2 * 0.5), a - 0.25).sum(), d


@faulty("smooth l1, beta forgotten in the square", smooth, ["0.5", "twice", "divided by 2", "½"])
def smooth_beta(dy, d):
    return dy * np.where(np.abs(d) < 0.5, d, np.sign(d))


@op("9 * F.kl_div(torch.log_softmax(z / 3, 1), torch.softmax(w / 3, 1), reduction='sum')", z=(4, 5),
    options={"w": np.random.default_rng(1).standard_normal((4, 5))})  # fmt: skip
def distill(z, w):
    q = np.exp(w / 3) / np.exp(w / 3).sum(1, keepdims=True)
    e = np.exp(z / 3)
    p = e / e.sum(1, keepdims=True)
    return 9 * (q * (np.log(q) - np.log(p))).sum(), (p, q)


@faulty("distillation, T**2 for T", distill, ["3"])
def distill_scale(dy, cache):
    p, q = cache
    return dy * 9 * (p - q)

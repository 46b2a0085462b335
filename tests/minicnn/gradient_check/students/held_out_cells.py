# ruff: noqa: RUF059 — people unpack the whole cache
"""Gates, attention, embeddings, sequences and mixtures, in functions, closures and classes: wrong."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, of_class, of_closure, op


def sig(v):
    return 1 / (1 + np.exp(-v))


def probs(z, axis=-1):
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


# ---- recurrent cells


@op("gru_step(x, h, W, U)", x=(4, 3), h=(4, 2), W=(3, 3, 2), U=(3, 2, 2))
def gru(x, h, W, U):
    z = sig(x @ W[0] + h @ U[0])
    r = sig(x @ W[1] + h @ U[1])
    rh = r * h
    n = np.tanh(x @ W[2] + rh @ U[2])
    out = (1 - z) * n + z * h
    return out, (x, h, W, U, z, r, rh, n)


def gru_back(dy, cache, exchanged=False, no_reset=False):
    x, h, W, U, z, r, rh, n = cache
    a, b = (z, 1 - z) if exchanged else (1 - z, z)
    dn = dy * a * (1 - n**2)
    dz = dy * (h - n) * z * (1 - z)
    drh = dn @ U[2].T
    dr = drh * h * r * (1 - r)
    dh = dy * b + dz @ U[0].T + dr @ U[1].T + (0 if no_reset else drh * r)
    dx = dz @ W[0].T + dr @ W[1].T + dn @ W[2].T
    return dx, dh, np.stack([x.T @ dz, x.T @ dr, x.T @ dn]), np.stack([h.T @ dz, h.T @ dr, rh.T @ dn])


@faulty("gru cell, z and 1 - z exchanged", gru, ["exchanged", "changed places", "1 − v"])
def gru_exchanged(dy, cache):
    return gru_back(dy, cache, exchanged=True)


@faulty("gru cell, dh without the path through r*h", gru, ["“h” in “r * h”", "“h” in “rh = r * h”"])
def gru_reset(dy, cache):
    return gru_back(dy, cache, no_reset=True)


class Lstm:
    """One step of an LSTM; x, h, c are columns of one array."""

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        H = self.W.shape[1] // 4
        xh, self.c = x[:, :-H], x[:, -H:]
        self.xh = xh
        a = xh @ self.W
        self.i, self.f, self.o = sig(a[:, :H]), sig(a[:, H : 2 * H]), sig(a[:, 2 * H : 3 * H])
        self.g = np.tanh(a[:, 3 * H :])
        self.new = self.f * self.c + self.i * self.g
        self.t = np.tanh(self.new)
        return self.o * self.t

    def backward(self, dh):
        dc = dh * self.o * (1 - self.t**2)
        di, do = dc * self.g * self.i * (1 - self.i), dh * self.t * self.o * (1 - self.o)
        df = dc * self.new * self.f * (1 - self.f)  # right: self.c
        da = np.concatenate([di, df, do, dc * self.i * (1 - self.g**2)], axis=1)
        self.dW = self.xh.T @ da
        return np.concatenate([da @ self.W.T, dc * self.f], axis=1)


faulty_pair(
    "lstm class, df with the new cell state",
    of_class(Lstm, ["W"], ["dW"]),
    "lstm_step(x[:, :3], x[:, 3:5], x[:, 5:], W[:3], W[3:], 0 * W[0])",
    ["another array", "f * self.c"],
    x=(4, 7),
    W=(5, 8),
)


@op("torch.sigmoid(x @ T) * torch.tanh(x @ H) + (1 - torch.sigmoid(x @ T)) * x", x=(4, 3), T=(3, 3), H=(3, 3))
def highway(x, T, H):
    t = sig(x @ T)
    h = np.tanh(x @ H)
    return t * h + (1 - t) * x, (x, T, H, t, h)


@faulty("highway, the gate without the carried x", highway, ["path", "constant"])
def highway_gate(dy, cache):
    x, T, H, t, h = cache
    dt = dy * h * t * (1 - t)  # right: h - x
    dh = dy * t * (1 - h * h)
    return dt @ T.T + dh @ H.T + dy * (1 - t), x.T @ dt, x.T @ dh


# ---- attention


def shared_keys():
    saved = {}

    def forward(q, k, v):
        s = np.einsum("nhtd,nsd->nhts", q, k) / np.sqrt(q.shape[-1])
        s = np.where(np.tri(s.shape[2], s.shape[3]) > 0, s, -1e30)
        saved.update(q=q, k=k, v=v, p=probs(s))
        return np.einsum("nhts,nse->nhte", saved["p"], v)

    def backward(dy):
        q, k, v, p = saved.values()
        dp = np.einsum("nhte,nse->nhts", dy, v)
        ds = p * (dp - (dp * p).sum(-1, keepdims=True)) / np.sqrt(q.shape[-1])
        dk = np.einsum("nts,ntd->nsd", ds[:, 0], q[:, 0])  # right: of all heads
        return np.einsum("nhts,nsd->nhtd", ds, k), dk, np.einsum("nhts,nhte->nse", p, dy)

    return forward, backward


faulty_pair(
    "multi-query attention, dk of the first head",
    of_closure(shared_keys),
    "F.scaled_dot_product_attention(q, k[:, None].expand(-1, 2, -1, -1), v[:, None].expand(-1, 2, -1, -1), "
    "is_causal=True)",
    ["first"],
    q=(2, 2, 4, 3),
    k=(2, 4, 3),
    v=(2, 4, 2),
)


@op("torch.softmax(q @ k.T + bias, -1) @ v", q=(2, 4, 3), k=(4, 3), bias=(4, 4), v=(4, 2))
def biased(q, k, bias, v):
    p = probs(q @ k.T + bias)
    return p @ v, (q, k, v, p)


def biased_back(dy, cache, axis=-1, over=np.sum, jacobian=True):
    q, k, v, p = cache
    dp = dy @ v.T
    ds = p * (dp - (dp * p).sum(axis, keepdims=True)) if jacobian else p * (1 - p) * dp
    dk = np.einsum("nts,ntd->sd", ds, q)
    return ds @ k, dk, over(ds, axis=0), np.einsum("nts,nte->se", p, dy)


@faulty("attention with a bias, softmax backward over the queries", biased, ["axis"])
def biased_axis(dy, cache):
    return biased_back(dy, cache, axis=-2)


@faulty("attention with a bias, the bias's mean over the batch", biased, ["averaged", "divided by 2"])
def biased_mean(dy, cache):
    return biased_back(dy, cache, over=np.mean)


@faulty("attention with a bias, p(1 - p)", biased, ["diagonal", "1 − p"])
def biased_diagonal(dy, cache):
    return biased_back(dy, cache, jacobian=False)


@op("x * cos + torch.cat([-x[..., 2:], x[..., :2]], -1) * sin", x=(2, 3, 4), options={
    "cos": np.cos(np.outer(np.arange(3), [1, 0.3, 1, 0.3])), "sin": np.sin(np.outer(np.arange(3), [1, 0.3, 1, 0.3]))
})  # fmt: skip
def rope(x, cos, sin):
    turned = np.concatenate([-x[..., 2:], x[..., :2]], -1)
    return x * cos + turned * sin, (cos, sin)


@faulty("rotary positions, turned the same way in backward", rope, ["not transposed", "sign", "exchanged"])
def rope_same(dy, cache):
    cos, sin = cache
    return dy * cos + np.concatenate([-dy[..., 2:], dy[..., :2]], -1) * sin


# ---- embeddings and mixtures

IDS = np.array([[0, 3, 1], [2, 1, 1]])


@op("torch.tanh(E[ids].mean(1)) @ E.T", E=(4, 3), options={"ids": IDS})
def tied(E, ids):
    m = E[ids].mean(1)
    h = np.tanh(m)
    return h @ E.T, (E, ids, h)


@faulty("tied embedding, only the output's path", tied, ["path", "constant"])
def tied_output(dy, cache):
    E, ids, h = cache
    return dy.T @ h


@faulty("tied embedding, repeated words by +=", tied, ["repeat"])
def tied_repeated(dy, cache):
    E, ids, h = cache
    dE = dy.T @ h
    dm = (dy @ E) * (1 - h * h) / ids.shape[1]
    dE[ids] += dm[:, None, :]
    return dE


@op("(torch.softmax(x @ G, -1)[:, None] * torch.tanh(torch.einsum('nd,dek->nek', x, W))).sum(-1)", x=(5, 3), G=(3, 4),
    W=(3, 2, 4))  # fmt: skip
def experts(x, G, W):
    p = probs(x @ G)
    h = np.tanh(np.einsum("nd,dek->nek", x, W))
    return (p[:, None] * h).sum(-1), (x, G, W, p, h)


@faulty(
    "mixture of experts, the gate's softmax as a constant denominator", experts, ["denominator", "constant"]
)
def experts_gate(dy, cache):
    x, G, W, p, h = cache
    dp = np.einsum("ne,nek->nk", dy, h)
    dz = p * dp  # right: p * (dp - (dp * p).sum(1, keepdims=True))
    da = dy[:, :, None] * p[:, None] * (1 - h**2)
    return dz @ G.T + np.einsum("nek,dek->nd", da, W), x.T @ dz, np.einsum("nd,nek->dek", x, da)


# ---- sums along a sequence


@op("torch.cumsum(torch.tanh(x), 1)", x=(2, 4, 3))
def running(x):
    t = np.tanh(x)
    return np.cumsum(t, 1), t


@faulty("cumulative sum, not reversed in backward", running, ["not transposed", "reversed", "cumsum"])
def running_forward(dy, t):
    return np.cumsum(dy, 1) * (1 - t**2)


MASK = (np.arange(3) < np.array([[3], [1]])).astype(float)


@op("(F.cross_entropy(z.permute(0, 2, 1), y, reduction='none') * mask).sum() / mask.sum()", z=(2, 3, 4),
    options={"y": np.array([[0, 2, 3], [1, 0, 0]]), "mask": MASK})  # fmt: skip
def padded(z, y, mask):
    p = probs(z)
    n, t = np.indices(y.shape)
    picked = np.log(p[n, t, y])
    return -(picked * mask).sum() / mask.sum(), (p, y, mask)


@faulty("masked sequence loss, divided by all steps", padded, ["0.666667", "1.5", "divided"])
def padded_all(dy, cache):
    p, y, mask = cache
    return dy * (p - np.eye(p.shape[-1])[y]) * mask[..., None] / mask.size


@faulty("masked sequence loss, the mask forgotten", padded, ["other factor"])
def padded_mask(dy, cache):
    p, y, mask = cache
    return dy * (p - np.eye(p.shape[-1])[y]) / mask.sum()

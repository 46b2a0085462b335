# ruff: noqa: RUF059 — people unpack the whole cache
"""Attention, recurrence, residual and gated blocks: named axes, dicts, tapes; right and wrong."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, of_class, op, right, right_pair


def softmax(s):
    e = np.exp(s - s.real.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


# ---- attention with heads


@op("F.scaled_dot_product_attention(q, k, v)", q=(2, 2, 3, 4), k=(2, 2, 3, 4), v=(2, 2, 3, 4))
def heads(q, k, v):
    a = softmax(np.einsum("bhqd,bhkd->bhqk", q, k) / q.shape[-1] ** 0.5)
    return np.einsum("bhqk,bhkd->bhqd", a, v), (q, k, v, a)


def heads_back(do, cache, scale=None, jacobian=True, ds_k="bhqk,bhqd->bhkd", da_v="bhqk,bhqd->bhkd"):
    q, k, v, a = cache
    da = np.einsum("bhqd,bhkd->bhqk", do, v)
    ds = a * (da - (da * a).sum(-1, keepdims=True)) if jacobian else da
    ds = ds * (q.shape[-1] ** -0.5 if scale is None else scale)
    return np.einsum("bhqk,bhkd->bhqd", ds, k), np.einsum(ds_k, ds, q), np.einsum(da_v, a, do)


@right("attention of two heads, einsum", heads)
def heads_right(do, cache):
    return heads_back(do, cache)


@faulty(
    "attention of two heads, divided by d for its root",
    heads,
    ["scale", "√", "1/2", "divided by 2", "factor"],
)
def heads_scale(do, cache):
    return heads_back(do, cache, scale=0.25)


@faulty("attention of two heads, the softmax left out", heads, ["softmax"])
def heads_softmax(do, cache):
    return heads_back(do, cache, jacobian=False)


@faulty("attention of two heads, dS not transposed for dk", heads, ["transpos"])
def heads_dk(do, cache):
    return heads_back(do, cache, ds_k="bhkq,bhqd->bhkd")


@faulty("attention of two heads, A not transposed for dv", heads, ["transpos"])
def heads_dv(do, cache):
    return heads_back(do, cache, da_v="bhkq,bhqd->bhkd")


PADDED = np.array([[True, True, False, False], [True, True, True, True]])


@op(
    "F.scaled_dot_product_attention(q, m, m, mask[:, None].expand(2, 3, 4))",
    q=(2, 3, 2),
    m=(2, 4, 2),
    options={"mask": PADDED},
)
def memory(q, m, mask):
    s = q @ m.transpose(0, 2, 1) / np.sqrt(2)
    a = softmax(np.where(mask[:, None], s, -1e30))
    return a @ m, (q, m, a)


@right("attention to a padded memory, keys are the values", memory)
def memory_back(dc, cache):
    q, m, a = cache
    ds = dc @ m.transpose(0, 2, 1)
    ds = a * (ds - np.einsum("bqk,bqk->bq", ds, a)[..., None]) / np.sqrt(2)
    return ds @ m, a.transpose(0, 2, 1) @ dc + ds.transpose(0, 2, 1) @ q


@faulty("attention to a padded memory, only the values' path", memory, ["path", "missing", "branch", "key"])
def memory_values(dc, cache):
    q, m, a = cache
    return memory_back(dc, cache)[0], a.transpose(0, 2, 1) @ dc


@op("torch.tanh(keys + query[:, None]) @ v", keys=(2, 3, 4), query=(2, 4), v=(4,))
def additive(keys, query, v):
    t = np.tanh(keys + query[:, None])
    return np.tensordot(t, v, 1), (t, v)


@right("Bahdanau's scores", additive)
def additive_back(dscore, cache):
    t, v = cache
    d = np.multiply.outer(dscore, v) * (1 - t**2)
    return d, d.sum(1), np.tensordot(dscore, t, 2)


@faulty("Bahdanau's scores, tanh's slope forgotten", additive, ["tanh", "slope", "derivative", "1 −"])
def additive_slope(dscore, cache):
    t, v = cache
    d = np.multiply.outer(dscore, v)
    return d, d.sum(1), np.tensordot(dscore, t, 2)


# ---- recurrence


def elman_tape(fault="", start=0.5):
    """A recurrence that writes a tape of closures and plays it backwards."""

    def forward(x, U, W):
        h, tape = np.full((len(x), len(W)), start), []
        for t in range(x.shape[1]):
            before, h = h, np.tanh(x[:, t] @ U + h @ W)

            def play(dh, dx, dU, dW, t=t, before=before, h=h):
                dz = dh * (1 - h**2)
                dx[:, t] = dz @ U.T
                dU += x[:, t].T @ dz
                used = h if fault == "after" else before
                if fault == "assign":
                    dW[:] = used.T @ dz
                else:
                    dW += used.T @ dz
                return dz @ (W if fault == "transposed" else W.T)

            tape.append(play)
        return h, (tape, x, U, W)

    def backward(dh, cache):
        tape, *arrays = cache
        gradients = [np.zeros(each.shape) for each in arrays]
        for play in reversed(tape[-1:] if fault == "truncated" else tape):
            dh = play(dh, *gradients)
        return tuple(gradients)

    return forward, backward


ELMAN = {"x": (2, 4, 3), "U": (3, 5), "W": (5, 5)}
TRUTH = "rnn(x, torch.full((2, 5), 0.5, dtype=torch.float64), U, W, 0)[:, -1]"
ZERO = TRUTH.replace("0.5", "0.0")
right_pair("Elman, a tape of closures", elman_tape(), TRUTH, **ELMAN)
faulty_pair(
    "Elman, dW with the state after the step", elman_tape("after", 0.0), ZERO, ["another array"], **ELMAN
)
faulty_pair(
    "Elman, dW = for += over time",
    elman_tape("assign"),
    TRUTH,
    ["only its first run counts"],
    may=["+=", "overwrit", "time step", "step"],
    **ELMAN,
)
faulty_pair("Elman, W not transposed", elman_tape("transposed"), TRUTH, ["transpos"], **ELMAN)
faulty_pair(
    "Elman, only the last step",
    elman_tape("truncated"),
    TRUTH,
    ["last", "time step", "not passed on", "step"],
    **ELMAN,
)


class Gru:
    """The cell of PyTorch: the reset gate after the product; everything in self.cache."""

    through_reset = True
    keep = True

    def __init__(self, h, A, B):
        self.h, self.A, self.B = h, A, B

    def forward(self, x):
        s = lambda u: 1 / (1 + np.exp(-u))  # noqa: E731
        a, b = x @ self.A, self.h @ self.B
        (ar, az, an), (br, bz, bn) = np.split(a, 3, 1), np.split(b, 3, 1)
        r, z = s(ar + br), s(az + bz)
        n = np.tanh(an + r * bn)
        self.cache = {"x": x, "r": r, "z": z, "n": n, "bn": bn}
        return (1 - z) * n + z * self.h

    def backward(self, dout):
        x, r, z, n, bn = self.cache.values()
        dn = dout * (1 - z) * (1 - n**2)
        dz = dout * (self.h - n) * z * (1 - z)
        dr = dn * bn * r * (1 - r) * self.through_reset
        da, db = np.hstack([dr, dz, dn]), np.hstack([dr, dz, dn * r])
        self.dA, self.dB = x.T @ da, self.h.T @ db
        self.dh = db @ self.B.T + dout * z * self.keep
        return da @ self.A.T


def gru(**fault):
    return of_class(type("Cell", (Gru,), fault), ["h", "A", "B"], ["dh", "dA", "dB"])


GRU = {"x": (2, 3), "h": (2, 4), "A": (3, 12), "B": (4, 12)}
GRU_TRUTH = "torch.gru_cell(x, h, A.T, B.T)"
right_pair("GRU cell of PyTorch, class with a dict", gru(), GRU_TRUTH, **GRU)
faulty_pair(
    "GRU cell of PyTorch, nothing through the reset gate",
    gru(through_reset=False),
    GRU_TRUTH,
    ["path through it is missing"],
    **GRU,
)
faulty_pair(
    "GRU cell of PyTorch, the kept state forgotten",
    gru(keep=False),
    GRU_TRUTH,
    None,
    may=["direct", "missing", "path", "dy", "z"],
    **GRU,
)


# ---- blocks with two ways


@op("x + torch.tanh(F.layer_norm(x, (4,), eps=1e-5) @ w)", x=(3, 4), w=(4, 4))
def prenorm(x, w):
    xc = x - x.mean(1, keepdims=True)
    r = 1 / np.sqrt((xc**2).mean(1, keepdims=True) + 1e-5)
    t = np.tanh(xc * r @ w)
    return x + t, (xc * r, r, t, w)


def prenorm_back(dy, cache, skip=1):
    n, r, t, w = cache
    dt = dy * (1 - t * t)
    dn = dt @ w.T
    dx = r * (dn - dn.mean(1, keepdims=True) - n * (dn * n).mean(1, keepdims=True))
    return skip * dy + dx, n.T @ dt


@right("pre-norm residual block", prenorm)
def prenorm_right(dy, cache):
    return prenorm_back(dy, cache)


@faulty(
    "pre-norm residual block, no shortcut", prenorm, ["dy itself", "shortcut", "skip", "residual", "branch"]
)
def prenorm_skip(dy, cache):
    return prenorm_back(dy, cache, skip=0)


@op("torch.sigmoid(x @ g) * torch.relu(x @ w) + (1 - torch.sigmoid(x @ g)) * x", x=(3, 4), g=(4, 4), w=(4, 4))
def highway(x, g, w):
    t, h = 1 / (1 + np.exp(-(x @ g))), x @ w
    h = h * (h > 0)
    return t * h + (1 - t) * x, (x, g, w, t, h)


def highway_back(d, cache, carry=1):
    x, g, w, t, h = cache
    dh, da = d * t * (h > 0), d * (h - x) * t * (1 - t)
    return dh @ w.T + da @ g.T + carry * d * (1 - t), x.T @ da, x.T @ dh


@right("highway block", highway)
def highway_right(d, cache):
    return highway_back(d, cache)


@faulty(
    "highway block, the carried x forgotten",
    highway,
    ["path through it is missing"],
    may=["missing", "path", "branch"],
)
def highway_carry(d, cache):
    return highway_back(d, cache, carry=0)


# ---- rotary positions

ANGLES = np.arange(3)[:, None] / np.array([1.0, 10.0])


@op(
    "torch.cat((x[..., :2] * c.cos() - x[..., 2:] * c.sin(), x[..., :2] * c.sin() + x[..., 2:] * c.cos()), -1)",
    x=(2, 3, 4),
    options={"c": ANGLES},
)
def rotary(x, c):
    a, b = np.split(x, 2, -1)
    return np.concatenate([a * np.cos(c) - b * np.sin(c), a * np.sin(c) + b * np.cos(c)], -1), c


@right("rotary positions, turned back", rotary)
def rotary_back(d, c):
    return rotary(d, -c)[0]


@faulty("rotary positions, turned once more", rotary, ["transpos", "jacobian", "sign", "revers", "forward"])
def rotary_on(d, c):
    return rotary(d, c)[0]

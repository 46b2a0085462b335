# ruff: noqa: RUF059 — people unpack the whole cache
"""Recurrent nets, attention, residual blocks, moved entries and reductions with a slip."""

import numpy as np

from tests.minicnn.gradient_check.students import blocks, upsampling
from tests.minicnn.gradient_check.students import reductions as r
from tests.minicnn.gradient_check.students import sequences as q
from tests.minicnn.gradient_check.students import shapes as s
from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, of_class

# ---- moved entries


@faulty(
    "embedding, = for np.add.at", s.word_embedding_forward, ["+=", "add.at", "overwrit", "last", "assign"]
)
def embedding_assign(dout, cache):
    ids, shape = cache
    dW = np.zeros(shape)
    dW[ids] = dout
    return dW


@faulty(
    "embedding, += with repeated indices",
    s.word_embedding_forward,
    ["+=", "add.at", "overwrit", "last", "assign"],
)
def embedding_plus(dout, cache):
    ids, shape = cache
    dW = np.zeros(shape)
    dW[ids] += dout
    return dW


@faulty("concatenate, split at the wrong place", s.concat_three, ["shape", "split"])
def concat_split(dout, sizes):
    return tuple(np.split(dout, sizes[:-1], axis=1))


@faulty("concatenate, the two gradients swapped", s.concat, ["order", "swap"])
def concat_swapped(dout, n):
    return dout[:, n:], dout[:, :n]


@faulty("gated, b for a", s.gated, None, may=["shifted", "swap"])
def gated_swapped(dy, cache):
    a, b = cache
    return np.concatenate([dy * a, dy * b], axis=1)


@faulty(
    "zero padding, cropped at the wrong end", s.zero_pad, ["padding", "crop", "shift", "moved", "wrong place"]
)
def pad_wrong_end(dy, cache):
    return dy[:, :-1, 1:-2]


@faulty(
    "reflection padding, the border forgotten",
    s.reflect_pad,
    None,
    may=["border", "padding", "right everywhere but", "column", "+="],
)
def reflect_forgotten(dy, shape):
    return dy[:, 1:-1].copy()


@faulty("flip and transpose, flip forgotten", s.flip_transpose, ["flip", "revers"])
def flip_forgotten(dy, cache):
    return dy.T.copy()


@faulty(
    "NHWC to NCHW and flatten, reshaped at once",
    s.permute_flatten,
    ["transpos", "order", "rearranged", "wrong place", "reshape"],
)
def permute_reshaped(dy, shape):
    n, c, h, w = shape
    return dy.reshape(n, h, w, c)


@faulty("np.roll, rolled on and not back", s.differences, ["jacobian", "transpos", "revers"])
def roll_on(dy, cache):
    return np.roll(dy, 1, axis=1) - dy


@faulty("nearest upsampling, mean for sum", upsampling.upsample, ["divided by 4", "0.25", "average", "mean"])
def upsample_mean(dy, shape):
    n, c, h, w = shape
    return dy.reshape(n, c, h, 2, w, 2).mean(axis=(3, 5))


@faulty(
    "nearest upsampling, only every other entry",
    upsampling.upsample,
    None,
    may=["first", "only", "+=", "stride"],
)
def upsample_one(dy, shape):
    return dy[:, :, ::2, ::2]


@faulty("broadcasting add, not summed", s.broadcast_add, ["shape", "sum"])
def broadcast_not_summed(dy, cache):
    return dy, dy


@faulty(
    "channel shuffle, shuffled again",
    upsampling.channel_shuffle,
    ["order", "wrong place", "rearranged", "permut", "jacobian"],
)
def shuffle_again(dy, order):
    return dy[:, order]


@faulty("unfold, = for +=", s.unfold, ["+=", "overwrit", "last", "assign"])
def unfold_assign(dy, shape):
    dx = np.zeros(shape)
    for column, (i, j) in enumerate(np.ndindex(2, 2)):
        dx[:, :, i : i + 2, j : j + 2] = dy[..., column].reshape(shape[0], shape[1], 2, 2)
    return dx


# ---- reductions


@faulty("mean, not divided", r.mean_of_all, ["12 times", "multiplied by 12", "number of entries", "divide"])
def mean_not_divided(dy, x):
    return np.full(x.shape, dy)


@faulty("variance, n - 1", r.variance, ["n − 1", "n - 1", "n-1", "1.33"])
def variance_bessel(dy, centred):
    return dy * 2 * centred / (len(centred) - 1)


@faulty("variance, x for x - mean", r.variance, None)
def variance_not_centred(dy, centred):
    return dy * 2 * (centred + 0.5) / len(centred)


@faulty("maximum, every entry gets it", r.column_max, ["mask", "maximum", "winner"])
def maximum_everywhere(dy, x):
    return np.ones_like(x) * dy


@faulty("cumulative sum, not reversed", r.running_sum, ["jacobian", "transpos", "revers"])
def cumsum_forward(dy, cache):
    return np.cumsum(dy, axis=1)


@faulty("inverse, the minus forgotten", r.inverse, ["sign", "-1", "−1"])
def inverse_sign(dy, inv):
    return inv.T @ dy @ inv.T


@faulty("inverse, not transposed", r.inverse, None, may=["jacobian", "transpos"])
def inverse_transpose(dy, inv):
    return -inv @ dy @ inv


@faulty("quotient, dy's sign", r.quotient, ["sign", "-1", "−1"])
def quotient_sign(dy, cache):
    x, y = cache
    return dy / y, dy * x / y**2


@faulty("norm, the root forgotten", r.norm, ["factor", "times", "once too often"])
def norm_root(dy, x):
    return dy * x


# ---- recurrent nets, attention, blocks


@faulty(
    "RNN over time, only the last step's weights",
    q.rnn_forward,
    ["only its first run counts"],
    may=["last", "+=", "overwrit", "assign", "time", "= instead"],
)
def rnn_last(dh, caches):
    dx, dh0, *_ = q.rnn_backward(dh, caches)
    dprev = np.zeros_like(dh[:, 0])
    for t in reversed(range(dh.shape[1])):
        _, dprev, dWx, dWh, db = q.rnn_step_backward(dh[:, t] + dprev, caches[t])
    return dx, dh0, dWx, dWh, db


@faulty(
    "RNN over time, the state's gradient not carried on",
    q.rnn_forward,
    ["the path through it is missing: at “prev_h @ wh”"],
    may=["time", "last", "step"],
)
def rnn_not_carried(dh, caches):
    steps = [q.rnn_step_backward(dh[:, t], caches[t]) for t in range(dh.shape[1])]
    dx = np.stack([each[0] for each in steps], axis=1)
    return dx, steps[0][1], *(sum(each[k] for each in steps) for k in (2, 3, 4))


@faulty(
    "RNN step, 1 - h without the square",
    q.rnn_step_forward,
    ["1 − y", "1 - y", "square", "slope of the activation"],
)
def rnn_step_square(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dz = dnext_h * (1 - next_h)
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, prev_h.T @ dz, dz.sum(axis=0)


@faulty("LSTM step, dc without tanh's slope", q.lstm_step_forward, ["slope is missing"])
def lstm_slope(dh, cache):
    x, h, c, Wx, Wh, i, f, o, g, t = cache
    dc = dh * o
    da = np.hstack([dc * g * i * (1 - i), dc * c * f * (1 - f), dh * t * o * (1 - o), dc * i * (1 - g**2)])
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, h.T @ da, da.sum(0)


@faulty("GRU step, the direct path z·h forgotten", q.gru_step, ["path through it is missing"])
def gru_direct(dout, cache):
    dx, dh, dW, dU = q.gru_step_backward(dout, cache)
    return dx, dh - dout * cache[4], dW, dU


@faulty("attention, 1/sqrt(d) forgotten", q.attention, ["2 times", "multiplied by 2", "sqrt", "√"])
def attention_scale(dout, cache):
    dq, dk, dv = q.attention_backward(dout, cache)
    return 2 * dq, 2 * dk, dv


@faulty("attention, softmax's sum forgotten", q.attention, None, may=["softmax"])
def attention_softmax(dout, cache):
    query, k, v, w = cache
    ds = w * (dout @ v.transpose(0, 2, 1)) / 2
    return ds @ k, ds.transpose(0, 2, 1) @ query, w.transpose(0, 2, 1) @ dout


@faulty(
    "residual block, the skip forgotten",
    blocks.residual,
    ["dy", "skip", "residual", "shortcut", "identity"],
)
def residual_skip(dy, cache):
    dx, dw1, dw2 = blocks.residual_backward(dy, cache)
    return dx - dy, dw1, dw2


@faulty("residual block, only the skip", blocks.residual, ["dy", "skip", "residual", "shortcut", "identity"])
def residual_branch(dy, cache):
    dx, dw1, dw2 = blocks.residual_backward(dy, cache)
    return dy.copy(), dw1, dw2


@faulty(
    "squeeze and excite, the path through the mean forgotten",
    blocks.squeeze_excite,
    None,
    may=["constant", "path"],
)
def squeeze_path(dy, cache):
    dx, dw1, dw2 = blocks.squeeze_excite_backward(dy, cache)
    return dy * cache[5][:, :, None, None], dw1, dw2


class HighwayGate(blocks.Highway):
    """Forgets that the gate depends on x."""

    def backward(self, dy):
        super().backward(dy)
        return dy * (1 - self.t) + (dy * self.t * (1 - self.h**2)) @ self.W.T


faulty_pair(
    "highway layer, the gate's path forgotten",
    of_class(HighwayGate, ["W", "T"], ["dW", "dT"]),
    "torch.sigmoid(x @ T) * torch.tanh(x @ W) + (1 - torch.sigmoid(x @ T)) * x",
    ["treated as a constant"],
    x=(3, 2),
    W=(2, 2),
    T=(2, 2),
)

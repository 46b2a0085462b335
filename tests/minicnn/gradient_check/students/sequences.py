"""Recurrent nets, attention, residual blocks: right."""

import math

import numpy as np

from tests.minicnn.gradient_check.students.corpus import op, right


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@op("torch.tanh(x @ Wx + prev_h @ Wh + b)", x=(2, 3), prev_h=(2, 4), Wx=(3, 4), Wh=(4, 4), b=(4,))
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@right("RNN step of CS231n", rnn_step_forward)
def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dz = dnext_h * (1 - next_h**2)
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, prev_h.T @ dz, dz.sum(axis=0)


RNN = {"x": (2, 4, 3), "h0": (2, 2), "Wx": (3, 2), "Wh": (2, 2), "b": (2,)}


@op("rnn(x, h0, Wx, Wh, b)", **RNN)
def rnn_forward(x, h0, Wx, Wh, b):
    h, caches, hs = h0, [], []
    for t in range(x.shape[1]):
        h, cache = rnn_step_forward(x[:, t], h, Wx, Wh, b)
        hs.append(h)
        caches.append(cache)
    return np.stack(hs, axis=1), caches


@right("RNN over time of CS231n", rnn_forward)
def rnn_backward(dh, caches):
    N, T, H = dh.shape
    D = caches[0][0].shape[1]
    dx = np.zeros((N, T, D))
    dprev_h, dWx, dWh, db = np.zeros((N, H)), np.zeros((D, H)), np.zeros((H, H)), np.zeros(H)
    for t in reversed(range(T)):
        dx[:, t], dprev_h, dWx_t, dWh_t, db_t = rnn_step_backward(dh[:, t] + dprev_h, caches[t])
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return dx, dprev_h, dWx, dWh, db


CHAR = {"Wxh": (3, 4), "Whh": (3, 3), "Why": (4, 3), "bh": (3, 1), "by": (4, 1)}


@op(
    "char_rnn(Wxh, Whh, Why, bh, by, inputs, targets)",
    options={"inputs": [0, 2, 1], "targets": [2, 1, 3]},
    **CHAR,
)
def min_char_rnn(Wxh, Whh, Why, bh, by, inputs, targets):
    xs, hs, ps = {}, {-1: np.zeros((3, 1))}, {}
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((4, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
        ys = np.dot(Why, hs[t]) + by
        ps[t] = np.exp(ys) / np.sum(np.exp(ys))
        loss += -np.log(ps[t][targets[t], 0])
    return loss, (xs, hs, ps, targets, Whh, Why)


@right("min-char-rnn, Karpathy", min_char_rnn)
def min_char_rnn_backward(dloss, cache):
    xs, hs, ps, targets, Whh, Why = cache
    dWxh, dWhh, dWhy = np.zeros((3, 4)), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros((3, 1)), np.zeros((4, 1))
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(targets))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += np.dot(dy, hs[t].T)
        dby += dy
        dh = np.dot(Why.T, dy) + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += np.dot(dhraw, xs[t].T)
        dWhh += np.dot(dhraw, hs[t - 1].T)
        dhnext = np.dot(Whh.T, dhraw)
    return dloss * dWxh, dloss * dWhh, dloss * dWhy, dloss * dbh, dloss * dby


@op("lstm_step(x, h, c, Wx, Wh, b)", x=(2, 2), h=(2, 3), c=(2, 3), Wx=(2, 12), Wh=(3, 12), b=(12,))
def lstm_step_forward(x, h, c, Wx, Wh, b):
    a = x.dot(Wx) + h.dot(Wh) + b
    i, f, o, g = np.split(a, 4, axis=1)
    i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
    next_c = f * c + i * g
    t = np.tanh(next_c)
    return o * t, (x, h, c, Wx, Wh, i, f, o, g, t)


@right("LSTM step of CS231n", lstm_step_forward)
def lstm_step_backward(dh, cache):
    x, h, c, Wx, Wh, i, f, o, g, t = cache
    do = dh * t
    dc = dh * o * (1 - t**2)
    df, di, dg = dc * c, dc * g, dc * i
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, h.T @ da, da.sum(0)


@op("gru_step(x, h, W, U)", x=(2, 3), h=(2, 2), W=(3, 3, 2), U=(3, 2, 2))
def gru_step(x, h, W, U):
    z = sigmoid(x @ W[0] + h @ U[0])
    r = sigmoid(x @ W[1] + h @ U[1])
    rh = r * h
    n = np.tanh(x @ W[2] + rh @ U[2])
    return (1 - z) * n + z * h, (x, h, W, U, z, r, rh, n)


@right("GRU step, stacked weights", gru_step)
def gru_step_backward(dout, cache):
    x, h, W, U, z, r, rh, n = cache
    dn = dout * (1 - z) * (1 - n**2)
    dz = dout * (h - n) * z * (1 - z)
    drh = dn @ U[2].T
    dr = drh * h * r * (1 - r)
    dx = sum(d @ w.T for d, w in zip((dz, dr, dn), W))
    dh = dout * z + dz @ U[0].T + dr @ U[1].T + drh * r
    dW = np.stack([x.T @ dz, x.T @ dr, x.T @ dn])
    dU = np.stack([h.T @ dz, h.T @ dr, rh.T @ dn])
    return dx, dh, dW, dU


@op("F.scaled_dot_product_attention(q, k, v)", q=(2, 3, 4), k=(2, 5, 4), v=(2, 5, 2))
def attention(q, k, v):
    scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
    scores = scores - scores.max(axis=-1, keepdims=True)
    w = np.exp(scores)
    w /= w.sum(axis=-1, keepdims=True)
    return w @ v, (q, k, v, w)


@right("scaled dot-product attention, batched", attention)
def attention_backward(dout, cache):
    q, k, v, w = cache
    dv = w.transpose(0, 2, 1) @ dout
    dw = dout @ v.transpose(0, 2, 1)
    ds = w * (dw - (dw * w).sum(-1, keepdims=True)) / math.sqrt(q.shape[-1])
    return ds @ k, ds.transpose(0, 2, 1) @ q, dv


@op(
    "F.scaled_dot_product_attention(x @ Wq, x @ Wk, x @ Wv, is_causal=True)",
    x=(3, 4),
    Wq=(4, 2),
    Wk=(4, 2),
    Wv=(4, 2),
)
def causal_attention(x, Wq, Wk, Wv):
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    s = np.where(np.tril(np.ones((3, 3), bool)), q @ k.T / 2**0.5, -1e9)
    p = np.exp(s - s.max(1, keepdims=True))
    p = p / p.sum(1, keepdims=True)
    return p @ v, (x, Wq, Wk, Wv, q, k, v, p)


@right("causal self-attention, one head", causal_attention)
def causal_attention_backward(dy, cache):
    x, Wq, Wk, Wv, q, k, v, p = cache
    dv, dp = p.T @ dy, dy @ v.T
    ds = p * (dp - np.sum(dp * p, 1, keepdims=True)) / np.sqrt(2)
    dq, dk = ds @ k, ds.T @ q
    return dq @ Wq.T + dk @ Wk.T + dv @ Wv.T, x.T @ dq, x.T @ dk, x.T @ dv

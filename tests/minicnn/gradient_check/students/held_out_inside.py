# ruff: noqa: RUF059 — people unpack the whole cache
"""Slips inside of a function, seen from its arguments: a loss from a weight, gates, heads, a row of a loop."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, op, right, uniform

LABELS = np.array([0, 2, 1, 1, 0, 2, 2])
DATA = np.sin(1.7 * np.arange(28.0)).reshape(7, 4)

# ---- losses of a weight


@op("F.cross_entropy(X @ W + b, y)", W=(4, 3), b=(3,), options={"X": DATA, "y": LABELS})
def classifier(W, b, X, y):
    s = X @ W + b
    e = np.exp(s - s.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(y)), y])), (X, s, p, y)


def classifier_back(d, X):
    return X.T @ d / len(X), d.mean(0)


@right("softmax regression", classifier)
def classifier_right(dy, cache):
    X, s, p, y = cache
    return classifier_back(dy * (p - np.eye(3)[y]), X)


@faulty("softmax regression, -1 forgotten", classifier, ["the −1 at the right class is forgotten"])
def classifier_p(dy, cache):
    X, s, p, y = cache
    return classifier_back(dy * p, X)


@faulty("softmax regression, through the softmax again", classifier, ["softmax's Jacobian again"])
def classifier_again(dy, cache):
    X, s, p, y = cache
    d = dy * (p - np.eye(3)[y])
    return classifier_back(p * (d - (d * p).sum(1, keepdims=True)), X)


@faulty("softmax regression, scores for probabilities", classifier, ["the logits are used"])
def classifier_scores(dy, cache):
    X, s, p, y = cache
    return classifier_back(dy * (s - np.eye(3)[y]), X)


@op(
    "F.binary_cross_entropy_with_logits(X @ w, t)",
    w=(4,),
    options={"X": DATA, "t": np.array([1, 0, 0, 1, 1, 0, 1.0])},
)
def logistic(w, X, t):
    p = 1 / (1 + np.exp(-X.dot(w)))
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p)), (X, p, t)


@right("logistic regression", logistic)
def logistic_right(dy, cache):
    X, p, t = cache
    return dy * X.T.dot(p - t) / len(t)


@faulty("logistic regression, the sigmoid's slope again", logistic, ["the slope already", "applied twice"])
def logistic_slope(dy, cache):
    X, p, t = cache
    return dy * X.T.dot((p - t) * p * (1 - p)) / len(t)


@faulty("logistic regression, the target forgotten", logistic, ["the target is forgotten"])
def logistic_no_target(dy, cache):
    X, p, t = cache
    return dy * X.T.dot(p) / len(t)


@op("hinge(X @ W, y) + 0.1 * (W**2).sum()", W=uniform(-0.2, 0.2, 4, 3), options={"X": DATA, "y": LABELS})
def machine(W, X, y):
    s = X @ W
    n = np.arange(len(y))
    m = np.maximum(0, s - s[n, y][:, None] + 1)
    m[n, y] = 0
    return m.sum() / len(y) + 0.1 * np.sum(W * W), (W, X, m > 0, n, y)


@right("support vector machine", machine)
def machine_right(dy, cache):
    W, X, active, n, y = cache
    d = active.astype(float)
    d[n, y] = -d.sum(1)
    return dy * (X.T @ d / len(y) + 0.2 * W)


@faulty("support vector machine, -X_y for one margin only", machine, ["−1 for one margin only"])
def machine_one(dy, cache):
    W, X, active, n, y = cache
    d = active.astype(float)
    d[n, y] = -1
    return dy * (X.T @ d / len(y) + 0.2 * W)


@faulty("support vector machine, -X_y missing", machine, ["gets no gradient", "path through it is missing"])
def machine_without(dy, cache):
    W, X, active, n, y = cache
    return dy * (X.T @ active / len(y) + 0.2 * W)


@op("F.log_softmax(x / 2, 1)", x=(3, 4))
def log_probabilities(x, T=2.0):
    z = x / T
    y = z - np.log(np.exp(z).sum(1, keepdims=True))
    return y, (np.exp(y), T)


@faulty("log-softmax at T = 2, softmax's gradient", log_probabilities, ["not log-softmax's"])
def log_probabilities_softmax(dy, cache):
    p, T = cache
    return p * (dy - (dy * p).sum(1, keepdims=True)) / T


@op("-(torch.softmax(z, 1) * torch.log_softmax(z, 1)).sum(1)", z=(3, 4))
def entropy(z):
    e = np.exp(z - z.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    H = -(p * np.log(p)).sum(1)
    return H, (p, H)


@right("entropy", entropy)
def entropy_right(dH, cache):
    p, H = cache
    return -p * (np.log(p) + H[:, None]) * dH[:, None]


@faulty("entropy, its own term missing", entropy, ["the sum is missing"])
def entropy_short(dH, cache):
    p, H = cache
    return -p * np.log(p) * dH[:, None]


# ---- gates, heads, time


@op("torch.sigmoid(a) * c + torch.sigmoid(b) * torch.tanh(g)", a=(2, 3), b=(2, 3), c=(2, 3), g=(2, 3))
def cell(a, b, c, g):
    f, i, n = 1 / (1 + np.exp(-a)), 1 / (1 + np.exp(-b)), np.tanh(g)
    return f * c + i * n, (f, i, n, c)


@faulty(
    "cell, the factors i and g exchanged",
    cell,
    ["the factors have changed places", "its own value in the place of the other factor"],
)
def cell_exchanged(dy, cache):
    f, i, n, c = cache
    return dy * c * f * (1 - f), dy * i * i * (1 - i), dy * f, dy * n * (1 - n**2)


@op("attention_of(x @ W)", x=(3, 4), W=(4, 12))
def self_attention(x, W):
    q, k, v = (x @ W).reshape(len(x), 3, 4).transpose(1, 0, 2)
    s = q @ k.T / 2
    a = np.exp(s) / np.exp(s).sum(1, keepdims=True)
    return a @ v, (x, W, q, k, v, a)


def self_attention_back(dy, cache, order):
    x, W, q, k, v, a = cache
    da = dy @ v.T
    ds = a * (da - (da * a).sum(1, keepdims=True)) / 2
    parts = [ds @ k, ds.T @ q, a.T @ dy]
    d = np.concatenate([parts[i] for i in order], 1)
    return d @ W.T, x.T @ d


@right("self-attention in one product", self_attention)
def self_attention_right(dy, cache):
    return self_attention_back(dy, cache, (0, 1, 2))


@faulty("self-attention, dq and dk exchanged", self_attention, ["the pieces of an array are exchanged"])
def self_attention_exchanged(dy, cache):
    return self_attention_back(dy, cache, (1, 0, 2))


@op("x @ W", x=(2, 3, 4), W=(4, 5))
def every_step(x, W):
    return x @ W, (x, W)


@faulty("dense over time, x reshaped for transposed", every_step, ["reshaped where it must be transposed"])
def every_step_reshaped(dy, cache):
    x, W = cache
    return dy @ W.T, x.reshape(4, -1) @ dy.reshape(-1, 5)


IDS = np.array([[0, 2, 2], [4, 0, 1]])


@op("E[ids] @ W", E=(5, 3), W=(3, 2), options={"ids": IDS})
def words(E, W, ids):
    return E[ids] @ W, (E, W, ids)


@faulty("words, dW of the first sentence only", words, ["dy counts only in its first"])
def words_first(dy, cache):
    E, W, ids = cache
    dE = np.zeros_like(E)
    np.add.at(dE, ids, dy @ W.T)
    return dE, E[ids[0]].T @ dy[0]


@op("((x[:, None] - c) ** 2).sum(-1)", x=(4, 3), c=(2, 3))
def squares(x, c):
    return ((x[:, None] - c[None]) ** 2).sum(-1), (x, c)


@faulty("squared distances, the centers left out of dx", squares, ["2·v is used for the slope"])
def squares_without(dy, cache):
    x, c = cache
    return 2 * dy.sum(1, keepdims=True) * x, -2 * (dy[..., None] * (x[:, None] - c)).sum(0)


@op("F.conv3d(x[:, None], w[None, None], stride=2)[:, 0]", x=(2, 4, 4, 4), w=(2, 2, 2))
def volume(x, w, s=2):
    y = np.zeros((len(x), 2, 2, 2), x.dtype)
    for a, b, c in np.ndindex(2, 2, 2):
        y[:, a, b, c] = (x[:, a * s : a * s + 2, b * s : b * s + 2, c * s : c * s + 2] * w).sum((1, 2, 3))
    return y, (x, w, s)


def volume_back(dy, cache, depth):
    x, w, s = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for a, b, c in np.ndindex(2, 2, 2):
        rest = slice(b * s, b * s + 2), slice(c * s, c * s + 2)
        share = dy[:, a, b, c][:, None, None, None]
        dx[(slice(None), slice(a * depth, a * depth + 2), *rest)] += share * w
        dw += (x[(slice(None), slice(a * s, a * s + 2), *rest)] * share).sum(0)
    return dx, dw


@right("convolution of volumes", volume)
def volume_right(dy, cache):
    return volume_back(dy, cache, 2)


@faulty(
    "convolution of volumes, no stride along the depth", volume, ["a instead of i·stride + a, along axis 1"]
)
def volume_depth(dy, cache):
    return volume_back(dy, cache, 1)

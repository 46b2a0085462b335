"""Cross-entropy as people write it: right."""

import math

import numpy as np

from tests.minicnn.gradient_check.students.corpus import op, right, right_pair, uniform
from tests.minicnn.gradient_check.students.losses import BITS, LABELS, ONE_HOT, both

# ---- cross-entropy


@op("F.cross_entropy(x, y)", x=(4, 3), options={"y": LABELS})
def softmax_loss(x, y):
    shifted_logits = x - np.max(x, axis=1, keepdims=True)
    Z = np.sum(np.exp(shifted_logits), axis=1, keepdims=True)
    log_probs = shifted_logits - np.log(Z)
    probs = np.exp(log_probs)
    N = x.shape[0]
    loss = -np.sum(log_probs[np.arange(N), y]) / N
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, dx


right_pair(
    "softmax loss of CS231n, (loss, dx)",
    both(softmax_loss),
    "F.cross_entropy(x, y)",
    x=(4, 3),
    options={"y": LABELS},
)


@op("F.cross_entropy(z, t, reduction='sum')", z=(4, 3), options={"t": ONE_HOT})
def softmax_one_hot(z, t):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.sum(t * np.log(p + 1e-15)), (p, t)


@right("softmax with one-hot targets, summed", softmax_one_hot)
def softmax_one_hot_backward(dloss, cache):
    p, t = cache
    return dloss * (p - t)


@op("F.cross_entropy(z.T, t.T)", z=(3, 4), options={"t": ONE_HOT.T.copy()})
def softmax_columns(z, t):
    m = z.shape[1]
    A = np.exp(z) / np.sum(np.exp(z), axis=0, keepdims=True)
    cost = -(1 / m) * np.sum(np.multiply(t, np.log(A)))
    return np.squeeze(cost), {"A": A, "Y": t}


@right("softmax cross-entropy in columns, Ng", softmax_columns)
def softmax_columns_backward(dloss, cache):
    return dloss * (cache["A"] - cache["Y"]) / cache["Y"].shape[1]


@op("F.cross_entropy(x, y)", x=(4, 3), options={"y": LABELS})
def softmax_scalars(x, y):
    loss, probabilities = 0.0, []
    for row, label in zip(x, y):
        top = max(row)
        exps = [math.exp(v - top) for v in row]
        p = [e / sum(exps) for e in exps]
        loss -= math.log(p[label])
        probabilities.append(p)
    return loss / len(y), (np.array(probabilities), y)


@right("cross-entropy with math.exp and math.log", softmax_scalars)
def softmax_scalars_backward(dloss, cache):
    p, y = cache
    return dloss * np.array(
        [[(v - (k == label)) / len(y) for k, v in enumerate(row)] for row, label in zip(p, y)]
    )


@op("F.nll_loss(torch.log(p), y)", p=uniform(0.1, 0.9, 4, 3), options={"y": LABELS})
def nll(p, y):
    picked = p[range(len(y)), y]
    return -np.log(picked).mean(), (p, y)


@right("negative log likelihood of probabilities", nll)
def nll_backward(dloss, cache):
    p, y = cache
    dp = np.zeros_like(p)
    dp[range(len(y)), y] = -dloss / (len(y) * p[range(len(y)), y])
    return dp


@op(
    "F.nll_loss(torch.log(torch.clamp(p, 1e-7, 1 - 1e-7)), y)",
    p=uniform(0.1, 0.9, 4, 3),
    options={"y": LABELS},
)
def keras_style(p, y):
    q = np.clip(p, 1e-7, 1 - 1e-7)
    return -np.mean(np.sum(np.eye(3)[y] * np.log(q), axis=-1)), (q, np.eye(3)[y])


@right("cross-entropy of clipped probabilities", keras_style)
def keras_style_backward(dloss, cache):
    q, t = cache
    return -dloss * t / q / len(q)


@op("F.cross_entropy(x, t)", x=(4, 3), options={"t": 0.9 * ONE_HOT + 0.1 / 3})
def smoothed(x, t):
    m = np.amax(x, 1, keepdims=True)
    lse = m + np.log(np.sum(np.exp(x - m), 1, keepdims=True))
    return np.sum(t * (lse - x)) / len(x), (np.exp(x - lse), t)


@right("cross-entropy with label smoothing", smoothed)
def smoothed_backward(dloss, cache):
    p, t = cache
    return (dloss / len(p)) * (p - t)


@op("F.cross_entropy(x, y, weight=w)", x=(4, 3), options={"y": LABELS, "w": np.array([1.0, 2.0, 0.25])})
def weighted(x, y, w):
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    weights = w[y]
    return -(weights * np.log(p[np.arange(4), y])).sum() / weights.sum(), (p, y, weights)


@right("cross-entropy with class weights", weighted)
def weighted_backward(dloss, cache):
    p, y, weights = cache
    d = p.copy()
    d[np.arange(4), y] -= 1
    return dloss * d * weights[:, None] / weights.sum()


# ---- two classes


@op("F.binary_cross_entropy(a, y)", a=uniform(0.1, 0.9, 1, 5), options={"y": BITS})
def bce(a, y):
    m = y.shape[1]
    return -1 / m * np.sum(y * np.log(a) + (1 - y) * np.log(1 - a)), (a, y, m)


@right("binary cross-entropy, dAL of Ng's course", bce)
def bce_backward(dloss, cache):
    AL, Y, m = cache
    return dloss * -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL)) / m


@op("F.binary_cross_entropy_with_logits(z, y)", z=(1, 5), options={"y": BITS})
def bce_logits(z, y):
    return np.mean(np.maximum(z, 0) - z * y + np.log(1 + np.exp(-np.abs(z)))), (z, y)


@right("binary cross-entropy of logits, stable", bce_logits)
def bce_logits_backward(dloss, cache):
    z, y = cache
    return dloss * (1 / (1 + np.exp(-z)) - y) / z.size


@op("F.soft_margin_loss(s, 2 * y - 1)", s=(1, 5), options={"y": BITS})
def logistic_loss(s, y):
    sign = 2 * y - 1
    return np.log1p(np.exp(-sign * s)).mean(), (s, sign)


@right("logistic loss of signs", logistic_loss)
def logistic_loss_backward(dloss, cache):
    s, sign = cache
    return -dloss * sign / (1 + np.exp(sign * s)) / s.size


@op("focal(z, y)", z=(1, 5), options={"y": BITS})
def focal(z, y, gamma=2.0):
    p = 1 / (1 + np.exp(-z))
    pt = np.where(y == 1, p, 1 - p)
    return -np.sum((1 - pt) ** gamma * np.log(pt)), (pt, y, gamma)


@right("focal loss", focal)
def focal_backward(dloss, cache):
    pt, y, gamma = cache
    dpt = gamma * (1 - pt) ** (gamma - 1) * np.log(pt) - (1 - pt) ** gamma / pt
    return dloss * dpt * pt * (1 - pt) * np.where(y == 1, 1, -1)

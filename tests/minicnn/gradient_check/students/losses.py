"""Losses as people write them, with mean or sum: right.

Many return (loss, dx) from one function; ``both`` makes two functions of it, as its author would.
"""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import of_class, op, right, right_pair

LABELS = np.array([2, 0, 1, 2])
ONE_HOT = np.eye(3)[LABELS]
TARGET = np.array([[0.3, -1.0], [2.0, 0.1], [-0.4, 0.8]])
BITS = np.array([[1.0, 0, 0, 1, 1]])


def both(loss_and_gradient):
    """Return (forward, backward) of a function that returns the loss and its gradient."""

    def backward(dloss, gradient):
        return dloss * gradient

    return loss_and_gradient, backward


@op("F.mse_loss(x, target)", x=(3, 2), options={"target": TARGET})
def mse(x, target):
    return np.mean((x - target) ** 2), (x, target)


@right("mean squared error", mse)
def mse_backward(dloss, cache):
    x, target = cache
    return dloss * 2 * (x - target) / x.size


@op("F.mse_loss(x, target)", x=(3, 2), options={"target": TARGET})
def mse_lists(x, target):
    total = 0
    for row, goal in zip(x, target):
        total += sum([(a - b) ** 2 for a, b in zip(row, goal)])
    return total / x.size, (x, target)


@right("mean squared error, Python sums", mse_lists)
def mse_lists_backward(dloss, cache):
    x, target = cache
    return np.array([[dloss * 2 * (a - b) / x.size for a, b in zip(r, g)] for r, g in zip(x, target)])


@op("0.5 * ((x - t) ** 2).sum() / 3", x=(3, 2), t=(3, 2))
def half_mse(x, t):
    diff = x - t
    return 0.5 * np.sum(diff**2) / x.shape[0], diff


@right("half squared error over the batch, both gradients", half_mse)
def half_mse_backward(dloss, diff):
    g = dloss * diff / diff.shape[0]
    return g, -g


@op("F.l1_loss(x, target)", x=(3, 2), options={"target": TARGET})
def mae(x, target):
    return np.abs(x - target).mean(), np.sign(x - target) / x.size


right_pair(
    "mean absolute error, (loss, gradient)", both(mae), mae.given.truth, x=(3, 2), options={"target": TARGET}
)


@op("F.huber_loss(x, target, reduction='sum')", x=(3, 2), options={"target": TARGET})
def huber(x, target, delta=1.0):
    r = x - target
    small = np.abs(r) <= delta
    loss = np.where(small, 0.5 * r * r, delta * (np.abs(r) - 0.5 * delta))
    return loss.sum(), (r, small, delta)


@right("huber, np.where", huber)
def huber_backward(dloss, cache):
    r, small, delta = cache
    return dloss * np.where(small, r, delta * np.sign(r))


@op("F.huber_loss(x, target, reduction='sum')", x=(3, 2), options={"target": TARGET})
def huber_clip(x, target):
    r = x - target
    c = np.clip(r, -1, 1)
    return np.sum(c * (r - 0.5 * c)), c


@right("huber, by clip", huber_clip)
def huber_clip_backward(dloss, c):
    return dloss * c


@op("torch.log(torch.cosh(x - target)).mean()", x=(3, 2), options={"target": TARGET})
def log_cosh(x, target):
    return np.log(np.cosh(x - target)).mean(), x - target


@right("log cosh", log_cosh)
def log_cosh_backward(dloss, d):
    return dloss * np.tanh(d) / d.size


# ---- margins and distances


@op("hinge(x, y)", x=(4, 3), options={"y": LABELS})
def svm_loss(x, y):
    N = x.shape[0]
    correct_class_scores = x[np.arange(N), y]
    margins = np.maximum(0, x - correct_class_scores[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    num_pos = np.sum(margins > 0, axis=1)
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    dx[np.arange(N), y] -= num_pos
    return loss, dx / N


right_pair("svm loss of CS231n", both(svm_loss), "hinge(x, y)", x=(4, 3), options={"y": LABELS})


@op("hinge(x @ w, y) + 0.1 * (w * w).sum()", x=(4, 5), w=(5, 3), options={"y": LABELS})
def svm_naive(x, w, y):
    loss, dW, dX = 0.0, np.zeros(w.shape), np.zeros(x.shape)
    for i in range(len(x)):
        scores = x[i].dot(w)
        for j in range(w.shape[1]):
            if j == y[i]:
                continue
            margin = scores[j] - scores[y[i]] + 1
            if margin > 0:
                loss += margin
                dW[:, j] += x[i]
                dW[:, y[i]] -= x[i]
                dX[i] += w[:, j] - w[:, y[i]]
    return loss / len(x) + 0.1 * np.sum(w * w), (dX / len(x), dW / len(x), w)


@right("svm, naive loops, with the penalty", svm_naive)
def svm_naive_backward(dloss, cache):
    dX, dW, w = cache
    return dloss * dX, dloss * (dW + 0.2 * w)


@op(
    "F.kl_div(torch.log_softmax(x, 1), q, reduction='batchmean')",
    x=(2, 3),
    options={"q": np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])},
)
def kl(x, q):
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    return np.sum(q * np.log(q / p)) / len(x), (p, q)


@right("KL divergence of a softmax", kl)
def kl_backward(dloss, cache):
    p, q = cache
    return dloss * (p - q) / len(p)


@op("-0.5 * (1 + logvar - mu ** 2 - logvar.exp()).sum()", mu=(2, 3), logvar=(2, 3))
def vae_kl(mu, logvar):
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar)), (mu, logvar)


@right("KL term of a variational autoencoder", vae_kl)
def vae_kl_backward(dloss, cache):
    mu, logvar = cache
    return dloss * mu, dloss * 0.5 * (np.exp(logvar) - 1)


@op("F.relu((a - p).pow(2).sum(1) - (a - n).pow(2).sum(1) + 1).mean()", a=(4, 3), p=(4, 3), n=(4, 3))
def triplet(a, p, n, margin=1.0):
    d = np.sum((a - p) ** 2, axis=1) - np.sum((a - n) ** 2, axis=1) + margin
    return np.mean(np.maximum(d, 0.0)), (a, p, n, d > 0)


@right("triplet loss", triplet)
def triplet_backward(dloss, cache):
    a, p, n, active = cache
    s = (dloss * 2 / len(a) * active)[:, None]
    return s * (n - p), s * (p - a), s * (a - n)


@op("contrastive(a, b, same)", a=(4, 3), b=(4, 3), options={"same": np.array([1, 0, 1, 0])})
def contrastive(a, b, same, m=3.0):
    dist = np.sqrt(((a - b) ** 2).sum(-1))
    loss = same * dist**2 + (1 - same) * np.maximum(m - dist, 0) ** 2
    return 0.5 * loss.mean(), (a - b, dist, same, m)


@right("contrastive loss", contrastive)
def contrastive_backward(dloss, cache):
    diff, dist, same, m = cache
    ddist = same * dist - (1 - same) * np.maximum(m - dist, 0)
    da = dloss / len(dist) * (ddist / dist)[:, None] * diff
    return da, -da


class CosineLoss:
    """1 − cos of rows to fixed rows."""

    def forward(self, x):
        self.x, self.t = x, np.arange(1.0, x.size + 1).reshape(x.shape)
        self.nx, self.nt = np.sqrt((x**2).sum(1)), np.linalg.norm(self.t, axis=1)
        self.cos = (x * self.t).sum(1) / (self.nx * self.nt)
        return np.sum(1 - self.cos)

    def backward(self, dy):
        nx = self.nx[:, None]
        return -dy * (self.t / (nx * self.nt[:, None]) - self.cos[:, None] * self.x / nx**2)


COSINE = "(1 - F.cosine_similarity(x, torch.arange(1.0, 7).reshape(2, 3).double())).sum()"
right_pair("cosine loss, class", of_class(CosineLoss), COSINE, x=(2, 3))


@op("-(F.softmax(x, 1) * F.log_softmax(x, 1)).sum(1)", x=(3, 4))
def entropy(x):
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    return -np.sum(p * np.log(p), axis=1), p


@right("entropy of a softmax", entropy)
def entropy_backward(dy, p):
    h = -np.sum(p * np.log(p), axis=1, keepdims=True)
    return -dy[:, None] * p * (np.log(p) + h)


@op(
    "1 - 2 * (torch.sigmoid(x) * m).sum() / (torch.sigmoid(x).sum() + m.sum())",
    x=(3, 4),
    options={"m": np.eye(3, 4)},
)
def dice(x, m):
    p = 1 / (1 + np.exp(-x))
    overlap, size = np.sum(p * m), np.sum(p) + np.sum(m)
    return 1 - 2 * overlap / size, (p, m, overlap, size)


@right("dice loss", dice)
def dice_backward(dloss, cache):
    p, m, overlap, size = cache
    return dloss * -2 * (m * size - overlap) / size**2 * p * (1 - p)

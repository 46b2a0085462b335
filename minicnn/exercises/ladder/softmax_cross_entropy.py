"""Softmax and cross-entropy: from logits to a loss, and back in one line.

    z (N, K): the logits of N samples and K classes       labels (N,): integers, the right classes

    p[n, k] = exp(z[n, k]) / Σ_j exp(z[n, j])             loss = mean over n of -log p[n, labels[n]]

An example: z = [[0, log 3]] gives p = [[0.25, 0.75]]; with labels = [1] the loss is -log 0.75 = 0.2877, and
dz = [[0.25, -0.25]].
"""

import numpy as np

from minicnn.exercises.rungs import Rung, forward, gradient

PAGE = "docs/backprop/softmax_cross_entropy.md"


def softmax(z):
    """Return p (N, K), the probabilities. It must also work for z = 1000."""
    # your code: p
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p


def cross_entropy(z, labels):
    """Return the loss (a number), and dz (N, K)."""
    p = softmax(z)
    # your code: loss, dz
    rows = np.arange(len(labels))
    loss = -np.log(p[rows, labels]).mean()
    dz = p.copy()
    dz[rows, labels] -= 1
    dz = dz / len(labels)
    return loss, dz


_LABELS = np.array([2, 0, 1, 2])
_Z = {"z": (4, 3)}


def _shifted(z):
    return np.exp(z - z.max(axis=1, keepdims=True))


def _p(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


def _each(z, labels):
    return -np.log(_p(z)[range(len(z)), labels])


def _pair(work):
    return work["cross_entropy"]


RUNGS = (
    Rung("softmax", "rows that add up to 1",
         forward("softmax", _Z,
             {"the sum is over the samples: each row must add up to 1, not each column":
                 lambda z: np.exp(z) / np.exp(z).sum(axis=0),
              "the sum is over the samples: each row must add up to 1":
                 lambda z: _shifted(z) / _shifted(z).sum(axis=0),
              "the sum is over all entries: each row must add up to 1": lambda z: np.exp(z) / np.exp(z).sum(),
              "exp is missing": lambda z: z / z.sum(axis=1, keepdims=True),
              "it is not divided by the sum": lambda z: np.exp(z)}, y="p"),
         "exp of each entry, divided by the sum of its row",
         "e = np.exp(z), and p = e / e.sum(axis=1, keepdims=True): keepdims makes the sum a column"),
    Rung("large", "logits of 1000: nothing overflows",
         forward("softmax", {"z": [[1000.0, 1001.0, 999.0], [-1000.0, -1000.0, -999.0]]}, y="p"),
         "exp(1000) is too large for a float, and exp(-1000) is 0: then 0/0. p does not change if a number "
         "is subtracted from all logits of a row",
         "subtract the largest of each row first: z - z.max(axis=1, keepdims=True)"),
    Rung("loss", "the mean of -log p of the right class",
         forward("cross_entropy", _Z,
             {"the sum over the samples: the mean is needed": lambda z, labels: _each(z, labels).sum(),
              "the sign is wrong: -log p is positive": lambda z, labels: -_each(z, labels).mean(),
              "divided by the number of entries, N·K: divide by N": lambda z, labels: _each(z, labels).sum() / z.size,
              "log is missing": lambda z, labels: -_p(z)[range(len(z)), labels].mean(),
              "-log p of all classes: only that of the right class counts":
                 lambda z, labels: -np.log(_p(z)).sum(axis=1).mean()}, y="loss", labels=_LABELS),
         "of each row of p only the entry of the right class counts",
         "p[np.arange(N), labels] are these entries; then -np.log(…).mean()"),
    Rung("dz", "p minus the one-hot labels",
         gradient("cross_entropy", "z", _Z, _pair, labels=_LABELS),
         "the gradient of -log softmax is p - t, where t is 1 for the right class and 0 for the others. And "
         "the mean?",
         "dz = (p - t) / N; t = np.eye(K)[labels]. Subtract from a copy of p, p is still needed"),
)

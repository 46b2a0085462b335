"""Softmax and cross-entropy: the equations of ``ops/reference/softmax.py``, row by row.

One forward kernel gives p and log p. Cross-entropy needs no kernel of its own: its gradient is log-softmax's,
for the upstream gradient −dloss·t:

    dl − p·Σ dl  =  −dloss·t + p·dloss·Σ t  =  dloss·(p·Σ t − t)
"""

import math

from numba import prange

from minicnn.ops.kernels.memory import empty_like
from minicnn.ops.kernels.parallel import CHUNKS, compiled, prepare

__all__ = [
    "log_softmax_backward",
    "log_softmax_forward",
    "softmax_backward",
    "softmax_cross_entropy_backward",
    "softmax_cross_entropy_forward",
    "softmax_forward",
]


def softmax_forward(x):
    """Return (p, cache), as the reference does."""
    p, _ = _forward(x)
    return p, p


def softmax_backward(dy, cache):
    """Return dx, as the reference does."""
    p = cache
    return _backward(dy, p, logarithmic=False)


def log_softmax_forward(x):
    """Return (log p, cache), as the reference does."""
    p, log_p = _forward(x)
    return log_p, p


def log_softmax_backward(dy, cache):
    """Return dx, as the reference does."""
    p = cache
    return _backward(dy, p, logarithmic=True)


def softmax_cross_entropy_forward(logits, targets, label_smoothing=0.0):
    """Return (loss, cache), as the reference does."""
    p, log_p = _forward(logits)
    targets = targets.astype(p.dtype)
    targets = (1 - label_smoothing) * targets + label_smoothing / targets.shape[-1]
    return -(targets * log_p).sum(axis=-1), (p, targets)


def softmax_cross_entropy_backward(dloss, cache):
    """Return dlogits, as the reference does."""
    p, targets = cache
    return log_softmax_backward(-dloss[..., None] * targets, p)


def _forward(x):
    x = prepare(x)
    p, log_p = empty_like(x), empty_like(x)
    _softmax(_rows(x), _rows(p), _rows(log_p))
    return p, log_p


def _backward(dy, p, logarithmic):
    dy, p = prepare(dy, p)
    dx = empty_like(dy)
    _softmax_gradient(_rows(dy), _rows(p), logarithmic, _rows(dx))
    return dx


def _rows(x):
    return x.reshape(-1, x.shape[-1])


@compiled(parallel=True)
def _softmax(x, p, log_p):
    rows, classes = x.shape
    for chunk in prange(CHUNKS):
        for i in range(chunk * rows // CHUNKS, (chunk + 1) * rows // CHUNKS):
            largest = x[i, 0]
            for k in range(1, classes):
                largest = max(largest, x[i, k])
            total = 0.0
            for k in range(classes):
                p[i, k] = math.exp(x[i, k] - largest)
                total += p[i, k]
            log_total = math.log(total)
            for k in range(classes):
                p[i, k] /= total
                log_p[i, k] = x[i, k] - largest - log_total


@compiled(parallel=True)
def _softmax_gradient(dy, p, logarithmic, dx):
    """dx = dy − p·Σ dy if ``logarithmic``, else p·(dy − Σ dy·p)."""
    rows, classes = dy.shape
    for chunk in prange(CHUNKS):
        for i in range(chunk * rows // CHUNKS, (chunk + 1) * rows // CHUNKS):
            total = 0.0
            for k in range(classes):
                total += dy[i, k] if logarithmic else dy[i, k] * p[i, k]
            for k in range(classes):
                dx[i, k] = dy[i, k] - p[i, k] * total if logarithmic else p[i, k] * (dy[i, k] - total)

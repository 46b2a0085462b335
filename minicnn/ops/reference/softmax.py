"""Softmax, its logarithm, and its cross-entropy.

    p_k = e^(z_k) / Σ_j e^(z_j)            log p_k = z_k − log Σ_j e^(z_j)

Both do not change when the same number is added to every z. So all z are shifted until the largest is 0, and
no exponential overflows. The derivative is a full matrix, ∂p_k/∂z_j = p_k·(δ_kj − p_j): if one p grows, the
others fall.

    softmax      dz_j = Σ_k dp_k·p_k·(δ_kj − p_j)         = p_j·(dp_j − Σ_k dp_k·p_k)
    log_softmax  dz_j = Σ_k dl_k·(δ_kj − p_j)             = dl_j − p_j·Σ_k dl_k

Cross-entropy with target probabilities t, smoothed by ε over K classes:

    t' = (1 − ε)·t + ε/K            loss = −Σ_k t'_k·log p_k            dz_j = dloss·(p_j·Σ_k t'_k − t'_j)

For targets that sum to 1 and dloss = 1, the last line is p − t. Softmax and logarithm are one operation, so
log(0) cannot occur. Class and sample weights, and the mean over the batch, are part of dloss.

Shapes: all over the last axis of any z; cross-entropy: logits and targets (N, …, K), loss and dloss (N, …).
"""

import numpy as np

from minicnn.ops.types import Array, Cache

__all__ = [
    "log_softmax_backward",
    "log_softmax_forward",
    "softmax_backward",
    "softmax_cross_entropy_backward",
    "softmax_cross_entropy_forward",
    "softmax_forward",
]


def softmax_forward(x: Array) -> tuple[Array, Cache]:
    """Return (p, cache): probabilities over the last axis."""
    exponentials = np.exp(_shift(x))
    p = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return p, p


def softmax_backward(dy: Array, cache: Cache) -> Array:
    """Return dx = p·(dy − Σ dy·p): the full Jacobian, not only its diagonal p·(1 − p)."""
    p = cache
    return p * (dy - (dy * p).sum(axis=-1, keepdims=True))


def log_softmax_forward(x: Array) -> tuple[Array, Cache]:
    """Return (log p, cache) over the last axis, exact also where p underflows to 0."""
    shifted = _shift(x)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_p, np.exp(log_p)


def log_softmax_backward(dy: Array, cache: Cache) -> Array:
    """Return dx = dy − p·Σ dy."""
    p = cache
    return dy - p * dy.sum(axis=-1, keepdims=True)


def softmax_cross_entropy_forward(
    logits: Array, targets: Array, label_smoothing: float = 0.0
) -> tuple[Array, Cache]:
    """Return (loss, cache) for logits and target probabilities, both (N, …, K): loss (N, …)."""
    targets = targets.astype(logits.real.dtype)
    targets = (1 - label_smoothing) * targets + label_smoothing / targets.shape[-1]
    log_p, p = log_softmax_forward(logits)
    return -(targets * log_p).sum(axis=-1), (p, targets)


def softmax_cross_entropy_backward(dloss: Array, cache: Cache) -> Array:
    """Return dlogits = dloss·(p·Σt − t), (N, …, K)."""
    p, targets = cache
    return dloss[..., None] * (p * targets.sum(axis=-1, keepdims=True) - targets)


def _shift(x: Array) -> Array:
    return x - x.real.max(axis=-1, keepdims=True)

"""Batch normalization: give every channel mean 0 and variance 1, then a learned scale and offset.

    μ = 1/m · Σ x        v = 1/m · Σ (x − μ)²        x̂ = (x − μ) / √(v + ε)        y = γ·x̂ + β

for each channel, sums over the m entries of all other axes. β and γ are a sum and a product away from y:

    dβ = Σ dy            dγ = Σ dy·x̂            dx̂ = γ·dy

x reaches x̂ by three paths: directly, through μ and through v. With r = 1/√(v + ε):

    dv = Σ dx̂·(x − μ) · (−r³/2)          dμ = −r·Σ dx̂          (the path x -> μ -> v is 0, as Σ (x − μ) = 0)
    dx = r·dx̂  +  dv · 2·(x − μ)/m  +  dμ/m
       = γ·r · ( dy  −  dβ/m  −  x̂·dγ/m )

The last line subtracts from dy what the batch could not have changed: its mean, and its part along x̂.
Therefore Σ dx = 0, and an all-ones dy gives dx = 0 whatever the rest of the code does: never check this
layer with one.

At inference μ and v are fixed numbers (moving averages), so only the direct path is left: dx = γ·r·dy.

With ``relu``, y = max(γ·x̂ + β, 0), as a ReLU behind would make it, and dy counts where that is positive: the two
usually stand together, and as one they save two passes over memory.

Shapes: x, y (…, C); γ, β, μ, v (C,).
Source: Ioffe and Szegedy, "Batch normalization" (2015).
"""

import numpy as np

__all__ = [
    "batch_norm_backward",
    "batch_norm_forward",
    "batch_norm_inference_backward",
    "batch_norm_inference_forward",
]


def batch_norm_forward(x, gamma, beta, epsilon, relu=False):
    """Return (y, mean, variance, cache), by the batch's own statistics; the variance is biased (over m)."""
    axes = _all_but_last(x)
    mean = x.mean(axis=axes)  # (C,)
    variance = ((x - mean) ** 2).mean(axis=axes)  # (C,)
    y, cache = batch_norm_inference_forward(x, gamma, beta, mean, variance, epsilon, relu)
    return y, mean, variance, cache


def batch_norm_backward(dy, cache):
    """Return (dx, dgamma, dbeta), through mean and variance."""
    x_hat, gamma, inverse_std, _ = cache
    dy = _through_relu(dy, cache)
    _, dgamma, dbeta = batch_norm_inference_backward(dy, cache)
    m = dy.size // dy.shape[-1]
    dx = gamma * inverse_std * (dy - dbeta / m - x_hat * (dgamma / m))
    return dx, dgamma, dbeta


def batch_norm_inference_forward(x, gamma, beta, mean, variance, epsilon, relu=False):
    """Return (y, cache), by the given mean and variance."""
    inverse_std = 1 / np.sqrt(variance + epsilon)  # (C,)
    x_hat = (x - mean) * inverse_std  # (…, C)
    y = gamma * x_hat + beta
    stopped = None
    if relu:
        stopped = y.real <= 0
        y = np.where(stopped, 0, y)
    return y, (x_hat, gamma, inverse_std, stopped)


def batch_norm_inference_backward(dy, cache):
    """Return (dx, dgamma, dbeta), with mean and variance constant."""
    x_hat, gamma, inverse_std, _ = cache
    dy = _through_relu(dy, cache)
    dbeta = dy.sum(axis=_all_but_last(dy))
    dgamma = (dy * x_hat).sum(axis=_all_but_last(dy))
    return gamma * inverse_std * dy, dgamma, dbeta


def _through_relu(dy, cache):
    """Return dy, with 0 where a ReLU stopped the output."""
    *_, stopped = cache
    return dy if stopped is None else np.where(stopped, 0, dy)


def _all_but_last(x):
    return tuple(range(x.ndim - 1))

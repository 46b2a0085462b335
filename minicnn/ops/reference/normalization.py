"""Batch normalization: every channel gets mean 0 and variance 1, then a learned scale and offset.

    μ = 1/m · Σ x        v = 1/m · Σ (x − μ)²        x̂ = (x − μ) / √(v + ε)        y = γ·x̂ + β

for each channel, with sums over its m entries, those of all other axes. The gradients of β, γ and x̂:

    dβ = Σ dy            dγ = Σ dy·x̂            dx̂ = γ·dy

x reaches x̂ by three paths: directly, through μ and through v. With r = 1/√(v + ε):

    dv = Σ dx̂·(x − μ) · (−r³/2)          dμ = −r·Σ dx̂          (the path x -> μ -> v is 0, as Σ (x − μ) = 0)
    dx = r·dx̂  +  dv · 2·(x − μ)/m  +  dμ/m
       = γ·r · ( dy  −  dβ/m  −  x̂·dγ/m )

The last line subtracts from dy its mean and its component along x̂, because y does not change when all x are
shifted or scaled together. Therefore Σ dx = 0. An all-ones dy gives dx = 0 even if the rest of the code is
wrong: never check this layer with such a dy.

At inference μ and v are fixed numbers (moving averages), so there is only the direct path: dx = γ·r·dy.

Group normalization computes μ and v for each sample, over the m entries of a group of neighboring channels.
γ differs between the channels of a group, so it stays inside the sums:

    dx = r · ( dx̂  −  1/m · Σ dx̂  −  x̂ · 1/m · Σ dx̂·x̂ )          with dx̂ = γ·dy, sums over the group

Shapes: x, y (…, C); γ, β (C,); μ, v (C,) of a batch, (N, 1, G, 1) of groups.
Sources: Ioffe and Szegedy, "Batch normalization" (2015); Wu and He, "Group normalization" (2018).
"""

import numpy as np

from minicnn.ops.types import Array, Cache

__all__ = [
    "batch_norm_backward",
    "batch_norm_forward",
    "batch_norm_inference_backward",
    "batch_norm_inference_forward",
    "batch_norm_input_gradient",
    "batch_norm_statistics",
    "batch_norm_sums",
    "group_norm_backward",
    "group_norm_forward",
]


def batch_norm_forward(
    x: Array, gamma: Array, beta: Array, epsilon: float
) -> tuple[Array, Array, Array, Cache]:
    """Return (y, mean, variance, cache), by the batch's own statistics; the variance is biased (over m)."""
    mean, squares = batch_norm_statistics(x)
    variance = squares / (x.size // x.shape[-1])
    y, cache = batch_norm_inference_forward(x, gamma, beta, mean, variance, epsilon)
    return y, mean, variance, cache


def batch_norm_backward(dy: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Return (dx, dgamma, dbeta), through mean and variance."""
    dgamma, dbeta = batch_norm_sums(dy, cache)
    m = dy.size // dy.shape[-1]
    return batch_norm_input_gradient(dy, cache, dgamma, dbeta, m), dgamma, dbeta


def batch_norm_statistics(x: Array) -> tuple[Array, Array]:
    """Return each channel's mean and its sum of squared deviations from it, (C,) each."""
    axes = _all_but_last(x)
    mean = x.mean(axis=axes)
    return mean, ((x - mean) ** 2).sum(axis=axes)


def batch_norm_sums(dy: Array, cache: Cache) -> tuple[Array, Array]:
    """Return (dgamma, dbeta), the sums over the entries of dy."""
    x_hat, _, _ = cache
    axes = _all_but_last(dy)
    return (dy * x_hat).sum(axis=axes), dy.sum(axis=axes)


def batch_norm_input_gradient(dy: Array, cache: Cache, dgamma: Array, dbeta: Array, m: int) -> Array:
    """Return dx, through mean and variance of m entries; dgamma and dbeta are the sums over all of them.

    A part of a batch needs the sums over the whole: minicnn.distributed.
    """
    x_hat, gamma, inverse_std = cache
    return gamma * inverse_std * (dy - dbeta / m - x_hat * (dgamma / m))


def batch_norm_inference_forward(
    x: Array, gamma: Array, beta: Array, mean: Array, variance: Array, epsilon: float
) -> tuple[Array, Cache]:
    """Return (y, cache), by the given mean and variance."""
    inverse_std = 1 / np.sqrt(variance + epsilon)  # (C,)
    x_hat = (x - mean) * inverse_std  # (…, C)
    return gamma * x_hat + beta, (x_hat, gamma, inverse_std)


def batch_norm_inference_backward(dy: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Return (dx, dgamma, dbeta), with mean and variance constant."""
    _, gamma, inverse_std = cache
    return gamma * inverse_std * dy, *batch_norm_sums(dy, cache)


def group_norm_forward(
    x: Array, gamma: Array, beta: Array, groups: int, epsilon: float
) -> tuple[Array, Cache]:
    """Return (y, cache): each sample by itself, its channels in ``groups`` groups of neighbors."""
    grouped = _in_groups(x, groups)  # (N, …, C) -> (N, P, G, C/G)
    mean = grouped.mean(axis=(1, 3), keepdims=True)  # (N, 1, G, 1)
    variance = ((grouped - mean) ** 2).mean(axis=(1, 3), keepdims=True)
    inverse_std = 1 / np.sqrt(variance + epsilon)
    x_hat = ((grouped - mean) * inverse_std).reshape(x.shape)
    return gamma * x_hat + beta, (x_hat, gamma, inverse_std, groups)


def group_norm_backward(dy: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Return (dx, dgamma, dbeta), through the mean and variance of each group."""
    x_hat, gamma, inverse_std, groups = cache
    dbeta = dy.sum(axis=_all_but_last(dy))
    dgamma = (dy * x_hat).sum(axis=_all_but_last(dy))
    d, x_hat = _in_groups(gamma * dy, groups), _in_groups(x_hat, groups)
    mean = d.mean(axis=(1, 3), keepdims=True)
    along_x_hat = (d * x_hat).mean(axis=(1, 3), keepdims=True)
    dx = inverse_std * (d - mean - x_hat * along_x_hat)
    return dx.reshape(dy.shape), dgamma, dbeta


def _in_groups(x: Array, groups: int) -> Array:
    """Return x (N, …, C) as (N, P, G, C/G): all its P pixels, its channels in groups."""
    return x.reshape(len(x), -1, groups, x.shape[-1] // groups)


def _all_but_last(x: Array) -> tuple[int, ...]:
    return tuple(range(x.ndim - 1))

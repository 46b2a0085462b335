"""Group normalization: the equations of ``ops/reference/normalization.py``.

Each sample is one thread's, and small enough for its cache: three reads and a write. Sums are taken for each
channel first, along which the loops are vectors, then added up over the channels of a group.
"""

import numpy as np
from numba import prange

from minicnn.ops.kernels.memory import empty_like
from minicnn.ops.kernels.parallel import compiled, prepare

__all__ = ["group_norm_backward", "group_norm_forward"]


def group_norm_forward(x, gamma, beta, groups, epsilon):
    """Return (y, cache), as the reference does."""
    x = prepare(x)
    samples, channels = len(x), x.shape[-1]
    mean, inverse_std = np.empty((2, samples, channels))  # of its group, for each channel
    y = empty_like(x)
    _group_forward(
        _pixels(x), np.float64(gamma), np.float64(beta), groups, epsilon, mean, inverse_std, _pixels(y)
    )
    return y, (x, np.float64(gamma), mean, inverse_std, groups)


def group_norm_backward(dy, cache):
    """Return (dx, dgamma, dbeta), as the reference does."""
    x, gamma, mean, inverse_std, groups = cache
    dy, x = prepare(dy, x)
    totals, products = np.empty((2, len(x), x.shape[-1]))
    dx = empty_like(dy)
    _group_backward(_pixels(dy), _pixels(x), gamma, mean, inverse_std, groups, totals, products, _pixels(dx))
    dbeta, dgamma = totals.sum(axis=0), (products * inverse_std).sum(axis=0)
    return dx, dgamma.astype(x.dtype), dbeta.astype(x.dtype)


def _pixels(x):
    return x.reshape(len(x), -1, x.shape[-1])


@compiled(parallel=True)
def _group_forward(x, gamma, beta, groups, epsilon, mean, inverse_std, y):
    for n in prange(len(x)):
        _group_sample(x[n], gamma, beta, groups, epsilon, mean[n], inverse_std[n], y[n])


@compiled()
def _group_sample(x, gamma, beta, groups, epsilon, mean, inverse_std, y):
    pixels, channels = x.shape
    entries = pixels * (channels // groups)
    for c in range(channels):
        mean[c] = inverse_std[c] = 0
    for i in range(pixels):
        for c in range(channels):
            mean[c] += x[i, c]
    _group_sums(mean, groups)
    for c in range(channels):
        mean[c] /= entries
    for i in range(pixels):
        for c in range(channels):
            inverse_std[c] += (x[i, c] - mean[c]) ** 2
    _group_sums(inverse_std, groups)
    for c in range(channels):
        inverse_std[c] = 1 / np.sqrt(inverse_std[c] / entries + epsilon)
    for i in range(pixels):
        for c in range(channels):
            y[i, c] = (x[i, c] - mean[c]) * inverse_std[c] * gamma[c] + beta[c]


@compiled(parallel=True)
def _group_backward(dy, x, gamma, mean, inverse_std, groups, totals, products, dx):
    for n in prange(len(x)):
        _group_sample_backward(
            dy[n], x[n], gamma, mean[n], inverse_std[n], groups, totals[n], products[n], dx[n]
        )


@compiled()
def _group_sample_backward(dy, x, gamma, mean, inverse_std, groups, totals, products, dx):
    """Fill ``totals`` with Σ dy and ``products`` with Σ dy·(x − mean) for each channel, and dx."""
    pixels, channels = x.shape
    entries = pixels * (channels // groups)
    for c in range(channels):
        totals[c] = products[c] = 0
    for i in range(pixels):
        for c in range(channels):
            totals[c] += dy[i, c]
            products[c] += dy[i, c] * (x[i, c] - mean[c])
    constant, slope = totals * gamma, products * gamma
    _group_sums(constant, groups)
    _group_sums(slope, groups)
    for c in range(channels):
        constant[c] /= entries
        slope[c] *= inverse_std[c] ** 2 / entries
    for i in range(pixels):
        for c in range(channels):
            dx[i, c] = (dy[i, c] * gamma[c] - constant[c] - (x[i, c] - mean[c]) * slope[c]) * inverse_std[c]


@compiled()
def _group_sums(values, groups):
    """Replace each channel's value by the sum over its group."""
    size = len(values) // groups
    for first in range(0, len(values), size):
        total = 0.0
        for c in range(first, first + size):
            total += values[c]
        for c in range(first, first + size):
            values[c] = total

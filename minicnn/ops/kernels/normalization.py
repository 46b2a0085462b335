"""Batch normalization: the equations of ``ops/reference/normalization.py`` in the fewest passes over memory.

Training reads x twice and writes y once: a pass for the statistics, a pass that normalises. Backward reads x
and dy twice and writes dx once: a pass for the two sums, a pass for dx. x̂ is never stored; it is (x − μ)·r
wherever needed.

The statistics of one block of rows, small enough for the first-level cache, are computed by the two-pass
formula. It stays accurate for a large mean, where Σx² − (Σx)²/m does not. Two sets of rows (counts n₁ and n₂,
means μ₁ and μ₂, sums of squared deviations S₁ and S₂) are then merged exactly:

    δ = μ₂ − μ₁        μ = μ₁ + δ·n₂/(n₁ + n₂)        S = S₁ + S₂ + δ²·n₁·n₂/(n₁ + n₂)

Batch norm and the ReLU after it are also one kernel, :func:`batch_norm_relu_forward`. The reference has no
such function: it computes ``batch_norm`` and then ``relu``. Together they save two passes over memory:
forward, the ReLU is a maximum that is taken before y is written; backward, its condition (x − μ)·γ·r + β > 0
is computed again from x, which is read anyway. Without a ReLU, the maximum is taken with −∞, and the
condition is ∞ > 0.

Statistics and sums are float64 for every type of x: a sum of 150,000 numbers in float32 would have an error
above the promised 1e-5.

Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances"
(1979).
"""

import numpy as np
from numba import prange

from minicnn.ops.kernels.memory import empty_like
from minicnn.ops.kernels.parallel import CHUNKS, compiled, prepare

__all__ = [
    "batch_norm_backward",
    "batch_norm_forward",
    "batch_norm_inference_backward",
    "batch_norm_inference_forward",
    "batch_norm_input_gradient",
    "batch_norm_statistics",
    "batch_norm_sums",
]

_BLOCK = 4096  # entries of x in a block of rows: 16 KB in float32, half of a first-level cache


def batch_norm_forward(x, gamma, beta, epsilon):
    """Return (y, mean, variance, cache), as the reference does."""
    return _forward(x, gamma, beta, epsilon, relu=False)


def batch_norm_relu_forward(x, gamma, beta, epsilon):
    """Return (y, mean, variance, cache) of batch norm, then ReLU; the backward pass is
    :func:`batch_norm_backward`.
    """
    return _forward(x, gamma, beta, epsilon, relu=True)


def _forward(x, gamma, beta, epsilon, relu):
    x = prepare(x)
    mean, squares = batch_norm_statistics(x)
    variance = squares / (x.size // x.shape[-1])
    y, cache = _inference_forward(x, gamma, beta, mean, variance, epsilon, relu)
    return y, mean.astype(x.dtype), variance.astype(x.dtype), cache


def batch_norm_backward(dy, cache):
    """Return (dx, dgamma, dbeta), as the reference does; through the ReLU as well if forward had one."""
    return _backward(dy, cache, frozen=False)


def batch_norm_inference_forward(x, gamma, beta, mean, variance, epsilon):
    """Return (y, cache), as the reference does."""
    return _inference_forward(x, gamma, beta, mean, variance, epsilon, relu=False)


def batch_norm_relu_inference_forward(x, gamma, beta, mean, variance, epsilon):
    """Return (y, cache) of batch norm by the given mean and variance, then ReLU."""
    return _inference_forward(x, gamma, beta, mean, variance, epsilon, relu=True)


def _inference_forward(x, gamma, beta, mean, variance, epsilon, relu):
    x = prepare(x)
    mean, gamma, beta = np.float64(mean), np.float64(gamma), np.float64(beta)
    inverse_std = 1 / np.sqrt(np.float64(variance) + epsilon)
    y = empty_like(x)
    _normalise(_rows(x), mean, gamma * inverse_std, beta, 0.0 if relu else -np.inf, _rows(y))
    return y, (x, gamma, mean, inverse_std, beta if relu else np.full_like(beta, np.inf))


def batch_norm_inference_backward(dy, cache):
    """Return (dx, dgamma, dbeta), as the reference does; through the ReLU as well if forward had one."""
    return _backward(dy, cache, frozen=True)


def _backward(dy, cache, frozen):
    x = cache[0]
    dgamma, dbeta = batch_norm_sums(dy, cache)
    dx = _dx(dy, cache, dgamma, dbeta, dy.size // dy.shape[-1], frozen)
    return dx, dgamma.astype(x.dtype), dbeta.astype(x.dtype)


def batch_norm_statistics(x):
    """Return the mean and the sum of squared deviations as the reference does, in float64."""
    x = prepare(x)
    means, squares = np.zeros((2, CHUNKS, x.shape[-1]))
    _statistics(_rows(x), means, squares)
    return means[0], squares[0]


def batch_norm_sums(dy, cache):
    """Return (dgamma, dbeta) as the reference does, in float64; of a ReLU's dy if forward had one."""
    x, gamma, mean, inverse_std, gate = cache
    dy, x = prepare(dy, x)
    totals, products = np.zeros((2, CHUNKS, x.shape[-1]))
    _sums(_rows(dy), _rows(x), mean, gamma * inverse_std, gate, totals, products)
    return products[0] * inverse_std, totals[0]


def batch_norm_input_gradient(dy, cache, dgamma, dbeta, m):
    """Return dx as the reference does; through the ReLU as well if forward had one."""
    return _dx(dy, cache, dgamma, dbeta, m, frozen=False)


def _dx(dy, cache, dgamma, dbeta, m, frozen):
    x, gamma, mean, inverse_std, gate = cache
    dy, x = prepare(dy, x)
    dx = empty_like(dy)
    constant, slope = dbeta / m, dgamma * inverse_std / m
    scale = gamma * inverse_std
    _input_gradient(_rows(dy), _rows(x), mean, scale, gate, constant, slope, frozen, _rows(dx))
    return dx


def _rows(x):
    return x.reshape(-1, x.shape[-1])


@compiled(parallel=True)
def _statistics(x, means, squares):
    """Fill row 0 with each channel's mean and sum of squared deviations, of x (m, C).

    means, squares: (CHUNKS, C), zeros.
    """
    rows = len(x)
    for chunk in prange(CHUNKS):
        _chunk_statistics(
            x, chunk * rows // CHUNKS, (chunk + 1) * rows // CHUNKS, means[chunk], squares[chunk]
        )
    count = rows // CHUNKS
    for chunk in range(1, CHUNKS):
        more = (chunk + 1) * rows // CHUNKS - chunk * rows // CHUNKS
        _merge(count, means[0], squares[0], more, means[chunk], squares[chunk])
        count += more


@compiled()
def _chunk_statistics(x, first, last, mean, squares):
    channels = x.shape[1]
    block_mean, block_squares = np.empty(channels), np.empty(channels)
    step = max(1, _BLOCK // channels)
    for start in range(first, last, step):
        stop = min(start + step, last)
        for c in range(channels):
            block_mean[c] = block_squares[c] = 0
        for i in range(start, stop):
            for c in range(channels):
                block_mean[c] += x[i, c]
        for c in range(channels):
            block_mean[c] /= stop - start
        for i in range(start, stop):
            for c in range(channels):
                block_squares[c] += (x[i, c] - block_mean[c]) ** 2
        _merge(start - first, mean, squares, stop - start, block_mean, block_squares)


@compiled()
def _merge(count, mean, squares, more, more_mean, more_squares):
    """Merge the statistics of ``more`` rows into those of ``count`` rows."""
    if more == 0:
        return
    share = more / (count + more)
    for c in range(mean.size):
        delta = more_mean[c] - mean[c]
        mean[c] += delta * share
        squares[c] += more_squares[c] + delta * delta * count * share


@compiled(parallel=True)
def _normalise(x, mean, scale, offset, floor, y):
    rows, channels = x.shape
    for chunk in prange(CHUNKS):
        for i in range(chunk * rows // CHUNKS, (chunk + 1) * rows // CHUNKS):
            for c in range(channels):
                value = (x[i, c] - mean[c]) * scale[c] + offset[c]
                y[i, c] = floor if value <= floor else value  # in this form NaN stays NaN


# In the two loops below dy is loaded before the choice. A load that depends on it is no vector instruction on AVX2.


@compiled(parallel=True)
def _sums(dy, x, mean, scale, gate, totals, products):
    """Fill row 0 with Σ dy and Σ dy·(x − mean) for each channel; totals, products: (CHUNKS, C), zeros."""
    rows, channels = x.shape
    for chunk in prange(CHUNKS):
        for i in range(chunk * rows // CHUNKS, (chunk + 1) * rows // CHUNKS):
            for c in range(channels):
                deviation, upstream = x[i, c] - mean[c], np.float64(dy[i, c])
                d = 0.0 if deviation * scale[c] + gate[c] <= 0 else upstream
                totals[chunk, c] += d
                products[chunk, c] += d * deviation
    for chunk in range(1, CHUNKS):
        for c in range(channels):
            totals[0, c] += totals[chunk, c]
            products[0, c] += products[chunk, c]


@compiled(parallel=True)
def _input_gradient(dy, x, mean, scale, gate, constant, slope, frozen, dx):
    """dx = scale · (dy − constant − slope·(x − mean)): the projection that the reference explains.

    If mean and variance are ``frozen``, they do not depend on x: dx = scale · dy. That is not the same as
    constant = slope = 0, since 0 · NaN is NaN.
    """
    rows, channels = x.shape
    for chunk in prange(CHUNKS):
        for i in range(chunk * rows // CHUNKS, (chunk + 1) * rows // CHUNKS):
            for c in range(channels):
                deviation, upstream = x[i, c] - mean[c], np.float64(dy[i, c])
                d = 0.0 if deviation * scale[c] + gate[c] <= 0 else upstream
                dx[i, c] = (d if frozen else d - constant[c] - deviation * slope[c]) * scale[c]

"""Optimizer steps of :mod:`minicnn.ops.reference.updates`, each one pass over a parameter.

NumPy reads and writes memory once for every operator of a formula, some fifteen times in an Adam step. Here
one loop loads w, dw, m and v, and stores w, m and v. It runs over a piece of each array, so that it is vector
code: see parallel.piece.

Entries do not depend on each other, so the division into pieces cannot change a bit. The one sum, the squared
norm, is computed for each piece in float64 and added in order.

A unit that is never active has the gradient 0, and its m shrinks by a tenth at every step. After some 800
steps it is below the smallest normal float32, 1e-38, where a processor needs a hundred times as long for an
operation. A few such units can make the Adam step as slow as all the convolutions. So a mean that is too
small to change a weight is set to 0.
"""

import math

import numpy as np
from numba import prange

from minicnn.ops.kernels.parallel import CHUNKS, compiled, piece, prepare
from minicnn.ops.reference.updates import adam_rate, nadam_factors

__all__ = [
    "adadelta_update",
    "adagrad_update",
    "adam_update",
    "average_update",
    "nadam_update",
    "rmsprop_update",
    "sgd_update",
    "squared_norm",
]


def sgd_update(
    w, dw, velocity, learning_rate, momentum=0.0, nesterov=False, weight_decay=0.0, scale=1.0, limit=math.inf
):
    """Take one SGD step; ``velocity`` is u, or None when the momentum is 0."""
    keep = 1 - learning_rate * weight_decay
    scalars = _scalars(w, learning_rate, momentum, keep, scale, limit)
    _sgd(*_flat(w, dw, velocity), velocity is not None, nesterov, _negligible(w), *scalars)


def adam_update(
    w, dw, m, v, v_max, learning_rate, beta_1, beta_2, epsilon, t, weight_decay=0.0, scale=1.0, limit=math.inf
):
    """Take Adam step number ``t`` (from 1); ``v_max`` is AMSGrad's v̂, or None for Adam."""
    rate, keep = adam_rate(learning_rate, beta_1, beta_2, t), 1 - learning_rate * weight_decay
    scalars = _scalars(w, rate, 1 - beta_1, 1 - beta_2, epsilon, keep, scale, limit)
    _adam(*_flat(w, dw, m, v, v_max), v_max is not None, _negligible(w), *scalars)


def rmsprop_update(
    w,
    dw,
    v,
    velocity,
    mean,
    learning_rate,
    rho,
    momentum,
    epsilon,
    weight_decay=0.0,
    scale=1.0,
    limit=math.inf,
):
    """Take one RMSprop step; ``velocity`` is u or None (no momentum), ``mean`` a or None (not centered)."""
    keep = 1 - learning_rate * weight_decay
    scalars = _scalars(w, learning_rate, rho, 1 - rho, momentum, epsilon, keep, scale, limit)
    modes = velocity is not None, mean is not None
    _rmsprop(*_flat(w, dw, v, velocity, mean), *modes, _negligible(w), *scalars)


def nadam_update(
    w, dw, m, v, learning_rate, beta_1, beta_2, epsilon, t, weight_decay=0.0, scale=1.0, limit=math.inf
):
    """Take Nadam step number ``t`` (from 1)."""
    keep, factors = 1 - learning_rate * weight_decay, nadam_factors(beta_1, t)
    rates = [learning_rate * factor for factor in factors]
    scalars = _scalars(w, *rates, 1 - beta_1, 1 - beta_2, 1 - beta_2**t, epsilon, keep, scale, limit)
    _nadam(*_flat(w, dw, m, v), _negligible(w), *scalars)


def adagrad_update(w, dw, total, learning_rate, epsilon, weight_decay=0.0, scale=1.0, limit=math.inf):
    """Take one Adagrad step; ``total`` is n."""
    keep = 1 - learning_rate * weight_decay
    _adagrad(*_flat(w, dw, total), *_scalars(w, learning_rate, epsilon, keep, scale, limit))


def adadelta_update(w, dw, v, s, learning_rate, rho, epsilon, weight_decay=0.0, scale=1.0, limit=math.inf):
    """Take one Adadelta step; ``v`` is the mean of g², ``s`` that of the steps' squares."""
    keep = 1 - learning_rate * weight_decay
    scalars = _scalars(w, learning_rate, rho, 1 - rho, epsilon, keep, scale, limit)
    _adadelta(*_flat(w, dw, v, s), _negligible(w), *scalars)


def average_update(average, w, momentum):
    """Move the average of the weights: average ← momentum·average + (1 − momentum)·w."""
    _average(*_flat(average, w), *_scalars(w, momentum, 1 - momentum))


def squared_norm(dw):
    """Return Σ dw², summed in float64 whatever the dtype, as a float."""
    partial = np.empty(CHUNKS)
    _squares(prepare(dw).reshape(-1), partial)
    return float(partial.sum())


def _flat(w, dw, *states):
    """Return views with one dimension; None becomes an array without entries."""
    for array in (w, *states):
        if array is not None and (array.dtype != w.dtype or not array.flags.c_contiguous):
            raise ValueError(
                f"{array.dtype} array of shape {array.shape}: an array that is updated in place must be "
                f"C-contiguous and of the weights' dtype, {w.dtype}"
            )
    dw = prepare(w, dw)[1].astype(w.dtype, copy=False)
    return [np.empty(0, w.dtype) if array is None else array.reshape(-1) for array in (w, dw, *states)]


def _scalars(w, *scalars):
    """Return Python floats as scalars of the weights' dtype: a float64 would make the arithmetic float64."""
    return [w.dtype.type(number) for number in scalars]


def _negligible(w):
    """Return the number below which a mean counts as 0: times the rounding error, it is no normal float."""
    kind = np.finfo(w.dtype)
    return kind.tiny / kind.eps  # 1e-31 for float32


@compiled()
def _clip(g, limit):
    """Return g inside ±limit; both comparisons are false for NaN, which stays."""
    g = limit if g > limit else g
    return -limit if g < -limit else g


@compiled()
def _flushed(mean, negligible):
    """Return mean, or 0 if it is below ``negligible``; the comparison is false for NaN, which stays."""
    return mean * 0 if abs(mean) < negligible else mean


@compiled(parallel=True)
def _sgd(w, dw, u, moving, nesterov, negligible, rate, momentum, keep, scale, limit):
    for chunk in prange(CHUNKS):
        ws, dws, us = piece(w, chunk), piece(dw, chunk), piece(u, chunk)
        for i in range(ws.size):
            step = rate * _clip(scale * dws[i], limit)
            move = -step
            if moving:
                move = _flushed(momentum * us[i] - step, negligible)
                us[i] = move
                if nesterov:
                    move = momentum * move - step
            ws[i] = keep * ws[i] + move


@compiled(parallel=True)
def _adam(w, dw, m, v, v_max, bounded, negligible, rate, blend_1, blend_2, epsilon, keep, scale, limit):
    for chunk in prange(CHUNKS):
        ws, dws, ms, vs = piece(w, chunk), piece(dw, chunk), piece(m, chunk), piece(v, chunk)
        bounds = piece(v_max, chunk)
        for i in range(ws.size):
            g = _clip(scale * dws[i], limit)
            mean = _flushed(ms[i] + blend_1 * (g - ms[i]), negligible)
            variance = _flushed(vs[i] + blend_2 * (g * g - vs[i]), negligible)
            ms[i], vs[i] = mean, variance
            if bounded:  # AMSGrad
                variance = max(bounds[i], variance)
                bounds[i] = variance
            ws[i] = keep * ws[i] - rate * mean / (np.sqrt(variance) + epsilon)


@compiled(parallel=True)
def _rmsprop(
    w, dw, v, u, mean, moving, centered, negligible, rate, rho, blend, momentum, epsilon, keep, scale, limit
):
    for chunk in prange(CHUNKS):
        ws, dws, vs = piece(w, chunk), piece(dw, chunk), piece(v, chunk)
        us, means = piece(u, chunk), piece(mean, chunk)
        for i in range(ws.size):
            g = _clip(scale * dws[i], limit)
            variance = _flushed(rho * vs[i] + blend * (g * g), negligible)
            vs[i] = variance
            if centered:
                means[i] = _flushed(rho * means[i] + blend * g, negligible)
                variance -= means[i] * means[i]
            step = rate * g / np.sqrt(variance + epsilon)
            if moving:
                step = _flushed(step + momentum * us[i], negligible)
                us[i] = step
            ws[i] = keep * ws[i] - step


@compiled(parallel=True)
def _nadam(w, dw, m, v, negligible, ahead, now, blend_1, blend_2, correction, epsilon, keep, scale, limit):
    for chunk in prange(CHUNKS):
        ws, dws, ms, vs = piece(w, chunk), piece(dw, chunk), piece(m, chunk), piece(v, chunk)
        for i in range(ws.size):
            g = _clip(scale * dws[i], limit)
            mean = _flushed(ms[i] + blend_1 * (g - ms[i]), negligible)
            variance = _flushed(vs[i] + blend_2 * (g * g - vs[i]), negligible)
            ms[i], vs[i] = mean, variance
            ws[i] = keep * ws[i] - (ahead * mean + now * g) / (np.sqrt(variance / correction) + epsilon)


@compiled(parallel=True)
def _adagrad(w, dw, total, rate, epsilon, keep, scale, limit):
    for chunk in prange(CHUNKS):
        ws, dws, totals = piece(w, chunk), piece(dw, chunk), piece(total, chunk)
        for i in range(ws.size):
            g = _clip(scale * dws[i], limit)
            totals[i] += g * g
            ws[i] = keep * ws[i] - rate * g / np.sqrt(totals[i] + epsilon)


@compiled(parallel=True)
def _adadelta(w, dw, v, s, negligible, rate, rho, blend, epsilon, keep, scale, limit):
    for chunk in prange(CHUNKS):
        ws, dws, vs, squares = piece(w, chunk), piece(dw, chunk), piece(v, chunk), piece(s, chunk)
        for i in range(ws.size):
            g = _clip(scale * dws[i], limit)
            vs[i] = _flushed(rho * vs[i] + blend * (g * g), negligible)
            step = np.sqrt(squares[i] + epsilon) / np.sqrt(vs[i] + epsilon) * g
            squares[i] = _flushed(rho * squares[i] + blend * (step * step), negligible)
            ws[i] = keep * ws[i] - rate * step


@compiled(parallel=True)
def _average(average, w, momentum, blend):
    for chunk in prange(CHUNKS):
        averages, ws = piece(average, chunk), piece(w, chunk)
        for i in range(ws.size):
            averages[i] = momentum * averages[i] + blend * ws[i]


@compiled(parallel=True)
def _squares(dw, partial):
    for chunk in prange(CHUNKS):
        dws = piece(dw, chunk)
        total = 0.0
        for i in range(dws.size):
            value = np.float64(dws[i])
            total += value * value
        partial[chunk] = total

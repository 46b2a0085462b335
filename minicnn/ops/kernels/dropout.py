"""Dropout: the hash of ``ops/reference/dropout.py``, computed where it is needed.

No mask is stored. Backward multiplies dy by the factors that forward multiplied x by, so both are one kernel,
and the cache is the key. The hash takes ten integer operations a number, less time than reading the number
from memory.
"""

import math

import numpy as np
from numba import prange

from minicnn.ops.kernels.memory import empty_like
from minicnn.ops.kernels.parallel import CHUNKS, compiled, prepare
from minicnn.ops.reference.dropout import dropout_mask, start_and_threshold

__all__ = ["dropout_backward", "dropout_forward", "dropout_mask"]


def dropout_forward(x, rate, key, spatial=False):
    """Return (y, cache), as the reference does."""
    start, threshold = start_and_threshold(key, rate)
    cache = start, threshold, 1 / (1 - rate), spatial
    return _through_mask(prepare(x), *cache), cache


def dropout_backward(dy, cache):
    """Return dx, as the reference does."""
    return _through_mask(prepare(dy), *cache)


def _through_mask(x, start, threshold, scale, spatial):
    y = empty_like(x)
    channels = x.shape[-1]
    # that many rows of channels share one row of the mask
    pixels = math.prod(x.shape[1:-1]) if spatial else 1
    _drop(x.reshape(-1, channels), start, threshold, x.dtype.type(scale), pixels, y.reshape(-1, channels))
    return y


@compiled(parallel=True)
def _drop(x, start, threshold, scale, pixels, y):
    rows, channels = x.shape
    nothing = y.dtype.type(0)
    for chunk in prange(CHUNKS):
        for i in range(chunk * rows // CHUNKS, (chunk + 1) * rows // CHUNKS):
            first = np.uint64(i // pixels * channels)
            for c in range(channels):
                kept = _bits(start, first + np.uint64(c)) >= threshold
                y[i, c] = x[i, c] * (scale if kept else nothing)  # a product, so that NaN stays NaN


@compiled()
def _bits(start, index):
    """Return the top 24 bits of the hash of entry ``index``."""
    z = start + index * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) >> np.uint64(40)

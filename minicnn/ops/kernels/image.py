"""Image warps: the equations of ``ops/reference/image.py``, one image to a thread.

Backward scatters: several output pixels may have read one input pixel. Since one thread does a whole image,
it adds to that pixel in a fixed order. Rounding to the nearest pixel is a bilinear tap with weights 1 and 0;
taps of weight 0 are skipped. Random erasing is a copy and a few rectangles, for which NumPy is fast enough:
it is the reference's function.
"""

import numpy as np
from numba import prange

from minicnn.ops.kernels.memory import empty_like
from minicnn.ops.kernels.parallel import compiled, prepare
from minicnn.ops.reference.image import (
    FILL_MODES,
    check_modes,
    random_erasing_backward,
    random_erasing_forward,
)

__all__ = [
    "affine_transform_backward",
    "affine_transform_forward",
    "random_erasing_backward",
    "random_erasing_forward",
]

_REFLECT, _CONSTANT, _WRAP, _NEAREST, _MIRROR = range(len(FILL_MODES))
_OUTSIDE = -1

# fastmath=False below: i·a + (j·b + c) in one rounding is not NumPy's number, and may round to another pixel


def affine_transform_forward(x, matrices, fill_mode="reflect", interpolation="bilinear", fill_value=0.0):
    """Return (y, cache), as the reference does."""
    check_modes(fill_mode, interpolation)
    x = prepare(x)
    y = empty_like(x)
    matrices = np.ascontiguousarray(matrices, np.float64)
    cache = matrices, FILL_MODES.index(fill_mode), interpolation == "nearest"
    _forward(x, *cache, x.dtype.type(fill_value), y)
    return y, cache


def affine_transform_backward(dy, cache):
    """Return dx, as the reference does."""
    dy = prepare(dy)
    dx = np.zeros_like(dy)
    _backward(dy, *cache, dx)
    return dx


@compiled(parallel=True)
def _forward(x, matrices, fill_mode, nearest, fill_value, y):
    for n in prange(x.shape[0]):
        _warp(x[n], matrices[n], fill_mode, nearest, fill_value, y[n])


@compiled(parallel=True)
def _backward(dy, matrices, fill_mode, nearest, dx):
    for n in prange(dy.shape[0]):
        _scatter(dy[n], matrices[n], fill_mode, nearest, dx[n])


@compiled(fastmath=False)
def _warp(x, matrix, fill_mode, nearest, fill_value, y):
    height, width, channels = y.shape
    for i in range(height):
        for j in range(width):
            rows, columns = _source(matrix[0], i, j, nearest), _source(matrix[1], i, j, nearest)
            for c in range(channels):
                y[i, j, c] = 0
            for row, row_weight in rows:
                for column, column_weight in columns:
                    weight = y.dtype.type(row_weight * column_weight)
                    if weight == 0:
                        continue
                    r, s = _pixel_at(row, height, fill_mode), _pixel_at(column, width, fill_mode)
                    inside = r != _OUTSIDE and s != _OUTSIDE
                    for c in range(channels):
                        y[i, j, c] += weight * (x[r, s, c] if inside else fill_value)


@compiled(fastmath=False)
def _scatter(dy, matrix, fill_mode, nearest, dx):
    height, width, channels = dy.shape
    for i in range(height):
        for j in range(width):
            rows, columns = _source(matrix[0], i, j, nearest), _source(matrix[1], i, j, nearest)
            for row, row_weight in rows:
                for column, column_weight in columns:
                    r, s = _pixel_at(row, height, fill_mode), _pixel_at(column, width, fill_mode)
                    if r == _OUTSIDE or s == _OUTSIDE:
                        continue
                    weight = dx.dtype.type(row_weight * column_weight)
                    for c in range(channels):
                        dx[r, s, c] += weight * dy[i, j, c]


@compiled(fastmath=False)
def _source(coefficients, i, j, nearest):
    """Return the two taps (pixel, weight) on one axis that output pixel (i, j) reads."""
    u = coefficients[0] * i + coefficients[1] * j + coefficients[2]
    if nearest:
        u = np.rint(u)
    lower = np.floor(u)
    return (np.int64(lower), 1 - (u - lower)), (np.int64(lower) + 1, u - lower)


@compiled(fastmath=False)
def _pixel_at(index, length, fill_mode):
    """Return the pixel that is read at ``index``, or _OUTSIDE."""
    if 0 <= index < length:
        return index
    if fill_mode == _CONSTANT:
        return _OUTSIDE
    if fill_mode == _NEAREST:
        return min(max(index, 0), length - 1)
    if fill_mode == _WRAP:
        return index % length
    if fill_mode == _MIRROR:
        folded = index % max(2 * length - 2, 1)
        return min(folded, 2 * length - 2 - folded)
    folded = index % (2 * length)
    return min(folded, 2 * length - 1 - folded)

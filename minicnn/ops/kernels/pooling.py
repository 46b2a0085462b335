"""Pooling: the equations of ``ops/reference/pooling.py``, without a padded copy of the map.

Forward, one row of windows at a time: a window's rows and columns are limited to the map, so that padding is
never read. The maximum keeps its winner as an entry number a·kw + b, one byte for windows of up to 255
entries. A new entry e wins if it is not <= the best so far, and the best is a number: so of equal entries the
first stays, and the first NaN stays. Windows of 2×2 are in pooling_2x2.py.

Backward, one row of *pixels* at a time, gathers: pixel (r, c) looks up the windows that cover it,

    i·s <= r + before < i·s + kh        i = ⌈(r + before − kh + 1)/s⌉ … ⌊(r + before)/s⌋,  cut to 0 … OH − 1

and adds up their gradients. Every dx is written once, by one thread, whether windows overlap, tile or leave
gaps. The innermost loop runs over channels, which are neighbours in memory.
"""

from functools import lru_cache

import numpy as np
from numba import prange

from minicnn.ops import geometry
from minicnn.ops.kernels import pooling_2x2
from minicnn.ops.kernels.memory import empty
from minicnn.ops.kernels.parallel import compiled, prepare
from minicnn.ops.kernels.pooling_2x2 import NO_FLOOR, better, floored

__all__ = [
    "average_pool2d_backward",
    "average_pool2d_forward",
    "global_average_pool2d_backward",
    "global_average_pool2d_forward",
    "global_max_pool2d_backward",
    "global_max_pool2d_forward",
    "max_pool2d_backward",
    "max_pool2d_forward",
]


def max_pool2d_forward(x, pool_size=(2, 2), strides=None, padding="valid"):
    """Return (y, cache), as the reference does."""
    return _max_pool(x, pool_size, strides, padding, NO_FLOOR)


def max_pool2d_relu_forward(x, pool_size=(2, 2), strides=None, padding="valid"):
    """Return (y, cache) of max-pooling, then ReLU; the backward pass is :func:`max_pool2d_backward`."""
    return _max_pool(x, pool_size, strides, padding, 0.0)


def _max_pool(x, pool_size, strides, padding, floor):
    x = prepare(x)
    shape, layout, fits = _layout(x.shape, pool_size, strides, padding)
    y = empty(shape, x.dtype)
    winner = empty(shape, np.uint8 if pool_size[0] * pool_size[1] <= 255 else np.int32)
    kernel = pooling_2x2.forward if fits else _max_forward
    kernel(x, layout, x.dtype.type(floor), y, winner)
    return y, (winner, layout, x.shape)


def max_pool2d_inference(x, pool_size=(2, 2), strides=None, padding="valid", relu=False):
    """Return y of max-pooling, and ReLU if wanted, for a prediction: no winner is kept."""
    x = prepare(x)
    shape, _, fits = _layout(x.shape, pool_size, strides, padding)
    floor = 0.0 if relu else NO_FLOOR
    if not fits:
        return _max_pool(x, pool_size, strides, padding, floor)[0]
    y = empty(shape, x.dtype)
    pooling_2x2.inference(x, x.dtype.type(floor), y)
    return y


def max_pool2d_backward(dy, cache):
    """Return dx, as the reference does."""
    winner, layout, shape = cache
    dy = prepare(dy)
    dx = empty(shape, dy.dtype)
    kernel = pooling_2x2.backward if pooling_2x2.fits(layout, shape, dy.shape) else _max_backward
    kernel(dy, winner, layout, dx)
    return dx


def average_pool2d_forward(x, pool_size=(2, 2), strides=None, padding="valid"):
    """Return (y, cache), as the reference does."""
    x = prepare(x)
    shape, layout, fits = _layout(x.shape, pool_size, strides, padding)
    y = empty(shape, x.dtype)
    kernel = pooling_2x2.average if fits else _average_forward
    kernel(x, layout, y)
    return y, (layout, x.shape)


def average_pool2d_backward(dy, cache):
    """Return dx, as the reference does."""
    layout, shape = cache
    dy = prepare(dy)
    dx = empty(shape, dy.dtype)
    _average_backward(dy, layout, dx)
    return dx


def global_average_pool2d_forward(x):
    """Return (y, cache), as the reference does."""
    y, _ = average_pool2d_forward(x, x.shape[1:3])
    return y[:, 0, 0], x.shape


def global_average_pool2d_backward(dy, cache):
    """Return dx, as the reference does."""
    _, height, width, _ = shape = cache
    dy = prepare(dy)
    return np.broadcast_to(dy[:, None, None] / dy.dtype.type(height * width), shape).copy()


def global_max_pool2d_forward(x):
    """Return (y, cache), as the reference does."""
    y, cache = max_pool2d_forward(x, x.shape[1:3])
    return y[:, 0, 0], cache


def global_max_pool2d_backward(dy, cache):
    """Return dx, as the reference does."""
    return max_pool2d_backward(dy[:, None, None], cache)


def _layout(shape, size, strides, padding):
    """Return y's shape, a row (size, stride, before) for each spatial axis, and whether the windows are those of
    pooling_2x2.py; strides None: the size.
    """
    return _cached_layout(shape, tuple(size), tuple(strides or size), padding)


@lru_cache(maxsize=256)
def _cached_layout(shape, size, strides, padding):
    rows, columns = geometry.axes(shape[1], shape[2], size, strides, padding)
    layout = np.array([[size[0], strides[0], rows.before], [size[1], strides[1], columns.before]])
    y_shape = shape[0], rows.out, columns.out, shape[3]
    return y_shape, layout, pooling_2x2.fits(layout, shape, y_shape)


@compiled()
def _window(i, axis, length):
    """Return window i's first pixel, and the range of its entries that lie inside the map."""
    size, stride, before = axis[0], axis[1], axis[2]
    start = i * stride - before
    return start, max(0, -start), min(size, length - start)


@compiled()
def _windows_over(pixel, axis, out):
    """Return the range of the windows that cover a pixel."""
    size, stride, before = axis[0], axis[1], axis[2]
    first = pixel + before - size + stride  # ⌈(p − size + 1)/stride⌉ = ⌊(p − size + stride)/stride⌋
    return max(0, first // stride), min(out, (pixel + before) // stride + 1)


# Each kernel is a parallel loop around a plain function of one row: Numba's parallel passes are slow on long
# code, and so they have little of it to transform.


@compiled(parallel=True)
def _max_forward(x, layout, floor, y, winner):
    height = y.shape[1]
    for row in prange(y.shape[0] * height):
        n, i = row // height, row % height
        _max_row(x[n], i, layout, floor, y[n, i], winner[n, i])


@compiled()
def _max_row(x, i, layout, floor, y, winner):
    rows, columns = layout[0], layout[1]
    top, a_first, a_stop = _window(i, rows, x.shape[0])
    which = np.empty(y.shape[1], np.int32)
    for j in range(y.shape[0]):
        left, b_first, b_stop = _window(j, columns, x.shape[1])
        best = y[j]
        for c in range(best.size):
            best[c] = x[top + a_first, left + b_first, c]
            which[c] = a_first * columns[0] + b_first
        for a in range(a_first, a_stop):
            for b in range(b_first, b_stop):
                pixel = x[top + a, left + b]
                entry = np.int32(a * columns[0] + b)
                for c in range(best.size):
                    best[c], which[c] = better(pixel[c], entry, best[c], which[c])
        for c in range(best.size):
            best[c], winner[j, c] = floored(best[c], which[c], floor)


@compiled(parallel=True)
def _max_backward(dy, winner, layout, dx):
    height = dx.shape[1]
    for row in prange(dx.shape[0] * height):
        n, r = row // height, row % height
        _max_row_backward(dy[n], winner[n], r, layout, dx[n, r])


@compiled()
def _max_row_backward(dy, winner, r, layout, dx):
    rows, columns = layout[0], layout[1]
    i_first, i_stop = _windows_over(r, rows, dy.shape[0])
    for s in range(dx.shape[0]):
        j_first, j_stop = _windows_over(s, columns, dy.shape[1])
        pixel = dx[s]
        for c in range(pixel.size):
            pixel[c] = 0
        for i in range(i_first, i_stop):
            for j in range(j_first, j_stop):
                a, b = r + rows[2] - i * rows[1], s + columns[2] - j * columns[1]
                _add_if_winner(dy[i, j], winner[i, j], np.int32(a * columns[0] + b), pixel)


@compiled()
def _add_if_winner(dy, winner, entry, dx):
    zero = dx.dtype.type(0)
    for c in range(dx.size):
        dx[c] += dy[c] if np.int32(winner[c]) == entry else zero


@compiled(parallel=True)
def _average_forward(x, layout, y):
    height = y.shape[1]
    for row in prange(y.shape[0] * height):
        n, i = row // height, row % height
        _average_row(x[n], i, layout, y[n, i])


@compiled()
def _average_row(x, i, layout, y):
    rows, columns = layout[0], layout[1]
    top, a_first, a_stop = _window(i, rows, x.shape[0])
    total = np.empty(y.shape[1])  # in float64: a global pool adds up thousands of float32
    for j in range(y.shape[0]):
        left, b_first, b_stop = _window(j, columns, x.shape[1])
        for c in range(total.size):
            total[c] = 0
        for a in range(a_first, a_stop):
            for b in range(b_first, b_stop):
                pixel = x[top + a, left + b]
                for c in range(total.size):
                    total[c] += pixel[c]
        share = 1 / ((a_stop - a_first) * (b_stop - b_first))
        for c in range(total.size):
            y[j, c] = total[c] * share


@compiled(parallel=True)
def _average_backward(dy, layout, dx):
    height = dx.shape[1]
    for row in prange(dx.shape[0] * height):
        n, r = row // height, row % height
        _average_row_backward(dy[n], r, layout, dx.shape[1], dx[n, r])


@compiled()
def _average_row_backward(dy, r, layout, height, dx):
    rows, columns = layout[0], layout[1]
    i_first, i_stop = _windows_over(r, rows, dy.shape[0])
    for s in range(dx.shape[0]):
        j_first, j_stop = _windows_over(s, columns, dy.shape[1])
        pixel = dx[s]
        for c in range(pixel.size):
            pixel[c] = 0
        for i in range(i_first, i_stop):
            _, a_first, a_stop = _window(i, rows, height)
            for j in range(j_first, j_stop):
                _, b_first, b_stop = _window(j, columns, dx.shape[0])
                share = dx.dtype.type(1 / ((a_stop - a_first) * (b_stop - b_first)))
                upstream = dy[i, j]
                for c in range(pixel.size):
                    pixel[c] += upstream[c] * share

"""Pooling by windows of 2×2 that tile the map: loops of their own, without a search for windows.

    y[i, j] = max(x[2i, 2j], x[2i, 2j + 1], x[2i + 1, 2j], x[2i + 1, 2j + 1])         winner: 0, 1, 2, 3
    dx[2i + a, 2j + b] = dy[i, j] if winner[i, j] = 2a + b, else 0

The average of four is summed in x's own type, as its definition is. (Its backward pass is the general one, which
takes the time of its memory.)

Traffic: forward reads x and writes y and the winners, 1 + 1/4 + 1/16 of x's bytes for float32; backward reads
and writes the same. A last row or column that is in no window gets the gradient 0.

Numbers of different width in one loop are slow: a comparison of floats gives a mask of 4 bytes in each lane,
and the choice between two bytes needs a mask of 1. So a winner is 4 bytes until it is stored.

A ReLU after the pool needs no pass: its maximum is taken before y is written, and where it is 0, the winner is
:data:`NOBODY`, which is no entry of a window. The backward pass is the same then.
"""

import numpy as np
from numba import prange
from numba.extending import register_jitable

from minicnn.ops.kernels.parallel import OPTIONS, compiled

NOBODY = np.int32(-1)  # as a byte 255
NO_FLOOR = np.nan  # x <= NaN is false for every x


def fits(layout, x_shape, y_shape):
    """Return whether the windows are 2×2, do not overlap, and lie inside the map; it may be one longer."""
    return (layout == [2, 2, 0]).all() and 2 * y_shape[1] <= x_shape[1] and 2 * y_shape[2] <= x_shape[2]


@register_jitable(**OPTIONS | {"forceinline": True})
def better(value, entry, best, which):
    """Return the larger of two entries and its number."""
    wins = (not value <= best) & (best == best)
    return value if wins else best, entry if wins else which


@register_jitable(**OPTIONS | {"forceinline": True})
def floored(best, which, floor):
    """Return the maximum and its winner after the ReLU, if there is one: NaN passes, as in ReLU."""
    return (floor, NOBODY) if best <= floor else (best, which)


@compiled(parallel=True)
def forward(x, layout, floor, y, winner):
    """Fill y and winner; ``floor`` is 0 for a ReLU, else :data:`NO_FLOOR`."""
    height = y.shape[1]
    for row in prange(y.shape[0] * height):
        n, i = row // height, row % height
        _row(x[n, 2 * i], x[n, 2 * i + 1], floor, y[n, i], winner[n, i])


@compiled()
def _row(upper, lower, floor, y, winner):
    for j in range(y.shape[0]):
        for c in range(y.shape[1]):
            best, which = upper[2 * j, c], np.int32(0)
            best, which = better(upper[2 * j + 1, c], np.int32(1), best, which)
            best, which = better(lower[2 * j, c], np.int32(2), best, which)
            best, which = better(lower[2 * j + 1, c], np.int32(3), best, which)
            y[j, c], winner[j, c] = floored(best, which, floor)


@compiled(parallel=True)
def inference(x, floor, y):
    """Fill y, for a prediction."""
    height = y.shape[1]
    for row in prange(y.shape[0] * height):
        n, i = row // height, row % height
        _row_inference(x[n, 2 * i], x[n, 2 * i + 1], floor, y[n, i])


@compiled()
def _row_inference(upper, lower, floor, y):
    for j in range(y.shape[0]):
        for c in range(y.shape[1]):
            best = upper[2 * j, c]
            best, _ = better(upper[2 * j + 1, c], NOBODY, best, NOBODY)
            best, _ = better(lower[2 * j, c], NOBODY, best, NOBODY)
            best, _ = better(lower[2 * j + 1, c], NOBODY, best, NOBODY)
            y[j, c], _ = floored(best, NOBODY, floor)


@compiled(parallel=True)
def backward(dy, winner, layout, dx):
    """Fill dx."""
    height, windows = dx.shape[1], dy.shape[1]
    for row in prange(dx.shape[0] * height):
        n, r = row // height, row % height
        if r < 2 * windows:
            _row_backward(dy[n, r // 2], winner[n, r // 2], 2 * (r % 2), dx[n, r])
        else:
            dx[n, r] = 0


@compiled()
def _row_backward(dy, winner, first, dx):
    """Fill one row of dx: ``first`` is the entry number of its left pixels, 0 or 2."""
    zero = dx.dtype.type(0)
    for j in range(dy.shape[0]):
        for b in range(2):
            entry = np.int32(first + b)
            for c in range(dy.shape[1]):
                dx[2 * j + b, c] = dy[j, c] if np.int32(winner[j, c]) == entry else zero
    dx[2 * dy.shape[0] :] = 0


@compiled(parallel=True)
def average(x, layout, y):
    """Fill y with the mean of each window."""
    height = y.shape[1]
    for row in prange(y.shape[0] * height):
        n, i = row // height, row % height
        _average_row(x[n, 2 * i], x[n, 2 * i + 1], y[n, i])


@compiled()
def _average_row(upper, lower, y):
    quarter = y.dtype.type(0.25)
    for j in range(y.shape[0]):
        for c in range(y.shape[1]):
            pairs = upper[2 * j, c] + upper[2 * j + 1, c], lower[2 * j, c] + lower[2 * j + 1, c]
            y[j, c] = (pairs[0] + pairs[1]) * quarter

"""Dense layer on the register tile: y = x·W + b and its gradients dW = xᵀ·dy, dx = dy·Wᵀ.

The equations are those of minicnn/ops/reference/dense.py. A batch has few rows and W is large, so the time is
that of reading W from memory, and each pass reads it once:

    y    divided by columns; k runs in blocks, so that a block of W, 32 columns wide, stays in the first-level cache
         while all rows of x use it
    y of one to FEW rows: a register tile would be mostly empty. Each row of W is read once, in the order of memory, and
         added x[k] times to y, which stays in the cache; pieces of k have sums of their own, added up in order
    dx   as dxᵀ = W·dyᵀ: each row of W is read once, and the small dyᵀ stays in the cache
    dW   divided by rows; x is transposed by its addresses alone
"""

from itertools import pairwise

import numpy as np
from numba import prange

from minicnn.ops.kernels.matmul import NO_OFFSET, products, sum_rows, transposed
from minicnn.ops.kernels.memory import empty
from minicnn.ops.kernels.parallel import CHUNKS, compiled, prepare, sum_pieces
from minicnn.ops.kernels.register_tile import PANEL_BYTES, ROWS

__all__ = ["dense_backward", "dense_forward"]

FEW = 3
DEPTH = 256  # k at a time: 256 × 32 float32 of W are 32 KB


def _piece_ends(length, unit):
    """Return the ends of at most CHUNKS pieces of ``length``, each of whole ``unit``."""
    units = -(-length // unit)
    pieces = min(CHUNKS, units)
    return [min(i * units // pieces * unit, length) for i in range(pieces + 1)]


def _by_columns(a, b, bias):
    """Return a (R, D) · b (D, U) + bias."""
    rows, whole_depth = a.shape
    columns = b.shape[1]
    depth = next(d for d in range(min(DEPTH, whole_depth), 0, -1) if whole_depth % d == 0)
    if depth < DEPTH // 4:  # only small divisors: one block
        depth = whole_depth
    taps = np.arange(0, whole_depth, depth)
    c = empty((rows, columns), a.dtype)
    ends = _piece_ends(columns, PANEL_BYTES // a.itemsize)
    items = [
        (0, tap * depth * columns + k0, k0, 0, rows, tap, tap + 1, k1 - k0, min(tap, 1))
        for k0, k1 in pairwise(ends)
        for tap in range(len(taps))
    ]
    steps = np.arange(rows)
    piece_ends = np.arange(len(ends)) * len(taps)
    products(items, piece_ends, a, steps * whole_depth, taps, depth, 1, b, bias, c, steps * columns)
    return c


@compiled(parallel=True)
def _few_rows(x, kernel, bias, partial):
    """partial[p] (R, U) = piece p of the sum over k; the first has the bias too."""
    depth = kernel.shape[0]
    for piece in prange(len(partial)):
        begin, end = piece * depth // len(partial), (piece + 1) * depth // len(partial)
        for r in range(len(x)):
            _add_rows(x[r], kernel, begin, end, bias, piece == 0, partial[piece, r])


@compiled()
def _add_rows(x, kernel, begin, end, bias, first, y):
    """y = Σ x[k]·kernel[k] for k from begin to end, four rows at a time (+ bias)."""
    for u in range(y.size):
        y[u] = bias[u] if first else 0
    k = begin
    while k + 4 <= end:
        a, b, c, d = x[k], x[k + 1], x[k + 2], x[k + 3]
        w0, w1, w2, w3 = kernel[k], kernel[k + 1], kernel[k + 2], kernel[k + 3]
        for u in range(y.size):
            y[u] += (a * w0[u] + b * w1[u]) + (c * w2[u] + d * w3[u])
        k += 4
    while k < end:
        a, w0 = x[k], kernel[k]
        for u in range(y.size):
            y[u] += a * w0[u]
        k += 1


def _by_pieces(x, kernel, bias):
    """Return x (R, D) · kernel (D, U) + bias, for a few rows."""
    rows, (depth, columns) = len(x), kernel.shape
    partial = empty((CHUNKS if depth >= DEPTH else 1, rows, columns), x.dtype)
    _few_rows(x, kernel, np.zeros(columns, x.dtype) if bias is None else bias, partial)
    return sum_pieces(partial, (rows, columns))


def _by_rows(a, b, transpose=False):
    """Return a (R, D) · b (D, U), or with ``transpose`` a (D, R)ᵀ · b (D, U)."""
    depth, columns = b.shape
    rows = a.shape[1] if transpose else a.shape[0]
    row_step, step = (1, rows) if transpose else (depth, 1)
    c = empty((rows, columns), a.dtype)
    ends = _piece_ends(rows, ROWS)
    items = [(0, 0, 0, first, last, 0, 1, columns, 0) for first, last in pairwise(ends)]
    steps = np.arange(rows)
    products(
        items, range(len(ends)), a, steps * row_step, NO_OFFSET, depth, step, b, None, c, steps * columns
    )
    return c


def dense_forward(x, kernel, bias=None):
    """Return (y, cache): x (N, D), kernel (D, U), bias (U,) or None -> y (N, U)."""
    x, kernel, bias = prepare(x, kernel, bias)
    y = (_by_pieces if 1 <= len(x) <= FEW else _by_columns)(x, kernel, bias)
    return y, (x, kernel, bias is not None)


def dense_backward(dy, cache, need_dx=True):
    """Return (dx, dkernel, dbias): dx is None without ``need_dx``, dbias is None when there was no bias."""
    x, kernel, has_bias = cache
    dy = prepare(dy.astype(x.dtype, copy=False))
    dx = transposed(_by_rows(kernel, transposed(dy))) if need_dx else None
    return dx, _by_rows(x, dy, transpose=True), sum_rows(dy) if has_bias else None

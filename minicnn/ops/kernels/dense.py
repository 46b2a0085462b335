"""Dense layer on the register tile: y = x·W + b and its gradients dW = xᵀ·dy, dx = dy·Wᵀ.

The equations are those of minicnn/ops/reference/dense.py.
"""

import numpy as np
from numba import njit, prange

from minicnn.ops.kernels.matmul import product
from minicnn.ops.kernels.parallel import CHUNKS, PARALLEL, prepare, sum_rows
from minicnn.ops.kernels.register_tile import PANEL_BYTES, ROWS

__all__ = ["dense_backward", "dense_forward"]


@njit(**PARALLEL)
def _multiply(a, row_step, step, depth, b, start, c):
    """c[r] = start + Σ_k a[r·row_step + k·step] · b[k]; each piece takes a range of rows, in whole register tiles."""
    rows, columns = c.shape
    a_rows, c_rows = np.arange(rows) * row_step, np.arange(rows) * columns
    taps = np.zeros(1, np.intp)
    pieces = min(CHUNKS, (rows + ROWS - 1) // ROWS)
    for piece in prange(pieces):
        product(
            a.reshape(-1), 0, a_rows, taps, 1, depth, step, b.reshape(-1), 0, columns, PANEL_BYTES // a.itemsize,
            start, 0, 0, c.reshape(-1), 0, c_rows,
            piece * rows // pieces, (piece + 1) * rows // pieces, columns,
        )  # fmt: skip


def dense_forward(x, kernel, bias=None):
    """Return (y, cache): x (N, D), kernel (D, U), bias (U,) or None -> y (N, U)."""
    x, kernel, bias = prepare(x, kernel, bias)
    depth, units = kernel.shape
    y = np.empty((len(x), units), x.dtype)
    _multiply(x, depth, 1, depth, kernel, np.zeros(units, x.dtype) if bias is None else bias, y)
    return y, (x, kernel, bias is not None)


def dense_backward(dy, cache, need_dx=True):
    """Return (dx, dkernel, dbias): dx is None without ``need_dx``, dbias is None when there was no bias."""
    x, kernel, has_bias = cache
    dy = prepare(dy.astype(x.dtype, copy=False))
    depth, units = kernel.shape
    dkernel = np.empty(kernel.shape, x.dtype)
    _multiply(x, 1, depth, len(x), dy, np.zeros(units, x.dtype), dkernel)
    dx = None
    if need_dx:
        dx = np.empty(x.shape, x.dtype)
        _multiply(dy, units, 1, units, np.ascontiguousarray(kernel.T), np.zeros(depth, x.dtype), dx)
    return dx, dkernel, sum_rows(dy) if has_bias else None

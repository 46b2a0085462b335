"""Dense layer on the register tile: y = x·W + b and its gradients dW = xᵀ·dy, dx = dy·Wᵀ.

The equations are those of minicnn/ops/reference/dense.py. A batch has few rows and W is large, so W must be read once
and not once a tile of rows: y and dx are shared out by columns, with a strip of W each; dW by rows.
"""

import numpy as np

from minicnn.ops.kernels.matmul import products, transposed
from minicnn.ops.kernels.memory import empty
from minicnn.ops.kernels.parallel import CHUNKS, prepare, sum_rows
from minicnn.ops.kernels.register_tile import PANEL_BYTES, ROWS

__all__ = ["dense_backward", "dense_forward"]

_NO_OFFSET = np.zeros(1, np.intp)


def _pieces(length, unit):
    """Return the ends of at most CHUNKS pieces of ``length``, each of whole ``unit``."""
    units = -(-length // unit)
    pieces = min(CHUNKS, units)
    return [min(i * units // pieces * unit, length) for i in range(pieces + 1)]


def _multiply(a, b, bias=None):
    """Return a (R, D) · b (D, U) + bias, shared out by columns."""
    rows, depth = a.shape
    columns = b.shape[1]
    c = empty((rows, columns), a.dtype)
    ends = _pieces(columns, PANEL_BYTES // a.itemsize)
    items = [(0, k0, k0, 0, rows, 0, 1, k1 - k0, 0) for k0, k1 in zip(ends, ends[1:])]
    steps = np.arange(rows)
    products(items, range(len(ends)), a, steps * depth, _NO_OFFSET, depth, 1, b, bias, c, steps * columns)
    return c


def _multiply_transposed(a, b):
    """Return aᵀ (D, R) · b (R, U), shared out by rows."""
    depth, rows = a.shape
    columns = b.shape[1]
    c = empty((rows, columns), a.dtype)
    ends = _pieces(rows, ROWS)
    items = [(0, 0, 0, r0, r1, 0, 1, columns, 0) for r0, r1 in zip(ends, ends[1:])]
    steps = np.arange(rows)
    products(items, range(len(ends)), a, steps, _NO_OFFSET, depth, rows, b, None, c, steps * columns)
    return c


def dense_forward(x, kernel, bias=None):
    """Return (y, cache): x (N, D), kernel (D, U), bias (U,) or None -> y (N, U)."""
    x, kernel, bias = prepare(x, kernel, bias)
    return _multiply(x, kernel, bias), (x, kernel, bias is not None)


def dense_backward(dy, cache, need_dx=True):
    """Return (dx, dkernel, dbias): dx is None without ``need_dx``, dbias is None when there was no bias."""
    x, kernel, has_bias = cache
    dy = prepare(dy.astype(x.dtype, copy=False))
    dx = _multiply(dy, transposed(kernel)) if need_dx else None
    return dx, _multiply_transposed(x, dy), sum_rows(dy) if has_bias else None

"""Products of matrices of any size, divided into register tiles; and lists of
products, divided among the threads.

    C = D + A · B        rows first_row … last_row of C, ``columns`` columns, k = taps × depth; addresses: register_tile

The columns are the outer loop: a strip of B, k × VECTORS vectors, is read again for each tile of rows and
stays in the first-level cache (k = 288: 36 KB), while A is read once for each strip.
"""

from itertools import pairwise

import numpy as np
from numba import prange

from minicnn.ops.kernels.memory import empty
from minicnn.ops.kernels.parallel import CHUNKS, compiled, sum_pieces
from minicnn.ops.kernels.register_tile import (
    PANEL_BYTES,
    ROWS,
    SHORT,
    VECTOR_BYTES,
    VECTORS,
    narrow_tile,
    short_tile,
    wide_tile,
)  # fmt: skip


@compiled()
def product(
    a, a_start, a_rows, taps, tap_count, depth, step, b, b_start, b_step, b_panel,
    d, d_start, d_step, c, c_start, c_rows, first_row, last_row, columns,
):  # fmt: skip
    """C = D + A · B; all arrays are flat, see register_tile for what the arguments mean."""
    lanes = VECTOR_BYTES // a.itemsize
    column, panel = 0, b_start
    while column < columns:
        wide = columns - column >= VECTORS * lanes
        row = first_row
        while row < last_row:
            rest = last_row - row
            rows = SHORT if wide and (rest <= SHORT or ROWS < rest <= 2 * SHORT) else ROWS
            if not wide:
                narrow_tile(
                    a, a_start, a_rows, taps, tap_count, depth, step, b, panel, b_step,
                    d, d_start + column, d_step, c, c_start + column, c_rows, row, min(rows, rest), columns - column,
                )  # fmt: skip
            elif rows == SHORT:
                short_tile(
                    a, a_start, a_rows, taps, tap_count, depth, step, b, panel, b_step,
                    d, d_start + column, d_step, c, c_start + column, c_rows, row, min(rows, rest), 0,
                )  # fmt: skip
            else:
                wide_tile(
                    a, a_start, a_rows, taps, tap_count, depth, step, b, panel, b_step,
                    d, d_start + column, d_step, c, c_start + column, c_rows, row, min(rows, rest), 0,
                )  # fmt: skip
            row += rows
        column += VECTORS * lanes if wide else lanes
        panel += b_panel if wide else lanes


# one product of a list is a row of these integers
ITEM = [
    "a_start",
    "b_start",
    "c_start",
    "first_row",
    "last_row",
    "first_tap",
    "last_tap",
    "columns",
    "accumulate",
]
NO_OFFSET = np.zeros(1, np.intp)


@compiled(parallel=True)
def _products(items, ends, a, a_rows, taps, depth, step, b, b_step, bias, c, c_rows):
    strip = PANEL_BYTES // a.itemsize
    for piece in prange(len(ends) - 1):
        for i in range(ends[piece], ends[piece + 1]):
            c_start, accumulate = items[i, 2], items[i, 8]
            d_start = c_start if accumulate else c_start % bias.size
            product(
                a, items[i, 0], a_rows, taps[items[i, 5] :], items[i, 6] - items[i, 5], depth, step,
                b, items[i, 1], b_step, strip, c if accumulate else bias, d_start, accumulate,
                c, c_start, c_rows, items[i, 3], items[i, 4], items[i, 7],
            )  # fmt: skip


def as_items(rows):
    """Return a list of products, rows of ITEM, as the array that the kernel reads."""
    return np.ascontiguousarray(rows, np.intp).reshape(-1, len(ITEM))


def products(items, ends, a, a_rows, taps, depth, step, b, bias, c, c_rows):
    """Compute a list of products C = bias + A·B, or C += A·B where an item says ``accumulate``.

    Args:
        items: integers (n, len(ITEM)), the columns named in :data:`ITEM`; a list, or :func:`as_items` of it.
        ends: piece i is items ends[i] … ends[i + 1], done in order by one thread; no two pieces
            write to the same place.
        a, b, c: C-contiguous arrays of one dtype; a row of b is its last axis.
        a_rows, c_rows, taps: tables of offsets; depth, step: k runs over taps × depth,
            ``step`` numbers apart in a.
        bias: one row of C, or None for zeros.
    """
    if bias is None:
        bias = np.zeros(c.shape[-1], c.dtype)
    _products(
        as_items(items), np.asarray(ends, np.intp), a.reshape(-1), a_rows, taps, depth, step,
        b.reshape(-1), b.shape[-1], bias, c.reshape(-1), c_rows,
    )  # fmt: skip


@compiled(parallel=True)
def _transpose(x, rows, columns, reverse, y):
    size = rows * columns
    count, bands = x.size // size, (rows + 15) // 16
    for piece in prange(count * bands):
        source = piece // bands
        target = count - 1 - source if reverse else source
        first = piece % bands * 16
        for column in range(0, columns, 16):
            for c in range(column, min(column + 16, columns)):
                for r in range(first, min(first + 16, rows)):
                    y[target * size + c * rows + r] = x[source * size + r * columns + c]


def transposed(x, reverse=False):
    """Return the matrices x (…, R, C) as (…, C, R), 16 × 16 numbers at a time;
    ``reverse``: the last matrix first.
    """
    y = empty((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
    if x.size:
        _transpose(x.reshape(-1), *x.shape[-2:], reverse, y.reshape(-1))
    return y


def sum_rows(x):
    """Return Σ_r x[r] over every axis but the last, x (N, …, C) -> (C,): a bias is a
    weight whose input is always 1.
    """
    images, columns = len(x), x.shape[-1]
    depth = x.size // max(1, images * columns)
    pieces = min(CHUNKS, images)
    ends = [i * images // pieces for i in range(pieces + 1)] if images else [0]
    items = [
        (0, first * depth * columns, piece * columns, 0, 1, 0, last - first, columns, 0)
        for piece, (first, last) in enumerate(pairwise(ends))
    ]
    partial = np.zeros((max(1, pieces), columns), x.dtype)
    taps = np.zeros(images, np.intp)
    ends, one, zeros = range(len(items) + 1), np.ones(1, x.dtype), np.zeros(columns, x.dtype)
    products(items, ends, one, NO_OFFSET, taps, depth, 0, x, zeros, partial, NO_OFFSET)
    return sum_pieces(partial, (columns,))

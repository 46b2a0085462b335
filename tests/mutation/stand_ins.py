"""What the two files of vector instructions do, in NumPy: for running the kernels without a compiler.

The register tile and Winograd's transforms are written as LLVM instructions
(minicnn/ops/kernels/register_tile.py and winograd_transform.py), which only a compiler can run. These
functions take the same arguments and leave the same numbers; tests/mutation/vector_code.py holds the two to
each other. An address outside its array is an IndexError here.
"""

from functools import lru_cache

import numpy as np

from minicnn.ops.kernels.register_tile import VECTOR_BYTES, VECTORS
from minicnn.ops.kernels.winograd_matrices import POINTS, transforms


def _at(array, starts, length):
    """Return indices (…, length) of the numbers that begin at ``starts``."""
    indices = np.asarray(starts)[..., None] + np.arange(length)
    if indices.size and (indices.min() < 0 or indices.max() >= array.size):
        raise IndexError(f"numbers {indices.min()} to {indices.max()} of {array.size}")
    return indices


def _tile(width, a, a_start, a_rows, taps, tap_count, depth, step, b, b_start, b_step,
          d, d_start, d_step, c, c_start, c_rows, first_row, rows):  # fmt: skip
    """C[r] = D[r] + Σ A[r, (tap, q)] · B[tap · depth + q] for ``rows`` rows, ``width`` columns."""
    chosen = first_row + np.arange(rows)
    offsets = c_rows[_at(c_rows, chosen, 1)]  # (rows, 1)
    k = np.arange(tap_count * depth)
    tap = taps[_at(taps, np.arange(tap_count), 1)]  # (taps, 1)
    a_k = (tap + np.arange(depth) * step).ravel()
    A = a[_at(a, a_start + a_rows[_at(a_rows, chosen, 1)] + a_k, 1)[..., 0]]  # (rows, k)
    B = b[_at(b, b_start + k * b_step, width)]  # (k, width)
    D = d[_at(d, d_start + offsets[:, 0] * d_step, width)]  # (rows, width)
    c[_at(c, c_start + offsets[:, 0], width)] = D + A @ B


def wide_tile(a, *arguments):
    """As register_tile.wide_tile: VECTORS whole vectors of columns."""
    *arguments, _ = arguments
    _tile(VECTORS * VECTOR_BYTES // a.itemsize, a, *arguments)


short_tile = wide_tile  # which has room for fewer rows, and is given fewer


def narrow_tile(a, *arguments):
    """As register_tile.narrow_tile: the first ``columns`` columns of one vector."""
    *arguments, columns = arguments
    _tile(min(columns, VECTOR_BYTES // a.itemsize), a, *arguments)


@lru_cache
def _matrices(count):
    """Return the matrices of F(m, 3) for ``count`` finite points, as arrays of numbers."""
    (points,) = [points for points in POINTS.values() if len(points) == count]
    exact = transforms(points)
    return {name: np.array(getattr(exact, name), float) for name in exact._fields}


def _transform(choose, edge=None, add_bias=False):
    """Return Y = L X Lᵀ (+ bias) as winograd_transform._transform does, with L = ``choose(matrices)``."""

    def transform(
        points, x, x_start, x_row, x_column, y, y_start, y_row, y_column, inside, outside, bias, vectors
    ):
        matrix = choose(_matrices(len(points))).astype(x.dtype)
        q, p = matrix.shape
        lanes = VECTOR_BYTES // x.itemsize
        width = vectors * lanes
        first_row, end_row, first_column, end_column = inside

        def place(start, row, column, side):
            return [[start + i * row + j * column for j in range(side)] for i in range(side)]

        def within(i, j):
            return first_row <= i < end_row and first_column <= j < end_column

        X = np.empty((p, p, width), x.dtype)
        for i, row in enumerate(place(x_start, x_row, x_column, p)):
            for j, start in enumerate(row):
                if edge == "x" and not within(i, j):
                    X[i, j] = outside[_at(outside, 0, width)]
                else:
                    X[i, j] = x[_at(x, start, width)]
        Y = np.einsum("ip,pqc,jq->ijc", matrix, X, matrix)
        if add_bias:
            Y = Y + bias[_at(bias, 0, width)]
        for i, row in enumerate(place(y_start, y_row, y_column, q)):
            for j, start in enumerate(row):
                if edge == "y" and not within(i, j):
                    outside[_at(outside, 0, width)] = Y[i, j]
                else:
                    y[_at(y, start, width)] = Y[i, j]

    return transform


input_transform = _transform(lambda matrices: matrices["BT"], edge="x")
output_transform = _transform(lambda matrices: matrices["AT"], edge="y", add_bias=True)
kernel_transform = _transform(lambda matrices: matrices["G"])
output_gradient_transform = _transform(lambda matrices: matrices["AT"].T, edge="x")
kernel_gradient_transform = _transform(lambda matrices: matrices["G"].T)

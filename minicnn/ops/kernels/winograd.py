"""3×3 convolution with stride 1 by Winograd's F(m×m, 3×3): fewer multiplications, the same result.

A map is cut into tiles of m × m outputs, each of which sees α × α inputs, α = m + 2. With the matrices of
winograd_matrices.py, for tile t, channels c and k, and s = (i, j) one of the α² transformed positions:

    V[t,s,c] = (Bᵀ d B)[s]      d: the tile's inputs                      input transform
    U[s,c,k] = (G g Gᵀ)[s]      g: the 3×3 kernel of (c, k)               kernel transform, once a step
    M[t,s,k] = Σ_c V[t,s,c] · U[s,c,k]                                    α² products of matrices: the arithmetic
    y        = Aᵀ M A + bias                                              output transform

    dx       the same with dy for x and the kernel rotated by 180°, its channels swapped
    Z[t,s,k] = (A dy Aᵀ)[s];  dU[s,c,k] = Σ_t V[t,s,c] · Z[t,s,k];  dkernel = Gᵀ dU G

**Arithmetic and traffic.** F(4×4) multiplies 2.25 times an output and channel pair instead of 9, so the products take a
quarter of the time; the transforms, a few operations a number, are traffic. So T tiles at a time are transformed,
multiplied and transformed back while V and M stay in the second-level cache, and only x, U and y go further out. Where
U itself does not fit there (36·C·K numbers), the filters are cut into ranges, each with its part of U: transforming
the input again for each range costs less than fetching all of U again for each block of tiles.

A tile that sticks out of the map, or channels that do not fill vectors, pass through a small zeroed patch.
"""

from typing import NamedTuple

import numpy as np
from numba import get_thread_id, njit, prange

from minicnn.ops.kernels.matmul import product
from minicnn.ops.kernels.parallel import CHUNKS, JIT, PARALLEL, scratch
from minicnn.ops.kernels.register_tile import PANEL_BYTES, ROWS, VECTOR_BYTES
from minicnn.ops.kernels.winograd_matrices import POINTS
from minicnn.ops.kernels.winograd_transform import (
    input_transform,
    kernel_gradient_transform,
    kernel_transform,
    output_gradient_transform,
    output_transform,
)

BUDGET = 2**20  # bytes of V and M (or Z) at a time


@njit(**JIT)
def copy_in(x, n, top, left, size, patch):
    """Copy size × size pixels of image n from (top, left), zero outside, to patch (size, size, C in whole vectors)."""
    _, height, width, channels = x.shape
    wide = len(patch) // (size * size)
    flat = x.reshape(-1)
    for i in range(size):
        for j in range(size):
            h, w, at = top + i, left + j, (i * size + j) * wide
            inside = channels if h >= 0 and h < height and w >= 0 and w < width else 0
            pixel = ((n * height + h) * width + w) * channels
            for c in range(inside):
                patch[at + c] = flat[pixel + c]
            for c in range(inside, wide):
                patch[at + c] = 0


@njit(**JIT)
def copy_out(patch, y, n, top, left, size):
    """Copy the part of a size × size patch that lies inside the map to image n at (top, left)."""
    _, height, width, channels = y.shape
    wide = len(patch) // (size * size)
    for i in range(min(size, height - top)):
        for j in range(min(size, width - left)):
            at = (i * size + j) * wide
            for k in range(channels):
                y[n, top + i, left + j, k] = patch[at + k]


@njit(**JIT)
def locate(x, n, top, left, size, patch):
    """Return (array, start, row step, column step) of a tile's pixels: in x itself where that is whole, else a patch."""
    _, height, width, channels = x.shape
    lanes = VECTOR_BYTES // x.itemsize
    if top >= 0 and left >= 0 and top + size <= height and left + size <= width and channels % lanes == 0:
        return x.reshape(-1), ((n * height + top) * width + left) * channels, width * channels, channels
    copy_in(x, n, top, left, size, patch)
    wide = len(patch) // (size * size)
    return patch, 0, size * wide, wide


@njit(**JIT)
def _forward_block(points, x, U, bias, y, place, first, last, zero, taps, v_rows, m_rows, V, M, patch, tile):
    """Outputs of tiles first … last."""
    alpha, m = len(points) + 1, len(points) - 1
    top, left, down, across = place
    (_, panels, channels, strip), filters = U.shape, y.shape[3]
    lanes = VECTOR_BYTES // x.itemsize
    vc, mk = v_rows[1], m_rows[1]
    vs, ms = len(V) // (alpha * alpha), len(M) // (alpha * alpha)
    for t in range(last - first):
        n, i, j = (first + t) // (down * across), (first + t) // across % down, (first + t) % across
        source, start, row, column = locate(x, n, i * m - top, j * m - left, alpha, patch)
        input_transform(points, source, start, row, column, V, v_rows[t], alpha * vs, vs, zero, vc // lanes)
    for s in range(alpha * alpha):
        product(
            V, s * vs, v_rows, taps, 1, channels, 1, U.reshape(-1), s * panels * channels * strip, strip, channels * strip,
            zero, 0, 0, M, s * ms, m_rows, 0, last - first, mk,
        )  # fmt: skip
    for t in range(last - first):
        n, i, j = (first + t) // (down * across), (first + t) // across % down, (first + t) % across
        if (i + 1) * m <= y.shape[1] and (j + 1) * m <= y.shape[2] and filters == mk:
            pixel = ((n * y.shape[1] + i * m) * y.shape[2] + j * m) * filters
            output_transform(
                points, M, m_rows[t], alpha * ms, ms, y.reshape(-1), pixel, y.shape[2] * filters, filters,
                bias, mk // lanes,
            )  # fmt: skip
        else:
            output_transform(points, M, m_rows[t], alpha * ms, ms, tile, 0, m * mk, mk, bias, mk // lanes)
            copy_out(tile, y, n, i * m, j * m, m)


@njit(**PARALLEL)
def _forward(points, x, U, bias, y, place, block, zero, workspace):
    """y: each piece takes a range of the tiles, ``block`` tiles at a time."""
    alpha, m = len(points) + 1, len(points) - 1
    lanes = VECTOR_BYTES // x.itemsize
    positions, tiles = alpha * alpha, x.shape[0] * place[2] * place[3]
    vc, mk = (x.shape[3] + lanes - 1) // lanes * lanes, (y.shape[3] + lanes - 1) // lanes * lanes
    v_rows, m_rows, taps = np.arange(block) * vc, np.arange(block) * mk, np.zeros(1, np.intp)
    sizes = [positions * (block * vc + lanes), positions * (block * mk + lanes), positions * vc, m * m * mk]
    ends = np.cumsum(np.array(sizes))
    blocks = (tiles + block - 1) // block
    pieces = min(CHUNKS, blocks)
    for piece in prange(pieces):
        memory = workspace[get_thread_id()]
        V, M = memory[: ends[0]], memory[ends[0] : ends[1]]
        patch, tile = memory[ends[1] : ends[2]], memory[ends[2] : ends[3]]
        for b in range(piece * blocks // pieces, (piece + 1) * blocks // pieces):
            _forward_block(
                points, x, U, bias, y, place, b * block, min((b + 1) * block, tiles),
                zero, taps, v_rows, m_rows, V, M, patch, tile,
            )  # fmt: skip


@njit(**PARALLEL)
def _transform_kernel(points, kernel, U, zero):
    """U = G g Gᵀ; kernel (3, 3, C, K in whole vectors), U (α², panels, C, numbers of a panel)."""
    alpha = len(points) + 1
    _, panels, channels, strip = U.shape
    lanes, wide = VECTOR_BYTES // kernel.itemsize, kernel.shape[3]
    line, position = channels * wide, panels * channels * strip
    for c in prange(channels):
        for k in range(0, wide, strip):
            kernel_transform(
                points, kernel.reshape(-1), c * wide + k, 3 * line, line,
                U.reshape(-1), k * channels + c * strip, alpha * position, position,
                zero, min(strip, wide - k) // lanes,
            )  # fmt: skip


@njit(**PARALLEL)
def _rotate(kernel, rotated):
    """rotated[a, b, k, c] = kernel[2 − a, 2 − b, c, k]; in 16 × 16 blocks, so that both sides stay in the cache."""
    _, _, channels, filters = kernel.shape
    for entry in prange(9):
        a, b = entry // 3, entry % 3
        for k in range(0, filters, 16):
            for c in range(0, channels, 16):
                for kk in range(k, min(k + 16, filters)):
                    for cc in range(c, min(c + 16, channels)):
                        rotated[a, b, kk, cc] = kernel[2 - a, 2 - b, cc, kk]


def _lanes(count, dtype):
    """Return ``count`` rounded up to whole vectors."""
    lanes = VECTOR_BYTES // dtype.itemsize
    return -(-count // lanes) * lanes


class Tiling(NamedTuple):
    """How a map is cut: the interpolation points of F(m, 3), and tiles down and across."""

    points: tuple
    down: int
    across: int


def tiling(height, width):
    """Return the tiling of a map of outputs that multiplies least."""
    cuts = [(-(-height // m), -(-width // m), m) for m in POINTS]
    down, across, m = min(cuts, key=lambda cut: cut[0] * cut[1] * (cut[2] + 2) ** 2)
    return Tiling(POINTS[m], down, across)


def _convolve(x, kernel, bias, pad, y):
    """y = x ⋆ kernel for a zero border of ``pad`` = (top, left) pixels; every row of y is written."""
    channels, filters = kernel.shape[2:]
    dtype, wide = x.dtype, _lanes(filters, x.dtype)
    cut = tiling(*y.shape[1:3])
    positions = (len(cut.points) + 1) ** 2
    zero = np.zeros(max(wide, _lanes(channels, dtype)), dtype)
    if wide != filters:
        kernel = np.concatenate([kernel, np.zeros((3, 3, channels, wide - filters), dtype)], axis=3)
        bias = None if bias is None else np.concatenate([bias, np.zeros(wide - filters, dtype)])
    strip = PANEL_BYTES // dtype.itemsize
    U = np.empty((positions, -(-wide // strip), channels, strip), dtype)
    _transform_kernel(cut.points, kernel, U, zero)
    per_tile = positions * (_lanes(channels, dtype) + wide)
    block = max(1, BUDGET // (per_tile * dtype.itemsize) // ROWS) * ROWS
    workspace = scratch(dtype, (block + 1) * per_tile + 4 * positions * strip)
    place = (*pad, cut.down, cut.across)
    _forward(cut.points, x, U, zero if bias is None else bias, y, place, block, zero, workspace)
    return y


def forward(x, kernel, bias, rows, columns):
    """Return y; rows and columns: the geometry.Axis of the output."""
    y = np.empty((len(x), rows.out, columns.out, kernel.shape[3]), x.dtype)
    return _convolve(x, kernel, bias, (rows.before, columns.before), y)


def input_gradient(dy, kernel, shape, rows, columns):
    """Return dx of the given shape: dy, with the border that completes the padding to two pixels, ⋆ rotated kernel."""
    rotated = np.empty((3, 3, kernel.shape[3], kernel.shape[2]), kernel.dtype)
    _rotate(kernel, rotated)
    return _convolve(dy, rotated, None, (2 - rows.before, 2 - columns.before), np.empty(shape, dy.dtype))

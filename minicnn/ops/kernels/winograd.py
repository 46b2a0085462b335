"""3×3 convolution with stride 1 by Winograd's F(m×m, 3×3): fewer multiplications, the same result.

A map is cut into tiles of m × m outputs, each of which sees α × α inputs, α = m + 2. With the matrices of
winograd_matrices.py, for tile t, channels c and k, and s = (i, j) one of the α² transformed positions:

    V[t,s,c] = (Bᵀ d B)[s]      d: the tile's inputs                      input transform
    U[s,c,k] = (G g Gᵀ)[s]      g: the 3×3 kernel of (c, k)               kernel transform, once a step
    M[t,s,k] = Σ_c V[t,s,c] · U[s,c,k]                                    α² products of matrices: the arithmetic
    y        = Aᵀ M A + bias                                              output transform

    dx       the same with dy for x and the kernel rotated by 180°, its channels swapped
    Z[t,s,k] = (A dy Aᵀ)[s];  dU[s,c,k] = Σ_t V[t,s,c] · Z[t,s,k];  dkernel = Gᵀ dU G

**Arithmetic and traffic.** F(4×4) multiplies 2.25 times an output and channel pair instead of 9, so the
products take a quarter of the time. The transforms do few operations for each number, so for them memory
traffic decides. So the work is done in blocks of tiles: a block is transformed, multiplied and transformed
back while its V and M stay in the second-level cache, and only x, U and y are read from and written to slower
memory.

**The memory layout** matters as much. U and dU are kept in panels, the columns of one register tile side by
side. (If rows were 512 bytes apart, a strip could use only an eighth of the first-level cache.) For the same
reason there is one vector of space between the tiles of V, M and Z.

Channels that do not fill vectors are padded beforehand. x (N, H, W, C), kernel (3, 3, C, K), y (N, OH, OW,
K).
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import get_num_threads, get_thread_id, prange

from minicnn.ops import geometry
from minicnn.ops.kernels.matmul import product, transposed
from minicnn.ops.kernels.memory import empty, scratch, second_level_cache
from minicnn.ops.kernels.parallel import CHUNKS, compiled, sum_pieces
from minicnn.ops.kernels.register_tile import PANEL_BYTES, ROWS, VECTOR_BYTES
from minicnn.ops.kernels.winograd_matrices import POINTS
from minicnn.ops.kernels.winograd_transform import (
    input_transform,
    kernel_gradient_transform,
    kernel_transform,
    output_gradient_transform,
    output_transform,
)

# Least and most of a block of V and M, and in dkernel of V and Z. A block is larger where U is larger, since
# each block reads all of U; and still larger in dkernel, where each block reads and writes all of a large dU.
# Measured with 1 and 2 MB of second-level cache: twice or half as much costs a few per cent.
_CACHE = second_level_cache()
BLOCK_BYTES = 3 * _CACHE // 8, 3 * _CACHE // 2
GRADIENT_BLOCK_BYTES = _CACHE // 2, 2 * _CACHE
# The threads divide a dU of this size or more by channels; a smaller one by tiles, and
# the pieces are then summed.
PARTIAL_BYTES = 2**19


@compiled()
def _tile_at(number, down, across):
    """Return (image, row of tiles, column of tiles) of tile ``number``, of down × across an image."""
    return number // (down * across), number // across % down, number % across


@compiled()
def _tile_address(shape, n, top, left):
    """Return the address of the tile at (top, left) of image n: (start, row step, column step, inside);
    ``inside`` = (first row, end row, first column, end column) are its entries within the map.
    """
    height, width, channels = shape
    start = ((n * height + top) * width + left) * channels
    return start, width * channels, channels, (-top, height - top, -left, width - left)


@compiled()
def _forward_piece(points, x, x_shape, U, bias, y, y_shape, grid, begin, end, k0, k1, tables, memory, zero):
    """Outputs k0 … k1 of tiles begin … end; memory: V, M and space for outputs outside the map, which are
    dropped.
    """
    alpha, m = len(points) + 1, len(points) - 1
    top, left, down, across = grid
    v_rows, m_rows, taps = tables
    channels, filters, block = x_shape[2], y_shape[2], len(v_rows) - 1
    lanes, strip = VECTOR_BYTES // x.itemsize, PANEL_BYTES // x.itemsize
    M, dropped = v_rows[block], memory[v_rows[block] + m_rows[block] :]
    for first in range(begin, end, block):
        count = min(block, end - first)
        for t in range(count):
            n, i, j = _tile_at(first + t, down, across)
            start, row, column, inside = _tile_address(x_shape, n, i * m - top, j * m - left)
            input_transform(
                points, x, start, row, column, memory, v_rows[t], alpha * channels, channels,
                inside, zero, zero, channels // lanes,
            )  # fmt: skip
        for s in range(alpha * alpha):
            product(
                memory, s * channels, v_rows, taps, 1, channels, 1,
                U, s * (U.size // (alpha * alpha)) + k0 * channels, strip, channels * strip,
                zero, 0, 0, memory, M + s * filters + k0, m_rows, 0, count, k1 - k0,
            )  # fmt: skip
        for t in range(count):
            n, i, j = _tile_at(first + t, down, across)
            start, row, column, inside = _tile_address(y_shape, n, i * m, j * m)
            output_transform(
                points, memory, M + m_rows[t] + k0, alpha * filters, filters, y, start + k0, row, column,
                inside, dropped, bias[k0:], (k1 - k0) // lanes,
            )  # fmt: skip


@compiled(parallel=True)
def _forward(points, x, x_shape, U, bias, y, y_shape, grid, ends, k_ends, tables, workspace, zero):
    pieces, ranges = len(ends) - 1, len(k_ends) - 1
    for i in prange(pieces * ranges):
        piece, part = i // ranges, i % ranges
        _forward_piece(
            points, x, x_shape, U, bias, y, y_shape, grid, ends[piece], ends[piece + 1], k_ends[part], k_ends[part + 1],
            tables, workspace[get_thread_id()], zero,
        )  # fmt: skip


@compiled()
def _gradient_piece(
    points, x, x_shape, dy, dy_shape, grid, begin, end, c0, c1, tables, memory, zero, dU, dU_start
):
    """dU[dU_start:] = Σ Vᵀ·Z over tiles begin … end, for channels c0 … c1; memory: V
    and Z, position by position.
    """
    alpha, m = len(points) + 1, len(points) - 1
    top, left, down, across = grid
    v_tiles, z_tiles, v_rows, u_rows, taps = tables
    channels, filters, block = x_shape[2], dy_shape[2], len(v_tiles) - 1
    lanes, strip = VECTOR_BYTES // x.itemsize, PANEL_BYTES // x.itemsize
    panels = (filters + strip - 1) // strip
    v_step, z_step = v_tiles[block] + lanes, z_tiles[block] + lanes
    Z = alpha * alpha * v_step
    for first in range(begin, end, block):
        count = min(block, end - first)
        for t in range(count):
            n, i, j = _tile_at(first + t, down, across)
            start, row, column, inside = _tile_address(x_shape, n, i * m - top, j * m - left)
            input_transform(
                points, x, start + c0, row, column, memory, v_tiles[t], alpha * v_step, v_step,
                inside, zero, zero, (c1 - c0) // lanes,
            )  # fmt: skip
            start, row, column, inside = _tile_address(dy_shape, n, i * m, j * m)
            output_gradient_transform(
                points, dy, start, row, column, memory, Z + z_tiles[t], alpha * z_step, z_step,
                inside, zero, zero, filters // lanes,
            )  # fmt: skip
        fresh = first == begin
        for s in range(alpha * alpha):
            for panel in range(panels):
                start = dU_start + ((s * panels + panel) * channels + c0) * strip
                product(
                    memory, s * v_step, v_rows, taps, 1, count, v_tiles[1],
                    memory, Z + s * z_step + panel * strip, z_tiles[1], strip,
                    zero if fresh else dU, 0 if fresh else start, 0 if fresh else 1,
                    dU, start, u_rows, 0, c1 - c0, min(strip, filters - panel * strip),
                )  # fmt: skip


@compiled(parallel=True)
def _kernel_gradient(points, x, x_shape, dy, dy_shape, grid, ends, c_ends, tables, workspace, zero, dU):
    pieces, ranges = len(ends) - 1, len(c_ends) - 1
    for i in prange(pieces * ranges):
        piece, part = i // ranges, i % ranges
        _gradient_piece(
            points, x, x_shape, dy, dy_shape, grid, ends[piece], ends[piece + 1], c_ends[part], c_ends[part + 1],
            tables, workspace[get_thread_id()], zero, dU, piece * (dU.size // pieces),
        )  # fmt: skip


@compiled(parallel=True)
def _transform_kernels(points, kernel, U, channels, filters, zero, backward):
    """U = G g Gᵀ, or if ``backward`` the transpose, dkernel = Gᵀ dU G; U (α², panels, C, columns of a panel)."""
    alpha = len(points) + 1
    lanes, strip = VECTOR_BYTES // kernel.itemsize, PANEL_BYTES // kernel.itemsize
    line, position, inside = channels * filters, U.size // (alpha * alpha), (0, 0, 0, 0)
    for c in prange(channels):
        for k in range(0, filters, strip):
            entry, panel = c * filters + k, k * channels + c * strip
            vectors = min(strip, filters - k) // lanes
            if backward:
                kernel_gradient_transform(
                    points, U, panel, alpha * position, position, kernel, entry, 3 * line, line,
                    inside, zero, zero, vectors,
                )  # fmt: skip
            else:
                kernel_transform(
                    points, kernel, entry, 3 * line, line, U, panel, alpha * position, position,
                    inside, zero, zero, vectors,
                )  # fmt: skip


def tiling(height, width):
    """Return (points, tiles down, tiles across): the F(m, 3) that multiplies least on a map of outputs."""
    cuts = [(-(-height // m), -(-width // m), m) for m in POINTS]
    down, across, m = min(cuts, key=lambda cut: cut[0] * cut[1] * (cut[2] + 2) ** 2)
    return POINTS[m], down, across


def _pad_to_vectors(array, *axes):
    """Return the array, padded with zeros to whole vectors along the given axes."""
    lanes = VECTOR_BYTES // array.itemsize
    if not any(array.shape[axis] % lanes for axis in axes):
        return array
    missing = [(0, -length % lanes if axis in axes else 0) for axis, length in enumerate(array.shape)]
    return np.pad(array, missing)


def _blocks(tiles, tile_bytes, wanted_bytes, bounds):
    """Return (tiles in a block, ends): piece i is tiles ends[i] to ends[i + 1], in whole register tiles, at least
    a block. The number of pieces is a power of two: two, four or eight threads have equal shares.
    """
    least, most = bounds
    block = max(1, min(max(least, wanted_bytes), most) // tile_bytes // ROWS) * ROWS
    units = -(-tiles // ROWS)
    pieces = 2 if units > 1 else 1
    while 2 * pieces <= CHUNKS and 2 * pieces * block <= tiles:
        pieces *= 2
    return block, np.minimum(np.arange(pieces + 1) * units // pieces * ROWS, tiles)


def _panels_size(points, channels, filters, itemsize):
    """Return how many numbers U has."""
    strip = PANEL_BYTES // itemsize
    return (len(points) + 1) ** 2 * -(-filters // strip) * strip * channels


def prepare_kernel(kernel, height, width):
    """Return U = G g Gᵀ of a kernel (3, 3, C, K), for a map of ``height`` × ``width`` outputs."""
    kernel, points = _pad_to_vectors(kernel, 2, 3), tiling(height, width)[0]
    channels, filters = kernel.shape[2:]
    U = empty((_panels_size(points, channels, filters, kernel.itemsize),), kernel.dtype)
    zero = np.zeros(max(channels, filters), kernel.dtype)
    _transform_kernels(points, kernel.reshape(-1), U, channels, filters, zero, False)
    return U


class ForwardPlan(NamedTuple):
    """What :func:`_forward` needs beside the numbers of x, U and the bias."""

    points: tuple
    grid: tuple
    ends: np.ndarray
    k_ends: np.ndarray
    tables: tuple
    memory: int
    zero: np.ndarray


@lru_cache(maxsize=256)
def _forward_plan(shape, filters, u_bytes, dtype, top, left, height, width, threads):
    """Return the plan for x of a shape and a number of filters, both in whole vectors.

    Each thread gets some tiles and all filters. Of a map with few tiles, as one face has, it gets all tiles and
    some filters if these are shares of more equal size: the tiles are then transformed once for each thread, but
    every number of U is read by one thread only.
    """
    lanes, channels = VECTOR_BYTES // dtype.itemsize, shape[3]
    points, down, across = tiling(height, width)
    positions = (len(points) + 1) ** 2
    v_tile, m_tile = positions * channels + lanes, positions * filters + lanes
    tiles = shape[0] * down * across
    block, ends = _blocks(tiles, (v_tile + m_tile) * dtype.itemsize, u_bytes, BLOCK_BYTES)
    strip = PANEL_BYTES // dtype.itemsize
    panels, parts = -(-filters // strip), 1
    least = 1 / threads
    if tiles and _largest_share(ends, threads) > max(least, -(-panels // threads) / panels) + least / 8:
        ends, parts = ends[[0, -1]], min(threads, panels)
    k_ends = np.minimum(np.arange(parts + 1) * panels // parts * strip, filters)
    tables = np.arange(block + 1) * v_tile, np.arange(block + 1) * m_tile, np.zeros(1, np.intp)
    memory, zero = block * (v_tile + m_tile) + filters, np.zeros(max(channels, filters), dtype)
    return ForwardPlan(points, (top, left, down, across), ends, k_ends, tables, memory, zero)


def _largest_share(ends, threads):
    """Return which part of the work the busiest thread does, if each has the same number of pieces in a row."""
    pieces = len(ends) - 1
    firsts = np.arange(threads + 1) * pieces // threads
    return np.diff(ends[firsts]).max() / ends[-1]


def _convolve(x, U, filters, bias, top, left, height, width):
    """Return y (N, height, width, K) = x ⋆ kernel + bias, U = prepare_kernel(kernel, height, width); ``top``
    rows and ``left`` columns of zeros are before x.
    """
    x, lanes = _pad_to_vectors(x, 3), VECTOR_BYTES // x.itemsize
    whole_filters = -(-filters // lanes) * lanes
    plan = _forward_plan(
        x.shape, whole_filters, U.nbytes, x.dtype, top, left, height, width, get_num_threads()
    )
    bias = plan.zero if bias is None else _pad_to_vectors(bias, 0)
    y = empty((len(x), height, width, whole_filters), x.dtype)
    _forward(
        plan.points, x.reshape(-1), x.shape[1:], U, bias, y.reshape(-1), y.shape[1:],
        plan.grid, plan.ends, plan.k_ends, plan.tables, scratch(x.dtype, plan.memory), plan.zero,
    )  # fmt: skip
    return y if filters == whole_filters else np.ascontiguousarray(y[..., :filters])


_axes = lru_cache(maxsize=256)(geometry.axes)


def forward(x, kernel, bias, padding, U=None):
    """Return y (N, OH, OW, K); U is the prepared kernel, if there is one."""
    rows, columns = _axes(*x.shape[1:3], (3, 3), (1, 1), padding)
    if U is None:
        U = prepare_kernel(kernel, rows.out, columns.out)
    return _convolve(x, U, kernel.shape[3], bias, rows.before, columns.before, rows.out, columns.out)


def input_gradient(dy, kernel, shape, padding):
    """Return dx of the given shape: dy, with the border that completes the padding to
    two pixels, ⋆ rotated kernel.
    """
    rows, columns = geometry.axes(*shape[1:3], (3, 3), (1, 1), padding)
    rotated = transposed(kernel, reverse=True)
    U = prepare_kernel(rotated, *shape[1:3])
    return _convolve(dy, U, shape[3], None, 2 - rows.before, 2 - columns.before, *shape[1:3])


def kernel_gradient(x, dy, kernel_shape, padding):
    """Return dkernel (3, 3, C, K)."""
    rows, columns = geometry.axes(*x.shape[1:3], (3, 3), (1, 1), padding)
    x, dy = _pad_to_vectors(x, 3), _pad_to_vectors(dy, 3)
    channels, filters, dtype = x.shape[3], dy.shape[3], x.dtype
    points, down, across = tiling(rows.out, columns.out)
    positions, lanes = (len(points) + 1) ** 2, VECTOR_BYTES // x.itemsize
    size, zero = _panels_size(points, channels, filters, x.itemsize), np.zeros(max(channels, filters), dtype)
    v_tile, z_tile = channels + lanes, filters + lanes
    size_bytes, tile_bytes = size * x.itemsize, positions * (v_tile + z_tile) * x.itemsize
    block, ends = _blocks(len(x) * down * across, tile_bytes, 2 * size_bytes, GRADIENT_BLOCK_BYTES)
    ranges = 1
    if size_bytes >= PARTIAL_BYTES:
        # to transform dy once for each range of channels costs less than to sum such pieces
        ends, ranges = ends[[0, -1]], min(get_num_threads(), channels // lanes)
    c_ends = np.arange(ranges + 1) * (channels // lanes) // ranges * lanes
    tiles, entries = np.arange(block + 1), np.arange(channels)
    strip, taps = PANEL_BYTES // x.itemsize, np.zeros(1, np.intp)
    tables = tiles * v_tile, tiles * z_tile, entries, entries * strip, taps
    workspace = scratch(dtype, positions * (block * (v_tile + z_tile) + 2 * lanes))
    dU = empty((len(ends) - 1, size), dtype)
    _kernel_gradient(
        points, x.reshape(-1), x.shape[1:], dy.reshape(-1), dy.shape[1:],
        (rows.before, columns.before, down, across), ends, c_ends, tables, workspace, zero, dU.reshape(-1),
    )  # fmt: skip
    dkernel = empty((3, 3, channels, filters), dtype)
    _transform_kernels(points, dkernel.reshape(-1), sum_pieces(dU, (size,)), channels, filters, zero, True)
    return np.ascontiguousarray(dkernel[:, :, : kernel_shape[2], : kernel_shape[3]])

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

import numpy as np
from numba import get_thread_id, njit, prange

from minicnn.ops.kernels.matmul import product, transposed
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

BUDGET = 3 * 2**18  # bytes of V and M at a time
GRADIENT_BUDGET = 2**20  # of V and Z
PARTIAL = 2**24  # bytes of all pieces' dU


@njit(**JIT)
def copy_in(x, shape, n, top, left, size, patch, at):
    """Copy size × size pixels of image n from (top, left), zero outside, to patch[at:] (size, size, C in whole vectors)."""
    height, width, channels, wide = shape
    for i in range(top, top + size):
        for j in range(left, left + size):
            inside = channels if i >= 0 and i < height and j >= 0 and j < width else 0
            pixel = ((n * height + i) * width + j) * channels
            for c in range(wide):
                patch[at + c] = x[pixel + c] if c < inside else 0
            at += wide


@njit(**JIT)
def copy_out(patch, at, y, shape, n, top, left, size):
    """Copy the part of a size × size patch that lies inside the map to image n at (top, left)."""
    height, width, channels, wide = shape
    for i in range(top, top + size):
        for j in range(left, left + size):
            inside = channels if i < height and j < width else 0
            pixel = ((n * height + i) * width + j) * channels
            for c in range(inside):
                y[pixel + c] = patch[at + c]
            at += wide


@njit(**JIT)
def whole(shape, n, top, left):
    """Return (start, row step, column step, inside) of a tile of image n at (top, left), which may stick out.

    ``inside`` = (first row, end row, first column, end column): the entries that lie in the map.
    """
    height, width, channels, _ = shape
    start = ((n * height + top) * width + left) * channels
    return start, width * channels, channels, (-top, height - top, -left, width - left)


@njit(**JIT)
def _forward_piece(points, x, x_shape, U, bias, y, y_shape, place, blocks, block, zero, tables, memory, parts):
    """Outputs of the tiles of ``blocks`` = (first, end), ``block`` tiles at a time."""
    alpha, m = len(points) + 1, len(points) - 1
    images, top, left, down, across = place
    channels, vc, filters, mk = x_shape[2], x_shape[3], y_shape[2], y_shape[3]
    lanes, strip = VECTOR_BYTES // x.itemsize, PANEL_BYTES // x.itemsize
    v_rows, m_rows, taps = tables
    M0, patch, waste = parts
    tiles = images * down * across
    outside = memory[waste:]
    for first in range(blocks[0] * block, min(blocks[1] * block, tiles), block):
        count = min(block, tiles - first)
        for t in range(count):
            n, i, j = (first + t) // (down * across), (first + t) // across % down, (first + t) % across
            source, (start, row, column, inside) = x, whole(x_shape, n, i * m - top, j * m - left)
            if channels != vc:
                copy_in(x, x_shape, n, i * m - top, j * m - left, alpha, memory, patch)
                source, start, row, column, inside = memory, patch, alpha * vc, vc, (0, alpha, 0, alpha)
            input_transform(
                points, source, start, row, column, memory, v_rows[t], alpha * vc, vc, inside, zero, zero, vc // lanes
            )
        for s in range(alpha * alpha):
            product(
                memory, s * vc, v_rows, taps, 1, channels, 1, U, s * U.size // (alpha * alpha), strip, channels * strip,
                zero, 0, 0, memory, M0 + s * mk, m_rows, 0, count, mk,
            )  # fmt: skip
        for t in range(count):
            n, i, j = (first + t) // (down * across), (first + t) // across % down, (first + t) % across
            target, (start, row, column, inside) = y, whole(y_shape, n, i * m, j * m)
            if filters != mk:
                target, start, row, column, inside = memory, waste, m * mk, mk, (0, m, 0, m)
            output_transform(
                points, memory, M0 + m_rows[t], alpha * mk, mk, target, start, row, column, inside, outside,
                bias, mk // lanes,
            )  # fmt: skip
            if filters != mk:
                copy_out(memory, waste, y, y_shape, n, i * m, j * m, m)


@njit(**PARALLEL)
def _forward(points, x, x_shape, U, bias, y, y_shape, place, ends, block, zero, tables, workspace, parts):
    """y: each piece takes a range of the blocks of tiles."""
    for piece in prange(len(ends) - 1):
        _forward_piece(
            points, x, x_shape, U, bias, y, y_shape, place, (ends[piece], ends[piece + 1]), block,
            zero, tables, workspace[get_thread_id()], parts,
        )  # fmt: skip


@njit(**PARALLEL)
def _transform_kernel(points, kernel, U, channels, wide, zero):
    """U = G g Gᵀ; kernel (3, 3, C, K in whole vectors), U (α², panels, C, numbers of a panel), both flat."""
    alpha = len(points) + 1
    lanes, strip = VECTOR_BYTES // kernel.itemsize, PANEL_BYTES // kernel.itemsize
    line, position = channels * wide, U.size // (alpha * alpha)
    for c in prange(channels):
        for k in range(0, wide, strip):
            kernel_transform(
                points, kernel, c * wide + k, 3 * line, line, U, k * channels + c * strip, alpha * position, position,
                (0, 0, 0, 0), zero, zero, min(strip, wide - k) // lanes,
            )  # fmt: skip


@njit(**JIT)
def _gradient_piece(points, x, x_shape, dy, dy_shape, place, blocks, block, zero, tables, dU, start0, memory, parts):
    """dU[start0:] = Σ Vᵀ·Z of the tiles of ``blocks`` = (first, end), ``block`` tiles at a time."""
    alpha, m = len(points) + 1, len(points) - 1
    images, top, left, down, across = place
    channels, vc, filters, zk = x_shape[2], x_shape[3], dy_shape[2], dy_shape[3]
    lanes, strip = VECTOR_BYTES // x.itemsize, PANEL_BYTES // x.itemsize
    v_rows, u_rows, taps = tables
    Z0, patch, _ = parts
    vt, zt = vc + lanes, zk + lanes
    vs, zs = block * vt, block * zt
    tiles, panels = images * down * across, (zk + strip - 1) // strip
    for k in range(alpha * alpha * panels * channels * strip):
        dU[start0 + k] = 0
    for first in range(blocks[0] * block, min(blocks[1] * block, tiles), block):
        count = min(block, tiles - first)
        for t in range(count):
            n, i, j = (first + t) // (down * across), (first + t) // across % down, (first + t) % across
            source, (start, row, column, inside) = x, whole(x_shape, n, i * m - top, j * m - left)
            if channels != vc:
                copy_in(x, x_shape, n, i * m - top, j * m - left, alpha, memory, patch)
                source, start, row, column, inside = memory, patch, alpha * vc, vc, (0, alpha, 0, alpha)
            input_transform(
                points, source, start, row, column, memory, t * vt, alpha * vs, vs, inside, zero, zero, vc // lanes
            )
            source, (start, row, column, inside) = dy, whole(dy_shape, n, i * m, j * m)
            if filters != zk:
                copy_in(dy, dy_shape, n, i * m, j * m, m, memory, patch)
                source, start, row, column, inside = memory, patch, m * zk, zk, (0, m, 0, m)
            output_gradient_transform(
                points, source, start, row, column, memory, Z0 + t * zt, alpha * zs, zs, inside, zero, zero, zk // lanes
            )
        for s in range(alpha * alpha):
            for panel in range(panels):
                start = start0 + (s * panels + panel) * channels * strip
                product(
                    memory, s * vs, v_rows, taps, 1, count, vt, memory, Z0 + s * zs + panel * strip, zt, 0,
                    dU, start, 1, dU, start, u_rows, 0, channels, min(strip, zk - panel * strip),
                )  # fmt: skip


@njit(**PARALLEL)
def _kernel_gradient(points, x, x_shape, dy, dy_shape, place, ends, block, zero, tables, dU, workspace, parts):
    """dU[piece] = Σ Vᵀ·Z over the tiles of each piece; dU (pieces, α², panels, C, numbers of a panel), flat."""
    pieces = len(ends) - 1
    for piece in prange(pieces):
        _gradient_piece(
            points, x, x_shape, dy, dy_shape, place, (ends[piece], ends[piece + 1]), block,
            zero, tables, dU, piece * (dU.size // pieces), workspace[get_thread_id()], parts,
        )  # fmt: skip


@njit(**PARALLEL)
def _collect(points, dU, pieces, dkernel, channels, wide, zero, workspace):
    """dkernel = Gᵀ (dU[0] + dU[1] + …) G; dkernel (3, 3, C, K in whole vectors), flat."""
    alpha = len(points) + 1
    lanes, strip = VECTOR_BYTES // dU.itemsize, PANEL_BYTES // dU.itemsize
    line, size = channels * wide, dU.size // pieces
    for c in prange(channels):
        total = workspace[get_thread_id()]
        for k0 in range(0, wide, strip):
            for s in range(alpha * alpha):
                at = s * size // (alpha * alpha) + k0 * channels + c * strip
                for k in range(strip):
                    total[s * strip + k] = dU[at + k]
                for piece in range(1, pieces):
                    for k in range(strip):
                        total[s * strip + k] += dU[piece * size + at + k]
            kernel_gradient_transform(
                points, total, 0, alpha * strip, strip, dkernel, c * wide + k0, 3 * line, line,
                (0, 0, 0, 0), zero, zero, min(strip, wide - k0) // lanes,
            )  # fmt: skip


def _lanes(count, dtype):
    """Return ``count`` rounded up to whole vectors."""
    lanes = VECTOR_BYTES // dtype.itemsize
    return -(-count // lanes) * lanes


def tiling(height, width):
    """Return (points, tiles down, tiles across): the F(m, 3) that multiplies least on a map of outputs."""
    cuts = [(-(-height // m), -(-width // m), m) for m in POINTS]
    down, across, m = min(cuts, key=lambda cut: cut[0] * cut[1] * (cut[2] + 2) ** 2)
    return POINTS[m], down, across


def _cut(tiles, per_tile, budget, most=CHUNKS):
    """Return (tiles a block, ends): blocks of about ``budget`` numbers, and where each piece's blocks begin and end."""
    block = max(1, budget // per_tile // ROWS) * ROWS
    blocks = -(-tiles // block)
    pieces = min(most, blocks)
    return block, np.arange(pieces + 1) * blocks // pieces


def _convolve(x, kernel, bias, pad, y):
    """y = x ⋆ kernel for a zero border of ``pad`` = (top, left) pixels; every row of y is written."""
    channels, filters = kernel.shape[2:]
    dtype = x.dtype
    vc, mk = _lanes(channels, dtype), _lanes(filters, dtype)
    points, down, across = tiling(*y.shape[1:3])
    alpha, m = len(points) + 1, len(points) - 1
    zero = np.zeros(max(vc, mk), dtype)
    if mk != filters:
        kernel = np.concatenate([kernel, np.zeros((3, 3, channels, mk - filters), dtype)], axis=3)
        bias = None if bias is None else np.concatenate([bias, zero[filters:mk]])
    strip = PANEL_BYTES // dtype.itemsize
    U = np.empty(alpha * alpha * -(-mk // strip) * channels * strip, dtype)
    _transform_kernel(points, kernel.reshape(-1), U, channels, mk, zero)
    v_tile, m_tile = alpha * alpha * vc + strip // 2, alpha * alpha * mk + strip // 2
    block, ends = _cut(len(x) * down * across, v_tile + m_tile, BUDGET // dtype.itemsize)
    tables = np.arange(block) * v_tile, np.arange(block) * m_tile, np.zeros(1, np.intp)
    parts = tuple(np.cumsum([block * v_tile, block * m_tile, alpha * alpha * vc]).tolist())
    workspace = scratch(dtype, parts[-1] + m * m * mk)
    _forward(
        points, x.reshape(-1), (*x.shape[1:], vc), U, zero if bias is None else bias, y.reshape(-1), (*y.shape[1:], mk),
        (len(x), *pad, down, across), ends, block, zero, tables, workspace, parts,
    )  # fmt: skip
    return y


def forward(x, kernel, bias, rows, columns):
    """Return y; rows and columns: the geometry.Axis of the output."""
    y = np.empty((len(x), rows.out, columns.out, kernel.shape[3]), x.dtype)
    return _convolve(x, kernel, bias, (rows.before, columns.before), y)


def input_gradient(dy, kernel, shape, rows, columns):
    """Return dx of the given shape: dy, with the border that completes the padding to two pixels, ⋆ rotated kernel."""
    rotated = transposed(kernel, reverse=True)
    return _convolve(dy, rotated, None, (2 - rows.before, 2 - columns.before), np.empty(shape, dy.dtype))


def kernel_gradient(x, dy, kernel_shape, rows, columns):
    """Return dkernel (3, 3, C, K)."""
    channels, filters = kernel_shape[2:]
    dtype = x.dtype
    vc, zk = _lanes(channels, dtype), _lanes(filters, dtype)
    points, down, across = tiling(rows.out, columns.out)
    alpha = len(points) + 1
    strip = PANEL_BYTES // dtype.itemsize
    size = alpha * alpha * -(-zk // strip) * channels * strip
    v_tile, z_tile = alpha * alpha * (vc + strip // 2), alpha * alpha * (zk + strip // 2)
    most = min(CHUNKS, max(2, PARTIAL // (size * dtype.itemsize)))
    block, ends = _cut(len(x) * down * across, v_tile + z_tile, GRADIENT_BUDGET // dtype.itemsize, most)
    pieces = len(ends) - 1
    tables = np.arange(channels), np.arange(channels) * strip, np.zeros(1, np.intp)
    parts = tuple(np.cumsum([block * v_tile, block * z_tile, alpha * alpha * max(vc, zk)]).tolist())
    workspace = scratch(dtype, max(parts[-1], alpha * alpha * strip))
    zero, dU = np.zeros(max(vc, zk), dtype), np.empty(pieces * size, dtype)
    _kernel_gradient(
        points, x.reshape(-1), (*x.shape[1:], vc), dy.reshape(-1), (*dy.shape[1:], zk),
        (len(x), rows.before, columns.before, down, across), ends, block, zero, tables, dU, workspace,
        (parts[0], parts[1], parts[2]),
    )  # fmt: skip
    dkernel = np.empty((3, 3, channels, zk), dtype)
    _collect(points, dU, pieces, dkernel.reshape(-1), channels, zk, zero, workspace)
    return dkernel if zk == filters else np.ascontiguousarray(dkernel[..., :filters])

"""Direct convolution, for any geometry: each output is its window times the kernel,
computed by the register tile.

All three passes are the product C = D + A·B of register_tile.py, with tables of the addresses of its rows and
taps:

    y        rows: the output pixels       k: (a, b, c) of the window     B: the kernel, (kh·kw·C, K)
    dkernel  rows: the entries (a, b, c)   k: the output pixels           B: dy, (pixels, K)
    dx       rows: pixels of dx            k: (tap, channel of dy)        B: those taps of the kernel, transposed

A window is read directly from the (padded) image. The usual method, "im2col", first copies the windows into
the rows of a matrix. It writes and reads each pixel kh·kw times, which for a 3×3 kernel is more traffic than
all the rest.

**dx with a stride s.** Pixel h of the padded input is multiplied by entry a of the kernel, for output row i,
when i·s + a·d = h. So all pixels h with the same remainder modulo s use the same entries. They form a
*phase*, and within a phase dx is a convolution with stride 1 of dy with these entries:

    dx_padded[h0 + q·s] = Σ_{a: s divides h0 − a·d}  dy[(h0 − a·d)/s + q] · kernel[a]ᵀ

For s = 1 there is one phase, with all entries: the rotated kernel. In two dimensions there are s_h · s_w
phases.

The threads divide the images among them; dkernel adds up its pieces in order.
"""

from functools import lru_cache
from itertools import pairwise
from itertools import product as pairs
from typing import NamedTuple

import numpy as np

from minicnn.ops import geometry
from minicnn.ops.kernels.matmul import as_items, products, transposed
from minicnn.ops.kernels.memory import empty
from minicnn.ops.kernels.parallel import CHUNKS, sum_pieces


class Padding(NamedTuple):
    """The padding of a map: its first row and column in the padded map, and the padded height and width."""

    top: int
    left: int
    height: int
    width: int


def _padded(x, border):
    """Return x (N, H, W, C) with its zero padding."""
    top, left, height, width = border
    if x.shape[1:3] == (height, width):
        return x
    padded = np.zeros((len(x), height, width, x.shape[3]), x.dtype)
    padded[:, top : top + x.shape[1], left : left + x.shape[2]] = x
    return padded


def _piece_ends(items):
    """Return the ends of at most CHUNKS pieces of ``items`` products."""
    pieces = max(1, min(CHUNKS, items))
    return np.arange(pieces + 1) * items // pieces


def _pixels(rows, columns, line, channels):
    """Return the offsets of the pixels (i, j) of a map with ``line`` pixels a row, as a flat table."""
    return ((np.asarray(rows)[:, None] * line + np.asarray(columns)) * channels).ravel()


@lru_cache(maxsize=256)
def _forward_plan(shape, kernel_shape, strides, padding, dilation):
    """Return (border, output size, pixel table, tap table, depth)."""
    _, height, width, channels = shape
    kh, kw = kernel_shape[:2]
    rows, columns = geometry.axes(height, width, (kh, kw), strides, padding, dilation)
    border = Padding(rows.before, columns.before, height + sum(rows[1:]), width + sum(columns[1:]))
    pixels = _pixels(
        np.arange(rows.out) * strides[0], np.arange(columns.out) * strides[1], border.width, channels
    )
    if dilation[1] == 1:  # the pixels of a kernel row are neighbours in memory: one tap, kw·C deep
        taps, depth = _pixels(np.arange(kh) * dilation[0], [0], border.width, channels), kw * channels
    else:
        taps = _pixels(np.arange(kh) * dilation[0], np.arange(kw) * dilation[1], border.width, channels)
        depth = channels
    return border, (rows.out, columns.out), pixels, taps, depth


@lru_cache(maxsize=64)
def _forward_items(images, x_size, pixels, taps, filters):
    """Return (items, ends of the pieces, row table of y) of :func:`products`, for images of x_size numbers."""
    cuts = min(pixels, -(-CHUNKS // max(1, images)))  # a few images: several pieces each
    ends = [i * pixels // cuts for i in range(cuts + 1)]
    items = [
        (n * x_size, 0, n * pixels * filters, first, last, 0, taps, filters, 0)
        for n in range(images)
        for first, last in pairwise(ends)
    ]
    return as_items(items), _piece_ends(len(items)), np.arange(pixels) * filters


def forward(x, kernel, bias, strides, padding, dilation):
    """Return y (N, OH, OW, K)."""
    border, size, pixels, taps, depth = _forward_plan(x.shape, kernel.shape, strides, padding, dilation)
    filters, images = kernel.shape[3], len(x)
    x = _padded(x, border)
    y = empty((images, *size, filters), x.dtype)
    items, ends, y_rows = _forward_items(
        images, border.height * border.width * x.shape[3], len(pixels), len(taps), filters
    )
    products(items, ends, x, pixels, taps, depth, 1, kernel, bias, y, y_rows)
    return y


def kernel_gradient(x, dy, kernel_shape, strides, padding, dilation):
    """Return dkernel (kh, kw, C, K)."""
    border, (rows, columns), _, _, _ = _forward_plan(x.shape, kernel_shape, strides, padding, dilation)
    kh, kw, channels, filters = kernel_shape
    x = _padded(x, border)
    entries = _pixels(np.arange(kh) * dilation[0], np.arange(kw) * dilation[1], border.width, channels)
    a_rows = (entries[:, None] + np.arange(channels)).ravel()
    taps = np.arange(rows) * strides[0] * border.width * channels
    size, images = len(a_rows) * filters, len(x)
    pieces = min(images, CHUNKS, max(2, 2**22 // size))  # many pieces of a large kernel are only memory
    ends = np.arange(pieces + 1) * images // pieces
    partial = empty((pieces, size), x.dtype)
    items = [
        (n * x[0].size, n * dy[0].size, piece * size, 0, len(a_rows), 0, rows, filters, int(n > ends[piece]))
        for piece in range(pieces)
        for n in range(ends[piece], ends[piece + 1])
    ]
    c_rows, step = np.arange(len(a_rows)) * filters, strides[1] * channels
    products(items, ends, x, a_rows, taps, columns, step, dy, np.zeros(filters, x.dtype), partial, c_rows)
    return sum_pieces(partial, kernel_shape)


def _phases(length, size, stride, before, dilation):
    """Return [(first pixel, [(entry, first output)])] for each phase of one axis."""
    phases = []
    for first in range(min(stride, length)):
        met = [
            (a, (first + before - a * dilation) // stride)
            for a in range(size)
            if (first + before - a * dilation) % stride == 0
        ]
        phases.append((first, met))
    return phases


def _reach(phases, length, stride, out):
    """Return (before, total): the padding before dy and its padded length, so that all
    outputs of the phases exist.
    """
    starts = [i for _, met in phases for _, i in met]
    ends = [i + (length - 1 - first) // stride for first, met in phases for _, i in met]
    before = max(0, -min(starts, default=0))
    return before, before + max(out, 1 + max(ends, default=0))


@lru_cache(maxsize=256)
def _input_plan(shape, kernel_shape, strides, padding, dilation):
    """Return (border of dy, tables of _gather, entries (a, b) in the order of the taps)."""
    _, height, width, channels = shape
    kh, kw, _, filters = kernel_shape
    rows, columns = geometry.axes(height, width, (kh, kw), strides, padding, dilation)
    vertical = _phases(height, kh, strides[0], rows.before, dilation[0])
    horizontal = _phases(width, kw, strides[1], columns.before, dilation[1])
    top, total_height = _reach(vertical, height, strides[0], rows.out)
    left, total_width = _reach(horizontal, width, strides[1], columns.out)
    a_rows, y_rows, taps, entries, first_row, first_tap = [], [], [], [], [0], [0]
    for (h, met_rows), (w, met_columns) in pairs(vertical, horizontal):
        down, across = np.arange(h, height, strides[0]), np.arange(w, width, strides[1])
        a_rows.append(
            _pixels(np.arange(len(down)) + top, np.arange(len(across)) + left, total_width, filters)
        )
        y_rows.append(_pixels(down, across, width, channels))
        for (a, i), (b, j) in pairs(met_rows, met_columns):
            taps.append((i * total_width + j) * filters)
            entries.append((a, b))
        first_row.append(first_row[-1] + len(a_rows[-1]))
        first_tap.append(len(taps))
    tables = np.concatenate(a_rows), np.array(taps, np.intp), np.concatenate(y_rows)
    ends = np.array(first_row), np.array(first_tap)
    return Padding(top, left, total_height, total_width), tables, ends, entries


def input_gradient(dy, kernel, shape, strides, padding, dilation):
    """Return dx of the given shape (N, H, W, C)."""
    border, tables, ends, entries = _input_plan(shape, kernel.shape, strides, padding, dilation)
    (a_rows, taps, y_rows), (first_row, first_tap) = tables, ends
    dy = _padded(dy, border)
    dx = empty(shape, dy.dtype)
    filters, channels = kernel.shape[3], shape[3]
    matrix = (
        transposed(np.array([kernel[entry] for entry in entries]))
        if entries
        else np.empty((0, 1, channels), dy.dtype)
    )
    phases = range(len(first_row) - 1)
    items = [
        (n * dy[0].size, first_tap[p] * filters * channels, n * dx[0].size,
         *first_row[p : p + 2], *first_tap[p : p + 2], channels, 0)
        for n in range(shape[0]) for p in phases
    ]  # fmt: skip
    products(items, _piece_ends(len(items)), dy, a_rows, taps, filters, 1, matrix, None, dx, y_rows)
    return dx

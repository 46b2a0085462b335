"""Convolution of any geometry, directly: each output is its window times the kernel, and the register tile does it.

All three passes are the product C = D + A·B of register_tile.py, with tables that tell where its rows and taps lie:

    y        rows: the output pixels       k: (a, b, c) of the window     B: the kernel, (kh·kw·C, K)
    dkernel  rows: the entries (a, b, c)   k: the output pixels           B: dy, (pixels, K)
    dx       rows: pixels of dx            k: (tap, channel of dy)        B: those taps of the kernel, transposed

A window is read where it lies in the (padded) image: nothing is copied into columns first. "im2col" would write and
read back each pixel kh·kw times, which for a 3×3 kernel is more traffic than all the rest.

**dx with a stride s.** Pixel h of the padded input has met entry a of the kernel in output row i when i·s + a·d = h.
So pixels whose h leaves the same remainder when divided by s meet the same entries: they form a *phase*, and within a
phase dx is a plain convolution of dy with these entries,

    dxp[h0 + q·s] = Σ_{a: s divides h0 − a·d}  dy[(h0 − a·d)/s + q] · kernel[a]ᵀ

for s = 1 there is one phase, with all entries: the rotated kernel. Rows and columns make s_h · s_w phases.

One image is one piece of work; dkernel sums its pieces in order.
"""

from functools import lru_cache
from itertools import product as pairs
from typing import NamedTuple

import numpy as np
from numba import get_thread_id, njit, prange

from minicnn.ops import geometry
from minicnn.ops.kernels.matmul import product
from minicnn.ops.kernels.parallel import CHUNKS, JIT, PARALLEL, scratch, sum_pieces
from minicnn.ops.kernels.register_tile import PANEL_BYTES


class Padding(NamedTuple):
    """The zero border of a map: its first row and column in the padded map, and the padded height and width."""

    top: int
    left: int
    height: int
    width: int


@njit(**JIT)
def padded(x, n, top, left, height, width, memory):
    """Return (array, start) where image n lies with its border: in x itself when there is none, else in ``memory``."""
    _, rows, columns, channels = x.shape
    if rows == height and columns == width:
        return x.reshape(-1), n * rows * columns * channels
    line = width * channels
    for i in range(height):
        r = i - top
        if r < 0 or r >= rows:
            memory[i * line : (i + 1) * line] = 0
        else:
            at = i * line + left * channels
            memory[i * line : at] = 0
            memory[at : at + columns * channels] = x[n, r].reshape(-1)
            memory[at + columns * channels : (i + 1) * line] = 0
    return memory, 0


@njit(**PARALLEL)
def _gather(x, border, workspace, a_rows, taps, depth, matrix, bias, y, y_rows, first_row, first_tap):
    """y[pixel] = bias + Σ_tap x[pixel + tap] · matrix[tap], phase by phase; y (N, …, K), matrix (taps·depth, K)."""
    top, left, height, width = border
    columns = y.shape[3]
    image = y.size // y.shape[0]
    for n in prange(x.shape[0]):
        source, start = padded(x, n, top, left, height, width, workspace[get_thread_id()])
        for phase in range(len(first_tap) - 1):
            tap0, tap1 = first_tap[phase], first_tap[phase + 1]
            product(
                source, start, a_rows, taps[tap0:tap1], tap1 - tap0, depth, 1, matrix, tap0 * depth * columns, columns, PANEL_BYTES // x.itemsize,
                bias, 0, 0, y.reshape(-1), n * image, y_rows, first_row[phase], first_row[phase + 1], columns,
            )  # fmt: skip


@njit(**PARALLEL)
def _kernel_gradient(x, border, workspace, a_rows, taps, depth, step, dy, zero, partial, c_rows):
    """partial[piece, (a, b, c)] = Σ over its images and pixels of x[pixel + (a, b), c] · dy[pixel]; dy (N, OH, OW, K)."""
    top, left, height, width = border
    images, columns = dy.shape[0], dy.shape[3]
    pieces, size = partial.shape
    flat = partial.reshape(-1)
    for piece in prange(pieces):
        flat[piece * size : (piece + 1) * size] = zero
        for n in range(piece * images // pieces, (piece + 1) * images // pieces):
            source, start = padded(x, n, top, left, height, width, workspace[get_thread_id()])
            product(
                source, start, a_rows, taps, len(taps), depth, step, dy.reshape(-1), n * (dy.size // images), columns, PANEL_BYTES // x.itemsize,
                flat, piece * size, 1, flat, piece * size, c_rows, 0, len(a_rows), columns,
            )  # fmt: skip


def _pixels(rows, columns, line, channels):
    """Return where the pixels (i, j) of a map lie, ``line`` pixels a row, as a flat table."""
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
    if dilation[1] == 1:  # the entries of a kernel row meet neighbours in memory: one tap, kw·C deep
        taps, depth = _pixels(np.arange(kh) * dilation[0], [0], border.width, channels), kw * channels
    else:
        taps = _pixels(np.arange(kh) * dilation[0], np.arange(kw) * dilation[1], border.width, channels)
        depth = channels
    return border, (rows.out, columns.out), pixels, taps, depth


def forward(x, kernel, bias, strides, padding, dilation):
    """Return y (N, OH, OW, K)."""
    border, (rows, columns), pixels, taps, depth = _forward_plan(
        x.shape, kernel.shape, strides, padding, dilation
    )
    filters = kernel.shape[3]
    y = np.empty((x.shape[0], rows, columns, filters), x.dtype)
    whole = np.array([0, len(pixels)]), np.array([0, len(taps)])
    workspace = scratch(x.dtype, border.height * border.width * x.shape[3])
    bias = np.zeros(filters, x.dtype) if bias is None else bias
    y_rows = np.arange(len(pixels)) * filters
    _gather(x, tuple(border), workspace, pixels, taps, depth, kernel.reshape(-1), bias, y, y_rows, *whole)
    return y


def kernel_gradient(x, dy, kernel_shape, strides, padding, dilation):
    """Return dkernel (kh, kw, C, K)."""
    border, (rows, columns), _, _, _ = _forward_plan(x.shape, kernel_shape, strides, padding, dilation)
    kh, kw, channels, filters = kernel_shape
    entries = _pixels(np.arange(kh) * dilation[0], np.arange(kw) * dilation[1], border.width, channels)
    a_rows = (entries[:, None] + np.arange(channels)).ravel()
    taps = np.arange(rows) * strides[0] * border.width * channels
    size = len(a_rows) * filters
    pieces = min(len(x), CHUNKS, max(2, 2**22 // size))  # many pieces of a large kernel are only memory
    partial = np.empty((pieces, size), x.dtype)
    workspace = scratch(x.dtype, border.height * border.width * channels)
    _kernel_gradient(
        x, tuple(border), workspace, a_rows, taps, columns, strides[1] * channels, dy,
        x.dtype.type(0), partial, np.arange(len(a_rows)) * filters,
    )  # fmt: skip
    return sum_pieces(partial, kernel_shape)


def _phases(length, size, stride, before, dilation):
    """Return [(first pixel, [(entry, first output)])] for each phase of one axis."""
    phases = []
    for first in range(min(stride, length)):
        met = [(a, (first + before - a * dilation) // stride) for a in range(size)
               if (first + before - a * dilation) % stride == 0]  # fmt: skip
        phases.append((first, met))
    return phases


def _reach(phases, length, stride, out):
    """Return (before, total): the zero border that dy needs so that every output that a phase names exists."""
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
    (a_rows, taps, y_rows), channels, filters = tables, shape[3], kernel.shape[3]
    matrix = np.empty((len(entries), filters, channels), dy.dtype)
    for tap, (a, b) in enumerate(entries):
        matrix[tap] = kernel[a, b].T
    dx = np.empty(shape, dy.dtype)
    workspace = scratch(dy.dtype, border.height * border.width * filters)
    zero = np.zeros(channels, dy.dtype)
    _gather(dy, tuple(border), workspace, a_rows, taps, filters, matrix.reshape(-1), zero, dx, y_rows, *ends)
    return dx

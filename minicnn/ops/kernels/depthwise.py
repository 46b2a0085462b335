"""Depthwise convolution: each channel has M kernels of its own, so there is no sum over channels.

    y[n,i,j,c·M + m] = bias[c·M + m] + Σ_a Σ_b xp[n, i·s + a·d, j·s + b·d, c] · kernel[a,b,c,m]

With one multiplication for each number loaded, memory traffic decides and not arithmetic. So these are plain
loops, with the channels innermost for the vectoriser. No padded copy is made: for each entry of the kernel,
the loop runs over the outputs whose pixel lies inside the map.

Shapes: x (N, H, W, C), kernel (kh, kw, C, M), y (N, OH, OW, C·M). The threads divide the images among them.
"""

import numpy as np
from numba import prange

from minicnn.ops import geometry
from minicnn.ops.kernels.memory import empty
from minicnn.ops.kernels.parallel import CHUNKS, compiled, sum_pieces


@compiled()
def _begin(before, offset, stride):
    """Return the first output i whose pixel i·s + offset − before is inside the map."""
    return max(0, -((offset - before) // stride))


@compiled()
def _end(length, before, offset, stride, out):
    """Return the end of the outputs whose pixel is inside a map of ``length`` pixels."""
    return min(out, (length - 1 + before - offset) // stride + 1)


@compiled(parallel=True)
def _forward(x, kernel, bias, window, y):
    images, height, width, channels = x.shape
    kh, kw, _, multiplier = kernel.shape
    top, left, s0, s1, d0, d1 = window
    rows, columns = y.shape[1], y.shape[2]
    for n in prange(images):
        y[n] = bias
        for a in range(kh):
            for b in range(kw):
                for i in range(_begin(top, a * d0, s0), _end(height, top, a * d0, s0, rows)):
                    for j in range(_begin(left, b * d1, s1), _end(width, left, b * d1, s1, columns)):
                        pixel = x[n, i * s0 + a * d0 - top, j * s1 + b * d1 - left]
                        for m in range(multiplier):
                            for c in range(channels):
                                y[n, i, j, c * multiplier + m] += pixel[c] * kernel[a, b, c, m]


@compiled(parallel=True)
def _input_gradient(dy, kernel, window, dx):
    images, height, width, channels = dx.shape
    kh, kw, _, multiplier = kernel.shape
    top, left, s0, s1, d0, d1 = window
    rows, columns = dy.shape[1], dy.shape[2]
    for n in prange(images):
        dx[n] = 0
        for a in range(kh):
            for b in range(kw):
                for i in range(_begin(top, a * d0, s0), _end(height, top, a * d0, s0, rows)):
                    for j in range(_begin(left, b * d1, s1), _end(width, left, b * d1, s1, columns)):
                        pixel = dx[n, i * s0 + a * d0 - top, j * s1 + b * d1 - left]
                        for m in range(multiplier):
                            for c in range(channels):
                                pixel[c] += dy[n, i, j, c * multiplier + m] * kernel[a, b, c, m]


@compiled(parallel=True)
def _kernel_gradient(x, dy, window, partial):
    images, height, width, channels = x.shape
    pieces, kh, kw, _, multiplier = partial.shape
    top, left, s0, s1, d0, d1 = window
    rows, columns = dy.shape[1], dy.shape[2]
    for piece in prange(pieces):
        partial[piece] = 0
        for n in range(piece * images // pieces, (piece + 1) * images // pieces):
            for a in range(kh):
                for b in range(kw):
                    for i in range(_begin(top, a * d0, s0), _end(height, top, a * d0, s0, rows)):
                        for j in range(_begin(left, b * d1, s1), _end(width, left, b * d1, s1, columns)):
                            pixel = x[n, i * s0 + a * d0 - top, j * s1 + b * d1 - left]
                            for m in range(multiplier):
                                for c in range(channels):
                                    partial[piece, a, b, c, m] += pixel[c] * dy[n, i, j, c * multiplier + m]


def _layout(shape, size, strides, padding, dilation):
    """Return the output's rows and columns and (top, left, strides, dilation), which the kernels take."""
    rows, columns = geometry.axes(shape[1], shape[2], size, strides, padding, dilation)
    return rows.out, columns.out, (rows.before, columns.before, *strides, *dilation)


def forward(x, kernel, bias, strides, padding, dilation):
    """Return y (N, OH, OW, C·M)."""
    rows, columns, window = _layout(x.shape, kernel.shape[:2], strides, padding, dilation)
    outputs = kernel.shape[2] * kernel.shape[3]
    y = empty((x.shape[0], rows, columns, outputs), x.dtype)
    _forward(x, kernel, np.zeros(outputs, x.dtype) if bias is None else bias, window, y)
    return y


def input_gradient(dy, kernel, shape, strides, padding, dilation):
    """Return dx of the given shape (N, H, W, C)."""
    _, _, window = _layout(shape, kernel.shape[:2], strides, padding, dilation)
    dx = empty(shape, dy.dtype)
    _input_gradient(dy, kernel, window, dx)
    return dx


def kernel_gradient(x, dy, kernel_shape, strides, padding, dilation):
    """Return dkernel (kh, kw, C, M)."""
    _, _, window = _layout(x.shape, kernel_shape[:2], strides, padding, dilation)
    partial = np.empty((min(CHUNKS, len(x)), *kernel_shape), x.dtype)
    _kernel_gradient(x, dy, window, partial)
    return sum_pieces(partial, kernel_shape)

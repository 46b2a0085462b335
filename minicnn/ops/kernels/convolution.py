"""Convolution: chooses the algorithm for a geometry.

The equations are those of minicnn/ops/reference/convolution.py. Each of the three passes has two algorithms:

    winograd.py   3×3, stride 1, dilation 1, and at least 16 channels in the input (x; for dx it is dy)
    direct.py     everything else

Measured on one core, direct time / Winograd time for y, dx, dkernel: 3→32 channels on 48×48 0.3, 3.1, 0.4;
16→16 2.8, 2.9, 2.0; 64→64 3.3, 3.0, 3.2; on 3×3 maps still 2.6, 2.7, 2.0. With fewer channels than a vector
has lanes, Winograd's transforms compute mostly padding. A direct product is slow when its result has few
channels, as dx of a first layer has.
"""

from typing import NamedTuple

import numpy as np

from minicnn.ops import geometry
from minicnn.ops.kernels import depthwise, direct, winograd
from minicnn.ops.kernels.matmul import sum_rows
from minicnn.ops.kernels.parallel import prepare

__all__ = [
    "conv2d_backward",
    "conv2d_forward",
    "conv2d_transpose_backward",
    "conv2d_transpose_forward",
    "depthwise_conv2d_backward",
    "depthwise_conv2d_forward",
]

WINOGRAD_CHANNELS = 16


def _use_winograd(kernel_shape, window, channels):
    """Return whether F(m, 3) can compute this convolution and is faster than the direct product."""
    strides, _, dilation = window
    return kernel_shape[:2] == (3, 3) and strides == dilation == (1, 1) and channels >= WINOGRAD_CHANNELS


def conv2d_forward(x, kernel, bias=None, strides=(1, 1), padding="valid", dilation=(1, 1)):
    """Return (y, cache): x (N, H, W, C), kernel (kh, kw, C, K), bias (K,) or None -> y (N, OH, OW, K)."""
    x, kernel, bias = prepare(x, kernel, bias)
    window = tuple(strides), padding, tuple(dilation)
    return _products(x, kernel, bias, window), (x, kernel, bias is not None, window)


def _products(x, kernel, bias, window):
    """Return y alone."""
    if _use_winograd(kernel.shape, window, kernel.shape[2]):
        return winograd.forward(x, kernel, bias, window[1])
    return direct.forward(x, kernel, bias, *window)


class PreparedKernel(NamedTuple):
    """A kernel ready for many forward passes on maps of one size."""

    kernel: np.ndarray
    transformed: np.ndarray | None  # Winograd's U, where this algorithm computes the map
    window: tuple


def prepare_kernel(kernel, x_shape, strides=(1, 1), padding="valid", dilation=(1, 1)):
    """Return the kernel prepared for inputs of shape (any N, H, W, C); it does not see later changes of
    ``kernel``.
    """
    window, kernel = (tuple(strides), padding, tuple(dilation)), prepare(kernel).copy()
    if not _use_winograd(kernel.shape, window, kernel.shape[2]):
        return PreparedKernel(kernel, None, window)
    rows, columns = geometry.axes(*x_shape[1:3], (3, 3), (1, 1), padding)
    return PreparedKernel(kernel, winograd.prepare_kernel(kernel, rows.out, columns.out), window)


def forward_prepared(x, prepared, bias=None):
    """Return y alone, the same bits as :func:`conv2d_forward`; x has the dtype of the kernel."""
    kernel, transformed, window = prepared
    if x.dtype != kernel.dtype or not x.flags.c_contiguous:
        x, bias, _ = prepare(x, bias, kernel)
    if transformed is None:
        return direct.forward(x, kernel, bias, *window)
    return winograd.forward(x, kernel, bias, window[1], transformed)


def conv2d_backward(dy, cache, need_dx=True):
    """Return (dx, dkernel, dbias): dx is None without ``need_dx``, dbias is None when there was no bias."""
    x, kernel, has_bias, window = cache
    dy = prepare(dy.astype(x.dtype, copy=False))
    dx = _input_gradient(dy, kernel, x.shape, window) if need_dx else None
    return dx, _kernel_gradient(x, dy, kernel, window), sum_rows(dy) if has_bias else None


def _input_gradient(dy, kernel, shape, window):
    """Return dx of the given shape (N, H, W, C)."""
    if _use_winograd(kernel.shape, window, kernel.shape[3]):
        return winograd.input_gradient(dy, kernel, shape, window[1])
    return direct.input_gradient(dy, kernel, shape, *window)


def _kernel_gradient(x, dy, kernel, window):
    """Return dkernel, of the kernel's shape."""
    if len(x) == 0:
        return np.zeros_like(kernel)
    if _use_winograd(kernel.shape, window, kernel.shape[2]):
        return winograd.kernel_gradient(x, dy, kernel.shape, window[1])
    return direct.kernel_gradient(x, dy, kernel.shape, *window)


def conv2d_transpose_forward(x, kernel, bias=None, strides=(1, 1), padding="valid", dilation=(1, 1)):
    """Return (y, cache): x (N, H, W, C), kernel (kh, kw, K, C) -> y (N, OH, OW, K)."""
    x, kernel, bias = prepare(x, kernel, bias)
    window = tuple(strides), padding, tuple(dilation)
    size = geometry.transposed_lengths(x.shape[1:3], kernel.shape[:2], *window)
    y = _input_gradient(x, kernel, (len(x), *size, kernel.shape[2]), window)
    if bias is not None:
        y += bias
    return y, (x, kernel, bias is not None, window)


def conv2d_transpose_backward(dy, cache, need_dx=True):
    """Return (dx, dkernel, dbias), as :func:`conv2d_backward`."""
    x, kernel, has_bias, window = cache
    dy = prepare(dy.astype(x.dtype, copy=False))
    dx = _products(dy, kernel, None, window) if need_dx else None
    return dx, _kernel_gradient(dy, x, kernel, window), sum_rows(dy) if has_bias else None


def depthwise_conv2d_forward(x, kernel, bias=None, strides=(1, 1), padding="valid", dilation=(1, 1)):
    """Return (y, cache): each channel with its own M kernels (kh, kw, C, M) -> y (N, OH, OW, C·M)."""
    x, kernel, bias = prepare(x, kernel, bias)
    window = tuple(strides), padding, tuple(dilation)
    return depthwise.forward(x, kernel, bias, *window), (x, kernel, bias is not None, window)


def depthwise_conv2d_backward(dy, cache, need_dx=True):
    """Return (dx, dkernel, dbias), as :func:`conv2d_backward`."""
    x, kernel, has_bias, window = cache
    dy = prepare(dy.astype(x.dtype, copy=False))
    dkernel = depthwise.kernel_gradient(x, dy, kernel.shape, *window)
    dx = depthwise.input_gradient(dy, kernel, x.shape, *window) if need_dx else None
    return dx, dkernel, sum_rows(dy) if has_bias else None

"""Convolution: which machine for which geometry.

The equations are those of minicnn/ops/reference/convolution.py.
"""

from minicnn.ops import geometry
from minicnn.ops.kernels import depthwise, direct, winograd
from minicnn.ops.kernels.matmul import sum_rows
from minicnn.ops.kernels.parallel import prepare

__all__ = ["conv2d_backward", "conv2d_forward", "depthwise_conv2d_backward", "depthwise_conv2d_forward"]


def _winograd_suits(kernel_shape, strides, dilation, rows, columns):
    """Tell whether F(m, 3) beats the direct tile: 3×3, stride 1, and enough channels to be worth the transforms."""
    kh, kw, channels, filters = kernel_shape
    plain = (kh, kw) == (3, 3) and strides == (1, 1) and dilation == (1, 1)
    return plain and channels >= 16 and filters >= 16 and min(rows.out, columns.out) >= 3


def conv2d_forward(x, kernel, bias=None, strides=(1, 1), padding="valid", dilation=(1, 1)):
    """Return (y, cache): x (N, H, W, C), kernel (kh, kw, C, K), bias (K,) or None -> y (N, OH, OW, K)."""
    x, kernel, bias = prepare(x, kernel, bias)
    window = tuple(strides), padding, tuple(dilation)
    rows, columns = geometry.axes(*x.shape[1:3], kernel.shape[:2], *window)
    if _winograd_suits(kernel.shape, window[0], window[2], rows, columns):
        y = winograd.forward(x, kernel, bias, rows, columns)
    else:
        y = direct.forward(x, kernel, bias, *window)
    return y, (x, kernel, bias is not None, window)


def conv2d_backward(dy, cache, need_dx=True):
    """Return (dx, dkernel, dbias): dx is None without ``need_dx``, dbias is None when there was no bias."""
    x, _, has_bias, _ = cache
    dy = prepare(dy.astype(x.dtype, copy=False))
    dx = input_gradient(dy, cache) if need_dx else None
    return dx, kernel_gradient(dy, cache), sum_rows(dy) if has_bias else None


def input_gradient(dy, cache):
    """Return dx alone."""
    x, kernel, _, window = cache
    rows, columns = geometry.axes(*x.shape[1:3], kernel.shape[:2], *window)
    if _winograd_suits(kernel.shape, window[0], window[2], rows, columns):
        return winograd.input_gradient(dy, kernel, x.shape, rows, columns)
    return direct.input_gradient(dy, kernel, x.shape, *window)


def kernel_gradient(dy, cache):
    """Return dkernel alone."""
    x, kernel, _, window = cache
    rows, columns = geometry.axes(*x.shape[1:3], kernel.shape[:2], *window)
    if _winograd_suits(kernel.shape, window[0], window[2], rows, columns):
        return winograd.kernel_gradient(x, dy, kernel.shape, rows, columns)
    return direct.kernel_gradient(x, dy, kernel.shape, *window)


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

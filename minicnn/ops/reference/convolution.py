"""Convolution, by its definition. (Strictly it is cross-correlation; every library says convolution.)

    y[n,i,j,k] = bias[k] + Σ_a Σ_b Σ_c  xp[n, i·s + a·d, j·s + b·d, c] · kernel[a,b,c,k]

with stride s, dilation d and xp the zero-padded input. Each y is a sum of products. So the gradient of each
factor is dy times the other factor, summed over all y that use this factor:

    dbias[k]         = Σ_n Σ_i Σ_j  dy[n,i,j,k]
    dkernel[a,b,c,k] = Σ_n Σ_i Σ_j  xp[n, i·s + a·d, j·s + b·d, c] · dy[n,i,j,k]
    dx_padded[n, i·s + a·d, j·s + b·d, c] += Σ_k  dy[n,i,j,k] · kernel[a,b,c,k]

Then dx is dx_padded without the padding. For s = d = 1, the last line is itself a convolution of dy with the
kernel rotated by 180° and its channels swapped.

Shapes: x (N, H, W, C), kernel (kh, kw, C, K), bias (K,) or None, y (N, OH, OW, K).

**Transposed convolution** goes from small maps to large ones: its y is the dx of a convolution whose dy is x.
So its dx is that convolution's forward pass, of dy, and its dkernel is that convolution's, with x and dy in
each other's place. Shapes: x (N, H, W, C), kernel (kh, kw, K, C), y (N, OH, OW, K).
"""

import numpy as np

from minicnn.ops import geometry
from minicnn.ops.reference.windows import Windows
from minicnn.ops.types import Array, ArrayOrNone, Cache, Pair

__all__ = [
    "conv2d_backward",
    "conv2d_forward",
    "conv2d_transpose_backward",
    "conv2d_transpose_forward",
    "depthwise_conv2d_backward",
    "depthwise_conv2d_forward",
]


def conv2d_forward(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    strides: Pair = (1, 1),
    padding: str = "valid",
    dilation: Pair = (1, 1),
) -> tuple[Array, Cache]:
    """Return (y, cache); see the module's equations."""
    windows = Windows(x.shape, kernel.shape[:2], strides, padding, dilation)
    xp = windows.pad(x)  # (N, H + pads, W + pads, C)
    y = _products(xp, kernel, windows)
    if bias is not None:
        y = y + bias
    return y, (xp, kernel, bias is not None, windows)


def conv2d_backward(dy: Array, cache: Cache, need_dx: bool = True) -> tuple[ArrayOrNone, Array, ArrayOrNone]:
    """Return (dx, dkernel, dbias): dx is None without ``need_dx``, dbias is None when there was no bias."""
    xp, kernel, has_bias, windows = cache
    dx = _input_gradient(dy, kernel, windows) if need_dx else None
    dbias = dy.sum(axis=(0, 1, 2)) if has_bias else None
    return dx, _kernel_gradient(xp, dy, windows), dbias


def _products(xp: Array, kernel: Array, windows: Windows) -> Array:
    """Return y (N, OH, OW, K), without bias."""
    # (N,OH,OW,C) @ (C,K) -> (N,OH,OW,K)
    y: Array = sum(xp[index] @ kernel[a, b] for a, b, index in windows.entries())
    return y


def _input_gradient(dy: Array, kernel: Array, windows: Windows) -> Array:
    """Return dx (N, H, W, C)."""
    dx_padded = np.zeros(windows.padded_shape, np.result_type(kernel, dy))
    for a, b, index in windows.entries():
        dx_padded[index] += dy @ kernel[a, b].T  # (N,OH,OW,K) @ (K,C); += because windows overlap
    return windows.crop(dx_padded)


def _kernel_gradient(xp: Array, dy: Array, windows: Windows) -> Array:
    """Return dkernel (kh, kw, C, K)."""
    dkernel = np.empty((*windows.size, xp.shape[3], dy.shape[3]), np.result_type(xp, dy))
    for a, b, index in windows.entries():
        dkernel[a, b] = np.tensordot(xp[index], dy, axes=([0, 1, 2], [0, 1, 2]))  # (C, K)
    return dkernel


def conv2d_transpose_forward(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    strides: Pair = (1, 1),
    padding: str = "valid",
    dilation: Pair = (1, 1),
) -> tuple[Array, Cache]:
    """Return (y, cache): x (N, H, W, C), kernel (kh, kw, K, C) -> y (N, OH, OW, K), larger by the strides."""
    height, width = geometry.transposed_lengths(x.shape[1:3], kernel.shape[:2], strides, padding, dilation)
    windows = Windows((len(x), height, width, kernel.shape[2]), kernel.shape[:2], strides, padding, dilation)
    y = _input_gradient(x, kernel, windows)
    if bias is not None:
        y = y + bias
    return y, (x, kernel, bias is not None, windows)


def conv2d_transpose_backward(
    dy: Array, cache: Cache, need_dx: bool = True
) -> tuple[ArrayOrNone, Array, ArrayOrNone]:
    """Return (dx, dkernel, dbias), as :func:`conv2d_backward`."""
    x, kernel, has_bias, windows = cache
    dyp = windows.pad(dy)
    dx = _products(dyp, kernel, windows) if need_dx else None
    dbias = dy.sum(axis=(0, 1, 2)) if has_bias else None
    return dx, _kernel_gradient(dyp, x, windows), dbias


def depthwise_conv2d_forward(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    strides: Pair = (1, 1),
    padding: str = "valid",
    dilation: Pair = (1, 1),
) -> tuple[Array, Cache]:
    """Convolve each channel with its own M kernels: x (N,H,W,C), kernel
    (kh,kw,C,M) -> y (N,OH,OW,C·M), cache.

    y[n,i,j,c·M + m] = bias[c·M + m] + Σ_a Σ_b xp[n, i·s + a·d, j·s + b·d, c] · kernel[a,b,c,m]
    """
    windows = Windows(x.shape, kernel.shape[:2], strides, padding, dilation)
    xp = windows.pad(x)
    y = sum(xp[index][..., None] * kernel[a, b] for a, b, index in windows.entries())  # (N,OH,OW,C,M)
    y = y.reshape(*y.shape[:3], -1)  # (N,OH,OW,C·M)
    if bias is not None:
        y = y + bias
    return y, (xp, kernel, bias is not None, windows)


def depthwise_conv2d_backward(
    dy: Array, cache: Cache, need_dx: bool = True
) -> tuple[ArrayOrNone, Array, ArrayOrNone]:
    """Return (dx, dkernel, dbias), as :func:`conv2d_backward`."""
    xp, kernel, has_bias, windows = cache
    _, _, channels, multiplier = kernel.shape
    dbias = dy.sum(axis=(0, 1, 2)) if has_bias else None
    dy = dy.reshape(*dy.shape[:3], channels, multiplier)
    dkernel = np.empty(kernel.shape, np.result_type(xp, dy))
    dx_padded = np.zeros(xp.shape, np.result_type(kernel, dy))
    for a, b, index in windows.entries():
        dkernel[a, b] = np.einsum("nijc,nijcm->cm", xp[index], dy)
        if need_dx:
            dx_padded[index] += np.einsum("nijcm,cm->nijc", dy, kernel[a, b])
    dx = windows.crop(dx_padded) if need_dx else None
    return dx, dkernel, dbias

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
"""

import numpy as np

from minicnn.ops.reference.windows import Windows
from minicnn.ops.types import Array, ArrayOrNone, Cache, Pair

__all__ = [
    "conv2d_backward",
    "conv2d_forward",
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
    # (N,OH,OW,C) @ (C,K) -> (N,OH,OW,K)
    y = sum(xp[index] @ kernel[a, b] for a, b, index in windows.entries())
    if bias is not None:
        y = y + bias
    return y, (xp, kernel, bias is not None, windows)


def conv2d_backward(dy: Array, cache: Cache, need_dx: bool = True) -> tuple[ArrayOrNone, Array, ArrayOrNone]:
    """Return (dx, dkernel, dbias): dx is None without ``need_dx``, dbias is None when there was no bias."""
    xp, kernel, has_bias, windows = cache
    dkernel = np.empty(kernel.shape, np.result_type(xp, dy))
    dx_padded = np.zeros(xp.shape, np.result_type(kernel, dy))
    for a, b, index in windows.entries():
        dkernel[a, b] = np.tensordot(xp[index], dy, axes=([0, 1, 2], [0, 1, 2]))  # (C, K)
        if need_dx:
            dx_padded[index] += dy @ kernel[a, b].T  # (N,OH,OW,K) @ (K,C); += because windows overlap
    dx = windows.crop(dx_padded) if need_dx else None
    dbias = dy.sum(axis=(0, 1, 2)) if has_bias else None
    return dx, dkernel, dbias


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

"""Convolution: its backward pass, one gradient at a time. The forward pass is given.

    x (N, H, W, C)   kernel (kh, kw, C, K)   bias (K,)   y (N, OH, OW, K)        K filters

    xp is x with `padding` rows and columns of zeros on each side. Window (i, j) of xp begins at row i · stride and
    column j · stride; its pixels are `dilation` apart: entry (a, b) is pixel (i·stride + a·dilation, …).
    y[n, {i, j, k|k, i, j}] = bias[k] + Σ over a, b and c of the window's entry ({a, b, c|c, a, b}) times kernel[{a, b, c, k|k, c, a, b}]

An example, one row, one channel, one filter: x = [1, 2, 3], kernel = [10, 100], bias = [0] gives y = [210, 320].
With dy = [1, 2]: dbias = [3], dkernel = [1·1 + 2·2, 2·1 + 3·2] = [5, 8], dx = [10, 100 + 20, 200] = [10, 120, 200].
Write dbias first, then check; then dkernel; then dx, at first for stride 1 without padding.
"""

import numpy as np

from minicnn.exercises.rungs import Rung, gradient

PAGE = "docs/backprop/convolution.md"


def conv2d_forward(x, kernel, bias, stride=1, padding=0, dilation=1):
    """Return y, and what the backward pass needs. This is right already."""
    kh, kw, _, filters = kernel.shape  # nchw: filters, _, kh, kw = kernel.shape
    sides = (padding, padding)
    xp = np.pad(x, ((0, 0), sides, sides, (0, 0)))  # nchw: xp = np.pad(x, ((0, 0), (0, 0), sides, sides))
    n, h, w, _ = xp.shape  # nchw: n, _, h, w = xp.shape
    oh = (h - (kh - 1) * dilation - 1) // stride + 1
    ow = (w - (kw - 1) * dilation - 1) // stride + 1
    y = np.zeros((n, oh, ow, filters), dtype=x.dtype)  # nchw: y = np.zeros((n, filters, oh, ow), dtype=x.dtype)
    for i in range(oh):
        for j in range(ow):
            rows = slice(i * stride, i * stride + (kh - 1) * dilation + 1, dilation)
            columns = slice(j * stride, j * stride + (kw - 1) * dilation + 1, dilation)
            window = xp[:, rows, columns]  # nchw: window = xp[:, :, rows, columns]
            # the three axes of a window, (kh, kw, C) or (C, kh, kw), times those of each filter
            y[:, i, j] = (np.tensordot(window, kernel, 3) + bias)  # nchw: y[:, :, i, j] = np.tensordot(window, kernel, ((1, 2, 3), (1, 2, 3))) + bias
    return y, (x, xp, kernel, stride, padding, dilation)


def conv2d_backward(dy, cache):
    """Return dx, dkernel, dbias."""
    x, xp, kernel, stride, padding, dilation = cache
    kh, kw = kernel.shape[:2]  # nchw: kh, kw = kernel.shape[2:]
    oh, ow = dy.shape[1:3]  # nchw: oh, ow = dy.shape[2:]
    # your code: dbias
    dbias = dy.sum(axis=(0, 1, 2))  # nchw: dbias = dy.sum(axis=(0, 2, 3))
    # your code: dkernel
    dkernel = np.zeros_like(kernel)
    for i in range(oh):
        for j in range(ow):
            rows = slice(i * stride, i * stride + (kh - 1) * dilation + 1, dilation)
            columns = slice(j * stride, j * stride + (kw - 1) * dilation + 1, dilation)
            window = xp[:, rows, columns]  # nchw: window = xp[:, :, rows, columns]
            at = dy[:, i, j]  # nchw: at = dy[:, :, i, j]
            dkernel += np.tensordot(window, at, (0, 0))  # nchw: dkernel += np.tensordot(at, window, (0, 0))
    # your code: dx
    dx_padded = np.zeros_like(xp)
    for i in range(oh):
        for j in range(ow):
            rows = slice(i * stride, i * stride + (kh - 1) * dilation + 1, dilation)
            columns = slice(j * stride, j * stride + (kw - 1) * dilation + 1, dilation)
            at = dy[:, i, j]  # nchw: at = dy[:, :, i, j]
            dx_padded[:, rows, columns] += np.tensordot(at, kernel, (1, 3))  # nchw: dx_padded[:, :, rows, columns] += np.tensordot(at, kernel, (1, 0))
    h, w = x.shape[1:3]  # nchw: h, w = x.shape[2:]
    inner = slice(padding, padding + h), slice(padding, padding + w)
    dx = dx_padded[:, *inner]  # nchw: dx = dx_padded[:, :, *inner]
    return dx, dkernel, dbias


def _arrays(h, w, kh, kw):
    return {"x": (2, h, w, 2), "kernel": (kh, kw, 2, 3), "bias": (3,)}


RUNGS = (
    Rung("dbias", "the sum over samples, rows and columns",
         gradient("conv2d", "bias", _arrays(4, 5, 2, 3)),
         "bias[k] is in every y of channel k. What does a number get that is used many times?",
         "the sum of dy over all axes but the channel's: np.sum takes several axes, axis=(…, …, …)"),
    Rung("dkernel", "stride 1, no padding",
         gradient("conv2d", "kernel", _arrays(4, 5, 2, 3)),
         "kernel[{a, b, c, k|k, c, a, b}] is used in every window, there multiplied by the pixel ({a, b, c|c, a, b}). "
         "Begin with one window",
         "loop over the windows, as in the forward pass: each adds window[n, {a, b, c|c, a, b}] · dy[n, {i, j, k|k, i, j}], "
         "summed over the samples n. np.tensordot sums over one axis of each, here the samples: "
         "{np.tensordot(window, dy[:, i, j], (0, 0))|np.tensordot(dy[:, :, i, j], window, (0, 0))} has the kernel's shape"),
    Rung("dx", "stride 1, no padding",
         gradient("conv2d", "x", _arrays(4, 5, 2, 3)),
         "y[n, {i, j, k|k, i, j}] reads the pixels of its window, pixel ({a, b, c|c, a, b}) with the factor "
         "kernel[{a, b, c, k|k, c, a, b}]",
         "begin with zeros of the shape of xp. Each window (i, j) adds the sum over k of dy[n, {i, j, k|k, i, j}] · "
         "kernel[{…, k|k, …}] to the same pixels that it read in the forward pass: +=, since windows overlap. "
         "{np.tensordot(dy[:, i, j], kernel, (1, 3))|np.tensordot(dy[:, :, i, j], kernel, (1, 0))} is this sum"),
    Rung("padding: dkernel", "windows of the padded map",
         gradient("conv2d", "kernel", _arrays(4, 5, 3, 3), padding=1),
         "which map did the windows read, x or xp?",
         "take the windows from xp. And dx: collect it in zeros of the shape of xp; the next rung is about its border"),
    Rung("padding", "a border of zeros",
         gradient("conv2d", "x", _arrays(4, 5, 3, 3), padding=2),
         "the border is no part of x. What becomes of its gradient?",
         "collect dx_padded for xp, with the indices of the forward pass, then crop: "
         "dx_padded[{|:, }:, padding : padding + H, padding : padding + W]"),
    Rung("stride", "windows two pixels apart",
         gradient("conv2d", "x", _arrays(6, 5, 3, 2), stride=2),
         "where does window (i, j) begin? And the last rows may be in no window: their gradient is 0",
         "rows i·stride to i·stride + kh, as in the forward pass; dx keeps the shape of x"),
    Rung("stride: dkernel", "the same for dkernel",
         gradient("conv2d", "kernel", _arrays(6, 5, 3, 2), stride=2, padding=1),
         "as for dx",
         "the windows are those of the forward pass"),
    Rung("dilation", "the kernel's entries lie apart",
         gradient("conv2d", "x", _arrays(5, 6, 3, 2), dilation=2),
         "entry (a, b) of the kernel reads pixel (i·stride + a·dilation, j·stride + b·dilation)",
         "slice(start, stop, dilation): the slices of the forward pass"),
    Rung("dilation: dkernel", "the same for dkernel",
         gradient("conv2d", "kernel", _arrays(7, 6, 3, 2), dilation=3, stride=2, padding=1),
         "as for dx",
         "the windows are those of the forward pass"),
    Rung("all", "padding, stride and dilation together",
         gradient("conv2d", "x", _arrays(7, 6, 3, 2), dilation=3, stride=2, padding=1),
         "each of them by itself is right; are all three in the same slices?",
         "use the rows and columns of conv2d_forward as they stand there"),
)

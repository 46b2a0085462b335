# ruff: noqa: RUF059 — people unpack the whole cache
"""Convolutions without loops, with a slip in their backward pass."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.minicnn.gradient_check.students import conv_vectors as vectors
from tests.minicnn.gradient_check.students.conv_faulty import naive_with
from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, of_class


@faulty("im2col, bias summed over batch and places but not kept", vectors.conv_forward_im2col, ["shape"])
def im2col_bias(dout, cache):
    dx, dw, db = vectors.conv_backward_im2col(dout, cache)
    return dx, dw, np.sum(dout, axis=(0, 2))


@faulty("im2col, stride forgotten in col2im", vectors.conv_forward_im2col, ["stride"])
def im2col_stride(dout, cache):
    dx, dw, db = vectors.conv_backward_im2col(dout, cache)
    return naive_with(dout, cache[:5], 1, 1)[0], dw, db


@faulty(
    "im2col, x[...] += cols for np.add.at",
    vectors.conv_forward_im2col,
    ["add.at", "+=", "overwrit", "last", "assign"],
)
def im2col_add_at(dout, cache):
    x, w, b, stride, pad, x_cols = cache
    _, dw, db = vectors.conv_backward_im2col(dout, cache)
    N, C, H, W = x.shape
    d = dout.transpose(1, 2, 3, 0).reshape(len(w), -1)
    cols = w.reshape(len(w), -1).T.dot(d).reshape(C * 9, -1, N).transpose(2, 0, 1)
    padded = np.zeros((N, C, H + 2, W + 2))
    k, i, j = vectors.get_im2col_indices(x.shape, 3, 3, 1, stride)
    padded[:, k, i, j] += cols
    return padded[:, :, 1:-1, 1:-1], dw, db


class ReshapedTransposed(vectors.Convolution):
    """dW is reshaped where it should be transposed first."""

    def backward(self, dout):
        dx = super().backward(dout)
        rows = dout.transpose(0, 2, 3, 1).reshape(-1, len(self.W))
        self.dW = np.dot(self.col.T, rows).reshape(self.W.shape)
        return dx


class ReshapedDout(vectors.Convolution):
    """dout is NCHW: reshape(-1, F) mixes filters and places."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.dW = (self.col.T @ dout.reshape(-1, len(self.W))).T.reshape(self.W.shape)
        return dx


faulty_pair(
    "conv2d class, dW reshaped without the transpose",
    of_class(ReshapedTransposed, *vectors.PARTS),
    "F.conv2d(x, w, b)",
    ["transpos", "reshape"],
    **vectors.CONV,
)
faulty_pair(
    "conv2d class, dout reshaped without the transpose",
    of_class(ReshapedDout, *vectors.PARTS),
    "F.conv2d(x, w, b)",
    ["transpos", "reshape"],
    **vectors.CONV,
)


@faulty("conv windows, kernel not rotated", vectors.conv_windows, ["rotat", "flip", "180", "revers"])
def windows_not_rotated(dy, cache):
    x, w = cache
    kh, kw = w.shape[2:]
    _, dw = vectors.conv_windows_backward(dy, cache)
    padded = np.pad(dy, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    full = sliding_window_view(padded, (kh, kw), axis=(2, 3))
    return np.einsum("nfhwij,fcij->nchw", full, w), dw


@faulty(
    "conv windows, only the rows of the kernel reversed", vectors.conv_windows, ["rotat", "flip", "revers"]
)
def windows_half_rotated(dy, cache):
    x, w = cache
    kh, kw = w.shape[2:]
    _, dw = vectors.conv_windows_backward(dy, cache)
    padded = np.pad(dy, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    full = sliding_window_view(padded, (kh, kw), axis=(2, 3))
    return np.einsum("nfhwij,fcij->nchw", full, w[:, :, ::-1]), dw


@faulty("FFT convolution, dk comes out reversed", vectors.conv_fft, ["rotat", "flip", "180", "revers"])
def fft_reversed(dy, cache):
    dx, dk = vectors.conv_fft_backward(dy, cache)
    return dx, dk[::-1, ::-1]


@faulty(
    "conv NHWC same, dx moved by the padding", vectors.conv_same_nhwc, ["padding", "crop", "shift", "moved"]
)
def same_moved(dy, cache):
    xp, w = cache
    _, h, wd, _ = dy.shape
    dxp = np.zeros_like(xp)
    for i, j in np.ndindex(3, 3):
        dxp[:, i : i + h, j : j + wd] += dy @ w[i, j].T
    return dxp[:, 2:, 2:], vectors.conv_same_nhwc_backward(dy, cache)[1]


@faulty("1x1 convolution, w not transposed into dx", vectors.pointwise, None)
def pointwise_wrong(dout, cache):
    x, w = cache
    dx = np.einsum("nfhw,fc->nchw", np.roll(dout, 1, axis=1), w)
    return dx, np.einsum("nfhw,nchw->fc", dout, x), dout.sum((0, 2, 3))


@faulty("transposed convolution, stride forgotten", vectors.conv_transpose, ["stride"])
def transpose_stride(dy, cache):
    x, w, s = cache
    windows = sliding_window_view(dy, w.shape[2:], axis=(2, 3))[:, :, : x.shape[2], : x.shape[3]]
    dw = vectors.conv_transpose_backward(dy, cache)[1]
    return np.einsum("nfhwab,cfab->nchw", windows, w), dw

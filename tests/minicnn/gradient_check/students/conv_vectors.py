# ruff: noqa: RUF059 — people unpack the whole cache
"""Convolutions without loops: im2col, strided windows, einsum, FFT; transposed, 1×1."""

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from tests.minicnn.gradient_check.students.corpus import of_class, op, right, right_pair


def get_im2col_indices(x_shape, field_height, field_width, padding=1, stride=1):
    _, C, H, W = x_shape
    out_height = (H + 2 * padding - field_height) // stride + 1
    out_width = (W + 2 * padding - field_width) // stride + 1
    i0 = np.tile(np.repeat(np.arange(field_height), field_width), C)
    i1 = stride * np.repeat(np.arange(out_height), out_width)
    j0 = np.tile(np.arange(field_width), field_height * C)
    j1 = stride * np.tile(np.arange(out_width), out_height)
    i = i0.reshape(-1, 1) + i1.reshape(1, -1)
    j = j0.reshape(-1, 1) + j1.reshape(1, -1)
    k = np.repeat(np.arange(C), field_height * field_width).reshape(-1, 1)
    return k, i, j


def im2col_indices(x, field_height, field_width, padding=1, stride=1):
    p = padding
    x_padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode="constant")
    k, i, j = get_im2col_indices(x.shape, field_height, field_width, padding, stride)
    cols = x_padded[:, k, i, j]
    return cols.transpose(1, 2, 0).reshape(field_height * field_width * x.shape[1], -1)


def col2im_indices(cols, x_shape, field_height=3, field_width=3, padding=1, stride=1):
    N, C, H, W = x_shape
    x_padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=cols.dtype)
    k, i, j = get_im2col_indices(x_shape, field_height, field_width, padding, stride)
    cols_reshaped = cols.reshape(C * field_height * field_width, -1, N).transpose(2, 0, 1)
    np.add.at(x_padded, (slice(None), k, i, j), cols_reshaped)
    return x_padded if padding == 0 else x_padded[:, :, padding:-padding, padding:-padding]


@op("F.conv2d(x, w, b, stride=2, padding=1)", x=(2, 3, 5, 7), w=(4, 3, 3, 3), b=(4,))
def conv_forward_im2col(x, w, b, stride=2, pad=1):
    n, f = x.shape[0], w.shape[0]
    h_out = (x.shape[2] + 2 * pad - w.shape[2]) // stride + 1
    w_out = (x.shape[3] + 2 * pad - w.shape[3]) // stride + 1
    x_cols = im2col_indices(x, w.shape[2], w.shape[3], pad, stride)
    res = w.reshape((f, -1)).dot(x_cols) + b.reshape(-1, 1)
    out = res.reshape(f, h_out, w_out, n).transpose(3, 0, 1, 2)
    return out, (x, w, b, stride, pad, x_cols)


@right("conv2d, im2col of CS231n, np.add.at", conv_forward_im2col)
def conv_backward_im2col(dout, cache):
    x, w, b, stride, pad, x_cols = cache
    db = np.sum(dout, axis=(0, 2, 3))
    num_filters, _, fh, fw = w.shape
    dout_reshaped = dout.transpose(1, 2, 3, 0).reshape(num_filters, -1)
    dw = dout_reshaped.dot(x_cols.T).reshape(w.shape)
    dx_cols = w.reshape(num_filters, -1).T.dot(dout_reshaped)
    return col2im_indices(dx_cols, x.shape, fh, fw, pad, stride), dw, db


class Convolution:
    """The layer of "Deep Learning from Scratch", stride 1, no padding."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def im2col(self, x):
        N, C, H, W = x.shape
        fh, fw = self.W.shape[2:]
        oh, ow = H - fh + 1, W - fw + 1
        col = np.zeros((N, C, fh, fw, oh, ow), dtype=x.dtype)
        for y in range(fh):
            for z in range(fw):
                col[:, :, y, z] = x[:, :, y : y + oh, z : z + ow]
        return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * oh * ow, -1), oh, ow

    def col2im(self, dcol, oh, ow):
        N, C, H, W = self.x.shape
        fh, fw = self.W.shape[2:]
        dcol = dcol.reshape(N, oh, ow, C, fh, fw).transpose(0, 3, 4, 5, 1, 2)
        img = np.zeros((N, C, H, W))
        for y in range(fh):
            for z in range(fw):
                img[:, :, y : y + oh, z : z + ow] += dcol[:, :, y, z]
        return img

    def forward(self, x):
        self.x = x
        self.col, oh, ow = self.im2col(x)
        self.col_W = self.W.reshape(len(self.W), -1).T
        return (self.col @ self.col_W + self.b).reshape(len(x), oh, ow, -1).transpose(0, 3, 1, 2)

    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        oh, ow = dout.shape[2:]
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = np.dot(self.col.T, dout).transpose(1, 0).reshape(FN, C, FH, FW)
        return self.col2im(np.dot(dout, self.col_W.T), oh, ow)


CONV = {"x": (2, 3, 4, 5), "w": (4, 3, 2, 3), "b": (4,)}
PARTS = (["w", "b"], ["dW", "db"])
right_pair("conv2d, class with im2col", of_class(Convolution, *PARTS), "F.conv2d(x, w, b)", **CONV)


@op("F.conv2d(x, w)", x=(2, 2, 5, 4), w=(3, 2, 3, 2))
def conv_windows(x, w):
    windows = sliding_window_view(x, w.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,fcij->nfhw", windows, w), (x, w)


@right("conv2d, sliding_window_view and einsum", conv_windows)
def conv_windows_backward(dy, cache):
    x, w = cache
    kh, kw = w.shape[2:]
    dw = np.einsum("nchwij,nfhw->fcij", sliding_window_view(x, (kh, kw), axis=(2, 3)), dy)
    padded = np.pad(dy, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    full = sliding_window_view(padded, (kh, kw), axis=(2, 3))
    return np.einsum("nfhwij,fcij->nchw", full, w[:, :, ::-1, ::-1]), dw


@op("F.conv2d(x, w, stride=2)", x=(2, 2, 5, 7), w=(3, 2, 3, 3))
def conv_strided(x, w, stride=2):
    n, c, h, wd = x.shape
    k = w.shape[2]
    oh, ow = (h - k) // stride + 1, (wd - k) // stride + 1
    sn, sc, sh, sw = x.strides
    view = as_strided(x, (n, c, oh, ow, k, k), (sn, sc, stride * sh, stride * sw, sh, sw))
    return np.tensordot(view, w, axes=([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2), (
        x.shape,
        w,
        view,
        stride,
    )


@right("conv2d, as_strided and tensordot, stride 2", conv_strided)
def conv_strided_backward(dy, cache):
    shape, w, view, stride = cache
    dw = np.tensordot(dy, view, axes=([0, 2, 3], [0, 2, 3]))
    dviews = np.tensordot(dy, w, axes=(1, 0))  # n, oh, ow, c, k, k
    dx = np.zeros(shape)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            top, left = i * stride, j * stride
            dx[:, :, top : top + w.shape[2], left : left + w.shape[3]] += dviews[:, i, j]
    return dx, dw


@right("conv2d, stride 2, dy spread out with zeros", conv_strided)
def conv_strided_spread(dy, cache):
    shape, w, view, s = cache
    k = w.shape[2]
    spread = np.zeros((dy.shape[0], dy.shape[1], shape[2] - k + 1, shape[3] - k + 1))
    spread[:, :, ::s, ::s] = dy
    padded = np.pad(spread, ((0, 0), (0, 0), (k - 1, k - 1), (k - 1, k - 1)))
    windows = sliding_window_view(padded, (k, k), axis=(2, 3))
    dx = np.einsum("nfhwij,fcij->nchw", windows, np.flip(w, (2, 3)))
    return dx, np.einsum("nfhw,nchwij->fcij", dy, view)


@op("F.conv2d(x[:, None], k[None, None])[:, 0]", x=(2, 5, 6), k=(3, 2))
def conv_fft(x, k):
    shape = (x.shape[1] + k.shape[0] - 1, x.shape[2] + k.shape[1] - 1)
    product = np.fft.rfft2(x, shape) * np.fft.rfft2(k[::-1, ::-1], shape)
    full = np.fft.irfft2(product, shape)
    return full[:, k.shape[0] - 1 : x.shape[1], k.shape[1] - 1 : x.shape[2]], (x, k)


@right("conv2d by FFT, real transforms", conv_fft)
def conv_fft_backward(dy, cache):
    x, k = cache
    dx = np.fft.irfft2(np.fft.rfft2(dy, x.shape[1:]) * np.fft.rfft2(k, x.shape[1:]), x.shape[1:])
    dk = sum(
        np.array(
            [[np.sum(a[i : i + d.shape[0], j : j + d.shape[1]] * d) for j in range(2)] for i in range(3)]
        )
        for a, d in zip(x, dy)
    )
    return dx, dk


@op("nhwc(F.conv2d(nchw(x), w.permute(3, 2, 0, 1), padding='same'))", x=(2, 4, 3, 2), w=(3, 3, 2, 4))
def conv_same_nhwc(x, w):
    xp = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    n, h, wd, c = x.shape
    y = np.zeros((n, h, wd, w.shape[-1]), dtype=x.dtype)
    for i in range(3):
        for j in range(3):
            y += xp[:, i : i + h, j : j + wd] @ w[i, j]
    return y, (xp, w)


@right("conv2d, NHWC, same, one product for each kernel entry", conv_same_nhwc)
def conv_same_nhwc_backward(dy, cache):
    xp, w = cache
    _, h, wd, _ = dy.shape
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(3):
        for j in range(3):
            dxp[:, i : i + h, j : j + wd] += dy @ w[i, j].T
            dw[i, j] = np.tensordot(xp[:, i : i + h, j : j + wd], dy, axes=([0, 1, 2], [0, 1, 2]))
    return dxp[:, 1:-1, 1:-1], dw


@op("F.conv2d(x, w[:, :, None, None], b)", x=(2, 3, 2, 3), w=(4, 3), b=(4,))
def pointwise(x, w, b):
    return np.einsum("nchw,fc->nfhw", x, w, optimize=True) + b[None, :, None, None], (x, w)


@right("1x1 convolution, einsum", pointwise)
def pointwise_backward(dout, cache):
    x, w = cache
    return np.einsum("nfhw,fc->nchw", dout, w), np.einsum("nfhw,nchw->fc", dout, x), dout.sum((0, 2, 3))


@op("F.conv_transpose2d(x, w, stride=2)", x=(2, 2, 3, 2), w=(2, 3, 3, 3))
def conv_transpose(x, w, s=2):
    n, _, h, wd = x.shape
    k = w.shape[2]
    y = np.zeros((n, w.shape[1], (h - 1) * s + k, (wd - 1) * s + k), dtype=x.dtype)
    for i in range(h):
        for j in range(wd):
            y[:, :, i * s : i * s + k, j * s : j * s + k] += np.einsum("nc,cfab->nfab", x[:, :, i, j], w)
    return y, (x, w, s)


@right("transposed convolution, stride 2, overlapping", conv_transpose)
def conv_transpose_backward(dy, cache):
    x, w, s = cache
    k = w.shape[2]
    windows = sliding_window_view(dy, (k, k), axis=(2, 3))[:, :, ::s, ::s]
    return np.einsum("nfhwab,cfab->nchw", windows, w), np.einsum("nfhwab,nchw->cfab", windows, x)


@op("F.conv2d(x[None, None], k[None, None])[0, 0]", x=(4, 4), k=(3, 3))
def conv_as_matrix(x, k):
    """Write the convolution as one sparse matrix, a Toeplitz matrix of the kernel."""
    rows = []
    for i in range(2):
        for j in range(2):
            row = np.zeros((4, 4), dtype=k.dtype)
            row[i : i + 3, j : j + 3] = k
            rows.append(row.ravel())
    M = np.array(rows)
    return (M @ x.ravel()).reshape(2, 2), (M, x)


@right("conv2d as a Toeplitz matrix", conv_as_matrix)
def conv_as_matrix_backward(dy, cache):
    M, x = cache
    dM = np.outer(dy.ravel(), x.ravel()).reshape(2, 2, 4, 4)
    dk = sum(dM[i, j, i : i + 3, j : j + 3] for i in range(2) for j in range(2))
    return (M.T @ dy.ravel()).reshape(4, 4), dk

# ruff: noqa: RUF059 — people unpack the whole cache
"""Convolution, pooling and resizing: FFT, strided views, MATLAB's order, named axes, scatter; right and wrong."""

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from tests.minicnn.gradient_check.students.corpus import faulty, op, right

# ---- engineers: linear convolution of signals by FFT


@op("F.conv1d(x, h.flip(1)[:, None], padding=2, groups=3)", x=(2, 3, 7), h=(3, 3))
def fft_filter(x, h):
    L = x.shape[-1] + h.shape[-1] - 1
    X, H = np.fft.fft(x, L), np.fft.fft(h, L)
    y = np.fft.ifft(X * H)
    return (y if np.iscomplexobj(x) or np.iscomplexobj(h) else y.real), (x, h, X, H, L)


@right("FIR filters by FFT, conjugate spectra", fft_filter)
def fft_filter_adjoint(dy, stash):
    x, h, X, H, L = stash
    D = np.fft.fft(dy, L)
    dx = np.fft.ifft(D * H.conj()).real[..., : x.shape[-1]]
    dh = np.fft.ifft(D * X.conj()).real.sum(0)[..., : h.shape[-1]]
    return dx, dh


@faulty("FIR filters by FFT, conj forgotten for x", fft_filter, None, may=["rotat", "flip", "revers", "conj"])
def fft_no_conj(dy, stash):
    x, h, X, H, L = stash
    dx = np.fft.ifft(np.fft.fft(dy, L) * H).real[..., : x.shape[-1]]
    return dx, fft_filter_adjoint(dy, stash)[1]


@faulty("FIR filters by FFT, 1/L by hand once more", fft_filter, ["9", "factor", "divided"])
def fft_scaled(dy, stash):
    dx, dh = fft_filter_adjoint(dy, stash)
    return dx / stash[-1], dh


# ---- MATLAB, translated: column-major, from 1


@op("F.conv2d(im[None, None], ker[None, None])[0, 0]", im=(5, 6), ker=(2, 3))
def conv2_valid(im, ker):
    (H, W), (kh, kw) = im.shape, ker.shape
    rows, cols = H - kh + 1, W - kw + 1
    M = np.zeros((kh * kw, rows * cols), dtype=np.result_type(im, ker))
    for c in range(1, cols + 1):
        for r in range(1, rows + 1):
            M[:, (c - 1) * rows + r - 1] = im[r - 1 : r - 1 + kh, c - 1 : c - 1 + kw].ravel(order="F")
    out = (ker.ravel(order="F") @ M).reshape((rows, cols), order="F")
    return out, (M, ker, im.shape)


def conv2_back(delta, cache, first=1, order="F"):
    M, ker, (H, W) = cache
    kh, kw = ker.shape
    rows, cols = delta.shape
    dM = np.outer(ker.ravel(order="F"), delta.ravel(order=order))
    dim = np.zeros((H, W))
    for c in range(first, cols + 1):
        for r in range(1, rows + 1):
            patch = dM[:, (c - 1) * rows + r - 1].reshape((kh, kw), order="F")
            dim[r - 1 : r - 1 + kh, c - 1 : c - 1 + kw] += patch
    return dim, (M @ delta.ravel(order=order)).reshape((kh, kw), order="F")


@right("conv2 of MATLAB, im2col with order='F'", conv2_valid)
def conv2_right(delta, cache):
    return conv2_back(delta, cache)


@faulty("conv2 of MATLAB, the loop starts at 2", conv2_valid, ["first column", "first", "column"])
def conv2_from_two(delta, cache):
    return conv2_back(delta, cache, first=2)


@faulty(
    "conv2 of MATLAB, order='C' in backward",
    conv2_valid,
    ["order", "transpos", "rearranged", "reshape", "wrong place", "permut"],
)
def conv2_c_order(delta, cache):
    return conv2_back(delta, cache, order="C")


# ---- strided views, NHWC, two different strides, index arrays


@op("nhwc(F.conv2d(nchw(x), w.permute(3, 2, 0, 1), stride=(2, 1)))", x=(2, 5, 5, 2), w=(3, 2, 2, 3))
def strided_conv(x, w):
    n, H, W, c = x.shape
    kh, kw = w.shape[:2]
    a, b, d, e = x.strides
    cols = as_strided(x, (n, (H - kh) // 2 + 1, W - kw + 1, kh, kw, c), (a, 2 * b, d, b, d, e))
    return np.tensordot(cols, w, 3), (x.shape, cols.copy(), w)


def scatter(dcols, shape, sy=2, sx=1):
    n, oh, ow, kh, kw, c = dcols.shape
    N, R, S, A, B, C = np.ogrid[:n, :oh, :ow, :kh, :kw, :c]
    dx = np.zeros(shape)
    np.add.at(dx, (N, sy * R + A, sx * S + B, C), dcols)
    return dx


@right("conv NHWC, strides 2 and 1, ogrid and np.add.at", strided_conv)
def strided_back(dy, cache):
    shape, cols, w = cache
    return scatter(np.tensordot(dy, w, (3, 3)), shape), np.tensordot(cols, dy, ((0, 1, 2), (0, 1, 2)))


@faulty("conv NHWC, strides 2 and 1, only the stride of the rows forgotten", strided_conv, ["stride"])
def strided_rows(dy, cache):
    shape, cols, w = cache
    return scatter(np.tensordot(dy, w, (3, 3)), shape, sy=1), strided_back(dy, cache)[1]


@faulty("conv NHWC, strides 2 and 1, plain += on index arrays", strided_conv, ["+=", "overwrit", "add.at"])
def strided_plus(dy, cache):
    shape, cols, w = cache
    n, oh, ow, kh, kw, c = cols.shape
    N, R, S, A, B, C = np.ogrid[:n, :oh, :ow, :kh, :kw, :c]
    dx = np.zeros(shape)
    dx[N, 2 * R + A, S + B, C] += np.tensordot(dy, w, (3, 3))
    return dx, strided_back(dy, cache)[1]


@faulty(
    "conv NHWC, dw of the last sample (= in the loop over n)", strided_conv, ["sample", "last", "+=", "batch"]
)
def strided_last(dy, cache):
    shape, cols, w = cache
    for n in range(len(dy)):
        dw = np.tensordot(cols[n], dy[n], ((0, 1), (0, 1)))
    return strided_back(dy, cache)[0], dw


# ---- groups with an axis of their own


@op("F.conv2d(x, w.flatten(0, 1), groups=2, padding=1)", x=(2, 4, 3, 4), w=(2, 3, 2, 3, 3))
def grouped(x, w):
    xp = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    v = sliding_window_view(xp.reshape(len(x), 2, 2, *xp.shape[2:]), (3, 3), axis=(3, 4))
    y = np.einsum("ngchwij,gfcij->ngfhw", v, w)
    return y.reshape(len(x), 6, *x.shape[2:]), (v, w)


def grouped_dx(g, w):
    gp = np.pad(g, ((0, 0), (0, 0), (0, 0), (1, 1), (1, 1)))
    back = sliding_window_view(gp, (3, 3), axis=(3, 4))
    dx = np.einsum("ngfhwij,gfcij->ngchw", back, w[..., ::-1, ::-1])
    return dx.reshape(len(g), 4, *g.shape[3:])


@right("grouped conv, an axis for the groups", grouped)
def grouped_back(dy, cache):
    v, w = cache
    g = dy.reshape(len(dy), 2, 3, *dy.shape[2:])
    return grouped_dx(g, w), np.einsum("ngchwij,ngfhw->gfcij", v, g)


@faulty(
    "grouped conv, the first group's kernel for both",
    grouped,
    ["at the same place"],
    may=["channel", "group"],
)
def grouped_first(dy, cache):
    v, w = cache
    g = dy.reshape(len(dy), 2, 3, *dy.shape[2:])
    return grouped_dx(g, w[[0, 0]]), grouped_back(dy, cache)[1]


@faulty("grouped conv, not rotated", grouped, ["rotat", "flip", "revers"])
def grouped_not_rotated(dy, cache):
    v, w = cache
    g = dy.reshape(len(dy), 2, 3, *dy.shape[2:])
    return grouped_dx(g, w[..., ::-1, ::-1]), grouped_back(dy, cache)[1]


# ---- 3-D, transposed, "same" with an even kernel


@op("F.conv3d(x, w, b)", x=(2, 2, 3, 4, 3), w=(3, 2, 2, 2, 2), b=(3,))
def conv3d(x, w, b):
    v = sliding_window_view(x, (2, 2, 2), axis=(2, 3, 4))
    return np.einsum("ncdhwijk,fcijk->nfdhw", v, w) + b[:, None, None, None], (x, w, v)


@right("conv 3-D, windows", conv3d)
def conv3d_back(dy, cache):
    x, w, v = cache
    dx = np.zeros(x.shape)
    D, H, W = dy.shape[2:]
    for i, j, k in np.ndindex(2, 2, 2):
        dx[:, :, i : i + D, j : j + H, k : k + W] += np.einsum("nfdhw,fc->ncdhw", dy, w[:, :, i, j, k])
    return dx, np.einsum("ncdhwijk,nfdhw->fcijk", v, dy), dy.sum((0, 2, 3, 4))


@faulty("conv 3-D, db summed over (0, 1, 2, 4)", conv3d, ["axes", "axis"])
def conv3d_db(dy, cache):
    dx, dw, db = conv3d_back(dy, cache)
    return dx, dw, dy.sum((0, 1, 2, 4))


@faulty("conv 3-D, = for +=", conv3d, ["+=", "overwrit"])
def conv3d_assign(dy, cache):
    x, w, v = cache
    dx = np.zeros(x.shape)
    D, H, W = dy.shape[2:]
    for i, j, k in np.ndindex(2, 2, 2):
        dx[:, :, i : i + D, j : j + H, k : k + W] = np.einsum("nfdhw,fc->ncdhw", dy, w[:, :, i, j, k])
    return dx, *conv3d_back(dy, cache)[1:]


@op("F.conv_transpose2d(x, w, stride=2, padding=1)", x=(2, 3, 3, 2), w=(3, 2, 3, 3))
def deconv(x, w):
    n, _, h, b = x.shape
    full = np.zeros((n, 2, 2 * h + 1, 2 * b + 1), dtype=np.result_type(x, w))
    for i, j in np.ndindex(3, 3):
        full[:, :, i : i + 2 * h : 2, j : j + 2 * b : 2] += np.einsum("nchw,cf->nfhw", x, w[:, :, i, j])
    return full[:, :, 1:-1, 1:-1], (x, w)


def deconv_back(dy, cache, pad=((0, 0), (0, 0), (1, 1), (1, 1)), turn=1):
    x, w = cache
    h, b = x.shape[2:]
    full = np.pad(dy, pad)
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for i, j in np.ndindex(3, 3):
        piece = full[:, :, i : i + 2 * h : 2, j : j + 2 * b : 2]
        dx += np.einsum("nfhw,cf->nchw", piece, w[:, :, ::turn, ::turn][:, :, i, j])
        dw[:, :, i, j] = np.einsum("nfhw,nchw->cf", piece, x)
    return dx, dw


@right("transposed conv, scattered and cropped", deconv)
def deconv_right(dy, cache):
    return deconv_back(dy, cache)


@faulty("transposed conv, kernel rotated in backward", deconv, ["rotat", "flip", "revers"])
def deconv_rotated(dy, cache):
    return deconv_back(dy, cache, turn=-1)[0], deconv_back(dy, cache)[1]


@faulty(
    "transposed conv, padded at the wrong side",
    deconv,
    ["padding", "shift", "crop", "side", "moved", "wrong place"],
)
def deconv_side(dy, cache):
    return deconv_back(dy, cache, pad=((0, 0), (0, 0), (0, 2), (0, 2)))


# ---- depthwise along one axis


@op("F.conv1d(x.T[None], k.flip(0).T[:, None], groups=2, stride=2)[0].T", x=(9, 2), k=(3, 2))
def smooth(x, k):
    y = [np.convolve(x[:, c], k[:, c], "valid")[::2] for c in range(2)]
    return np.stack(y, axis=1), (x, k)


@right("np.convolve for each column, every second one", smooth)
def smooth_back(dy, cache):
    x, k = cache
    up = np.zeros((7, 2))
    up[::2] = dy
    dx = np.stack([np.convolve(up[:, c], k[::-1, c]) for c in range(2)], 1)
    dk = np.stack([np.correlate(x[:, c], up[:, c])[::-1] for c in range(2)], 1)
    return dx, dk


@faulty("np.convolve for each column, dk without the stride", smooth, None, may=["stride"])
def smooth_stride(dy, cache):
    x, k = cache
    dk = np.stack([np.correlate(x[: len(dy) + 2, c], dy[:, c])[::-1] for c in range(2)], 1)
    return smooth_back(dy, cache)[0], dk


@faulty(
    "np.convolve for each column, dk the same for both columns",
    smooth,
    None,
    may=["axis", "column", "channel", "sum"],
)
def smooth_summed(dy, cache):
    dx, dk = smooth_back(dy, cache)
    return dx, np.broadcast_to(dk.sum(1, keepdims=True), dk.shape)

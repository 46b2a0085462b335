# ruff: noqa: RUF059 — people unpack the whole cache
"""Convolutions with a slip in their backward pass."""

import numpy as np

from tests.minicnn.gradient_check.students import conv_loops as loops
from tests.minicnn.gradient_check.students.corpus import faulty


@faulty("conv2d loops, dx = for +=", loops.conv_six_loops, ["+=", "overwrit", "last", "assign"])
def conv_assign(dout, cache):
    x, w, b = cache
    dx, dw, db = loops.conv_six_loops_backward(dout, cache)
    dx = np.zeros(x.shape)
    for n in range(dout.shape[0]):
        for f in range(dout.shape[1]):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    dx[n, :, i : i + 2, j : j + 2] = w[f] * dout[n, f, i, j]
    return dx, dw, db


@faulty("conv2d loops, dw = for +=", loops.conv_six_loops, ["+=", "overwrit", "last", "assign"])
def conv_assign_dw(dout, cache):
    x, w, b = cache
    dx, dw, db = loops.conv_six_loops_backward(dout, cache)
    dw = np.zeros(w.shape)
    for n in range(dout.shape[0]):
        for f in range(dout.shape[1]):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    dw[f] = x[n, :, i : i + 2, j : j + 2] * dout[n, f, i, j]
    return dx, dw, db


@faulty("conv2d loops, db of the first image only", loops.conv_six_loops, ["sample", "batch", "first"])
def conv_db_first(dout, cache):
    dx, dw, db = loops.conv_six_loops_backward(dout, cache)
    return dx, dw, dout[0].sum(axis=(1, 2))


@faulty("conv2d loops, db not summed over the places", loops.conv_six_loops, ["shape"])
def conv_db_places(dout, cache):
    dx, dw, db = loops.conv_six_loops_backward(dout, cache)
    return dx, dw, dout.sum(axis=0)


@faulty("conv2d loops, last row and column left out", loops.conv_six_loops, None, may=["column", "last row"])
def conv_range(dout, cache):
    x, w, b = cache
    dx, dw, db = loops.conv_six_loops_backward(dout, cache)
    short = dout.copy()
    short[:, :, -1] = 0
    short[:, :, :, -1] = 0
    return loops.conv_six_loops_backward(short, cache)[0], dw, db


def naive_with(dout, cache, s, p, crop=None):
    """Repeat the naive backward pass, with another stride or crop."""
    x, w, b, stride, pad = cache
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dxp, dw, db = np.zeros_like(xp), np.zeros_like(w), dout.sum(axis=(0, 2, 3))
    k = w.shape[2]
    for n, f, i, j in np.ndindex(*dout.shape):
        dw[f] += xp[n, :, i * s : i * s + k, j * s : j * s + k] * dout[n, f, i, j]
        dxp[n, :, i * s : i * s + k, j * s : j * s + k] += w[f] * dout[n, f, i, j]
    crop = crop or (p, p)
    return dxp[:, :, crop[0] : crop[0] + x.shape[2], crop[1] : crop[1] + x.shape[3]], dw, db


@faulty("conv2d naive, stride forgotten in backward", loops.conv_naive, ["stride"])
def conv_stride_forgotten(dout, cache):
    return naive_with(dout, cache, 1, 1)


@faulty(
    "conv2d naive, the wrong end of the padding is cropped",
    loops.conv_naive,
    ["padding", "crop", "shift", "moved"],
)
def conv_crop(dout, cache):
    return naive_with(dout, cache, 2, 1, crop=(0, 0))


@faulty("conv2d naive, padding not cropped from dx", loops.conv_naive, ["padding", "crop"])
def conv_not_cropped(dout, cache):
    x, w, b, s, p = cache
    dxp = np.zeros((x.shape[0], x.shape[1], x.shape[2] + 2 * p, x.shape[3] + 2 * p))
    for n, f, i, j in np.ndindex(*dout.shape):
        dxp[n, :, i * s : i * s + 3, j * s : j * s + 3] += w[f] * dout[n, f, i, j]
    return (dxp, *naive_with(dout, cache, s, p)[1:])


@faulty(
    "conv2d naive, the gradient of the bias divided by N",
    loops.conv_naive,
    ["batch", "0.5", "1/n", "divided by 2"],
)
def conv_bias_mean(dout, cache):
    dx, dw, db = naive_with(dout, cache, 2, 1)
    return dx, dw, db / len(dout)


@faulty("conv2d naive, dx without the first channel", loops.conv_naive, ["channel"])
def conv_channel(dout, cache):
    dx, dw, db = naive_with(dout, cache, 2, 1)
    dx[:, 0] = 0
    return dx, dw, db


@faulty(
    "conv2d naive, kernel rotated in a loop over windows",
    loops.conv_naive,
    ["rotat", "flip", "180", "revers"],
)
def conv_rotated(dout, cache):
    x, w, b, s, p = cache
    dw, db = naive_with(dout, cache, s, p)[1:]
    return naive_with(dout, (x, w[:, :, ::-1, ::-1], b, s, p), s, p)[0], dw, db


@faulty(
    "conv2d of Ng's course, dA_prev never filled from the padded one", loops.conv_forward_coursera, ["zero"]
)
def conv_coursera_zero(dZ, cache):
    dA, dW, db = loops.conv_backward_coursera(dZ, cache)
    return np.zeros(dA.shape), dW, db


@faulty("conv2d of Ng's course, stride forgotten in dW", loops.conv_forward_coursera, ["stride"])
def conv_coursera_stride(dZ, cache):
    A_prev, W, b, hyper = cache
    dA, dW, db = loops.conv_backward_coursera(dZ, cache)
    padded = np.pad(A_prev, ((0, 0), (1, 1), (1, 1), (0, 0)))
    dW = np.zeros(W.shape)
    for i, h, w, c in np.ndindex(*dZ.shape):
        dW[..., c] += padded[i, h : h + 2, w : w + 2] * dZ[i, h, w, c]
    return dA, dW, db


@faulty(
    "grey image, kernel not rotated in the full convolution",
    loops.conv_grey,
    ["rotat", "flip", "180", "revers"],
)
def grey_not_rotated(dy, cache):
    x, k = cache
    padded = np.pad(dy, ((2, 2), (1, 1)))
    return loops.correlate_valid(padded, k), loops.correlate_valid(x, dy)


@faulty("true convolution, dk not flipped back", loops.true_convolution, ["rotat", "flip", "180", "revers"])
def true_convolution_dk(dy, cache):
    padded, k = cache
    return loops.correlate_valid(np.pad(dy, 1), k), loops.correlate_valid(padded, dy)


@faulty("conv1d, stride forgotten in dx", loops.conv1d, ["stride"])
def conv1d_stride(dy, cache):
    x, w, stride = cache
    _, dw, db = loops.conv1d_backward(dy, cache)
    dx = np.zeros_like(x)
    for t in range(dy.shape[2]):
        dx[:, :, t : t + 3] += np.einsum("nf,fck->nck", dy[:, :, t], w)
    return dx, dw, db


@faulty("dilated conv2d, dilation forgotten in dx", loops.conv_dilated, ["dilat"])
def dilation_dx(dout, cache):
    x, w, d = cache
    _, dw = loops.conv_dilated_backward(dout, cache)
    dx = np.zeros_like(x)
    oh, ow = dout.shape[2:]
    for a, b in np.ndindex(*w.shape[2:]):
        dx[:, :, a : a + oh, b : b + ow] += np.einsum("fc,nfhw->nchw", w[:, :, a, b], dout)
    return dx, dw


@faulty("dilated conv2d, dilation forgotten in dw", loops.conv_dilated, ["dilat"])
def dilation_dw(dout, cache):
    x, w, d = cache
    dx, dw = loops.conv_dilated_backward(dout, cache)
    oh, ow = dout.shape[2:]
    for a, b in np.ndindex(*w.shape[2:]):
        dw[:, :, a, b] = np.einsum("nfhw,nchw->fc", dout, x[:, :, a : a + oh, b : b + ow])
    return dx, dw


@faulty("depthwise, dk averaged over the batch", loops.depthwise, ["batch", "divided by 2", "1/n", "0.5"])
def depthwise_mean(dy, cache):
    dx, dk = loops.depthwise_backward(dy, cache)
    return dx, dk / len(dy)


@faulty(
    "grouped convolution, the groups' dx in the wrong order",
    loops.conv_grouped,
    ["channel", "order", "group", "axis 1"],
)
def grouped_order(dout, cache):
    dx, dw = loops.conv_grouped_backward(dout, cache)
    return np.concatenate([dx[:, 2:], dx[:, :2]], axis=1), dw

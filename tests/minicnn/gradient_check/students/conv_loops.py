# ruff: noqa: RUF059 — people unpack the whole cache
"""Convolutions written as loops: NCHW, NHWC, one image, one channel, 1-D, dilated, grouped, depthwise."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import op, right


@op("F.conv2d(x, w, b)", x=(2, 2, 4, 3), w=(3, 2, 2, 2), b=(3,))
def conv_six_loops(x, w, b):
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    out = np.zeros((N, F, H - HH + 1, W - WW + 1))
    for n in range(N):
        for f in range(F):
            for i in range(out.shape[2]):
                for j in range(out.shape[3]):
                    for c in range(C):
                        for k in range(HH):
                            for m in range(WW):
                                out[n, f, i, j] += x[n, c, i + k, j + m] * w[f, c, k, m]
                    out[n, f, i, j] += b[f]
    return out, (x, w, b)


@right("conv2d, all loops, NCHW", conv_six_loops)
def conv_six_loops_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros(b.shape)
    N, F, OH, OW = dout.shape
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    db[f] += dout[n, f, i, j]
                    for c in range(w.shape[1]):
                        for k in range(w.shape[2]):
                            for m in range(w.shape[3]):
                                dx[n, c, i + k, j + m] += w[f, c, k, m] * dout[n, f, i, j]
                                dw[f, c, k, m] += x[n, c, i + k, j + m] * dout[n, f, i, j]
    return dx, dw, db


@op("F.conv2d(x, w, b, stride=2, padding=1)", x=(2, 3, 5, 4), w=(2, 3, 3, 3), b=(2,))
def conv_naive(x, w, b, stride=2, pad=1):
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    Ho = 1 + (H + 2 * pad - HH) // stride
    Wo = 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, Ho, Wo), dtype=x.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(Ho):
                for j in range(Wo):
                    window = xp[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out, (x, w, b, stride, pad)


@right("conv2d, CS231n naive, stride 2, pad 1", conv_naive)
def conv_naive_backward(dout, cache):
    x, w, b, s, p = cache
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode="constant")
    dxp, dw, db = np.zeros_like(xp), np.zeros_like(w), np.zeros_like(b)
    HH, WW = w.shape[2:]
    for n in range(dout.shape[0]):
        for f in range(dout.shape[1]):
            db[f] += dout[n, f].sum()
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    dw[f] += xp[n, :, i * s : i * s + HH, j * s : j * s + WW] * dout[n, f, i, j]
                    dxp[n, :, i * s : i * s + HH, j * s : j * s + WW] += w[f] * dout[n, f, i, j]
    return dxp[:, :, p:-p, p:-p], dw, db


def conv_single_step(a_slice_prev, W, b):
    s = a_slice_prev * W
    return np.sum(s) + b[0, 0, 0]


@op(
    "nhwc(F.conv2d(nchw(A_prev), W.permute(3, 2, 0, 1), b.flatten(), stride=2, padding=1))",
    A_prev=(2, 4, 5, 3),
    W=(2, 2, 3, 4),
    b=(1, 1, 1, 4),
)
def conv_forward_coursera(A_prev, W, b, stride=2, pad=1):
    (m, n_H_prev, n_W_prev, n_C_prev) = A_prev.shape
    (f, f, n_C_prev, n_C) = W.shape
    n_H = int((n_H_prev - f + 2 * pad) / stride) + 1
    n_W = int((n_W_prev - f + 2 * pad) / stride) + 1
    Z = np.zeros((m, n_H, n_W, n_C))
    A_prev_pad = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    a_slice = A_prev_pad[i, h * stride : h * stride + f, w * stride : w * stride + f, :]
                    Z[i, h, w, c] = conv_single_step(a_slice, W[..., c], b[..., c])
    return Z, (A_prev, W, b, {"stride": stride, "pad": pad})


@right("conv2d, Ng's course, NHWC, into np.zeros", conv_forward_coursera)
def conv_backward_coursera(dZ, cache):
    (A_prev, W, b, hparameters) = cache
    stride, pad = hparameters["stride"], hparameters["pad"]
    f = W.shape[0]
    dA_prev, dW, db = np.zeros(A_prev.shape), np.zeros(W.shape), np.zeros(b.shape)
    A_prev_pad = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dA_prev_pad = np.pad(dA_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    for i in range(dZ.shape[0]):
        a_prev_pad, da_prev_pad = A_prev_pad[i], dA_prev_pad[i]
        for h in range(dZ.shape[1]):
            for w in range(dZ.shape[2]):
                for c in range(dZ.shape[3]):
                    rows, cols = slice(h * stride, h * stride + f), slice(w * stride, w * stride + f)
                    da_prev_pad[rows, cols, :] += W[:, :, :, c] * dZ[i, h, w, c]
                    dW[:, :, :, c] += a_prev_pad[rows, cols] * dZ[i, h, w, c]
                    db[:, :, :, c] += dZ[i, h, w, c]
        dA_prev[i, :, :, :] = da_prev_pad[pad:-pad, pad:-pad, :]
    return dA_prev, dW, db


@op("F.conv2d(x[None], w)[0]", x=(2, 4, 4), w=(3, 2, 3, 3))
def conv_one_image(x, w):
    f, c, k, _ = w.shape
    h = x.shape[1] - k + 1
    y = np.empty((f, h, h), dtype=np.result_type(x, w))
    for n in range(f):
        for i in range(h):
            for j in range(h):
                y[n, i, j] = (x[:, i : i + k, j : j + k] * w[n]).sum()
    return y, (x, w)


@right("conv2d, (C, H, W), no batch", conv_one_image)
def conv_one_image_backward(delta, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    k = w.shape[2]
    for n, plane in enumerate(delta):
        for (i, j), d in np.ndenumerate(plane):
            dw[n] += d * x[:, i : i + k, j : j + k]
            dx[:, i : i + k, j : j + k] += d * w[n]
    return dx, dw


def correlate_valid(image, kernel):
    kh, kw = kernel.shape
    h, w = image.shape[0] - kh + 1, image.shape[1] - kw + 1
    return np.array([[(image[i : i + kh, j : j + kw] * kernel).sum() for j in range(w)] for i in range(h)])


@op("F.conv2d(x[None, None], k[None, None])[0, 0]", x=(5, 4), k=(3, 2))
def conv_grey(x, k):
    return correlate_valid(x, k), (x, k)


@right("conv2d, one grey image, full convolution with the rotated kernel", conv_grey)
def conv_grey_backward(dy, cache):
    x, k = cache
    kh, kw = k.shape
    padded = np.pad(dy, ((kh - 1, kh - 1), (kw - 1, kw - 1)))
    return correlate_valid(padded, np.rot90(k, 2)), correlate_valid(x, dy)


@op("F.conv2d(x[None, None], k[None, None].flip(2, 3), padding=1)[0, 0]", x=(4, 4), k=(3, 3))
def true_convolution(x, k):
    padded = np.zeros((x.shape[0] + 2, x.shape[1] + 2), dtype=x.dtype)
    padded[1:-1, 1:-1] = x
    return correlate_valid(padded, k[::-1, ::-1]), (padded, k)


@right("true convolution with a flipped kernel, same size", true_convolution)
def true_convolution_backward(dy, cache):
    padded, k = cache
    dk = correlate_valid(padded, dy)[::-1, ::-1]
    dx = correlate_valid(np.pad(dy, 1), k)
    return dx, dk


@op("F.conv1d(x, w, b, stride=2)", x=(2, 3, 7), w=(4, 3, 3), b=(4,))
def conv1d(x, w, b, stride=2):
    k = w.shape[2]
    length = (x.shape[2] - k) // stride + 1
    columns = [x[:, :, t * stride : t * stride + k].reshape(len(x), -1) for t in range(length)]
    y = np.stack([c @ w.reshape(len(w), -1).T for c in columns], axis=2) + b[:, None]
    return y, (x, w, stride)


@right("conv1d, loop over time, stride 2", conv1d)
def conv1d_backward(dy, cache):
    x, w, stride = cache
    k = w.shape[2]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(dy.shape[2]):
        piece = slice(t * stride, t * stride + k)
        dx[:, :, piece] += np.einsum("nf,fck->nck", dy[:, :, t], w)
        dw += np.einsum("nf,nck->fck", dy[:, :, t], x[:, :, piece])
    return dx, dw, dy.sum((0, 2))


@op("F.conv1d(F.pad(x, (4, 0)), w, dilation=2)", x=(2, 2, 6), w=(3, 2, 3))
def causal_conv(x, w):
    n, c, t = x.shape
    y = 0
    for k in range(3):
        shift = 2 * (2 - k)
        moved = np.concatenate([np.zeros((n, c, shift)), x[:, :, : t - shift]], axis=2)
        y = y + np.einsum("fc,nct->nft", w[:, :, k], moved)
    return y, (x, w)


@right("causal dilated conv1d, as in WaveNet", causal_conv)
def causal_conv_backward(dy, cache):
    x, w = cache
    t = x.shape[2]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(3):
        shift = 2 * (2 - k)
        dx[:, :, : t - shift] += np.einsum("fc,nft->nct", w[:, :, k], dy[:, :, shift:])
        dw[:, :, k] = np.einsum("nft,nct->fc", dy[:, :, shift:], x[:, :, : t - shift])
    return dx, dw


@op("F.conv2d(x, w, dilation=2)", x=(1, 2, 6, 5), w=(2, 2, 2, 2))
def conv_dilated(x, w, d=2):
    kh, kw = w.shape[2:]
    oh, ow = x.shape[2] - d * (kh - 1), x.shape[3] - d * (kw - 1)
    out = np.zeros((x.shape[0], w.shape[0], oh, ow), x.dtype)
    for a in range(kh):
        for b in range(kw):
            out += np.einsum("fc,nchw->nfhw", w[:, :, a, b], x[:, :, a * d : a * d + oh, b * d : b * d + ow])
    return out, (x, w, d)


@right("conv2d, dilation 2, loop over the kernel", conv_dilated)
def conv_dilated_backward(dout, cache):
    x, w, d = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    oh, ow = dout.shape[2:]
    for a in range(w.shape[2]):
        for b in range(w.shape[3]):
            part = (slice(None), slice(None), slice(a * d, a * d + oh), slice(b * d, b * d + ow))
            dx[part] += np.einsum("fc,nfhw->nchw", w[:, :, a, b], dout)
            dw[:, :, a, b] = np.einsum("nfhw,nchw->fc", dout, x[part])
    return dx, dw


@op("F.conv2d(x, w, groups=2)", x=(2, 4, 3, 3), w=(6, 2, 2, 2))
def conv_grouped(x, w, groups=2):
    pieces = zip(np.split(x, groups, axis=1), np.split(w, groups, axis=0))
    return np.concatenate([conv_naive(a, b, np.zeros(len(b)), 1, 0)[0] for a, b in pieces], 1), (x, w)


@right("grouped convolution, split and concatenate", conv_grouped)
def conv_grouped_backward(dout, cache):
    x, w = cache
    dx, dw = [], []
    for d, a, b in zip(np.split(dout, 2, 1), np.split(x, 2, 1), np.split(w, 2, 0)):
        da, db = np.zeros_like(a), np.zeros_like(b)
        for i in range(d.shape[2]):
            for j in range(d.shape[3]):
                da[:, :, i : i + 2, j : j + 2] += np.tensordot(d[:, :, i, j], b, axes=1)
                db += np.tensordot(d[:, :, i, j].T, a[:, :, i : i + 2, j : j + 2], axes=1)
        dx.append(da)
        dw.append(db)
    return np.concatenate(dx, axis=1), np.concatenate(dw, axis=0)


@op("nhwc(F.conv2d(nchw(x), k.permute(2, 0, 1)[:, None], groups=3))", x=(2, 4, 4, 3), k=(2, 3, 3))
def depthwise(x, k):
    kh, kw, _ = k.shape
    h, w = x.shape[1] - kh + 1, x.shape[2] - kw + 1
    return sum(x[:, a : a + h, b : b + w] * k[a, b] for a in range(kh) for b in range(kw)), (x, k)


@right("depthwise convolution, NHWC, sum over shifts", depthwise)
def depthwise_backward(dy, cache):
    x, k = cache
    _, h, w, _ = dy.shape
    dx, dk = np.zeros_like(x), np.empty_like(k)
    for a, b in np.ndindex(*k.shape[:2]):
        dx[:, a : a + h, b : b + w] += dy * k[a, b]
        dk[a, b] = (dy * x[:, a : a + h, b : b + w]).sum(axis=(0, 1, 2))
    return dx, dk

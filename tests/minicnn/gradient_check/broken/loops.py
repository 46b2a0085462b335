"""Convolutions and poolings as students write them: channels first, windows cut out in loops, im2col."""

import numpy as np

from tests.minicnn.gradient_check.broken.faults import faults

# ---- a convolution, x (N, C, H, W), w (F, C, kh, kw) -------------------------------------------------------


def convolution(rng, broken, stride=2, pad=1, dilation=1, size=3, first=True):
    """``broken(dy, x, w, stride, pad)`` returns some of dx, dw, db, the others None."""

    def cut(xp, i, j, stride, w, d=dilation):
        rows, columns = (w.shape[2] - 1) * d + 1, (w.shape[3] - 1) * d + 1
        return xp[:, :, i * stride : i * stride + rows : d, j * stride : j * stride + columns : d]

    def padded(x):
        return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))

    def forward(x, w, b):
        if not first:
            x, w = x.transpose(0, 3, 1, 2), w.transpose(3, 2, 0, 1)
        xp = padded(x)
        height, width = (
            (xp.shape[axis] - (w.shape[axis] - 1) * dilation - 1) // stride + 1 for axis in (2, 3)
        )
        y = np.zeros((len(x), len(w), height, width), np.result_type(x, w, b))
        for i in range(height):
            for j in range(width):
                y[:, :, i, j] = np.tensordot(cut(xp, i, j, stride, w), w, ((1, 2, 3), (1, 2, 3))) + b
        return y if first else y.transpose(0, 2, 3, 1), (x, w)

    def backward(dy, cache):
        x, w = cache
        if not first:
            dy = dy.transpose(0, 3, 1, 2)
        xp = padded(x)
        dxp, dw = np.zeros_like(xp), np.zeros_like(w)
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                out = dy[:, :, i, j]
                cut(dxp, i, j, stride, w)[...] += np.tensordot(out, w, 1)
                dw += np.tensordot(out, cut(xp, i, j, stride, w), ((0,), (0,)))
        inside = dxp[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]]
        right = inside, dw, dy.sum(axis=(0, 2, 3))
        wrong = broken(dy, x, w, stride, pad, cut)
        dx, dw, db = (r if g is None else g for g, r in zip(wrong, right))
        return (dx, dw, db) if first else (dx.transpose(0, 2, 3, 1), dw.transpose(2, 3, 1, 0), db)

    shape, kernel = (2, 3, 7, 8), (5, 3, size, size)
    x, w = rng.standard_normal(shape), rng.standard_normal(kernel)
    if not first:
        x, w = x.transpose(0, 2, 3, 1), w.transpose(2, 3, 1, 0)
    return (forward, backward), {"x": x, "w": w, "b": rng.standard_normal(5)}, {}


def last(rng, broken):
    return convolution(rng, broken, first=False)


def dilated(rng, broken):
    return convolution(rng, broken, stride=1, pad=2, dilation=2)


def dense_stride(rng, broken):
    return convolution(rng, broken, stride=1, pad=0, size=2)


def dx_with(dy, x, w, cut, stride, pad, step=1, crop=None, scatter=None, **how):
    """Return dx, scattered with this stride into an array padded by this much."""
    dxp = np.zeros((*x.shape[:2], x.shape[2] + 2 * pad, x.shape[3] + 2 * pad))
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            part = cut(dxp, i, j, stride, w, **how)
            part += np.tensordot(dy[:, :, i, j], w, 1)[:, :, : part.shape[2], : part.shape[3]]
    crop = pad if crop is None else crop
    return dxp[:, :, crop : crop + x.shape[2], crop : crop + x.shape[3]]


def dw_with(dy, x, w, cut, stride, pad, images=slice(None), **how):
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dw = np.zeros_like(w)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            part = cut(xp, i, j, stride, w, **how)
            dw[:, :, : part.shape[2], : part.shape[3]] += np.tensordot(
                dy[images, :, i, j], part[images], ((0,), (0,))
            )
    return dw


ROWS = {
    "dx_stride_forgotten": (
        "x",
        "the stride is forgotten",
        lambda dy, x, w, s, p, cut: (dx_with(dy, x, w, cut, 1, p), None, None),
    ),
    "dw_stride_forgotten": (
        "w",
        "the stride is forgotten",
        lambda dy, x, w, s, p, cut: (None, dw_with(dy, x, w, cut, 1, p), None),
    ),
    "dx_padding_forgotten": (
        "x",
        "padding",
        lambda dy, x, w, s, p, cut: (dx_with(dy, x, w, cut, s, 2, crop=0), None, None),
    ),
    "dw_padding_forgotten": (
        "w",
        "padding",
        lambda dy, x, w, s, p, cut: (None, dw_with(dy, x, w, cut, s, 0), None),
    ),
    "dw_of_one_image": (
        "w",
        "in its last sample",
        lambda dy, x, w, s, p, cut: (None, dw_with(dy, x, w, cut, s, p, slice(-1, None)), None),
    ),
    "db_mean_of_batch": (
        "b",
        "the batch size",
        lambda dy, x, w, s, p, cut: (None, None, dy.mean(axis=0).sum(axis=(1, 2))),
    ),
    "db_mean_of_positions": ("b", "", lambda dy, x, w, s, p, cut: (None, None, dy.mean(axis=(0, 2, 3)))),
    "db_one_position": ("b", "", lambda dy, x, w, s, p, cut: (None, None, dy[:, :, 0, 0].sum(axis=0))),
    "dw_reshape_for_transpose": (
        "w",
        "reshape",
        lambda dy, x, w, s, p, cut: (
            None,
            dw_with(
                dy.reshape(dy.shape[1], -1).T.reshape(dy.transpose(0, 2, 3, 1).shape).transpose(0, 3, 1, 2),
                x,
                w,
                cut,
                s,
                p,
            ),
            None,
        ),
    ),
    "dx_reshape_for_transpose": (
        "x",
        "reshape",
        lambda dy, x, w, s, p, cut: (
            dx_with(dy.reshape(dy.transpose(0, 2, 3, 1).shape).transpose(0, 3, 1, 2), x, w, cut, s, p),
            None,
            None,
        ),
    ),
}

faults(convolution, **{f"conv_nchw_{name}": row for name, row in ROWS.items()})
faults(last, **{f"conv_nhwc_{name}": row for name, row in ROWS.items()})
faults(
    dense_stride,
    conv_nchw_dw_rotated=(
        "w",
        "rotated by 180°",
        lambda dy, x, w, s, p, cut: (None, dw_with(dy, x, w, cut, s, p)[:, :, ::-1, ::-1], None),
    ),
)

# ---- max-pooling -------------------------------------------------------------------------------------------


def pooling(rng, broken, size=3, stride=2, first=True, average=False):
    """``broken(dx, dy, window, place)`` is called for each window, or returns dx at once (loop=False)."""

    def windows(x):
        for i in range((x.shape[2] - size) // stride + 1):
            for j in range((x.shape[3] - size) // stride + 1):
                yield (
                    i,
                    j,
                    (
                        slice(None),
                        slice(None),
                        slice(i * stride, i * stride + size),
                        slice(j * stride, j * stride + size),
                    ),
                )

    def forward(x):
        x = x if first else x.transpose(0, 3, 1, 2)
        steps = [(n - size) // stride + 1 for n in x.shape[2:]]
        y = np.zeros((*x.shape[:2], *steps), x.dtype)
        for i, j, place in windows(x):
            flat = x[place].reshape(*x.shape[:2], -1)
            best = flat.real.argmax(axis=2)[:, :, None]
            y[:, :, i, j] = flat.mean(axis=2) if average else np.take_along_axis(flat, best, 2)[:, :, 0]
        return y if first else y.transpose(0, 2, 3, 1), x

    def backward(dy, x):
        dy = dy if first else dy.transpose(0, 3, 1, 2)
        dx = np.zeros(x.shape)
        for n, c in np.ndindex(*x.shape[:2]):
            for i, j, place in windows(x):
                if broken(dx[n, c], dy[n, c, i, j], x[n, c], place[2:], i, j, size) == "return":
                    return dx if first else dx.transpose(0, 2, 3, 1)
        return dx if first else dx.transpose(0, 2, 3, 1)

    x = rng.standard_normal((2, 3, 7, 9))
    return (forward, backward), {"x": x if first else x.transpose(0, 2, 3, 1)}, {}


def whole(dx, d, x, place, i, j, k):
    dx[place] += d


def shares(dx, d, x, place, i, j, k):
    dx[place] += d / k**2


def no_stride(dx, d, x, place, i, j, k):
    a, b = np.unravel_index(x[place].argmax(), (k, k))
    dx[i + a, j + b] += d


def in_window(dx, d, x, place, i, j, k):
    a, b = np.unravel_index(x[place].argmax(), (k, k))
    dx[a, b] += d


def rows_and_columns(dx, d, x, place, i, j, k):
    b, a = np.unravel_index(x[place].argmax(), (k, k))
    dx[place][a, b] += d


def minimum(dx, d, x, place, i, j, k):
    dx[place] += d * (x[place] == x[place].min())


def first_window(dx, d, x, place, i, j, k):
    dx[place] += d * (x[place] == x[place].max())
    return "return"


def overwritten(dx, d, x, place, i, j, k):
    dx[place] = d * (x[place] == x[place].max())


def times_x(dx, d, x, place, i, j, k):
    dx[place] += d * x[place] * (x[place] == x[place].max())


def of_the_map(dx, d, x, place, i, j, k):
    dx[place] += d * (x[place] == x.max())


def corner(dx, d, x, place, i, j, k):
    dx[place][0, 0] += d


POOL = {
    "whole_window": ("x", "the whole window", whole),
    "shares": ("x", "average", shares),
    "index_without_stride": ("x", "without the stride", no_stride),
    "index_in_window": ("x", "without the window", in_window),
    "index_swapped": ("x", "row and column", rows_and_columns),
    "minimum": ("x", "minimum", minimum),
    "first_window": ("x", "first", first_window),
    "overwritten": ("x", "overwrite", overwritten),
    "times_x": ("x", "maximum itself", times_x),
    "of_the_map": ("x", "whole map", of_the_map),
    "corner": ("x", "corner", corner),
}
faults(pooling, **{f"pool_nchw_{name}": row for name, row in POOL.items()})


def pooling_last(rng, broken):
    return pooling(rng, broken, 2, 2, first=False)


faults(
    pooling_last, **{f"pool_nhwc_{name}": row for name, row in POOL.items() if name not in ("overwritten",)}
)


def average(rng, broken):
    return pooling(rng, broken, 2, 2, average=True)


def max_share(dx, d, x, place, i, j, k):
    dx[place] += d * (x[place] == x[place].max())


faults(
    average,
    average_not_divided=("x", "the number of entries that each output is computed from", whole),
    average_to_the_max=("x", "maximum", max_share),
    average_to_the_corner=("x", "corner", corner),
)

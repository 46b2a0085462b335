"""Pooling: one number for each window of each channel.

    max      y[n,i,j,c] = xp[n, i·s + a*, j·s + b*, c]     (a*, b*) = argmax over the window's entries (a, b)
    average  y[n,i,j,c] = 1/m · Σ xp[n, i·s + a, j·s + b, c]     over the m entries (a, b) of the window inside the map

with stride s and xp the padded input. The maximum copies one entry, so only this entry gets the gradient. The
average has equal weights, so each entry gets an equal share. A pixel in several windows gets the sum (+=):

    max      dx_padded[n, i·s + a*, j·s + b*, c] += dy[n,i,j,c]
    average  dx_padded[n, i·s + a,  j·s + b,  c] += dy[n,i,j,c] / m       for each of these (a, b)

Two conventions, as in Keras and TensorFlow: of several equal maxima, the first in row-major order gets the
whole gradient; padding ("same") is never the maximum (it is −∞, not 0) and is not counted in an average.

Global pooling is one window over the whole map.

Shapes: x (N, H, W, C), y (N, OH, OW, C), or (N, C) for global pooling.
"""

from typing import Any

import numpy as np

from minicnn.ops.reference.windows import Windows
from minicnn.ops.types import Array, Cache, Pair

__all__ = [
    "average_pool2d_backward",
    "average_pool2d_forward",
    "global_average_pool2d_backward",
    "global_average_pool2d_forward",
    "global_max_pool2d_backward",
    "global_max_pool2d_forward",
    "max_pool2d_backward",
    "max_pool2d_forward",
]


def max_pool2d_forward(
    x: Array, pool_size: Pair = (2, 2), strides: Pair | None = None, padding: str = "valid"
) -> tuple[Array, Cache]:
    """Return (y, cache), see the equations. ``strides=None`` means ``pool_size``: no overlap."""
    windows = Windows(x.shape, pool_size, strides or pool_size, padding)
    xp = windows.pad(x, -np.inf)
    entries = np.stack([xp[index] for _, _, index in windows.entries()])  # (kh·kw, N, OH, OW, C)
    winner = entries.real.argmax(axis=0)  # (N, OH, OW, C); argmax returns the first of equal entries
    y = np.take_along_axis(entries, winner[None], axis=0)[0]
    return y, (winner, xp.shape, windows)


def max_pool2d_backward(dy: Array, cache: Cache) -> Array:
    """Return dx: each dy goes to the largest entry of its window."""
    winner, padded_shape, windows = cache
    dx_padded = np.zeros(padded_shape, dy.dtype)
    for entry, (_, _, index) in enumerate(windows.entries()):
        dx_padded[index] += np.where(winner == entry, dy, 0)
    return windows.crop(dx_padded)


def average_pool2d_forward(
    x: Array, pool_size: Pair = (2, 2), strides: Pair | None = None, padding: str = "valid"
) -> tuple[Array, Cache]:
    """Return (y, cache), see the equations. ``strides=None`` means ``pool_size``: no overlap."""
    windows = Windows(x.shape, pool_size, strides or pool_size, padding)
    xp = windows.pad(x)
    inside = windows.pad(np.ones((1, *x.shape[1:3], 1), x.real.dtype))  # 1 in the map, 0 in the padding
    count: Any = sum(inside[index] for _, _, index in windows.entries())  # m: (1, OH, OW, 1)
    y = sum(xp[index] for _, _, index in windows.entries()) / count  # (N, OH, OW, C)
    return y, (count, xp.shape, windows)


def average_pool2d_backward(dy: Array, cache: Cache) -> Array:
    """Return dx: each dy is divided equally among the pixels of its window."""
    count, padded_shape, windows = cache
    dx_padded = np.zeros(padded_shape, dy.dtype)
    for _, _, index in windows.entries():
        dx_padded[index] += dy / count
    return windows.crop(dx_padded)


def global_average_pool2d_forward(x: Array) -> tuple[Array, Cache]:
    """Return (y, cache): y[n,c] = 1/(H·W) · Σ_h Σ_w x[n,h,w,c]."""
    return x.mean(axis=(1, 2)), x.shape


def global_average_pool2d_backward(dy: Array, cache: Cache) -> Array:
    """Return dx[n,h,w,c] = dy[n,c] / (H·W)."""
    _, height, width, _ = shape = cache
    return np.broadcast_to(dy[:, None, None, :] / (height * width), shape).copy()


def global_max_pool2d_forward(x: Array) -> tuple[Array, Cache]:
    """Return (y, cache): y[n,c] = max over h, w of x[n,h,w,c]."""
    pixels = x.reshape(x.shape[0], -1, x.shape[3])  # (N, H·W, C)
    winner = pixels.real.argmax(axis=1)[:, None]  # (N, 1, C)
    return np.take_along_axis(pixels, winner, axis=1)[:, 0], (winner, x.shape)


def global_max_pool2d_backward(dy: Array, cache: Cache) -> Array:
    """Return dx: dy[n,c] at the largest pixel, 0 elsewhere."""
    winner, shape = cache
    dx = np.zeros((shape[0], shape[1] * shape[2], shape[3]), dy.dtype)  # (N, H·W, C)
    np.put_along_axis(dx, winner, dy[:, None], axis=1)
    return dx.reshape(shape)

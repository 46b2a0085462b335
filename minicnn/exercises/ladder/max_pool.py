"""Max-pooling: the largest pixel of each window, and the one pixel that gets the gradient.

    x (N, H, W, C)   size = (kh, kw) of a window   stride: pixels from one window to the next, in both directions
    y (N, OH, OW, C)   OH = (H - kh) // stride + 1   OW = (W - kw) // stride + 1

An example, one row and one channel: x = [1, 5, 2, 4, 0], size (1, 3), stride 1 gives y = [5, 5, 4]. With
dy = [1, 10, 100]: dx = [0, 11, 0, 100, 0]. If several pixels of a window are equally large, the first in reading
order gets all of dy.
"""

import numpy as np

from minicnn.exercises.rungs import Rung, backward, forward, gradient

PAGE = "docs/backprop/pooling.md"


def max_pool_forward(x, size, stride):
    """Return y, and what the backward pass needs."""
    kh, kw = size
    n, h, w, c = x.shape  # nchw: n, c, h, w = x.shape
    oh, ow = (h - kh) // stride + 1, (w - kw) // stride + 1
    # your code: y
    y = np.zeros((n, oh, ow, c), dtype=x.dtype)  # nchw: y = np.zeros((n, c, oh, ow), dtype=x.dtype)
    for i in range(oh):
        for j in range(ow):
            rows, columns = slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw)
            y[:, i, j] = x[:, rows, columns].max(axis=(1, 2))  # nchw: y[:, :, i, j] = x[:, :, rows, columns].max((2, 3))
    return y, (x, size, stride)


def max_pool_backward(dy, cache):
    """Return dx."""
    x, (kh, kw), stride = cache
    n, oh, ow, c = dy.shape  # nchw: n, c, oh, ow = dy.shape
    # your code: dx
    dx = np.zeros_like(x)
    for s, i, j, k in np.ndindex(n, oh, ow, c):
        top, left = i * stride, j * stride
        window = x[s, top : top + kh, left : left + kw, k]  # nchw: window = x[s, k, top : top + kh, left : left + kw]
        a, b = np.unravel_index(np.argmax(window), window.shape)
        dx[s, top + a, left + b, k] += dy[s, i, j, k]  # nchw: dx[s, k, top + a, left + b] += dy[s, k, i, j]
    return dx


_TIES = np.array([[1, 7, 7, 2], [7, 7, 0, 2], [3, 3, 5, 5], [3, 3, 5, 5]], float).reshape(1, 4, 4, 1)
RUNGS = (
    Rung("forward", "the largest pixel of each window",
         forward("max_pool_forward", {"x": (2, 5, 6, 3)},
             {"this is the minimum": lambda x, size, stride: _pooled(x, size, stride, np.min),
              "this is the mean": lambda x, size, stride: _pooled(x, size, stride, np.mean)},
             size=(2, 3), stride=2),
         "window (i, j) begins at row i · stride and column j · stride, and has kh rows and kw columns",
         "two loops, over i and j; for all samples and channels at once, take the maximum over the window's "
         "two axes"),
    Rung("row", "one row, windows side by side",
         gradient("max_pool", "x", {"x": (2, 1, 6, 1)}, size=(1, 2), stride=2),
         "y is a copy of one pixel of the window. If another pixel changes a little, does y change?",
         "for each sample and channel: find the position of the maximum (np.argmax of its window), and give dy to "
         "this pixel alone; 0 to the others"),
    Rung("windows", "rows, columns, samples and channels",
         gradient("max_pool", "x", {"x": (2, 4, 6, 3)}, size=(2, 2), stride=2),
         "each sample and each channel has its own maximum",
         "np.argmax of a window with two axes is one number: np.unravel_index(number, window.shape) makes "
         "two of it"),
    Rung("overlap", "stride 1: windows share pixels",
         gradient("max_pool", "x", {"x": (2, 5, 5, 2)}, size=(3, 3), stride=1),
         "a pixel may be the maximum of several windows. What does it get?",
         "the sum of their dy: += and not ="),
    Rung("gaps", "pixels that are in no window",
         gradient("max_pool", "x", {"x": (1, 6, 8, 2)}, size=(2, 2), stride=3),
         "dx has the shape of x, also where no window reads",
         "begin with zeros of x's shape, and place each window at i · stride, not at i · kh"),
    Rung("ties", "equal pixels: the first gets all",
         backward("max_pool", "x", {"x": _TIES}, size=(2, 2), stride=2),
         "two pixels of the window are equal. How much leaves the window, compared with dy?",
         "a mask window == window.max() has several ones. np.argmax returns the first alone"),
)


def _pooled(x, size, stride, of):
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2))
    return of(windows[:, ::stride, ::stride], axis=(-2, -1))

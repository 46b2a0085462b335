"""Average pooling: the mean of each window, and equal shares of the gradient.

    x (N, H, W, C)   size = (kh, kw) of a window   stride: pixels from one window to the next, in both directions
    y (N, OH, OW, C)   OH = (H - kh) // stride + 1   OW = (W - kw) // stride + 1

An example, one row and one channel: x = [2, 4, 6], size (1, 2), stride 1 gives y = [3, 5]. With dy = [10, 100]:
dx = [5, 55, 50].
"""

import numpy as np

from minicnn.exercises.rungs import Rung, forward, gradient

PAGE = "docs/backprop/pooling.md"


def average_pool_forward(x, size, stride):
    """Return y, and what the backward pass needs."""
    kh, kw = size
    n, h, w, c = x.shape  # nchw: n, c, h, w = x.shape
    oh, ow = (h - kh) // stride + 1, (w - kw) // stride + 1
    # your code: y
    y = np.zeros((n, oh, ow, c), dtype=x.dtype)  # nchw: y = np.zeros((n, c, oh, ow), dtype=x.dtype)
    for i in range(oh):
        for j in range(ow):
            rows, columns = slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw)
            y[:, i, j] = x[:, rows, columns].mean((1, 2))  # nchw: y[:, :, i, j] = x[:, :, rows, columns].mean((2, 3))
    return y, (x.shape, size, stride)


def average_pool_backward(dy, cache):
    """Return dx."""
    shape, (kh, kw), stride = cache
    n, oh, ow, c = dy.shape  # nchw: n, c, oh, ow = dy.shape
    # your code: dx
    dx = np.zeros(shape)
    for i in range(oh):
        for j in range(ow):
            rows, columns = slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw)
            share = dy[:, i, j] / (kh * kw)  # nchw: share = dy[:, :, i, j] / (kh * kw)
            dx[:, rows, columns] += share[:, None, None]  # nchw: dx[:, :, rows, columns] += share[:, :, None, None]
    return dx


def _pooled(x, size, stride, of):
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2))
    return of(windows[:, ::stride, ::stride], axis=(-2, -1))


RUNGS = (
    Rung("forward", "the mean of each window",
         forward("average_pool_forward", {"x": (2, 5, 6, 3)},
             {"the sum is not divided by the number of pixels":
                 lambda x, size, stride: _pooled(x, size, stride, np.sum),
              "this is the maximum": lambda x, size, stride: _pooled(x, size, stride, np.max),
              "divided by the rows alone: a window has kh · kw pixels":
                 lambda x, size, stride: _pooled(x, size, stride, np.sum) / size[0]}, size=(2, 3), stride=2),
         "window (i, j) begins at row i · stride and column j · stride, and has kh rows and kw columns",
         "two loops, over i and j; for all samples and channels at once, take the mean over the window's "
         "two axes"),
    Rung("row", "one row, windows side by side",
         gradient("average_pool", "x", {"x": (2, 1, 6, 1)}, size=(1, 2), stride=2),
         "y = (x0 + x1)/2. What is the slope of y in x0?",
         "each pixel of the window gets dy divided by the number of pixels"),
    Rung("windows", "rows, columns, samples and channels",
         gradient("average_pool", "x", {"x": (2, 4, 6, 3)}, size=(2, 2), stride=2),
         "a window has kh · kw pixels, and each gets the same share",
         "divide by kh * kw. dy[{:, i, j|:, :, i, j}] has the axes (N, C): it needs two axes more to be added to a window"),
    Rung("overlap", "stride 1: windows share pixels",
         gradient("average_pool", "x", {"x": (2, 5, 5, 2)}, size=(3, 3), stride=1),
         "a pixel is in several windows. What does it get?",
         "the sum of the shares: += and not ="),
    Rung("gaps", "pixels that are in no window",
         gradient("average_pool", "x", {"x": (1, 6, 8, 2)}, size=(2, 2), stride=3),
         "dx has the shape of x, also where no window reads",
         "begin with zeros of x's shape, and place each window at i · stride, not at i · kh"),
)

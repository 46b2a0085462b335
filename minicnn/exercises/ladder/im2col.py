"""im2col: a convolution as one product of matrices.

    x (N, H, W, C)   kernel (kh, kw, C, K)   y (N, OH, OW, K)        stride 1, no padding, no bias

im2col puts each window in a row: columns (N·OH·OW, kh·kw·C). The rows are in the order n, i, j, the entries of a row
in the order {a, b, c|c, a, b} (of the axes of a window). col2im is its backward pass: it adds every entry of a row to the pixel
that it came from.

An example, one row, one channel, a window of 1×2: x = [1, 2, 3] gives columns = [[1, 2], [2, 3]]; for
dcolumns = [[1, 2], [3, 4]], dx = [1, 2 + 3, 4].
"""

import numpy as np

from minicnn.exercises.rungs import Rung, forward, gradient

PAGE = "docs/performance.md"


def im2col(x, kh, kw):
    """Return columns (N·OH·OW, kh·kw·C)."""
    n, h, w, c = x.shape  # nchw: n, c, h, w = x.shape
    oh, ow = h - kh + 1, w - kw + 1
    # your code: columns
    windows = np.zeros((n, oh, ow, kh, kw, c), x.dtype)  # nchw: windows = np.zeros((n, oh, ow, c, kh, kw), x.dtype)
    for i in range(oh):
        for j in range(ow):
            windows[:, i, j] = x[:, i : i + kh, j : j + kw]  # nchw: windows[:, i, j] = x[:, :, i : i + kh, j : j + kw]
    columns = windows.reshape(n * oh * ow, kh * kw * c)
    return columns


def col2im(dcolumns, shape, kh, kw):
    """Return dx, of this shape."""
    n, h, w, c = shape  # nchw: n, c, h, w = shape
    oh, ow = h - kh + 1, w - kw + 1
    # your code: dx
    windows = dcolumns.reshape(n, oh, ow, kh, kw, c)  # nchw: windows = dcolumns.reshape(n, oh, ow, c, kh, kw)
    dx = np.zeros(shape, dcolumns.dtype)
    for i in range(oh):
        for j in range(ow):
            dx[:, i : i + kh, j : j + kw] += windows[:, i, j]  # nchw: dx[:, :, i : i + kh, j : j + kw] += windows[:, i, j]
    return dx


def product_forward(x, kernel):
    """Return y, and what the backward pass needs: y by one product of matrices, of the columns and the kernel."""
    kh, kw, c, filters = kernel.shape  # nchw: filters, c, kh, kw = kernel.shape
    columns = im2col(x, kh, kw)
    n, h, w = x.shape[:3]  # nchw: n, h, w = x.shape[0], *x.shape[2:]
    # your code: y
    matrix = kernel.reshape(-1, filters)  # nchw: matrix = kernel.reshape(filters, -1).T
    y = (columns @ matrix).reshape(n, h - kh + 1, w - kw + 1, filters)
    y = y[...]  # nchw: y = y.transpose(0, 3, 1, 2)
    return y, (columns, x.shape, kernel)


def product_backward(dy, cache):
    """Return dx, dkernel: two more products, and col2im."""
    columns, shape, kernel = cache
    kh, kw, c, filters = kernel.shape  # nchw: filters, c, kh, kw = kernel.shape
    # your code: dkernel
    rows = dy.reshape(-1, filters)  # nchw: rows = dy.transpose(0, 2, 3, 1).reshape(-1, filters)
    dkernel = (columns.T @ rows).reshape(kernel.shape)  # nchw: dkernel = (rows.T @ columns).reshape(kernel.shape)
    # your code: dx
    rows = dy.reshape(-1, filters)  # nchw: rows = dy.transpose(0, 2, 3, 1).reshape(-1, filters)
    matrix = kernel.reshape(-1, filters)  # nchw: matrix = kernel.reshape(filters, -1).T
    dx = col2im(rows @ matrix.T, shape, kh, kw)
    return dx, dkernel


def _both(work):
    def columns(x):
        return work["im2col"](x, 2, 3), x.shape

    def back(dy, shape):
        return work["col2im"](dy, shape, 2, 3)

    return columns, back


_SIZES = {"x": (2, 4, 6, 3), "kernel": (2, 3, 3, 4)}
RUNGS = (
    Rung("im2col", "each window in a row",
         forward("im2col", {"x": (2, 4, 6, 3)}, y="columns", kh=2, kw=3),
         "rows in the order n, i, j; in a row the window's entries in the order of its axes",
         "fill windows[:, i, j] = the window of x, for all samples, then reshape it to (N·OH·OW, …)"),
    Rung("col2im", "its backward pass",
         gradient("im2col", "x", {"x": (2, 4, 6, 3)}, _both),
         "a pixel stands in several rows. What does it get?",
         "reshape dcolumns to windows as in im2col, and add windows[:, i, j] to the pixels of window (i, "
         "j): +="),
    Rung("product", "y by one product",
         forward("product_forward", _SIZES),
         "a row of the columns times a column of the kernel as a matrix. Are the entries of both in the "
         "same order?",
         "make a matrix (kh·kw·C, K) of the kernel{|, kernel.reshape(K, -1).T}, then columns @ matrix, and "
         "reshape the result to {y|(N, OH, OW, K), whose last axis then becomes axis 1}"),
    Rung("product: dkernel", "a dense layer's dW",
         gradient("product", "kernel", _SIZES),
         "y = columns @ matrix is a dense layer: what was dW there?",
         "columns.T @ dy, with dy as a matrix (N·OH·OW, K){|: its channels become the last axis first}; then back into "
         "the kernel's shape"),
    Rung("product: dx", "a dense layer's dx, then col2im",
         gradient("product", "x", _SIZES),
         "dcolumns is the dx of a dense layer. What leads from dcolumns to dx?",
         "col2im(dy as a matrix @ matrix.T, shape, kh, kw)"),
)

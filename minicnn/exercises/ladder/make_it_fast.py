"""Make it fast: the same convolution, measured beside ours.

    x (N, H, W, C)   kernel (3, 3, C, K)   bias (K,)   y (N, H - 2, W - 2, K)        stride 1, no padding

Begin with something that is right: your im2col, for example. Then use Numba (from numba import njit, prange), fewer
passes over memory, several cores. It may not allocate less than it needs, and must be right in float64 and float32.
The last rung measures forward and backward for x (32, 24, 24, 16) and 32 filters, in float32, and says how many times
longer yours takes than the kernels of minicnn. Measure several times, with nothing else running.
"""

import time

import numpy as np

from minicnn import ops
from minicnn.exercises.rungs import Outcome, Rung, forward, gradient

PAGE = "docs/performance.md"
SECONDS = 240.0  # Numba compiles
NUMBA = True
ROUNDS = 5


def fast_forward(x, kernel, bias):
    """Return y, and what the backward pass needs: choose it yourself."""
    # your code: y, cache
    n, h, w, c = x.shape  # nchw: n, c, h, w = x.shape
    filters = kernel.shape[3]  # nchw: filters = kernel.shape[0]
    axes = (1, 2)  # nchw: axes = (2, 3)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=axes)
    order = (0, 1, 2, 4, 5, 3)  # nchw: order = (0, 2, 3, 1, 4, 5)
    columns = windows.transpose(order).reshape(-1, 9 * c)
    matrix = kernel.reshape(-1, filters)  # nchw: matrix = kernel.reshape(filters, -1).T
    y = (columns @ matrix + bias).reshape(n, h - 2, w - 2, filters)
    y = y[...]  # nchw: y = y.transpose(0, 3, 1, 2)
    cache = columns, matrix, x.shape, kernel.shape
    return y, cache


def fast_backward(dy, cache):
    """Return dx, dkernel, dbias."""
    # your code: dx, dkernel, dbias
    columns, matrix, shape, kernel_shape = cache
    dy = dy[...]  # nchw: dy = dy.transpose(0, 2, 3, 1)
    rows = dy.reshape(-1, dy.shape[3])
    dbias = rows.sum(axis=0)
    dkernel = (columns.T @ rows).reshape(kernel_shape)  # nchw: dkernel = (rows.T @ columns).reshape(kernel_shape)
    n, oh, ow, _ = dy.shape
    windows = (rows @ matrix.T).reshape(n, oh, ow, 3, 3, -1)  # nchw: windows = (rows @ matrix.T).reshape(n, oh, ow, -1, 3, 3)
    dx = np.zeros(shape, dy.dtype)
    for a in range(3):
        for b in range(3):
            part = windows[:, :, :, a, b]  # nchw: part = windows[..., a, b].transpose(0, 3, 1, 2)
            dx[:, a : a + oh, b : b + ow] += part  # nchw: dx[:, :, a : a + oh, b : b + ow] += part
    return dx, dkernel, dbias


def _ratio(work):
    rng = np.random.default_rng(0)
    shapes = {"x": (32, 24, 24, 16), "kernel": (3, 3, 16, 32), "bias": (32,)}
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    dy = {"dy": rng.standard_normal((32, 22, 22, 32)).astype(np.float32)}
    contiguous = {name: np.ascontiguousarray(a) for name, a in work.laid_out({**arrays, **dy}).items()}
    theirs_dy = contiguous.pop("dy")

    def theirs():
        y, cache = work["fast_forward"](**contiguous)
        return work["fast_backward"](theirs_dy, cache)

    def ours():
        _, cache = ops.conv2d_forward(arrays["x"], arrays["kernel"], arrays["bias"])
        return ops.conv2d_backward(dy["dy"], cache)

    best: dict[str, float] = {}
    for number in range(ROUNDS + 1):  # the first is not timed: Numba compiles
        for name, run in (("theirs", theirs), ("ours", ours)):
            begun = time.perf_counter()
            run()
            if number:
                best[name] = min(best.get(name, np.inf), time.perf_counter() - begun)
    ratio = best["theirs"] / best["ours"]
    return Outcome(remark=f"yours takes {ratio:.1f} times as long as the kernels of minicnn")


_SIZES = {"x": (2, 5, 6, 3), "kernel": (3, 3, 3, 4), "bias": (4,)}
RUNGS = (
    Rung("forward", "y is right",
         forward("fast_forward", _SIZES),
         "begin with im2col or with the loops of the exercise conv2d, and make it fast when it is right",
         "columns @ matrix + bias"),
    Rung("dbias", "it is right",
         gradient("fast", "bias", _SIZES),
         "as in conv2d",
         "dy.sum(axis=…)"),
    Rung("dkernel", "it is right",
         gradient("fast", "kernel", _SIZES),
         "as in im2col",
         "columns.T @ dy as a matrix"),
    Rung("dx", "it is right",
         gradient("fast", "x", _SIZES),
         "as in im2col; nine additions of whole arrays are faster than a loop over the windows",
         "for each entry (a, b) of the kernel, add {dy @ kernel[a, b].T|np.einsum('nkij,kc->ncij', dy, kernel[:, :, a, b])} "
         "to dx[{:|:, :}, a : a + OH, b : b + OW]"),
    Rung("measured", "beside the kernels of minicnn",
         _ratio,
         "time it",
         "time the passes one by one"),
)

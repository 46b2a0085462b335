"""From a loop to the kernels: one convolution, forward, by four algorithms; see docs/performance.md.

    loop       the definition's sum as nested loops, compiled and parallel; innermost the output channels
    im2col     every window copied into a row, then one matrix product by NumPy's BLAS: the usual algorithm
    direct     the register tile moves over the image and copies nothing (minicnn.ops.kernels.direct)
    winograd   fewer multiplications (minicnn.ops.kernels.winograd)

Also the whole network with neighbouring layers fused (minicnn.layers.fusion) or each layer by itself.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, prange, set_num_threads

from minicnn.benchmark import contenders
from minicnn.layers import fusion
from minicnn.ops.kernels import direct, winograd
from minicnn.ops.kernels.parallel import OPTIONS, start_threads


@njit(parallel=True, **OPTIONS)
def _loop(x, kernel, y):
    images, height, width, channels = x.shape
    for n in prange(images):
        for i in range(height):
            for j in range(width):
                y[n, i, j] = 0
                for a in range(max(0, 1 - i), min(3, height + 1 - i)):
                    for b in range(max(0, 1 - j), min(3, width + 1 - j)):
                        for c in range(channels):
                            for k in range(kernel.shape[3]):
                                y[n, i, j, k] += x[n, i + a - 1, j + b - 1, c] * kernel[a, b, c, k]


def loop(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return the 3×3 "same" convolution by nested loops."""
    y = np.empty((*x.shape[:3], kernel.shape[3]), x.dtype)
    _loop(x, kernel, y)
    return y


def im2col(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return the 3×3 "same" convolution by copying windows and one matrix product."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))  # (N, H, W, C, 3, 3)
    rows = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 9 * x.shape[3])
    return (rows @ kernel.reshape(-1, kernel.shape[3])).reshape(*x.shape[:3], -1)


STEPS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "loop": loop,
    "im2col": im2col,
    "direct": lambda x, kernel: direct.forward(x, kernel, None, (1, 1), "same", (1, 1)),
    "winograd": lambda x, kernel: winograd.forward(x, kernel, None, "same"),
}


def convolution(name: str, threads: int) -> Callable[[contenders.Task], contenders.Step]:
    """Return the function that makes a convolution's step, by the algorithm STEPS[name]."""
    start_threads()
    set_num_threads(threads)

    def make(task: contenders.Task) -> contenders.Step:
        x, kernel, _ = contenders.maps(task)
        return lambda: STEPS[name](x, kernel)

    return make


def unfused(threads: int) -> Callable[[contenders.Task], contenders.Step]:
    """Return minicnn's steps without fused layers."""
    whole: Any = fusion
    whole.fused = lambda before, layer: None
    return contenders.minicnn(threads)

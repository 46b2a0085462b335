"""The most that this CPU can multiply and add: the register tile on data that stay in the first cache.

Nothing else is done, so no direct convolution can be faster. An algorithm with fewer multiplications (Winograd's) can:
its *effective* GFLOP/s count the multiplications that the definition would have done.
"""

import time

import numpy as np
from numba import njit, prange, set_num_threads

from minicnn.ops.kernels.parallel import PARALLEL
from minicnn.ops.kernels.register_tile import ROWS, VECTOR_BYTES, VECTORS, wide_tile

DEPTH, REPEATS = 128, 4000
COLUMNS = VECTORS * VECTOR_BYTES // 4  # of a float32 tile


@njit(**PARALLEL)
def _tiles(a, b, c, rows, taps, repeats):
    for piece in prange(c.shape[0]):
        mine = c[piece].reshape(-1)
        for _ in range(repeats):
            wide_tile(
                a, 0, rows * DEPTH, taps, 1, DEPTH, 1, b, 0, COLUMNS,
                mine, 0, 1, mine, 0, rows * COLUMNS, 0, ROWS, 0,
            )  # fmt: skip


def multiply_add(threads: int, rounds: int = 7) -> float:
    """Return the best GFLOP/s of ``threads`` threads; a multiplication and an addition are two operations."""
    set_num_threads(threads)
    a = np.ones(ROWS * DEPTH, np.float32)
    b = np.full(DEPTH * COLUMNS, 1e-6, np.float32)
    c = np.zeros((threads, ROWS, COLUMNS), np.float32)
    rows, taps = np.arange(ROWS), np.zeros(1, np.intp)
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        _tiles(a, b, c, rows, taps, REPEATS)
        times.append(time.perf_counter() - start)
    return threads * REPEATS * 2 * ROWS * DEPTH * COLUMNS / min(times[1:]) / 1e9

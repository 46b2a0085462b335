"""Where a training step goes: the time of each pass of the kernels; and what it costs to wake the threads.

A pass is one kernel, such as the transform of a convolution's input or batch norm's statistics. Everything
that is not in a kernel, Python and NumPy, is one row. The rows of a step add up to its time.
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np
from numba import njit, prange, set_num_threads

from minicnn.benchmark import contenders
from minicnn.ops.kernels.parallel import CHUNKS, OPTIONS, start_threads, timed

OUTSIDE, STEP = "outside kernels", "step"
REST = 1e-3  # seconds after which every waiting thread sleeps


def where(net: str, batch: int, threads: int, steps: int = 5) -> dict[str, float]:
    """Return ms of each pass of a training step of ``net``, the longest first, then those outside of the
    kernels and of the whole step. Of ``steps`` steps the one of median time is reported.
    """
    step = contenders.minicnn(threads)({"kind": "train", "net": net, "batch": batch})
    step()
    step()
    runs = []
    for _ in range(steps):
        with timed() as seconds:
            runs.append((duration(step), seconds))
    total, seconds = sorted(runs, key=lambda run: run[0])[len(runs) // 2]
    found = {label: 1e3 * seconds[label] for label in sorted(seconds, key=seconds.__getitem__, reverse=True)}
    return {**found, OUTSIDE: 1e3 * (total - sum(seconds.values())), STEP: 1e3 * total}


def fork_join(threads: int, rounds: int = 100, rested: bool = False) -> float:
    """Return the microseconds that a kernel without work takes longer on all threads than on one, as a median.

    Args:
        threads: how many are woken.
        rounds: how often it is measured.
        rested: before each time, wait until the threads sleep; otherwise they still look for work.
    """
    start_threads()
    result = np.empty(CHUNKS)
    medians = []
    for count in (1, threads):
        set_num_threads(count)
        _nothing(result)
        seconds = []
        for _ in range(rounds):
            end = time.perf_counter() + REST * rested
            while time.perf_counter() < end:  # this thread stays awake
                pass
            seconds.append(duration(lambda: _nothing(result)))
        medians.append(median(seconds))
    return 1e6 * (medians[1] - medians[0])


def duration(function: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


@njit(parallel=True, **OPTIONS)
def _nothing(result):
    for piece in prange(result.size):
        result[piece] = piece

"""Memory of the kernels' arrays: large buffers are kept and used again.

A new array of 19 MB is 4,700 pages, which the system clears and maps when they are first written to. For many
layers this takes longer than their arithmetic. A training step needs the same sizes again and again, so large
arrays are views of buffers that stay. A buffer is free as soon as no view of it exists; Python's reference
count says so.

All begin at a multiple of 64 bytes. NumPy's own begin at a multiple of 16, so that a vector may lie in two
cache lines.

How much of an array is worked on at a time, the second-level cache decides (:func:`second_level_cache`).
"""

import bisect
import itertools
import math
import operator
import platform
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
from numba import config

from minicnn.ops.turns import LOCK

LINE = 64  # bytes of a cache line
SMALL = 2**16  # bytes below which NumPy's own allocator is as good
RECENT = 2000  # arrays; a free buffer that served none of the last so many goes when a new one is allocated

USUAL_CACHE = 2**20  # bytes of a core's second-level cache where the system does not tell
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")

_requests = itertools.count()
_buffers: "list[_Buffer]" = []  # by size
_scratch: dict[np.dtype, np.ndarray] = {}


def _bytes(text):
    """Return the number that Linux writes as 512K or 2M."""
    units = {"K": 2**10, "M": 2**20}
    return int(text.rstrip("KM")) * units.get(text[-1:], 1)


def _sharers(text):
    """Return how many processors a list such as 0-3,8 names."""
    ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
    return sum(part[-1] - part[0] + 1 for part in ends)


def second_level_cache():
    """Return the bytes of second-level cache for one thread: a core's, divided by the threads that share it."""
    with suppress(OSError, ValueError, IndexError, subprocess.SubprocessError):
        if platform.system() == "Darwin":  # a cluster of cores shares one
            names = ["hw.perflevel0.l2cachesize", "hw.perflevel0.cpusperl2"]
            told = subprocess.run(
                ["/usr/sbin/sysctl", "-n", *names], capture_output=True, text=True, timeout=5
            )
            size, sharers = map(int, told.stdout.split())
            return size // sharers
        for folder in sorted(_CACHES.glob("index*")):
            told = {
                name: (folder / name).read_text().strip() for name in ("level", "size", "shared_cpu_list")
            }
            if told["level"] == "2":
                return _bytes(told["size"]) // _sharers(told["shared_cpu_list"])
    return USUAL_CACHE


class _Buffer:
    """Memory, where its first line begins, and when it was last needed: the number of the request, from 0."""

    def __init__(self, nbytes):
        self.memory, self.nbytes, self.needed = np.empty(nbytes + LINE, np.uint8), nbytes, 0
        self.start = -self.memory.__array_interface__["data"][0] % LINE

    def references(self):
        return sys.getrefcount(self.memory)

    def is_free(self):
        return self.references() == _UNUSED


_UNUSED = _Buffer(0).references()  # without views
_size = operator.attrgetter("nbytes")


def _buffer(nbytes):
    """Return the smallest free buffer of at least ``nbytes`` and at most twice that, or a new one."""
    request = next(_requests)
    first, last = (bisect.bisect(_buffers, size, key=_size) for size in (nbytes - 1, 2 * nbytes))
    found = next((buffer for buffer in itertools.islice(_buffers, first, last) if buffer.is_free()), None)
    if found is None:
        long_ago = request - RECENT
        _buffers[:] = [buffer for buffer in _buffers if buffer.needed >= long_ago or not buffer.is_free()]
        found = _Buffer(nbytes)
        bisect.insort(_buffers, found, key=_size)
    found.needed = request
    return found


def empty(shape, dtype):
    """Return an uninitialised array, as ``np.empty`` does; a large one in a free buffer if there is one."""
    dtype = np.dtype(dtype)
    nbytes = (math.prod(shape) if isinstance(shape, tuple) else shape) * dtype.itemsize
    if nbytes < SMALL:
        return np.empty(shape, dtype)
    with LOCK:  # no other thread finds the same buffer before it has this array, which is a reference to it
        buffer = _buffer(nbytes)
        return np.ndarray(shape, dtype, buffer.memory, buffer.start)


def empty_like(x):
    """Return :func:`empty` of x's shape and dtype."""
    return empty(x.shape, x.dtype)


def scratch(dtype, size):
    """Return working memory (threads, at least ``size``) of unspecified content;
    the next call returns the same.

    A kernel uses row ``numba.get_thread_id()``, so that a thread finds its row in its own cache again. It is
    the same memory for every thread that calls kernels, so it holds a value within one kernel only.
    """
    dtype = np.dtype(dtype)
    size = -(-size * dtype.itemsize // LINE) * LINE // dtype.itemsize
    with LOCK:
        if dtype not in _scratch or _scratch[dtype].shape[1] < size:
            memory = np.empty(config.NUMBA_NUM_THREADS * size * dtype.itemsize + LINE, np.uint8)
            start = -memory.ctypes.data % LINE
            whole = memory[start : start + memory.nbytes - LINE].view(dtype)
            _scratch[dtype] = whole.reshape(config.NUMBA_NUM_THREADS, size)
        return _scratch[dtype]

"""Memory of the kernels' arrays: large buffers are kept and used again.

A new array of 19 MB is 4,700 pages, which the system clears and maps when they are first written to. For many
layers this takes longer than their arithmetic. A training step needs the same sizes again and again, so large
arrays are views of buffers that stay. A buffer is free as soon as no view of it exists; Python's reference
count says so.

All begin at a multiple of 64 bytes. NumPy's own begin at a multiple of 16, so that a vector may lie in two
cache lines.
"""

import sys

import numpy as np
from numba import config

from minicnn.ops.turns import LOCK

LINE = 64  # bytes of a cache line
SMALL = 2**16  # bytes below which NumPy's own allocator is as good
KEEP = 2**26  # bytes of free buffers that stay when a new one has to be allocated

_buffers: list[np.ndarray] = []
_scratch: dict[np.dtype, np.ndarray] = {}


def _references(buffers):
    return [sys.getrefcount(buffer) for buffer in buffers]


# the count of a buffer without views: the interpreter's own references
_UNUSED = _references([np.empty(0)])[0]


def _buffer(nbytes):
    """Return the smallest free buffer of at least ``nbytes`` and at most twice that, or a new one."""
    with LOCK:  # no other thread finds the same one before it is returned, which is a reference to it
        free = [buffer for buffer, count in zip(_buffers, _references(_buffers)) if count == _UNUSED]
        fitting = [buffer for buffer in free if nbytes <= buffer.nbytes - LINE <= 2 * nbytes]
        if fitting:
            return min(fitting, key=lambda buffer: buffer.nbytes)
        if sum(buffer.nbytes for buffer in free) > KEEP:
            unused = {id(buffer) for buffer in free}
            _buffers[:] = [buffer for buffer in _buffers if id(buffer) not in unused]
        _buffers.append(np.empty(nbytes + LINE, np.uint8))
        return _buffers[-1]


def empty(shape, dtype):
    """Return an uninitialised array, as ``np.empty`` does; a large one in a free buffer if there is one."""
    dtype = np.dtype(dtype)
    nbytes = int(np.prod(shape)) * dtype.itemsize
    if nbytes < SMALL:
        return np.empty(shape, dtype)
    buffer = _buffer(nbytes)
    start = -buffer.ctypes.data % LINE
    return buffer[start : start + nbytes].view(dtype).reshape(shape)


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

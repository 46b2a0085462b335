"""Where the kernels' arrays come from: memory that is kept and handed out again.

A fresh array of 19 MB is 4,700 pages that the system clears and maps at their first touch: for many layers that takes
longer than their arithmetic. A training step asks for the same sizes again and again, so large arrays are cut from
buffers that stay; a buffer is free again as soon as no array that was cut from it is alive, which Python's reference
count tells.

All start at a multiple of 64 bytes. NumPy's own start at one of 16: each vector then lies in two lines.
"""

import sys

import numpy as np
from numba import config

LINE = 64  # bytes of a cache line
SMALL = 2**16  # bytes below which NumPy's own allocator is as good
KEEP = 2**26  # bytes of free buffers that may stay when a new one has to be made

_buffers: list[np.ndarray] = []
_scratch: dict[np.dtype, np.ndarray] = {}


def _references(buffers):
    return [sys.getrefcount(buffer) for buffer in buffers]


# what that counts for a buffer of which nothing was cut: the interpreter's own
_UNUSED = _references([np.empty(0)])[0]


def _buffer(nbytes):
    """Return the smallest free buffer of at least ``nbytes`` and at most twice that, or a new one."""
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
    """Return an uninitialised array, as ``np.empty`` does, in memory that was used before if there is some."""
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
    """Return working memory (threads, at least ``size``) of unspecified content: kept, and handed out again next time.

    A kernel takes row ``numba.get_thread_id()``, so that a thread always works in the same lines of its own cache.
    """
    dtype = np.dtype(dtype)
    size = -(-size * dtype.itemsize // LINE) * LINE // dtype.itemsize
    if dtype not in _scratch or _scratch[dtype].shape[1] < size:
        memory = np.empty(config.NUMBA_NUM_THREADS * size * dtype.itemsize + LINE, np.uint8)
        start = -memory.ctypes.data % LINE
        whole = memory[start : start + memory.nbytes - LINE].view(dtype)
        _scratch[dtype] = whole.reshape(config.NUMBA_NUM_THREADS, size)
    return _scratch[dtype]

"""What every kernel shares: how it is compiled and how its work is cut.

**The same bits for any number of threads.** A parallel loop runs over a fixed number of pieces (:data:`CHUNKS`, or one
that follows from the shapes), never over the number of threads; a sum over pieces is taken afterwards, in order:

    for chunk in prange(CHUNKS):
        partial[chunk] = …items chunk·n//CHUNKS to (chunk + 1)·n//CHUNKS…
    total = partial[0] + partial[1] + …

**No NaN is lost.** Of the fast-math licences only those are given that keep NaN and infinity: the compiler may
reorder a sum, contract a·b + c to one FMA and multiply by a reciprocal.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit, prange

from minicnn.ops.kernels.memory import empty

CHUNKS = 16

# GNU OpenMP, the pool that Numba takes on Linux, lets a waiting thread spin. On a machine that is busy with other
# things too the spinning takes the cores away from the work (measured: a step five times slower beside two busy
# processes), so it is kept short. It is read when the pool starts; a value that is set already stays.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

FAST = {"contract", "reassoc", "arcp", "nsz"}
# @njit(**JIT): a helper inside one piece; @njit(**PARALLEL): a kernel that may use prange
JIT: dict[str, Any] = {"cache": True, "fastmath": FAST, "error_model": "numpy"}
PARALLEL: dict[str, Any] = {**JIT, "parallel": True}


def _drop_stale_machine_code():
    """Remove Numba's cached functions that are older than any source here.

    Numba looks at the file of a function alone, but the code of other files is compiled into it: after an edit of the
    register tile, every kernel that uses it would go on as before.
    """
    folder = Path(__file__).parent
    newest = max(source.stat().st_mtime for source in folder.glob("*.py"))
    for compiled in (folder / "__pycache__").glob("*.nb[ic]"):
        with suppress(OSError):  # another process may have removed it, or the folder may not be ours
            if compiled.stat().st_mtime < newest:
                compiled.unlink()


_drop_stale_machine_code()


def prepare(*arrays):
    """Return the arrays C-contiguous and of one dtype, float32 or float64; ``None`` stays ``None``.

    One layout means that each kernel is compiled once per dtype. A single array returns alone, several as a list.

    Raises:
        TypeError: an array is complex, or not of a floating-point type that the kernels know.
    """
    dtype = None
    for array in arrays:
        if array is None:
            continue
        if array.dtype.kind == "c":
            raise TypeError(
                f"dtype {array.dtype}: the kernels compute in float32 and float64; for complex numbers use "
                'the definition: with minicnn.ops.use("reference"): …'
            )
        if array.dtype.char not in "fd":
            raise TypeError(
                f"dtype {array.dtype}: expected float32 or float64; convert with x.astype(np.float32)"
            )
        dtype = array.dtype if dtype is None else np.promote_types(dtype, array.dtype)
    ready = [None if array is None else np.ascontiguousarray(array, dtype) for array in arrays]
    return ready[0] if len(ready) == 1 else ready


@njit(**PARALLEL)
def _sum_pieces(partial, total):
    size = total.size
    for chunk in prange(CHUNKS):
        for i in range(chunk * size // CHUNKS, (chunk + 1) * size // CHUNKS):
            s = partial[i]
            for at in range(i + size, partial.size, size):
                s += partial[at]
            total[i] = s


def sum_pieces(partial, shape):
    """Return partial[0] + partial[1] + …, in that order, in the given shape."""
    if len(partial) == 1:
        return partial.reshape(shape)
    total = empty(shape, partial.dtype)
    _sum_pieces(partial.reshape(-1), total.reshape(-1))
    return total

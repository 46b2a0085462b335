"""What prediction needs beside the forward passes: ReLU in place, and a sum with ReLU in place.

    relu_in_place        x = max(x, 0)              reads and writes x: half of the traffic of a new array
    add_in_place         x = x + other              x = max(x + other, 0) with ``relu``

Nothing is kept for a backward pass. The reference has no such functions: minicnn.models.inference uses them only
while the kernels are in use.
"""

from numba import prange

from minicnn.ops.kernels.parallel import CHUNKS, compiled, piece


def relu_in_place(x):
    """Set x, C-contiguous, to max(x, 0); NaN stays NaN. Return x."""
    _relu(x.reshape(-1))
    return x


def add_in_place(x, other, relu=False):
    """Set x to x + other, both C-contiguous and of one shape; with ``relu`` to max(x + other, 0). Return x."""
    _add(x.reshape(-1), other.reshape(-1), relu)
    return x


@compiled(parallel=True)
def _relu(x):
    for chunk in prange(CHUNKS):
        xs = piece(x, chunk)
        for i in range(xs.size):
            xs[i] = 0 if xs[i] <= 0 else xs[i]


@compiled(parallel=True)
def _add(x, other, relu):
    for chunk in prange(CHUNKS):
        xs, others = piece(x, chunk), piece(other, chunk)
        for i in range(xs.size):
            total = xs[i] + others[i]
            xs[i] = 0 if relu and total <= 0 else total

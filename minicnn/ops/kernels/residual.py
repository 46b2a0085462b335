"""The sum of a residual layer's two branches and the ReLU after it, in one pass: y = max(a + b, 0).

Traffic: a and b are read, y is written. One after the other, the sum would be written and read again: five passes
over a map in place of three. The backward pass is ReLU's: y tells where a + b was positive, and each of a and b
has the gradient dy there, else 0.

The reference has no such function: it computes the sum and then ``relu``.
"""

from numba import prange

from minicnn.ops.kernels.memory import empty_like
from minicnn.ops.kernels.parallel import CHUNKS, compiled, piece, prepare


def add_relu_forward(a, b):
    """Return (y, cache) for two arrays of one shape; the backward pass is ``relu_backward``."""
    a, b = prepare(a, b)
    y, zero = empty_like(a), a.dtype.type(0)
    _add_relu(a.reshape(-1), b.reshape(-1), zero, y.reshape(-1))
    return y, (y, zero)


@compiled(parallel=True)
def _add_relu(a, b, zero, y):
    for chunk in prange(CHUNKS):
        ours, theirs, sums = piece(a, chunk), piece(b, chunk), piece(y, chunk)
        for i in range(sums.size):
            total = ours[i] + theirs[i]
            sums[i] = zero if total <= zero else total  # in this form NaN stays NaN

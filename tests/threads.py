"""Run kernels on a chosen number of threads, small work too, which otherwise stays on the calling thread."""

from collections.abc import Iterator
from contextlib import contextmanager

import numba

from minicnn.ops.kernels import parallel


@contextmanager
def threads(count: int) -> Iterator[None]:
    """In this context, every kernel runs on ``count`` threads."""
    before, small = numba.get_num_threads(), parallel.SMALL
    numba.set_num_threads(count)
    parallel.SMALL = 0
    try:
        yield
    finally:
        numba.set_num_threads(before)
        parallel.SMALL = small

"""Faults in kernels, compiled: for what plain Python does not tell apart, above all types.

An integer that should have been unsigned, a float64 where a float32 was meant: to NumPy's numbers they are alike, or
nearly. So what survives in a kernel is compiled and judged again by the tests of operations. Nothing is taken from
Numba's cache on disk, nor put there: each child compiles what its tests call.
"""

import gc

from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher

TESTS = ["tests/minicnn/ops", "tests/properties/test_cut_into_pieces.py"]


def forget_the_disk() -> None:
    """Let every kernel of this process be compiled when it is called."""
    for candidate in gc.get_objects():
        if issubclass(type(candidate), Dispatcher):  # not isinstance: a dead weak reference would raise
            candidate._cache = NullCache()

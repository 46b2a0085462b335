"""Same bits for one thread and for two, and from run to run."""

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops
from minicnn.gradient_check.suite.operations import OPERATIONS
from tests.properties.draw import HypothesisDraw, seeds
from tests.threads import threads as using


def bits(op, case, dy, threads):
    with using(threads), ops.use("kernels"):
        results, cache = op.forward(case.arrays, case.options)
        gradients = op.backward(dy, cache, case.arrays)
    return [array.tobytes() for array in (*results, *gradients.values())]


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data(), seed=seeds)
def test_threads_do_not_change_a_bit(name, data, seed):
    op = OPERATIONS[name]
    case = op.draw(HypothesisDraw(data), True).astype(np.float32)
    with ops.use("reference"):
        y = op.y(case.arrays, case.options)
    dy = np.random.default_rng(seed).standard_normal(y.shape).astype(np.float32)
    one = bits(op, case, dy, threads=1)
    assert bits(op, case, dy, threads=2) == one
    assert bits(op, case, dy, threads=1) == one

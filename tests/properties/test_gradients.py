"""Every entry of every gradient is the complex step's, for random arguments and upstream gradient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops
from minicnn.gradient_check import complex_step, worst_error
from tests.properties import strategies
from tests.properties.registry import OPS

BOUND = 1e-12


@pytest.mark.parametrize("name", OPS)
@given(data=st.data(), seed=strategies.seeds)
def test_gradients_are_the_complex_steps(name, data, seed):
    op = OPS[name]
    case = data.draw(op.cases())
    with ops.use("reference"):
        (y, *_), cache = op.forward(case.arrays, case.options)
        dy = np.random.default_rng(seed).standard_normal(y.shape)
        analytic = op.backward(dy, cache, case.arrays)
        exact = complex_step(lambda **arrays: op.y(arrays, case.options), case.arrays, dy)
    errors = {array: worst_error(analytic[array], exact[array]) for array in case.arrays}
    assert max(errors.values()) <= BOUND, errors

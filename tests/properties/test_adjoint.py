"""⟨dy, J·v⟩ = ⟨Jᵀ·dy, v⟩: the backward pass is the transpose of the derivative, in both implementations.

J·v, the change of y when all arrays move along v, is one complex step of the
definition. Jᵀ·dy is the backward pass.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops
from minicnn.gradient_check import STEP
from minicnn.gradient_check.suite.operations import OPERATIONS
from tests.properties.draw import HypothesisDraw, seeds

BOUND = 1e-12


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data(), seed=seeds)
def test_backward_is_the_adjoint(name, implementation, data, seed):
    op, rng = OPERATIONS[name], np.random.default_rng(seed)
    case = op.draw(HypothesisDraw(data), True)
    v = {array: rng.standard_normal(value.shape) for array, value in case.arrays.items()}
    with ops.use("reference"):
        moved = {array: value + 1j * STEP * v[array] for array, value in case.arrays.items()}
        jv = op.y(moved, case.options).imag / STEP
    dy = rng.standard_normal(jv.shape)
    with ops.use(implementation):
        _, cache = op.forward(case.arrays, case.options)
        gradients = op.backward(dy, cache, case.arrays)
    left = dy * jv
    right = np.concatenate([(gradients[array] * v[array]).ravel() for array in case.arrays])
    scale = max(np.abs(left).sum(), np.abs(right).sum(), 1.0)  # what the terms could add up to
    assert abs(left.sum() - right.sum()) <= BOUND * scale

"""What is linear must be so in each of its arrays: f(a·u + b·v) = a·f(u) + b·f(v), the others held."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops
from minicnn.gradient_check import worst_error
from minicnn.gradient_check.suite.operations import OPERATIONS
from tests.properties.draw import HypothesisDraw, seeds

LINEAR = {  # operation -> the arrays in which it is linear, without a bias
    "conv2d": ("x", "kernel"),
    "depthwise_conv2d": ("x", "kernel"),
    "dense": ("x", "kernel"),
    "average_pool2d": ("x",),
    "global_average_pool2d": ("x",),
    "dropout": ("x",),
}


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize(
    ("name", "array"), [(name, array) for name, arrays in LINEAR.items() for array in arrays]
)
@given(data=st.data(), seed=seeds)
def test_linear_in(name, array, implementation, data, seed):
    op, rng = OPERATIONS[name], np.random.default_rng(seed)
    case = op.draw(HypothesisDraw(data), True)
    case.arrays.pop("bias", None)
    u, v = (rng.standard_normal(case.arrays[array].shape) for _ in range(2))
    a, b = rng.uniform(-2, 2, 2)

    def f(value):
        return op.y(case.arrays | {array: value}, case.options)

    with ops.use(implementation):
        assert worst_error(f(a * u + b * v), a * f(u) + b * f(v)) <= 1e-12

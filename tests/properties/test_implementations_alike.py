"""The two implementations are alike from outside too: signatures, dtypes, memory layouts, refusals.

That they compute the same is in test_rows.py.
"""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops
from minicnn.gradient_check.suite.operations import OPERATIONS
from minicnn.ops import kernels, reference
from tests.properties.draw import HypothesisDraw


def run(implementation, op, case, dy):
    with ops.use(implementation):
        results, cache = op.forward(case.arrays, case.options)
        gradients = op.backward(dy, cache, case.arrays)
    return {f"result {i}": result for i, result in enumerate(results)} | gradients


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data())
def test_the_reference_keeps_the_dtype(name, dtype, data):
    case = OPERATIONS[name].draw(HypothesisDraw(data), False).astype(dtype)
    with ops.use("reference"):
        y = OPERATIONS[name].y(case.arrays, case.options)
    results = run("reference", OPERATIONS[name], case, np.ones_like(y))
    assert {array.dtype.name for array in results.values()} == {dtype}


@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data())
def test_kernels_take_any_memory_layout(name, data):
    case = OPERATIONS[name].draw(HypothesisDraw(data), False)
    strided = {array: np.asfortranarray(value) for array, value in case.arrays.items()}
    with ops.use("kernels"):
        y = OPERATIONS[name].y(case.arrays, case.options)
        dy = np.random.default_rng(0).standard_normal(y.shape)
    straight = run("kernels", OPERATIONS[name], case, dy)
    turned = run("kernels", OPERATIONS[name], type(case)(strided, case.options), np.asfortranarray(dy))
    assert all(np.array_equal(turned[key], straight[key]) for key in straight)


def arguments(function):
    """Names, kinds and defaults; the reference's are typed besides."""
    parameters = inspect.signature(function).parameters.values()
    return [(parameter.name, parameter.kind, parameter.default) for parameter in parameters]


@pytest.mark.parametrize(
    "function", [f"{name}_{way}" for name in OPERATIONS for way in ("forward", "backward")]
)
def test_signatures_are_alike(function):
    assert arguments(getattr(kernels, function)) == arguments(getattr(reference, function))


# random_erasing is the reference's own
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "random_erasing"])
@given(data=st.data())
def test_kernels_refuse_complex_numbers(name, data):
    case = OPERATIONS[name].draw(HypothesisDraw(data), False).astype(complex)
    with ops.use("kernels"), pytest.raises(TypeError, match="for complex numbers use"):
        OPERATIONS[name].forward(case.arrays, case.options)

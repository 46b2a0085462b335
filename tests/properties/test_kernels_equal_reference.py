"""Each kernel computes what its definition computes: every result and every gradient, in both float types."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops
from minicnn.gradient_check import worst_error
from minicnn.ops import kernels, reference
from tests.properties import strategies
from tests.properties.registry import OPS

BOUNDS = {"float64": 1e-12, "float32": 1e-5}


def run(implementation, op, case, dy):
    with ops.use(implementation):
        results, cache = op.forward(case.arrays, case.options)
        gradients = op.backward(dy, cache, case.arrays)
    return {f"result {i}": result for i, result in enumerate(results)} | gradients


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("name", OPS)
@given(data=st.data(), seed=strategies.seeds)
def test_kernels_equal_reference(name, dtype, data, seed):
    op = OPS[name]
    case = data.draw(op.cases(wide=True)).astype(dtype)
    exact_case = case.astype(np.float64)  # of the same numbers
    with ops.use("reference"):
        y = op.y(exact_case.arrays, case.options)
    dy = np.random.default_rng(seed).standard_normal(y.shape).astype(dtype)
    exact = run("reference", op, exact_case, dy.astype(np.float64))
    fast = run("kernels", op, case, dy)
    assert {array.dtype.name for array in fast.values()} == {dtype}
    errors = {key: worst_error(fast[key].astype(np.float64), exact[key]) for key in exact}
    assert max(errors.values()) <= BOUNDS[dtype], errors


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("name", OPS)
@given(data=st.data())
def test_the_reference_keeps_the_dtype(name, dtype, data):
    case = data.draw(OPS[name].cases()).astype(dtype)
    with ops.use("reference"):
        y = OPS[name].y(case.arrays, case.options)
    results = run("reference", OPS[name], case, np.ones_like(y))
    assert {array.dtype.name for array in results.values()} == {dtype}


@pytest.mark.parametrize("name", OPS)
@given(data=st.data())
def test_kernels_take_any_memory_layout(name, data):
    case = data.draw(OPS[name].cases())
    strided = {array: np.asfortranarray(value) for array, value in case.arrays.items()}
    with ops.use("kernels"):
        y = OPS[name].y(case.arrays, case.options)
        dy = np.random.default_rng(0).standard_normal(y.shape)
    straight = run("kernels", OPS[name], case, dy)
    turned = run("kernels", OPS[name], type(case)(strided, case.options), np.asfortranarray(dy))
    assert all(np.array_equal(turned[key], straight[key]) for key in straight)


@pytest.mark.parametrize("function", [f"{name}_{way}" for name in OPS for way in ("forward", "backward")])
def test_signatures_are_alike(function):
    assert inspect.signature(getattr(kernels, function)) == inspect.signature(getattr(reference, function))


# random_erasing is the reference's own
@pytest.mark.parametrize("name", [name for name in OPS if name != "random_erasing"])
@given(data=st.data())
def test_kernels_refuse_complex_numbers(name, data):
    case = data.draw(OPS[name].cases()).astype(complex)
    with ops.use("kernels"), pytest.raises(TypeError, match="for complex numbers use"):
        OPS[name].forward(case.arrays, case.options)


def test_the_registry_is_complete():
    names = {name.removesuffix("_forward") for name in vars(reference) if name.endswith("_forward")}
    assert set(OPS) == names

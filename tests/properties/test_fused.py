"""The kernel of batch norm with ReLU against the two definitions, and what is
promised of every kernel besides.
"""

import inspect

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn.gradient_check import worst_error
from minicnn.gradient_check.suite.operations import Case
from minicnn.ops import reference
from tests.properties.draw import HypothesisDraw, seeds
from tests.properties.fused import FUSED, by_definition, by_kernel, draw_case
from tests.threads import threads

pytestmark = pytest.mark.parametrize("name", FUSED)


def gradient(case, seed):
    """An upstream gradient of y's shape and type."""
    x = case.arrays["x"]
    return np.random.default_rng(seed).standard_normal(x.shape).astype(x.dtype)


@given(data=st.data(), seed=seeds)
def test_the_kernel_is_batch_norm_then_relu(name, data, seed):
    single = draw_case(name, HypothesisDraw(data), True).astype("float32")
    double = single.astype("float64")  # the same numbers
    dy = gradient(single, seed)
    exact = by_definition(name, double, dy.astype("float64"))
    fast, fast_single = by_kernel(name, double, dy.astype("float64")), by_kernel(name, single, dy)
    assert fast.keys() == fast_single.keys() == exact.keys()
    for result in exact:
        assert fast[result].dtype == "float64"
        assert fast_single[result].dtype == "float32"
        assert worst_error(fast[result], exact[result]) <= 1e-12
        assert worst_error(fast_single[result].astype("float64"), fast[result]) <= 1e-5


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
@given(data=st.data(), seed=seeds)
def test_threads_do_not_change_a_bit(name, data, seed):
    case = draw_case(name, HypothesisDraw(data), True).astype("float32")
    dy, bits = gradient(case, seed), []
    for count in (1, 2, 1):
        with threads(count):
            bits.append([array.tobytes() for array in by_kernel(name, case, dy).values()])
    assert bits[0] == bits[1] == bits[2]


@given(data=st.data())
def test_any_memory_layout(name, data):
    case = draw_case(name, HypothesisDraw(data))
    strided = Case({array: np.asfortranarray(value) for array, value in case.arrays.items()}, case.options)
    dy = gradient(case, 0)
    straight, turned = by_kernel(name, case, dy), by_kernel(name, strided, np.asfortranarray(dy))
    assert all(np.array_equal(turned[result], straight[result]) for result in straight)
    for result in ("dx", "dgamma", "dbeta"):
        assert straight[result].flags.writeable
        assert straight[result].flags.c_contiguous
        assert not np.shares_memory(straight[result], dy)


@given(data=st.data())
def test_complex_numbers_are_refused(name, data):
    case = draw_case(name, HypothesisDraw(data))
    with pytest.raises(TypeError, match="for complex numbers use"):
        by_kernel(name, case.astype(complex), gradient(case, 0))
    with pytest.raises(TypeError, match="for complex numbers use"):
        by_kernel(name, case, gradient(case, 0).astype(complex))


@pytest.mark.parametrize("number", [2.0, np.nan])
def test_the_kink_and_nan_are_those_of_the_definition(name, number):
    """An output of 0 passes no gradient; a ReLU that takes a maximum would lose NaN."""
    x = np.array([[1.0, 2.0], [-1.0, number], [0.0, 1.0]])
    statistics = {"mean": np.zeros(2), "variance": np.ones(2)} if name == "batch_norm_inference" else {}
    case = Case({"x": x, "gamma": np.ones(2), "beta": np.zeros(2)}, {"epsilon": 1e-3, **statistics})
    exact, fast = by_definition(name, case, np.ones_like(x)), by_kernel(name, case, np.ones_like(x))
    assert fast["y"][2, 0] == 0
    assert fast["dbeta"][0] == 1  # of one entry, the positive one
    for result in exact if number == 2 or name == "batch_norm_inference" else ["y", "dbeta"]:
        np.testing.assert_allclose(fast[result], exact[result], rtol=1e-12, atol=1e-12)


def test_arguments_are_those_of_batch_norm(name):
    ours, theirs = (inspect.signature(f) for f in (FUSED[name][0], getattr(reference, f"{name}_forward")))
    assert [*ours.parameters] == [*theirs.parameters]

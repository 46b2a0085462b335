"""The dense layer by hand, and at sizes that do and do not fill register tiles."""

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops
from tests.properties.draw import seeds
from tests.threads import threads

BOUNDS = {"float64": 1e-12, "float32": 1e-5}
SIZES = st.integers(1, 3) | st.sampled_from([7, 12, 13, 32, 33, 48, 64, 100])


def all_passes(implementation, x, kernel, bias, dy):
    with ops.use(implementation):
        y, cache = ops.dense_forward(x, kernel, bias)
        return [y, *ops.dense_backward(dy, cache)]


@pytest.mark.usefixtures("implementation")
def test_dense_by_hand():
    x, kernel = np.array([[1.0, 2.0]]), np.array([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]])
    y, cache = ops.dense_forward(x, kernel, np.array([0.5, 0, 0]))
    assert np.array_equal(y, [[5.5, 50, 500]])
    dx, dkernel, dbias = ops.dense_backward(np.array([[1.0, 2.0, 3.0]]), cache)
    assert np.array_equal(dx, [[321, 642]])
    assert np.array_equal(dkernel, [[1, 2, 3], [2, 4, 6]])
    assert np.array_equal(dbias, [1, 2, 3])


@pytest.mark.usefixtures("implementation")
def test_without_bias_and_dx():
    _, cache = ops.dense_forward(np.array([[1.0, 2.0], [3.0, 4.0]]), np.ones((2, 1)))
    dx, dkernel, dbias = ops.dense_backward(np.array([[1.0], [10.0]]), cache, need_dx=False)
    assert dx is None
    assert dbias is None
    assert np.array_equal(dkernel, [[31], [42]])


@pytest.mark.usefixtures("implementation")
def test_an_empty_batch():
    y, cache = ops.dense_forward(np.zeros((0, 5)), np.ones((5, 3)), np.ones(3))
    dx, dkernel, dbias = ops.dense_backward(y, cache)
    assert (y.shape, dx.shape) == ((0, 3), (0, 5))
    assert np.array_equal(dkernel, np.zeros((5, 3)))
    assert np.array_equal(dbias, np.zeros(3))


@pytest.mark.parametrize("dtype", BOUNDS)
@given(samples=SIZES, depth=SIZES, units=SIZES, seed=seeds)
def test_kernels_equal_the_definition(dtype, samples, depth, units, seed):
    rng = np.random.default_rng(seed)
    shapes = (samples, depth), (depth, units), (units,), (samples, units)
    arrays = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    exact = all_passes("reference", *(array.astype(float) for array in arrays))
    for result, definition in zip(all_passes("kernels", *arrays), exact):
        assert result.dtype == dtype
        assert np.abs(result - definition).max() <= BOUNDS[dtype] * max(np.abs(definition).max(), 1)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only")
def test_same_bits_for_any_number_of_threads(rng):
    shapes = (70, 200), (200, 90), (90,), (70, 90)
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    results = []
    for count in (1, 2):
        with threads(count):
            results.append(all_passes("kernels", *arrays))
    for one, two in zip(*results):
        assert np.array_equal(one, two)


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize(
    "depth", [1, 3, 255, 257, 1030]
)  # pieces of the sum, which do and do not end at a fourth row
@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_a_few_rows(rows, depth, with_bias, dtype, rng):
    x, kernel = rng.standard_normal((rows, depth)), rng.standard_normal((depth, 37))
    bias = rng.standard_normal(37) if with_bias else None
    x, kernel = x.astype(dtype), kernel.astype(dtype)
    bias = None if bias is None else bias.astype(dtype)
    exact = np.float64(x) @ np.float64(kernel) + (0 if bias is None else np.float64(bias))
    found = []
    for count in (1, numba.get_num_threads()):
        with threads(count), ops.use("kernels"):
            found.append(ops.dense_forward(x, kernel, bias)[0])
    assert found[0].dtype == dtype
    assert np.array_equal(*found)
    scale = 1 + (np.abs(np.float64(x)) @ np.abs(np.float64(kernel))).max()
    assert np.abs(found[0] - exact).max() <= BOUNDS[dtype] * scale

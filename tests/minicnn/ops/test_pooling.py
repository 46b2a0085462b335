"""Pooling by hand: small maps whose answers can be read off, and the faults that
hand-written pools have had.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops
from minicnn.ops import reference
from minicnn.ops.kernels import pooling

pytestmark = pytest.mark.usefixtures("implementation")

RAMP = np.arange(1.0, 17).reshape(1, 4, 4, 1)  # 1 2 3 4 / 5 6 7 8 / 9 10 11 12 / 13 14 15 16


def grid(*rows):
    """One image of one channel."""
    return np.array(rows, float)[None, :, :, None]


def test_max_pool_by_hand():
    y, cache = ops.max_pool2d_forward(RAMP)
    assert np.array_equal(y, grid([6, 8], [14, 16]))
    dx = ops.max_pool2d_backward(grid([1, 2], [3, 4]), cache)
    assert np.array_equal(dx, grid([0, 0, 0, 0], [0, 1, 0, 2], [0, 0, 0, 0], [0, 3, 0, 4]))


def test_average_pool_by_hand():
    y, cache = ops.average_pool2d_forward(RAMP)
    assert np.array_equal(y, grid([3.5, 5.5], [11.5, 13.5]))
    dx = ops.average_pool2d_backward(grid([4, 8], [12, 16]), cache)
    assert np.array_equal(dx, grid([1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]))


def test_of_equal_maxima_the_first_takes_the_whole_gradient():
    _, cache = ops.max_pool2d_forward(np.full((1, 2, 2, 1), 7.0))
    assert np.array_equal(ops.max_pool2d_backward(grid([5]), cache), grid([5, 0], [0, 0]))


def test_overlapping_windows_add():
    _, cache = ops.max_pool2d_forward(grid([0, 9, 0]), (1, 2), (1, 1))
    assert np.array_equal(ops.max_pool2d_backward(grid([2, 3]), cache), grid([0, 5, 0]))
    _, cache = ops.average_pool2d_forward(grid([0, 9, 0]), (1, 2), (1, 1))
    assert np.array_equal(ops.average_pool2d_backward(grid([2, 4]), cache), grid([1, 3, 2]))


def test_padding_never_wins_and_is_never_counted():
    x = -RAMP[:, :3, :3]  # all negative: zeros of padding would win
    y, cache = ops.max_pool2d_forward(x, (2, 2), (2, 2), "same")
    assert np.array_equal(y, grid([-1, -3], [-9, -11]))
    assert np.array_equal(
        ops.max_pool2d_backward(grid([1, 2], [3, 4]), cache), grid([1, 0, 2], [0, 0, 0], [3, 0, 4])
    )
    y, cache = ops.average_pool2d_forward(x, (2, 2), (2, 2), "same")
    assert np.array_equal(y, -grid([3.5, 5], [9.5, 11]))
    dx = ops.average_pool2d_backward(grid([4, 4], [4, 4]), cache)
    assert np.array_equal(dx, grid([1, 1, 2], [1, 1, 2], [2, 2, 4]))


def test_pixels_that_no_window_sees_get_no_gradient():
    x = np.random.default_rng(0).standard_normal((2, 5, 5, 3))
    for name in ("max_pool2d", "average_pool2d"):
        y, cache = getattr(ops, f"{name}_forward")(x, (1, 1), (3, 3))
        dx = getattr(ops, f"{name}_backward")(np.ones_like(y), cache)
        assert np.array_equal(dx[:, ::3, ::3], np.ones_like(y))
        assert dx.sum() == y.size


@pytest.mark.slow
def test_windows_of_more_entries_than_a_byte_counts():
    x = np.zeros((1, 20, 20, 1))
    x[0, 19, 19] = 1  # entry 399
    y, cache = ops.max_pool2d_forward(x, (20, 20))
    assert y.item() == 1
    assert np.array_equal(ops.max_pool2d_backward(y, cache), x)


def test_global_pools_are_one_window():
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 4))
    for name, function in (("max", np.max), ("average", np.mean)):
        y, cache = getattr(ops, f"global_{name}_pool2d_forward")(x)
        window, window_cache = getattr(ops, f"{name}_pool2d_forward")(x, (3, 5))
        assert np.allclose(y, function(x, axis=(1, 2)), rtol=1e-15)
        assert np.array_equal(y, window[:, 0, 0])
        dx = getattr(ops, f"global_{name}_pool2d_backward")(y, cache)
        assert np.allclose(dx, getattr(ops, f"{name}_pool2d_backward")(window, window_cache), rtol=1e-15)


def test_nan_is_not_hidden():
    x = RAMP.copy()
    x[0, 0, 0] = np.nan
    for name in ("max", "average"):
        y, _ = getattr(ops, f"{name}_pool2d_forward")(x)
        assert np.isnan(y).sum() == 1
        assert np.isnan(getattr(ops, f"global_{name}_pool2d_forward")(x)[0])


def test_a_window_that_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match="does not fit"):
        ops.max_pool2d_forward(RAMP, (5, 5))
    with pytest.raises(ValueError, match="does not fit"):
        ops.average_pool2d_forward(RAMP, (5, 5))


def test_of_several_nans_the_first_takes_the_gradient():
    for rows, dx in (
        ([[1, np.nan], [np.nan, 9]], [[0, 5], [0, 0]]),
        ([[np.nan, 1], [2, np.nan]], [[5, 0], [0, 0]]),
        ([[-np.inf, -np.inf], [-np.inf, np.nan]], [[0, 0], [0, 5]]),
        ([[-np.inf, -np.inf], [-np.inf, -np.inf]], [[5, 0], [0, 0]]),
    ):
        for shape, size in (((1, 2, 2, 1), (2, 2)), ((1, 1, 4, 1), (1, 4))):  # both loops
            y, cache = ops.max_pool2d_forward(np.array(rows, float).reshape(shape), size)
            back = ops.max_pool2d_backward(np.full_like(y, 5.0), cache)
            assert np.array_equal(back.reshape(2, 2), dx)


SPECIAL = st.sampled_from([-1.0, -0.0, 0.0, 1.0, 2.0, np.nan, np.inf])
SIZE = st.sampled_from([(2, 2), (2, 2), (1, 2), (3, 2), (3, 3)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("relu", [False, True])
@given(
    data=st.data(),
    shape=st.tuples(st.integers(1, 2), st.integers(1, 7), st.integers(1, 7), st.sampled_from([1, 3, 17])),
    size=SIZE,
    strides=st.sampled_from([None, None, (1, 2), (3, 3)]),
    padding=st.sampled_from(["valid", "same"]),
    seed=st.integers(0, 99),
)
def test_ties_nan_and_infinity_are_those_of_the_definition(
    relu, dtype, data, shape, size, strides, padding, seed
):
    """Also with a ReLU in the same pass, and in a prediction without winners."""
    if padding == "valid" and (shape[1] < size[0] or shape[2] < size[1]):
        padding = "same"
    rng = np.random.default_rng(seed)
    choice = np.array(data.draw(st.lists(SPECIAL, min_size=1, max_size=5)), dtype)
    x = rng.choice(choice, shape)
    options = size, strides, padding
    y, pooled = reference.max_pool2d_forward(x, *options)
    forward = pooling.max_pool2d_relu_forward if relu else pooling.max_pool2d_forward
    if relu:
        y, clipped = reference.relu_forward(y)
    dy = rng.integers(1, 9, y.shape).astype(dtype)
    expected = reference.max_pool2d_backward(reference.relu_backward(dy, clipped) if relu else dy, pooled)
    fast, cache = forward(x, *options)
    assert fast.dtype == dtype
    np.testing.assert_array_equal(fast, y)
    np.testing.assert_array_equal(pooling.max_pool2d_backward(dy, cache), expected)
    np.testing.assert_array_equal(pooling.max_pool2d_inference(x, *options, relu), y)


def test_a_last_row_and_column_that_no_window_sees():
    x = np.random.default_rng(0).standard_normal((2, 5, 7, 3))
    y, cache = ops.max_pool2d_forward(x)
    inner, inner_cache = ops.max_pool2d_forward(x[:, :4, :6])
    assert np.array_equal(y, inner)
    dx = ops.max_pool2d_backward(y, cache)
    assert np.array_equal(dx[:, :4, :6], ops.max_pool2d_backward(y, inner_cache))
    assert not dx[:, 4].any()
    assert not dx[:, :, 6].any()

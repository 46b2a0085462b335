"""One optimizer step: against hand computation, the two implementations against each other, and in place."""

import math

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn.ops import kernels, reference
from tests.threads import threads

BOTH = pytest.mark.parametrize("ops", [reference, kernels], ids=["reference", "kernels"])
SIZES = st.sampled_from([(0,), (1,), (3, 3, 1, 2), (5, 7), (101, 103)])  # empty, tiny, a kernel; beyond SMALL
SHARED = st.fixed_dictionaries(
    {
        "weight_decay": st.sampled_from([0.0, 0.1]),
        "scale": st.sampled_from([1.0, 0.25]),
        "limit": st.sampled_from([math.inf, 0.5]),
    }
)
RATE, BETAS, EPSILON = 0.01, (0.9, 0.999), 1e-7
STEPS = {  # name -> (names of the state arrays, arguments after the arrays, which state arrays may be None)
    "sgd_update": (["velocity"], (RATE, 0.9, True)),
    "adam_update": (["m", "v", "v_max"], (RATE, *BETAS, EPSILON, 3)),
    "rmsprop_update": (["v", "velocity", "mean"], (RATE, 0.9, 0.5, EPSILON)),
    "nadam_update": (["m", "v"], (RATE, *BETAS, EPSILON, 3)),
    "adagrad_update": (["v"], (RATE, EPSILON)),
    "adadelta_update": (["v", "steps"], (RATE, 0.95, EPSILON)),
}
OPTIONAL = {"velocity", "v_max", "mean"}


def arrays_for(states, shape, dtype, seed):
    """Weights, gradient, and states as they could have become: v positive and
    above the square of the mean.
    """
    rng = np.random.default_rng(seed)
    w, dw = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    arrays = {name: rng.uniform(-0.5, 0.5, shape).astype(dtype) for name in states}
    arrays |= {name: 1 + np.abs(array) for name, array in arrays.items() if name in ("v", "v_max", "steps")}
    return w, dw, arrays


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("step", STEPS)
@given(
    shape=SIZES, shared=SHARED, without=st.sets(st.sampled_from(sorted(OPTIONAL))), seed=st.integers(0, 99)
)
def test_kernels_equal_the_definition(step, dtype, shape, shared, without, seed):
    states, arguments = STEPS[step]
    w, dw, arrays = arrays_for(states, shape, dtype, seed)
    arrays |= dict.fromkeys(without & set(states))
    after = []
    for ops in (reference, kernels):
        own = [None if array is None else array.copy() for array in (w, *arrays.values())]
        getattr(ops, step)(own[0], dw, *own[1:], *arguments, **shared)
        after.append([array for array in own if array is not None])
    for expected, actual in zip(*after):
        assert actual.dtype == dtype
        np.testing.assert_allclose(
            actual, expected, rtol=8 * np.finfo(dtype).eps, atol=8 * np.finfo(dtype).eps
        )


@BOTH
def test_plain_sgd_with_decay_and_clipping_by_hand(ops):
    w = np.array([1.0, -2.0, 4.0])
    ops.sgd_update(w, np.array([1.0, 10.0, -6.0]), None, 0.5, weight_decay=0.2, scale=0.5, limit=2.0)
    # decayed by 1 - 0.5·0.2 = 0.9; gradients 0.5, 5 -> 2, -3 -> -2
    np.testing.assert_allclose(w, [0.9 - 0.25, -1.8 - 1.0, 3.6 + 1.0], rtol=1e-15)


@BOTH
@pytest.mark.parametrize(
    ("nesterov", "expected"), [(False, [1.0 - 0.1, 1.0 - 0.1 - 0.28]), (True, [0.81, 0.368])]
)
def test_two_steps_of_momentum_by_hand(ops, nesterov, expected):
    w, velocity = np.array([1.0]), np.array([0.0])
    for gradient, value in zip((1.0, 1.9), expected):
        # u = 0.9·0 - 0.1·1 = -0.1, then 0.9·(-0.1) - 0.1·1.9 = -0.28; looking ahead: 0.9·u - 0.1·g
        ops.sgd_update(w, np.array([gradient]), velocity, 0.1, 0.9, nesterov)
        np.testing.assert_allclose(w, [value], rtol=1e-14)
    np.testing.assert_allclose(velocity, [-0.28], rtol=1e-14)


@BOTH
@given(gradient=st.floats(1e-3, 1e3), steps=st.integers(1, 5))
def test_adam_with_a_constant_gradient_moves_by_the_rate_from_the_first_step_on(ops, gradient, steps):
    w, m, v = np.zeros(2), np.zeros(2), np.zeros(2)
    for t in range(1, steps + 1):
        ops.adam_update(w, np.array([gradient, -gradient]), m, v, None, RATE, *BETAS, 0.0, t)
    np.testing.assert_allclose(w, [-RATE * steps, RATE * steps], rtol=1e-10)


@BOTH
def test_amsgrad_divides_by_the_largest_v_so_far(ops):
    w, m, v, v_max = np.zeros(1), np.zeros(1), np.zeros(1), np.zeros(1)
    for t, gradient in enumerate([4.0, 0.0], start=1):
        ops.adam_update(w, np.array([gradient]), m, v, v_max, RATE, 0.5, 0.5, 0.0, t)
    np.testing.assert_allclose([v[0], v_max[0]], [4.0, 8.0])
    # first step -RATE; then m = 1, bias factors √0.75/0.75
    np.testing.assert_allclose(w, [-RATE - RATE * math.sqrt(0.75) / 0.75 / math.sqrt(8.0)], rtol=1e-14)


@BOTH
def test_rmsprop_by_hand(ops):
    w, v, velocity, mean = np.zeros(1), np.zeros(1), np.ones(1), np.zeros(1)
    ops.rmsprop_update(w, np.array([2.0]), v, velocity, mean, 0.3, 0.75, 0.5, 0.0)
    np.testing.assert_allclose([v[0], mean[0]], [1.0, 0.5])
    np.testing.assert_allclose(velocity, [0.5 + 0.3 * 2 / math.sqrt(0.75)], rtol=1e-14)
    np.testing.assert_allclose(w, -velocity)


@BOTH
def test_two_steps_of_nadam_by_hand(ops):
    w, m, v = np.zeros(1), np.zeros(1), np.zeros(1)
    mu = [0.26, 0.2696, 0.278816]  # 1/2 of 1 − 0.48, 1 − 0.4608 and 1 − 0.442368
    ops.nadam_update(w, np.array([4.0]), m, v, RATE, 0.5, 0.5, 0.0, 1)
    first = (mu[1] * 2 / (1 - mu[0] * mu[1]) + (1 - mu[0]) * 4 / (1 - mu[0])) / math.sqrt(8 / 0.5)
    np.testing.assert_allclose([m[0], v[0], w[0]], [2.0, 8.0, -RATE * first], rtol=1e-14)
    ops.nadam_update(w, np.array([-2.0]), m, v, RATE, 0.5, 0.5, 0.0, 2)
    product = mu[0] * mu[1]
    second = (mu[2] * 0 / (1 - product * mu[2]) + (1 - mu[1]) * -2 / (1 - product)) / math.sqrt(6 / 0.75)
    np.testing.assert_allclose([m[0], v[0], w[0]], [0.0, 6.0, -RATE * (first + second)], rtol=1e-14)


@BOTH
def test_adagrad_and_adadelta_by_hand(ops):
    w, total = np.zeros(1), np.array([7.0])
    ops.adagrad_update(w, np.array([3.0]), total, 0.5, 9.0)
    np.testing.assert_allclose([total[0], w[0]], [16.0, -0.5 * 3 / 5])  # √(7 + 9 + 9)
    w, v, steps = np.zeros(1), np.array([4.0]), np.array([8.0])
    ops.adadelta_update(w, np.array([-4.0]), v, steps, 0.5, 0.75, 1.0)
    # v = 3 + 16/4 = 7; the step −4·√9/√8, of square 18, so s = 6 + 18/4
    np.testing.assert_allclose([v[0], steps[0], w[0]], [7.0, 10.5, 0.5 * 4 * 3 / math.sqrt(8)], rtol=1e-14)


def test_the_product_of_nadams_factors_after_many_steps():
    far = 0.9999 * (1 - 0.96**1201 / 2)
    product = math.prod(0.9999 * (1 - 0.96**i / 2) for i in range(1, 1201))
    of_mean, of_gradient = reference.updates.nadam_factors(0.9999, 1200)
    assert of_mean == pytest.approx(far / (1 - product * far), rel=1e-12)
    assert of_gradient == pytest.approx((1 - 0.9999) / (1 - product), rel=1e-9)


@BOTH
def test_average_and_squared_norm_by_hand(ops):
    average = np.array([1.0, 2.0], np.float32)
    ops.average_update(average, np.array([3.0, -2.0], np.float32), 0.75)
    np.testing.assert_array_equal(average, np.array([1.5, 1.0], np.float32))
    # 1e30 squared is beyond float32: the sum is float64
    assert ops.squared_norm(np.array([[3e30], [4e30]], np.float32)) == pytest.approx(25e60, rel=1e-6)


@BOTH
@pytest.mark.parametrize("step", STEPS)
def test_nan_gradients_are_not_clipped_away(ops, step):
    states, arguments = STEPS[step]
    w, dw, arrays = arrays_for(states, (3,), np.float32, 0)
    dw[1] = np.nan
    getattr(ops, step)(w, dw, *arrays.values(), *arguments, limit=0.1)
    np.testing.assert_array_equal(np.isnan(w), [False, True, False])


def test_the_same_bits_for_any_number_of_threads():
    results = []
    w, dw, arrays = arrays_for(["m", "v"], (257, 129), np.float32, 1)
    for count in {1, numba.get_num_threads()}:
        with threads(count):
            own = w.copy(), arrays["m"].copy(), arrays["v"].copy()
            kernels.adam_update(own[0], dw, *own[1:], None, RATE, *BETAS, EPSILON, 2)
            results.append((*own, np.array(kernels.squared_norm(dw))))
    for result in results[1:]:
        for one, other in zip(results[0], result):
            np.testing.assert_array_equal(one, other)


def test_kernels_refuse_what_they_cannot_change_in_place():
    w = np.zeros((4, 6), np.float32)
    with pytest.raises(ValueError, match="C-contiguous"):
        kernels.sgd_update(w[:, ::2], np.zeros((4, 3), np.float32), None, 0.1)
    with pytest.raises(ValueError, match="float32"):
        kernels.sgd_update(w, w, np.zeros((4, 6)), 0.1, 0.9)
    with pytest.raises(TypeError, match="reference"):
        kernels.sgd_update(w.astype(complex), w.astype(complex), None, 0.1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_mean_of_a_dead_unit_lingers_below_the_normal_numbers(dtype):
    w, m, v = np.ones(3, dtype), np.full(3, 1e-3, dtype), np.full(3, 1e-6, dtype)
    nothing = np.zeros(3, dtype)
    for t in range(1, 8000):
        kernels.adam_update(w, nothing, m, v, None, 1e-3, 0.9, 0.99, 1e-7, t)
    assert not m.any()
    u = np.full(3, 1e-3, dtype)
    for _ in range(8000):
        kernels.sgd_update(w, nothing, u, 0.1, momentum=0.9)
    assert not u.any()
    kernels.adam_update(w, nothing, np.full(3, np.nan, dtype), v, None, 1e-3, 0.9, 0.99, 1e-7, 1)
    assert np.isnan(w).all()

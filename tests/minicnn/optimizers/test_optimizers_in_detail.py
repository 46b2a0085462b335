"""Optimizers with several parameters, some without a gradient; what their state is
called; averages over many steps.
"""

import numpy as np
import pytest

from minicnn.layers.base import Parameter
from minicnn.optimizers import SGD, Adadelta, Adagrad, Adam, Nadam, RMSprop, schedules


def weights_of(*values):
    return [Parameter(np.array([value]), f"w{i}", f"layer/w{i}") for i, value in enumerate(values)]


def step(optimizer, weights, *gradients):
    for weight, gradient in zip(weights, gradients):
        weight.grad = None if gradient is None else np.array([gradient])
    optimizer.apply(weights)


def values(weights):
    return [float(weight.value[0]) for weight in weights]


def test_a_missing_gradient_stops_nothing_that_follows():
    weights = weights_of(1.0, 1.0, 1.0)
    with pytest.warns(UserWarning, match="layer/w1"):
        step(SGD(0.5), weights, 1.0, None, 1.0)
    assert values(weights) == [0.5, 1.0, 0.5]


def test_a_missing_gradient_adds_nothing_to_the_global_norm():
    weights = weights_of(0.0, 0.0, 0.0)
    with pytest.warns(UserWarning, match="layer/w1"):
        step(SGD(1.0, global_clipnorm=0.5), weights, 0.6, None, 0.8)
    np.testing.assert_allclose(values(weights), [-0.3, 0, -0.4], rtol=1e-15)


def test_the_shape_of_every_gradient_is_checked_before_anything_moves():
    weights = weights_of(1.0, 1.0)
    with pytest.raises(ValueError, match="layer/w1: dw has shape"):
        SGD(0.5).apply_gradients([(np.ones(1), weights[0]), (np.ones(2), weights[1])])
    assert values(weights) == [1.0, 1.0]


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [
        (SGD(), []),
        (SGD(momentum=0.5), ["momentum"]),
        (Adam(), ["momentum", "velocity"]),
        (Adam(amsgrad=True), ["momentum", "velocity", "velocity_hat"]),
        (Nadam(), ["momentum", "velocity"]),
        (Adagrad(), ["accumulator"]),
        (Adadelta(), ["accumulated_grad", "accumulated_delta_var"]),
        (RMSprop(), ["velocity"]),
        (RMSprop(momentum=0.5), ["velocity", "momentum"]),
        (RMSprop(centered=True), ["velocity", "average_gradient"]),
        (
            RMSprop(momentum=0.5, centered=True, use_ema=True),
            ["velocity", "momentum", "average_gradient", "average"],
        ),
    ],
)
def test_state_has_keras_names_in_their_order(optimizer, slots):
    optimizer.build(weights_of(1.0))
    state = [key for key, value in optimizer.get_state().items() if isinstance(value, np.ndarray)]
    assert state == [f"{slot}/0" for slot in slots]


def test_what_the_state_of_adam_means():
    optimizer, weights = Adam(0.1, beta_1=0.75, beta_2=0.5, amsgrad=True), weights_of(1.0)
    step(optimizer, weights, 2.0)
    state = optimizer.get_state()
    assert (state["momentum/0"], state["velocity/0"], state["velocity_hat/0"]) == (0.5, 2.0, 2.0)


def test_what_the_state_of_rmsprop_means():
    optimizer, weights = RMSprop(0.1, rho=0.75, momentum=0.5, epsilon=0.0, centered=True), weights_of(1.0)
    step(optimizer, weights, 2.0)
    state = optimizer.get_state()
    assert (state["velocity/0"], state["average_gradient/0"]) == (1.0, 0.5)
    np.testing.assert_allclose(state["momentum/0"], 0.2 / np.sqrt(0.75))


def test_what_the_state_of_nadam_adagrad_and_adadelta_means():
    for optimizer, expected in (
        (Nadam(0.1, beta_1=0.75, beta_2=0.5), {"momentum/0": 0.5, "velocity/0": 2.0}),
        (Adagrad(0.1, initial_accumulator_value=0.5), {"accumulator/0": 4.5}),
        (
            Adadelta(0.1, rho=0.75, epsilon=3.0),  # the step is 2·√3/√(1 + 3)
            {"accumulated_grad/0": 1.0, "accumulated_delta_var/0": 0.75},
        ),
    ):
        step(optimizer, weights_of(1.0), 2.0)
        state = optimizer.get_state()
        assert {key: pytest.approx(state[key]) for key in expected} == expected
        assert (state["iterations"], len(state)) == (1, 3 + len(expected))


def test_rmsprop_is_not_centered_unless_told():
    weights = weights_of(1.0)
    step(RMSprop(0.1, rho=0.75, epsilon=0.0), weights, 2.0)
    np.testing.assert_allclose(values(weights), [0.8])  # 0.1 · 2 / √1


# ---- the learning rate -------------------------------------------------------------------------------------


def test_a_rate_that_is_set_is_checked_and_a_float():
    optimizer = SGD(1)
    assert type(optimizer.learning_rate) is float
    optimizer.learning_rate = 2
    assert type(optimizer.learning_rate) is float
    with pytest.raises(ValueError, match="learning_rate=-1"):
        optimizer.learning_rate = -1


def test_a_state_as_files_hold_it_becomes_numbers_again():
    optimizer = SGD(0.5)
    optimizer.set_state(
        {"iterations": np.array(3), "averages_in_model": np.array(False), "learning_rate": np.array(0.25)}
    )
    state = optimizer.get_state()
    assert state == {"iterations": 3, "averages_in_model": False, "learning_rate": 0.25}
    assert [type(value) for value in state.values()] == [int, bool, float]


def test_rates_and_schedules_do_not_overwrite_each_other():
    schedule = schedules.Constant(0.125)
    scheduled, plain = SGD(schedule), SGD(0.5)
    plain.set_state(scheduled.get_state())
    scheduled.set_state(SGD(0.25).get_state())
    assert (plain.learning_rate, scheduled.learning_rate) == (0.5, 0.125)


# ---- averages of several parameters ------------------------------------------------------------------------


def averaging(**options):
    """Each step takes both weights up by 1: w = 1, 2, 3, … and 11, 12, 13, …"""
    optimizer, weights = SGD(1.0, use_ema=True, ema_momentum=0.5, **options), weights_of(0.0, 10.0)
    return optimizer, weights, lambda: step(optimizer, weights, -1.0, -1.0)


def test_averages_begin_as_the_weights():
    optimizer, weights, _ = averaging()
    optimizer.build(weights)
    optimizer.swap_averages()
    assert values(weights) == [0.0, 10.0]


def test_every_parameter_is_averaged_and_swapped():
    optimizer, weights, one_step = averaging()
    for _ in range(3):
        one_step()
    optimizer.swap_averages()
    assert values(weights) == [2.25, 12.25]
    optimizer.swap_averages()
    assert values(weights) == [3.0, 13.0]


def test_only_what_was_named_is_finalized():
    optimizer, weights, one_step = averaging()
    for _ in range(3):
        one_step()
    optimizer.finalize_variable_values(weights[1:])
    assert values(weights) == [3.0, 12.25]


def test_every_third_step_overwrites_every_weight():
    _, weights, one_step = averaging(ema_overwrite_frequency=3)
    seen = []
    for _ in range(7):
        one_step()
        seen.append(values(weights))
    # the average 1, 1.5, 2.25, written; then of 3.25, 4.25, 5.25: 2.75, 3.5, 4.375, written; then 5.375
    assert [first for first, _ in seen] == [1, 2, 2.25, 3.25, 4.25, 4.375, 5.375]
    assert [second - first for first, second in seen] == [10] * 7


def test_the_shape_of_every_loaded_array_is_checked():
    optimizer, weights = Adam(), weights_of(1.0)
    optimizer.build(weights)
    before = optimizer.get_state()
    for slot in ("momentum", "velocity"):
        with pytest.raises(ValueError, match=f"'{slot}'"):
            optimizer.set_state({**before, f"{slot}/0": np.zeros(3)})

"""Optimizers around their rules: clipping, decay, averages, learning rates, and exact resumption."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops, optimizers
from minicnn.layers.base import Parameter
from minicnn.optimizers import SGD, Adadelta, Adagrad, Adam, AdamW, Nadam, RMSprop, schedules

EVERY = [
    SGD(0.1),
    SGD(0.1, momentum=0.9, weight_decay=0.01),
    SGD(0.1, momentum=0.9, nesterov=True, clipnorm=0.5),
    Adam(0.1, clipvalue=0.3),
    Adam(0.1, amsgrad=True, global_clipnorm=1.0),
    AdamW(schedules.CosineDecay(0.0, 10, warmup_target=0.1, warmup_steps=3)),
    RMSprop(0.1, use_ema=True, ema_momentum=0.5),
    RMSprop(0.1, momentum=0.9, centered=True, use_ema=True, ema_overwrite_frequency=2),
    Nadam(0.1, clipnorm=0.5),
    Adagrad(0.1, initial_accumulator_value=0.25, use_ema=True),
    Adadelta(0.5, weight_decay=0.01),
]
IDS = [f"{type(one).__name__}-{index}" for index, one in enumerate(EVERY)]


def fresh(optimizer):
    return optimizers.get(json.loads(json.dumps(optimizers.serialize(optimizer))))


def parameters(dtype="float32"):
    rng = np.random.default_rng(3)
    shapes = {"kernel": (3, 4), "bias": (4,), "gamma": (4,), "beta": (4,)}
    return [
        Parameter(rng.normal(size=shape).astype(dtype), name, f"layer/{name}")
        for name, shape in shapes.items()
    ]


def train(optimizer, weights, steps, first=0):
    for step in range(first, first + steps):
        rng = np.random.default_rng(step)
        for weight in weights:
            weight.grad = (weight.value + rng.normal(size=weight.shape)).astype(weight.dtype)
        optimizer.apply(weights)


def values(weights):
    return [weight.value.copy() for weight in weights]


def assert_same_bits(one, other):
    for a, b in zip(one, other, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def one(value, gradient, name="kernel", dtype=np.float64):
    weight = Parameter(np.array(value, dtype), name, f"layer/{name}")
    weight.grad = np.array(gradient, dtype)
    return weight


# ---- resumption --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", EVERY, ids=IDS)
def test_training_resumes_to_the_bit(optimizer, dtype):
    straight, weights = fresh(optimizer), parameters(dtype)
    train(straight, weights, 7)
    first, resumed_weights = fresh(optimizer), parameters(dtype)
    train(first, resumed_weights, 4)
    resumed = fresh(optimizer)
    resumed.set_state(first.get_state())
    assert resumed.iterations == 4
    train(resumed, resumed_weights, 3, first=4)
    assert_same_bits(values(weights), values(resumed_weights))
    assert_same_bits(
        *([a for a in o.get_state().values() if isinstance(a, np.ndarray)] for o in (straight, resumed))
    )


@pytest.mark.parametrize("optimizer", EVERY, ids=IDS)
def test_state_has_the_weights_dtype_and_is_a_copy(optimizer):
    optimizer, weights = fresh(optimizer), parameters("float32")
    train(optimizer, weights, 2)
    state = {key: value for key, value in optimizer.get_state().items() if "/" in key}
    assert {array.dtype for array in state.values()} <= {np.dtype("float32")}
    before = {key: array.copy() for key, array in state.items()}
    train(optimizer, weights, 1, first=2)
    for key, array in state.items():
        np.testing.assert_array_equal(array, before[key])


def test_state_can_also_be_set_after_steps():
    optimizer, weights = Adam(0.1), parameters()
    train(optimizer, weights, 2)
    start, state = values(weights), optimizer.get_state()
    train(optimizer, weights, 3, first=2)
    there = values(weights)
    for weight, value in zip(weights, start):
        weight.assign(value)
    optimizer.set_state(state)
    train(optimizer, weights, 3, first=2)
    assert_same_bits(values(weights), there)


def test_state_of_another_optimizer_or_model_is_refused():
    momentum, weights = SGD(0.1, momentum=0.9), parameters()
    train(momentum, weights, 1)
    adam = Adam()
    adam.build(weights)
    with pytest.raises(ValueError, match="other weights"):
        adam.set_state({**momentum.get_state(), "momentum/0": np.zeros(3)})
    rmsprop = RMSprop()
    rmsprop.set_state(momentum.get_state())
    with pytest.raises(ValueError, match="'momentum'"):
        train(rmsprop, weights, 1)
    with pytest.raises(ValueError, match="averages_in_model"):
        SGD(0.1).set_state({**SGD(0.1).get_state(), "averages_in_model": True})


@pytest.mark.parametrize("optimizer", EVERY, ids=IDS)
def test_config_describes_the_optimizer(optimizer):
    optimizer = fresh(optimizer)
    optimizer.exclude_from_weight_decay([parameters()[0]], ["bias"])
    copy = fresh(optimizer)
    assert type(copy) is type(optimizer)
    assert copy.get_config() == optimizer.get_config()


def test_a_function_as_learning_rate_cannot_be_saved():
    with pytest.raises(ValueError, match="LearningRateSchedule"):
        SGD(lambda: 0.1).get_config()


# ---- what a step does --------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", EVERY, ids=IDS)
def test_both_implementations_train_alike(optimizer):
    results = []
    for implementation in ("reference", "kernels"):
        weights = parameters("float64")
        with ops.use(implementation):
            train(fresh(optimizer), weights, 5)
        results.append(values(weights))
    for reference, kernels in zip(*results):
        np.testing.assert_allclose(kernels, reference, rtol=1e-12, atol=1e-12)


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=6), st.floats(0.1, 50))
def test_clipnorm_keeps_the_direction_and_limits_the_length(gradient, limit):
    weight = one(np.zeros(len(gradient)), gradient)
    SGD(1.0, clipnorm=limit).apply([weight])
    norm = np.linalg.norm(gradient)
    np.testing.assert_allclose(
        weight.value, -np.array(gradient) * min(1.0, limit / max(norm, 1e-300)), atol=1e-12
    )


@pytest.mark.parametrize(
    ("options", "moved"),
    [
        ({"clipnorm": 7.0}, [6.0, 7.0]),
        ({"global_clipnorm": 5.0}, [3.0, 4.0]),
        ({"global_clipnorm": 10.0}, [6.0, 8.0]),
    ],
)
def test_clipnorm_is_for_each_parameter_and_global_clipnorm_for_all(options, moved):
    weights = [one([0.0], [6.0]), one([0.0], [8.0])]  # norms 6 and 8, together 10
    SGD(1.0, **options).apply(weights)
    np.testing.assert_allclose([-weight.value[0] for weight in weights], moved, rtol=1e-15)


def test_clipvalue_limits_each_entry():
    weight = one(np.zeros(3), [-7.0, 0.25, 2.0])
    SGD(1.0, clipvalue=0.5).apply([weight])
    np.testing.assert_array_equal(weight.value, [0.5, -0.25, -0.5])


@pytest.mark.parametrize("way", ["clipnorm", "global_clipnorm"])
def test_an_infinite_gradient_shows(way):
    weight = one([1.0, 1.0], [np.inf, 0.0])
    SGD(1.0, **{way: 1.0}).apply([weight])
    assert np.isnan(weight.value).all()


@pytest.mark.parametrize("optimizer", [SGD, Adam, RMSprop, AdamW, Nadam, Adagrad, Adadelta])
def test_weight_decay_is_decoupled_and_all_weights_decay_by_default(optimizer):
    for name in ("kernel", "bias", "gamma"):
        weight = one([2.0], [0.0], name)
        optimizer(learning_rate=0.1, weight_decay=0.5).apply([weight])
        np.testing.assert_allclose(weight.value, [2.0 * (1 - 0.1 * 0.5)], rtol=1e-15)


@pytest.mark.parametrize(
    ("var_list", "var_names", "decayed"),
    [
        (None, ["bias", "gamma", "beta"], {"kernel"}),
        (None, ["kernel"], {"bias", "gamma", "beta"}),
        (["kernel", "beta"], None, {"bias", "gamma"}),
        (["beta"], ["a$"], {"kernel", "bias"}),
        (None, None, {"kernel", "bias", "gamma", "beta"}),
    ],
)
def test_excluded_weights_do_not_decay(var_list, var_names, decayed):
    weights = parameters("float64")
    before = {weight.name: weight.value.copy() for weight in weights}
    for weight in weights:
        weight.grad = np.zeros(weight.shape)
    optimizer = AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay([w for w in weights if w.name in (var_list or [])], var_names)
    optimizer = fresh(optimizer)  # the choice is part of the configuration
    optimizer.apply(weights)
    for weight in weights:
        factor = 0.95 if weight.name in decayed else 1.0
        np.testing.assert_allclose(weight.value, factor * before[weight.name], rtol=1e-15)


def test_a_weight_without_gradient_stays_and_is_named():
    weights = [one([1.0], [1.0]), one([1.0], [1.0], "bias")]
    weights[1].grad = None
    with pytest.warns(UserWarning, match="layer/bias"):
        SGD(0.5).apply(weights)
    assert [weight.value[0] for weight in weights] == [0.5, 1.0]
    weights[0].grad = None
    with pytest.raises(ValueError, match="backward"):
        SGD(0.5).apply(weights)


def test_new_parameters_and_wrong_gradients_are_refused():
    weight, optimizer = one([1.0], [1.0]), SGD(0.1)
    optimizer.apply([weight])
    with pytest.raises(ValueError, match="layer/bias is new"):
        optimizer.apply([weight, one([1.0], [1.0], "bias")])
    with pytest.raises(ValueError, match="expected \\(1,\\)"):
        optimizer.apply_gradients([(np.ones(2), weight)])
    assert optimizer.iterations == 1


def test_apply_gradients_takes_pairs():
    weight = one([1.0], [0.0])
    SGD(0.5).apply_gradients([(np.array([4.0]), weight)])
    assert weight.value[0] == -1.0


# ---- learning rate -----------------------------------------------------------------------------------------


def test_a_schedule_is_read_before_each_step():
    weight = one([0.0], [1.0])
    optimizer = SGD(schedules.PiecewiseConstantDecay([0], [1.0, 0.25]))
    for expected in (-1.0, -1.25, -1.5):
        optimizer.apply([weight])
        assert weight.value[0] == expected
    assert (optimizer.iterations, optimizer.learning_rate) == (3, 0.25)


def test_learning_rate_can_be_set_unless_a_schedule_holds_it():
    optimizer = SGD(0.1)
    optimizer.learning_rate = 1
    assert optimizer.learning_rate == 1.0
    optimizer.learning_rate = schedules.Constant(0.5)
    assert optimizer.learning_rate == 0.5
    with pytest.raises(TypeError, match="Constant"):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = lambda: 0.125
    assert optimizer.learning_rate == 0.125


def test_a_lowered_rate_survives_resumption():
    optimizer = SGD(0.1)
    optimizer.learning_rate = 0.01
    other = SGD(0.1)
    other.set_state(optimizer.get_state())
    assert other.learning_rate == 0.01


# ---- averages ----------------------------------------------------------------------------------------------


def averaged(**options):
    weight = one([0.0], [-1.0])
    optimizer = SGD(1.0, use_ema=True, ema_momentum=0.5, **options)
    for _ in range(3):  # w = 1, 2, 3; the average 1, 1.5, 2.25
        optimizer.apply([weight])
    return optimizer, weight


def test_average_starts_at_the_first_weights_and_follows():
    optimizer, weight = averaged()
    assert (weight.value[0], optimizer.get_state()["average/0"][0]) == (3.0, 2.25)


def test_averages_swap_in_and_out():
    optimizer, weight = averaged()
    optimizer.swap_averages()
    assert weight.value[0] == 2.25
    with pytest.raises(RuntimeError, match="swap_averages"):
        optimizer.apply([weight])
    resumed = SGD(1.0, use_ema=True, ema_momentum=0.5)
    resumed.set_state(optimizer.get_state())
    resumed.build([weight])
    resumed.swap_averages()  # the state knows that the averages were in the model
    assert weight.value[0] == 3.0
    resumed.apply([weight])
    assert (weight.value[0], resumed.get_state()["average/0"][0]) == (4.0, 3.125)


@pytest.mark.parametrize("swapped", [False, True])
def test_finalize_leaves_the_averages_in_the_model(swapped):
    optimizer, weight = averaged()
    if swapped:
        optimizer.swap_averages()
    optimizer.finalize_variable_values([weight])
    assert (weight.value[0], optimizer.get_state()["average/0"][0]) == (2.25, 2.25)
    assert not optimizer.averages_in_model


def test_averages_overwrite_the_weights_at_their_frequency():
    optimizer, weight = averaged(ema_overwrite_frequency=2)
    # 1; 2 averaged with 1 is 1.5, which overwrites; 2.5
    assert (weight.value[0], optimizer.get_state()["average/0"][0]) == (2.5, 2.0)


def test_without_averages_there_is_nothing_to_swap_or_finalize():
    optimizer, weight = SGD(1.0), one([0.0], [-1.0])
    optimizer.apply([weight])
    optimizer.finalize_variable_values([weight])
    assert weight.value[0] == 1.0
    with pytest.raises(ValueError, match="use_ema"):
        optimizer.swap_averages()


# ---- names and arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        *(("sgd", SGD), ("adam", Adam), ("Adam", Adam), ("adamw", AdamW), ("RMSprop", RMSprop)),
        *(("nadam", Nadam), ("adagrad", Adagrad), ("adadelta", Adadelta)),
    ],
)
def test_get_by_name(name, cls):
    assert type(optimizers.get(name)) is cls


def test_get_refuses_what_it_does_not_know():
    optimizer = SGD()
    assert optimizers.get(optimizer) is optimizer
    with pytest.raises(ValueError, match="did you mean 'Adam'"):
        optimizers.get("adaam")
    with pytest.raises(TypeError, match="optimizer=3"):
        optimizers.get(3)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "one kind of clipping"),
        ({"clipnorm": 0.0}, "clipnorm=0.0"),
        ({"clipvalue": -1.0}, "clipvalue=-1.0"),
        ({"weight_decay": -0.1}, "weight_decay=-0.1"),
        ({"ema_momentum": 1.5}, "ema_momentum=1.5"),
        ({"ema_overwrite_frequency": 0}, "ema_overwrite_frequency=0"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0"),
        ({"learning_rate": math.nan}, "learning_rate=nan"),
        ({"learning_rate": "fast"}, "learning_rate='fast'"),
        ({"momentum": 1.5}, "momentum=1.5"),
    ],
)
def test_wrong_arguments_are_named(arguments, match):
    with pytest.raises(ValueError, match=match):
        SGD(**arguments)


def test_unknown_arguments_and_missing_decay():
    with pytest.raises(TypeError, match="unknown argument 'momentumm'; did you mean 'momentum'"):
        SGD(momentumm=0.1)
    with pytest.raises(NotImplementedError, match="batch_size"):
        SGD(gradient_accumulation_steps=2)
    with pytest.raises(ValueError, match="use Adam"):
        AdamW(weight_decay=None)
    for kind in (Adam, Nadam):
        with pytest.raises(ValueError, match=r"beta_2=1\.0"):
            kind(beta_2=1.0)
        with pytest.raises(ValueError, match=r"beta_1=-0\.1: expected a number from 0 to below 1"):
            kind(beta_1=-0.1)
    with pytest.raises(ValueError, match=r"initial_accumulator_value=-0\.1: expected a number from 0"):
        Adagrad(initial_accumulator_value=-0.1)
    with pytest.raises(ValueError, match=r"rho=1\.0: expected a number from 0 to below 1"):
        Adadelta(rho=1.0)
    assert SGD(loss_scale_factor=None).get_config()["name"] == "sgd"


class Fixed(schedules.LearningRateSchedule):
    def __call__(self, step):
        return np.float32(0.25)


@pytest.mark.parametrize("rate", [Fixed(), lambda: np.float32(0.25)])
def test_a_learning_rate_is_a_plain_number(rate):
    assert type(SGD(rate).learning_rate) is float


def test_a_whole_step_of_parameters_from_a_generator():
    kernel, bias = Parameter(np.ones(2), "kernel", "kernel"), Parameter(np.ones(2), "bias", "bias")
    kernel.grad, bias.grad = np.array([1.0, -2.0]), np.array([3.0, 0.0])
    assert SGD(0.5).apply_if_finite(each for each in (kernel, bias))
    assert kernel.value.tolist() == [0.5, 2.0]
    assert bias.value.tolist() == [-0.5, 1.0]


def test_a_whole_step_leaves_out_what_has_no_gradient():
    kernel, bias = Parameter(np.ones(2), "kernel", "kernel"), Parameter(np.ones(2), "bias", "bias")
    kernel.grad = np.array([1.0, -2.0])
    optimizer = SGD(0.5)
    with pytest.warns(UserWarning, match=r"no gradient for \['bias'\]: they stay as they are"):
        assert optimizer.apply_if_finite([kernel, bias])
    assert kernel.value.tolist() == [0.5, 2.0]
    assert bias.value.tolist() == [1.0, 1.0]
    assert optimizer.apply_if_finite([kernel, bias])  # warned once; a warning is an error in tests
    kernel.grad, bias.grad = None, np.array([2.0, 4.0])
    with pytest.warns(UserWarning, match=r"no gradient for \['kernel'\]"):
        assert optimizer.apply_if_finite([kernel, bias])
    assert bias.value.tolist() == [0.0, -1.0]

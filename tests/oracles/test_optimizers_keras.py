"""Optimizers and schedules against Keras: the same weights after 50 steps, the same rate at every step."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")

from minicnn import optimizers  # noqa: E402
from minicnn.layers.base import Parameter  # noqa: E402
from minicnn.optimizers import schedules  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras

SHAPES = {"kernel": (3, 3, 2, 5), "bias": (5,), "gamma": (5,)}
COMMON = [
    {},
    {"weight_decay": 0.05},
    {"clipnorm": 0.75},
    {"clipvalue": 0.2},
    {"global_clipnorm": 0.75},
    {"use_ema": True, "ema_momentum": 0.9},
    {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 7},
    {"weight_decay": 0.05, "exclude": ["bias", "gamma"]},
]
CASES = [
    ("SGD", {"learning_rate": 0.05}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    ("Adam", {"learning_rate": 0.05}),
    ("Adam", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3, "amsgrad": True}),
    ("AdamW", {"learning_rate": 0.05}),
    ("RMSprop", {"learning_rate": 0.05}),
    ("RMSprop", {"learning_rate": 0.05, "momentum": 0.5, "epsilon": 1e-3}),
    ("RMSprop", {"learning_rate": 0.05, "rho": 0.8, "centered": True, "epsilon": 1e-3}),
    ("RMSprop", {"learning_rate": 0.05, "momentum": 0.5, "centered": True, "epsilon": 1e-3}),
    ("Nadam", {"learning_rate": 0.05}),
    ("Nadam", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    ("Adagrad", {"learning_rate": 0.05}),
    ("Adagrad", {"learning_rate": 0.05, "initial_accumulator_value": 0.5, "epsilon": 1e-3}),
    ("Adadelta", {"learning_rate": 0.5}),
    ("Adadelta", {"learning_rate": 0.5, "rho": 0.8, "epsilon": 1e-3}),
]


@pytest.fixture
def float64(computing_in):
    computing_in("float64")


def gradient(step, name, shape):
    """Of changing size, so that clipping sometimes bites; a fixed sequence, so that
    errors do not feed back.
    """
    rng = np.random.default_rng([step, len(name)])
    return rng.normal(size=shape) * 10.0 ** rng.uniform(-2, 0.5)


def make(library, name, options):
    options = dict(options)
    exclude = options.pop("exclude", None)
    optimizer = getattr(library, name)(**options)
    if exclude:
        optimizer.exclude_from_weight_decay(var_names=exclude)
    return optimizer


def keras_weights(name, options, start, dtype, steps):
    variables = [keras.Variable(value, name=key, dtype=dtype) for key, value in start.items()]
    optimizer = make(keras.optimizers, name, options)
    optimizer.build(variables)
    for step in range(steps):
        gradients = [keras.ops.convert_to_tensor(gradient(step, k, s), dtype) for k, s in SHAPES.items()]
        optimizer.apply(gradients, variables)
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    optimizer.finalize_variable_values(variables)
    return before + [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def our_weights(name, options, start, dtype, steps):
    parameters = [Parameter(value.astype(dtype), key, f"layer/{key}") for key, value in start.items()]
    optimizer = make(optimizers, name, options)
    for step in range(steps):
        for parameter in parameters:
            parameter.grad = gradient(step, parameter.name, parameter.shape).astype(dtype)
        optimizer.apply(parameters)
    before = [parameter.value.copy() for parameter in parameters]
    optimizer.finalize_variable_values(parameters)
    return before + [parameter.value for parameter in parameters]


@pytest.mark.parametrize("common", COMMON, ids=lambda one: "-".join(one) or "plain")
@pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{n}-{'-'.join(list(o)[1:])}" for n, o in CASES])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
def test_weights_after_fifty_steps(name, options, common, dtype, tolerance, float64):
    rng = np.random.default_rng(0)
    start = {key: rng.normal(size=shape) for key, shape in SHAPES.items()}
    arguments = name, {**options, **common}, start, dtype, 50
    for ours, theirs in zip(our_weights(*arguments), keras_weights(*arguments), strict=True):
        assert ours.dtype == theirs.dtype == dtype
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.3, "decay_steps": 7, "decay_rate": 0.4}),
    (
        "ExponentialDecay",
        {"initial_learning_rate": 0.3, "decay_steps": 7, "decay_rate": 0.4, "staircase": True},
    ),
    ("InverseTimeDecay", {"initial_learning_rate": 0.3, "decay_steps": 7, "decay_rate": 0.4}),
    (
        "InverseTimeDecay",
        {"initial_learning_rate": 0.3, "decay_steps": 7, "decay_rate": 0.4, "staircase": True},
    ),
    ("PolynomialDecay", {"initial_learning_rate": 0.3, "decay_steps": 7, "power": 1.5}),
    ("PolynomialDecay", {"initial_learning_rate": 0.3, "decay_steps": 7, "power": 1.5, "cycle": True}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 4, 11], "values": [0.5, 0.4, 0.2, 0.1]}),
    ("CosineDecay", {"initial_learning_rate": 0.3, "decay_steps": 17}),
    ("CosineDecay", {"initial_learning_rate": 0.3, "decay_steps": 17, "alpha": 0.2}),
    (
        "CosineDecay",
        {
            "initial_learning_rate": 0.1,
            "decay_steps": 17,
            "alpha": 0.2,
            "warmup_target": 0.3,
            "warmup_steps": 5,
        },
    ),
    (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.3, "first_decay_steps": 4, "m_mul": 0.8, "alpha": 0.1},
    ),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.3, "first_decay_steps": 4, "t_mul": 1.0}),
]


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_schedules(name, options, float64):
    ours, theirs = getattr(schedules, name)(**options), getattr(keras.optimizers.schedules, name)(**options)
    steps = range(40)
    expected = [
        float(keras.ops.convert_to_numpy(theirs(keras.ops.convert_to_tensor(step)))) for step in steps
    ]
    np.testing.assert_allclose([ours(step) for step in steps], expected, rtol=1e-12, atol=1e-15)
    assert ours.get_config() == theirs.get_config()


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_weights_after_fifty_steps_on_a_schedule(name, options, float64):
    start = {key: np.ones(shape) for key, shape in SHAPES.items()}
    weights = []
    for run, library in ((our_weights, schedules), (keras_weights, keras.optimizers.schedules)):
        arguments = {"learning_rate": getattr(library, name)(**options), "momentum": 0.9, "nesterov": True}
        weights.append(run("SGD", arguments, start, "float64", 50))
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("options", [{}, {"pct_start": 0.0}, {"pct_start": 0.5, "anneal_strategy": "linear"}])
def test_one_cycle_is_that_of_pytorch(options):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=25, **options)
    expected = [theirs.get_last_lr()[0]]
    for _ in range(24):
        optimizer.step()
        theirs.step()
        expected.append(theirs.get_last_lr()[0])
    ours = schedules.OneCycle(0.3, 25, **options)
    np.testing.assert_allclose([ours(step) for step in range(25)], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Nadam", "Adagrad", "Adadelta"])
def test_defaults_are_those_of_keras(name):
    ours, theirs = getattr(optimizers, name)().get_config(), getattr(keras.optimizers, name)().get_config()
    assert ours.keys() <= theirs.keys()
    theirs["learning_rate"] = pytest.approx(theirs["learning_rate"], rel=1e-6)  # Keras keeps it in float32
    assert {key: ours[key] for key in ours if key != "name"} == {
        key: theirs[key] for key in ours if key != "name"
    }

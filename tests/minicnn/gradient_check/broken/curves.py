"""Activations with a wrong slope."""

import numpy as np

from tests.minicnn.gradient_check.broken.faults import faults


def curve(f):
    def case(rng, broken):
        x = 1.5 * rng.standard_normal((4, 9))
        return (lambda x: (f(x), x), lambda dy, x: broken(dy, x, f(x))), {"x": x}, {}

    return case


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


faults(
    curve(sigmoid),
    sigmoid_rest=("x", "multiplied by 1 − y", lambda dy, x, y: dy * (1 - y)),
    sigmoid_squared=("x", "1 − y²", lambda dy, x, y: dy * (1 - y**2)),
    sigmoid_twice=("x", "twice", lambda dy, x, y: dy * (y * (1 - y)) ** 2),
    sigmoid_plus=("x", "+", lambda dy, x, y: dy + y * (1 - y)),
)
faults(
    curve(np.tanh),
    tanh_not_squared=("x", "multiplied by 1 − y,", lambda dy, x, y: dy * (1 - y)),
    tanh_plus=("x", "1 + y²", lambda dy, x, y: dy * (1 + y**2)),
    tanh_of_dy=("x", "f′(dy)", lambda dy, x, y: dy * (1 - np.tanh(dy) ** 2)),
)
faults(
    curve(lambda x: x * (x.real > 0)),
    relu_guided=("x", "where x > 0 and dy > 0", lambda dy, x, y: dy * (dy > 0) * (x > 0)),
    relu_forward=("x", "x", lambda dy, x, y: dy * x * (x > 0)),
)
faults(
    curve(lambda x: np.where(x.real > 0, x, 0.1 * x)),
    leaky_zero=("x", "where x < 0", lambda dy, x, y: dy * (x > 0)),
    leaky_one=("x", "the slope is not applied", lambda dy, x, y: dy),
    leaky_everywhere=("x", "where x > 0", lambda dy, x, y: 0.1 * dy),
    leaky_divided=("x", "where x < 0", lambda dy, x, y: np.where(x > 0, dy, dy / 0.1)),
    leaky_of_dy=("x", "where dy > 0", lambda dy, x, y: np.where(dy > 0, dy, 0.1 * dy)),
)
faults(
    curve(lambda x: np.where(x.real > 0, x, 1.5 * (np.exp(x) - 1))),
    elu_alpha_missing=(
        "x",
        "exp(v) is used for the slope",
        lambda dy, x, y: np.where(x > 0, dy, dy * np.exp(x)),
    ),
    elu_no_alpha_added=("x", "y is used for the slope", lambda dy, x, y: np.where(x > 0, dy, dy * y)),
    elu_plus_one=("x", "1 + y is used for the slope", lambda dy, x, y: np.where(x > 0, dy, dy * (y + 1))),
    elu_relu=("x", "dy is multiplied by 1 where y > 0, else 0", lambda dy, x, y: np.where(x > 0, dy, 0)),
)
faults(
    curve(lambda x: x * sigmoid(x)),
    swish_first_term=("x", "product rule", lambda dy, x, y: dy * sigmoid(x)),
)
faults(
    curve(lambda x: np.log(1 + np.exp(x))),
    softplus_exp=("x", "exp(x)", lambda dy, x, y: dy * np.exp(x)),
)
faults(
    curve(np.exp),
    exp_power_rule=("x", "", lambda dy, x, y: dy * x * np.exp(x)),
)
faults(
    curve(
        lambda x: (
            np.clip(x.real, -1, 1) + 1j * x.imag * (abs(x.real) < 1)
            if np.iscomplexobj(x)
            else np.clip(x, -1, 1)
        )
    ),
    hardtanh_one_side=("x", "upper bound", lambda dy, x, y: dy * (x > -1)),
)

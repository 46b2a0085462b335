"""Every optimizer's step on one array. There is no gradient; the Numba kernel is
compared with the reference.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn import ops
from minicnn.gradient_check.suite.draw import Draw


@dataclass(frozen=True)
class UpdateCase:
    """The arrays that a step changes (None: a state that is not used), the gradient, and the options.

    ``update(arrays[0], dw, *arrays[1:], **options)`` changes the arrays in place.
    """

    arrays: list[np.ndarray | None]
    dw: np.ndarray | None
    options: dict[str, Any]


def _case(draw: Draw, states: dict[str, bool], **options: Any) -> UpdateCase:
    """Draw weights, their gradient, and possible states; ``states``: name -> whether it may be None."""
    # empty, one number, a convolution's kernel, a matrix, and an array for several threads
    shape = draw.choice([(0,), (1,), (3, 3, 1, 2), (5, 7), (101, 103)])
    rng = draw.rng()
    arrays: list[np.ndarray | None] = [rng.standard_normal(shape)]
    for name, optional in states.items():
        array = rng.uniform(-0.5, 0.5, shape)
        if name.startswith("v") and name != "velocity":  # a mean of squares is above the square of the mean
            array = 1 + np.abs(array)
        arrays.append(None if optional and draw.boolean() else array)
    options |= {
        "learning_rate": draw.choice([0.01, 0.5]),
        "weight_decay": draw.choice([0.0, 0.1]),
        "scale": draw.choice([1.0, 0.25]),
        "limit": draw.choice([np.inf, 0.5]),
    }
    return UpdateCase(arrays, rng.standard_normal(shape), options)


def _sgd(draw: Draw) -> UpdateCase:
    return _case(draw, {"velocity": True}, momentum=draw.choice([0.0, 0.9]), nesterov=draw.boolean())


def _adam(draw: Draw) -> UpdateCase:
    states = {"m": False, "v": False, "v_max": True}
    return _case(draw, states, beta_1=0.9, beta_2=0.999, epsilon=1e-7, t=draw.choice([1, 2, 1000]))


def _rmsprop(draw: Draw) -> UpdateCase:
    states = {"v": False, "velocity": True, "mean": True}
    return _case(draw, states, rho=0.9, momentum=draw.choice([0.0, 0.5]), epsilon=1e-7)


def _nadam(draw: Draw) -> UpdateCase:
    states = {"m": False, "v": False}
    return _case(draw, states, beta_1=0.9, beta_2=0.999, epsilon=1e-7, t=draw.choice([1, 2, 1500]))


def _adagrad(draw: Draw) -> UpdateCase:
    return _case(draw, {"v": False}, epsilon=1e-7)


def _adadelta(draw: Draw) -> UpdateCase:
    return _case(draw, {"v": False, "v_of_steps": False}, rho=0.95, epsilon=1e-7)


def _average(draw: Draw) -> UpdateCase:
    arrays = _case(draw, {}).arrays
    w = draw.rng().standard_normal(np.asarray(arrays[0]).shape)
    return UpdateCase(arrays, w, {"momentum": draw.choice([0.0, 0.99])})


UPDATES: dict[str, tuple[Callable[..., None], Callable[[Draw], UpdateCase]]] = {
    update.__name__: (update, draw)
    for update, draw in (
        (ops.sgd_update, _sgd),
        (ops.adam_update, _adam),
        (ops.rmsprop_update, _rmsprop),
        (ops.nadam_update, _nadam),
        (ops.adagrad_update, _adagrad),
        (ops.adadelta_update, _adadelta),
        (ops.average_update, _average),
    )
}

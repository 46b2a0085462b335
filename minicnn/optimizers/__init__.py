"""Optimizers: from a gradient to a step.

    optimizer = optimizers.AdamW(schedules.CosineDecay(1e-3, decay_steps=5000), weight_decay=0.01)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(optimizer, loss="categorical_crossentropy")

Names, arguments, defaults and formulas are Keras 3's. Different here: the options of all optimizers are given
by name; ``apply`` takes the parameters and reads their ``grad``; a number as the learning rate is kept in
float64.
"""

from typing import Any

from minicnn._base import keras_errors
from minicnn._base.registry import Registry, serialize
from minicnn.optimizers import schedules
from minicnn.optimizers.adagrad import Adadelta, Adagrad
from minicnn.optimizers.adam import Adam, AdamW, Nadam
from minicnn.optimizers.base import Optimizer
from minicnn.optimizers.rmsprop import RMSprop
from minicnn.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

keras_errors.add_getattr(__name__)
_registry = Registry("optimizer", [SGD, Adam, AdamW, Nadam, RMSprop, Adagrad, Adadelta])


def get(identifier: Any) -> Optimizer:
    """Return the optimizer of a name ("adam"), of a dictionary that :func:`serialize` made, or the one given.

    Raises:
        ValueError: there is no such optimizer.
        TypeError: ``identifier`` is something else.
        NotImplementedError: Keras has it, minicnn has not.
    """
    optimizer = _registry.get(identifier)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer={identifier!r}: expected a name, a dictionary or an Optimizer")
    return optimizer


deserialize = get

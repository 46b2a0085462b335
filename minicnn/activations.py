"""Activation functions by themselves, as `keras.activations`: for arrays, and to name one in a layer.

    layers.Conv2D(32, 3, activation="relu")
    layers.Conv2D(32, 3, activation=activations.relu)      # the same
    activations.softmax(np.array([[1.0, 2.0]]))            # array([[0.26894142, 0.73105858]])

The gradients are those of the layers: minicnn.layers.activations.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn import backend, ops
from minicnn._base import keras_errors

__all__ = [
    "deserialize",
    "elu",
    "gelu",
    "get",
    "leaky_relu",
    "linear",
    "log_softmax",
    "relu",
    "serialize",
    "sigmoid",
    "softmax",
    "tanh",
]
__getattr__ = keras_errors.names_of(__name__)


def relu(x: Any, negative_slope: float = 0.0) -> np.ndarray:
    """Return x where it is positive, negative_slope · x elsewhere."""
    return _apply("leaky_relu", x, negative_slope) if negative_slope else _apply("relu", x)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> np.ndarray:
    """Return x where it is positive, negative_slope · x elsewhere."""
    return _apply("leaky_relu", x, negative_slope)


def elu(x: Any, alpha: float = 1.0) -> np.ndarray:
    """Return x where it is positive, alpha · (eˣ − 1) elsewhere."""
    return _apply("elu", x, alpha)


def gelu(x: Any, approximate: bool = False) -> np.ndarray:
    """Return x · Φ(x), Φ the normal distribution's."""
    return _apply("gelu", x, approximate)


def sigmoid(x: Any) -> np.ndarray:
    """Return 1 / (1 + e⁻ˣ)."""
    return _apply("sigmoid", x)


def tanh(x: Any) -> np.ndarray:
    """Return tanh x."""
    return _apply("tanh", x)


def softmax(x: Any) -> np.ndarray:
    """Return eˣ of each entry over the sum of its row."""
    return _apply("softmax", x)


def log_softmax(x: Any) -> np.ndarray:
    """Return the logarithm of softmax, without underflow."""
    return _apply("log_softmax", x)


def linear(x: Any) -> np.ndarray:
    """Return x."""
    return np.asarray(x)


FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    function.__name__: function
    for function in (relu, leaky_relu, elu, gelu, sigmoid, tanh, softmax, log_softmax, linear)
}


def _apply(name: str, x: Any, *options: Any) -> np.ndarray:
    x = np.asarray(x)
    if x.dtype.kind not in "fc":
        x = x.astype(backend.floatx())
    y, _ = getattr(ops, f"{name}_forward")(x, *options)
    return y


def name_of(activation: Any) -> str:
    """Return the name of an activation: a name, a function of this module, or None for "linear".

    Raises:
        ValueError: there is no activation of that name.
        NotImplementedError: it is one of Keras's that is not here, or a function of your own: how its gradient is
            computed is not known.
    """
    if activation is None:
        return "linear"
    if isinstance(activation, str):
        if activation in FUNCTIONS:
            return activation
        keras_errors.refuse_name(__name__, activation)
        raise ValueError(f"activation={activation!r}: expected one of {', '.join(FUNCTIONS)} or None")
    for name, function in FUNCTIONS.items():
        if activation is function:
            return name
    if callable(activation):
        raise NotImplementedError(
            f"activation={activation!r}: the gradient of a function of your own is not known. Nearest: "
            f"{', '.join(FUNCTIONS)}, or a layer of your own with forward and backward: see minicnn.layers.base"
        )
    raise ValueError(f"activation={activation!r}: expected a name, such as 'relu', or None")


def get(identifier: Any) -> Callable[..., np.ndarray]:
    """Return the function of a name or of None, "linear"; a function of this module as it is.

    Raises:
        ValueError, NotImplementedError: as :func:`name_of`.
    """
    return FUNCTIONS[name_of(identifier)]


def serialize(activation: Callable[..., np.ndarray]) -> str:
    """Return the name of a function of this module."""
    return name_of(activation)


deserialize = get

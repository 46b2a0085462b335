"""Activation functions by themselves, as `keras.activations`: for arrays, and to name one in a layer.

    layers.Conv2D(32, 3, activation="relu")
    layers.Conv2D(32, 3, activation=activations.relu)      # the same
    activations.softmax(np.array([[1.0, 2.0]]))            # array([[0.26894142, 0.73105858]])

``TABLE`` says everything that the rest of the library has to know of an activation. To add one, write its two
passes (minicnn.ops.reference.activations, minicnn.ops.kernels.activations), a function here, and a row of the
table: layers, gradient checks, the ONNX export and the tests go over its rows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minicnn import backend, ops
from minicnn._base import keras_errors

__all__ = [
    "deserialize",
    "elu",
    "gelu",
    "get",
    "hard_sigmoid",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "serialize",
    "sigmoid",
    "softmax",
    "tanh",
]
keras_errors.add_getattr(__name__)

# ---- the functions -----------------------------------------------------------------------------------------


def relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> np.ndarray:
    """Return x above ``threshold``, negative_slope · (x − threshold) elsewhere; but at most ``max_value``."""
    if threshold or max_value is not None:
        return relu6(x, max_value, negative_slope, threshold)
    return leaky_relu(x, negative_slope) if negative_slope else _apply(ops.relu_forward, x)


def relu6(
    x: Any, max_value: float | None = 6.0, negative_slope: float = 0.0, threshold: float = 0.0
) -> np.ndarray:
    """Return :func:`relu` with a limit, 6 by default."""
    return _apply(ops.relu6_forward, x, max_value, negative_slope, threshold)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> np.ndarray:
    """Return x where it is positive, negative_slope · x elsewhere."""
    return _apply(ops.leaky_relu_forward, x, negative_slope)


def elu(x: Any, alpha: float = 1.0) -> np.ndarray:
    """Return x where it is positive, alpha · (eˣ − 1) elsewhere."""
    return _apply(ops.elu_forward, x, alpha)


def gelu(x: Any, approximate: bool = False) -> np.ndarray:
    """Return x · Φ(x), Φ the normal distribution's."""
    return _apply(ops.gelu_forward, x, approximate)


def mish(x: Any) -> np.ndarray:
    """Return x · tanh(log(1 + eˣ))."""
    return _apply(ops.mish_forward, x)


def sigmoid(x: Any) -> np.ndarray:
    """Return 1 / (1 + e⁻ˣ)."""
    return _apply(ops.sigmoid_forward, x)


def hard_sigmoid(x: Any) -> np.ndarray:
    """Return (x + 3) / 6, but 0 where that is negative and 1 where it is more than 1."""
    return _apply(ops.hard_sigmoid_forward, x)


def tanh(x: Any) -> np.ndarray:
    """Return tanh x."""
    return _apply(ops.tanh_forward, x)


def softmax(x: Any, axis: int = -1) -> np.ndarray:
    """Return eˣ of each entry over the sum along the axis: of its row."""
    return _along(ops.softmax_forward, x, axis)


def log_softmax(x: Any, axis: int = -1) -> np.ndarray:
    """Return the logarithm of softmax, without underflow."""
    return _along(ops.log_softmax_forward, x, axis)


def linear(x: Any) -> np.ndarray:
    """Return x."""
    return x if hasattr(x, "activated") else np.asarray(x)  # type: ignore[no-any-return]


def _along(forward: Callable[..., Any], x: Any, axis: int) -> np.ndarray:
    if axis in (-1, np.ndim(x) - 1) or hasattr(x, "activated"):
        if axis not in (-1, len(x.shape) - 1):
            raise NotImplementedError(f"axis={axis!r} of a symbol: only the last axis, -1")
        return _apply(forward, x)
    return np.moveaxis(_apply(forward, np.moveaxis(np.asarray(x), axis, -1)), -1, axis)


def _apply(forward: Callable[..., Any], x: Any, *options: Any) -> np.ndarray:
    """Run a forward pass on an array; a symbol (minicnn.layers.symbol) is told which."""
    if hasattr(x, "activated"):
        row = next(row for row in TABLE.values() if row.forward is forward)
        return x.activated(row.name, dict(zip(row.options, options)))  # type: ignore[no-any-return]
    x = np.asarray(x)
    if x.dtype.kind not in "fc":
        x = x.astype(backend.floatx())
    y, _ = forward(x, *options)
    return y


# ---- the table ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One activation.

    Attributes:
        function: the function for arrays; the activation has its name.
        forward: ``forward(x, **options) -> (y, cache)``.
        backward: ``backward(dy, cache) -> dx``.
        onnx: ``onnx(op, x, **options) -> y`` adds it to an ONNX graph: x and y are names of
            values there, and ``op("Mul", x, 2.0, **attributes)`` adds an operation on names and
            numbers and returns its output's name.
        options: what forward takes besides x, with the values that Keras gives them when
            the activation is named alone.
        by_row: whether an entry of y depends on a whole row of x (the last axis), not on one entry; then
            ``onnx`` takes ``axis`` too, the row's axis in the graph.
    """

    function: Callable[..., np.ndarray]
    forward: Callable[..., Any]
    backward: Callable[..., np.ndarray]
    onnx: Callable[..., str]
    options: dict[str, Any] = field(default_factory=dict)
    by_row: bool = False

    @property
    def name(self) -> str:
        """The name of the activation."""
        return self.function.__name__


def _relu6_in_onnx(
    op: Callable[..., str], x: str, max_value: float | None, negative_slope: float, threshold: float
) -> str:
    limited = x if max_value is None else op("Min", x, float(max_value))
    below = op("Mul", op("Sub", x, float(threshold)), float(negative_slope))
    return op("Where", op("Greater", x, float(threshold)), limited, below)


def _gelu_in_onnx(op: Callable[..., str], x: str, approximate: bool) -> str:
    """x · Φ(x), composed of older operations: Gelu itself came with opset 20."""
    if approximate:  # 2·Φ(x) ≈ 1 + tanh(√(2/π)·(x + 0.044715·x³))
        inner = op("Add", x, op("Mul", op("Mul", op("Mul", x, x), x), 0.044715))
        step = op("Tanh", op("Mul", inner, math.sqrt(2 / math.pi)))
    else:  # 2·Φ(x) = 1 + erf(x/√2)
        step = op("Erf", op("Mul", x, math.sqrt(0.5)))
    return op("Mul", op("Mul", x, 0.5), op("Add", step, 1.0))


TABLE: dict[str, Row] = {
    row.name: row
    for row in (
        Row(relu, ops.relu_forward, ops.relu_backward, onnx=lambda op, x: op("Relu", x)),
        Row(
            leaky_relu,
            ops.leaky_relu_forward,
            ops.leaky_relu_backward,
            onnx=lambda op, x, negative_slope: op("LeakyRelu", x, alpha=float(negative_slope)),
            options={"negative_slope": 0.2},
        ),
        Row(
            relu6,
            ops.relu6_forward,
            ops.relu6_backward,
            onnx=_relu6_in_onnx,
            options={"max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0},
        ),
        Row(
            elu,
            ops.elu_forward,
            ops.elu_backward,
            onnx=lambda op, x, alpha: op("Elu", x, alpha=float(alpha)),
            options={"alpha": 1.0},
        ),
        Row(gelu, ops.gelu_forward, ops.gelu_backward, onnx=_gelu_in_onnx, options={"approximate": False}),
        Row(
            mish,
            ops.mish_forward,
            ops.mish_backward,
            onnx=lambda op, x: op("Mul", x, op("Tanh", op("Softplus", x))),
        ),
        Row(sigmoid, ops.sigmoid_forward, ops.sigmoid_backward, onnx=lambda op, x: op("Sigmoid", x)),
        Row(
            hard_sigmoid,
            ops.hard_sigmoid_forward,
            ops.hard_sigmoid_backward,
            onnx=lambda op, x: op("HardSigmoid", x, alpha=1 / 6, beta=0.5),
        ),
        Row(tanh, ops.tanh_forward, ops.tanh_backward, onnx=lambda op, x: op("Tanh", x)),
        Row(
            softmax,
            ops.softmax_forward,
            ops.softmax_backward,
            onnx=lambda op, x, axis: op("Softmax", x, axis=axis),
            by_row=True,
        ),
        Row(
            log_softmax,
            ops.log_softmax_forward,
            ops.log_softmax_backward,
            onnx=lambda op, x, axis: op("LogSoftmax", x, axis=axis),
            by_row=True,
        ),
        Row(linear, lambda x: (x, None), lambda dy, _: dy, onnx=lambda op, x: x),
    )
}


# ---- by name -----------------------------------------------------------------------------------------------


def name_of(activation: Any) -> str:
    """Return the name of an activation: a name, a function of this module, or None for "linear".

    Raises:
        ValueError: there is no activation of that name.
        NotImplementedError: Keras has it and minicnn has not, or it is a function of your own,
            whose gradient is not known.
    """
    if activation is None:
        return "linear"
    if isinstance(activation, str):
        if activation in TABLE:
            return activation
        keras_errors.refuse_name(__name__, activation)
        raise ValueError(f"activation={activation!r}: expected one of {', '.join(TABLE)} or None")
    for row in TABLE.values():
        if activation is row.function:
            return row.name
    if callable(activation):
        raise NotImplementedError(
            f"activation={activation!r}: the gradient of a function of your own is not known. Nearest: "
            f"{', '.join(TABLE)}, or a layer of your own with forward and backward: see minicnn.layers.base"
        )
    raise ValueError(f"activation={activation!r}: expected a name, such as 'relu', or None")


def get(identifier: Any) -> Callable[..., np.ndarray]:
    """Return the function of a name or of None, "linear"; a function of this module as it is.

    Raises:
        ValueError, NotImplementedError: as :func:`name_of`.
    """
    return TABLE[name_of(identifier)].function


def serialize(activation: Callable[..., np.ndarray]) -> str:
    """Return the name of a function of this module."""
    return name_of(activation)


deserialize = get

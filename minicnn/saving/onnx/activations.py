"""What each activation becomes in ONNX; the formulas are those of minicnn.ops.reference.activations."""

import inspect
import math
from collections.abc import Callable

from minicnn.ops import reference
from minicnn.saving.onnx.graph import Graph, Value

# our name -> ONNX's; the option of a function, if it has one, is called alpha there
OPERATIONS = {
    "relu": "Relu",
    "leaky_relu": "LeakyRelu",
    "elu": "Elu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
}


def activated(graph: Graph, name: str, activation: str, x: Value, *options: float) -> Value:
    """Add an activation by our name of it; return its output.

    Raises:
        NotImplementedError: it is not known how.
    """
    if activation == "linear":
        return x
    if activation in OPERATIONS:
        # of the functions that have an option, each has one
        attributes = dict(zip(["alpha"], map(float, options or _defaults(activation))))
        output = graph.add(OPERATIONS[activation], [x.name], name, **attributes)
        return Value(output, x.shape, x.channels_first)
    if activation not in COMPOSED:
        known = ", ".join([*OPERATIONS, *COMPOSED])
        raise NotImplementedError(
            f"{name}: {activation!r} cannot be exported as ONNX; those that can are {known}"
        )
    return Value(COMPOSED[activation](graph, name, x, *options), x.shape, x.channels_first)


def _defaults(activation: str) -> list[float]:
    """Return what an activation's options are when none are given."""
    parameters = inspect.signature(getattr(reference, f"{activation}_forward")).parameters.values()
    return [parameter.default for parameter in parameters if parameter.default is not parameter.empty]


def _softmax(graph: Graph, name: str, x: Value) -> str:
    return graph.add("Softmax", [x.name], name, axis=1 if x.channels_first else -1)


def _log_softmax(graph: Graph, name: str, x: Value) -> str:
    return graph.add("LogSoftmax", [x.name], name, axis=1 if x.channels_first else -1)


def _gelu(graph: Graph, name: str, x: Value, approximate: float = False) -> str:
    """x · Φ(x), put together from older operations: Gelu itself came with opset 20."""

    def result(operation: str, *inputs: str | float) -> str:
        names = [i if isinstance(i, str) else graph.constant(i, f"{name}/constant") for i in inputs]
        return graph.add(operation, names, name)

    if approximate:
        # Φ(x) ≈ (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2
        cube = result("Mul", result("Mul", x.name, x.name), x.name)
        inner = result("Add", x.name, result("Mul", cube, 0.044715))
        step = result("Tanh", result("Mul", inner, math.sqrt(2 / math.pi)))
    else:
        # Φ(x) = (1 + erf(x/√2)) / 2
        step = result("Erf", result("Mul", x.name, math.sqrt(0.5)))
    return result("Mul", result("Mul", x.name, 0.5), result("Add", step, 1.0))


COMPOSED: dict[str, Callable[..., str]] = {"softmax": _softmax, "log_softmax": _log_softmax, "gelu": _gelu}

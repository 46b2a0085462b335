"""Which function exports which layer: each takes the graph, the layer and its inputs, and returns its output."""

from collections.abc import Callable
from typing import Any

from minicnn.exchange.onnx_graph import Graph, Value

Export = Callable[..., Value]
EXPORTS: dict[type, Export] = {}


def exports(*kinds: type) -> Callable[[Export], Export]:
    """Make the decorated function the one that exports layers of these classes."""

    def register(function: Export) -> Export:
        EXPORTS.update(dict.fromkeys(kinds, function))
        return function

    return register


def exported(graph: Graph, layer: Any, *values: Value) -> Value:
    """Add what a layer computes to the graph; return its output.

    Raises:
        NotImplementedError: it is not known how.
    """
    for kind in type(layer).__mro__:
        # a subclass that computes something else is another layer
        if kind in EXPORTS and getattr(kind, "forward", None) is type(layer).forward:
            return EXPORTS[kind](graph, layer, *values)
    known = ", ".join(sorted(kind.__name__ for kind in EXPORTS))
    raise NotImplementedError(
        f"{layer.name}: a {type(layer).__name__} cannot be exported as ONNX; those that can are {known}"
    )

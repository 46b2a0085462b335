"""Which function exports which layer: it takes the graph, the layer and its inputs, and returns its output."""

from typing import Any

from minicnn.layers.class_dispatch import ClassDispatch
from minicnn.saving.onnx.graph import Graph, Value

EXPORTS = ClassDispatch()
exports = EXPORTS.register


def exported(graph: Graph, layer: Any, *values: Value) -> Value:
    """Add a layer to the graph; return its output.

    Raises:
        NotImplementedError: there is no export for its class.
    """
    export = EXPORTS.find(layer)
    if export is not None:
        return export(graph, layer, *values)
    known = ", ".join(sorted(kind.__name__ for kind in EXPORTS.functions))
    raise NotImplementedError(
        f"{layer.name}: a {type(layer).__name__} cannot be exported as ONNX; those that can are {known}"
    )

"""Which function records which layer: each adds the layer's nodes to the tape and returns the id of the last.

A layer without such a function becomes one node, Opaque: the library's numbers, without the arithmetic.
"""

from minicnn.explain.recording.tape import Tape
from minicnn.layers.base import Layer
from minicnn.layers.class_dispatch import ClassDispatch

RECORDERS = ClassDispatch()
recorder_of = RECORDERS.register


def record_layer(tape: Tape, layer: Layer, *inputs: int) -> int:
    """Add a layer's nodes to the tape; return the id of the last."""
    return (RECORDERS.find(layer) or record_opaque)(tape, layer, *inputs)


def record_opaque(tape: Tape, layer: Layer, *inputs: int) -> int:
    """Add a node that shows what the library computed, without the arithmetic."""
    kind, function = type(layer).__name__, getattr(layer, "activation", None)
    what = f"{kind}({function!r})" if kind == "Activation" else kind
    message = f"This page has no arithmetic for {what}: it shows what the library computed."
    if layer.weights:
        message += " Its weights are not shown."
    tape.note(f"{layer.name}: {message}")
    return tape.add("Opaque", layer, list(inputs), message=message)

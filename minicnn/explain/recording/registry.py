"""Which function opens up which layer: each adds the layer's nodes to the tape and returns the id of the last.

A layer that none is known for becomes one node, Opaque: the library's numbers, without the arithmetic.
"""

from minicnn.explain.recording.tape import Tape
from minicnn.layers.base import Layer
from minicnn.layers.class_dispatch import ClassDispatch

OPENERS = ClassDispatch()
opens = OPENERS.register


def opened(tape: Tape, layer: Layer, *inputs: int) -> int:
    """Add a layer's nodes to the tape; return the id of the last."""
    return (OPENERS.find(layer) or opaque)(tape, layer, *inputs)


def opaque(tape: Tape, layer: Layer, *inputs: int) -> int:
    """Add a node that shows what the library computed, and no arithmetic."""
    message = f"This page cannot open up a {type(layer).__name__}: it shows what the library computed."
    if layer.weights:
        message += " Its weights are not shown."
    tape.note(f"{layer.name}: {message}")
    return tape.add("Opaque", layer, list(inputs), message=message)

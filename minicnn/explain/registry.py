"""Which function opens up which layer: each adds the layer's nodes to the tape and returns the id of the last.

A layer that none is known for becomes one node, Opaque: the library's numbers, without the arithmetic.
"""

from collections.abc import Callable

from minicnn.explain.tape import Tape
from minicnn.layers.base import Layer

Opener = Callable[..., int]
OPENERS: dict[type, Opener] = {}


def opens(*kinds: type) -> Callable[[Opener], Opener]:
    """Make the decorated function the one that opens up layers of these classes."""

    def register(function: Opener) -> Opener:
        OPENERS.update(dict.fromkeys(kinds, function))
        return function

    return register


def opened(tape: Tape, layer: Layer, *inputs: int) -> int:
    """Add a layer's nodes to the tape; return the id of the last."""
    for kind in type(layer).__mro__:
        # a subclass that computes something else is another layer
        if kind in OPENERS and getattr(kind, "forward", None) is type(layer).forward:
            return OPENERS[kind](tape, layer, *inputs)
    return opaque(tape, layer, *inputs)


def opaque(tape: Tape, layer: Layer, *inputs: int) -> int:
    """Add a node that shows what the library computed, and no arithmetic."""
    message = f"This page cannot open up a {type(layer).__name__}: it shows what the library computed."
    if layer.weights:
        message += " Its weights are not shown."
    tape.note(f"{layer.name}: {message}")
    return tape.add("Opaque", layer, list(inputs), message=message)

"""A section of a net: which of its nodes are recorded, and what has to be recorded in place of the others.

    "conv2d_2:dense"   from the first node of one layer to the last node of the other, both included
    "conv2d_2"         one layer        "conv2d_2:"   to the end        ":conv2d_2"   from the image
    "3:7"              layers by number, as model.layers counts them

The values that come into the section from before it are recorded, and the gradients
that come back from after it.
"""

from typing import Any, NamedTuple

from minicnn.explain.recording.tape import Tape


class Section(NamedTuple):
    """The nodes ``first`` to ``last`` of a tape, both included; ``entries`` are the
    earlier ones that they need.
    """

    first: int
    last: int
    entries: list[int]

    def is_net(self, tape: Tape) -> bool:
        """Whether it is a net by itself, the whole one or its end: one value comes in, the loss follows."""
        return self.last == len(tape.nodes) - 1 and len(self.entries) == 1


def section_of(tape: Tape, model: Any, layers: str | None) -> Section:
    """Return the section that ``layers`` names; for None everything after the image.

    Raises:
        ValueError: there are no such layers, or the second comes before the first.
    """
    start, colon, stop = (layers or ":").partition(":")
    if not colon:
        stop = start
    first = min(_nodes_of(tape, model, start, layers)) if start else 1
    last = max(_nodes_of(tape, model, stop, layers)) if stop else len(tape.nodes) - 1
    if last < first:
        raise ValueError(f"layers={layers!r}: {stop} comes before {start}; write {stop}:{start}")
    inside = tape.nodes[first : last + 1]
    return Section(first, last, sorted({each for node in inside for each in node.inputs if each < first}))


def _nodes_of(tape: Tape, model: Any, layer: str, layers: str | None) -> list[int]:
    """Return the ids of the nodes of a layer: of its name, or its number."""
    name = layer.strip()
    if name.lstrip("-").isdigit() and -len(model.layers) <= int(name) < len(model.layers):
        name = model.layers[int(name)].name
    found = [node.id for node in tape.nodes[1:] if name in (node.name, *node.owners)]
    if not found:
        raise ValueError(
            f"layers={layers!r}: no layer {layer!r} here, expected A:B with A and B of {names(model, tape)}"
        )
    return found


def names(model: Any, tape: Tape) -> str:
    """Return the model's layers that can be named, as text."""
    shown = {owner for node in tape.nodes for owner in node.owners}
    return ", ".join(layer.name for layer in model.layers if layer.name in shown)

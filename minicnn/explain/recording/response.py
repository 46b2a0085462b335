"""What the page needs of a layer that it cannot compute: a nudge before it, and the update, go through its output.

    slopes   ∂y_j/∂x_i where they are not 0, measured on the layer's forward pass, by forward differences: the page
             moves the layer's output along them. So a nudge of a number before the layer is right for a small ε
    after    its output with all weights as they are after the optimizer's step: exact

A layer that treats each number by itself is measured in two passes; of another, each number of the input is
moved in a pass of its own, if these are few. What could not be measured is said in a sentence.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minicnn import ops
from minicnn._base.messages import counted
from minicnn.explain.recording.tape import Node, Tape

MOST_INPUTS = 1024  # numbers of an input that are moved one by one
MOST_SLOPES = 50_000


Slopes = dict[str, np.ndarray]


def responses(
    tape: Tape,
    closed: Sequence[Node],
    number: Mapping[int, int],
    values_after: Callable[[], list[np.ndarray]],
) -> dict[int, dict[str, Any]]:
    """Return node id -> {"slopes": {number of the input: {"of", "to", "value"}}, "missing": a sentence or None,
    "after": …}: output number ``to[n]`` has the slope ``value[n]`` in input number ``of[n]``.

    It is empty if one of the layers gives other numbers each time it runs.

    Args:
        tape: of the step.
        closed: its nodes that the page cannot compute.
        number: node id -> the number that the recording has for it.
        values_after: returns all values with the weights after the step, and may leave those changed.
    """
    values, found = [node.value for node in tape.nodes], {}
    with ops.use("reference"):
        for node in closed:
            if not np.array_equal(node.forward(*(values[each] for each in node.inputs)), node.value):
                return {}
            slopes = [slopes_in(node, values, place) for place in range(len(node.inputs))]
            pairs = zip((str(number[each]) for each in node.inputs), slopes)
            lost = None if all(each is not None for each in slopes) else _why_lost(node, values)
            found[node.id] = {
                "slopes": {key: each for key, each in pairs if each is not None},
                "missing": lost,
            }
    after = values_after()
    return {id: {**each, "after": after[id][0]} for id, each in found.items()}


def _why_lost(node: Node, values: Sequence[np.ndarray]) -> str:
    inputs = max(values[each].size for each in node.inputs)
    return (
        f"How the output of {node.name} follows a change is not recorded: from {counted(inputs, 'number')} it computes "
        f"{counted(node.value.size, 'number')}, so it has too many slopes. What comes after it can be nudged."
    )


def slopes_in(node: Node, values: Sequence[np.ndarray], place: int) -> Slopes | None:
    """Return the slopes of a node's output in its input number ``place``; None if they are too many to measure.

    Args:
        node: one whose layer is repeatable.
        values: those of all nodes.
        place: counts the node's inputs.
    """
    inputs = [values[each] for each in node.inputs]
    x, size = inputs[place], inputs[place].size
    step = (1e-6 if node.value.dtype == np.float64 else 1e-3) * max(1.0, float(np.abs(x).max()))

    def change(direction: np.ndarray) -> np.ndarray:
        moved = [x + step * direction if n == place else each for n, each in enumerate(inputs)]
        return (node.forward(*moved) - node.value).reshape(-1) / step

    if node.value.shape == x.shape:
        own = change(np.ones(x.shape))
        random = np.random.default_rng(0).uniform(0.5, 1, x.shape)
        if np.allclose(change(random), own * random.reshape(-1), 1e-3, 1e-4 * float(np.abs(own).max())):
            (found,) = np.nonzero(own)
            return _slopes(found, found, own[found]) if len(found) <= MOST_SLOPES else None
    if size > MOST_INPUTS:
        return None
    of, to, slopes, count = [], [], [], 0
    for number in range(size):
        column = change(np.eye(1, size, number).reshape(x.shape))
        (found,) = np.nonzero(column)
        count += len(found)
        if count > MOST_SLOPES:
            return None
        of.append(np.full(len(found), number))
        to.append(found)
        slopes.append(column[found])
    return _slopes(np.concatenate(of), np.concatenate(to), np.concatenate(slopes))


def _slopes(of: np.ndarray, to: np.ndarray, value: np.ndarray) -> Slopes:
    return {"of": of, "to": to, "value": value}

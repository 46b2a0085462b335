"""What the page has to compute from a recording: every number of the step, by
minicnn's own layers in float64.

    python -m tests.minicnn.explain.expected FOLDER       for each net of nets.py: NAME.json, NAME.expected.json

All dictionaries are by node id; arrays have no batch axis. "gradients" lacks the
softmax that cross-entropy is taken
together with: p − t comes in below it.
"""

import json
import sys
from pathlib import Path

import numpy as np

from minicnn import ops
from minicnn.explain.recording.record import record, run_step
from minicnn.explain.recording.tape import rounded
from minicnn.explain.recording.update import SLOTS
from tests.minicnn.explain.nets import NETS, image


def expected(model, x, y, *, optimizer=None, seed=0):
    """Return the numbers of one step of the whole net: see the end of this function."""
    made = run_step(model, x, y, optimizer=optimizer, seed=seed)
    tape, update = made.tape, made.update
    with ops.use("reference"):
        loss, seeds = made.objective.measure([node.value for node in tape.nodes])
        gradients = tape.backward(seeds)
        loss += penalty(made)
        weight_gradients = {node.id: gradients_of(node, update) for node in tape.nodes}
        slots = moved(made, weight_gradients)
        # batch norm's moving statistics moved with the forward pass
        weights = {
            node.id: {name: node.parameter(name).value.copy() for name in node.weights} for node in tape.nodes
        }
        after, _ = made.objective.measure(tape.values())
        after += penalty(made)
    return {
        "values": {node.id: node.value[0] for node in tape.nodes},
        "gradients": {number: array[0] for number, array in gradients.values.items()},
        "weight_gradients": weight_gradients,
        "weights_after": weights,
        "slots_after": slots,
        "loss": loss,
        "loss_after": after,
    }


def penalty(made):
    """Return the sum of the penalties of the weights as they are now."""
    return sum(
        float(weight.regularizer(node.parameter(name).value))
        for node in made.tape.nodes
        for name, weight in node.weights.items()
        if weight.regularizer is not None and made.update.moves(weight)
    )


def gradients_of(node, update):
    """Return the gradients of a node's weights, penalties included."""
    found = {}
    for name, weight in node.weights.items():
        copy = node.parameter(name)
        if copy.grad is not None:
            found[name] = copy.grad
            if weight.regularizer is not None and update.moves(weight):
                found[name] = copy.grad + weight.regularizer.gradient(copy.value)
    return found


def moved(made, weight_gradients):
    """Let the optimizer move the copies of the weights; return its state after, under the page's names."""
    places = {id(weight): (node, name) for node in made.tape.nodes for name, weight in node.weights.items()}
    closed = {id(own): copy for node in made.tape.nodes if node.is_opaque for own, copy in node.copies}
    parameters = []
    for weight in made.update.parameters:
        node, name = places.get(id(weight), (None, None))
        copy = closed[id(weight)] if node is None else node.parameter(name)
        if node is not None:
            copy.grad = weight_gradients[node.id][name]
        parameters.append(copy)
    optimizer = made.update.optimizer
    optimizer.build(parameters)
    optimizer.set_state({name: rounded(x) if "/" in name else x for name, x in made.update.state.items()})
    optimizer.apply(parameters)
    state, names = optimizer.get_state(), SLOTS[type(optimizer)]
    slots = {node.id: {name: {} for name in node.weights} for node in made.tape.nodes}
    for number, weight in enumerate(made.update.parameters):
        if id(weight) in places:
            node, name = places[id(weight)]
            slots[node.id][name] = {names[slot]: state[f"{slot}/{number}"] for slot in optimizer.slots}
    return slots


def plain(value):
    """Return arrays as lists of numbers, shapes left out."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return np.ravel(value).tolist() if isinstance(value, np.ndarray) else float(value)


def main(folder):
    for name, net in NETS.items():
        for suffix, make in (("json", record), ("expected.json", expected)):
            made = make(net(), image(), 1)
            text = json.dumps(plain(made) if make is expected else made)
            (Path(folder) / f"{name}.{suffix}").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

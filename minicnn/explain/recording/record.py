"""A training step of a net on one image, as the page gets it: the arrays of which it computes the rest.

    recording = record(model, image, label)      JSON-able; its arrays are {"shape", "data": base64 of float32}

What is in it: the image, the target, each node with its configuration, weights and the optimizer's
state, dropout masks, the loss, the optimizer. There are no values and no gradients, except what the
page cannot compute: those of layers without arithmetic, and what comes in and out of a section of a
net. The model is not changed.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn import ops
from minicnn._base.messages import counted, shown
from minicnn._base.registry import to_json
from minicnn.explain.describe import words_for
from minicnn.explain.recording import compute, structure  # noqa: F401, importing them registers their functions
from minicnn.explain.recording.objective import Objective, objective_of
from minicnn.explain.recording.registry import record_layer
from minicnn.explain.recording.response import responses
from minicnn.explain.recording.section import Section, section_of
from minicnn.explain.recording.tape import Gradients, Node, Tape
from minicnn.explain.recording.update import Update, update_of
from minicnn.regularizers import L1L2
from minicnn.saving.checks import check_built

FORMAT = 2


@dataclass
class Step:
    """A training step: its nodes, what it minimizes, the optimizer, and the section that is recorded."""

    tape: Tape
    objective: Objective
    update: Update
    section: Section

    def gradients(self) -> Gradients:
        """Run the backward pass."""
        with ops.use("reference"):
            _, seeds = self.objective.measure([node.value for node in self.tape.nodes])
            return self.tape.backward(seeds)

    def values_after(self) -> list[np.ndarray]:
        """Move the copies of the weights as the optimizer does, by the gradients that they have; return all values
        then.
        """
        pairs = [pair for node in self.tape.nodes for pair in node.copies if self.update.moves(pair[0])]
        with ops.use("reference"):
            self.update.move(pairs)
            return self.tape.values()


@ops.in_turn
def run_step(
    model: Any, x: Any, y: Any, *, optimizer: Any = None, layers: str | None = None, seed: int = 0
) -> Step:
    """Run a net forward on one image, in float64 on the reference operations; see :func:`record`."""
    image = _image(model, x)
    tape = Tape(image, seed)
    with ops.use("reference"):
        record_layer(tape, model, 0)
        objective = objective_of(tape, model, y)
    update = update_of(model, optimizer, tape.note)
    return Step(tape, objective, update, section_of(tape, model, layers))


def record(
    model: Any,
    x: Any,
    y: Any,
    *,
    classes: Any = None,
    optimizer: Any = None,
    layers: str | None = None,
    title: str | None = None,
    docs: str | None = "backprop/",
    notes: Sequence[str] = (),
    seed: int = 0,
) -> dict[str, Any]:
    """Return a training step as JSON-able values.

    Args:
        model: a built Sequential or Model, from one image to one row of numbers.
        x: the image, (H, W, C) or (1, H, W, C), or (H, W) where C is 1; as the model takes it, not scaled.
        y: the true class, or a row of targets.
        classes: their names.
        optimizer: the one that takes the step, or a name for a new one; None: the model's own.
        layers: "A:B", names or numbers of layers: only that section of the net is recorded.
        title: of the page.
        docs: the address of the folder docs/backprop, with a slash at its end, for links: http, https or relative to
            the page; None: no links.
        notes: sentences for the page; those of the recording follow.
        seed: of the dropout masks.

    Raises:
        ValueError: one of these is not as above, or the net cannot be explained.
    """
    _check_docs(docs)
    made = run_step(model, x, y, optimizer=optimizer, layers=layers, seed=seed)
    tape, section, objective = made.tape, made.section, made.objective
    if classes is not None and len(classes) != objective.target.size:
        raise ValueError(f"classes={list(classes)!r}: {len(classes)} names, expected {objective.target.size}")
    inside = tape.nodes[section.first : section.last + 1]
    # the recording numbers the nodes anew: first what comes in, then what is computed from it
    number = {id: place for place, id in enumerate([*section.entries, *(node.id for node in inside)])}
    # the page computes all gradients, unless there are nodes that it cannot compute
    whole = section.is_net(tape)
    gradients = made.gradients() if not whole or any(node.is_opaque for node in inside) else None
    closed = [node for node in inside if node.is_opaque] if whole else []
    answers = responses(tape, closed, number, made.values_after) if closed else {}
    image = tape.nodes[section.entries[0]].value[0] if whole else tape.nodes[0].value[0]
    if whole and section.entries != [0]:
        before = tape.nodes[section.entries[0]].name
        tape.note(f"Only the end of the net is shown: its input is the output of {before}.")
    update = made.update.describe()
    kinds = ["Input", *(node.type for node in inside), objective.kind, update["type"]]
    described = {
        "format": FORMAT,
        "title": title or f"One training step of {model.name}",
        "name": model.name,
        "classes": None if classes is None else [str(each) for each in classes],
        "label": objective.label,
        "target": encoded(objective.smoothed),
        "image": encoded(image),
        "image_range": _range(image),
        "nodes": [
            *(_entry(tape.nodes[id], number) for id in section.entries),
            *(_described(node, number, made.update, gradients, answers) for node in inside),
        ],
        "loss": _loss(objective, number) if whole else None,
        "optimizer": update,
        "section": None if gradients is None or whole else _section(made, number, gradients),
        "docs": docs,
        "words": words_for(kinds),
        "notes": [*notes, *tape.notes],
    }
    return to_json(described)


def _check_docs(docs: Any) -> None:
    """Refuse an address that would run as a script, or open something else than a page; browsers skip the blanks and
    control characters in it.
    """
    scheme = re.match(r"([^/?#]*?):", re.sub(r"[\x00-\x20]", "", docs)) if isinstance(docs, str) else None
    if docs is not None and not isinstance(docs, str):
        raise ValueError(f"docs={shown(docs)}: expected an address, such as 'backprop/', or None")
    if scheme and scheme[1].lower() not in ("http", "https"):
        raise ValueError(
            f"docs={shown(docs)}: expected an address that begins with http:// or https://, or one relative to the "
            "page, such as 'backprop/'"
        )


def encoded(array: Any) -> dict[str, Any]:
    """Return an array as JSON-able values: its shape, and its numbers as base64 of little-endian float32."""
    numbers = np.ascontiguousarray(array, "<f4")
    return {"shape": list(np.shape(array)), "data": base64.b64encode(numbers.tobytes()).decode("ascii")}


def _encoded(value: Any) -> Any:
    """Return dictionaries with their arrays encoded."""
    if isinstance(value, dict):
        return {name: _encoded(item) for name, item in value.items()}
    return encoded(value) if isinstance(value, np.ndarray) else value


def _image(model: Any, x: Any) -> np.ndarray:
    """Return x as (H, W, C), after a check that it fits the model."""
    check_built(model)
    if model.multiple_inputs or len(model.outputs) > 1:
        raise ValueError(
            f"{model.name} has {counted(len(model.inputs), 'input')} and {counted(len(model.outputs), 'output')}, "
            "expected one of each: make a Model of the part that has"
        )
    expected = tuple(model.input_shape[1:])
    if len(expected) != 3:
        raise ValueError(
            f"{model.name} takes samples of shape {expected}, expected images (height, width, channels): "
            "begin the net with Input((height, width, channels))"
        )
    image = np.asarray(x)
    if image.dtype.kind not in "biuf" or not np.isfinite(image).all():
        raise ValueError(f"x is an array of {image.dtype}, expected finite numbers")
    if image.ndim == 2 and expected[2] == 1:
        image = image[..., None]
    if image.ndim == 4 and len(image) == 1:
        image = image[0]
    if image.ndim != 3 or any(want not in (None, have) for have, want in zip(image.shape, expected)):
        raise ValueError(
            f"x has shape {np.shape(x)}, but {model.name} takes one image of shape {expected}: resize it, such "
            f"as with preprocessing.image.load_img(path, target_size={expected[:2]})"
        )
    return image


def _range(image: np.ndarray) -> list[float]:
    """Return which values are drawn black and white."""
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > 255:
        return [low, high]
    return [0, 1] if high <= 1 else [0, 255]


def _entry(node: Node, number: dict[int, int]) -> dict[str, Any]:
    """Return a node whose value is given: the image's, or one from before the section."""
    return {
        "id": number[node.id],
        "name": node.name,
        "type": "Input",
        "inputs": [],
        "shape": list(node.value.shape[1:]),
        "config": {},
        "weights": {},
        "depth": 0,
        "branch": None,
    }


def _described(
    node: Node,
    number: dict[int, int],
    update: Update,
    gradients: Gradients | None,
    answers: dict[int, dict[str, Any]],
) -> dict[str, Any]:
    described = _entry(node, number) | {
        "type": node.type,
        "inputs": [number[each] for each in node.inputs],
        "config": _encoded(node.config),
        "weights": {name: _weight(weight, update) for name, weight in node.weights.items()},
        "depth": node.depth,
        "branch": node.branch,
    }
    if node.mask is not None:
        described["mask"] = encoded(node.mask)
    if node.is_opaque and gradients is not None:
        described["config"] = {"message": node.message}
        described["recorded"] = {
            "value": encoded(node.value[0]),
            "gradients": {
                str(number[source]): encoded(dx[0])
                for source, dx in zip(node.inputs, gradients.input_gradients[node.id])
            },
        } | _encoded(answers.get(node.id, {}))
    return described


def _weight(weight: Any, update: Update) -> dict[str, Any]:
    described = {
        "value": encoded(weight.value),
        "trainable": update.moves(weight),
        "decays": update.decays(weight),
        "slots": {slot: encoded(array) for slot, array in update.slots(weight).items()},
    }
    penalty = weight.regularizer
    if penalty is not None:
        if not isinstance(penalty, L1L2):
            raise ValueError(
                f"{weight.path} has the regularizer {type(penalty).__name__}, which cannot be explained; "
                "expected L1, L2 or L1L2"
            )
        described["regularizer"] = {"l1": penalty.l1, "l2": penalty.l2}
    return described


def _loss(objective: Objective, number: dict[int, int]) -> dict[str, Any]:
    return {
        "type": objective.kind,
        "node": number[objective.node],
        "from_logits": objective.from_logits,
        "label_smoothing": objective.smoothing,
    }


def _section(made: Step, number: dict[int, int], gradients: Gradients) -> dict[str, Any]:
    """Return the values that come in from before, and the gradients that come back from after it."""
    tape, section = made.tape, made.section
    exits: dict[int, np.ndarray] = {}
    if section.first <= made.objective.scores <= section.last:
        exits[made.objective.scores] = gradients.seeds[made.objective.scores]
    for node in tape.nodes[section.last + 1 :]:
        for source, dx in zip(node.inputs, gradients.input_gradients.get(node.id, [])):
            if section.first <= source <= section.last:
                exits[source] = exits[source] + dx if source in exits else dx
    message = (
        f"Of this net only {tape.nodes[section.first].name} to {tape.nodes[section.last].name} are in the "
        "file; the values that come in and the gradients that come back were recorded. So the loss, and what a "
        "nudge does to it, cannot be computed here."
    )
    return {
        "first": number[section.first],
        "last": number[section.last],
        "message": message,
        "entry": {str(number[id]): encoded(tape.nodes[id].value[0]) for id in section.entries},
        "exit": {str(number[id]): encoded(dy[0]) for id, dy in exits.items()},
    }

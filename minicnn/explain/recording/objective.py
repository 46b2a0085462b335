"""What the step minimizes: the loss for a target, and the gradient that the backward pass begins with.

A net that ends in softmax and trains on cross-entropy computes the loss from the logits, and its
backward pass enters below the softmax with p − t (see minicnn/models/step.py). A net that gives
logits, for a loss that takes them, gets the softmax as a node of its own, which computes the same. On
the page the two are one case.
"""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn import losses
from minicnn.explain.recording.registry import record_layer
from minicnn.explain.recording.tape import Tape
from minicnn.layers import Softmax
from minicnn.models.model import Model

CROSS_ENTROPIES = (losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy)


@dataclass
class Objective:
    """The loss of one step, and the target that it compares with.

    Attributes:
        kind: "CategoricalCrossentropy" or "MeanSquaredError".
        node: the node that the page's loss looks at: the probabilities, or the prediction.
        scores: the node whose gradient the loss gives: the logits, or the prediction.
        target: (K,), as given.
        label: the true class, or None.
        loss: minicnn's, which takes the scores.
        smoothing: of the target.
        from_logits: whether the loss applies a softmax of its own to its node.
    """

    kind: str
    node: int
    scores: int
    target: np.ndarray
    label: int | None
    loss: losses.Loss
    smoothing: float = 0.0
    from_logits: bool = False

    @property
    def smoothed(self) -> np.ndarray:
        """The target that the loss compares with: t·(1 − s) + s/K."""
        return self.target * (1 - self.smoothing) + self.smoothing / len(self.target)

    def measure(self, values: list[np.ndarray]) -> tuple[float, dict[int, np.ndarray]]:
        """Return the loss, and the gradients that a backward pass begins with."""
        value = self.loss.forward(self.target[None], values[self.scores])
        return float(value), {self.scores: self.loss.backward()}


def objective_of(tape: Tape, model: Model, y: Any) -> Objective:
    """Return what the net on the tape, complete, is trained to minimize; this can add a softmax to the tape.

    Raises:
        ValueError: the loss is not one of those that the page knows, or y does not fit.
    """
    last = tape.nodes[-1]
    if last.value.ndim != 2:
        raise ValueError(
            f"{model.name} gives {last.value.shape[1:]} for an image, expected one row of numbers: end it "
            "with GlobalAveragePooling2D or Flatten, and Dense"
        )
    loss = model.loss
    if loss is None:
        if last.type != "Softmax":
            raise ValueError(
                f'{model.name} has no loss: call model.compile("adam", "categorical_crossentropy") or the like first'
            )
        loss = losses.CategoricalCrossentropy()
        tape.note("The model is not compiled; its loss here is the cross-entropy.")
    target, label = _target(y, last.value.shape[1])
    if type(loss) is losses.MeanSquaredError:
        return Objective("MeanSquaredError", last.id, last.id, target, label, copy.copy(loss))
    if type(loss) not in CROSS_ENTROPIES:
        known = ", ".join(each.__name__ for each in (*CROSS_ENTROPIES, losses.MeanSquaredError))
        raise ValueError(
            f"loss={loss.name!r} cannot be explained, expected one of {known}: compile with one of these"
        )
    return _cross_entropy(tape, loss, target, label)


def _cross_entropy(tape: Tape, loss: Any, target: np.ndarray, label: int | None) -> Objective:
    if (target < 0).any() or not np.isclose(target.sum(), 1):
        raise ValueError(f"y={target.tolist()}: expected a class number, or probabilities that add up to 1")
    together = (tape.nodes[-1].type == "Softmax") != loss.from_logits
    if together and loss.from_logits:
        record_layer(tape, Softmax(name="softmax"), tape.nodes[-1].id)
    if loss.from_logits and not together:
        tape.note("The net ends in softmax and its loss takes logits: softmax is applied twice.")
    node, smoothing = tape.nodes[-1], float(loss.label_smoothing)
    return Objective(
        kind="CategoricalCrossentropy",
        node=node.id,
        scores=node.inputs[0] if together else node.id,
        target=target,
        label=label,
        loss=losses.CategoricalCrossentropy(together or loss.from_logits, smoothing),
        smoothing=smoothing,
        from_logits=loss.from_logits and not together,
    )


def _target(y: Any, count: int) -> tuple[np.ndarray, int | None]:
    """Return y as a row of ``count`` numbers, and the class where it is one."""
    given = np.asarray(y)
    if given.dtype.kind not in "iuf":
        raise ValueError(f"y={y!r}: expected a class number, or a row of {count} numbers")
    row = given.reshape(-1).astype(np.float64)
    if given.size == count == 1:
        return row, None
    if given.size == count:
        one_hot = np.isin(row, (0, 1)).all() and row.sum() == 1
        return row, int(row.argmax()) if one_hot else None
    if given.size != 1:
        raise ValueError(f"y has shape {given.shape}: expected a class number, or a row of {count} numbers")
    number = given.reshape(()).item()
    if number not in range(count):
        raise ValueError(f"y={number!r}: expected a class number from 0 to {count - 1}")
    return np.eye(count)[int(number)], int(number)

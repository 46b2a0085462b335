"""One forward pass, recorded as it runs: every value, what it was computed from, and by which layer.

    tape.add("Conv2D", layer, [x])       runs the layer on the value of node x; its output is a new node
    tape.backward({y: dy})               the nodes in reverse; the gradient of a value is the sum over its users

A node is one column of the page: a layer, or a part of one (the activation in a convolution is a node of its
own). Nodes are computed by copies of the model's layers, in float64 and from weights rounded to float32, as
the page has them; the model itself is not touched. Values are (1, …): a batch of one image.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minicnn.layers.activations import ActivatedLayer
from minicnn.layers.base import Layer, Parameter
from minicnn.layers.symbol import as_list

WEIGHTS = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")


@dataclass
class Node:
    """A value and how it is computed.

    Attributes:
        id: its place on the tape.
        name: its layer's name, and which part of the layer it is.
        type: what the page calls it: "Conv2D", "ReLU", …
        inputs: the ids of the nodes that it is computed from.
        layer: the copy that computes it; None for the image.
        value: (1, …).
        config: what the arithmetic needs.
        weights: "kernel" -> the model's own parameter; the copy's is ``layer.kernel``.
        copies: (the model's own parameter, the copy's) of all parameters, shown or not.
        training: whether the layer runs as in training.
        owners: the names of the layer and of those around it, outermost first.
        depth: how many Residuals it is inside of.
        branch: "main" or "shortcut" of the innermost, or None.
        mask: what dropout keeps, (…), or None.
        message: why it is Opaque, or None.
    """

    id: int
    name: str
    type: str
    inputs: list[int]
    layer: Any
    value: np.ndarray
    config: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, Parameter] = field(default_factory=dict)
    copies: list[tuple[Parameter, Parameter]] = field(default_factory=list)
    training: bool = True
    owners: tuple[str, ...] = ()
    depth: int = 0
    branch: str | None = None
    mask: np.ndarray | None = None
    message: str | None = None

    @property
    def is_opaque(self) -> bool:
        """Whether the page has only the numbers, not the arithmetic."""
        return self.type == "Opaque"

    def forward(self, *values: np.ndarray) -> np.ndarray:
        """Run the layer, without the activation at its end."""
        run = self.layer.pre_activation_forward if self._is_cut else self.layer.forward
        return run(list(values) if self.layer.multiple_inputs else values[0], training=self.training)

    def backward(self, dy: np.ndarray) -> list[np.ndarray]:
        """Return the gradient of each input; the layer's parameters get their ``grad``."""
        run = self.layer.pre_activation_backward if self._is_cut else self.layer.backward
        return as_list(run(dy))

    def parameter(self, name: str) -> Parameter:
        """Return the copy's parameter of this name."""
        return getattr(self.layer, name)

    @property
    def _is_cut(self) -> bool:
        """Whether the activation at the layer's end is a node of its own."""
        return isinstance(self.layer, ActivatedLayer) and not self.is_opaque


class Tape:
    """The nodes of one step, in the order in which they were computed.

    Args:
        image: (H, W, C), which becomes node 0.
        seed: of the dropout masks.
    """

    def __init__(self, image: np.ndarray, seed: int = 0) -> None:
        self.nodes = [Node(0, "input", "Input", [], None, rounded(image)[None])]
        self.notes: list[str] = []
        self.training = True
        self._generator = np.random.default_rng(seed)
        self._owners: tuple[str, ...] = ()
        self._branches: tuple[str, ...] = ()

    # ---- recording -----------------------------------------------------------------------------------------

    def add(self, kind: str, layer: Layer, inputs: list[int], name: str | None = None, **details: Any) -> int:
        """Run a copy of the layer on the values of these nodes; return the new node's id.

        Args:
            kind: the node's type.
            layer: of the model; its parameters that have Keras's names are shown.
            inputs: the ids of the nodes.
            name: by default the layer's.
            details: other attributes of the :class:`Node`.
        """
        node = Node(
            id=len(self.nodes),
            name=self._unused(name or layer.name),
            type=kind,
            inputs=inputs,
            layer=in_float64(layer),
            value=np.empty(0),
            owners=(*self._owners, layer.name),
            depth=len(self._branches),
            branch=self._branches[-1] if self._branches else None,
            **{"training": self.training, **details},
        )
        node.copies = list(zip(layer.weights, node.layer.weights))
        if not node.is_opaque:
            found = {each: getattr(layer, each, None) for each in WEIGHTS}
            node.weights = {each: weight for each, weight in found.items() if isinstance(weight, Parameter)}
        node.value = node.forward(*(self.nodes[each].value for each in inputs))
        self.nodes.append(node)
        return node.id

    def shape(self, node: int) -> tuple[int, ...]:
        """Return the shape of a node's value, the batch's axis first."""
        return self.nodes[node].value.shape

    def draw(self) -> int:
        """Return the key of the next dropout mask."""
        return int(self._generator.integers(2**63))

    def note(self, sentence: str) -> None:
        """Add a sentence that the page shows, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    @contextmanager
    def inside(self, layer: Layer, branch: str | None = None, training: bool | None = None) -> Iterator[None]:
        """In this context, nodes belong to this layer and branch, and run with ``training``, if given."""
        before = self._owners, self._branches, self.training
        self._owners = (*self._owners, layer.name)
        if branch is not None:
            self._branches = (*self._branches, branch)
        if training is not None:
            self.training = training
        try:
            yield
        finally:
            self._owners, self._branches, self.training = before

    def _unused(self, name: str) -> str:
        taken, number, unused = {node.name for node in self.nodes}, 1, name
        while unused in taken:
            number += 1
            unused = f"{name} ({number})"
        return unused

    # ---- running it again ----------------------------------------------------------------------------------

    def values(self) -> list[np.ndarray]:
        """Run the nodes again, with the weights that they have now; return their values."""
        values = [self.nodes[0].value]
        for node in self.nodes[1:]:
            values.append(node.forward(*(values[each] for each in node.inputs)))
        return values

    def backward(self, seeds: Mapping[int, np.ndarray]) -> "Gradients":
        """Send gradients from the nodes in ``seeds`` to all that these were computed from, the image too."""
        values, input_gradients = dict(seeds), {}
        for node in reversed(self.nodes[1:]):
            if node.id not in values:
                continue
            input_gradients[node.id] = node.backward(values[node.id])
            for source, dx in zip(node.inputs, input_gradients[node.id]):
                values[source] = values[source] + dx if source in values else dx
        return Gradients(dict(seeds), values, input_gradients)


@dataclass
class Gradients:
    """The result of a backward pass.

    Attributes:
        seeds: the gradients that it began with.
        values: node id -> the gradient of its value.
        input_gradients: node id -> what it sends back to each of its inputs.
    """

    seeds: dict[int, np.ndarray]
    values: dict[int, np.ndarray]
    input_gradients: dict[int, list[np.ndarray]]


def rounded(array: Any) -> np.ndarray:
    """Return an array as the page has it: float64, of float32's digits."""
    return np.asarray(array).astype(np.float32).astype(np.float64)


def in_float64(layer: Layer) -> Any:
    """Return a copy that computes in float64, of the weights rounded to float32; they share no arrays."""
    result = layer.detached_copy()
    for each in result.walk():
        each.dtype, each.needs_dx = np.dtype(np.float64), True
    for weight in result.weights:
        weight.value, weight.grad = rounded(weight.value), None
    return result

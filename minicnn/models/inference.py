"""The forward pass of prediction: the same numbers as the layers give, to rounding, with less work.

The layers of a model are put together into steps once, and a step keeps what it computes from weights:

    batch norm      is a scale and a shift of each channel k, s = γ/√(σ² + ε), so it goes into the layer before it:

                        s·(Σ x·w[…, k] + b − μ) + β  =  Σ x·(s·w[…, k]) + (s·(b − μ) + β)

    kernels         are transformed or packed once: minicnn.ops.kernels.convolution.prepare_kernel
    ReLU, pooling   run in place or in one pass, and no step keeps anything for a backward pass
    residuals       the sum is taken in place, with the ReLU after it

A step asks its weights for their version before it uses what it keeps (layers/parameter.py), and a plan compares
the settings of its layers, so whatever is changed, by whichever way, the next prediction knows it. A layer that
this file does not know, such as one of your own, runs by its own ``forward``.

Plans are for the Numba kernels: with ``minicnn.ops.use("reference")`` each layer runs by itself.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minicnn import ops
from minicnn.layers.activations import ActivatedLayer, Activation, ReLU
from minicnn.layers.base import Layer
from minicnn.layers.containers import Chain, Residual
from minicnn.layers.convolution import Conv2D
from minicnn.layers.dense import Dense
from minicnn.layers.dropout import Dropout, GaussianNoise, SpatialDropout2D
from minicnn.layers.graph import Graph
from minicnn.layers.inputs import InputLayer
from minicnn.layers.merging import Add
from minicnn.layers.normalization import BatchNormalization
from minicnn.layers.pooling import MaxPooling2D
from minicnn.models.inference_steps import Branches, Linear, Live, MaxPool, Norm, Segments, Step, Sum, run
from minicnn.models.inference_threads import OneOrAll

FEW = 8  # samples up to which one thread may be faster than all
NOTHING = (Dropout, SpatialDropout2D, GaussianNoise, InputLayer)  # at evaluation they return their input
PASSES = ("forward", "pre_activation_forward")  # replaced in one layer, by layer.forward = …
# the layers that steps know, and those of their settings that may be set at any time
KNOWN: dict[type[Layer], tuple[str, ...]] = {
    Conv2D: ("kernel", "bias", "use_bias", "strides", "padding", "dilation_rate"),
    Dense: ("kernel", "bias", "use_bias"),
    BatchNormalization: ("gamma", "beta", "moving_mean", "moving_variance", "epsilon", "scale", "center"),
    MaxPooling2D: ("pool_size", "strides", "padding"),
    **dict.fromkeys((Activation, ReLU, Add, Residual, *NOTHING), ()),
}
# their passes, unless somebody has replaced one in a class or in one layer
OURS: tuple[type[Layer], ...] = (*KNOWN, Chain, Graph)
INSIDE = (Chain, Graph, Residual)  # layers made of layers
LIBRARY = {kind: (kind.forward, kind.pre_activation_forward) for kind in OURS}


class Plan:
    """A model's steps, made at its first prediction, and again when its layers or their settings have changed.

    A copy of a plan is empty: a copied model makes its own.
    """

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._made_from: list[Settings] = []
        self._threads: dict[int, OneOrAll] = {}  # for each small number of samples

    def __reduce__(self) -> Any:
        return Plan, ()

    def run(self, model: Layer, x: np.ndarray, logits: bool = False) -> Any:
        """Return ``model.forward(x)``, or with ``logits`` ``model.pre_activation_forward(x)``."""
        if not self._made_from or any(each.changed() for each in self._made_from):
            self._made_from = [Settings(layer) for layer in _visible(model)]
            self._steps = steps_of([model], head_of(model))
            self._threads.clear()
        if len(x) > FEW:
            return run(self._steps, x, logits)
        if len(x) not in self._threads:
            self._threads[len(x)] = OneOrAll()
        return self._threads[len(x)].run(lambda: run(self._steps, x, logits))


class Settings:
    """What a plan depends on in one layer, beside the weights, as it was; other settings a layer reads itself.

    Every prediction asks every layer, so the question takes less than a microsecond.
    """

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        kind = next((each for each in type(layer).__mro__ if each in KNOWN), None)
        self._names = (*PASSES, *(KNOWN[kind] if kind else ()))
        self._then = self._now()

    def _now(self) -> list[Any]:
        layer = self._layer
        kind = type(layer)
        now = [kind, kind.forward, kind.pre_activation_forward, *map(vars(layer).get, self._names)]
        if isinstance(layer, Activation):
            now.append(layer.activation)
        elif isinstance(layer, ActivatedLayer):
            now.append(layer.final_activation)
        elif isinstance(layer, INSIDE):
            now += layer.sublayers
        return now

    def changed(self) -> bool:
        """Return whether something is different now."""
        return self._now() != self._then


def usable(model: Layer, x: Any) -> bool:
    """Return whether a plan can compute what the model's own forward pass would."""
    whole = isinstance(x, np.ndarray) and x.dtype == model.dtype and x.dtype.char in "fd" and len(x) > 0
    return whole and ops.active() == "kernels" and kind_of(model) in (Chain, Graph)


def kind_of(layer: Layer) -> type[Layer] | None:
    """Return the class whose passes a layer has, if it is one that steps know; Chain for a Sequential."""
    own = kind = type(layer)
    if kind not in KNOWN:
        kind = Chain if isinstance(layer, Chain) else Graph if isinstance(layer, Graph) else Layer
    attributes = vars(layer)
    if "forward" in attributes or "pre_activation_forward" in attributes:
        return None
    return kind if LIBRARY.get(kind) == (own.forward, own.pre_activation_forward) else None


def function_of(layer: Layer) -> str | None:
    """Return the name of an activation layer's function; None if it is another layer, or one of your own."""
    return layer.activation if kind_of(layer) in (Activation, ReLU) else None  # type: ignore[attr-defined]


def head_of(layer: Layer | None) -> Layer | None:
    """Return the layer inside ``layer`` whose last function gives the output, or None."""
    while layer is not None and kind_of(layer) in (Chain, Graph):
        layer = layer.head  # type: ignore[attr-defined]
    return layer


def _visible(layer: Layer) -> Iterator[Layer]:
    """Yield the layers that a plan looks into, and those that it runs."""
    yield layer
    if isinstance(layer, ActivatedLayer):
        yield layer.final_activation
    if kind_of(layer) in INSIDE:
        for each in layer.sublayers:
            yield from _visible(each)


# ---- which steps ---------------------------------------------------------------------------------------------


def steps_of(layers: Sequence[Layer], head: Layer | None, spare: int | None = None) -> list[Step]:
    """Return the steps of layers in a row.

    Args:
        layers: the layers; a chain among them is its layers.
        head: the layer whose last function may be left out.
        spare: if the first layer adds several arrays, the number of one that it may overwrite.
    """
    row = [layer for layer in _flat(layers) if kind_of(layer) not in NOTHING]
    steps: list[Step] = []
    while row:
        layer = row.pop(0)
        kind: Any = kind_of(layer)
        if kind in (Conv2D, Dense):
            steps.append(_linear(layer, row, head))
        elif kind is BatchNormalization:
            steps.append(Norm(layer, _take_relu(row, head)))  # type: ignore[arg-type]
        elif kind is MaxPooling2D:
            steps.append(MaxPool(layer, _take_relu(row, head)))  # type: ignore[arg-type]
        elif kind is Add:
            steps.append(Sum(_take_relu(row, head), None if steps else spare))
        elif kind is Residual:
            main, shortcut = (steps_of([branch], None) for branch in layer.sublayers)
            steps.append(Branches(main, shortcut, _take_relu(row, head)))
        elif kind is Graph and not layer.multiple_inputs:
            steps.append(_segments(layer, head))
        else:
            steps.append(Live(layer, layer is head))
    return steps


def _flat(layers: Sequence[Layer]) -> Iterator[Layer]:
    for layer in layers:
        yield from _flat(layer.sublayers) if kind_of(layer) is Chain else [layer]


def _take_relu(row: list[Layer], head: Layer | None) -> bool:
    """Remove a ReLU that is not the head from the beginning of a row; return whether there was one."""
    found = bool(row) and row[0] is not head and function_of(row[0]) == "relu"
    del row[:found]
    return found


def _linear(layer: Any, row: list[Layer], head: Layer | None) -> Linear:
    """Return the step of a convolution or dense layer and of the layers after it that it can include."""
    function = function_of(layer.final_activation) if layer is not head else None
    norms: list[Any] = []
    relu = function == "relu"
    if function == "linear":
        while row and kind_of(row[0]) is BatchNormalization:
            norms.append(row.pop(0))
        relu = _take_relu(row, head)
    activation = None if function in ("relu", "linear") else layer.final_activation
    pool: Any = None
    if activation is None and row and kind_of(row[0]) is MaxPooling2D:
        pool = row.pop(0)
        relu = _take_relu(row, head) or relu
    return Linear(layer, norms, relu, activation, layer is head, pool)


def _segments(graph: Any, head: Layer | None) -> Segments:
    uses = Counter(source for segment in graph.segments for source in segment.sources)
    uses.update(graph.outputs)
    rows: dict[Any, list[Step]] = {}
    for chain, sources, target, training in graph.segments:
        new = [i for i, each in enumerate(sources) if uses[each] == 1 and each in rows and rows[each]]
        spare = next((i for i in new if rows[sources[i]][-1].new_array), None)
        rows[target] = None if training else steps_of(chain.layers, head, spare)  # type: ignore[assignment]
    return Segments(graph, [rows[segment.target] for segment in graph.segments])

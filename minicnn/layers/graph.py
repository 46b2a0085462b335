"""Graph: a network with forks and joins; Chain is the same for layers in a row.

    forward     each value is computed after all its inputs
    backward    in reverse order: a value is reached after all its uses, so its gradient is complete

        dv = Σ of the gradients of v that the backward passes of all uses of v return

This sum is the chain rule for several variables (docs/backprop/graphs.md). The rest of this file finds the
order.

A layer that is used at several places has one set of weights, so their gradients add too. What its backward pass
needs it keeps for one pass only, so the graph keeps that of each use (uses.py).

A segment without forks or joins runs as one Chain, in which neighboring layers can be fused (fusion.py).
"""

from collections import Counter
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from minicnn.layers.base import Layer
from minicnn.layers.containers import Chain, head_of
from minicnn.layers.inputs import Input, InputLayer
from minicnn.layers.symbol import Symbol, as_list, record
from minicnn.layers.uses import Uses


class Segment(NamedTuple):
    """Layers in a row without forks or joins, the values that they are called on, and their output."""

    chain: Chain
    sources: tuple[Symbol, ...]
    target: Symbol
    training: bool | None


class Graph(Layer):
    """The layers between some symbols and others.

    Args:
        inputs: a symbol or a list of them. A symbol inside a network may be an input too: the data are then
            its value.
        outputs: the symbols to compute from them.

    Raises:
        TypeError: these are not symbols.
        ValueError: the outputs need another input, or two layers have the same name.
        NotImplementedError: a layer is used twice, once inside another layer.
    """

    unique_names: bool = True  # whether two layers of the same name are refused: files go by their names

    def __init__(self, inputs: Any, outputs: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name, symbols in (("inputs", inputs), ("outputs", outputs)):
            for each in as_list(symbols):
                if not isinstance(each, Symbol):
                    raise TypeError(
                        f"{name}={each!r}: expected a symbol, such as x = Input((48, 48, 1)) or Dense(7)(x)"
                    )
        self.inputs, self.outputs = as_list(inputs), as_list(outputs)
        if any(each.inputs for each in self.inputs):
            self.inputs, self.outputs = rebuild(self.inputs, self.outputs)
        self.symbols = in_order(self.inputs, self.outputs)
        self._refuse_repeated_layers()
        self.uses = Uses(self.symbols)
        self.segments = segments_of(self.symbols, self.outputs, self.uses.shared)
        self.multiple_inputs = len(self.inputs) > 1
        self.dtype = np.dtype(self.inputs[0].dtype)
        shapes = [(None, *each.shape[1:]) for each in self.inputs]
        self.input_shape: Any = shapes if self.multiple_inputs else shapes[0]
        self.built = True

    def _refuse_repeated_layers(self) -> None:
        counts = Counter(
            each
            for layer in self.sublayers
            for each in layer.walk()
            if not isinstance(each, InputLayer)  # it stores no values
        )
        layer, times = counts.most_common(1)[0] if counts else (None, 0)
        if layer is not None and times > 1:
            raise NotImplementedError(
                f"layer {layer.name!r} is in {times} places of {self.name}, one of them inside of another layer: "
                f"there it keeps the values for its backward pass for one place only; make a {type(layer).__name__} "
                "for each"
            )
        name, times = Counter(layer.name for layer in self.sublayers).most_common(1)[0]
        if times > 1 and self.unique_names:
            raise ValueError(f"{self.name} has {times} layers called {name!r}: give each another name")

    @property
    def sublayers(self) -> list[Layer]:
        """The layers in the order in which they first run, with those of the inputs."""
        return list(dict.fromkeys(symbol.layer for symbol in self.symbols))

    def check_shape(self, shape: Any) -> None:
        """Check that inputs of these shapes fit."""
        shapes = shape if self.multiple_inputs else [shape]
        if len(shapes) != len(self.inputs):
            raise ValueError(f"{self.name}: got {len(shapes)} inputs, expected {len(self.inputs)}")
        for each, symbol in zip(shapes, self.inputs):
            symbol.layer.check_shape(each)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output for inputs of these shapes; a list of shapes for several outputs."""
        shapes = dict(zip(self.inputs, input_shape if self.multiple_inputs else [input_shape]))
        for chain, sources, target, _ in self.segments:
            shapes[target] = chain.compute_output_shape(
                _one_or_all([shapes[each] for each in sources], chain)
            )
        return self._one_or_several([shapes[each] for each in self.outputs])

    def forward(self, x: Any, training: bool = False) -> Any:
        """Compute every value after its inputs."""
        return self._forward(x, training, None)

    def pre_activation_forward(self, x: Any, training: bool = False) -> Any:
        """Compute every value after its inputs, without the function that is the last."""
        return self._forward(x, training, self.head)

    def _forward(self, x: Any, training: bool, head: Layer | None) -> Any:
        values = dict(zip(self.inputs, x if self.multiple_inputs else [x]))
        for chain, sources, target, fixed in self.segments:
            inputs = _one_or_all([values[each] for each in sources], chain)
            run = chain.pre_activation_forward if chain is head else chain.forward
            values[target] = run(inputs, training if fixed is None else fixed)
            self.uses.keep(target)
        return self._one_or_several([values[each] for each in self.outputs])

    def backward(self, dy: Any) -> Any:
        """Pass gradients from the outputs to the inputs; at a value with several uses, add them."""
        return self._backward(dy, None)

    def pre_activation_backward(self, dz: Any) -> Any:
        """Pass gradients back from below the last function."""
        return self._backward(dz, self.head)

    def _backward(self, dy: Any, head: Layer | None) -> Any:
        needed = self._needed()
        gradients = dict(zip(self.outputs, as_list(dy)))
        used: set[Layer] = set()  # shared layers, at an earlier place of this pass
        for chain, sources, target, _ in reversed(self.segments):
            if not needed[target]:
                continue
            chain.needs_dx = any(needed[each] for each in sources)
            run = chain.pre_activation_backward if chain is head else chain.backward
            with self.uses.of(target, used):
                returned = run(gradients.pop(target))
            for source, dx in zip(sources, as_list(returned)):
                if needed[source]:
                    # a new array, never in place: another layer may use this one too
                    gradients[source] = gradients[source] + dx if source in gradients else dx
        return self._one_or_several([gradients.get(each) for each in self.inputs]) if self.needs_dx else None

    def _needed(self) -> dict[Symbol, bool]:
        """Whether each value's gradient is needed: for a weight before it, or for
        the gradient of the input.
        """
        needed = dict.fromkeys(self.inputs, self.needs_dx)
        for chain, sources, target, _ in self.segments:
            needed[target] = bool(chain.trainable_weights) or any(needed[each] for each in sources)
        return needed

    def _one_or_several(self, several: list[Any]) -> Any:
        return several if len(several) > 1 else several[0]

    @property
    def head(self) -> Layer | None:
        """The segment whose last function gives the one output, or None."""
        return head_of(self._last_row())[0]

    @property
    def last_function(self) -> str | None:
        """The activation whose values are the one output, in another order perhaps; or None."""
        return head_of(self._last_row())[1] if self.has_library_passes else None

    @property
    def only_moves(self) -> str | None:
        """What the layers together leave in place, if they are in a row: "rows" or "entries"; or None."""
        row = self._last_row()
        in_a_row = len(row) == len(self.segments) and self.has_library_passes
        return Chain(row).only_moves if in_a_row else None

    def _last_row(self) -> list[Chain]:
        """The segments in a row that end in the output, if there is one: each is the only use of the one before."""
        segment_of = {(each.target,): each for each in self.segments}
        row: list[Chain] = []
        sources: Any = tuple(self.outputs)
        while sources in segment_of and sources[0].layer not in self.uses.shared:
            segment = segment_of[sources]
            row, sources = [segment.chain, *row], segment.sources
        return row


def _one_or_all(values: list[Any], chain: Chain) -> Any:
    return values if chain.layers[0].multiple_inputs else values[0]


def in_order(inputs: list[Symbol], outputs: list[Symbol]) -> list[Symbol]:
    """Return all symbols of a network, each after its inputs, in Keras's order.

    The order is by the number of layers on the longest path to an output, the largest first. Symbols with the
    same number are in the order in which a depth-first search from the outputs finds them.

    Raises:
        ValueError: an output needs an input that is not given, or a symbol is given twice.
    """
    entered: dict[Symbol, None] = {}  # in the order of the search
    finished: dict[Symbol, None] = {}  # each after all its inputs

    def search(symbol: Symbol) -> None:
        if symbol in entered:
            return
        entered[symbol] = None
        if symbol not in inputs:
            if not symbol.inputs:
                raise ValueError(
                    f"the outputs need {symbol!r}, which is not among the inputs: expected Model(inputs, "
                    "outputs) with "
                    "all of the inputs that the outputs are computed from"
                )
            for source in symbol.inputs:
                search(source)
        finished[symbol] = None

    for name, symbols in (("inputs", inputs), ("outputs", outputs)):
        if len(set(symbols)) < len(symbols):
            raise ValueError(f"{name}={symbols!r}: expected each symbol once")
    for output in outputs:
        search(output)
    height = dict.fromkeys(finished, 0)  # layers between a symbol and the outputs
    for symbol in reversed(finished):
        for source in symbol.inputs if symbol not in inputs else ():
            height[source] = max(height[source], height[symbol] + 1)
    return sorted(entered, key=lambda symbol: -height[symbol])  # a stable sort


def segments_of(symbols: list[Symbol], outputs: list[Symbol], shared: Collection[Layer]) -> list[Segment]:
    """Return symbols in order as segments, as long as possible.

    In a segment, the output of a layer is used only by the next layer. Each use of a shared layer is one.
    """
    uses = Counter(source for symbol in symbols for source in symbol.inputs)
    uses.update(outputs)
    segments: list[list[Symbol]] = []
    segment_of: dict[Symbol, list[Symbol]] = {}
    for symbol in symbols:
        if not symbol.inputs:
            continue
        before = symbol.inputs[0]
        continues = (
            not symbol.layer.multiple_inputs and uses[before] == 1 and symbol.training == before.training
        ) and not {symbol.layer, before.layer} & set(shared)
        if continues and before in segment_of:
            segment_of[symbol] = segment_of[before]
        else:
            segment_of[symbol] = []
            segments.append(segment_of[symbol])
        segment_of[symbol].append(symbol)
    return [
        Segment(Chain((each.layer for each in row), name="segment"), row[0].inputs, row[-1], row[0].training)
        for row in segments
    ]


def rebuild(inputs: list[Symbol], outputs: list[Symbol]) -> tuple[list[Symbol], list[Symbol]]:
    """Return the symbols of the same layers, called again on new inputs with the same shapes."""
    new = {each: Input(each.shape[1:], dtype=each.dtype) for each in inputs}
    for symbol in in_order(inputs, outputs):
        if symbol not in new:
            sources = [new[each] for each in symbol.inputs]
            new[symbol] = record(
                symbol.layer, sources if symbol.layer.multiple_inputs else sources[0], symbol.training
            )
    return list(new.values())[: len(inputs)], [new[each] for each in outputs]

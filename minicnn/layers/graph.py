"""Graph: layers that split and join. What a Chain is to a row of layers.

    forward     compute each value after all that it is computed from
    backward    the other way round: when a value's turn comes, all its uses have been, and its gradient is complete

        dv = Σ of what the backward passes of all uses of v hand back

That sum is the chain rule for several variables (docs/backprop/graphs.md). The rest of this file finds the order.

A segment without splits or joins runs as one Chain, in which neighbours can be fused (fusion.py).
"""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from minicnn.layers.base import Layer
from minicnn.layers.containers import Chain
from minicnn.layers.inputs import Input, InputLayer
from minicnn.layers.symbol import Symbol, as_list, record


class Step(NamedTuple):
    """A segment of the graph: from the values that go in, through layers in a row, to the value that comes out."""

    chain: Chain
    sources: tuple[Symbol, ...]
    target: Symbol
    training: bool | None


class Graph(Layer):
    """The layers between some symbols and others.

    Args:
        inputs: a symbol or a list of them. One inside a network cuts it there: data come in its place.
        outputs: the symbols to compute from them.

    Raises:
        TypeError: these are not symbols.
        ValueError: the outputs need another input, or two layers have one name.
        NotImplementedError: a layer is in two places.
    """

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
        self._steps = steps(self.symbols, self.outputs)
        self.multiple_inputs = len(self.inputs) > 1
        self.dtype = np.dtype(self.inputs[0].dtype)
        shapes = [(None, *each.shape[1:]) for each in self.inputs]
        self.input_shape: Any = shapes if self.multiple_inputs else shapes[0]
        self.built = True

    def _refuse_repeated_layers(self) -> None:
        places = Counter(
            each
            for layer in self.sublayers
            for each in [layer, *_inside(layer)]
            if not isinstance(each, InputLayer)  # which remembers nothing
        )
        layer, times = places.most_common(1)[0] if places else (None, 0)
        if layer is not None and times > 1:
            raise NotImplementedError(
                f"layer {layer.name!r} is in {times} places of {self.name}: it remembers what its backward pass "
                f"needs for one place only; make a {type(layer).__name__} for each"
            )
        name, times = Counter(layer.name for layer in self.sublayers).most_common(1)[0]
        if times > 1:
            raise ValueError(f"{self.name} has {times} layers called {name!r}: give each a name of its own")

    @property
    def sublayers(self) -> list[Layer]:
        """The layers, in the order in which they run; those of the inputs among them."""
        return [symbol.layer for symbol in self.symbols]

    def check_shape(self, shape: Any) -> None:
        """Check that inputs of these shapes fit."""
        shapes = shape if self.multiple_inputs else [shape]
        if len(shapes) != len(self.inputs):
            raise ValueError(f"{self.name}: got {len(shapes)} inputs, expected {len(self.inputs)}")
        for each, symbol in zip(shapes, self.inputs):
            symbol.layer.check_shape(each)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output for inputs of these shapes; a list of them for several outputs."""
        shapes = dict(zip(self.inputs, input_shape if self.multiple_inputs else [input_shape]))
        for chain, sources, target, _ in self._steps:
            shapes[target] = chain.compute_output_shape(
                _one_or_all([shapes[each] for each in sources], chain)
            )
        return self._given([shapes[each] for each in self.outputs])

    def forward(self, x: Any, training: bool = False) -> Any:
        """Compute every value after those that it is computed from."""
        values = dict(zip(self.inputs, x if self.multiple_inputs else [x]))
        for chain, sources, target, fixed in self._steps:
            given = _one_or_all([values[each] for each in sources], chain)
            values[target] = chain.forward(given, training if fixed is None else fixed)
        return self._given([values[each] for each in self.outputs])

    def backward(self, dy: Any) -> Any:
        """Send gradients from the outputs to the inputs; where they meet in a value, add them."""
        needed = self._needed()
        gradients = dict(zip(self.outputs, as_list(dy)))
        for chain, sources, target, _ in reversed(self._steps):
            if not needed[target]:
                continue
            chain.needs_dx = any(needed[each] for each in sources)
            handed_back = chain.backward(gradients.pop(target))
            for source, dx in zip(sources, as_list(handed_back)):
                if needed[source]:
                    # a new array, never in place: another layer may hold this one too
                    gradients[source] = gradients[source] + dx if source in gradients else dx
        return self._given([gradients.get(each) for each in self.inputs]) if self.needs_dx else None

    def _needed(self) -> dict[Symbol, bool]:
        """Whether anybody reads a value's gradient: a weight before it is trained, or the input's is asked for."""
        needed = dict.fromkeys(self.inputs, self.needs_dx)
        for chain, sources, target, _ in self._steps:
            needed[target] = bool(chain.trainable_weights) or any(needed[each] for each in sources)
        return needed

    def _given(self, several: list[Any]) -> Any:
        return several if len(several) > 1 else several[0]

    @property
    def final_activation(self) -> Any:
        """The activation at the very end of a graph with one output, or None."""
        return self._steps[-1].chain.final_activation if self._steps and len(self.outputs) == 1 else None


def _one_or_all(values: list[Any], chain: Chain) -> Any:
    return values if chain.layers[0].multiple_inputs else values[0]


def _inside(layer: Layer) -> list[Layer]:
    return [inner for each in layer.sublayers for inner in [each, *_inside(each)]]


def in_order(inputs: list[Symbol], outputs: list[Symbol]) -> list[Symbol]:
    """Return all symbols of a network, each after those that it is computed from, in Keras's order.

    That is by the number of layers between a symbol and the output, on the longest way, the greatest first; among
    equals as a walk back from the outputs meets them.

    Raises:
        ValueError: an output needs an input that is not given.
    """
    met: dict[Symbol, None] = {}  # in the order in which the walk comes to them
    left: dict[
        Symbol, None
    ] = {}  # in the order in which it leaves them, having seen all that they are computed from

    def walk(symbol: Symbol) -> None:
        if symbol in met:
            return
        met[symbol] = None
        if symbol not in inputs:
            if not symbol.inputs:
                raise ValueError(
                    f"the outputs need {symbol!r}, which is not among the inputs: expected Model(inputs, outputs) with "
                    "all of the inputs that the outputs are computed from"
                )
            for source in symbol.inputs:
                walk(source)
        left[symbol] = None

    for name, symbols in (("inputs", inputs), ("outputs", outputs)):
        if len(set(symbols)) < len(symbols):
            raise ValueError(f"{name}={symbols!r}: expected each symbol once")
    for output in outputs:
        walk(output)
    height = dict.fromkeys(left, 0)  # layers between a symbol and the outputs
    for symbol in reversed(left):
        for source in symbol.inputs if symbol not in inputs else ():
            height[source] = max(height[source], height[symbol] + 1)
    return sorted(met, key=lambda symbol: -height[symbol])  # which leaves equals in their order


def steps(symbols: list[Symbol], outputs: list[Symbol]) -> list[Step]:
    """Return symbols in order as segments that are as long as they can be: the value between two layers of one segment
    goes from the first to the second, and nowhere else.
    """
    uses = Counter(source for symbol in symbols for source in symbol.inputs)
    uses.update(outputs)
    rows: list[list[Symbol]] = []
    row_of: dict[Symbol, list[Symbol]] = {}
    for symbol in symbols:
        if not symbol.inputs:
            continue
        before = symbol.inputs[0]
        goes_on = (
            not symbol.layer.multiple_inputs and uses[before] == 1 and symbol.training == before.training
        )
        if goes_on and before in row_of:
            row_of[symbol] = row_of[before]
        else:
            row_of[symbol] = []
            rows.append(row_of[symbol])
        row_of[symbol].append(symbol)
    return [
        Step(Chain((each.layer for each in row), name="segment"), row[0].inputs, row[-1], row[0].training)
        for row in rows
    ]


def rebuild(inputs: list[Symbol], outputs: list[Symbol]) -> tuple[list[Symbol], list[Symbol]]:
    """Return the same layers called again, on new inputs of these symbols' shapes."""
    new = {each: Input(each.shape[1:], dtype=each.dtype) for each in inputs}
    for symbol in in_order(inputs, outputs):
        if symbol not in new:
            sources = [new[each] for each in symbol.inputs]
            new[symbol] = record(
                symbol.layer, sources if symbol.layer.multiple_inputs else sources[0], symbol.training
            )
    return list(new.values())[: len(inputs)], [new[each] for each in outputs]

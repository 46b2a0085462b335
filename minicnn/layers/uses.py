"""Layers at several places of a graph: what each use has stored, and the sum of the gradients of their weights.

    dw = Σ of what the layer's backward pass computes at each place, with the input that it had there

docs/backprop/graphs.md derives it.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minicnn.layers.base import Layer
from minicnn.layers.symbol import Symbol


class Uses:
    """The uses of layers that are at several places of a graph.

    Args:
        symbols: of the graph.
    """

    def __init__(self, symbols: list[Symbol]) -> None:
        places = Counter(symbol.layer for symbol in symbols)
        self.shared = {layer for layer, times in places.items() if times > 1}
        self.numbers: dict[Symbol, int] = {}  # 0 for the first use of a layer
        self.names: dict[Symbol, str] = {}  # the layer's name; of later uses "name/use_1", …
        so_far: Counter[Layer] = Counter()
        for symbol in symbols:
            number = self.numbers[symbol] = so_far[symbol.layer]
            self.names[symbol] = f"{symbol.name}{USE}{number}" if number else symbol.name
            so_far[symbol.layer] += 1
        self._kept: dict[Symbol, list[tuple[Layer, dict[str, Any]]]] = {}

    def keep(self, symbol: Symbol) -> None:
        """Keep what a shared layer has stored in the forward pass of this use."""
        if symbol.layer in self.shared:
            self._kept[symbol] = [(each, dict(vars(each))) for each in _inside(symbol.layer)]

    @contextmanager
    def of(self, symbol: Symbol, used: set[Layer]) -> Iterator[None]:
        """In this context a shared layer has what it stored for this use; the gradients of its weights add up.

        Args:
            symbol: the use.
            used: the shared layers of which other uses have run backward already.
        """
        layer = symbol.layer
        if layer not in self.shared:
            yield
            return
        for each, attributes in self._kept.pop(symbol, []):
            vars(each).update({name: attributes[name] for name in attributes.keys() - SETTINGS})
        weights = layer.trainable_weights
        before = [weight.grad for weight in weights]
        yield
        if layer in used:
            for weight, grad in zip(weights, before):
                weight.grad = grad + weight.grad  # type: ignore[operator]
        used.add(layer)


USE = "/use_"
# what belongs to a layer, not to one of its passes
SETTINGS = {"needs_dx", "_trainable", "forward", "backward"}


def _inside(value: Any) -> list[Layer]:
    """Return a layer and all that are in its attributes, or in a list, tuple or dict there."""
    found: dict[Layer, None] = {}
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Layer):
            if each not in found:
                found[each] = None
                waiting += vars(each).values()
        elif isinstance(each, list | tuple):
            waiting += each
        elif isinstance(each, dict):
            waiting += each.values()
    return list(found)

"""A network that runs on the shards of a batch: each layer goes through all of them before the next layer begins.

    forward     layer 1 on shard 0, on shard 1, …; then layer 2 on shard 0, …
    backward    the last layer on shard 0, on shard 1, …; then the one before it

So batch normalization can take the statistics of all shards (batch_norm.py), and a layer's gradients are complete
while earlier layers still run. A layer stores what its backward pass needs on itself, so each shard has a copy of
it. The copies share the weights.

Containers (Sequential, Residual, a graph) only pass values on. They are made again around the layers, and the values
are :class:`Shards`.
"""

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np

from minicnn.layers import fusion
from minicnn.layers.base import Layer
from minicnn.layers.containers import Chain, Residual
from minicnn.layers.graph import Graph
from minicnn.layers.parameter import Parameter
from minicnn.layers.symbol import Symbol, as_list


class Shards:
    """A value of a batch in parts: one array for each shard of this process, perhaps none."""

    def __init__(self, parts: Iterable[Any]) -> None:
        self.parts = list(parts)

    def __add__(self, other: "Shards") -> "Shards":
        return Shards(a + b for a, b in zip(self.parts, other.parts))

    def __array_ufunc__(self, function: Any, method: str, *inputs: "Shards") -> "Shards":
        return Shards(function(*parts) for parts in zip(*(each.parts for each in inputs)))


class ShardedUnit:
    """The passes of one layer, or of a fused pair, on each shard.

    Args:
        units: what runs on each shard.
        multiple_inputs: whether they take lists.
    """

    def __init__(self, units: list[Any], multiple_inputs: bool = False) -> None:
        self.units, self.several, self._inputs = units, multiple_inputs, 1

    def forward(self, x: Any, training: bool = False) -> Shards:
        """Run forward on each shard."""
        return self._run("forward", x, training)

    def pre_activation_forward(self, x: Any, training: bool = False) -> Shards:
        """Run forward on each shard, without the last function."""
        return self._run("pre_activation_forward", x, training)

    def _run(self, which: str, x: Any, training: bool) -> Shards:
        if not self.several:
            parts = x.parts
        else:  # a list of values in shards: for each shard, a list of values
            self._inputs = len(x)
            parts = [list(each) for each in zip(*(value.parts for value in x))]
        return Shards(getattr(unit, which)(part, training) for unit, part in zip(self.units, parts))

    def backward(self, dy: Shards) -> Any:
        """Run backward on each shard."""
        return self._run_back("backward", dy)

    def pre_activation_backward(self, dz: Shards) -> Any:
        """Run backward on each shard, from below the last function."""
        return self._run_back("pre_activation_backward", dz)

    def _run_back(self, which: str, dy: Shards) -> Any:
        gradients = [getattr(unit, which)(part) for unit, part in zip(self.units, dy.parts)]
        if not self.several:
            return Shards(gradients)
        return [Shards(as_list(each)[i] for each in gradients) for i in range(self._inputs)]


class ShardedLayer(Layer):
    """A layer that has a copy of another one for each shard.

    Args:
        layer: of the model.
        count: the number of shards of this process.
    """

    def __init__(self, layer: Layer, count: int) -> None:
        super().__init__(name=layer.name)
        self.layer, self.copies = layer, [_copied(layer) for _ in range(count)]
        self.multiple_inputs = layer.multiple_inputs
        self.passes = ShardedUnit(self.copies, self.multiple_inputs)
        self.ready: Any = None  # called when the gradients of this layer are complete
        self._seen = [_settings(each) for each in layer.walk()]

    @property
    def statistics(self) -> list[Parameter]:
        """The weights that the copies move by themselves; none without copies."""
        return untrained(self.layer) if self.copies else []

    @property
    def trainable_weights(self) -> list[Parameter]:
        """Those of the layer."""
        return self.layer.trainable_weights

    @property
    def last_function(self) -> str | None:
        """That of the layer."""
        return self.layer.last_function

    @property
    def only_moves(self) -> str | None:
        """As of the layer."""
        return self.layer.only_moves

    def forward(self, x: Any, training: bool = False) -> Shards:
        """Run forward on each shard."""
        return self.passes.forward(x, training)

    def pre_activation_forward(self, x: Any, training: bool = False) -> Shards:
        """Run forward on each shard, without the last function."""
        return self.passes.pre_activation_forward(x, training)

    def backward(self, dy: Any) -> Any:
        """Run backward on each shard."""
        return self.after(self.passes.backward, dy)

    def pre_activation_backward(self, dz: Any) -> Any:
        """Run backward on each shard, from below the last function."""
        return self.after(self.passes.pre_activation_backward, dz)

    def after(self, backward: Any, dy: Any) -> Any:
        """Run a backward pass of the copies, and tell that their gradients are complete."""
        for each in self.copies:
            each.needs_dx = self.needs_dx
        dx = backward(dy)
        if self.ready is not None:
            self.ready(self)
        return dx

    def gradients(self, count: int) -> list[list[Any]]:
        """Return the gradients of the trainable weights for each of the first ``count`` shards."""
        return [[weight.grad for weight in each.trainable_weights] for each in self.copies[:count]]

    def fused_with(self, layer: Layer) -> Any:
        """Return the fused pairs of the copies; or None."""
        if not isinstance(layer, ShardedLayer) or not layer.copies:
            return None
        pairs = [fusion.fused(one, other) for one, other in zip(self.copies, layer.copies)]
        return None if None in pairs else _Pair(self, layer, ShardedUnit(pairs, self.multiple_inputs))

    def follow(self, keys: list[int], first: int) -> None:
        """Bring the copies to the state of the layer, before a step.

        Args:
            keys: a number for each random generator of the layer, drawn from it for this step.
            first: the number of this process's first shard.
        """
        settings = [_settings(each) for each in self.layer.walk()]
        changed = [dict(now.items() - before.items()) for now, before in zip(settings, self._seen)]
        self._seen = settings
        for shard, own in enumerate(self.copies, first):
            for layer, other, news in zip(self.layer.walk(), own.walk(), changed):
                vars(other).update(news)  # a callback has set a dropout rate, say
                for weight, same in zip(layer.own_parameters, other.own_parameters):
                    if weight.trainable:
                        same.value, same.grad = weight.value, None
                    else:
                        same.value[...] = weight.value
            for generator, key in zip(own.generators, keys):
                generator.bit_generator.state = np.random.default_rng([key, shard]).bit_generator.state

    def moved(self, count: int) -> list[list[np.ndarray]]:
        """Return for each of the first ``count`` shards how far the untrained weights have moved in its copy."""
        return [
            [own.value - old.value for old, own in zip(untrained(self.layer), untrained(each))]
            for each in self.copies[:count]
        ]


class _Pair:
    """Fused pairs, one for each shard."""

    def __init__(self, first: ShardedLayer, second: ShardedLayer, passes: ShardedUnit) -> None:
        self.first, self.second, self.passes = first, second, passes

    def forward(self, x: Any, training: bool = False) -> Shards:
        """Run forward on each shard."""
        return self.passes.forward(x, training)

    def backward(self, dy: Any) -> Any:
        """Run backward on each shard."""
        for each in self.second.copies:
            each.needs_dx = self.second.needs_dx
        return self.first.after(self.passes.backward, dy)


def _settings(layer: Layer) -> dict[str, Any]:
    return {name: value for name, value in vars(layer).items() if isinstance(value, bool | int | float | str)}


def untrained(layer: Layer) -> list[Parameter]:
    """Return the weights that no optimizer changes by their nature: moving statistics."""
    return [each for inner in layer.walk() for each in inner.own_parameters if not each.trainable]


def _copied(layer: Layer) -> Layer:
    """Return a copy of a layer with the same arrays of trainable weights."""
    known: dict[int, Any] = {}
    inside = {one for each in layer.walk() if isinstance(each, Graph) for one in each.symbols}
    for each in layer.walk():
        known |= {id(weight.value): weight.value for weight in each.own_parameters if weight.trainable}
        for value in vars(each).values():  # symbols, but for a graph's own, lead to the rest of the model
            known |= {id(one): one for one in as_list(value) if isinstance(one, Symbol) and one not in inside}
    return copy.deepcopy(layer, known)


def sharded(layer: Layer, wrap: Any, leaves: list[ShardedLayer]) -> Layer:
    """Return a layer that does the same with :class:`Shards`; its parts are added to ``leaves``.

    Args:
        layer: a model or a layer.
        wrap: a function that makes a ShardedLayer of a layer.
        leaves: a list that grows.
    """

    def inner(each: Layer) -> Any:
        return sharded(each, wrap, leaves)

    if layer.has_library_passes and isinstance(layer, Graph):
        shared = [each.name for each in layer.uses.shared if each.weights]
        if shared:
            raise NotImplementedError(
                f"{shared[0]} is used at several places of {layer.name}: its weights cannot be trained by several "
                "processes yet; train without distributed"
            )
        graph = copy.copy(layer)
        graph.segments = [each._replace(chain=inner(each.chain)) for each in layer.segments]
        return graph
    if layer.has_library_passes and isinstance(layer, Residual):
        branches = [[inner(each) for each in branch] for branch in (layer.main, layer.shortcut)]
        return Residual(*branches, name=layer.name, trainable=layer.trainable)
    if layer.has_library_passes and isinstance(layer, Chain):
        return Chain([inner(each) for each in layer.layers], name=layer.name, trainable=layer.trainable)
    leaf: ShardedLayer = wrap(layer)
    leaves.append(leaf)
    return leaf

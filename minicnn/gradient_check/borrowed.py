"""A layer or a model on loan: for the time of a check it computes in float64, as a function of named arrays.

Layers draw the same numbers in every evaluation. A weight whose entries are all equal is moved: with a γ of ones, a
forgotten γ changes nothing. At the end weights, moving statistics and generators are what they were.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minicnn import random
from minicnn.layers.base import Layer

Inputs = dict[str, np.ndarray]


def inputs_of(layer: Layer, given: Any, rng: np.random.Generator | None = None) -> Inputs:
    """Return the inputs by name, in float64; given as arrays, or (if there is a generator) as their shapes."""
    several = layer.multiple_inputs
    name, expected = "x", "x itself, an array"
    if rng is not None:
        name, expected = "input_shape", "a batch's shape, such as (2, 5, 5, 3), or x itself"
    arrays = {}
    for i, each in enumerate(given if several and isinstance(given, list | tuple) else [given]):
        if np.ndim(each) == 0:
            many = f": {layer.name} has several inputs, a list of them" if several else ""
            raise ValueError(f"{name}={given!r:.80}: expected {expected}{many}")
        if rng is not None and np.ndim(each) == 1 and not isinstance(each, np.ndarray):
            each = rng.standard_normal(tuple(each))
        arrays[f"x[{i}]" if several else "x"] = np.array(each, np.float64)
    return arrays


class Borrowed:
    """A layer as a function of its inputs and trainable weights.

    Attributes:
        arrays: these, by name: "x", "kernel", or (if names repeat) the weight's path "conv2d/kernel".
        weights: the trainable weights, by name.
        updated: the names of weights that backward replaced by other arrays, which is the optimizer's work.
    """

    def __init__(self, layer: Layer, inputs: Inputs) -> None:
        weights = layer.trainable_weights
        names = [weight.name for weight in weights]
        unique = len({*names, "x"}) == len(names) + 1
        self._layer, self._several = layer, len(inputs) > 1
        self.weights = {weight.name if unique else weight.path: weight for weight in weights}
        self._states = [(generator, random.state(generator)) for generator in layer.generators]
        self.arrays = {**inputs, **{name: weight.value for name, weight in self.weights.items()}}
        self.updated: set[str] = set()

    def restart(self) -> None:
        """Let the random numbers begin again."""
        for generator, state in self._states:
            random.restore(generator, state)

    def x(self, values: dict[str, np.ndarray]) -> Any:
        """Prepare a forward pass with these values: give the weights theirs, and return the input."""
        self.restart()
        self._values = values
        for name, weight in self.weights.items():
            weight.value = values[name]
        inputs = [value for name, value in values.items() if name not in self.weights]
        return inputs if self._layer.multiple_inputs else inputs[0]

    def gradients(self, dx: Any) -> tuple[Any, ...]:
        """Return the gradients in the order of ``arrays``, after a backward pass that returned dx."""
        weights = self.weights.items()
        self.updated |= {name for name, weight in weights if weight.value is not self._values[name]}
        of_inputs = dx if self._several and isinstance(dx, tuple | list) else [dx]
        return (*of_inputs, *(weight.grad for _, weight in weights))


@contextmanager
def borrowed(layer: Layer, inputs: Inputs, seed: int) -> Iterator[Borrowed]:
    """Borrow a layer for a ``with`` block; it is built if necessary."""
    shapes = [each.shape for each in inputs.values()]
    shape: Any = shapes if layer.multiple_inputs else shapes[0]
    built = layer.built
    if not built:
        layer.build_for(shape, np.float64)
    if built or not layer.multiple_inputs:
        layer.check_shape(shape)
    dtypes = [(each, each.dtype) for each in layer.walk()]
    values = [(weight, weight.value, weight.grad) for weight in layer.weights]
    rng = np.random.default_rng([seed, 3])
    lent = None
    try:
        for each, _ in dtypes:
            each.dtype = np.dtype(np.float64)
        for weight, value, _ in values:  # copies: statistics are changed in place
            weight.value = _moved(value, rng) if weight.trainable else value.astype(np.float64)
            weight.grad = None
        lent = Borrowed(layer, inputs)
        yield lent
    finally:
        for each, dtype in dtypes:
            each.dtype = dtype
        for weight, value, grad in values:
            weight.value, weight.grad = value, grad
        if lent is not None:
            lent.restart()


def _moved(value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a copy in float64, away from a point where all entries are equal; positive ones stay positive."""
    moved = value.astype(np.float64)
    if value.size and np.all(value == value.flat[0]):
        moved += rng.uniform(-0.3, 0.3, value.shape) * (abs(value.flat[0]) or 1.0)
    return moved

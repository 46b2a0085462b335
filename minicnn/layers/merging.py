"""Layers that join several inputs a, b, … into one output. Their backward pass gives a gradient for each.

    Add           y = a + b + …                 da = dy                      db = dy: each term gets a copy
    Subtract      y = a − b                     da = dy                      db = −dy
    Average       y = (a + b + …)/n             da = dy/n                    db = dy/n
    Multiply      y = a · b · …                 da = dy · (all the others)   db in the same way
    Maximum       y = max(a, b, …)              da = dy where a is largest, else 0; on a tie, the first of them gets it
    Minimum       y = min(a, b, …)              the same, where it is smallest
    Concatenate   y = [a | b | …]               da = a's part of dy          db = b's part: dy is split again

Shapes: all equal, or 1 on an axis where another input is longer. Such an array is repeated along this axis:
each of its entries is used several times, and gets the sum of the gradients of its uses. Concatenate: equal
except on its axis.

Layers are called on a list, of arrays or of symbols: Add()([a, b]), or add([a, b]).
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any, TypeVar, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike

from minicnn import backend
from minicnn.layers.arguments import Array, LayerArguments, Shape, count
from minicnn.layers.base import Layer
from minicnn.layers.symbol import OPERATORS, Symbol, symbolic


class _Merge(Layer):
    """What these layers share: the input is a list."""

    multiple_inputs = True
    fewest: float = 1
    most: float = float("inf")

    @overload
    def __call__(self, x: Symbol | Sequence[Symbol], training: bool | None = None) -> Symbol: ...

    @overload
    def __call__(self, x: ArrayLike, training: bool | None = None) -> np.ndarray: ...

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Run the layer on a list of arrays. For a list of symbols, return a symbol.

        Raises:
            ValueError: x is not a list, or its shapes do not fit together.
        """
        if not isinstance(x, list | tuple) or not self.fewest <= len(x) <= self.most:
            number = "two" if self.fewest == self.most else "several"
            raise ValueError(
                f"{self.name}: expected a list of {number} inputs, {type(self).__name__}()([a, b])"
            )
        if symbolic(x):
            return super().__call__(x, training)
        x = [np.asarray(each) for each in x]
        self.build_for([each.shape for each in x], backend.float_type(x[0]))
        return self.forward([self.checked_type(each) for each in x])

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Check that the shapes fit together; there are no weights."""
        self.compute_output_shape(input_shape)
        self.input_shape, self.built = [(None, *shape[1:]) for shape in input_shape], True

    def check_shape(self, shape: Sequence[Shape]) -> None:
        """Check that the shapes fit together."""
        self.compute_output_shape(shape)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        """The shape of all inputs, or the shape that they are repeated to."""
        shapes = [tuple(shape) for shape in input_shape]
        axes = [set(lengths) - {1} or {1} for lengths in zip(*shapes)]
        if len({len(shape) for shape in shapes}) > 1 or any(len(lengths - {None}) > 1 for lengths in axes):
            raise ValueError(
                f"{self.name}: inputs of shapes {_listed(shapes)} do not fit together: expected the "
                "same shape, or 1 "
                f"on an axis; Conv2D({shapes[0][-1]}, 1, strides=…) changes the number of channels or "
                "the size of maps"
            )
        return tuple(None if None in lengths else lengths.pop() for lengths in axes)


def _listed(shapes: Sequence[Shape]) -> str:
    return " and ".join(map(str, shapes))


def _sum_to(d: Array, x: Array) -> Array:
    """Return d in x's shape: summed over the axes along which x was repeated."""
    repeated = tuple(axis for axis, (long, own) in enumerate(zip(d.shape, x.shape)) if own < long)
    return d.sum(axis=repeated, keepdims=True) if repeated else d


class Add(_Merge):
    """a + b + …, as `keras.layers.Add`."""

    @property
    def sums_branches(self) -> bool:
        """Whether a ReLU after it can be taken with the sum, see fusion.py: for two inputs."""
        return self.built and len(self.input_shape) == 2

    def forward(self, x: list[Array], training: bool = False) -> Array:
        """Return the sum."""
        return reduce(np.add, self.outputs(x, training))

    def outputs(self, x: list[Array], training: bool) -> list[Array]:
        """Return the terms of the sum, in one shape."""
        self._x = x
        return list(np.broadcast_arrays(*x))

    def backward(self, dy: Array) -> list[Array]:
        """Each term has the slope 1: return dy for all."""
        return [_sum_to(dy, each) for each in self._x]


class Subtract(_Merge):
    """a − b, as `keras.layers.Subtract`."""

    fewest = most = 2

    def forward(self, x: list[Array], training: bool = False) -> Array:
        """Return the difference."""
        self._x = x
        return x[0] - x[1]

    def backward(self, dy: Array) -> list[Array]:
        """The slopes are 1 and −1."""
        a, b = self._x
        return [_sum_to(dy, a), _sum_to(-dy, b)]


class Average(_Merge):
    """(a + b + …)/n, as `keras.layers.Average`."""

    def forward(self, x: list[Array], training: bool = False) -> Array:
        """Return the mean."""
        self._x = x
        return reduce(np.add, x) / len(x)

    def backward(self, dy: Array) -> list[Array]:
        """Each has the slope 1/n."""
        return [_sum_to(dy / len(self._x), each) for each in self._x]


class Multiply(_Merge):
    """a · b · …, entry by entry, as `keras.layers.Multiply`."""

    def forward(self, x: list[Array], training: bool = False) -> Array:
        """Return the product."""
        self._x = list(x)
        return reduce(np.multiply, x)

    def backward(self, dy: Array) -> list[Array]:
        """The slope of a product with respect to one factor is the product of the others."""
        x = self._x
        others = [x[:number] + x[number + 1 :] for number in range(len(x))]
        return [_sum_to(reduce(np.multiply, rest, dy), each) for rest, each in zip(others, x)]


class Maximum(_Merge):
    """The largest of a, b, …, entry by entry, as `keras.layers.Maximum`."""

    _find: Any = staticmethod(np.argmax)

    def forward(self, x: list[Array], training: bool = False) -> Array:
        """Return the largest, and store which input it came from."""
        self._x = x
        stacked = np.stack(np.broadcast_arrays(*x))  # (n, N, …)
        self._winner = self._find(stacked.real, axis=0)  # (N, …)
        return np.take_along_axis(stacked, self._winner[None], axis=0)[0]

    def backward(self, dy: Array) -> list[Array]:
        """Return dy for the largest, 0 for the others."""
        return [_sum_to(np.where(self._winner == i, dy, 0), each) for i, each in enumerate(self._x)]


class Minimum(Maximum):
    """The smallest of a, b, …, entry by entry, as `keras.layers.Minimum`."""

    _find = staticmethod(np.argmin)


class Concatenate(_Merge):
    """a, b, … one after the other along an axis, by default the channels, as `keras.layers.Concatenate`."""

    def __init__(self, axis: int = -1, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.axis = count("axis", axis, -32, 32)
        if axis == 0:
            raise ValueError("Concatenate(axis=0): that is the batch's axis; expected another, such as -1")

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        """The lengths along the axis add up."""
        shapes = [tuple(shape) for shape in input_shape]
        axes = len(shapes[0])
        axis = self.axis % axes
        others = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
        if len(others) > 1 or axis == 0 or not -axes < self.axis < axes:
            raise ValueError(
                f"{self.name}: inputs of shapes {_listed(shapes)} do not fit together along axis "
                f"{self.axis}: expected "
                "the same lengths on all other axes, the batch's among them"
            )
        lengths = [shape[axis] for shape in shapes]
        return (*shapes[0][:axis], None if None in lengths else sum(lengths), *shapes[0][axis + 1 :])

    def forward(self, x: list[Array], training: bool = False) -> Array:
        """Return them one after the other along the axis."""
        self._ends = np.cumsum([each.shape[self.axis] for each in x])[:-1]
        return np.concatenate(x, self.axis)

    def backward(self, dy: Array) -> list[Array]:
        """Split dy into the parts of the inputs."""
        return [np.ascontiguousarray(part) for part in np.split(dy, self._ends, self.axis)]


T = TypeVar("T", Symbol, Array)


def add(inputs: Sequence[T], **kwargs: Unpack[LayerArguments]) -> T:
    """Return ``Add(**kwargs)(inputs)``."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[T], **kwargs: Unpack[LayerArguments]) -> T:
    """Return ``Subtract(**kwargs)(inputs)``."""
    return Subtract(**kwargs)(inputs)


def average(inputs: Sequence[T], **kwargs: Unpack[LayerArguments]) -> T:
    """Return ``Average(**kwargs)(inputs)``."""
    return Average(**kwargs)(inputs)


def multiply(inputs: Sequence[T], **kwargs: Unpack[LayerArguments]) -> T:
    """Return ``Multiply(**kwargs)(inputs)``."""
    return Multiply(**kwargs)(inputs)


def maximum(inputs: Sequence[T], **kwargs: Unpack[LayerArguments]) -> T:
    """Return ``Maximum(**kwargs)(inputs)``."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[T], **kwargs: Unpack[LayerArguments]) -> T:
    """Return ``Minimum(**kwargs)(inputs)``."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence[T], axis: int = -1, **kwargs: Unpack[LayerArguments]) -> T:
    """Return ``Concatenate(axis, **kwargs)(inputs)``."""
    return Concatenate(axis, **kwargs)(inputs)


OPERATORS.update(add=add, subtract=subtract, multiply=multiply)

"""Symbols: a network is described first, and computed later.

    x = Input((48, 48, 1))              a symbol: stands for data of shape (None, 48, 48, 1)
    y = Conv2D(8, 3)(x)                 the layer is built, nothing is computed; y stores the layer and x
    z = Add()([y, other])               a layer that is called on several symbols

`Model(inputs, outputs)` follows the inputs of each symbol, from the outputs back to the inputs, and so finds
the whole network (graph.py). Keras calls a symbol a KerasTensor.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

Operand = float | np.ndarray  # in an operation with a symbol


class Symbol:
    """A value that is not computed yet: the output of a layer for some inputs.

    Attributes:
        layer: the layer that computes it.
        inputs: the symbols that the layer is called on; empty for an input of the network.
        shape: with the batch first, which may be None.
        dtype: "float32" or "float64".
        training: as the layer was called, ``layer(x, training=False)``; this holds in fit too (in Keras's
            guides as well, though Keras 3.15 itself forgets it there). None: as the whole model runs.
    """

    def __init__(
        self,
        layer: Any,
        inputs: tuple["Symbol", ...],
        shape: Sequence[int | None],
        dtype: Any,
        training: bool | None = None,
    ) -> None:
        self.layer, self.inputs, self.training = layer, inputs, training
        self.shape: tuple[int | None, ...] = tuple(shape)
        self.dtype = str(dtype)

    @property
    def name(self) -> str:
        """The layer's name."""
        return str(self.layer.name)

    @property
    def ndim(self) -> int:
        """The number of axes, with the batch's."""
        return len(self.shape)

    # x + y, x - y, x * y of two symbols create layers; so do x * 2, x / 255, x + 1, x - 1. The functions that
    # create these layers are in OPERATORS, which the files of the layers fill

    def __add__(self, other: "Symbol | Operand") -> "Symbol":
        return self._merged("add", other) if isinstance(other, Symbol) else self._rescaled(1, other)

    def __sub__(self, other: "Symbol | Operand") -> "Symbol":
        return self._merged("subtract", other) if isinstance(other, Symbol) else self._rescaled(1, -other)

    def __mul__(self, other: "Symbol | Operand") -> "Symbol":
        return self._merged("multiply", other) if isinstance(other, Symbol) else self._rescaled(other, 0)

    def __truediv__(self, other: Operand) -> "Symbol":
        if isinstance(other, Symbol):
            raise NotImplementedError(
                "a symbol / a symbol: there is no such layer; Multiply() is the nearest"
            )
        return self._rescaled(1 / other, 0)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Operand) -> "Symbol":
        return self._rescaled(-1, other)

    def _merged(self, operator: str, other: "Symbol") -> "Symbol":
        return OPERATORS[operator]([self, other])

    def _rescaled(self, scale: Operand, offset: Operand) -> "Symbol":
        return OPERATORS["rescale"](self, scale, offset)

    def activated(self, name: str, options: dict[str, Any]) -> "Symbol":
        """Return the symbol of an activation of this one: what ``activations.relu(x)`` calls."""
        return OPERATORS["activate"](self, name, options)

    if not TYPE_CHECKING:  # for a type checker, a symbol is no array

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
            raise TypeError(f"{self!r} has no numbers yet: make a Model(inputs, outputs) and call it on data")

    def __repr__(self) -> str:
        return f"<Symbol {self.name}: shape={self.shape}, dtype={self.dtype}>"


# "add", "subtract", "multiply": a list of symbols -> the symbol of the result (merging.py)
# "activate": a symbol, the activation's name and options -> the symbol of its values (activations.py)
# "rescale": a symbol, scale, offset -> the symbol of x · scale + offset (rescaling.py)
OPERATORS: dict[str, Callable[..., Symbol]] = {}


def as_list(value: Any) -> list[Any]:
    """Return a list: the values of a list or tuple, or the single value."""
    return list(value) if isinstance(value, list | tuple) else [value]


def symbolic(x: Any) -> bool:
    """Whether a layer is called on symbols, not on arrays."""
    return any(isinstance(each, Symbol) for each in as_list(x))


def record(layer: Any, x: Any, training: bool | None = None) -> Symbol:
    """Return the symbol of the layer's output for ``x``, a symbol or several; the layer is built for them.

    Raises:
        TypeError: there are arrays among the symbols.
        ValueError: the layer takes one input and ``x`` has several, or the shapes do not fit.
        NotImplementedError: the layer has several outputs.
    """
    inputs = tuple(as_list(x))
    others = [each for each in inputs if not isinstance(each, Symbol)]
    if others:
        raise TypeError(
            f"{layer.name}: called on symbols and a {type(others[0]).__name__} together: make "
            "everything symbols "
            "(Input for data that will come) or everything arrays"
        )
    several = isinstance(x, list | tuple) and (layer.multiple_inputs or len(inputs) > 1)
    if several and not layer.multiple_inputs:
        raise ValueError(
            f"{layer.name} takes one input, got {len(inputs)}: join them first, with Concatenate() or Add()"
        )
    shape: Any = [each.shape for each in inputs] if several else inputs[0].shape
    if layer.built and not layer.weights:  # used again, perhaps for another shape
        layer.build(shape)
    layer.build_for(shape, inputs[0].dtype)
    output_shape = layer.compute_output_shape(shape)
    if isinstance(output_shape, list):
        raise NotImplementedError(
            f"{layer.name} gives {len(output_shape)} outputs: a layer called on a symbol must "
            "give one; make a "
            "Model(inputs, output) for the one that you need"
        )
    return Symbol(layer, inputs, output_shape, layer.dtype, training)

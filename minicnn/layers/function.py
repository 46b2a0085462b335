"""Lambda: a function of your own as a layer.

    layers.Lambda(lambda x: x / 127.5 - 1)                                # before the first weight: no gradient needed
    layers.Lambda(lambda x: x**2, gradient=lambda dy, x: dy * 2 * x)      # dL/dx = dL/dy · dy/dx, written by hand

Keras finds the derivative itself; here it is yours, and `minicnn.gradient_check` checks it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

import numpy as np

from minicnn._base.messages import shown
from minicnn.layers.arguments import Array, LayerArguments, Shape
from minicnn.layers.base import Layer


class Lambda(Layer):
    """A function of the batch x, as `keras.layers.Lambda`. A model with it predicts, but cannot be saved.

    Args:
        function: function(x, **arguments) -> y, arrays with the samples on axis 0.
        output_shape: the shape of one sample of y, or a function of x's shape (batch, …); None: the function is
            tried on zeros.
        arguments: other arguments of the function, by name.
        gradient: gradient(dy, x, **arguments) -> dx. Without it, layers with weights before this one cannot be
            trained.

    Raises:
        TypeError: function or gradient is not a function.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Sequence[int] | Callable[[Shape], Shape] | None = None,
        arguments: Mapping[str, Any] | None = None,
        gradient: Callable[..., Any] | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        for name, given in (("function", function), ("gradient", gradient)):
            if not callable(given) and (given is not None or name == "function"):
                raise TypeError(f"{name}={shown(given)}: expected a function, such as lambda x: x**2")
        self.function, self.output_shape, self.gradient = function, output_shape, gradient
        self.arguments = dict(arguments or {})

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape that was given, or that of the function's result for zeros."""
        if callable(self.output_shape):
            return tuple(self.output_shape(input_shape))
        if self.output_shape is not None:
            return input_shape[0], *self.output_shape
        if None in input_shape[1:]:
            raise ValueError(
                f"{self.name}: the shape of its output cannot be found by trying, for inputs {input_shape}: give "
                "output_shape, such as Lambda(f, output_shape=lambda shape: shape)"
            )
        with np.errstate(all="ignore"):
            y = self._run(np.zeros((1, *input_shape[1:]), self.dtype))
        return input_shape[0], *y.shape[1:]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Lambda":
        """Make a layer from what :meth:`get_config` returned; what comes from a file has no function.

        Raises:
            ValueError: it has none.
        """
        if not callable(config.get("function")):
            raise ValueError(
                "unknown layer 'Lambda' in a file: its function cannot be there; make the model again, then "
                "model.load_weights(path)"
            )
        return cls(**config)

    def _run(self, x: Array) -> Array:
        y = np.asarray(self.function(x, **self.arguments))
        if y.shape[:1] != x.shape[:1]:
            raise ValueError(
                f"{self.name}: the function made {y.shape} of {x.shape}: expected an array with the same number of "
                "samples on axis 0"
            )
        return y if y.dtype.kind == "c" else y.astype(x.real.dtype, copy=False)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return function(x)."""
        self._cache = x
        return self._run(x)

    def backward(self, dy: Array) -> Array:
        """Return gradient(dy, x).

        Raises:
            NotImplementedError: there is none.
        """
        if self.gradient is None:
            raise NotImplementedError(
                f"{self.name}: a Lambda without gradient cannot train the layers before it: give it "
                "Lambda(function, gradient=lambda dy, x: …), which returns dL/dx; or put it before the first layer "
                "with weights"
            )
        dx = np.asarray(self.gradient(dy, self._cache, **self.arguments), dy.dtype)
        if dx.shape != self._cache.shape:
            raise ValueError(
                f"{self.name}: gradient returned {dx.shape}, expected x's shape {self._cache.shape}"
            )
        return dx

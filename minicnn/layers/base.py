"""What every layer is: named parameters, a forward pass that remembers, a backward pass that answers.

A layer of your own needs three methods, and `minicnn.gradient_check` tells whether the last one is right:

    class Scale(Layer):                                  # y = s · x, one s a channel
        def build(self, input_shape):
            super().build(input_shape)
            self.s = self.add_weight("s", (input_shape[-1],), "ones")

        def forward(self, x, training=False):
            self.x = x
            return x * self.s.value

        def backward(self, dy):                          # given dL/dy ...
            self.s.grad = (dy * self.x).sum(axis=(0, 1, 2))  # ... store dL/ds
            return dy * self.s.value                     # ... and return dL/dx
"""

import inspect
from typing import Any

import numpy as np

from minicnn import backend, initializers, random, regularizers
from minicnn._base import keras_errors
from minicnn._base.names import snake_case, unique_name
from minicnn.layers import symbol


class Parameter:
    """A named array that a layer owns: its value, the gradient that the last backward pass left, and how to treat it.

    Attributes:
        value: the array; an optimizer changes it in place.
        grad: dL/dvalue of the last backward pass, of value's shape; None before it.
        name: "kernel"; path: "conv2d/kernel".
        trainable: False for moving statistics, which no optimizer touches.
        regularizer: a penalty that the training step adds to the loss, and its gradient to ``grad``; or None.
    """

    def __init__(
        self, value: np.ndarray, name: str, path: str, trainable: bool = True, regularizer=None
    ) -> None:
        self.value, self.name, self.path = value, name, path
        self.trainable, self.regularizer = trainable, regularizer
        self.grad: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.value.shape

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the value."""
        return self.value.dtype

    def numpy(self) -> np.ndarray:
        """Return the value: Keras's spelling."""
        return self.value

    def assign(self, value: Any) -> None:
        """Copy ``value``, of the same shape, into the parameter.

        Raises:
            ValueError: the shapes differ.
        """
        array = np.asarray(value)
        if array.shape != self.shape:
            raise ValueError(f"{self.path}: got an array of shape {array.shape}, expected {self.shape}")
        self.value[...] = array

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.value, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        return f"<Parameter {self.path} shape={self.shape} dtype={self.dtype}>"


class Layer:
    """Base class of every layer.

    Args:
        trainable: whether an optimizer may change the layer's weights.
        dtype: "float32" or "float64"; by default that of the first input, or ``backend.floatx()``.
        name: by default the class's name in snake_case, numbered.
        input_shape: shape of one sample; on the first layer of a Sequential it lets the model build at once.
        input_dim: the same for samples that are rows: input_dim=64 is input_shape=(64,).
        unknown: looked up in minicnn._base.keras_errors.

    Raises:
        TypeError: there is no such argument.
        NotImplementedError: Keras has the argument, or the float type, and minicnn has not.
    """

    needs_dx = True  # a model turns this off for its first layer while it trains
    multiple_inputs = False  # whether x is a list of arrays, and dx one of gradients: see merging.py
    _output: "symbol.Symbol | None" = None

    def __init__(
        self, *, trainable=True, dtype=None, name=None, input_shape=None, input_dim=None, **unknown
    ) -> None:
        keras_errors.check_arguments("layer", type(self), unknown)
        if input_dim is not None:
            input_shape = (input_dim,)
        self.name = name or unique_name(snake_case(type(self).__name__))
        self._trainable = bool(trainable)
        self.dtype = None if dtype is None else backend.checked_dtype(dtype)
        self.declared_input_shape = None if input_shape is None else (None, *input_shape)
        self.built = False
        self.input_shape: Any = None
        self._parameters: list[Parameter] = []
        self.generator: Any = None  # layers that draw random numbers set one

    # ---- what a layer defines -------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of ``input_shape`` (batch first, which may be None)."""
        self.input_shape = (None, *input_shape[1:])
        if self.dtype is None:
            self.dtype = np.dtype(backend.floatx())
        self.built = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output for an input of ``input_shape``, batch first."""
        return input_shape

    def forward(self, x: Any, training: bool = False) -> Any:
        """Return y and remember what :meth:`backward` will need."""
        raise NotImplementedError(
            f"{type(self).__name__}.forward: a layer has forward and backward, not call"
        )

    def backward(self, dy: Any) -> Any:
        """Given dL/dy of the last forward pass, set ``grad`` of each parameter and return dL/dx."""
        raise NotImplementedError(f"{type(self).__name__}.backward")

    def check_axis(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that ``self.axis`` is the last one, that of the channels or classes: -1, or its number.

        Raises:
            NotImplementedError: it is another.
        """
        axis = getattr(self, "axis", -1)
        if axis not in (-1, len(input_shape) - 1):
            raise NotImplementedError(
                f"{type(self).__name__}(axis={axis!r}) on inputs {input_shape}: only the last axis, -1 "
                "(channels last); move yours there with np.moveaxis"
            )

    # ---- what a layer is given ------------------------------------------------------------------------------------

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Run the layer on x, building it at first use; on a symbol, only note that it is to run, and return a symbol.

        Raises:
            TypeError: x has another float type than the layer's weights.
            ValueError: x has another shape than the layer was built for.
        """
        if symbol.symbolic(x):
            y = symbol.record(self, x, training)
            self._output = self._output or y
            return y
        x = np.asarray(x)
        self.build_for(x.shape, backend.float_type(x))
        return self.forward(self._typed(x), bool(training))

    def build_for(self, shape: Any, dtype: Any) -> None:
        """Build the layer at its first use, for inputs of ``shape``; after that, check that the shape fits."""
        if self.built:
            self.check_shape(shape)
        else:
            self.dtype = self.dtype or np.dtype(dtype)
            self.build(shape)

    @property
    def output(self) -> Any:
        """The symbol of the layer's output, where it was first called on a symbol.

        Raises:
            ValueError: it never was.
        """
        if self._output is None:
            raise ValueError(
                f"{self.name} has no output yet: it was called on no symbol, such as Input((48, 48, 1))"
            )
        return self._output

    @property
    def input(self) -> Any:
        """The symbol that the layer was first called on, or the list of them."""
        inputs = list(self.output.inputs)
        return inputs if self.multiple_inputs else inputs[0]

    @property
    def trainable(self) -> bool:
        """Whether an optimizer may change the weights; set, it reaches the layers inside, whatever they were."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in self.sublayers:
            layer.trainable = value

    def check_shape(self, shape: Any) -> None:
        """Check that an input of ``shape`` fits what the layer was built for.

        Raises:
            ValueError: it does not.
        """
        built_for: Any = self.input_shape or ()
        fits = len(shape) == len(built_for) and all(w in (None, h) for h, w in zip(shape, built_for))
        if not fits:
            hint = ""
            if tuple(shape) == built_for[1:]:
                hint = ": one sample? give it the batch's axis, x[None]"
            elif len(shape) == len(built_for) - 1 and built_for[-1] == 1:
                hint = ": gray images? give them their one channel, x[..., None]"
            raise ValueError(f"{self.name}: input of shape {tuple(shape)}, expected {built_for}{hint}")

    def _typed(self, x: np.ndarray) -> np.ndarray:
        if x.dtype.kind not in "fc":
            return x.astype(self.dtype)
        if x.real.dtype != self.dtype:
            raise TypeError(
                f"{self.name}: input is {x.dtype} but the layer computes in {self.dtype}: "
                f'cast the input, x.astype("{self.dtype}"), or make the layer with dtype="{x.real.dtype}"'
            )
        return x

    def add_weight(
        self, name, shape, initializer="glorot_uniform", trainable=True, regularizer=None
    ) -> Parameter:
        """Create, register and return a :class:`Parameter` filled by an initializer (a name or an object)."""
        draw: Any = initializers.get(initializer)
        value = np.ascontiguousarray(draw(tuple(shape), dtype=self.dtype, generator=random.generator()))
        parameter = Parameter(value, name, f"{self.name}/{name}", trainable, regularizers.get(regularizer))
        self._parameters.append(parameter)
        return parameter

    @property
    def sublayers(self) -> list["Layer"]:
        """The layers inside this one, in order; none for most."""
        return []

    @property
    def weights(self) -> list[Parameter]:
        """All parameters: this layer's trainable ones, its moving statistics, then those of the layers inside it."""
        own = sorted(self._parameters, key=lambda parameter: not parameter.trainable)  # a stable sort
        return own + [weight for layer in self.sublayers for weight in layer.weights]

    @property
    def trainable_weights(self) -> list[Parameter]:
        """The parameters that an optimizer changes."""
        if not self.trainable:
            return []
        own = [parameter for parameter in self._parameters if parameter.trainable]
        return own + [weight for layer in self.sublayers for weight in layer.trainable_weights]

    @property
    def non_trainable_weights(self) -> list[Parameter]:
        """The parameters that no optimizer changes: moving statistics, and all of a frozen layer."""
        trained = {id(weight) for weight in self.trainable_weights}
        return [weight for weight in self.weights if id(weight) not in trained]

    @property
    def generators(self) -> list[np.random.Generator]:
        """The random generators of this layer and those inside it, whose states belong to a checkpoint."""
        own = [] if self.generator is None else [self.generator]
        return own + [inner for layer in self.sublayers for inner in layer.generators]

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights, in Keras's order."""
        return [weight.value.copy() for weight in self.weights]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Set all weights from arrays in the order of :meth:`get_weights`.

        Raises:
            ValueError: another number of arrays, or one of another shape; nothing is changed then.
        """
        own = self.weights
        if len(weights) != len(own):
            raise ValueError(
                f"{self.name}: got {len(weights)} arrays, expected {len(own)} (is the model built?)"
            )
        for parameter, array in zip(own, weights):
            if np.shape(array) != parameter.shape:
                raise ValueError(f"{parameter.path}: got shape {np.shape(array)}, expected {parameter.shape}")
        for parameter, array in zip(own, weights):
            parameter.assign(array)

    def count_params(self) -> int:
        """Return the number of scalars in all weights."""
        return sum(weight.value.size for weight in self.weights)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments. Every layer keeps each argument in an attribute of the same name."""
        own = [
            name
            for name, argument in inspect.signature(type(self).__init__).parameters.items()
            if name != "self" and argument.kind is argument.POSITIONAL_OR_KEYWORD
        ]
        config = {name: getattr(self, name) for name in own if hasattr(self, name)}
        return config | {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype and str(self.dtype),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Layer":
        """Make a layer from what :meth:`get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

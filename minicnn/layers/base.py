"""The base class of layers: parameters, a forward pass that stores values, a backward pass that uses them.

Your own layer needs three methods, and `minicnn.gradient_check` checks the last one:

    class Scale(Layer):                                  # y = s · x, one s for each channel
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

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike

from minicnn import backend, initializers, ops, random, regularizers
from minicnn._base import keras_errors
from minicnn._base.names import snake_case, unique_name
from minicnn.layers import arguments, configuration, symbol
from minicnn.layers.parameter import Parameter, plain_arrays
from minicnn.layers.symbol import Symbol


class Layer:
    """Base class of every layer.

    Args:
        trainable: whether an optimizer may change the layer's weights.
        dtype: "float32" or "float64"; by default that of the first input, or ``backend.floatx()``.
        name: by default the class's name in snake_case, numbered.
        input_shape: shape of one sample; on the first layer of a Sequential: the model is then built at once.
        input_dim: the same for samples that are rows: input_dim=64 is input_shape=(64,).
        unknown: other arguments, for the error message: minicnn._base.keras_errors.

    Attributes:
        name: unique in a model.
        dtype: the float type of the weights and of the computation; None until the layer is built.
        built: whether the weights exist.
        input_shape: the shape that the layer was built for, (None, …); a list for several inputs.
        own_parameters: the layer's parameters in the order of their creation, without those of its sublayers.
        generator: the random generator of layers that draw random numbers; None for the others.

    Raises:
        TypeError: there is no such argument.
        NotImplementedError: Keras has the argument or the float type, but minicnn does not.
    """

    needs_dx: bool = True  # whether backward must return dx; the container sets it: see Chain.backward
    multiple_inputs: bool = False  # whether x is a list of arrays, and dx a list of gradients: see merging.py
    plain_arrays: tuple[
        str, ...
    ] = ()  # arrays of floats in attributes that are there when the layer is built
    fused_with: Any = None  # a function of the next layer, for one with its own fused pairs: see fusion.py
    _output: Symbol | None = None
    _given: tuple[int, tuple[str, ...]] = (0, ())  # to the constructor: how many by position, and the names

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the layer, and remember which arguments were given: see :meth:`get_config`."""
        keras_errors.refuse_old_spellings("layer", cls, args, kwargs)
        layer = super().__new__(cls)
        layer._given = len(args), tuple(kwargs)
        return layer

    def __init__(
        self,
        *,
        trainable: bool = True,
        dtype: Any = None,
        name: str | None = None,
        input_shape: Sequence[int | None] | None = None,
        input_dim: int | None = None,
        **unknown: Any,
    ) -> None:
        keras_errors.check_arguments("layer", type(self), unknown)
        if input_dim is not None:
            input_shape = (input_dim,)
        self.name: str = name or unique_name(snake_case(type(self).__name__))
        if not isinstance(self.name, str):
            raise ValueError(f"name={name!r}: expected a text")
        self._trainable = bool(trainable)
        self.dtype: Any = None if dtype is None else backend.checked_dtype(dtype)
        self.declared_input_shape = None if input_shape is None else (None, *input_shape)
        self.built = False
        self.input_shape: Any = None
        self.own_parameters: list[Parameter] = []
        self.generator: Any = None

    if not TYPE_CHECKING:  # a type checker reports unknown names itself

        def __getattr__(self, name: str) -> Any:
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            if "own_parameters" not in vars(self):
                message += ": begin its __init__ with super().__init__(**kwargs), and let it take **kwargs"
            raise AttributeError(message, name=name, obj=self)

    # ---- what a layer defines ------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of ``input_shape`` (batch first, which may be None)."""
        several = self.multiple_inputs and isinstance(input_shape, list)
        shapes = [(None, *shape[1:]) for shape in (input_shape if several else [input_shape])]
        self.input_shape = shapes if several else shapes[0]
        if self.dtype is None:
            self.dtype = np.dtype(backend.floatx())
        self.built = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output for an input of ``input_shape``, batch first."""
        return input_shape

    def forward(self, x: Any, training: bool = False) -> Any:
        """Return y and store what :meth:`backward` needs."""
        raise NotImplementedError(
            f"{type(self).__name__}.forward: a layer has forward and backward, not call"
        )

    def backward(self, dy: Any) -> Any:
        """Given dL/dy of the last forward pass, set ``grad`` of each parameter and return dL/dx."""
        raise NotImplementedError(
            f"{type(self).__name__}.backward: training needs it; given dL/dy, it sets the grad of each weight and "
            "returns dL/dx"
        )

    def check_axis(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that ``self.axis`` is the last axis (channels or classes): -1, or its number.

        Raises:
            NotImplementedError: it is another axis.
        """
        axis = getattr(self, "axis", -1)
        if axis not in (-1, len(input_shape) - 1):
            raise NotImplementedError(
                f"{type(self).__name__}(axis={axis!r}) on inputs {input_shape}: only the last axis, -1 "
                "(channels last); move yours there with np.moveaxis"
            )

    # ---- the last function of a network: softmax or sigmoid ------------------------------------------------

    @property
    def last_function(self) -> str | None:
        """The name of the activation whose values are the output ("softmax"), in another order
        perhaps; or None.
        """
        return None

    def pre_activation_forward(self, x: Any, training: bool = False) -> Any:
        """Return what :meth:`forward` gives without its last function: a loss of logits begins there."""
        raise NotImplementedError(f"{type(self).__name__}.pre_activation_forward")

    def pre_activation_backward(self, dz: Any) -> Any:
        """Return dL/dx, given dL/dz of the last :meth:`pre_activation_forward`."""
        raise NotImplementedError(f"{type(self).__name__}.pre_activation_backward")

    @property
    def only_moves(self) -> str | None:
        """None for a layer that computes. Of one that only copies numbers to other places: "rows" if
        the last axis stays together (a softmax is over that axis), otherwise "entries".
        """
        return None

    @property
    def has_library_passes(self) -> bool:
        """Whether forward and backward are the library's own, not those of a subclass."""
        library = __name__.rpartition(".")[0]
        passes = [getattr(self, name) for name in ("forward", "backward")]
        modules = [getattr(each, "__module__", "") for each in passes]
        return all(module.startswith(f"{library}.") for module in modules)

    # ---- what every layer inherits -------------------------------------------------------------------------

    @overload
    def __call__(self, x: Symbol | Sequence[Symbol], training: bool | None = None) -> Symbol: ...

    @overload
    def __call__(self, x: ArrayLike, training: bool | None = None) -> np.ndarray: ...

    @ops.in_turn
    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Run the layer on x, an array or a list of them, built at first use. For symbols, return a symbol.

        As in Keras, ``training=None`` is evaluation for all but random augmentation, which then changes images.

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
        by_itself: Any = training  # forward gets None, which is false for all layers but augmentation
        return self.forward(self.checked_type(x), by_itself)

    def build_for(self, shape: Any, dtype: Any) -> None:
        """Build the layer at its first use for inputs of ``shape``; after that, check that they fit."""
        if self.built:
            self.check_shape(shape)
        else:
            self.dtype = self.dtype or np.dtype(dtype)
            self.build(shape)
            if not self.built:  # as in Keras, a build of one's own need not call super().build
                Layer.build(self, shape)
            self.plain_arrays = tuple(plain_arrays(self))

    @property
    def output(self) -> Any:
        """The symbol of the layer's output, of the first call on a symbol.

        Raises:
            ValueError: the layer was not called on a symbol.
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
        """Whether an optimizer may change the weights. Setting it also sets all sublayers."""
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

    def checked_type(self, x: np.ndarray) -> np.ndarray:
        """Return x, integers as the layer's float type.

        Raises:
            TypeError: x has another float type.
        """
        if x.dtype.kind not in "fc":
            return x.astype(self.dtype)
        if x.real.dtype != self.dtype:
            raise TypeError(
                f"{self.name}: input is {x.dtype} but the layer computes in {self.dtype}: "
                f'cast the input, x.astype("{self.dtype}"), or make the layer with dtype="{x.real.dtype}"'
            )
        return x

    @keras_errors.keras_arguments
    def add_weight(
        self,
        name: str,
        shape: Sequence[int],
        initializer: Any = "glorot_uniform",
        trainable: bool = True,
        regularizer: Any = None,
    ) -> Parameter:
        """Create, register and return a :class:`Parameter`; ``initializer`` (a
        name or an object) fills it.
        """
        if None in shape:
            raise ValueError(
                f"{self.name}/{name}: a weight of shape {tuple(shape)} needs lengths that are known, for inputs of "
                f"shape {self.input_shape}: give them to Input; None is for height and width of convolutions, as in "
                "Input((None, None, 3))"
            )
        if self.dtype is None:  # in a constructor, before the input is known
            self.dtype = np.dtype(backend.floatx())
        arguments.check_room(f"{self.name}/{name}", shape)
        draw: Any = initializers.get(initializer)
        value = np.ascontiguousarray(draw(tuple(shape), dtype=self.dtype, generator=random.generator()))
        parameter = Parameter(value, name, f"{self.name}/{name}", trainable, regularizers.get(regularizer))
        self.own_parameters.append(parameter)
        return parameter

    @property
    def sublayers(self) -> list["Layer"]:
        """The layers directly inside this one, in order; most layers have none."""
        return []

    def walk(self) -> Iterator["Layer"]:
        """Yield this layer and all layers inside it, depth first: each layer before its sublayers."""
        yield self
        for layer in self.sublayers:
            yield from layer.walk()

    def forget(self) -> None:
        """Let go of what the last forward passes kept for :meth:`backward`, weights among it, here and inside."""
        for layer in self.walk():
            for name in ("_cache", "_depthwise", "_pointwise"):
                vars(layer).pop(name, None)

    @property
    def weights(self) -> list[Parameter]:
        """All parameters: this layer's trainable ones, its moving statistics, then those of its sublayers."""
        own = sorted(self.own_parameters, key=lambda parameter: not parameter.trainable)  # a stable sort
        return own + [weight for layer in self.sublayers for weight in layer.weights]

    @property
    def trainable_weights(self) -> list[Parameter]:
        """The parameters that an optimizer changes."""
        if not self.trainable:
            return []
        own = [parameter for parameter in self.own_parameters if parameter.trainable]
        return own + [weight for layer in self.sublayers for weight in layer.trainable_weights]

    @property
    def non_trainable_weights(self) -> list[Parameter]:
        """The parameters that no optimizer changes: moving statistics, and all of a frozen layer."""
        trained = {id(weight) for weight in self.trainable_weights}
        return [weight for weight in self.weights if id(weight) not in trained]

    @property
    def generators(self) -> list[np.random.Generator]:
        """The random generators of this layer and all layers inside it; a checkpoint saves their states."""
        return [layer.generator for layer in self.walk() if layer.generator is not None]

    @ops.in_turn
    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights, in Keras's order."""
        return [weight.value.copy() for weight in self.weights]

    @ops.in_turn
    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Set all weights from arrays in the order of :meth:`get_weights`.

        Raises:
            ValueError: the number of arrays or a shape is wrong; then nothing is changed.
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

    def detached_copy(self) -> Self:
        """Return a deep copy of the layer and its sublayers, but not of the model: symbols are shared."""
        symbols = [layer._output for layer in self.walk() if layer._output is not None]
        return copy.deepcopy(self, {id(each): each for each in symbols})

    def count_params(self) -> int:
        """Return the number of scalars in all weights."""
        return sum(weight.value.size for weight in self.weights)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; a layer stores each in an attribute of the same name.

        Raises:
            ValueError: an argument is in no attribute of its name, so that a saved layer would lose it.
        """
        return configuration.arguments(self, *self._given) | {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype and str(self.dtype),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Layer":
        """Return a new layer from the result of :meth:`get_config`."""
        layer: Layer = configuration.from_arguments(cls, config)
        return layer

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

"""Activation layers: one function applied to every entry (softmax: to every row), and its derivative.

    y = f(x)        dx = dy · f'(x)        (softmax: dx = y · (dy − Σ dy·y), see minicnn.ops.reference.softmax)

Input and output have the same shape, which may be any. Formulas: minicnn.ops.reference.activations. Names:
minicnn.activations.
"""

from typing import Any, Unpack

import numpy as np

from minicnn import activations, initializers, regularizers
from minicnn._base.messages import shown
from minicnn.layers.arguments import (
    ActivationLike,
    Array,
    InitializerLike,
    LayerArguments,
    Pair,
    RegularizerLike,
    count,
    number,
)
from minicnn.layers.base import Layer
from minicnn.layers.symbol import OPERATORS, Symbol


class Activation(Layer):
    """An activation by its name, such as "relu" (``activations.TABLE`` has all), or by its function.

    Attributes:
        activation: its name.
        options: the other arguments of its forward pass, such as {"negative_slope": 0.2}.

    Raises:
        ValueError: there is no activation of that name.
        NotImplementedError: Keras has it but minicnn does not, or it is your own function.
    """

    def __init__(self, activation: ActivationLike, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.activation = activation

    @property
    def activation(self):
        """Its name. Another one may be set at any time, which then has its usual options."""
        return self._name

    @activation.setter
    def activation(self, activation):
        self._name = activations.name_of(activation)
        self.options = dict(activations.TABLE[self._name].options)

    @property
    def last_function(self):
        """The activation's name."""
        return self.activation if self.has_library_passes else None

    @property
    def only_moves(self):
        """ "linear" copies its input."""
        return "rows" if self.last_function == "linear" else None

    def forward(self, x, training=False):
        """Return f(x)."""
        y, self._cache = activations.TABLE[self.activation].forward(x, **self.options)
        return y

    def backward(self, dy):
        """Return dy · f'(x)."""
        return activations.TABLE[self.activation].backward(dy, self._cache)

    def pre_activation_forward(self, x, training=False):
        """Return x."""
        return x

    def pre_activation_backward(self, dz):
        """Return dz."""
        return dz


def activated(x: Symbol, name: str, options: dict[str, Any]) -> Symbol:
    """Return the symbol of an activation's values for x: ``activations.elu(x, alpha=0.5)`` becomes a layer."""
    kinds: dict[str, Any] = {"leaky_relu": LeakyReLU, "relu6": ReLU, "elu": ELU}
    if name in kinds:
        return kinds[name](**options)(x)  # type: ignore[no-any-return]
    usual = activations.TABLE[name].options
    if options != {key: usual[key] for key in options}:
        raise NotImplementedError(f"{name} of a symbol with {shown(options)}: nearest: {name} with {usual}")
    return Activation(name)(x)


OPERATORS["activate"] = activated


class ActivatedLayer(Layer):
    """A layer that ends in an activation f, such as Dense. It defines the two passes below f.

    z = pre_activation_forward(x)        y = f(z)
    dx = pre_activation_backward(dz)     dz = dy · f'(z)
    """

    def __init__(self, activation: ActivationLike, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.activation = activation

    @property
    def activation(self):
        """A name, None or an activation layer. Another one may be set at any time, as in Keras."""
        return self._configured

    @activation.setter
    def activation(self, activation):
        self._configured = activation_config(activation)
        self._activation = make_activation(activation, self)

    @property
    def final_activation(self) -> Activation:
        """The activation layer at the end of this one."""
        return self._activation

    @property
    def last_function(self) -> str | None:
        """The activation's name."""
        return self._activation.last_function if self.has_library_passes else None

    def forward(self, x: Array, training: bool = False) -> Array:
        """The pass below the activation, then the activation."""
        return self._activation.forward(self.pre_activation_forward(x, training), training)

    def backward(self, dy: Array) -> Array | None:
        """Back through the activation, then through the pass below it."""
        return self.pre_activation_backward(self._activation.backward(dy))


def make_activation(activation, owner: Layer) -> Activation:
    """Return the activation at the end of ``owner``: from a name, a function,
    None, or an activation layer.
    """
    if isinstance(activation, Activation):
        return activation
    return Activation(activation, name=f"{owner.name}/activation")


def activation_config(activation):
    """Return the ``activation`` of a layer for its configuration: a name, None or an activation layer."""
    return (
        activation
        if activation is None or isinstance(activation, Activation)
        else activations.name_of(activation)
    )


class Option:
    """A number in an attribute of a layer, which is checked when it is set, at any time.

    Args:
        from_0: whether it must not be negative.
        optional: whether it may be None.
    """

    def __init__(self, from_0: bool = False, optional: bool = False) -> None:
        self._from_0, self._optional = from_0, optional

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        return self if layer is None else vars(layer)[self._name]

    def __set__(self, layer: Any, value: Any) -> None:
        if value is not None or not self._optional:
            number(self._name, value)
            if self._from_0:
                number(self._name, value, "a number from 0", lambda given: given >= 0)
        vars(layer)[self._name] = value


class WithOptions(Activation):
    """An activation whose options are attributes of the layer, each an :class:`Option`."""

    def __init__(self, **kwargs: Unpack[LayerArguments]) -> None:
        super(Activation, self).__init__(**kwargs)

    @property
    def options(self):  # type: ignore[override]
        """The arguments of its forward pass."""
        return {name: getattr(self, name) for name in activations.TABLE[self.activation].options}


class ReLU(WithOptions):
    """max(x, 0); with its arguments negative_slope · (x − threshold) up to ``threshold``, then x, but at most
    ``max_value``.
    """

    max_value, threshold = Option(from_0=True, optional=True), Option(from_0=True)
    negative_slope = Option()

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    @property  # type: ignore[misc]
    def activation(self):
        """The name of the simplest activation that it is."""
        if self.max_value is not None or self.threshold:
            return "relu6"
        return "leaky_relu" if self.negative_slope else "relu"


class LeakyReLU(WithOptions):
    """x above 0, negative_slope · x below; as in Keras, the older name alpha works too."""

    activation = "leaky_relu"
    negative_slope = Option()

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        self.negative_slope = negative_slope


class ELU(WithOptions):
    """x above 0, alpha · (eˣ − 1) below."""

    activation = "elu"
    alpha = Option()

    def __init__(self, alpha: float = 1.0, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha


class PReLU(Layer):
    """x above 0, alpha · x below; each entry of a sample has its own alpha, which is trained.

        dx = dy · (1 above 0, alpha below)        dalpha = Σ dy · min(x, 0), over the batch and the shared axes

    Args:
        alpha_initializer, alpha_regularizer: of alpha.
        shared_axes: axes along which all entries share one alpha: [1, 2] for one alpha per channel.

    Source: He et al., "Delving deep into rectifiers", arXiv:1502.01852.
    """

    def __init__(
        self,
        alpha_initializer: InitializerLike = "Zeros",
        alpha_regularizer: RegularizerLike = None,
        shared_axes: Pair | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes
        self.shared_axes = None if axes is None else [int(axis) for axis in axes]
        if any(axis < 1 for axis in self.shared_axes or ()):
            raise ValueError(
                f"shared_axes={shown(shared_axes)}: expected axes from 1, such as [1, 2]; 0 is the batch"
            )

    def build(self, input_shape):
        """Create alpha, with the shape of a sample, but length 1 along the shared axes."""
        super().build(input_shape)
        shared = self.shared_axes or []
        shape = [1 if axis in shared else length for axis, length in enumerate(input_shape)][1:]
        self.alpha = self.add_weight(
            "alpha", shape, self.alpha_initializer, regularizer=self.alpha_regularizer
        )

    def forward(self, x, training=False):
        """Return x where it is positive, alpha · x elsewhere."""
        self._x = x
        return np.where(x.real <= 0, self.alpha.value * x, x)

    def backward(self, dy):
        """Return dy where x was positive, alpha · dy elsewhere; set alpha's gradient."""
        below = self._x.real <= 0
        summed = (0, *(self.shared_axes or ()))
        self.alpha.grad = np.where(below, dy * self._x, 0).sum(axis=summed, keepdims=True)[0]
        return np.where(below, self.alpha.value * dy, dy)


class Softmax(Activation):
    """exp(xₖ) / Σ exp(xⱼ) over the last axis."""

    def __init__(self, axis: int = -1, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__("softmax", **kwargs)
        self.axis = count("axis", axis, -32, 32)

    def build(self, input_shape):
        """Check that the axis is the last."""
        self.check_axis(input_shape)
        super().build(input_shape)

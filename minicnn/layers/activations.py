"""Activation layers: one function applied to every entry (softmax: to every row), and its derivative on the way back.

    y = f(x)        dx = dy · f'(x)        (softmax: dx = y · (dy − Σ dy·y), see minicnn.ops.reference.softmax)

Any shape goes in and the same comes out. The formulas are in minicnn.ops.reference.activations.
"""

from contextlib import contextmanager

from minicnn import ops
from minicnn.layers.base import Layer

FUNCTIONS = ("relu", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softmax", "log_softmax")


class Activation(Layer):
    """An activation by its name: "relu", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softmax", …, "linear".

    Raises:
        ValueError: there is no activation of that name.
    """

    options: tuple = ()  # what the function takes beside x

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        if activation is None:
            activation = "linear"
        if activation not in (*FUNCTIONS, "linear"):
            raise ValueError(
                f"activation={activation!r}: expected one of {', '.join(FUNCTIONS)}, linear or None"
            )
        self.activation = activation
        self._skipped = False

    @contextmanager
    def skipped(self):
        """Let x and dy through unchanged for a while: when a loss or a neighbour does this layer's work."""
        self._skipped = True
        try:
            yield
        finally:
            self._skipped = False

    def forward(self, x, training=False):
        """Return f(x)."""
        if self.activation == "softmax":
            self.logits = x
        if self._skipped or self.activation == "linear":
            return x
        y, self._cache = getattr(ops, f"{self.activation}_forward")(x, *self.options)
        return y

    def backward(self, dy):
        """Return dy · f'(x)."""
        if self._skipped or self.activation == "linear":
            return dy
        return getattr(ops, f"{self.activation}_backward")(dy, self._cache)


def inside(activation, owner: Layer) -> Activation:
    """Return the activation at the end of ``owner``: from a name, None, or an activation layer."""
    if isinstance(activation, Activation):
        return activation
    return Activation(activation, name=f"{owner.name}/activation")


class ReLU(Activation):
    """max(x, 0), or negative_slope · x below 0."""

    def __init__(self, negative_slope=0.0, **kwargs):
        super().__init__("leaky_relu" if negative_slope else "relu", **kwargs)
        self.negative_slope = negative_slope
        self.options = (negative_slope,) if negative_slope else ()


class LeakyReLU(Activation):
    """x above 0, negative_slope · x below."""

    def __init__(self, negative_slope=0.3, **kwargs):
        super().__init__("leaky_relu", **kwargs)
        self.negative_slope = negative_slope
        self.options = (negative_slope,)


class ELU(Activation):
    """x above 0, alpha · (eˣ − 1) below."""

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__("elu", **kwargs)
        self.alpha = alpha
        self.options = (alpha,)


class Softmax(Activation):
    """exp(xₖ) / Σ exp(xⱼ) over the last axis."""

    def __init__(self, axis=-1, **kwargs):
        super().__init__("softmax", **kwargs)
        if axis != -1:
            raise NotImplementedError(
                f"Softmax(axis={axis!r}): only the last axis, -1; move yours there first"
            )
        self.axis = axis

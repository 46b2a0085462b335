"""Layers that shift and scale by fixed numbers, which the user gives or which are computed once from data.

    Rescaling       y = x · scale + offset               dx = dy · scale
    Normalization   y = (x − mean) / √variance           dx = dy / √variance

mean and variance are constants: no gradient goes through them. (In batch normalization it does:
normalization.py.)
"""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from minicnn import backend
from minicnn._base.messages import shown
from minicnn.layers.arguments import LayerArguments, real_numbers
from minicnn.layers.base import Layer
from minicnn.layers.symbol import OPERATORS, Symbol

Numbers = float | Sequence[float] | np.ndarray  # one number, or one for each channel


class Rescaling(Layer):
    """x · scale + offset, as `keras.layers.Rescaling`: Rescaling(1/255) takes gray values to 0…1."""

    def __init__(self, scale: Numbers, offset: Numbers = 0.0, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = real_numbers("scale", scale), real_numbers("offset", offset)

    def forward(self, x, training=False):
        """Return x · scale + offset."""
        return x * np.asarray(self.scale, self.dtype) + np.asarray(self.offset, self.dtype)

    def backward(self, dy):
        """Return dy · scale."""
        return dy * np.asarray(self.scale, self.dtype)


class Normalization(Layer):
    """(x − mean) / √variance for each channel, as `keras.layers.Normalization`.

    Give ``mean`` and ``variance`` (a number, or one for each channel), or let :meth:`adapt` compute them from
    data. The computed ones are weights, which are saved with the model but never trained.
    """

    def __init__(
        self,
        axis: int = -1,
        mean: Numbers | None = None,
        variance: Numbers | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError("Normalization: give both mean and variance, or neither and call adapt(data)")
        self.axis, self.mean, self.variance = axis, mean, variance
        if mean is not None:
            real_numbers("mean", mean)
            if np.min(real_numbers("variance", variance)) < 0:
                raise ValueError(f"variance={shown(variance)}: expected numbers from 0")

    def build(self, input_shape):
        """Create the weights that :meth:`adapt` fills, unless mean and variance were given."""
        self.check_axis(input_shape)
        given: list[Any] = [self.mean, self.variance]
        for argument, value in zip(("mean", "variance"), given):
            if np.size(value) not in (1, input_shape[-1]):
                raise ValueError(
                    f"{self.name}: {argument} has shape {np.shape(value)}, expected a number for each of the "
                    f"{input_shape[-1]} channels, or one"
                )
        super().build(input_shape)
        if self.mean is None:
            shape = (input_shape[-1],)
            self.adapted_mean = self.add_weight("mean", shape, "zeros", trainable=False)
            self.adapted_variance = self.add_weight("variance", shape, "ones", trainable=False)

    def adapt(self, data: Any) -> None:
        """Compute mean and variance of each channel of data (N, …, C)."""
        data = np.asarray(data)
        if self.mean is not None:
            raise ValueError(
                f"{self.name}: mean and variance were given; adapt(data) is for a layer without them"
            )
        if not self.built:
            self.dtype = self.dtype or backend.float_type(data)
            self.build(data.shape)
        axes = tuple(range(data.ndim - 1))
        self.adapted_mean.assign(data.mean(axes, dtype=np.float64))
        self.adapted_variance.assign(data.var(axes, dtype=np.float64))

    def _statistics(self):
        if self.mean is None:
            return self.adapted_mean.value, self.adapted_variance.value
        return np.asarray(self.mean, self.dtype), np.asarray(self.variance, self.dtype)

    def _deviation(self):
        # as in Keras, the deviation is at least 1e-7: a constant channel becomes 0, not a division by zero
        return np.maximum(np.sqrt(self._statistics()[1]), np.asarray(1e-7, self.dtype))

    def forward(self, x, training=False):
        """Return (x − mean) / √variance."""
        return (x - self._statistics()[0]) / self._deviation()

    def backward(self, dy):
        """Return dy / √variance."""
        return dy / self._deviation()


def _rescaled(symbol: Symbol, scale: float, offset: float) -> Symbol:
    """Return the symbol of x · scale + offset."""
    return Rescaling(scale, offset)(symbol)


OPERATORS["rescale"] = _rescaled

"""Layers that change their input at random in training, and not at evaluation: dropout and noise.

Dropout: each entry is set to 0 with probability ``rate``; the others are scaled up, so that the mean stays
the same.

    y = x · mask / (1 − rate)        dx = dy · mask / (1 − rate)         mask = 1 with probability 1 − rate, else 0

Both passes use the same mask. The mean of y is x, and evaluation returns x.
Noise: y = x + normal numbers, which do not depend on x. So dx = dy.
Source: Srivastava et al., "Dropout", JMLR 15 (2014); for whole maps, Tompson et al. (2015), arXiv:1411.4280.
"""

import math
from typing import Unpack

from minicnn import ops, random
from minicnn.layers.arguments import Array, LayerArguments, number
from minicnn.layers.base import Layer


class Dropout(Layer):
    """Drop single entries, as `keras.layers.Dropout`.

    Args:
        rate: the probability that an entry is dropped, 0 ≤ rate < 1.
        seed: of the layer's random generator; by default the next one of the global seed.
    """

    spatial = False

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        expected = "a probability from 0 to below 1, such as 0.5"
        self.rate = number("rate", rate, expected, lambda value: 0 <= value < 1)
        self.seed = seed
        self.generator = random.generator(seed)

    @property
    def only_moves(self) -> str | None:
        """With a rate of 0 it returns its input."""
        return "rows" if self.rate == 0 and self.has_library_passes else None

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x with entries dropped when training; x itself otherwise."""
        self._dropped = training and self.rate > 0
        if not self._dropped:
            return x
        key = int(self.generator.integers(2**63))  # the mask is a function of the key
        y, self._cache = ops.dropout_forward(x, self.rate, key, self.spatial)
        return y

    def backward(self, dy: Array) -> Array:
        """Return dy with the same entries dropped."""
        return ops.dropout_backward(dy, self._cache) if self._dropped else dy


class SpatialDropout2D(Dropout):
    """Drop whole maps (one channel of one sample), as `keras.layers.SpatialDropout2D`."""

    spatial = True


class GaussianNoise(Layer):
    """Add normal noise, as `keras.layers.GaussianNoise`.

    Args:
        stddev: the noise's standard deviation.
        seed: as for :class:`Dropout`.
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        expected = "a number from 0, such as 0.1"
        self.stddev = number("stddev", stddev, expected, lambda value: 0 <= value < math.inf)
        self.seed = seed
        self.generator = random.generator(seed)

    @property
    def only_moves(self) -> str | None:
        """Without noise it returns its input."""
        return "rows" if self.stddev == 0 and self.has_library_passes else None

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x with noise when training; x itself otherwise."""
        if not training or self.stddev == 0:
            return x
        return x + (self.stddev * self.generator.standard_normal(x.shape)).astype(x.real.dtype)

    def backward(self, dy: Array) -> Array:
        """Return dy."""
        return dy

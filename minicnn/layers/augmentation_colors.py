"""Random changes of an image's values that keep the label: contrast and brightness, in training only.

    contrast     y = clip((x − m)·f + m)      m the mean of each channel of each image; f one number an image
    brightness   y = clip(x + b)              b one number an image

clip keeps y in ``value_range``. Where it changed y, the slope is 0; with g = dy elsewhere, and 0 there:

    contrast     dx = f·g + (1 − f)·mean g    directly, and through m, in which each x has a share of 1/(H·W)
    brightness   dx = g

Arguments are Keras's.
"""

from typing import Any, Unpack

import numpy as np

from minicnn.layers.arguments import Array, Interval, LayerArguments
from minicnn.layers.augmentation import Augmentation, interval, two


class _RandomValues(Augmentation):
    def __init__(
        self,
        factor: Interval,
        value_range: tuple[float, float],
        seed: int | None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(seed, **kwargs)
        two("value_range", value_range, "the lowest and the highest value, such as (0, 255)")
        self.factor, self.value_range = factor, value_range
        self.lowest, self.highest = (float(value) for value in value_range)

    def draw(self, x: Array, low: float, high: float) -> Array:
        """Return a number for each image, (N, 1, 1, 1)."""
        return self.generator.uniform(low, high, (len(x), 1, 1, 1)).astype(x.real.dtype)

    def clipped(self, y: Array) -> tuple[Array, Array]:
        """Return y in the range of values, and where it was inside."""
        inside = (y.real >= self.lowest) & (y.real <= self.highest)
        return np.where(inside, y, y.real.clip(self.lowest, self.highest)), inside


class RandomContrast(_RandomValues):
    """Another contrast for each image, as `keras.layers.RandomContrast`.

    Args:
        factor: (lower, upper), from 0 to 1: the contrast is multiplied by a number from 1 − lower to
            1 + upper; f means (f, f). (Keras 3.15 takes f as (0, f), against its own documentation.)
        value_range: the lowest and the highest value of an image; what would be outside becomes one of them.
        seed: of the layer's random generator.
    """

    def __init__(
        self,
        factor: Interval,
        value_range: tuple[float, float] = (0, 255),
        seed: int | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(factor, value_range, seed, **kwargs)
        self._lower, self._upper = interval(factor if np.ndim(factor) else (factor, factor), "factor", 0)  # type: ignore[arg-type]

    def transform(self, x: Array) -> tuple[Array, Any]:
        """Draw a factor for each image; move its values away from their mean, or nearer."""
        factor = self.draw(x, 1 - self._lower, 1 + self._upper)
        mean = x.mean(axis=(1, 2), keepdims=True)  # (N, 1, 1, C)
        y, inside = self.clipped((x - mean) * factor + mean)
        return y, (factor, inside)

    def backward(self, dy: Array) -> Array:
        """Return dx, directly and through the mean."""
        if self._cache is None:
            return dy
        factor, inside = self._cache
        g = np.where(inside, dy, 0)
        return factor * g + (1 - factor) * g.mean(axis=(1, 2), keepdims=True)


class RandomBrightness(_RandomValues):
    """Another brightness for each image, as `keras.layers.RandomBrightness`.

    Args:
        factor: (low, high), from −1 to 1, as parts of the range of values: a number from there is added to the
            image; f means (−f, f).
        value_range: the lowest and the highest value of an image; what would be outside becomes one of them.
        seed: of the layer's random generator.
    """

    def __init__(
        self,
        factor: Interval,
        value_range: tuple[float, float] = (0, 255),
        seed: int | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(factor, value_range, seed, **kwargs)
        self._low, self._high = interval(factor, "factor", -1)

    def transform(self, x: Array) -> tuple[Array, Any]:
        """Draw a number for each image, and add it."""
        part = self.draw(x, self._low, self._high)
        return self.clipped(x + part * (self.highest - self.lowest))

    def backward(self, dy: Array) -> Array:
        """Return dy, 0 where a value was outside of the range."""
        return dy if self._cache is None else np.where(self._cache, dy, 0)

"""Random changes that keep the label: in training, images are flipped, moved, rotated, zoomed, partly erased.

Each geometric layer applies one affine map to each sample. It maps output pixels to the input pixels that are
read:

    (row, column)ᵢₙ = M · (row, column, 1)ₒᵤₜ          M (N, 2, 3)

A value between pixels is a bilinear interpolation, a weighted mean of four pixels. So y is linear in x, and
the gradient adds dy to the same four pixels with the same weights. In evaluate and predict these layers return
x unchanged; a layer that is called by itself changes it, as in Keras:

    images = RandomRotation(0.1)(images)               one image (H, W, C) too; not with training=False

Images are (N, H, W, C), integers or floats; the result is in the layer's float type. Arguments are Keras's.
"""

import math
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from minicnn import ops, random
from minicnn._base.messages import shown
from minicnn.layers.arguments import Array, Interval, LayerArguments, number
from minicnn.layers.base import Layer
from minicnn.layers.symbol import symbolic
from minicnn.ops.reference.image import FILL_MODES


def interval(factor: Interval, argument: str, lowest: float = -np.inf) -> tuple[float, float]:
    """Return ``factor`` as (low, high): a single f means (−f, f)."""
    expected = "a number up to 1, or a pair (low, high) of such numbers"
    given = factor if isinstance(factor, Sequence | np.ndarray) and len(factor) == 2 else (factor,)
    for each in given:
        number(argument, each, expected, lambda value: -math.inf < value <= 1)
    low, high = (float(each) for each in (given if len(given) == 2 else (-abs(factor), abs(factor))))  # type: ignore[arg-type]
    if not lowest <= low <= high:
        raise ValueError(f"{argument}={shown(factor)}: expected {expected}")
    return low, high


def two(argument: str, pair: Any, expected: str) -> Any:
    """Return a pair of numbers, the second not below the first."""
    if not isinstance(pair, Sequence | np.ndarray) or len(pair) != 2:
        raise ValueError(f"{argument}={shown(pair)}: expected {expected}")
    low = number(argument, pair[0], expected)
    number(argument, pair[1], expected, lambda value: low <= value < math.inf)
    return pair


class Augmentation(Layer):
    """Base class of the layers that change images at random."""

    def __init__(self, seed: int | None, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = random.generator(seed)
        self._cache: Any = None

    def transform(self, x: Array) -> tuple[Array, Any]:
        """Return a changed x and the cache of the operation that changed it."""
        raise NotImplementedError

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Return changed images, (N, H, W, C) or one (H, W, C); x itself with ``training=False``.

        Raises:
            ValueError: x has another number of axes.
        """
        if not symbolic(x) and np.ndim(x) == 3:
            return super().__call__(np.asarray(x)[None], training)[0]
        return super().__call__(x, training)

    def build_for(self, shape: Any, dtype: Any) -> None:
        """Check that x is a batch of images. Their size may change from call to call: there are no weights."""
        if len(shape) != 4:
            raise ValueError(
                f"{self.name}: input of shape {tuple(shape)}, expected images (N, H, W, C); gray images need "
                "their one channel: x[..., None]"
            )
        if not self.built:
            super().build_for(shape, dtype)

    def forward(self, x: Array, training: bool | None = False) -> Array:
        """Return changed images when training or called by itself (None); x itself otherwise."""
        if training is not None and not training:
            self._cache = None
            return x
        y, self._cache = self.transform(x)
        return y


class _RandomAffine(Augmentation):
    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(seed, **kwargs)
        if fill_mode not in FILL_MODES:
            known = ", ".join(f'"{mode}"' for mode in FILL_MODES)
            raise ValueError(f"fill_mode={fill_mode!r}: expected one of {known}")
        if interpolation not in ("bilinear", "nearest"):
            raise ValueError(f'interpolation={interpolation!r}: expected "bilinear" or "nearest"')
        self.fill_mode, self.interpolation = fill_mode, interpolation
        self.fill_value = number("fill_value", fill_value)

    def linear_part(self, samples: int) -> Array:
        """Return the (N, 2, 2) linear part of the map, relative to the image's center."""
        return np.broadcast_to(np.eye(2), (samples, 2, 2))

    def shift(self, samples: int, height: int, width: int) -> Array:
        """Return how many pixels further down and right each output pixel is read, (N, 2)."""
        return np.zeros((samples, 2))

    def transform(self, x: Array) -> tuple[Array, Any]:
        """Draw one map for each sample and apply it."""
        samples, height, width, _ = x.shape
        centre = np.array([height - 1, width - 1]) / 2
        matrices = np.empty((samples, 2, 3))
        matrices[:, :, :2] = self.linear_part(samples)
        # about the center c: in = L·(out − c) + c + shift, so the constant column is c − L·c + shift
        matrices[:, :, 2] = centre - matrices[:, :, :2] @ centre + self.shift(samples, height, width)
        return ops.affine_transform_forward(x, matrices, self.fill_mode, self.interpolation, self.fill_value)

    def backward(self, dy: Array) -> Array:
        """Return dx: dy added to the pixels that forward read."""
        return dy if self._cache is None else ops.affine_transform_backward(dy, self._cache)


class RandomFlip(_RandomAffine):
    """Mirror images with probability ½: "horizontal" (left-right), "vertical" or
    "horizontal_and_vertical".
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(interpolation="nearest", seed=seed, **kwargs)
        if mode not in ("horizontal", "vertical", "horizontal_and_vertical"):
            raise ValueError(f'mode={mode!r}: expected "horizontal", "vertical" or "horizontal_and_vertical"')
        self.mode = mode

    def linear_part(self, samples: int) -> Array:
        """Return diagonal matrices of ±1."""
        signs = np.where(self.generator.random((samples, 2)) < 0.5, -1.0, 1.0)  # (N, row and column)
        if self.mode == "horizontal":
            signs[:, 0] = 1
        elif self.mode == "vertical":
            signs[:, 1] = 1
        return signs[:, :, None] * np.eye(2)

    def get_config(self) -> dict[str, Any]:
        """Return mode and seed; fill mode and interpolation are fixed here."""
        config = super().get_config()
        return {name: config[name] for name in ("name", "trainable", "dtype", "mode", "seed")}


class RandomTranslation(_RandomAffine):
    """Shift each image by up to these fractions of its height and width; positive is down and right."""

    def __init__(
        self,
        height_factor: Interval,
        width_factor: Interval,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._intervals = (
            interval(height_factor, "height_factor", -1),
            interval(width_factor, "width_factor", -1),
        )

    def shift(self, samples: int, height: int, width: int) -> Array:
        """Return minus the shift: if an image moves down, each output pixel is read from further up."""
        (top, bottom), (left, right) = self._intervals
        down = self.generator.uniform(top, bottom, samples) * height
        rightwards = self.generator.uniform(left, right, samples) * width
        return -np.stack([down, rightwards], axis=1)


class RandomRotation(_RandomAffine):
    """Rotate images about their center by up to ``factor`` of a full turn; positive is counter-clockwise."""

    def __init__(
        self,
        factor: Interval,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, **kwargs)
        self.factor = factor
        self._interval = interval(factor, "factor")

    def linear_part(self, samples: int) -> Array:
        """Return rotation matrices; rows count downwards, so sin has the opposite sign."""
        angle = 2 * np.pi * self.generator.uniform(*self._interval, samples)
        cos, sin = np.cos(angle), np.sin(angle)
        return np.stack([cos, sin, -sin, cos], axis=1).reshape(-1, 2, 2)


class RandomZoom(_RandomAffine):
    """Zoom each image by up to these fractions; negative is in (a larger object), positive out.

    Without ``width_factor`` the aspect ratio is kept.
    """

    def __init__(
        self,
        height_factor: Interval,
        width_factor: Interval | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._height = interval(height_factor, "height_factor", -1)
        self._width = None if width_factor is None else interval(width_factor, "width_factor", -1)

    def linear_part(self, samples: int) -> Array:
        """Return diagonal matrices 1 + zoom."""
        high = self.generator.uniform(*self._height, samples)
        wide = high if self._width is None else self.generator.uniform(*self._width, samples)
        return (1 + np.stack([high, wide], axis=1))[:, :, None] * np.eye(2)


class RandomAffine(_RandomAffine):
    """Flip, rotate, zoom and shift each image with one map: the product of the four layers' maps.

    Four layers in a row interpolate four times, and each time the image becomes less sharp. This layer
    interpolates once, in a quarter of the time. Keras has no such layer.

    Args:
        flip: "horizontal", "vertical", "horizontal_and_vertical" or None, as :class:`RandomFlip`.
        rotation_factor: as ``factor`` of :class:`RandomRotation`.
        zoom_factor: as ``height_factor`` of :class:`RandomZoom`; the aspect ratio is kept.
        height_factor: as that of :class:`RandomTranslation`.
        width_factor: the same.
        fill_mode: the values outside the image: "reflect", "mirror", "constant", "wrap" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: of the layer's random generator.
        fill_value: for the mode "constant".
    """

    def __init__(
        self,
        flip: str | None = None,
        rotation_factor: Interval = 0.0,
        zoom_factor: Interval = 0.0,
        height_factor: Interval = 0.0,
        width_factor: Interval = 0.0,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, **kwargs)
        self.flip, self.rotation_factor, self.zoom_factor = flip, rotation_factor, zoom_factor
        self.height_factor, self.width_factor = height_factor, width_factor
        # these are not layers of the model; they use the generator of this layer
        self._turns: list[_RandomAffine] = [
            RandomRotation(rotation_factor, seed=0, name="part"),
            RandomZoom(zoom_factor, seed=0, name="part"),
        ]
        if flip is not None:
            self._turns.append(RandomFlip(flip, seed=0, name="part"))
        self._move = RandomTranslation(height_factor, width_factor, seed=0, name="part")
        for layer in (*self._turns, self._move):
            layer.generator = self.generator

    def linear_part(self, samples: int) -> Array:
        """Return rotation · zoom · flip."""
        product = super().linear_part(samples)
        for part in self._turns:
            product = product @ part.linear_part(samples)
        return product

    def shift(self, samples: int, height: int, width: int) -> Array:
        """Return the shift of a translation."""
        return self._move.shift(samples, height, width)


class RandomErasing(Augmentation):
    """Fill a random rectangle of an image with one value, as `keras.layers.RandomErasing`.

    Args:
        factor: the probability that an image is changed.
        scale: the smallest and the largest part of the image's area that is erased; f means (0, f).
        fill_value: the value; None draws one for each image from ``value_range`` (Keras draws one
            for each pixel).
        value_range: the lowest and highest value of an image.

    Source: Zhong et al., "Random Erasing Data Augmentation", arXiv:1708.04896, also for the aspect ratio, 0.3
    to 1/0.3.
    """

    def __init__(
        self,
        factor: float = 1.0,
        scale: float | tuple[float, float] = (0.02, 0.33),
        fill_value: float | None = None,
        value_range: tuple[float, float] = (0, 255),
        seed: int | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(seed, **kwargs)
        number("factor", factor, "a probability from 0 to 1", lambda value: 0 <= value <= 1)
        expected = "(smallest, largest) part of the area, from 0 to 1"
        smallest, largest = two("scale", scale if np.ndim(scale) else (0.0, scale), expected)
        if not 0 <= smallest <= largest <= 1:
            raise ValueError(f"scale={scale!r}: expected {expected}")
        two("value_range", value_range, "the lowest and the highest value, such as (0, 255)")
        if fill_value is not None:
            number("fill_value", fill_value)
        self.factor, self.scale = factor, (smallest, largest)
        self.fill_value, self.value_range = fill_value, value_range

    def transform(self, x: Array) -> tuple[Array, Any]:
        """Draw a rectangle and a value for each sample, and fill it."""
        samples, height, width, _ = x.shape
        draw = self.generator
        area = draw.uniform(*self.scale, samples) * height * width
        ratio = np.exp(draw.uniform(np.log(0.3), -np.log(0.3), samples))
        high = np.clip(np.rint(np.sqrt(area * ratio)), 0, height)
        wide = np.clip(np.rint(np.sqrt(area / ratio)), 0, width)
        top = np.floor(draw.random(samples) * (height - high + 1))
        left = np.floor(draw.random(samples) * (width - wide + 1))
        high[draw.random(samples) >= self.factor] = 0
        values = draw.uniform(*self.value_range, samples)
        if self.fill_value is not None:
            values[:] = self.fill_value
        boxes = np.stack([top, left, high, wide], axis=1).astype(np.int64)
        return ops.random_erasing_forward(x, boxes, values)

    def backward(self, dy: Array) -> Array:
        """Return dy, 0 at the pixels that were filled."""
        return dy if self._cache is None else ops.random_erasing_backward(dy, self._cache)

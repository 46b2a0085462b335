"""Every layer: how to draw one with its arguments, and an input for it.

A case makes its layer several times: for the complex step, for the kernels, and in float32.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from minicnn import activations, layers
from minicnn.gradient_check.suite.draw import Draw
from minicnn.layers.base import Layer


@dataclass(frozen=True)
class LayerCase:
    """A layer and its input.

    Attributes:
        make: called with a dtype, returns a new layer with its own weights.
        x: float64 input, (batch, …).
        training: whether it runs as in training.
    """

    make: Callable[[str], Layer]
    x: np.ndarray
    training: bool = True


LAYERS: dict[type[Layer], Callable[[Draw, bool], LayerCase]] = {}
ACTIVATIONS = (None, *activations.TABLE)
RANDOM = "random_normal"  # for biases and similar weights: a fault may not show at their initial value, 0


def register(*kinds: type[Layer]) -> Callable:
    """Add layers by their classes; the decorated function draws their cases, given the class."""

    def add(case_of: Callable[..., LayerCase]) -> Callable:
        for kind in kinds:
            LAYERS[kind] = partial(case_of, kind=kind)
        return case_of

    return add


def _layer(kind: type[Layer], *arguments: Any, **options: Any) -> Callable[[str], Layer]:
    return lambda dtype: kind(*arguments, dtype=dtype, name=kind.__name__.lower(), **options)


def _normal(draw: Draw, shape: Any) -> np.ndarray:
    """Return normal numbers: after a weighted sum, ties would depend on how each implementation rounds."""
    return draw.array(shape, ["normal"])


def _convolution(kind, draw, wide, *arguments, **options):
    shape = draw.maps(wide)
    size, window = draw.window(shape, dilated=True)
    window["dilation_rate"] = window.pop("dilation")
    options |= window | {"activation": draw.choice(ACTIVATIONS), "use_bias": draw.boolean()}
    make = _layer(kind, *arguments, size, bias_initializer=RANDOM, **options)
    return LayerCase(make, _normal(draw, shape))


@register(layers.Conv2D, layers.Conv2DTranspose)
def _conv2d(draw, wide, kind):
    return _convolution(kind, draw, wide, draw.choice([1, 3, 16, 19] if wide else [1, 2]))


@register(layers.DepthwiseConv2D)
def _depthwise_conv2d(draw, wide, kind):
    return _convolution(kind, draw, wide, depth_multiplier=draw.integer(1, 2))


@register(layers.SeparableConv2D)
def _separable_conv2d(draw, wide, kind):
    return _convolution(kind, draw, wide, 2, depth_multiplier=draw.integer(1, 2))


@register(layers.Dense)
def _dense(draw, wide, kind):
    shape = draw.any_shape(wide)
    make = _layer(
        kind,
        draw.integer(1, 20 if wide else 4),
        draw.choice(ACTIVATIONS),
        draw.boolean(),
        bias_initializer=RANDOM,
    )
    return LayerCase(make, _normal(draw, shape))


@register(layers.BatchNormalization)
def _batch_normalization(draw, wide, kind):
    make = _layer(
        kind,
        center=draw.boolean(),
        scale=draw.boolean(),
        epsilon=draw.choice([1e-3, 0.1]),
        momentum=draw.choice([0.99, 0.5]),
        gamma_initializer=RANDOM,
        beta_initializer=RANDOM,
    )
    return LayerCase(make, draw.moderate(draw.any_shape(wide)), draw.boolean())


@register(layers.GroupNormalization)
def _group_normalization(draw, wide, kind):
    groups, shape = draw.choice([1, 2, 3, -1]), draw.any_shape(wide)
    make = _layer(
        kind,
        groups,
        epsilon=draw.choice([1e-3, 0.1]),
        center=draw.boolean(),
        scale=draw.boolean(),
        gamma_initializer=RANDOM,
        beta_initializer=RANDOM,
    )
    return LayerCase(make, draw.moderate((*shape[:-1], abs(groups) * shape[-1])))


@register(layers.LayerNormalization)
def _layer_normalization(draw, wide, kind):
    make = _layer(
        kind,
        epsilon=draw.choice([1e-3, 0.1]),
        center=draw.boolean(),
        scale=draw.boolean(),
        gamma_initializer=RANDOM,
        beta_initializer=RANDOM,
    )
    return LayerCase(make, draw.moderate(draw.any_shape(wide)))


@register(layers.MaxPooling2D, layers.AveragePooling2D)
def _pooling(draw, wide, kind):
    shape = draw.maps(wide)
    size, window = draw.window(shape)
    strides = draw.choice([None, window["strides"]])
    return LayerCase(_layer(kind, size, strides, window["padding"]), draw.array(shape))


@register(layers.PReLU)
def _prelu(draw, wide, kind):
    shape = draw.any_shape(wide)
    shared = draw.choice([None, list(range(1, len(shape) - 1)), [1]])
    return LayerCase(_layer(kind, RANDOM, shared_axes=shared), draw.moderate(shape))


@register(layers.Reshape)
def _reshape(draw, wide, kind):
    shape = draw.any_shape(wide)
    return LayerCase(
        _layer(kind, draw.choice([(-1,), (1, *shape[1:]), (-1, 1, shape[-1])])), draw.array(shape)
    )


def _sides(draw):
    def side():
        return draw.integer(0, 2)

    return draw.choice([side(), (side(), side()), ((side(), side()), (side(), side()))])


@register(layers.ZeroPadding2D)
def _zero_padding(draw, wide, kind):
    return LayerCase(_layer(kind, _sides(draw)), draw.array(draw.maps(wide)))


@register(layers.Cropping2D)
def _cropping(draw, wide, kind):
    samples, height, width, channels = draw.maps(wide)  # and 4 pixels, which may be cut off
    return LayerCase(_layer(kind, _sides(draw)), draw.array((samples, height + 4, width + 4, channels)))


def _with(*arguments: Any, **options: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return arguments, options


def _edges(draw: Draw) -> dict[str, Any]:
    return {"fill_mode": draw.choice(["reflect", "constant", "wrap", "nearest"])}


def _any(draw: Draw, wide: bool) -> np.ndarray:
    return draw.array(draw.any_shape(wide))


def _maps(draw: Draw, wide: bool) -> np.ndarray:
    return draw.array(draw.maps(wide))


# The layers whose arguments do not depend on the shape of x: how to draw x, and the arguments.
PLAIN: dict[type[Layer], tuple[Callable[[Draw, bool], np.ndarray], Callable[[Draw], Any]]] = {
    layers.GlobalAveragePooling2D: (_maps, lambda draw: _with(keepdims=draw.boolean())),
    layers.GlobalMaxPooling2D: (_maps, lambda draw: _with(keepdims=draw.boolean())),
    layers.Softmax: (_any, lambda draw: _with()),
    layers.Flatten: (_any, lambda draw: _with()),
    layers.Activation: (_any, lambda draw: _with(draw.choice(ACTIVATIONS))),
    layers.ReLU: (
        _any,
        lambda draw: _with(draw.choice([None, 0.8]), draw.choice([0.0, 0.3]), draw.choice([0.0, 0.2])),
    ),
    layers.LeakyReLU: (_any, lambda draw: _with(negative_slope=draw.choice([0.0, 0.3]))),
    layers.ELU: (_any, lambda draw: _with(draw.choice([1.0, 0.7]))),
    layers.Permute: (_maps, lambda draw: _with(draw.choice([(1, 2, 3), (2, 1, 3), (3, 1, 2), (2, 3, 1)]))),
    layers.UpSampling2D: (
        lambda draw, wide: draw.moderate(draw.maps(wide)),
        lambda draw: _with(draw.pair(3)),
    ),
    layers.Rescaling: (_any, lambda draw: _with(draw.choice([1 / 255, 2.0]), draw.choice([0.0, -1.0]))),
    layers.Normalization: (
        _any,
        lambda draw: _with(mean=draw.choice([0.0, 0.5]), variance=draw.choice([1.0, 0.06])),
    ),
}
# Those that draw random numbers, of maps.
SEEDED: dict[type[Layer], Callable[[Draw], Any]] = {
    layers.GaussianNoise: lambda draw: _with(draw.choice([0.0, 0.1, 2.0])),
    layers.Dropout: lambda draw: _with(draw.choice([0.0, 0.25, 0.9])),
    layers.SpatialDropout2D: lambda draw: _with(draw.choice([0.0, 0.25, 0.9])),
    layers.RandomFlip: lambda draw: _with(draw.choice(["horizontal", "vertical", "horizontal_and_vertical"])),
    layers.RandomTranslation: lambda draw: _with(0.2, 0.3, **_edges(draw)),
    layers.RandomRotation: lambda draw: _with(draw.choice([0.05, 0.5]), **_edges(draw)),
    layers.RandomZoom: lambda draw: _with(0.3, draw.choice([None, 0.2]), **_edges(draw)),
    layers.RandomAffine: lambda draw: _with(
        draw.choice([None, "horizontal"]), 0.1, 0.3, 0.2, 0.1, **_edges(draw)
    ),
    layers.RandomBrightness: lambda draw: _with(
        draw.choice([0.3, (-0.5, 0.1)]), draw.choice([(-1, 1), (-9, 9)])
    ),
    layers.RandomContrast: lambda draw: _with(
        draw.choice([0.3, (0.0, 0.9)]), draw.choice([(-1, 1), (-9, 9)])
    ),
    layers.RandomErasing: lambda draw: _with(draw.choice([0.5, 1.0]), fill_value=draw.choice([None, 0.5])),
}


@register(*PLAIN)
def _plain(draw, wide, kind):
    x, arguments = PLAIN[kind]
    given, options = arguments(draw)
    return LayerCase(_layer(kind, *given, **options), x(draw, wide))


@register(*SEEDED)
def _seeded(draw, wide, kind):
    """The case of a layer that draws random numbers: the same ones in each layer that it makes."""
    given, options = SEEDED[kind](draw)
    make = _layer(kind, *given, seed=draw.integer(0, 2**31 - 1), **options)
    return LayerCase(make, draw.moderate(draw.maps(wide)), training=draw.integer(0, 4) > 0)


@register(layers.Residual)
def _residual(draw, wide, kind):
    shape, strides = draw.maps(wide), draw.pair(2)
    activation = draw.choice(["tanh", "gelu"])
    if strides == (1, 1) and draw.boolean():  # x itself is added
        return LayerCase(
            lambda dtype: layers.Residual(
                layers.Conv2D(shape[3], 3, padding="same", activation=activation), dtype=dtype
            ),
            _normal(draw, shape),
        )

    def make(dtype):
        main = [
            layers.Conv2D(4, 3, padding="same", strides=strides),
            layers.BatchNormalization(),
            layers.Activation(activation),
        ]
        return layers.Residual(main, layers.Conv2D(4, 1, strides=strides), dtype=dtype)

    return LayerCase(make, _normal(draw, shape))


@register(layers.Chain)
def _chain(draw, wide, kind):
    """Several layers; some neighboring layers are fused by the Numba kernels."""
    samples, _, _, channels = draw.maps(wide)
    filters = 16 if wide else 2
    training = draw.boolean()

    def make(dtype):
        return layers.Chain(
            [
                layers.Conv2D(filters, 3, padding="same", activation="relu", bias_initializer=RANDOM),
                layers.MaxPooling2D(2, 1),
                layers.Conv2D(filters, 3, padding="same"),
                layers.BatchNormalization(beta_initializer=RANDOM),
                layers.ReLU(),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(3),
            ],
            dtype=dtype,
        )

    return LayerCase(make, _normal(draw, (samples + 1, draw.integer(3, 5), 4, channels)), training)

"""Every layer: how to draw one with its arguments, and an input for it.

A layer is made several times from one case: for the complex step, for the kernels, and in float32.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn import layers
from minicnn.gradient_check.suite.draw import Draw
from minicnn.layers.base import Layer


@dataclass(frozen=True)
class LayerCase:
    """A layer and what goes into it.

    Attributes:
        make: called with a dtype, returns a new layer; each one has weights of its own.
        x: float64 input, with the batch's axis.
        training: whether it runs as in training.
    """

    make: Callable[[str], Layer]
    x: np.ndarray
    training: bool = True


LAYERS: dict[str, Callable[[Draw, bool], LayerCase]] = {}
ACTIVATIONS = (None, "relu", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softmax", "log_softmax")
RANDOM = "random_normal"  # for biases and the like: at 0, where they begin, a fault may hide


def register(name: str) -> Callable:
    """Add the layer ``name``; the decorated function draws its cases, given the layer's class."""
    kind = getattr(layers, name)

    def add(case_of: Callable[[Draw, bool, type[Layer]], LayerCase]) -> Callable:
        LAYERS[name] = lambda draw, wide: case_of(draw, wide, kind)
        return case_of

    return add


def _layer(kind: type[Layer], *arguments: Any, **options: Any) -> Callable[[str], Layer]:
    return lambda dtype: kind(*arguments, dtype=dtype, name=kind.__name__.lower(), **options)


def _normal(draw: Draw, shape: Any) -> np.ndarray:
    """Return ordinary numbers: behind weights, ties are broken by rounding, and not alike in two implementations."""
    return draw.array(shape, ["normal"])


def _convolution(kind, draw, wide, *arguments, **options):
    shape = draw.maps(wide)
    size, window = draw.window(shape, dilated=True)
    window["dilation_rate"] = window.pop("dilation")
    options |= window | {"activation": draw.choice(ACTIVATIONS), "use_bias": draw.boolean()}
    make = _layer(kind, *arguments, size, bias_initializer=RANDOM, **options)
    return LayerCase(make, _normal(draw, shape))


@register("Conv2D")
def _conv2d(draw, wide, kind):
    return _convolution(kind, draw, wide, draw.choice([1, 3, 16, 19] if wide else [1, 2]))


@register("DepthwiseConv2D")
def _depthwise_conv2d(draw, wide, kind):
    return _convolution(kind, draw, wide, depth_multiplier=draw.integer(1, 2))


@register("SeparableConv2D")
def _separable_conv2d(draw, wide, kind):
    return _convolution(kind, draw, wide, 2, depth_multiplier=draw.integer(1, 2))


@register("Dense")
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


@register("BatchNormalization")
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


@register("MaxPooling2D")
@register("AveragePooling2D")
def _pooling(draw, wide, kind):
    shape = draw.maps(wide)
    size, window = draw.window(shape)
    strides = draw.choice([None, window["strides"]])
    return LayerCase(_layer(kind, size, strides, window["padding"]), draw.array(shape))


@register("GlobalAveragePooling2D")
@register("GlobalMaxPooling2D")
def _global_pooling(draw, wide, kind):
    return LayerCase(_layer(kind, keepdims=draw.boolean()), draw.array(draw.maps(wide)))


@register("Softmax")
@register("Flatten")
def _plain(draw, wide, kind):
    return LayerCase(_layer(kind), draw.array(draw.any_shape(wide)))


@register("Activation")
def _activation(draw, wide, kind):
    return LayerCase(_layer(kind, draw.choice(ACTIVATIONS)), draw.array(draw.any_shape(wide)))


@register("ReLU")
@register("LeakyReLU")
def _relu(draw, wide, kind):
    slope = draw.choice([0.0, 0.3])
    return LayerCase(_layer(kind, negative_slope=slope), draw.array(draw.any_shape(wide)))


@register("ELU")
def _elu(draw, wide, kind):
    return LayerCase(_layer(kind, draw.choice([1.0, 0.7])), draw.array(draw.any_shape(wide)))


@register("PReLU")
def _prelu(draw, wide, kind):
    shape = draw.any_shape(wide)
    shared = draw.choice([None, list(range(1, len(shape) - 1)), [1]])
    return LayerCase(_layer(kind, RANDOM, shared_axes=shared), draw.moderate(shape))


@register("Reshape")
def _reshape(draw, wide, kind):
    shape = draw.any_shape(wide)
    return LayerCase(
        _layer(kind, draw.choice([(-1,), (1, *shape[1:]), (-1, 1, shape[-1])])), draw.array(shape)
    )


@register("Permute")
def _permute(draw, wide, kind):
    dims = draw.choice([(1, 2, 3), (2, 1, 3), (3, 1, 2), (2, 3, 1)])
    return LayerCase(_layer(kind, dims), draw.array(draw.maps(wide)))


@register("ZeroPadding2D")
def _zero_padding(draw, wide, kind):
    def side():
        return draw.integer(0, 2)

    padding = draw.choice([side(), (side(), side()), ((side(), side()), (side(), side()))])
    return LayerCase(_layer(kind, padding), draw.array(draw.maps(wide)))


@register("UpSampling2D")
def _upsampling(draw, wide, kind):
    return LayerCase(_layer(kind, draw.pair(3)), draw.moderate(draw.maps(wide)))


@register("Rescaling")
def _rescaling(draw, wide, kind):
    make = _layer(kind, draw.choice([1 / 255, 2.0]), draw.choice([0.0, -1.0]))
    return LayerCase(make, draw.array(draw.any_shape(wide)))


@register("Normalization")
def _normalization(draw, wide, kind):
    make = _layer(kind, mean=draw.choice([0.0, 0.5]), variance=draw.choice([1.0, 0.06]))
    return LayerCase(make, draw.array(draw.any_shape(wide)))


def _seeded(draw, wide, kind, *arguments, **options):
    """A layer that draws random numbers, the same ones each time that it is made."""
    make = _layer(kind, *arguments, seed=draw.integer(0, 2**32 - 1), **options)
    return LayerCase(make, draw.moderate(draw.maps(wide)), training=draw.integer(0, 4) > 0)


@register("GaussianNoise")
def _gaussian_noise(draw, wide, kind):
    return _seeded(draw, wide, kind, draw.choice([0.0, 0.1, 2.0]))


@register("Dropout")
@register("SpatialDropout2D")
def _dropout(draw, wide, kind):
    return _seeded(draw, wide, kind, draw.choice([0.0, 0.25, 0.9]))


def _edges(draw):
    return {"fill_mode": draw.choice(["reflect", "constant", "wrap", "nearest"])}


@register("RandomFlip")
def _random_flip(draw, wide, kind):
    return _seeded(draw, wide, kind, draw.choice(["horizontal", "vertical", "horizontal_and_vertical"]))


@register("RandomTranslation")
def _random_translation(draw, wide, kind):
    return _seeded(draw, wide, kind, 0.2, 0.3, **_edges(draw))


@register("RandomRotation")
def _random_rotation(draw, wide, kind):
    return _seeded(draw, wide, kind, draw.choice([0.05, 0.5]), **_edges(draw))


@register("RandomZoom")
def _random_zoom(draw, wide, kind):
    return _seeded(draw, wide, kind, 0.3, draw.choice([None, 0.2]), **_edges(draw))


@register("RandomAffine")
def _random_affine(draw, wide, kind):
    return _seeded(draw, wide, kind, draw.choice([None, "horizontal"]), 0.1, 0.3, 0.2, 0.1, **_edges(draw))


@register("RandomErasing")
def _random_erasing(draw, wide, kind):
    return _seeded(draw, wide, kind, draw.choice([0.5, 1.0]), fill_value=draw.choice([None, 0.5]))


@register("Residual")
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


@register("Chain")
def _chain(draw, wide, kind):
    """Several layers, neighbours among them that the kernels run as one."""
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

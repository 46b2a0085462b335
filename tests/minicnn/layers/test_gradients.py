"""Every layer's backward pass against the complex step, over random geometry and random upstream gradients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import layers
from minicnn.gradient_check import check_layer

BOUND = 1e-12


def assert_gradients_right(layer, shape, seed, training=True):
    x = np.random.default_rng(seed).standard_normal(shape)
    errors = check_layer(layer, x, training=training, seed=seed + 1)
    assert max(errors.values()) <= BOUND, errors


seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 3)
pairs = st.tuples(sizes, sizes)
activations = st.sampled_from(
    [None, "relu", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softmax", "log_softmax"]
)


@st.composite
def image_shapes(draw, smallest=1):
    side = st.integers(smallest, 6)
    return draw(st.integers(1, 3)), draw(side), draw(side), draw(st.integers(1, 3))


@st.composite
def windows(draw):
    """Strides, padding and dilation (Keras allows one of strides and dilation beside 1; here both go together too)."""
    return {
        "strides": draw(pairs),
        "padding": draw(st.sampled_from(["valid", "same"])),
        "dilation_rate": draw(st.tuples(st.integers(1, 2), st.integers(1, 2))),
    }


def fitting(size, window, shape):
    """Whether a window fits into the map; with padding="same" it always does."""
    extent = [(s - 1) * d + 1 for s, d in zip(size, window.get("dilation_rate", (1, 1)))]
    return window["padding"] == "same" or (extent[0] <= shape[1] and extent[1] <= shape[2])


@given(image_shapes(), pairs, windows(), st.booleans(), activations, seeds)
def test_conv2d(shape, kernel_size, window, use_bias, activation, seed):
    if not fitting(kernel_size, window, shape):
        window["padding"] = "same"
    layer = layers.Conv2D(
        2, kernel_size, activation=activation, use_bias=use_bias, bias_initializer="random_normal", **window
    )
    assert_gradients_right(layer, shape, seed)


@given(image_shapes(), pairs, windows(), st.integers(1, 2), st.booleans(), seeds)
def test_depthwise_conv2d(shape, kernel_size, window, multiplier, use_bias, seed):
    if not fitting(kernel_size, window, shape):
        window["padding"] = "same"
    layer = layers.DepthwiseConv2D(
        kernel_size, depth_multiplier=multiplier, activation="tanh", use_bias=use_bias, **window
    )
    assert_gradients_right(layer, shape, seed)


@given(image_shapes(), pairs, windows(), st.integers(1, 2), st.booleans(), seeds)
def test_separable_conv2d(shape, kernel_size, window, multiplier, use_bias, seed):
    if not fitting(kernel_size, window, shape):
        window["padding"] = "same"
    layer = layers.SeparableConv2D(
        2, kernel_size, depth_multiplier=multiplier, activation="elu", use_bias=use_bias, **window
    )
    assert_gradients_right(layer, shape, seed)


@pytest.mark.parametrize("pooling", [layers.MaxPooling2D, layers.AveragePooling2D])
@given(
    shape=image_shapes(),
    size=pairs,
    strides=st.none() | pairs,
    padding=st.sampled_from(["valid", "same"]),
    seed=seeds,
)
def test_pooling(pooling, shape, size, strides, padding, seed):
    if not fitting(size, {"padding": padding}, shape):
        padding = "same"
    assert_gradients_right(pooling(size, strides, padding), shape, seed)


@pytest.mark.parametrize("pooling", [layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D])
@given(shape=image_shapes(), keepdims=st.booleans(), seed=seeds)
def test_global_pooling(pooling, shape, keepdims, seed):
    assert_gradients_right(pooling(keepdims=keepdims), shape, seed)


@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=4), st.integers(1, 4), st.booleans(), activations, seeds
)
def test_dense(shape, units, use_bias, activation, seed):
    layer = layers.Dense(units, activation, use_bias, bias_initializer="random_normal")
    assert_gradients_right(layer, tuple(shape), seed)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Activation("gelu"),
        layers.Activation("linear"),
        layers.ReLU(),
        layers.ReLU(negative_slope=0.2),
        layers.LeakyReLU(),
        layers.ELU(alpha=0.7),
        layers.Softmax(),
        layers.Flatten(),
        layers.Rescaling(1 / 255, offset=-0.5),
        layers.Normalization(mean=0.3, variance=2.0),
        layers.Dropout(0.4),
        layers.SpatialDropout2D(0.4),
        layers.RandomFlip(),
        layers.RandomTranslation(0.2, 0.3),
        layers.RandomRotation(0.1, fill_mode="constant"),
        layers.RandomZoom(0.2, fill_mode="nearest"),
        layers.RandomZoom(0.2, 0.3, fill_mode="wrap"),
        layers.RandomErasing(0.7),
    ],
    ids=lambda layer: layer.name,
)
@pytest.mark.parametrize("training", [True, False])
def test_layers_without_weights(layer, training):
    assert_gradients_right(layer, (3, 4, 5, 2), seed=3, training=training)


@given(image_shapes(), st.booleans(), st.booleans(), st.booleans(), seeds)
def test_batch_normalization(shape, center, scale, training, seed):
    layer = layers.BatchNormalization(
        center=center,
        scale=scale,
        epsilon=0.1,
        gamma_initializer="random_normal",
        beta_initializer="random_normal",
    )
    assert_gradients_right(layer, shape, seed, training)


@given(seeds)
def test_residual_and_stacked_layers(seed):
    block = layers.Residual(
        [
            layers.Conv2D(4, 3, padding="same", strides=2),
            layers.BatchNormalization(),
            layers.Activation("gelu"),
        ],
        [layers.Conv2D(4, 1, strides=2)],
    )
    same = layers.Residual(layers.Conv2D(4, 3, padding="same", activation="tanh"))
    chain = layers.Chain(
        [layers.Conv2D(3, 2), layers.MaxPooling2D(2, 1), block, same, layers.Flatten(), layers.Dense(3)]
    )
    assert_gradients_right(chain, (2, 6, 5, 2), seed)

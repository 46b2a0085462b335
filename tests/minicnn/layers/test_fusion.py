"""Fused neighbours compute what the layers compute one by one, to the bit, ties
and negative windows included.
"""

import numba
import numpy as np
import pytest

from minicnn import layers, ops
from minicnn.layers import fusion
from minicnn.ops.kernels.residual import add_relu_forward
from tests.threads import threads

STACKS = {
    "norm, relu": lambda: [layers.BatchNormalization(), layers.ReLU()],
    "norm, activation": lambda: [layers.Conv2D(3, 3), layers.BatchNormalization(), layers.Activation("relu")],
    "relu, pool": lambda: [
        layers.Conv2D(3, 3, activation="relu", bias_initializer="ones"),
        layers.MaxPooling2D(),
    ],
    "overlapping pool": lambda: [layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(3, 2, "same")],
    "residual, relu": lambda: [layers.Residual(layers.Conv2D(2, 3, padding="same")), layers.ReLU()],
    "shortcut, relu": lambda: [layers.Residual(layers.Conv2D(3, 1), layers.Conv2D(3, 1)), layers.ReLU()],
    "both": lambda: [
        layers.Conv2D(2, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(2, 3, padding="same"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
    ],
}


def one_by_one(stack, x, dy, training):
    for layer in stack:
        x = layer.forward(x, training)
    for layer in reversed(stack):
        dy = layer.backward(dy)
    return x, dy, [weight.grad for layer in stack for weight in layer.trainable_weights]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("integers", [True, False], ids=["ties", "generic"])
@pytest.mark.parametrize("name", STACKS)
def test_fused_equals_one_by_one(name, integers, training, rng):
    chain = layers.Chain(STACKS[name]())
    x = rng.integers(-2, 3, (3, 8, 9, 2)).astype(float) if integers else rng.standard_normal((3, 8, 9, 2))
    y = chain(x, training=training)
    if integers and "Conv2D" in str(chain.layers):  # whole-numbered kernels too, so that windows tie
        chain.set_weights([np.rint(2 * weight) for weight in chain.get_weights()])
        y = chain(x, training=training)
    assert len(fusion.units(chain.layers)) < len(chain.layers)
    dy = rng.standard_normal(y.shape)
    dx = chain.backward(dy)
    gradients = [weight.grad for weight in chain.trainable_weights]
    y2, dx2, gradients2 = one_by_one(chain.layers, x, dy, training)
    for fused, single in zip([y, dx, *gradients], [y2, dx2, *gradients2]):
        np.testing.assert_array_equal(fused, single)


@pytest.mark.parametrize(
    ("shapes", "fuses"),
    [
        ([(4, 3, 2), (4, 3, 2)], True),
        ([(4, 3, 2), (1, 3, 1)], True),  # repeated along two axes
        ([(1, 1, 2), (4, 3, 1)], True),
        ([(4, 3, 2)] * 3, False),
    ],
)
def test_a_sum_in_a_graph_and_its_relu(shapes, fuses, rng):
    """By hand: y = max(a + b, 0), and each term gets dy where y > 0, summed where it was repeated."""
    chain = layers.Chain([layers.Add(), layers.ReLU()])
    chain.build([(None, *shape) for shape in shapes])
    x = [rng.standard_normal((5, *shape)) for shape in shapes]
    y = chain.forward(x)
    assert (len(fusion.units(chain.layers)) == 1) == fuses
    total = sum(x)
    np.testing.assert_array_equal(y, np.maximum(total, 0))
    dy = rng.standard_normal(y.shape)
    for dx, each in zip(chain.backward(dy), x, strict=True):
        axes = tuple(axis for axis in range(4) if each.shape[axis] < y.shape[axis])
        np.testing.assert_allclose(dx, (dy * (total > 0)).sum(axes, keepdims=True), rtol=1e-13, atol=1e-13)


def test_nothing_is_fused_on_the_reference():
    stack = STACKS["both"]()
    with ops.use("reference"):
        assert [unit for _, unit in fusion.units(stack)] == stack


@pytest.mark.parametrize(
    "stack",
    [
        [layers.BatchNormalization(), layers.ELU()],
        [layers.Conv2D(3, 3, activation="gelu"), layers.MaxPooling2D()],
        [layers.Conv2D(3, 3, activation="relu"), layers.AveragePooling2D()],
        [layers.BatchNormalization(), layers.LeakyReLU()],
        [layers.Conv2D(3, 3), layers.ReLU()],
        [layers.Residual(layers.BatchNormalization()), layers.LeakyReLU()],
        [layers.Add(), layers.ReLU()],  # not built: it may get any number of inputs
    ],
    ids=str,
)
def test_others_stay_single(stack):
    assert [unit for _, unit in fusion.units(stack)] == stack


def test_nan_passes_the_sum_and_the_relu():
    chain = layers.Chain([layers.Residual(layers.Activation("linear")), layers.ReLU()])
    y = chain(np.array([[np.nan, -1.0, 0.0, 2.0]]))
    np.testing.assert_array_equal(y, [[np.nan, 0, 0, 4]])
    np.testing.assert_array_equal(chain.backward(np.ones_like(y)), [[2, 0, 0, 2]])


def test_the_fused_sum_has_the_same_bits_for_any_number_of_threads(rng):
    a, b = rng.standard_normal((2, 3, 7, 5), dtype=np.float32)
    results = []
    for count in {1, numba.config.NUMBA_NUM_THREADS}:
        with threads(count):
            results.append(add_relu_forward(a, b)[0])
    for result in results:
        np.testing.assert_array_equal(result, np.maximum(a + b, 0))

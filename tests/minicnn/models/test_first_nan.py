"""The first number that is not finite is found where it arises, not where it has spread to."""

import numpy as np
import pytest

from minicnn import Input, Sequential, layers, ops, optimizers, random
from minicnn.models.first_nan import NotFinite, first_not_finite


class Spoiled(layers.Layer):
    """Passes on what it gets, but for one number: that it spoils forward, backward,
    or in its weight's gradient.
    """

    def __init__(self, when, **kwargs):
        super().__init__(**kwargs)
        self.when = when

    def build(self, input_shape):
        super().build(input_shape)
        self.scale = self.add_weight("scale", (1,), "ones")

    def forward(self, x, training=False):
        y = x.copy()
        if self.when == "forward":
            y.flat[0] = np.inf
        return y

    def backward(self, dy):
        dx = dy.copy()
        if self.when == "backward":
            dx.flat[-1] = np.nan
        self.scale.grad = np.full(1, np.inf if self.when == "weight" else 0.0, dy.dtype)
        return dx


def net(when):
    model = Sequential(
        [
            Input((8, 8, 1)),
            layers.Conv2D(3, 3, padding="same", name="early"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
            layers.Residual(
                [layers.Conv2D(3, 3, padding="same", name="inside"), Spoiled(when, name="spoiled")]
            ),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax", name="late"),
        ]
    )
    model.compile(optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    return model


@pytest.fixture
def batch(rng):
    return rng.integers(0, 256, (5, 8, 8, 1)).astype(np.uint8), np.array([0, 1, 2, 0, 1])


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("never", None),
        ("forward", NotFinite("output", "spoiled")),
        ("backward", NotFinite("gradient", "spoiled")),
        ("weight", NotFinite("gradient", "spoiled/scale")),
    ],
)
def test_it_is_found_and_the_model_left_as_it_was(when, expected, implementation, batch):
    with ops.use(implementation):
        model = net(when)
        weights, states = model.get_weights(), [random.state(generator) for generator in model.generators]
        assert first_not_finite(model, *batch) == expected
        for before, after in zip(weights, model.get_weights()):
            np.testing.assert_array_equal(before, after)
        assert states == [random.state(generator) for generator in model.generators]
        assert not any({"forward", "backward"} & set(vars(layer)) for layer in model.layers)


def test_of_spoiled_weights_the_last_was_the_first(batch):
    model = net("never")
    for layer in ("early", "inside"):
        next(weight for weight in model.weights if weight.path == f"{layer}/kernel").value[0] = np.nan
    assert first_not_finite(model, *batch) == NotFinite("weight", "inside/kernel")


def test_numbers_too_large_for_float32_are_named_by_layer(batch):
    model = net("never")
    for weight in model.trainable_weights:
        if weight.path in ("norm/gamma", "inside/kernel", "late/kernel"):
            weight.value[:] = (
                3e37  # finite behind batch norm, and too large where nine such numbers are added up
            )
    assert first_not_finite(model, *batch) == NotFinite("output", "inside")


def test_input_and_loss(batch):
    model = net("never")
    x, y = batch
    assert first_not_finite(model, np.where(x == x[0, 0, 0, 0], np.nan, x), y) == NotFinite(
        "input", model.name
    )
    weights = np.full(len(y), np.inf)
    assert first_not_finite(model, x, y, weights) == NotFinite("loss", model.name)

"""A batch in shards, in one process: the loss, the gradients and the statistics are those of the whole batch."""

import numpy as np
import pytest

import minicnn
from minicnn import Model, Sequential, layers, ops, regularizers
from minicnn.distributed import DataParallel
from minicnn.models.running import TrainingPosition


def in_a_row():
    return Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(5, 3, activation="relu", kernel_regularizer=regularizers.L2(0.01)),
            layers.MaxPooling2D(2),
            layers.Residual([layers.Flatten(), layers.Dense(5)], [layers.Flatten()]),
            layers.Activation("relu"),
            layers.BatchNormalization(scale=False),
            layers.Dense(3, activation="softmax"),
        ]
    )


def with_forks():
    inputs = layers.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x))
    z = layers.Concatenate()([layers.Add()([x, y]), x, layers.BatchNormalization(center=False)(x)])
    inner = Sequential([layers.Input((8, 8, 12)), layers.Conv2D(3, 1), layers.GlobalAveragePooling2D()])
    return Model(inputs, layers.Dense(3, activation="softmax")(inner(z)))


def trained(make, share, samples=7, dtype="float64", loss="sparse_categorical_crossentropy", weights=None):
    """Return the model after one step of SGD, its loss, its prediction, and the gradients."""
    minicnn.utils.set_random_seed(3)
    before = minicnn.backend.floatx()
    minicnn.backend.set_floatx(dtype)
    try:
        model = make()
    finally:
        minicnn.backend.set_floatx(before)
    rng = np.random.default_rng(5)
    for weight in model.weights:  # ones and zeros would hide a fault
        weight.assign(weight.value + 0.3 * rng.random(weight.shape))
    x, y = rng.standard_normal((samples, 8, 8, 1)).astype(dtype), rng.integers(0, 3, samples)
    model.compile(minicnn.optimizers.SGD(0.1), loss)
    if share is not None:
        model.training_position = TrainingPosition(0)
        share.begin(model)
        model.distribution = share
    value, prediction = model.train_step(x, y, weights)
    return model, value, prediction, [weight.grad for weight in model.trainable_weights]


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize("make", [in_a_row, with_forks])
@pytest.mark.parametrize(("shards", "samples"), [(1, 7), (3, 7), (4, 16), (5, 3)])
def test_a_step_is_that_of_the_whole_batch(make, shards, samples, implementation):
    weights = np.random.default_rng(1).random(samples)
    with ops.use(implementation):
        one, *whole = trained(make, None, samples, weights=weights)
        other, *parts = trained(make, DataParallel(None, shards), samples, weights=weights)
    for a, b in zip(whole[:2], parts[:2]):
        np.testing.assert_allclose(b, a, rtol=1e-12)
    for a, b in zip(whole[2], parts[2]):
        np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-13)
    for a, b in zip(one.weights, other.weights):
        np.testing.assert_allclose(b.value, a.value, rtol=1e-11, atol=1e-13, err_msg=a.path)

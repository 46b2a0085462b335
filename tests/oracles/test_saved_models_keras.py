"""What model.save writes under Keras's file names, Keras loads, and what Keras writes, load_weights reads."""

import numpy as np
import pytest

import minicnn
from minicnn import layers, models

pytest.importorskip("torch")
keras = pytest.importorskip("keras")
pytest.importorskip("h5py")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
X = np.random.default_rng(0).normal(size=(5, 8, 8, 1)).astype("float32")


def in_a_row():
    return minicnn.Sequential(
        [
            minicnn.Input((8, 8, 1)),
            layers.Normalization(),
            layers.Conv2D(4, 3, padding="same", trainable=False),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(3),
            layers.PReLU(shared_axes=[1, 2]),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def nested():
    inputs = minicnn.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same", kernel_initializer="he_normal", kernel_regularizer="l2")(inputs)
    x = layers.Add()([x, layers.SeparableConv2D(4, 3, padding="same")(x)])
    inner = [minicnn.Input((8, 8, 4)), layers.Conv2D(5, 3), layers.BatchNormalization(), layers.Conv2D(2, 3)]
    y = minicnn.Sequential(inner)(x)
    return minicnn.Model(inputs, [layers.Dense(2)(layers.Flatten()(y)), layers.GlobalMaxPooling2D()(y)])


def same(ours, theirs):
    for a, b in zip(*(each if isinstance(each, list) else [each] for each in (ours, theirs)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("make", [in_a_row, nested])
@pytest.mark.parametrize("suffix", [".keras", ".h5", ".hdf5"])
def test_both_load_the_file(make, suffix, tmp_path):
    ours, rng = make(), np.random.default_rng(1)
    ours.set_weights([weight + rng.uniform(0, 0.1, weight.shape) for weight in ours.get_weights()])
    expected = ours.predict(X)
    ours.save(tmp_path / f"both{suffix}")
    theirs = keras.models.load_model(tmp_path / f"both{suffix}")
    same(expected, theirs.predict(X, verbose=0))
    same(expected, models.load_model(tmp_path / f"both{suffix}").predict(X))
    theirs.save(tmp_path / f"theirs{suffix}")
    again = make()
    again.load_weights(tmp_path / f"theirs{suffix}")
    same(expected, again.predict(X))
    if suffix == ".hdf5":
        return
    weights = tmp_path / f"weights{'.weights.h5' if suffix == '.keras' else suffix}"
    ours.save_weights(weights)
    theirs.set_weights([np.zeros(weight.shape) for weight in theirs.weights])
    theirs.load_weights(weights)
    same(expected, theirs.predict(X, verbose=0))

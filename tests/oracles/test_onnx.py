"""The whole way: a net of Keras, its weights in ours, ours as ONNX; onnxruntime computes what Keras did."""

import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")

import minicnn
from minicnn.saving.keras.load import load_keras_weights
from minicnn.saving.onnx.export import export_onnx

keras = pytest.importorskip("keras")
pytest.importorskip("h5py")
pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def net(k):
    """The same lines in both vocabularies."""
    layers = k.layers
    inputs = k.Input((16, 16, 1))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(6, 3, strides=2, padding="same", activation="relu")(x)
    y = layers.BatchNormalization()(layers.SeparableConv2D(6, 3, padding="same")(x))
    x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Concatenate()(
        [layers.MaxPooling2D(3, 2, padding="same")(x), layers.DepthwiseConv2D(2, strides=2)(x)]
    )
    x = layers.Dense(10, activation="gelu")(layers.Flatten()(x))
    return k.Model(inputs, layers.Dense(7, activation="softmax")(layers.Dropout(0.5)(x)))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_from_keras_through_minicnn_to_onnxruntime(tmp_path, rng):
    theirs, ours = net(keras), net(minicnn)
    images = rng.uniform(0, 255, (12, 16, 16, 1)).astype("float32")
    theirs.compile("adam", "sparse_categorical_crossentropy")
    theirs.fit(images, np.arange(12) % 7, epochs=2, verbose=0)
    theirs.save(tmp_path / "net.keras")
    load_keras_weights(ours, tmp_path / "net.keras")
    export_onnx(ours, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(["output"], {"input": images})
    np.testing.assert_allclose(probabilities, theirs.predict(images, verbose=0), atol=1e-5)

"""Input((None, None, C)): networks whose images have any size, another one in each call."""

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, layers, ops
from minicnn.models import load_model


def net(shape):
    x = inputs = Input(shape)
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    y = layers.MaxPooling2D(2, padding="same")(layers.BatchNormalization()(x))
    y = layers.SeparableConv2D(4, 3, strides=2, padding="same")(layers.ZeroPadding2D(1)(y))
    y = layers.Conv2DTranspose(3, 2, strides=2)(layers.UpSampling2D()(layers.Cropping2D(((1, 0), (0, 1)))(y)))
    y = layers.AveragePooling2D(3, 2, padding="same")(layers.Concatenate()([y, layers.Conv2D(3, 1)(y)]))
    y = layers.Conv2DTranspose(4, 3, strides=2, padding="same")(y)
    y = layers.GlobalAveragePooling2D()(layers.LayerNormalization()(y))
    model = Model(inputs, layers.Dense(3, activation="softmax")(y))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


SIZES = [(12, 10), (9, 14)]


def images(size, rng):
    return rng.uniform(0, 1, (4, *size, 1)).astype("float32"), np.array([0, 1, 2, 1])


@pytest.mark.parametrize("implementation", ["reference", pytest.param("kernels", marks=pytest.mark.slow)])
def test_it_computes_and_trains_as_the_same_network_of_each_size(implementation, tmp_path, rng):
    with ops.use(implementation):
        same_as_the_networks_of_each_size(tmp_path, rng)


def same_as_the_networks_of_each_size(tmp_path, rng):
    any_size = net((None, None, 1))
    assert any_size.input_shape == (None, None, None, 1)
    assert any_size.output_shape == (None, 3)
    for size in SIZES:
        x, y = images(size, rng)
        fixed = net((*size, 1))
        assert [w.shape for w in fixed.weights] == [w.shape for w in any_size.weights]
        fixed.set_weights(any_size.get_weights())
        np.testing.assert_array_equal(any_size.predict(x, verbose=0), fixed.predict(x, verbose=0))
        for model in (any_size, fixed):
            model.fit(x, y, epochs=2, batch_size=2, shuffle=False, verbose=0)
        for one, other in zip(any_size.get_weights(), fixed.get_weights()):
            np.testing.assert_array_equal(one, other)
    any_size.save(tmp_path / "net.npz")
    np.testing.assert_array_equal(load_model(tmp_path / "net.npz")(x), any_size(x))


def test_as_onnx(tmp_path, rng):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    from minicnn.saving.onnx.export import export_onnx

    model = net((None, None, 1))
    export_onnx(model, tmp_path / "net.onnx")
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    for size in SIZES:
        x, _ = images(size, rng)
        np.testing.assert_allclose(
            session.run(["output"], {"input": x})[0], model.predict(x, verbose=0), atol=1e-5
        )
    gap = Sequential([Input((None, None, 1)), layers.Conv2DTranspose(1, 1, strides=2, padding="same")])
    with pytest.raises(NotImplementedError, match="give Input its height and width"):
        export_onnx(gap, tmp_path / "gap.onnx")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Flatten()(Input((None, 4, 1))), "put GlobalAveragePooling2D"),
        (lambda: layers.Reshape((4, -1))(Input((None, 4, 1))), "put GlobalAveragePooling2D"),
        (lambda: layers.PReLU()(Input((None, 4, 1))), "alpha: a weight of shape .None, 4, 1. needs lengths"),
        (lambda: layers.Dense(3)(Input((4, None))), "give them to Input"),
        (lambda: layers.Conv2D(3, 3)(Input((4, 4, None))), r"as in Input\(\(None, None, 3\)\)"),
    ],
)
def test_lengths_that_must_be_known(make, message):
    with pytest.raises(ValueError, match=message):
        make()

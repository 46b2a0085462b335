"""Graphs beside Keras's functional models: the same lines in both vocabularies, and the same weights."""

import os
import re

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")

import minicnn
from minicnn.saving.keras.config import described

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning"
)


def residual(k):
    """Two residual blocks, the second with a convolution as its shortcut."""
    inputs = k.Input(shape=(12, 12, 1))
    x = k.layers.Conv2D(6, 3, padding="same", use_bias=False)(inputs)
    x = k.layers.BatchNormalization()(x)
    x = k.layers.ReLU()(x)
    for filters, strides in ((6, 1), (8, 2)):
        y = k.layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
        y = k.layers.BatchNormalization()(y)
        y = k.layers.Activation("relu")(y)
        y = k.layers.Conv2D(filters, 3, padding="same")(y)
        if strides > 1:
            x = k.layers.Conv2D(filters, 1, strides=strides)(x)
        x = k.layers.ReLU()(k.layers.Add()([x, y]))
    x = k.layers.GlobalAveragePooling2D()(x)
    return k.Model(inputs=inputs, outputs=k.layers.Dense(5, activation="softmax")(x), name="residual")


def inception(k):
    """Branches of several depths, joined along the channels; all other ways to join;
    a gate that is repeated.
    """
    inputs = k.Input((12, 12, 1))
    x = k.layers.Conv2D(4, 3, activation="elu")(inputs)
    a = k.layers.Conv2D(3, 1)(x)
    b = k.layers.Conv2D(4, 3, padding="same", activation="tanh")(x)
    c = k.layers.MaxPooling2D(3, 1, padding="same")(x)
    joined = k.layers.concatenate([a, k.layers.maximum([b, c]), k.layers.minimum([x, b])])
    gate = k.layers.GlobalAveragePooling2D(keepdims=True)(joined)
    gate = k.layers.Dense(11, activation="sigmoid")(gate)
    x = k.layers.Multiply()([joined, gate])
    x = k.layers.Subtract()([x, k.layers.Average()([x, joined, k.layers.Conv2D(11, 1)(x)])])
    x = k.layers.Concatenate(axis=1)([x, joined])
    x = k.layers.Flatten()(k.layers.MaxPooling2D(4)(x))
    return k.models.Model(inputs, k.layers.Dense(5, activation="softmax")(x))


def nested(k):
    """A Sequential and a functional model as layers."""
    small = k.Input((10, 10, 4))
    block = k.Model(small, k.layers.add([small, k.layers.Conv2D(4, 3, padding="same")(small)]))
    stem = k.Sequential([k.Input((12, 12, 1)), k.layers.Conv2D(4, 3), k.layers.BatchNormalization()])
    inputs = k.Input((12, 12, 1))
    x = block(stem(inputs))
    x = k.layers.Flatten()(x)
    return k.Model(inputs, k.layers.Dense(5, activation="softmax")(x))


def dense(k):
    """Every layer sees all layers before it."""
    x = inputs = k.Input((12, 12, 1))
    for _ in range(3):
        x = k.layers.Concatenate()([x, k.layers.Conv2D(3, 3, padding="same", activation="gelu")(x)])
    x = k.layers.GlobalMaxPooling2D()(x)
    return k.Model(inputs, k.layers.Dense(5, activation="softmax")(x))


def shared(k):
    """A convolution, a network and layers without weights, each at several places."""
    inputs = k.Input((12, 12, 1))
    pool, relu = k.layers.MaxPooling2D(2), k.layers.Activation("relu")
    x = pool(relu(k.layers.Conv2D(4, 3, padding="same")(inputs)))
    see = k.layers.Conv2D(4, 3, padding="same", activation="tanh")
    inner = k.Sequential([k.Input((6, 6, 4)), k.layers.Conv2D(4, 3), k.layers.BatchNormalization()])
    y = k.layers.Subtract()([inner(see(see(x))), inner(k.layers.AveragePooling2D(3, 1, "same")(relu(x)))])
    x = k.layers.Flatten()(pool(y))
    return k.Model(inputs, k.layers.Dense(5, activation="softmax")(x))


NETS = [residual, inception, nested, dense, shared]


def pair(make):
    ours, theirs = make(minicnn), make(keras)
    rng = np.random.default_rng(3)
    # small ones: Keras cuts probabilities off at 1e-7, and then their gradient is 0
    theirs.set_weights(
        [0.15 * rng.standard_normal(w.shape) + 0.2 * (w.ndim == 1) for w in theirs.get_weights()]
    )
    for layer in theirs._flatten_layers():
        if layer.__class__.__name__ == "BatchNormalization":
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([gamma, beta, mean, np.abs(variance) + 0.5])
    ours.set_weights([np.array(weight) for weight in theirs.get_weights()])
    return ours, theirs


@pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)
def test_outputs_and_training(make, rng):
    """After a few steps of plain gradient descent weights are alike only if the gradients were."""
    images = rng.uniform(0, 1, (12, 12, 12, 1)).astype("float32")
    labels = rng.integers(0, 5, 12)
    ours, theirs = pair(make)
    np.testing.assert_allclose(ours.predict(images), theirs.predict(images, verbose=0), atol=1e-5)
    logs = []
    for k, model in ((minicnn, ours), (keras, theirs)):
        model.compile(k.optimizers.SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
        logs.append(
            model.fit(
                images,
                labels,
                batch_size=4,
                epochs=2,
                shuffle=False,
                verbose=0,
                validation_data=(images, labels),
            ).history
        )
    assert set(logs[0]) == set(logs[1])
    for name, values in logs[0].items():
        np.testing.assert_allclose(values, logs[1][name], atol=1e-4, err_msg=name)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def without_numbers(model):
    return [re.sub(r"_\d+$", "", layer.name) for layer in model.layers]


@pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)
def test_layers_and_counts(make):
    ours, theirs = make(minicnn), make(keras)
    assert without_numbers(ours) == without_numbers(theirs)
    assert [type(layer).__name__ for layer in ours.layers] == [
        type(layer).__name__ for layer in theirs.layers
    ]
    assert [layer.count_params() for layer in ours.layers] == [
        layer.count_params() for layer in theirs.layers
    ]
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    assert ours.input_shape == theirs.input_shape
    assert ours.output_shape == theirs.output_shape
    assert [each.shape for each in ours.inputs] == [each.shape for each in theirs.inputs]
    assert type(ours).__name__ == type(theirs).__name__
    assert isinstance(ours, minicnn.Model)
    for model in (ours, theirs):
        model.trainable = False
    assert len(ours.trainable_weights) == len(theirs.trainable_weights) == 0


@pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)
def test_the_summaries_tell_the_same_connections(make, monkeypatch):
    monkeypatch.setenv("COLUMNS", "260")  # Keras cuts its lines off at the terminal's width
    ours, theirs = make(minicnn), make(keras)
    texts = []
    for model in (ours, theirs):
        lines: list[str] = []
        model.summary(line_length=250, print_fn=lines.append)
        texts.append("\n".join(lines))
    connections = []
    for model, text in zip((ours, theirs), texts):
        numbers = {layer.name: number for number, layer in enumerate(model.layers)}
        found = re.findall(r"([a-z][a-z0-9_]*)\[\d+\]\[0\]", text)
        connections.append([numbers[name] for name in found])
    assert connections[0] == connections[1]
    totals = [re.findall(r"(Total|Trainable|Non-trainable) params: ([\d,]+)", text) for text in texts]
    assert totals[0] == totals[1]


def test_frozen_parts_stay_in_both(rng):
    images, labels = rng.uniform(0, 1, (8, 12, 12, 1)).astype("float32"), rng.integers(0, 5, 8)
    ours, theirs = pair(residual)
    for k, model in ((minicnn, ours), (keras, theirs)):
        for layer in model.layers[:8]:
            layer.trainable = False
        model.compile(k.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
        model.fit(images, labels, batch_size=4, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_parts_of_a_model(rng):
    """Features from the middle, and what comes behind them."""
    images = rng.uniform(0, 1, (4, 12, 12, 1)).astype("float32")
    results = []
    for k, model in zip((minicnn, keras), pair(residual)):
        middle = model.layers[-3].output
        both = k.Model(model.input, [middle, model.output])
        behind = k.Model(middle, model.output)
        features, scores = both.predict(images, verbose=0)
        again = behind.predict(features, verbose=0)
        np.testing.assert_allclose(again, scores, atol=1e-6)
        results.append((features, scores))
        assert len(both.layers) == len(model.layers)
        assert len(behind.layers) == 3
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, atol=1e-5)


def unet(k, last):
    """A label for each pixel: half the size, then back by a transposed convolution."""
    inputs = k.Input((12, 10, 1))
    a = k.layers.Conv2D(4, 3, padding="same", activation="tanh")(inputs)
    b = k.layers.Conv2D(6, 3, padding="same")(k.layers.MaxPooling2D(2)(a))
    b = k.layers.LayerNormalization()(b)
    up = k.layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu")(b)
    return k.Model(inputs, k.layers.Conv2D(3, 1, activation=last)(k.layers.Concatenate()([a, up])))


@pytest.mark.parametrize(
    ("loss", "last", "form"),
    [
        ("sparse_categorical_crossentropy", "softmax", "numbers"),
        ("sparse_categorical_crossentropy", "softmax", "numbers of one channel"),
        ("categorical_crossentropy", "softmax", "one-hot"),
        ("binary_crossentropy", "sigmoid", "one-hot"),
    ],
)
def test_a_label_for_each_pixel(loss, last, form, rng):
    images = rng.uniform(0, 1, (8, 12, 10, 1)).astype("float32")
    numbers = rng.integers(0, 3, (8, 12, 10))
    one_hot = np.eye(3)[numbers]
    labels = {"numbers": numbers, "one-hot": one_hot}.get(form, numbers[..., None])
    # Keras's own form for numbers fails here: PyTorch says "grad_input must be contiguous"
    targets = [(labels, loss), (one_hot, loss.removeprefix("sparse_"))]
    ours, theirs = pair(lambda k: unet(k, last))
    logs = []
    for k, model, (y, its_loss) in zip((minicnn, keras), (ours, theirs), targets):
        model.compile(k.optimizers.SGD(0.1), its_loss, metrics=["accuracy"])
        logs.append(model.fit(images, y, batch_size=4, epochs=3, shuffle=False, verbose=0).history)
    assert logs[0]["loss"][-1] < logs[0]["loss"][0]
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(logs[0][name], logs[1][name], atol=1e-4, err_msg=name)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.parametrize("make", [shared, lambda k: unet(k, "softmax")], ids=["shared", "unet"])
def test_described_to_keras_and_as_onnx(make, tmp_path, rng):
    onnxruntime = pytest.importorskip("onnxruntime")
    ours = make(minicnn)
    theirs = keras.saving.deserialize_keras_object(described(ours))
    theirs.set_weights(ours.get_weights())
    images = rng.uniform(0, 1, (3, *ours.input_shape[1:])).astype("float32")
    expected = theirs.predict(images, verbose=0)
    np.testing.assert_allclose(ours.predict(images, verbose=0), expected, atol=1e-5)
    minicnn.saving.export_onnx(ours, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(["output"], {"input": images})[0], expected, atol=1e-5)

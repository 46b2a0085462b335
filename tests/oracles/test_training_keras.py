"""A whole training run beside Keras: the same weights, batches in the same order,
the same losses epoch by epoch.
"""

import inspect
import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")

import minicnn
from minicnn import layers

keras = pytest.importorskip("keras")


def net(k):
    """The same lines in both vocabularies."""
    return k.Sequential(
        [
            k.Input((12, 12, 1)),
            k.layers.Rescaling(1 / 255),
            k.layers.Conv2D(6, 3, padding="same", activation="relu"),
            k.layers.MaxPooling2D(),
            k.layers.Conv2D(8, 3, strides=2, use_bias=False),
            k.layers.BatchNormalization(),
            k.layers.Activation("elu"),
            k.layers.DepthwiseConv2D(2, padding="same", depth_multiplier=2),
            k.layers.SeparableConv2D(6, 2, activation="gelu"),
            k.layers.GlobalAveragePooling2D(),
            k.layers.Dense(7, kernel_regularizer=k.regularizers.L2(1e-3), activation="softmax"),
        ]
    )


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_losses_by_epoch(rng):
    images = rng.integers(0, 256, (40, 12, 12, 1)).astype("float32")
    labels = rng.integers(0, 7, 40)
    weights = {label: 0.5 + label / 7 for label in range(7)}
    ours, theirs = net(minicnn), net(keras)
    ours.set_weights([np.array(weight) for weight in theirs.get_weights()])
    logs = []
    for k, model in ((minicnn, ours), (keras, theirs)):
        model.compile(
            k.optimizers.Adam(0.003),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            weighted_metrics=[],
        )
        logs.append(
            model.fit(
                images, labels, batch_size=8, epochs=4, shuffle=False, verbose=0,
                class_weight=weights, validation_data=(images[:16], labels[:16]),
            ).history
        )  # fmt: skip
    assert set(logs[0]) == set(logs[1])
    for name, values in logs[0].items():
        np.testing.assert_allclose(values, logs[1][name], atol=1e-4, err_msg=name)
    for a, b in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(a, b, atol=2e-3)
    np.testing.assert_allclose(ours.predict(images), theirs.predict(images, verbose=0), atol=1e-4)


def test_the_summaries_count_alike():
    ours, theirs = net(minicnn), net(keras)
    assert ours.count_params() == theirs.count_params()
    assert [layer.count_params() for layer in ours.layers] == [
        layer.count_params() for layer in theirs.layers
    ]
    assert ours.output_shape == theirs.output_shape


def test_every_layer_of_ours_that_keras_has_takes_the_same_arguments():
    ours_only = {"Chain", "RandomAffine", "Residual", "Parameter", "InputLayer", "Input"}
    for name in layers.__all__:
        if name in ours_only:
            continue
        theirs = inspect.signature(getattr(keras.layers, name).__init__).parameters
        for argument, parameter in inspect.signature(getattr(layers, name).__init__).parameters.items():
            if argument in (
                "self",
                "kwargs",
                "trainable",
                "dtype",
                "name",
                "input_shape",
                "input_dim",
                "unknown",
            ):
                continue
            if (name, argument) == ("Lambda", "gradient"):
                continue
            assert argument in theirs, f"{name}: {argument}"
            if (
                theirs[argument].default is not inspect.Parameter.empty
            ):  # Keras asks for it, we have a default
                assert parameter.default == theirs[argument].default, f"{name}: {argument}"

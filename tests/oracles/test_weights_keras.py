"""Weights to and from Keras, by its own files: what each side wrote, the other
reads, and predicts the same.
"""

import inspect
import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")

import minicnn
from fer.networks import architectures
from minicnn import initializers, layers
from minicnn.saving.keras.load import load_keras_weights
from minicnn.saving.keras.save import save_keras_weights
from tests.oracles.suite_cases import SHARED, drawn

keras = pytest.importorskip("keras")
h5py = pytest.importorskip("h5py")

pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning"
)

FORMS = ("net.weights.h5", "net.keras", "net.h5")

# layers of one kind that take images of 8 × 8 × 3 to something: arguments for both vocabularies
LAYERS = {
    "Conv2D": {
        "filters": 4,
        "kernel_size": (3, 2),
        "strides": 2,
        "padding": "same",
        "activation": "leaky_relu",
    },
    "Conv2DTranspose": {
        "filters": 4,
        "kernel_size": (3, 2),
        "strides": 2,
        "padding": "same",
        "activation": "relu",
    },
    "DepthwiseConv2D": {
        "kernel_size": 2,
        "depth_multiplier": 2,
        "dilation_rate": 2,
    },
    "SeparableConv2D": {
        "filters": 5,
        "kernel_size": 3,
        "activation": "gelu",
        "pointwise_initializer": "he_normal",
    },
    "Dense": {"units": 4, "activation": "elu", "kernel_regularizer": "l2", "bias_initializer": "ones"},
    "Flatten": {},
    "BatchNormalization": {"momentum": 0.9, "epsilon": 0.01, "gamma_regularizer": "l2"},
    "LayerNormalization": {"epsilon": 0.01, "gamma_regularizer": "l2"},
    "Normalization": {"mean": [1.0, 2.0, 3.0], "variance": [1.0, 4.0, 9.0]},
    "Rescaling": {"scale": 0.5, "offset": -1.0},
    "MaxPooling2D": {"pool_size": 3, "strides": 2, "padding": "same"},
    "AveragePooling2D": {"pool_size": 3, "strides": 1, "padding": "same"},
    "GlobalAveragePooling2D": {},
    "GlobalMaxPooling2D": {"keepdims": True},
    "Activation": {"activation": "log_softmax"},
    "ReLU": {"negative_slope": 0.1},
    "LeakyReLU": {"negative_slope": 0.2},
    "ELU": {"alpha": 0.5},
    "PReLU": {"shared_axes": [1, 2], "alpha_initializer": "he_normal"},
    "Softmax": {},
    "Reshape": {"target_shape": (16, -1)},
    "Permute": {"dims": (2, 1, 3)},
    "ZeroPadding2D": {"padding": ((1, 2), (0, 3))},
    "Cropping2D": {"cropping": ((1, 2), (0, 3))},
    "UpSampling2D": {"size": (2, 3)},
    "GaussianNoise": {"stddev": 0.2},
    "Dropout": {"rate": 0.3, "seed": 4},
    "SpatialDropout2D": {"rate": 0.3},
    "RandomBrightness": {"factor": (-0.2, 0.1), "value_range": [0, 1]},
    "RandomContrast": {"factor": (0.1, 0.3)},
    "RandomErasing": {"factor": 0.5, "fill_value": 1.0},
    "RandomFlip": {"mode": "horizontal"},
    "RandomRotation": {"factor": (-0.1, 0.2)},
    "RandomTranslation": {"height_factor": 0.1, "width_factor": (-0.2, 0.1), "fill_mode": "nearest"},
    "RandomZoom": {"height_factor": 0.1},
}
MERGES = {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"}


def shake(model, rng):
    """Give a model, ours or Keras's, weights that are all different."""
    model.set_weights([rng.uniform(0.5, 1.5, np.shape(weight)) for weight in model.get_weights()])


def net(k):
    """The same lines in both vocabularies, with a model inside the model."""
    return k.Sequential(
        [
            k.Input((12, 12, 1)),
            k.layers.Rescaling(1 / 255),
            k.layers.Conv2D(4, 3, use_bias=False, name="first"),
            k.layers.BatchNormalization(center=False),
            k.layers.Dropout(0.1),
            k.Sequential(
                [
                    k.Input((10, 10, 4)),
                    k.layers.Conv2D(3, 1),
                    k.layers.BatchNormalization(),
                    k.layers.Conv2D(4, 1),
                ]
            ),
            k.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
            k.layers.DepthwiseConv2D(2),
            k.layers.SeparableConv2D(6, 2, activation="gelu"),
            k.layers.BatchNormalization(),
            k.layers.Flatten(),
            k.layers.Dense(5, activation="tanh"),
            k.layers.Dense(7, activation="softmax"),
        ]
    )


def keras_save(model, path):
    if path.name.endswith(".weights.h5"):
        model.save_weights(path)
    else:
        model.save(path)


def alike(ours, theirs, images):
    np.testing.assert_allclose(ours.predict(images), theirs.predict(images, verbose=0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_what_keras_saved_we_load(form, tmp_path, rng):
    theirs, ours = net(keras), net(minicnn)
    shake(theirs, rng)
    theirs.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    images = rng.uniform(0, 255, (6, 12, 12, 1)).astype("float32")
    theirs.fit(images, np.arange(6), epochs=1, verbose=0)  # so that there are an optimizer's numbers, too
    keras_save(theirs, tmp_path / form)
    load_keras_weights(ours, tmp_path / form)
    alike(ours, theirs, images)


@pytest.mark.parametrize("form", FORMS[:2])
def test_what_we_saved_keras_loads(form, tmp_path, rng):
    ours, theirs = net(minicnn), net(keras)
    shake(ours, rng)
    save_keras_weights(ours, tmp_path / form)
    if form.endswith(".keras"):
        theirs = keras.models.load_model(tmp_path / form)
    else:
        theirs.load_weights(tmp_path / form)
    alike(ours, theirs, rng.uniform(0, 255, (3, 12, 12, 1)).astype("float32"))


def test_frozen_layers_in_a_model_within_an_older_file(tmp_path, rng):
    theirs, ours = net(keras), net(minicnn)
    shake(theirs, rng)
    # this form writes the trained weights of the inner model before the frozen ones
    theirs.layers[4].layers[0].trainable = False
    theirs.save(tmp_path / "net.h5")
    load_keras_weights(ours, tmp_path / "net.h5")
    alike(ours, theirs, rng.uniform(0, 255, (3, 12, 12, 1)).astype("float32"))
    theirs.save_weights(tmp_path / "net.weights.h5")
    load_keras_weights(ours, tmp_path / "net.weights.h5")
    alike(ours, theirs, rng.uniform(0, 255, (3, 12, 12, 1)).astype("float32"))


def functional_tiny(named=False):
    """fer's residual net as Keras users write it: a functional model."""
    names = iter(f"layer{number}" for number in range(100))

    def named_layer(cls, *arguments, **options):
        return cls(*arguments, **options, **({"name": next(names)} if named else {}))

    def conv(filters, size):
        return named_layer(keras.layers.Conv2D, filters, size, padding="same", use_bias=False)

    def norm():
        return named_layer(keras.layers.BatchNormalization)

    inputs = keras.Input((48, 48, 1))
    x = keras.layers.Normalization(mean=architectures.MEAN, variance=architectures.STD**2)(inputs)
    x = keras.layers.ReLU()(norm()(conv(32, 3)(x)))
    for filters in (48, 96, 128):
        x = keras.layers.MaxPooling2D()(x)
        main = keras.layers.ReLU()(norm()(conv(filters, 3)(x)))
        main = norm()(conv(filters, 3)(main))
        x = keras.layers.ReLU()(keras.layers.Add()([main, norm()(conv(filters, 1)(x))]))
    x = keras.layers.Dropout(0.3)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, named_layer(keras.layers.Dense, 7, activation="softmax")(x))


@pytest.mark.parametrize("form", FORMS)
def test_a_functional_model_and_our_residual_containers(form, tmp_path, rng):
    theirs, ours = functional_tiny(), architectures.build("tiny")
    shake(theirs, rng)
    theirs.set_weights([weight / 8 for weight in theirs.get_weights()])
    images = rng.uniform(0, 255, (2, 48, 48, 1)).astype("float32")
    keras_save(theirs, tmp_path / form)
    load_keras_weights(ours, tmp_path / form)
    alike(ours, theirs, images)
    back = functional_tiny()
    save_keras_weights(ours, tmp_path / "back.weights.h5")
    back.load_weights(tmp_path / "back.weights.h5")
    for a, b in zip(back.get_weights(), theirs.get_weights()):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", LAYERS)
def test_these_arguments_go_to_keras_and_back(name, tmp_path, rng):
    def one(k):
        return k.Sequential([k.Input((8, 8, 3)), getattr(k.layers, name)(**LAYERS[name])])

    ours = one(minicnn)
    shake(ours, rng)
    images = rng.standard_normal((2, 8, 8, 3)).astype("float32")
    save_keras_weights(ours, tmp_path / "net.keras")
    opened = keras.models.load_model(tmp_path / "net.keras")
    alike(ours, opened, images)
    config = opened.layers[0].get_config()
    for argument in inspect.signature(getattr(layers, name).__init__).parameters:
        if argument in LAYERS[name] and isinstance(LAYERS[name][argument], int | float | str):
            expected = getattr(keras.layers, name)(**LAYERS[name]).get_config()[argument]
            assert config[argument] == expected
    again = one(minicnn)
    keras_save(opened, tmp_path / "again.keras")
    load_keras_weights(again, tmp_path / "again.keras")
    for a, b in zip(again.get_weights(), ours.get_weights()):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", SHARED, ids=lambda kind: kind.__name__)
def test_layers_of_the_suite_go_to_keras_and_back(kind, tmp_path, rng):
    for ours, _, x, _ in drawn(kind, "float32"):
        shake(ours, rng)
        weights = ours.get_weights()
        save_keras_weights(ours, tmp_path / "net.keras")
        opened = keras.models.load_model(tmp_path / "net.keras")
        alike(ours, opened, x)
        keras_save(opened, tmp_path / "again.keras")
        shake(ours, rng)
        load_keras_weights(ours, tmp_path / "again.keras")
        for a, b in zip(ours.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", sorted(MERGES))
def test_graphs_that_split_and_join(kind, tmp_path, rng):
    def net(k):
        left, right = k.Input((8, 8, 3), name="left"), k.Input((8, 8, 3), name="right")
        x = k.layers.Conv2D(3, 3, padding="same", use_bias=False)(left)
        y = k.layers.BatchNormalization()(right, training=False)
        joined = getattr(k.layers, kind)()([y, x])
        inner_in = k.Input((8, 8, joined.shape[-1]))
        inner = k.Model(inner_in, k.layers.Add()([k.layers.Conv2D(joined.shape[-1], 1)(inner_in), inner_in]))
        z = inner(joined)
        return k.Model(
            [left, right], [k.layers.GlobalMaxPooling2D()(z), k.layers.Dense(2, name="dense_out")(x)]
        )

    ours = net(minicnn)
    shake(ours, rng)
    images = [rng.standard_normal((2, 8, 8, 3)).astype("float32") for _ in range(2)]
    save_keras_weights(ours, tmp_path / "net.keras")
    save_keras_weights(ours, tmp_path / "net.weights.h5")
    theirs = net(keras)
    theirs.load_weights(tmp_path / "net.weights.h5")
    for model in (keras.models.load_model(tmp_path / "net.keras"), theirs):
        for a, b in zip(ours(images), model(images)):
            np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-5, atol=1e-5)
    again = net(minicnn)
    for form in FORMS:
        shake(again, rng)
        keras_save(theirs, tmp_path / form)
        load_keras_weights(again, tmp_path / form)
        for a, b in zip(again.get_weights(), ours.get_weights()):
            np.testing.assert_array_equal(a, b)


def test_every_initializer_is_understood(tmp_path):
    classes = [
        value
        for value in vars(initializers).values()
        if inspect.isclass(value)
        and issubclass(value, initializers.Initializer)
        and hasattr(keras.initializers, value.__name__)
    ]
    classes = [cls for cls in classes if cls not in (initializers.Initializer, initializers.Identity)]
    assert len(classes) >= 12
    for cls in classes:
        ours = minicnn.Sequential([minicnn.Input((3,)), layers.Dense(3, kernel_initializer=cls())])
        save_keras_weights(ours, tmp_path / "net.keras")
        opened = keras.models.load_model(tmp_path / "net.keras")
        assert type(opened.layers[0].kernel_initializer).__name__ == cls.__name__


def test_an_adapted_normalization(tmp_path, rng):
    data = rng.uniform(0, 9, (50, 4)).astype("float32")
    theirs = keras.Sequential([keras.Input((4,)), keras.layers.Normalization(), keras.layers.Dense(2)])
    theirs.layers[0].adapt(data)
    for form in FORMS:
        ours = minicnn.Sequential([minicnn.Input((4,)), layers.Normalization(), layers.Dense(2)])
        keras_save(theirs, tmp_path / form)
        load_keras_weights(ours, tmp_path / form)
        alike(ours, theirs, data)
    save_keras_weights(ours, tmp_path / "back.keras")
    alike(ours, keras.models.load_model(tmp_path / "back.keras"), data)


@pytest.mark.parametrize("form", ["net.keras", "net.h5"])
def test_a_lambda_layer_is_refused(form, tmp_path):
    theirs = keras.Sequential(
        [keras.Input((4,)), keras.layers.Lambda(lambda x: x + 1), keras.layers.Dense(2)]
    )
    ours = minicnn.Sequential([minicnn.Input((4,)), layers.Dense(2)])
    before = ours.get_weights()
    theirs.save(tmp_path / form)
    with pytest.raises(ValueError, match="refused: it holds a Lambda layer"):
        load_keras_weights(ours, tmp_path / form)
    np.testing.assert_array_equal(ours.get_weights()[0], before[0])


def test_layers_that_we_do_not_have_are_named(tmp_path):
    theirs = keras.Sequential([keras.Input((4, 3)), keras.layers.LSTM(2), keras.layers.Dense(2)])
    theirs.save_weights(tmp_path / "net.weights.h5")
    ours = minicnn.Sequential([minicnn.Input((2,)), layers.Dense(2)])
    with pytest.raises(ValueError, match=r"layers/lstm/cell/vars/0.*does not have"):
        load_keras_weights(ours, tmp_path / "net.weights.h5")

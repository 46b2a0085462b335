"""The advice of a message, followed literally, gives a call that works; and what Keras accepts is accepted."""

import os
import re

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, layers, utils
from minicnn.models import clone_model
from minicnn.preprocessing.image import load_img


@pytest.mark.parametrize(
    ("old", "today"),
    [
        ('Conv2D(8, 3, 3, border_mode="same")', 'Conv2D(8, padding="same", kernel_size=(3, 3))'),
        ("Convolution2D(8, 5, 3, subsample=(2, 2))", "Conv2D(8, strides=(2, 2), kernel_size=(5, 3))"),
        ("SeparableConv2D(8, 3, 3, bias=False)", "SeparableConv2D(8, use_bias=False, kernel_size=(3, 3))"),
        ("Conv2D(8, (3, 3), (1, 1), init='he_normal')", "Conv2D(8, (3, 3), kernel_initializer='he_normal')"),
        ("Conv2D(nb_filter=8, nb_row=3, nb_col=5)", "Conv2D(filters=8, kernel_size=(3, 5))"),
        ("Dense(output_dim=3)", "Dense(units=3)"),
        ("Dropout(p=0.5)", "Dropout(rate=0.5)"),
        ('MaxPooling2D((2, 2), border_mode="same")', 'MaxPooling2D((2, 2), padding="same")'),
        ("GaussianNoise(sigma=0.1)", "GaussianNoise(stddev=0.1)"),
    ],
)
def test_the_advice_of_an_old_spelling_followed_literally_runs(old, today):
    """Each argument of today's call that the old one lacks is one that the message names."""
    with pytest.raises(TypeError, match="today's Keras says") as caught:
        eval(old, vars(layers))
    advice = str(caught.value).partition("says ")[2]
    for argument in re.findall(r"(\w+)=", today):
        assert argument in advice
    if "kernel_size=(" in today and "nb_row" not in old:
        assert re.search(r"kernel_size=\(\d, \d\)", today)[0] in advice
    else:
        assert "third number" not in advice
    layer = eval(today, vars(layers))
    assert layer(np.ones((1, 8, 8, 1), "float32")).ndim == 4
    if "kernel_size=" in today:
        assert layer.strides == ((2, 2) if "subsample" in old else (1, 1))


def test_a_layer_of_your_own_may_use_an_old_name():
    class Mine(layers.Layer):
        def __init__(self, p, **options):
            self.mode = options.pop("mode", None)
            super().__init__(**options)
            self.p = p

    assert (Mine(p=1, mode="x").p, Mine(2).mode) == (1, None)


def model():
    return Sequential([Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3, "softmax")])


IMAGES = np.random.default_rng(0).random((6, 8, 8, 1), "float32")
LABELS = np.eye(3)[[0, 1, 2, 0, 1, 2]]


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("metric_names", "'metrics_names'"),
        ("getlayer", "'get_layer'"),
        ("add_loss", "Loss"),
        ("train_function", "train_step"),
    ],
)
def test_a_near_name_is_the_right_one(name, guess):
    with pytest.raises(AttributeError) as caught:
        getattr(model(), name)
    assert guess in str(caught.value)


def test_a_name_that_is_like_none_gets_no_guess():
    for name in ("reset_everything", "fit_now_please", "get_compile_config"):
        with pytest.raises(AttributeError) as caught:
            getattr(model(), name)
        assert "did you mean" not in str(caught.value)


def test_grayscale_names_color_mode():
    with pytest.raises(TypeError, match='color_mode="grayscale"'):
        load_img("face.png", grayscale=True)


def test_one_batch_gives_what_evaluate_and_predict_give():
    net = model()
    net.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    before = net.get_weights()
    expected = net.evaluate(IMAGES, LABELS, batch_size=6, verbose=0)
    assert net.test_on_batch(IMAGES, LABELS) == expected
    assert list(net.test_on_batch(IMAGES, LABELS, return_dict=True).values()) == expected
    np.testing.assert_array_equal(net.predict_on_batch(IMAGES), net.predict(IMAGES, 6))
    for a, b in zip(before, net.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_the_loss_of_the_one_output_in_a_list_or_by_name():
    net = model()
    name = net.layers[-1].name
    results = []
    for loss, metrics in [
        ("mse", ["accuracy"]),
        (["mse"], [["accuracy"]]),
        ({name: "mse"}, {name: ["accuracy"]}),
    ]:
        net.compile("sgd", loss, metrics=metrics)
        results.append(net.test_on_batch(IMAGES, LABELS))
    assert results[0] == results[1] == results[2]
    assert len(results[0]) == 2
    with pytest.raises(ValueError, match=f"no output 'other': its output is '{name}'"):
        net.compile("sgd", {"other": "mse"})


def test_a_layer_without_bias_has_none():
    for layer in (
        layers.Conv2D(2, 3, use_bias=False),
        layers.SeparableConv2D(2, 3, use_bias=False),
        layers.DepthwiseConv2D(3, use_bias=False),
        layers.Dense(2, use_bias=False),
    ):
        layer(IMAGES)
        assert layer.bias is None


def test_class_numbers_as_text():
    np.testing.assert_array_equal(utils.to_categorical(["2", "0"]), [[0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(utils.to_categorical(np.array(["1"], dtype=object), 3), [[0, 1, 0]])
    names = ["cat", "dog", "cat"]
    with pytest.raises(ValueError, match="return_inverse=True"):
        utils.to_categorical(names)
    x = np.unique(names, return_inverse=True)[1]
    np.testing.assert_array_equal(utils.to_categorical(x), [[1, 0], [0, 1], [1, 0]])


def test_one_number_as_the_scale_of_erasing_is_the_largest_part():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    assert layers.RandomErasing(scale=0.5).scale == (0.0, 0.5)
    keras = pytest.importorskip("keras")
    assert tuple(keras.layers.RandomErasing(scale=0.5).scale) == (0.0, 0.5)
    with pytest.raises(ValueError, match="scale=1"):
        layers.RandomErasing(scale=1.5)


def test_a_built_model_as_the_first_layer_builds_the_model():
    first = model()
    net = Sequential([first, layers.Dense(2)])
    assert net.built
    assert net.count_params() == first.count_params() + 3 * 2 + 2
    lines = []
    net.summary(print_fn=lines.append)
    assert f"{net.count_params():,}" in "".join(lines)
    assert net.output_shape == (None, 2)


@pytest.mark.parametrize("functional", [False, True])
def test_clone_model_with_a_function_for_each_layer(functional):
    net = model()
    if functional:
        net = Model(net.inputs, net.outputs)

    def changed(layer):
        config = layer.get_config()
        if isinstance(layer, layers.Dense):
            config["units"] = 5
        return type(layer).from_config(config)

    clone = clone_model(net, clone_function=changed)
    assert clone.output_shape == (None, 5)
    assert net.output_shape == (None, 3)
    assert [layer.name for layer in clone.layers] == [layer.name for layer in net.layers]
    assert clone.layers[-1] is not net.layers[-1]
    with pytest.raises(ValueError, match="same name"):
        clone_model(net, clone_function=lambda layer: layers.ReLU())

"""Maps of what a network looks at, against the complex step and against Grad-CAM's formula written out."""

import numpy as np
import pytest

from minicnn import Input, Sequential, layers, ops
from minicnn.gradient_check import complex_step
from minicnn.models.saliency import grad_cam, input_gradient


def network(*body, channels=2, classes=3):
    """Return a small float64 network with every weight drawn at random, moving statistics too."""
    model = Sequential(
        [
            Input((6, 5, channels), dtype="float64"),
            *body,
            layers.Flatten(),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    generator = np.random.default_rng(3)
    model.set_weights([generator.uniform(0.2, 1, w.shape) - 0.5 * (w.ndim > 1) for w in model.get_weights()])
    return model


def plain():
    return network(layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Dropout(0.5))


def normed():
    return network(
        layers.RandomTranslation(0.3, 0.3),
        layers.Conv2D(3, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
    )


def residual():
    return network(
        layers.Residual([layers.Conv2D(2, 3, padding="same"), layers.BatchNormalization()]), layers.ReLU()
    )


MODELS = {"plain": plain, "normed": normed, "residual": residual}
# the number of the layer that the maps come from: the activation behind the last
# convolution, if that has none itself
MAPS = {"plain": 0, "normed": 3, "residual": 1}


def logits(model, x, first=0):
    """Return what goes into the softmax, for x that goes into the layer of this number."""
    *before, last = model.layers[first:]
    for layer in before:
        x = layer.forward(x)
    return x @ last.kernel.value + last.bias.value


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


@pytest.fixture
def x(rng):
    return rng.standard_normal((4, 6, 5, 2))


CLASSES = np.array([2, 0, 1, 1])


def test_the_input_gradient_is_the_derivative_of_the_logit(name, x):
    model = MODELS[name]()
    with ops.use("reference"):
        exact = complex_step(lambda x: logits(model, x), {"x": x}, np.eye(3)[CLASSES])["x"]
        np.testing.assert_allclose(input_gradient(model, x, CLASSES), exact, rtol=0, atol=1e-12)
    np.testing.assert_allclose(input_gradient(model, x, CLASSES), exact, rtol=0, atol=1e-12)


def test_grad_cam_is_its_formula(name, x):
    model, number = MODELS[name](), MAPS[name]
    with ops.use("reference"):
        maps = x
        for layer in model.layers[: number + 1]:
            maps = layer.forward(maps)
        slopes = complex_step(
            lambda maps: logits(model, maps, number + 1), {"maps": maps}, np.eye(3)[CLASSES]
        )["maps"]
    expected = np.zeros(maps.shape[:3])
    for n in range(len(x)):
        for k in range(maps.shape[3]):
            expected[n] += slopes[n, :, :, k].mean() * maps[n, :, :, k]
    expected[expected < 0] = 0
    assert (expected > 0).any()
    np.testing.assert_allclose(grad_cam(model, x, CLASSES), expected, rtol=0, atol=1e-12)


def test_a_layer_can_be_chosen_by_name_or_itself(x):
    model = normed()
    convolution = model.layers[1]
    by_name, itself = (grad_cam(model, x, 0, layer) for layer in (convolution.name, convolution))
    np.testing.assert_array_equal(by_name, itself)
    assert not np.array_equal(by_name, grad_cam(model, x, 0))


def test_by_default_the_class_is_the_predicted_one(x):
    model = plain()
    predicted = model.predict(x).argmax(axis=1)
    for function in (input_gradient, grad_cam):
        np.testing.assert_array_equal(function(model, x), function(model, x, predicted))


def test_nothing_but_gradients_is_left_behind(x):
    model = normed()
    before, output = model.get_weights(), model.predict(x)
    input_gradient(model, x)
    grad_cam(model, x)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    np.testing.assert_array_equal(model.predict(x), output)


def test_gray_values_are_cast(rng):
    images = rng.integers(0, 256, (2, 6, 5, 2)).astype(np.uint8)
    np.testing.assert_array_equal(grad_cam(plain(), images), grad_cam(plain(), images.astype(float)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 3}, "classes=3: expected numbers from 0 to 2"),
        ({"classes": -1}, "expected numbers from 0 to 2"),
        ({"classes": [0, 1]}, "one for each of 4 samples"),
        ({"classes": 1.5}, "expected a class number"),
        ({"layer": "nowhere"}, "layer='nowhere' is not in .*: expected one of conv2d.*flatten"),
        ({"layer": 3}, "layer=3 is not in"),
    ],
)
def test_what_is_not_there_is_named(x, arguments, message):
    with pytest.raises(ValueError, match=message):
        grad_cam(plain(), x, **arguments)


def test_a_layer_without_maps_is_refused(x):
    model = plain()
    with pytest.raises(ValueError, match=r"gives \(4, \d+\), no maps"):
        grad_cam(model, x, layer=model.layers[3])


def test_a_model_without_convolution_says_so():
    model = Sequential([Input((4,)), layers.Dense(3)])
    with pytest.raises(ValueError, match="has no convolution"):
        grad_cam(model, np.ones((1, 4)))


def test_shapes_are_checked(x):
    with pytest.raises(ValueError, match="one sample"):
        input_gradient(plain(), x[0])

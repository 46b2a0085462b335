"""Maps of what a network looks at, against the complex step and against Grad-CAM's formula written out."""

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, layers, ops
from minicnn.gradient_check import complex_step
from minicnn.models.saliency import grad_cam, hires_cam, input_gradient, occlusion


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


def test_hires_cam_is_its_formula(name, x):
    model, number = MODELS[name](), MAPS[name]
    with ops.use("reference"):
        maps = x
        for layer in model.layers[: number + 1]:
            maps = layer.forward(maps)
        slopes = complex_step(
            lambda maps: logits(model, maps, number + 1), {"maps": maps}, np.eye(3)[CLASSES]
        )["maps"]
    expected = np.array(
        [[[max(a @ b, 0) for a, b in zip(*row)] for row in zip(*one)] for one in zip(slopes, maps)]
    )
    assert (expected > 0).any()
    found = hires_cam(model, x, CLASSES, model.layers[number])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def small_maps(*body):
    """Return a network of images of 16 pixels a side."""
    return Sequential(
        [Input((16, 16, 1)), *body, layers.Flatten(), layers.Dense(3, activation="softmax")], name="net"
    )


def test_hires_cam_takes_the_first_maps_of_a_quarter_behind_a_convolution(rng):
    pool, convolution = layers.MaxPooling2D, layers.Conv2D(2, 3, padding="same")
    halves = small_maps(
        convolution, pool(), layers.Conv2D(3, 3, padding="same"), pool(name="here"), layers.ReLU()
    )
    x = rng.uniform(0, 1, (2, 16, 16, 1)).astype(np.float32)
    np.testing.assert_array_equal(hires_cam(halves, x, 1), hires_cam(halves, x, 1, "here"))
    assert hires_cam(halves, x, 1).shape == (2, 4, 4)
    at_first = small_maps(pool(4), layers.Conv2D(2, 3, name="here"), layers.Conv2D(2, 1))
    np.testing.assert_array_equal(hires_cam(at_first, x, 1), hires_cam(at_first, x, 1, "here"))
    large = small_maps(layers.Conv2D(2, 3), pool(), layers.Conv2D(2, 3), layers.ReLU(name="here"))
    np.testing.assert_array_equal(hires_cam(large, x, 1), hires_cam(large, x, 1, "here"))


@pytest.mark.parametrize(("patch", "stride"), [(1, 1), (3, 1), (3, 2), (4, 4), (9, 5)])
def test_occlusion_is_the_mean_fall_of_the_score(x, patch, stride):
    model = residual()
    expected = np.zeros(x.shape[:3])
    for n, number in enumerate(CLASSES):

        def score(image, number=number):
            return logits(model, image[None])[0, number]

        falls = {}
        for top in range(stride - patch, 6, stride):
            for left in range(stride - patch, 5, stride):
                image = x[n].copy()
                rows, columns = (
                    range(max(top, 0), min(top + patch, 6)),
                    range(max(left, 0), min(left + patch, 5)),
                )
                for i in rows:
                    for j in columns:
                        image[i, j] = [x[n, :, :, k].mean() for k in range(2)]
                for place in ((i, j) for i in rows for j in columns):
                    falls.setdefault(place, []).append(score(x[n]) - score(image))
        for place, values in falls.items():
            expected[n][place] = np.mean(values)
    assert (expected > 0).any()
    assert (expected < 0).any()
    np.testing.assert_allclose(occlusion(model, x, CLASSES, patch, stride), expected, rtol=0, atol=1e-12)


def test_occlusion_of_a_model_without_softmax_or_of_one_that_cannot_be_asked(x):
    linear = Sequential([Input((6, 5, 2), dtype="float64"), layers.Flatten(), layers.Dense(3)])
    covered = x.copy()
    covered[:, 2, 3] = x.mean(axis=(1, 2))
    fall = (linear.predict(x) - linear.predict(covered))[:, 1]
    np.testing.assert_allclose(occlusion(linear, x, 1, patch=1, stride=1)[:, 2, 3], fall, rtol=0, atol=1e-12)
    for stride in (0, 9):
        with pytest.raises(ValueError, match=f"patch=8, stride={stride}: expected 1 <= stride <= patch"):
            occlusion(linear, x, 1, stride=stride)
    flat = Sequential([Input((4,)), layers.Dense(3)])
    with pytest.raises(ValueError, match=r"x has shape \(2, 4\): expected \(N, H, W, C\)"):
        occlusion(flat, np.ones((2, 4)))


def test_a_layer_can_be_chosen_by_name_or_itself(x):
    model = normed()
    convolution = model.layers[1]
    by_name, itself = (grad_cam(model, x, 0, layer) for layer in (convolution.name, convolution))
    np.testing.assert_array_equal(by_name, itself)
    assert not np.array_equal(by_name, grad_cam(model, x, 0))


def test_by_default_the_class_is_the_predicted_one(x):
    model = plain()
    predicted = model.predict(x).argmax(axis=1)
    for function in (input_gradient, grad_cam, hires_cam, occlusion):
        np.testing.assert_array_equal(function(model, x), function(model, x, predicted))


def test_nothing_but_gradients_is_left_behind(x):
    model = normed()
    before, output = model.get_weights(), model.predict(x)
    input_gradient(model, x)
    grad_cam(model, x)
    hires_cam(model, x)
    occlusion(model, x)
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


# ---- a sigmoid head, functions that are not the last layer, models inside models ---------------------------


def features(name="features"):
    return Sequential(
        [
            Input((6, 5, 2), dtype="float64"),
            layers.Conv2D(3, 3, padding="same", activation="relu", name="first"),
            layers.Conv2D(4, 3, activation="relu", name="second"),
            layers.MaxPooling2D(name="pool"),
        ],
        name=name,
    )


def with_head(*head):
    """A model of a model of convolutions and a head, with large random weights: its outputs are saturated."""
    model = Sequential([Input((6, 5, 2), dtype="float64"), features(), layers.Flatten(), *head])
    generator = np.random.default_rng(5)
    model.set_weights([generator.standard_normal(weight.shape) * 3 for weight in model.get_weights()])
    return model


HEADS = {
    "sigmoid": lambda: [layers.Dense(3, "sigmoid")],
    "activation": lambda: [layers.Dense(3), layers.Activation("sigmoid")],
    "softmax": lambda: [layers.Dense(3, "softmax"), layers.Reshape((1, 3)), layers.Flatten()],
    "nested": lambda: [Sequential([layers.Dense(3), layers.Activation("sigmoid")])],
    "none": lambda: [layers.Dense(3)],
}


def written_out(model, x, maps=None):
    """Return (maps, logits) of such a model, written out from the weights; of given maps, if there are."""
    first, second, pool = model.get_layer("features").layers
    if maps is None:
        maps = second.forward(first.forward(x))
    [last] = [layer for layer in model.walk() if isinstance(layer, layers.Dense)]
    return maps, pool.forward(maps).reshape(len(x), -1) @ last.kernel.value + last.bias.value


@pytest.mark.parametrize("head", HEADS)
def test_a_saturated_output_has_the_maps_of_its_logit(head, x):
    model = with_head(*HEADS[head]())
    if head != "none":
        assert model.predict(x).max() > 1 - 1e-12
    with ops.use("reference"):
        exact = complex_step(lambda x: written_out(model, x)[1], {"x": x}, np.eye(3)[CLASSES])["x"]
        maps, _ = written_out(model, x)
        slopes = complex_step(
            lambda maps: written_out(model, x, maps)[1], {"maps": maps}, np.eye(3)[CLASSES]
        )["maps"]
    close = {"rtol": 1e-10, "atol": 1e-10}
    assert np.abs(exact).max() > 1
    np.testing.assert_allclose(input_gradient(model, x, CLASSES), exact, **close)
    cam = np.maximum((slopes.mean(axis=(1, 2), keepdims=True) * maps).sum(-1), 0)
    assert cam.max() > 1
    second = model.get_layer("features").get_layer("second")
    for layer in ("features/second", second, None):  # by its path, itself, and as the last convolution
        np.testing.assert_allclose(grad_cam(model, x, CLASSES, layer), cam, **close)


def test_a_single_sigmoid_has_maps_too(x):
    model = with_head(layers.Dense(1, "sigmoid"))
    assert grad_cam(model, x).any()
    assert input_gradient(model, x).any()


def test_layers_of_models_in_models_are_named_by_their_path(x):
    """In a graph, two deep, called with a fixed ``training``, and beside another model with the same names."""
    start = Input((6, 5, 2), dtype="float64")
    inner = Sequential([features("a")], name="outer")
    side = features("b")
    y = layers.add([inner(start, training=False), side(start)])
    model = Model(start, layers.Dense(2, "sigmoid")(layers.Flatten()(y)))
    flat = [inner.layers[0].get_layer("second"), side.get_layer("second")]
    for path, layer in zip(("outer/a/second", "b/second"), flat):
        by_path = grad_cam(model, x, 0, path)
        np.testing.assert_array_equal(by_path, grad_cam(model, x, 0, layer))
        assert by_path.shape == (4, 4, 3)
    assert not np.array_equal(grad_cam(model, x, 0, flat[0]), grad_cam(model, x, 0, flat[1]))
    assert grad_cam(model, x, 0, "outer").shape == grad_cam(model, x, 0, "outer/a/pool").shape == (4, 2, 1)
    with pytest.raises(
        ValueError, match=r"expected one of outer/a/first, outer/a/second, .*, outer/a, outer, b/first"
    ):
        grad_cam(model, x, 0, "second")


def test_a_fixed_training_of_a_model_holds_for_its_layers(x):
    """As in forward: a batch norm that was called with training=True uses the batch's statistics."""
    norm, start = layers.BatchNormalization(name="norm"), Input((6, 5, 2), dtype="float64")
    inner = Sequential(
        [Input((6, 5, 2), dtype="float64"), layers.Conv2D(3, 3, name="conv"), norm], name="inner"
    )
    head = layers.Dense(2, "sigmoid")
    model = Model(start, head(layers.Flatten()(inner(start, training=True))))
    y = inner.layers[0].forward(x)
    maps = (y - y.mean((0, 1, 2))) / np.sqrt(y.var((0, 1, 2)) + norm.epsilon)
    slopes = head.kernel.value[:, 0].reshape(4, 3, 3).mean((0, 1))
    np.testing.assert_allclose(
        grad_cam(model, x, 0), np.maximum((maps * slopes).sum(-1), 0), rtol=1e-10, atol=1e-12
    )

"""Augmentation layers that are called by themselves, not in fit: they change images, as in Keras."""

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, layers, ops
from minicnn.gradient_check import complex_step, worst_error

KINDS = {
    "flip": lambda: layers.RandomFlip("horizontal", seed=1),
    "rotation": lambda: layers.RandomRotation(0.1, seed=1),
    "translation": lambda: layers.RandomTranslation(0.3, 0.3, seed=1),
    "zoom": lambda: layers.RandomZoom(0.3, seed=1),
    "affine": lambda: layers.RandomAffine("vertical", 0.1, 0.1, seed=1),
    "erasing": lambda: layers.RandomErasing(1.0, scale=(0.1, 0.3), fill_value=0.5, seed=1),
}
CALLED = {
    "itself": lambda layer: layer,
    "in a Sequential": lambda layer: Sequential([layer]),
    "in a built Sequential": lambda layer: Sequential([Input((6, 5, 2)), layer]),
    "in a graph": lambda layer: Model(start := Input((6, 5, 2)), layer(start)),
    "in a nested model": lambda layer: Model(start := Input((6, 5, 2)), Sequential([layer])(start)),
    "in a Residual": lambda layer: Sequential([layers.Residual([layer]), layers.Rescaling(0.5)]),
}


@pytest.fixture
def images(rng):
    return rng.uniform(size=(40, 6, 5, 2)).astype("float32")


@pytest.mark.parametrize("how", CALLED)
@pytest.mark.parametrize("kind", KINDS)
def test_it_changes_images_unless_training_is_false(kind, how, images):
    model = CALLED[how](KINDS[kind]())
    for training, changes in ((None, True), (True, True), (False, False)):
        y = model(images, training=training)
        changed = np.abs(y - images).max(axis=(1, 2, 3)) > 1e-6
        assert changed.any() == changes
        assert y.shape == images.shape
        assert y.dtype == "float32"
    if isinstance(model, Model):
        np.testing.assert_allclose(model.predict(images), images, rtol=1e-6)
        model.compile("sgd", "mse")
        assert model.evaluate(images, images, verbose=0) <= 1e-12
        _, prediction = model.forward_loss(images, images, training=True)
        assert np.abs(prediction - images).max() > 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_each_image_has_its_own_draw_and_a_seed_repeats_them(kind, images):
    same = np.broadcast_to(images[:1], images.shape)
    drawn = KINDS[kind]()(same)
    assert len({image.tobytes() for image in drawn}) >= (2 if kind == "flip" else 10)
    np.testing.assert_array_equal(drawn, KINDS[kind]()(same))


@pytest.mark.parametrize("kind", KINDS)
def test_one_image_is_a_batch_of_one(kind, images):
    for call in (lambda layer: layer, lambda layer: Sequential([layer, layers.Rescaling(2.0)])):
        one, batch = call(KINDS[kind]())(images[0]), call(KINDS[kind]())(images[:1])
        assert one.shape == (6, 5, 2)
        np.testing.assert_array_equal(one, batch[0])
    np.testing.assert_array_equal(KINDS[kind]()(images[0], training=False), images[0])


def test_one_image_may_be_rescaled_first(images):
    one, batch = (
        Sequential([layers.Rescaling(2.0), KINDS["rotation"]()])(x) for x in (images[0], images[:1])
    )
    np.testing.assert_array_equal(one, batch[0])
    assert not np.array_equal(one, 2 * images[0])


def test_the_size_of_the_images_may_change(images):
    layer = KINDS["rotation"]()
    assert [layer(x).shape for x in (images, images[:3, :4], images[0, :, 1:])] == [
        (40, 6, 5, 2),
        (3, 4, 5, 2),
        (6, 4, 2),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_integers_become_floats_of_the_same_range(kind, images):
    gray = (images * 255).astype("uint8")
    y = KINDS[kind]()(gray)
    assert y.dtype == "float32"
    np.testing.assert_allclose(y, KINDS[kind]()(gray.astype("float32")))
    assert 0 <= y.min() < 20
    assert 230 < y.max() <= 255


@pytest.mark.parametrize("shape", [(6, 5), (2, 3, 6, 5, 2)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected images \(N, H, W, C\).*x\[\.\.\., None\]"):
        layers.RandomFlip()(np.ones(shape))
    if len(shape) == 2:  # gray images without their channel, in a model
        with pytest.raises(ValueError, match="gray images"):
            Sequential([Input(shape), layers.RandomFlip()])


@pytest.mark.parametrize("kind", KINDS)
def test_what_goes_back_is_the_gradient_of_the_last_call(kind, images):
    x = images[:3].astype("float64")
    dy = np.random.default_rng(0).standard_normal(x.shape)
    layer = KINDS[kind]()
    layer(x)
    analytic = layer.backward(dy)
    with ops.use("reference"):
        exact = complex_step(lambda x: KINDS[kind]()(x), {"x": x}, dy)["x"]
    assert worst_error(analytic, exact) <= 1e-12
    layer(x, training=False)
    assert layer.backward(dy) is dy


def test_dropout_and_noise_need_training(images):
    for layer in (layers.Dropout(0.5), layers.SpatialDropout2D(0.5), layers.GaussianNoise(0.5)):
        np.testing.assert_array_equal(layer(images), images)
        np.testing.assert_array_equal(Sequential([layer])(images), images)
        assert not np.array_equal(layer(images, training=True), images)

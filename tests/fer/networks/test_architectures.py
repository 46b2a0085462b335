import numpy as np
import pytest

from fer.networks import architectures
from fer.networks.architectures import ARCHITECTURES, build

PARAMETERS = {"simple": 683_527, "vgg": 1_176_359, "tiny": 440_039}
each = pytest.mark.parametrize("name", ARCHITECTURES)


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (6, 48, 48, 1)).astype(np.uint8)


@each
def test_the_number_of_parameters_is_what_the_table_says(name):
    assert build(name).count_params() == PARAMETERS[name]
    assert f"{PARAMETERS[name]:,}" in architectures.__doc__
    assert f"{PARAMETERS[name] / 1e6:.2f}M" in architectures.DESCRIPTIONS[name]


@each
def test_raw_images_become_probabilities_and_every_parameter_learns(name, images):
    model = build(name, seed=3)
    model.compile("adam", "sparse_categorical_crossentropy")
    probabilities = model.predict(images)
    assert probabilities.shape == (6, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert np.ptp(probabilities, axis=0).max() > 1e-3  # they depend on the image
    model.train_step(images.astype(np.float32), np.arange(6))
    for weight in model.trainable_weights:
        assert np.isfinite(weight.grad).all(), weight.path
        assert np.abs(weight.grad).max() > 0, weight.path


def test_the_same_seed_gives_the_same_weights():
    first, again, other = (build("simple", seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not np.array_equal(first[0], other[0])


def test_images_are_normalised_before_anything_is_learned(images):
    model = build("simple")
    normalised = model.layers[0](images.astype(np.float32))
    np.testing.assert_allclose(normalised, (images - 129.47) / 65.03, atol=1e-5)


@pytest.mark.parametrize("kind", ["light", "full", "strong"])
def test_augmentation_changes_training_only(images, kind):
    plain, augmented = build("simple", seed=5), build("simple", seed=5, augment=kind)
    augmented.set_weights(plain.get_weights())
    np.testing.assert_array_equal(plain.predict(images), augmented.predict(images))
    front = augmented.layers[: len(augmented.layers) - len(plain.layers)]
    changed = images.astype(np.float32)
    for layer in front:
        changed = layer(changed, training=True)
    assert (np.abs(changed - images).max(axis=(1, 2, 3)) > 1).all()
    assert changed.min() > -1e-3
    assert changed.max() < 255 + 1e-3


def test_other_shapes_and_numbers_of_classes():
    model = build("tiny", input_shape=(64, 64, 3), classes=4)
    assert model.predict(np.zeros((2, 64, 64, 3))).shape == (2, 4)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match="name='resnet': no such network, expected one of simple, vgg, tiny"):
        build("resnet")

"""Test-time augmentation: which pictures are predicted in place of a face."""

import numpy as np
import pytest

from fer.networks import inference, views
from tests.fer.readers import face, reader


def shifted(image, down, right):
    """Return an image shifted, pixel by pixel; what comes in is the mirrored border."""

    def inside(place):
        place = abs(place)
        return place if place < 48 else 2 * 47 - place

    return np.array([[image[inside(i - down), inside(j - right)] for j in range(48)] for i in range(48)])


def test_views_are_the_face_its_mirror_image_and_both_shifted(rng):
    image = rng.integers(0, 256, (48, 48)).astype(np.uint8)
    expected = [each[:, ::step] for each in (shifted(image, *by) for by in views.SHIFTS) for step in (1, -1)]
    assert sorted(views.SHIFTS) == [(-2, 0), (0, -2), (0, 0), (0, 2), (2, 0)]
    for tta, count in (("none", 1), ("flip", 2), ("shifts", 10)):
        found = list(views.views(image[None], tta))
        assert len(found) == count == views.TTA[tta]
        for view, one in zip(found, expected):
            assert view.dtype == np.uint8
            np.testing.assert_array_equal(view[0], one)


def test_probabilities_are_the_mean(rng):
    model, images = reader(), rng.integers(0, 256, (3, 48, 48)).astype(np.uint8)
    for tta in views.TTA:
        expected = np.mean([model.predict(view[..., None]) for view in views.views(images, tta)], axis=0)
        np.testing.assert_allclose(inference.probabilities(model, images, tta), expected, rtol=1e-6)


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="tta='crop': expected one of none, flip, shifts"):
        inference.probabilities(reader(), face(3)[None], "crop")

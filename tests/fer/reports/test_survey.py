import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.data.dataset import FerDataset, Split
from fer.reports.survey import mean_faces, moments, survey


def face(shade):
    """Return an image of a shade, with one other pixel, so that it is not blank."""
    image = np.full((48, 48), shade, np.uint8)
    image[5, 7] = 255 - shade
    return image


def split(*faces):
    images, labels = zip(*faces)
    return Split(np.stack(images), np.array(labels, np.uint8))


BLACK = np.zeros((48, 48), np.uint8)

# Shade 10: twice in train, both Happy, and once in validation. Shade 20: in train as Sad, in test twice as
# Fear. Black: in train and in test, both Angry.
DATA = FerDataset(
    train=split((face(10), 3), (face(20), 4), (face(10), 3), (BLACK, 0), (face(30), 5)),
    validation=split((face(40), 1), (face(10), 3)),
    test=split((face(20), 2), (face(20), 2), (BLACK, 0)),
    name="by hand",
)


@pytest.fixture(scope="module")
def found():
    return survey(DATA)


def places(group):
    return [(place.split, place.row, place.emotion) for place in group]


def test_copies_are_found_within_and_across_splits(found):
    assert [places(group) for group in found.copies] == [
        [("train", 0, "Happy"), ("train", 2, "Happy"), ("validation", 1, "Happy")],
        [("train", 1, "Sad"), ("test", 0, "Fear"), ("test", 1, "Fear")],
        [("train", 3, "Angry"), ("test", 2, "Angry")],
    ]
    assert found.repeats_within_splits() == {"train": 1, "validation": 0, "test": 1}
    assert found.shared_between_splits() == {("validation", "train"): 1, ("test", "train"): 3}
    assert (found.faces, found.distinct) == (10, 5)


def test_copies_whose_labels_differ_are_conflicts(found):
    assert [places(group)[0] for group in found.conflicts] == [("train", 1, "Sad")]


def test_blank_images_are_of_one_gray_value(found):
    assert places(found.blank) == [("train", 3, "Angry"), ("test", 2, "Angry")]


def test_the_summary_says_all_of_it(found):
    text = found.to_text("by hand")
    for part in (
        "by hand\n",
        "3 images occur more than once; 5 of 10 faces are distinct, 5 repeat one of these",
        "1 face of train repeats an earlier one of train",
        "3 faces of test have a copy in train",
        "1 image occurs more than once under different emotions",
        "2 (train row 3, test row 2)",
    ):
        assert part in text
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["faces"]["train"]["Happy"] == 2
    assert values["distinct_images"] == 5
    assert {"split": "test", "with": "train", "faces": 3} in values["shared_between_splits"]


def test_gray_values_are_those_of_the_pixels(found):
    for name, part in DATA.splits().items():
        np.testing.assert_array_equal(found.histogram[name].sum(), part.images.size)
        assert found.gray_values(name) == pytest.approx((part.images.mean(), part.images.std()))


@given(st.lists(st.integers(0, 255), min_size=1, max_size=50))
def test_moments_are_mean_and_deviation(values):
    expected = np.mean(values), np.std(values)
    assert moments(np.bincount(values, minlength=256)) == pytest.approx(expected, abs=1e-9)


def test_mean_faces_are_means():
    means = mean_faces(DATA.train.images, DATA.train.labels)
    np.testing.assert_array_equal(means[3], face(10))
    assert means.shape == (7, 48, 48)
    assert np.isnan(means[6]).all()
    both = mean_faces(np.stack([face(10), face(20)]), np.array([1, 1]))
    assert both[1, 0, 0] == 15

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.data import dataset, synthetic
from fer.data.synthetic import FER2013, MIN_COUNT, class_counts, draw, load, write_shards


@pytest.fixture(scope="module")
def faces():
    return load(300, seed=5)


def splits(data):
    return (data.train, data.validation, data.test)


def test_the_same_count_and_seed_give_the_same_faces(faces):
    for split, again in zip(splits(faces), splits(load(300, seed=5))):
        np.testing.assert_array_equal(split.images, again.images)
        np.testing.assert_array_equal(split.labels, again.labels)


def test_another_seed_gives_other_faces_in_another_order(faces):
    other = load(300, seed=6)
    assert (other.train.labels != faces.train.labels).any()
    assert (other.train.images != faces.train.images).any(axis=(1, 2)).all()


def test_splits_have_fer2013s_form(faces):
    for split, counts in zip(splits(faces), class_counts(300)):
        assert split.images.shape == (counts.sum(), 48, 48)
        assert split.images.dtype == split.labels.dtype == np.uint8
        np.testing.assert_array_equal(np.bincount(split.labels, minlength=7), counts)
        assert (np.diff(split.labels.astype(int)) < 0).any()  # shuffled, not class by class


def test_as_many_faces_as_fer2013_are_as_many_of_each_emotion():
    np.testing.assert_array_equal(class_counts(FER2013.sum()), FER2013)


@given(count=st.integers(MIN_COUNT, 40_000))
def test_every_split_holds_every_emotion_in_proportion(count):
    counts = class_counts(count)
    sizes = counts.sum(axis=1)
    assert sizes.sum() == count
    assert sizes[1] == sizes[2] == round(count / 10)
    assert counts.min() >= 1
    exact = FER2013 / FER2013.sum(axis=1, keepdims=True) * sizes[:, None]
    assert (np.abs(counts - exact) < 1).all()


def test_no_face_occurs_twice(faces):
    images = np.concatenate([split.images for split in splits(faces)])
    assert len(np.unique(images.reshape(300, -1), axis=0)) == 300


def test_pixels_do_not_depend_on_how_many_faces_are_drawn_at_once(monkeypatch):
    labels = np.arange(50) % 7
    at_once = draw(labels, 2)
    monkeypatch.setattr(synthetic, "CHUNK", 7)
    np.testing.assert_array_equal(draw(labels, 2), at_once)


def test_faces_can_be_drawn_from_a_generator_that_goes_on():
    rng = np.random.default_rng(4)
    first, second = draw([3, 3], rng), draw([3, 3], rng)
    np.testing.assert_array_equal(first, draw([3, 3], 4))
    assert (first != second).any()


def test_pictures_are_exposed_like_photographs(faces):
    pixels = faces.train.images / 255
    assert 0.4 < pixels.mean() < 0.6
    assert (pixels.std(axis=(1, 2)) > 0.1).all()  # no picture is blank


def test_emotions_differ_from_neutral_in_the_mean_only_a_little_but_do():
    """The mean smiling face has a brighter mouth (teeth) than the mean neutral one;
    pose and person blur the rest.
    """
    happy, neutral = (draw(np.full(200, label), 8).mean(axis=0) for label in (3, 6))
    difference = np.abs(happy - neutral)
    assert 3 < difference.max() < 50
    assert difference[32:44].max() == difference.max()  # the mouth's rows


@pytest.mark.parametrize("count", [MIN_COUNT - 1, 0, -5])
def test_too_few_faces_are_refused(count):
    with pytest.raises(ValueError, match=f"count={count} is too few: expected at least 70"):
        load(count)


def test_the_smallest_count_has_room_for_every_emotion():
    assert sorted(load(MIN_COUNT).test.labels) == list(range(7))


def test_a_count_is_a_whole_number():
    with pytest.raises(TypeError, match="float"):
        load(600.5)


@pytest.mark.parametrize("labels", [[0, 7], [-1]])
def test_labels_that_are_no_emotions_are_refused(labels):
    with pytest.raises(ValueError, match=rf"labels holds {labels[-1]}; expected 0 to 6"):
        draw(labels)


@pytest.mark.parametrize("labels", [[[0, 1]], [0.5], 3])
def test_labels_of_another_kind_are_refused(labels):
    with pytest.raises(ValueError, match="expected N integers"):
        draw(labels)


def shards(folder, count=600, **options):
    return [path.read_bytes() for path in write_shards(folder, count, **options)]


def test_files_hold_the_same_faces_for_any_number_of_files(tmp_path):
    shards(tmp_path / "1", shards=1)
    assert len(shards(tmp_path / "2", shards=99)) == 2  # a block of faces is in one file
    assert sorted(path.name for path in (tmp_path / "2").iterdir()) == ["faces-0.npz", "faces-1.npz"]
    data, same = dataset.load(tmp_path / "1"), dataset.load(tmp_path / "2")
    assert data.fingerprint() == same.fingerprint()
    images, labels = (
        np.concatenate([getattr(split, name) for split in splits(data)]) for name in ("images", "labels")
    )
    assert len(np.unique(images.reshape(600, -1), axis=0)) == 600
    np.testing.assert_array_equal(images[480:], draw(labels[480:], np.random.default_rng([0, 1])))
    for split, other in zip(splits(data), splits(load(600))):
        np.testing.assert_array_equal(split.labels, other.labels)
    shards(tmp_path / "5", shards=1, seed=5)
    assert dataset.load(tmp_path / "5").fingerprint() != data.fingerprint()


@pytest.mark.slow
def test_files_have_the_same_bits_for_any_number_of_processes(tmp_path):
    one = shards(tmp_path / "1", 1000, shards=3)
    assert shards(tmp_path / "2", 1000, shards=3, processes=2) == one
    assert len(one) == 3

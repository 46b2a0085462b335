import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer import dataset as dataset_command
from fer.data import dataset
from fer.data.table import USAGES
from fer.errors import BadInput
from tests.fer.csv_files import write

KINDS = ("train", "validation", "test")


def assert_holds(data, images, labels, usage):
    """Each split has the rows of its use, in their order."""
    usage = np.asarray(usage)
    for kind, use in zip(KINDS, USAGES):
        split = getattr(data, kind)
        np.testing.assert_array_equal(split.images, images[usage == use])
        np.testing.assert_array_equal(split.labels, labels[usage == use])
        assert split.images.dtype == split.labels.dtype == np.uint8


@pytest.fixture
def table(faces):
    images, labels, usage = faces(12)
    usage[:3] = USAGES  # each occurs
    return images, labels, usage


@pytest.mark.parametrize("header", ["emotion,pixels,Usage", "emotion, Usage, pixels"])
def test_csv_rows_go_to_the_split_of_their_use(tmp_path, table, header):
    path = write(tmp_path / "faces.csv", *table, header=header)
    data = dataset.load(path)
    assert_holds(data, *table)
    assert data.name == "faces.csv"


@pytest.mark.parametrize("kind", [np.uint8, np.int64])
def test_npz_rows_go_to_the_split_of_their_use(tmp_path, table, kind):
    images, labels, usage = table
    np.savez(tmp_path / "faces.npz", images=images, labels=labels.astype(kind), usage=usage)
    assert_holds(dataset.load(tmp_path / "faces.npz"), *table)


def test_rows_in_blocks_are_not_copied(tmp_path, faces):
    images, labels, _ = faces(5)
    path = write(tmp_path / "faces.csv", images, labels, ["Training"] * 3 + ["PublicTest"] * 2)
    data = dataset.load(path)
    assert data.train.images.base is data.validation.images.base is not None
    assert (len(data.train), len(data.validation), data.test) == (3, 2, None)
    assert list(data.splits()) == ["train", "validation"]


@pytest.mark.parametrize("place", ["fer2013.csv", "fer2013/fer2013.csv", "a/icml_face_data.csv", "own.npz"])
def test_a_directory_means_the_file_in_it(tmp_path, table, place):
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".npz":
        np.savez(path, images=table[0], labels=table[1], usage=table[2])
    else:
        write(path, *table)
    (tmp_path / "readme.txt").write_text("other things may lie there")
    assert_holds(dataset.load(tmp_path), *table)


def test_the_environment_names_a_default(tmp_path, table, monkeypatch):
    monkeypatch.setenv("FER2013_DATA", str(write(tmp_path / "faces.csv", *table)))
    assert_holds(dataset.load(), *table)


def test_no_path_at_all_says_where_the_data_are(no_default_data):
    with pytest.raises(FileNotFoundError, match=r"FER2013_DATA is not set.*kaggle\.com.*--data"):
        dataset.load()


@pytest.mark.parametrize("place", ["", "nowhere.csv", "nowhere/fer2013.csv"])
def test_a_missing_file_says_where_the_data_are(tmp_path, place):
    with pytest.raises(FileNotFoundError) as caught:
        dataset.load(tmp_path / place)
    for part in (str(tmp_path / place), "https://www.kaggle.com/", "--data", "FER2013_DATA"):
        assert part in str(caught.value)


def test_a_file_without_labels_cannot_be_trained_on(tmp_path, table):
    with pytest.raises(BadInput, match=r"test\.csv has no labels.*predicted.*Use fer2013\.csv"):
        dataset.load(write(tmp_path / "test.csv", *table, header="pixels"))


def test_a_file_without_training_rows_cannot_be_trained_on(tmp_path, faces):
    images, labels, _ = faces(2)
    with pytest.raises(BadInput, match="no row whose Usage is Training"):
        dataset.load(write(tmp_path / "faces.csv", images, labels, ["PublicTest"] * 2))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": np.zeros((2, 48, 48), np.uint8)}, "has no array 'images'"),
        ({"images": np.zeros((2, 48, 48), bool)}, "images is bool of shape (2, 48, 48), expected uint8"),
        ({"images": np.zeros((2, 48, 48, 3))}, "images is float64 of shape (2, 48, 48, 3), expected uint8"),
        (
            {"images": np.full((2, 48, 48), -0.5)},
            "images has values from -0.5 to -0.5: expected 0 to 1 or 0 to 255",
        ),
        ({"images": np.full((2, 48, 48), 1.5)}, "images has values up to 1.5: expected 0 to 1 or 0 to 255"),
        ({"images": np.full((2, 48, 48), 256)}, "images has values from 256 to 256, expected 0 to 255"),
        ({"images": np.full((2, 48, 48), np.nan)}, "images has values from nan to nan, expected 0 to 255"),
        ({"images": np.full((2, 48, 48), np.inf)}, "images has values from inf to inf, expected 0 to 255"),
        ({"images": np.zeros((2, 64, 64), np.uint8)}, "images is uint8 of shape (2, 64, 64)"),
        ({"images": np.zeros((0, 48, 48), np.uint8)}, "images is uint8 of shape (0, 48, 48)"),
        ({"labels": np.array([1, 2, 3])}, "labels has shape (3,), expected (2,)"),
        ({"labels": np.array([1, 7])}, "labels[1] is 7, expected 0 to 6"),
        ({"labels": np.array([1, -1])}, "labels[1] is -1, expected 0 to 6"),
        ({"labels": np.array([1.5, 1])}, "labels[0] is 1.5, expected 0 to 6"),
        ({"usage": np.array(["Training", "Holiday"])}, "usage[1] is Holiday, expected one of Training"),
        ({"usage": np.array(["Training"])}, "usage has shape (1,), expected (2,)"),
        ({"labels": np.array(["a", ""])}, "labels[1] is , expected a name or a number"),
        (
            {"labels": np.zeros((2, 3))},
            "labels has 3 columns, expected 7, one a class, or an array 'classes'",
        ),
        ({"labels": np.eye(7)[[1, 2]] * 2}, "expected one 1 and zeros, or shares that sum to 1"),
        ({"labels": np.full((2, 7), np.nan)}, "expected one 1 and zeros, or shares that sum to 1"),
        ({"labels": np.array([["a", "b"]] * 2)}, "labels has shape (2, 2), expected (2,), one an image"),
        ({"labels": np.zeros((2, 7, 1))}, "labels has shape (2, 7, 1), expected (2,)"),
        ({"classes": np.array(["a"])}, "classes are ('a',), expected names"),
        ({"classes": np.array(["a", "b"])}, "labels[1] is 6, expected 0 to 1"),
        (
            {"faces": np.zeros((2, 48, 48)), "x": np.zeros((2, 48, 48)), "images": None},
            "expected one array of images",
        ),
        (
            {"x_test": np.zeros((2, 48, 48))},
            "has images and x_test: expected one array of images, or one for each",
        ),
        ({"labels": np.array([1, "x"], object)}, "is not a readable .npz file"),
    ],
)
def test_bad_arrays_are_named(tmp_path, arrays, message):
    path = tmp_path / "faces.npz"
    good = {"images": np.zeros((2, 48, 48), np.uint8), "labels": np.array([0, 6])}
    arrays = arrays if "pictures" in arrays else good | arrays
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(BadInput) as caught:
        dataset.load(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"emotion,pixels", b"PK\x03\x04 cut off"])
def test_what_is_no_npz_is_refused(tmp_path, content):
    path = tmp_path / "faces.npz"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"faces\.npz is not a readable \.npz file"):
        dataset.load(path)


def test_a_single_array_is_no_npz(tmp_path):
    with (tmp_path / "faces.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(BadInput, match="it is a single array"):
        dataset.load(tmp_path / "faces.npz")


@given(st.integers(0, 2**32), st.integers(1, 400), st.integers(1, 300))
def test_a_random_split_keeps_copies_together_and_the_emotions_in_proportion(seed, count, distinct):
    generator = np.random.default_rng(seed)
    which = generator.integers(0, distinct, count)  # the distinct image that each row shows
    images = np.zeros((count, 48, 48), np.uint8)
    images[:, 0, :2] = np.stack([which % 256, which // 256], axis=1)
    labels = (which % 7).astype(np.uint8)
    usage = dataset.split_at_random(images, labels, seed)
    assert all(len(set(usage[which == image])) == 1 for image in set(which))
    for emotion in range(7):
        rows = labels == emotion
        most_copies = np.bincount(which[rows]).max(initial=0)
        for last_use, share in enumerate((0.8, 0.9, 1.0)):
            assert abs((usage[rows] <= last_use).sum() - share * rows.sum()) <= most_copies


def test_a_copy_is_the_same_in_every_pixel_whatever_its_label(rng):
    images = rng.integers(0, 256, (4, 48, 48), np.uint8)
    other = images[[2, 0]].copy()
    other[0, -1, -1] ^= 1
    found = dataset.Split(images, np.zeros(4, np.uint8)).copies_in(dataset.Split(other, np.ones(2, np.uint8)))
    assert found.tolist() == [True, False, False, False]


def test_copies_that_disagree_stay_together(rng):
    images = np.repeat(rng.integers(0, 256, (50, 48, 48)), 2, axis=0).astype(np.uint8)
    labels = np.tile(np.array([3, 4], np.uint8), 50)
    usage = dataset.split_at_random(images, labels, seed=0)
    np.testing.assert_array_equal(usage[::2], usage[1::2])
    assert np.bincount(usage).tolist() == [80, 10, 10]


def test_a_csv_without_usage_is_split_by_the_seed_and_says_so(tmp_path, faces):
    images, labels, usage = faces(60)
    path = write(tmp_path / "train.csv", images, labels, usage, header="emotion,pixels")
    first, again, other = (dataset.load(path, seed=seed) for seed in (1, 1, 2))
    assert first.name == "train.csv (split 80:10:10 at random, seed 1)"
    np.testing.assert_array_equal(first.train.images, again.train.images)
    assert not np.array_equal(first.validation.images, other.validation.images)
    together = np.concatenate([split.images for split in first.splits().values()])
    assert sorted(map(bytes, together)) == sorted(map(bytes, images))


real = pytest.mark.skipif("FER2013_DATA" not in os.environ, reason="FER2013_DATA names no real rows")


@real
def test_the_real_rows_are_those_of_fer2013():
    data = dataset.load()
    assert data.train.counts().tolist() == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert data.validation.counts().tolist() == [467, 56, 496, 895, 653, 415, 607]
    assert data.test is None or data.test.counts().tolist() == [491, 55, 528, 879, 594, 416, 626]
    assert data.train.images.mean() == pytest.approx(129.47, abs=0.01)
    assert data.train.images.std() == pytest.approx(65.03, abs=0.01)
    black = np.flatnonzero((data.train.images == 0).all(axis=(1, 2)))
    assert black.tolist() == [6458, 7629, 10423, 11286, 13148, 13402, 13988, 15894, 22198, 22927, 28601]


@real
def test_real_rows_are_the_same_from_csv_and_npz(tmp_path):
    train, validation = dataset.load().train, dataset.load().validation
    images = np.concatenate([train.images[:1500], validation.images[:500]])
    labels = np.concatenate([train.labels[:1500], validation.labels[:500]])
    usage = np.repeat(USAGES, [1000, 500, 500])
    assert_holds(dataset.load(write(tmp_path / "fer2013.csv", images, labels, usage)), images, labels, usage)
    np.savez(tmp_path / "fer2013.npz", images=images, labels=labels, usage=usage)
    assert_holds(dataset.load(tmp_path / "fer2013.npz"), images, labels, usage)


def test_reading_leaves_the_rows_as_they_are(tmp_path, table):
    images, labels, usage = table
    rows = dataset.read(write(tmp_path / "faces.csv", *table))
    np.testing.assert_array_equal(rows.images, images)
    assert (rows.labels.tolist(), [USAGES[use] for use in rows.usage]) == (labels.tolist(), usage.tolist())
    rows = dataset.read(str(write(tmp_path / "test.csv", *table, header="pixels")))
    np.testing.assert_array_equal(rows.images, images)
    assert (rows.labels, rows.usage) == (None, None)


def test_the_notes_of_the_source_are_the_data_sets(tmp_path, table):
    path = write(tmp_path / "faces.csv", *table)
    assert dataset.load(path).notes == dataset.read(path).notes != ()


class TestCommand:
    def test_says_what_a_file_is_and_holds(self, tmp_path, faces, capsys):
        images, _, _ = faces(5)
        images[4] = 0
        path = write(tmp_path / "a.csv", images, [3, 3, 0, 6, 1], ["Training"] * 3 + ["PublicTest"] * 2)
        dataset_command.main([str(path)])
        out = capsys.readouterr().out.splitlines()
        assert out[0] == str(path)
        assert out[1].startswith("a.csv: none of the 4 known files of FER2013")
        table = [line.split() for line in out[2:6]]
        assert table[0] == ["Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral", "total"]
        assert table[1] == ["Training", "1", "0", "0", "2", "0", "0", "0", "3"]
        assert table[2] == ["PublicTest", "0", "1", "0", "0", "0", "0", "1", "2"]
        assert len({len(line) for line in out[2:6]}) == 1
        assert out[6] == "1 of the 5 pictures are blank or known to show no face"

    @pytest.mark.parametrize(
        ("header", "line"),
        [("emotion,pixels", "no split  "), ("pixels", "5 faces without labels: they can be predicted")],
    )
    def test_says_what_is_absent(self, tmp_path, faces, capsys, header, line):
        dataset_command.main([str(write(tmp_path / "a.csv", *faces(5), header=header))])
        assert f"\n{line}" in capsys.readouterr().out

    def test_the_environment_names_a_default(self, tmp_path, table, monkeypatch, capsys):
        monkeypatch.setenv("FER2013_DATA", str(write(tmp_path / "faces.csv", *table)))
        dataset_command.main([])
        assert capsys.readouterr().out.startswith(str(tmp_path / "faces.csv"))

    @pytest.mark.parametrize("content", [b"<html>", b"\0", b"emotion,pixels\n7,1\n"])
    @pytest.mark.parametrize("option", [[], ["--time"]])
    def test_bad_input_is_one_line_and_status_2(self, tmp_path, content, option, capsys):
        (tmp_path / "a.csv").write_bytes(content)
        with pytest.raises(SystemExit) as stopped:
            dataset_command.main([*option, str(tmp_path / "a.csv")])
        assert stopped.value.code == 2
        error = capsys.readouterr().err
        assert error.startswith(f"fer.dataset: {tmp_path / 'a.csv'}")
        assert error.count("\n") == 1

    def test_help_shows_examples(self, capsys):
        with pytest.raises(SystemExit) as stopped:
            dataset_command.main(["--help"])
        assert stopped.value.code == 0
        assert "python -m fer.dataset --time fer2013.csv" in capsys.readouterr().out

"""The forms of .npz files, damaged and lying ones; which arrays are refused is tested in test_dataset.py."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from fer.data import cache, dataset, formats, npz_reader
from fer.emotions import EMOTIONS
from fer.errors import BadInput


def header(shape, descr="|u1", order=False):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": order, "shape": shape})
    return file.getvalue()


def npz(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name + ".npy", content)
    file.seek(0)
    return file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header((1 << 20, 48, 48)), "declares 2415919104 bytes, more than it holds or 1024 MB"),
        (header((1 << 62, 48, 48)), "declares"),
        (header((9, 48, 48)) + bytes(99), "declares 20736 bytes"),
        (header((1, 48, 48)) + bytes(2305), "goes on after the array's end"),
        (header((1, 48, 48), "|O") + bytes(99999), "holds object; expected numbers or text"),
        (header((1, 48, 48), [("a", "|u1")]) + bytes(9999), "expected numbers or text"),
        (header((1, 48, 48), "<M8[s]") + bytes(99999), "expected numbers or text"),
        (header((-1, 48, 48)), "images is uint8|negative|not a readable"),
        (b"\x93NUMPY\x03\x00" + bytes(99), "has version (3, 0) of the array format"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 9999, "is not a readable .npz file"),
        (b"", "is not a readable .npz file"),
    ],
)
def test_lying_arrays_are_refused_before_they_take_memory(content, message):
    tracemalloc.start()
    with pytest.raises(BadInput) as caught:
        npz_reader.read(npz(images=content), "a.npz")
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert any(part in str(caught.value) for part in message.split("|"))
    assert str(caught.value).startswith("a.npz")
    assert len(str(caught.value)) < 200


def test_arrays_by_columns_are_read_too(rng):
    images = rng.integers(0, 256, (5, 48, 48), dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, images=np.asfortranarray(images))
    file.seek(0)
    np.testing.assert_array_equal(npz_reader.read(file, "a.npz").images, images)


def test_an_array_that_ends_early_is_refused():
    content = npz(images=header((9, 48, 48)) + bytes(9 * 2304)).getvalue()
    with pytest.raises(BadInput, match="not a readable"):
        npz_reader.read(io.BytesIO(content[: len(content) // 2]), "a.npz")


@pytest.mark.parametrize(("names", "holds"), [(["images"], True), (["labels"], False), ([], False)])
def test_whether_a_zip_holds_faces(names, holds):
    assert npz_reader.holds_faces(npz(**dict.fromkeys(names, b""))) == holds
    assert not npz_reader.holds_faces(io.BytesIO(b"PK\x03\x04"))


# ---- other people's forms ----------------------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path):
    """Return a function that saves arrays and reads them as faces."""

    def save(**arrays):
        np.savez(tmp_path / "faces.npz", **arrays)
        return formats.read(tmp_path / "faces.npz")

    return save


@pytest.mark.parametrize(
    "form",
    [
        lambda images: images[..., None],
        lambda images: images[:, None],
        lambda images: images.reshape(len(images), -1),
        lambda images: images.astype(np.int64),
        lambda images: images.astype(np.float32),
        lambda images: images / 255,
        lambda images: (images[..., None] / 255).astype(np.float32),
        lambda images: np.asfortranarray(images / 255),
    ],
)
def test_images_of_any_shape_and_scale_are_the_same_faces(saved, faces, form):
    images, labels, _ = faces(5)
    images[0, 0, 0] = 255
    rows = saved(images=form(images), labels=labels)
    np.testing.assert_array_equal(rows.images, images)
    assert rows.images.dtype == np.uint8
    np.testing.assert_array_equal(rows.labels, labels)


def test_a_large_array_of_floats_is_read_in_parts(saved, rng, monkeypatch):
    monkeypatch.setattr(npz_reader, "_ROWS", 4)
    images = rng.integers(0, 256, (11, 48, 48), dtype=np.uint8)
    np.testing.assert_array_equal(saved(x=images / 255).images, images)


@pytest.mark.parametrize(
    ("labels", "expected", "classes"),
    [
        (np.eye(7)[[3, 6, 0]], [3, 6, 0], EMOTIONS),
        (np.eye(7, dtype=bool)[[3, 6, 0]], [3, 6, 0], EMOTIONS),
        (np.array([[3], [6], [0]]), [3, 6, 0], EMOTIONS),
        (np.array([3.0, 6.0, 0.0]), [3, 6, 0], EMOTIONS),
        (np.array(["3", "6", "0"]), [3, 6, 0], EMOTIONS),
        (np.array(["joy", "Neutral", "anger"]), [3, 6, 0], EMOTIONS),
        (np.array([b"joy", b"Neutral", b"anger"]), [3, 6, 0], EMOTIONS),
        (np.array(["dog", "cat", "dog"]), [1, 0, 1], ("cat", "dog")),
    ],
)
def test_labels_as_numbers_words_and_one_hot(saved, faces, labels, expected, classes):
    rows = saved(x=faces(3)[0], y=labels)
    assert (rows.labels.tolist(), rows.labels.dtype, rows.classes) == (expected, np.uint8, classes)
    assert rows.targets is None


@pytest.mark.parametrize("labels", [np.array([0, 2, 1]), np.eye(3)[[0, 2, 1]]])
def test_the_names_of_classes_are_their_meaning_not_their_place(saved, faces, labels):
    rows = saved(images=faces(3)[0], labels=labels, class_names=np.array(["happy", "sad", "bored"]))
    assert [rows.classes[label] for label in rows.labels] == ["Happy", "bored", "Sad"]


def test_shares_are_targets_and_names_of_one_meaning_one_class(saved, faces):
    shares = np.array([[0.5, 0.25, 0.25], [0, 0.25, 0.75]])
    rows = saved(images=faces(2)[0], labels=shares, classes=np.array(["sad", "joy", "happy"]))
    assert rows.classes == EMOTIONS
    np.testing.assert_array_equal(rows.targets[:, [3, 4]], [[0.5, 0.5], [1, 0]])
    assert rows.labels.tolist() == [3, 3]
    one_class = saved(images=faces(2)[0], labels=np.eye(3)[[1, 2]], classes=np.array(["sad", "joy", "happy"]))
    assert (one_class.labels.tolist(), one_class.targets) == ([3, 3], None)


def test_targets_are_kept_in_the_cache(tmp_path, faces, monkeypatch):
    monkeypatch.setattr(cache, "MIN_FACES", 2)
    shares = np.float32([[0.5, 0.5, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0]])
    np.savez(tmp_path / "faces.npz", images=faces(2)[0], labels=shares, usage=np.array(["train", "test"]))
    for _ in range(2):
        data = dataset.load(tmp_path / "faces.npz")
        np.testing.assert_array_equal(data.train.targets, shares[:1])
        np.testing.assert_array_equal(data.test.targets, shares[1:])
    assert "read from the cache" in data.notes[-1]


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"),
        ("train_images", "train_labels", "valid_images", "valid_labels", "test_images", "test_labels"),
        ("X_Training", "Y_Training", "X_PublicTest", "Y_PublicTest", "X_PrivateTest", "Y_PrivateTest"),
    ],
)
def test_splits_in_arrays_of_their_own(saved, faces, names):
    images, labels, _ = faces(6)
    parts = [slice(0, 3), slice(3, 5), slice(5, 6)]
    arrays = {}
    for i, part in reversed(list(enumerate(parts))):
        arrays[names[2 * i]] = images[part, ..., None] / np.float32(255)
        arrays[names[2 * i + 1]] = labels[part]
    rows = saved(**arrays)
    np.testing.assert_array_equal(rows.images, images)
    np.testing.assert_array_equal(rows.labels, labels)
    assert rows.usage.tolist() == [0, 0, 0, 1, 1, 2]


def test_splits_have_one_scale(saved):
    """A dark split of floats from 0 to 255 is not taken for one from 0 to 1."""
    rows = saved(x_train=np.full((1, 48, 48), 200.0), x_test=np.full((1, 48, 48), 1.0))
    assert rows.images[:, 0, 0].tolist() == [200, 1]


def test_a_split_without_labels_and_labels_of_two_forms_are_refused(saved, faces):
    images, labels, _ = faces(3)
    with pytest.raises(BadInput, match="there are no labels for x_test, unlike for others"):
        saved(x_train=images, y_train=labels, x_test=images)
    with pytest.raises(BadInput, match="y_train and y_test are of different forms"):
        saved(x_train=images, y_train=labels, x_test=images, y_test=np.eye(7)[labels])


def test_the_first_name_goes_before_others(saved, faces):
    images, labels, _ = faces(2)
    rows = saved(data=np.zeros(3), images=images, y=np.zeros(5), labels=labels)
    np.testing.assert_array_equal(rows.images, images)
    np.testing.assert_array_equal(rows.labels, labels)


def test_a_zip_of_such_arrays_is_one_too(tmp_path, faces):
    np.savez(tmp_path / "faces.npz", x_train=faces(2)[0], y_train=faces(2)[1])
    (tmp_path / "faces.npz").rename(tmp_path / "faces.bin")
    assert len(formats.read(tmp_path / "faces.bin")) == 2

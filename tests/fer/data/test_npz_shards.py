"""Faces in several files: the same rows as in one, and a cache that stays in its file."""

import tracemalloc

import numpy as np
import pytest

from fer import train
from fer.data import cache, dataset, formats
from fer.errors import BadInput

NAMES = ("images", "labels", "usage")


@pytest.fixture
def arrays(faces):
    images, labels, _ = faces(60)
    return {
        "images": images,
        "labels": labels,
        "usage": np.repeat(["Training", "PublicTest", "PrivateTest"], 20),
    }


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "faces"
    path.mkdir()
    return path


def write(folder, arrays, parts=3, save=np.savez, **changes):
    for number, rows in enumerate(np.array_split(np.arange(60), parts)):
        own = {name: array[rows] for name, array in arrays.items()} | changes.get(f"part{number}", {})
        save(folder / f"{number}.npz", **{name: array for name, array in own.items() if array is not None})
    return folder


def check_same(found, expected):
    for name in NAMES:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def in_file(array):
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    return isinstance(array, np.memmap)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("kept", ["off", "small", "large", "together"])
def test_rows_are_those_of_one_file(folder, tmp_path, arrays, monkeypatch, kept, save):
    np.savez(tmp_path / "one.npz", **arrays)
    expected = formats.read(tmp_path / "one.npz", use_cache=False)
    monkeypatch.setattr(cache, "MIN_FACES", 3)
    if kept == "off":
        monkeypatch.setenv("FER2013_CACHE", "off")
    elif kept == "large":
        monkeypatch.setattr(cache, "LARGE_BYTES", 1000)
    elif kept == "together":
        monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    write(folder, arrays, save=save)
    for again in (False, True):
        found = formats.read(folder)
        check_same(found, expected)
        assert "3 files of faces" in found.notes
        assert in_file(found.images) == (kept in ("large", "together"))
        assert any("read from the cache" in note for note in found.notes) == (again and kept != "off")
    # a split of rows in a row is a view
    assert in_file(dataset.load(folder).validation.images) == (kept in ("large", "together"))
    write(folder, {**arrays, "labels": 6 - arrays["labels"]})  # a change is noticed
    np.testing.assert_array_equal(formats.read(folder).labels, 6 - expected.labels)


def test_the_names_of_files_say_which_are_for_testing(folder, arrays):
    for name, rows in (("test-0", slice(0, 9)), ("train_0", slice(9, 30)), ("train_1", slice(30, 60))):
        np.savez(folder / f"{name}.npz", images=arrays["images"][rows], labels=arrays["labels"][rows])
    data = dataset.load(folder)
    np.testing.assert_array_equal(data.test.images, arrays["images"][:9])
    np.testing.assert_array_equal(data.train.images, arrays["images"][9:])
    assert data.validation is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": None}, "2.npz has labels none, and .*0.npz has given: expected the same in all files"),
        ({"usage": None}, "2.npz has usage none, and"),
        (
            {"labels": np.eye(7)[np.arange(20) % 7] * 0.5 + 0.5 / 7},
            "2.npz has targets given, and .* has none",
        ),
        ({"classes": np.array(list("abcdefg"))}, r"2.npz has classes \('a', .* has \('Angry'"),
        ({"labels": np.full(20, 9)}, r"2.npz: labels\[0\] is 9, expected 0 to 6"),
        ({"images": np.zeros((20, 40, 40), np.uint8)}, r"2.npz: images is uint8 of shape \(20, 40, 40\)"),
        ({"images": None}, "2.npz has no array 'images'"),
    ],
)
def test_files_that_do_not_belong_together(folder, arrays, change, message):
    with pytest.raises(BadInput, match=message):
        formats.read(write(folder, arrays, part2=change))


def test_floats_among_the_files_get_the_same_gray_levels(folder, arrays):
    rows = formats.read(write(folder, arrays, part1={"images": arrays["images"][20:40] / 255}))
    np.testing.assert_array_equal(rows.images, arrays["images"])


@pytest.mark.slow
def test_a_training_from_mapped_files_has_the_bits_of_one_from_memory(folder, arrays, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "MIN_FACES", 3)
    write(folder, arrays)
    config = train.Config(
        epochs=1, batch_size=8, data=str(folder), augment="light", out=str(tmp_path / "runs")
    )
    expected = train.run(config)
    assert not in_file(dataset.load(folder).train.images)
    monkeypatch.setattr(cache, "LARGE_BYTES", 1000)
    assert in_file(dataset.load(folder).train.images)
    found = train.run(config)
    assert found.history == expected.history
    assert str(found.report) == str(expected.report)
    for one, other in zip(found.model.get_weights(), expected.model.get_weights()):
        np.testing.assert_array_equal(one, other)


def test_no_step_from_the_files_to_a_batch_copies_all_images(folder, monkeypatch, rng):
    images = rng.integers(0, 256, (12_000, 48, 48), np.uint8)  # 27 MB
    for part in range(4):
        rows = slice(part * 3000, part * 3000 + 3000)
        usage = np.full(3000, ["Training", "Training", "PublicTest", "PrivateTest"][part])
        np.savez(folder / f"{part}.npz", images=images[rows], labels=np.arange(3000) % 7, usage=usage)
    monkeypatch.setattr(cache, "LARGE_BYTES", 1 << 20)
    tracemalloc.start()
    try:
        for _ in range(2):  # into the cache, and from it
            data = dataset.load(folder)
            data.fingerprint()
            assert not data.test.copies_in(data.train).any()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert in_file(data.train.images)
    assert peak < images.nbytes / 2  # pieces of 4 MB, and a key of each image

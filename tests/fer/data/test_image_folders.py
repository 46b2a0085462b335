import io

import numpy as np
import pytest
from PIL import Image

from fer.data import dataset, image_folders
from fer.data.table import USAGES
from fer.emotions import EMOTIONS
from fer.errors import BadInput


def read(files):
    """Read pictures of one gray value each: {path: value}, {path: (value, size)} or {path: bytes}."""

    def content(value):
        if isinstance(value, bytes):
            return value
        gray, size = value if isinstance(value, tuple) else (value, (48, 48))
        file = io.BytesIO()
        Image.new("L", size, gray).save(file, "PNG")
        return file.getvalue()

    contents = {name: content(value) for name, value in files.items()}
    sizes = {name: len(value) for name, value in contents.items()}
    return image_folders.read(sizes, lambda name: io.BytesIO(contents[name]), "it")


def test_folders_are_mapped_by_name_never_by_order():
    rows = read({f"{emotion.lower()}/1.png": i for i, emotion in enumerate(EMOTIONS)})
    by_name = {EMOTIONS[label]: image[0, 0] for label, image in zip(rows.labels, rows.images)}
    assert by_name == {emotion: i for i, emotion in enumerate(EMOTIONS)}
    assert sorted(EMOTIONS) != list(EMOTIONS)


@pytest.mark.parametrize("name", ["happy", "Happy", "HAPPY", " happy "])
def test_case_does_not_matter(name):
    assert read({f"{name}/1.PNG": 9}).labels.tolist() == [3]


def test_file_names_restore_the_official_split():
    names = {"train/sad/Training_1.png": 0, "test/sad/PublicTest_2.png": 1, "test/sad/PrivateTest_3.png": 2}
    rows = read(names)
    assert {image[0, 0]: use for image, use in zip(rows.images, rows.usage)} == {0: 0, 1: 1, 2: 2}
    assert "the official split, from their names" in rows.notes[0]


@pytest.mark.parametrize("folder", image_folders.SPLITS)
def test_other_names_leave_it_to_the_folders(folder):
    rows = read({f"data/{folder.upper()}/sad/x.png": 0, "data/train/sad/x.png": 0})
    assert image_folders.SPLITS[folder] in rows.usage
    assert "the split from the folders train, validation and test" in rows.notes[0]


def test_class_folders_alone_tell_no_split():
    rows = read({"sad/x.png": 0, "happy/y.png": 0})
    assert rows.usage is None
    assert "without a split" in rows.notes[0]


def test_class_folders_alone_are_split_at_random(tmp_path, rng):
    for emotion in EMOTIONS:
        (tmp_path / emotion).mkdir()
        for i in range(20):
            image = Image.fromarray(rng.integers(0, 256, (48, 48), dtype=np.uint8))
            image.save(tmp_path / emotion / f"{i}.png")
    data = dataset.load(tmp_path, seed=3)
    assert data.name.endswith("(split 80:10:10 at random, seed 3)")
    assert [split.counts().tolist() for split in data.splits().values()] == [[16] * 7, [2] * 7, [2] * 7]


def test_rows_are_in_the_order_of_their_paths():
    names = ["sad/b.png", "happy/c.png", "sad/a.png"]
    first, again = (read({name: names.index(name) for name in order}) for order in (names, names[::-1]))
    assert first.images[:, 0, 0].tolist() == again.images[:, 0, 0].tolist() == [1, 2, 0]


def test_pictures_of_other_sizes_are_resized_and_that_is_said():
    rows = read({"sad/a.png": (7, (90, 60)), "sad/b.png": 8})
    assert rows.images[:, 0, 0].tolist() == [7, 8]
    assert rows.notes[0].endswith("; 1 picture was not 48x48: cropped to its middle square and resized")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"train/happy/a.png": 0, "train/contempt/a.png": 0},
            "it: pictures in 'train/contempt'; expected only folders named angry, disgust, fear",
        ),
        ({"happy/a.png": 0, "a.png": 0}, "it: pictures in the top folder; expected only"),
        ({"happy/a.png": 0, **{f"{i}/a.png": 0 for i in range(7)}}, "'4' and 2 more; expected"),
        ({"train/happy/a.png": 0, "happy/b.png": 0}, "it/happy/b.png is in no folder named train"),
        ({"happy/a.png": b"<html>"}, "it/happy/a.png is a web page (HTML)"),
        ({"happy/a.png": b""}, "it/happy/a.png is empty; expected a picture"),
    ],
)
def test_what_does_not_fit_is_named(files, message):
    with pytest.raises(BadInput) as caught:
        read(files)
    assert message in str(caught.value)


def test_an_enormous_file_is_refused_unread():
    with pytest.raises(BadInput, match=r"it/sad/a\.png has 32 MB; expected a picture of one face"):
        image_folders.read({"sad/a.png": 1 << 25}, lambda name: pytest.fail("was opened"), "it")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["happy/a.jpg"], True),
        (["x/train/Happy/a.JPEG"], True),
        (["happy/a.txt", "happy"], False),
        (["pictures/a.jpg", "a.jpg"], False),
        ([], False),
    ],
)
def test_whether_there_are_any(names, found):
    assert image_folders.has_classes(dict.fromkeys(names, 0)) == found


def test_uses_are_told_by_names_of_any_case():
    names = [f"sad/{use.lower()}_1.png" for use in USAGES]
    rows = read(dict.fromkeys(names, 0))
    assert sorted(rows.usage.tolist()) == [0, 1, 2]

import io

import numpy as np
import pytest
from PIL import Image

from fer.data import dataset, detect, image_folders
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
        ({"happy/a.png": 0, "a.png": 0}, "it: pictures in the top folder, in no folder of a class; expected"),
        (
            {"train/a.png": 0, "test/cat/a.png": 0},
            "it: pictures in 'train', in no folder of a class; expected",
        ),
        ({"cat/a.png": 0, "cat/b.png": 0}, "it: all pictures are in 'cat'; expected a folder for each class"),
        ({f"{i}/a.png": 0 for i in range(256)}, "it: pictures in 256 folders; expected at most 255 classes"),
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
        (["cat/a.jpg", "dog/a.jpg"], True),
        (["x/cat/a.jpg", "x/cat/b.jpg"], False),
        (["train/cat/a.jpg", "test/cat/b.jpg"], False),
        (["0_anger/a.jpg"], True),
        ([], False),
    ],
)
def test_whether_there_are_any(names, found):
    assert image_folders.has_classes(dict.fromkeys(names, 0)) == found


def test_uses_are_told_by_names_of_any_case():
    names = [f"sad/{use.lower()}_1.png" for use in USAGES]
    rows = read(dict.fromkeys(names, 0))
    assert sorted(rows.usage.tolist()) == [0, 1, 2]


MEANS = {
    "anger": "Angry",
    "sadness": "Sad",
    "0_angry": "Angry",
    "1_disgusted": "Disgust",
    "Fearful": "Fear",
}
FER2013_CODES = {str(i): emotion for i, emotion in enumerate(EMOTIONS)}
SEVEN_AND_CONTEMPT = ["anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"]


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        # CK+48: contempt is the eighth of psychologists, and there is no neutral
        (SEVEN_AND_CONTEMPT, ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "contempt")),
        (["0_angry", "1_disgusted", "Fearful"], EMOTIONS),
        ([str(i) for i in range(7)], EMOTIONS),
        (["0", "1"], ("0", "1")),
        (["dog", "Cat"], ("Cat", "dog")),
        (["positive", "negative", "neutral"], ("negative", "neutral", "positive")),  # one of three is known
        (["2", "10", "1"], ("1", "2", "10")),
    ],
)
def test_folders_of_any_names_are_classes(folders, classes):
    rows = read({f"{folder}/1.png": i for i, folder in enumerate(folders)})
    assert rows.classes == classes
    by_gray = {int(image[0, 0]): rows.classes[label] for image, label in zip(rows.images, rows.labels)}
    for number, folder in enumerate(folders):
        own = FER2013_CODES.get(folder) if classes == EMOTIONS else None
        assert by_gray[number].casefold() == (MEANS.get(folder) or own or folder).casefold()


@pytest.mark.parametrize(
    "names",
    [
        ["faces/cat/a.png", "faces/dog/b.png"],
        ["train/cat/a.png", "test/dog/b.png"],
        ["cat/session 1/a.png", "dog/session 1/b.png"],
        ["cat/train/a.png", "dog/train/b.png"],
        ["Training/CAT/a.png", "PublicTest/cat/c.png", "PrivateTest/dog/b.png"],
    ],
)
def test_the_folder_of_the_class_is_found(names):
    rows = read(dict.fromkeys(names, 0))
    assert [name.lower() for name in rows.classes] == ["cat", "dog"]
    is_dog = [int("dog" in name) for name in sorted(names)]
    assert rows.labels.tolist() == is_dog


def test_a_name_that_may_be_misspelt_is_said():
    rows = read({"happy/1.png": 0, "sad/1.png": 0, "suprise/1.png": 0})
    assert rows.classes == ("Happy", "Sad", "suprise")
    assert rows.notes[1:] == ("the folder suprise is a class of its own; or is it surprise?",)


def test_the_largest_face_is_cut_out_while_loading(monkeypatch):
    found = [detect.Found(detect.Box(0, 0, 40, 40), 0.9), detect.Found(detect.Box(60, 10, 100, 100), 0.8)]
    monkeypatch.setattr(detect, "Detector", lambda name: lambda gray: found if gray[0, 0] == 9 else [])
    picture = np.full((200, 200), 9, np.uint8)
    picture[10:110, 60:160] = 77
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    files = {"cat/a.png": file.getvalue(), "dog/none.png": png(5, 200), "dog/small.png": png(5, 48)}
    sizes = {name: len(content) for name, content in files.items()}
    rows = image_folders.read(sizes, lambda name: io.BytesIO(files[name]), "it", "haar")
    assert rows.images[:, 24, 24].tolist() == [77, 5]
    assert rows.labels.tolist() == [0, 1]
    assert "1 left out, because no face was found in them (the first: dog/none.png)" in rows.notes[0]


def png(gray, side):
    file = io.BytesIO()
    Image.new("L", (side, side), gray).save(file, "PNG")
    return file.getvalue()

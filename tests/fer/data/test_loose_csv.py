import numpy as np
import pytest

from fer.data import dataset, formats
from fer.emotions import EMOTIONS
from fer.errors import BadInput
from tests.fer.csv_files import pixels_of, text_of


@pytest.fixture
def write(tmp_path):
    def write(text):
        (tmp_path / "faces.csv").write_text(text)
        return tmp_path / "faces.csv"

    return write


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("uses", [("train", "val", "test"), ("Training", "PublicTest", "PrivateTest")])
def test_labels_in_words_and_splits_by_other_names(write, faces, separator, uses):
    images, _, _ = faces(3)
    header = separator.join(("emotion", "pixels", "usage"))
    rows = formats.read(
        write(text_of(images, ["happiness", "Anger", "sad"], uses, header, separator=separator))
    )
    np.testing.assert_array_equal(rows.images, images)
    assert rows.labels.tolist() == [3, 0, 4]
    assert rows.usage.tolist() == [0, 1, 2]
    assert rows.classes == EMOTIONS


def test_an_index_and_other_columns_are_left_out_and_that_is_said(write, faces):
    images, labels, _ = faces(4)
    lines = [f'{i},{pixels_of(image)},"{label}",x{i}' for i, (image, label) in enumerate(zip(images, labels))]
    rows = formats.read(write(",pixels,label,file\n" + "\n".join(lines)))
    np.testing.assert_array_equal(rows.images, images)
    np.testing.assert_array_equal(rows.labels, labels)
    assert rows.usage is None
    assert rows.notes[0].endswith("faces.csv: columns left out: without a name, file")


def test_other_words_are_classes_of_their_own(write, faces):
    images, _, _ = faces(4)
    path = write(text_of(images, ["dog", "cat", "dog", "cow"], [""] * 4, "emotion,pixels"))
    rows = formats.read(path)
    assert rows.classes == ("cat", "cow", "dog")
    assert rows.labels.tolist() == [2, 0, 2, 1]
    assert dataset.load(path).classes == rows.classes


def test_numbers_that_are_not_fer2013_s_are_classes_of_their_own(write, faces):
    images, _, _ = faces(3)
    rows = formats.read(write(text_of(images, [7, 10, 0], [""] * 3, "emotion;pixels", separator=";")))
    assert rows.classes == ("0", "7", "10")
    assert rows.labels.tolist() == [1, 2, 0]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(("quotes", "between"), [("", " "), ('"', " "), ('"', ", ")])
def test_index_words_separator_split_and_quotes_together(tmp_path, faces, separator, end, quotes, between):
    images, _, _ = faces(4)
    words, uses = ["3_happy", "very angry!", "3_happy", "calm down"], ["Train", "VAL", " test", "train "]
    lines = [separator.join(("Unnamed: 0", "Usage", "pixels", "Emotion", "file"))]
    for i, (image, word, use) in enumerate(zip(images, words, uses)):
        pixels = f"[{between.join(map(str, image.ravel()))}]"
        fields = (str(i), use, pixels, word, f"{i}.png")
        lines.append(separator.join(f"{quotes}{field}{quotes}" for field in fields))
    path = tmp_path / "faces.csv"
    path.write_bytes("\ufeff".encode() + end.join(lines).encode())
    rows = formats.read(path)
    np.testing.assert_array_equal(rows.images, images)
    assert rows.usage.tolist() == [0, 1, 2, 0]
    assert [rows.classes[label] for label in rows.labels] == words
    data = dataset.load(path)
    assert (len(data.train), len(data.validation), len(data.test)) == (2, 1, 1)


def test_a_label_of_words_behind_pixels_with_commas(tmp_path, faces):
    """The place of the label is counted in fields, not in commas."""
    images, _, _ = faces(2)
    lines = [f'"{pixels_of(image).replace(" ", ", ")}",{word}' for image, word in zip(images, ("sad", "joy"))]
    (tmp_path / "faces.csv").write_text("\n".join(["pixels,emotion", *lines]))
    rows = formats.read(tmp_path / "faces.csv")
    np.testing.assert_array_equal(rows.images, images)
    assert rows.labels.tolist() == [4, 3]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("happy;1 2 3;train", "line 3: found 3 pixels, expected 2304"),
        ("happy;{good}300;train", "line 3: a pixel is 300, expected 0 to 255"),
        ("happy;{good}x;train", "line 3: a pixel is 'x', expected 0 to 255"),
        ("happy;{good}1;holiday", "line 3: Usage is 'holiday', expected Training"),
        (";{good}1;train", "line 3: emotion is '', expected a name"),
        ("happy", "line 3: found 1 fields, expected more"),
    ],
)
def test_a_bad_row_is_named(write, faces, line, message):
    images, _, _ = faces(1)
    text = text_of(images, ["sad"], ["train"], "emotion;pixels;usage", separator=";")
    with pytest.raises(BadInput) as caught:
        formats.read(write(text + line.format(good="1 " * 2303)))
    assert message in str(caught.value)


def test_too_many_words_or_too_long_a_line_are_refused(write, faces):
    images, _, _ = faces(1)
    path = write(
        text_of(
            np.repeat(images, 256, 0),
            [f"a{i}" for i in range(256)],
            [""] * 256,
            "emotion;pixels",
            separator=";",
        )
    )
    with pytest.raises(BadInput, match="has 256 different labels, expected at most 255"):
        formats.read(path)
    with pytest.raises(BadInput, match="a line of more than 65,536 bytes"):
        formats.read(write("label;pixels\nsad;" + "1 " * 40000))

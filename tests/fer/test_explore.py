import csv
import json

import pytest
from PIL import Image

from fer import explore
from fer.data import synthetic
from tests.fer.readers import face, write_data
from tests.fer.reports.test_survey import BLACK

pytestmark = pytest.mark.usefixtures("no_default_data")

FILES = [
    "blank.csv", "classes.csv", "classes.png", "copies.csv", "examples.png", "histogram.csv", "histogram.png",
    "mean_faces.png", "summary.json", "summary.txt",
]  # fmt: skip


@pytest.fixture
def data(tmp_path):
    train = [(face(3), 3), (face(3), 4), (face(1), 1), (BLACK, 0)]
    return write_data(tmp_path / "faces.npz", train=train, validation=[(face(3), 3)])


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_command_writes_every_table_and_figure(data, tmp_path, capsys):
    explore.main(["--data", str(data), "--out", str(tmp_path / "explore")])
    folder = tmp_path / "explore" / "001"
    assert sorted(child.name for child in folder.iterdir()) == FILES
    for figure in folder.glob("*.png"):
        with Image.open(figure) as image:
            image.load()
            assert min(image.size) > 200
    printed = capsys.readouterr().out
    assert (folder / "summary.txt").read_text() in printed
    assert f"In {folder}: blank.csv, " in printed

    assert rows(folder / "copies.csv") == [
        {"image": "0", "split": split, "row": row, "emotion": emotion, "labels agree": "no"}
        for split, row, emotion in (
            ("train", "0", "Happy"),
            ("train", "1", "Sad"),
            ("validation", "0", "Happy"),
        )
    ]
    assert rows(folder / "blank.csv") == [{"split": "train", "row": "3", "emotion": "Angry"}]
    counts = {row["split"]: row for row in rows(folder / "classes.csv")}
    assert (counts["train"]["Happy"], counts["train"]["Disgust"], counts["validation"]["Happy"]) == (
        "1",
        "1",
        "1",
    )
    histogram = rows(folder / "histogram.csv")
    assert [int(row["gray value"]) for row in histogram] == list(range(256))
    assert sum(int(row["train"]) for row in histogram) == 4 * 48 * 48
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["shared_between_splits"] == [{"split": "validation", "with": "train", "faces": 1}]


def test_nothing_is_overwritten(data, tmp_path, monkeypatch):
    monkeypatch.setattr(explore, "_write_figures", lambda *_: None)
    for number in ("001", "002"):
        explore.main(["--data", str(data), "--out", str(tmp_path / "out")])
        assert (tmp_path / "out" / number / "summary.txt").is_file()


def test_without_data_it_looks_at_synthetic_faces_and_says_so(tmp_path, monkeypatch, capsys):
    drawn = synthetic.load(70)
    monkeypatch.setattr(synthetic, "load", lambda: drawn)
    monkeypatch.setattr(explore, "_write_figures", lambda *_: None)
    explore.main(["--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "synthetic faces" in printed
    assert "https://www.kaggle.com/" in printed
    assert json.loads((tmp_path / "001" / "summary.json").read_text())["data"] == drawn.name


def test_bad_input_is_one_line_and_status_2(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        explore.main(["--data", str(tmp_path / "nowhere.csv"), "--out", str(tmp_path / "out")])
    printed = capsys.readouterr()
    assert stopped.value.code == 2
    assert printed.err.startswith(f"fer.explore: {tmp_path}/nowhere.csv does not exist")
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit) as stopped:
        explore.main(["--help"])
    assert stopped.value.code == 0
    assert "python -m fer.explore --data fer2013.csv" in capsys.readouterr().out

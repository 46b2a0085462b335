import csv
import io
import json

import pytest
from matplotlib.figure import Figure
from PIL import Image

from fer import outputs


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    outputs.write_text(path, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*table\.csv'$"):
        outputs.write_text(path, "new")
    assert [child.name for child in tmp_path.iterdir()] == ["table.csv"]
    assert path.read_text() == "old"


def test_a_folder_that_is_not_there_is_named_with_the_file_that_was_meant(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: '.*/nowhere/x\.txt'$"):
        outputs.write_text(tmp_path / "nowhere" / "x.txt", "new")


def test_json_is_strict(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        outputs.write_json(tmp_path / "x.json", {"accuracy": float("nan")})
    outputs.write_json(tmp_path / "x.json", {"name": "Grüße", "n": [1, None]})
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == {"name": "Grüße", "n": [1, None]}


def test_csv_quotes_what_needs_it():
    text = outputs.csv_text(("file", "n"), [('a,"b".png', 1)])
    assert list(csv.reader(io.StringIO(text))) == [["file", "n"], ['a,"b".png', "1"]]


def test_figures_are_png(tmp_path):
    figure = Figure(figsize=(1, 2))
    figure.suptitle("顔")  # which the font does not have
    outputs.write_figure(tmp_path / "x.png", figure)
    with Image.open(tmp_path / "x.png") as image:
        assert (image.format, image.size) == ("PNG", (outputs.DPI, 2 * outputs.DPI))

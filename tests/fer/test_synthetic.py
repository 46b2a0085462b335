"""python -m fer.synthetic: files of drawn faces, which fer.train and the others read."""

import pytest

from fer import dataset, synthetic


def test_faces_are_written_and_read(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    synthetic.main(["--out=drawn", "--count=500", "--shards=2", "--processes=1", "--seed=3"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["drawn/faces-0.npz", "drawn/faces-1.npz"]
    assert lines[2] == "500 faces. To train on them: python -m fer.train --data drawn"
    dataset.main(["drawn"])
    shown = capsys.readouterr().out
    assert [line.split()[-1] for line in shown.splitlines()[3:6]] == ["400", "50", "50"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--count=69"], "--count 69: expected 70 or more"),
        (["--shards=0"], "--shards 0: expected 1 or more"),
        (["--processes=0"], "--processes 0: expected 1 or more"),
        (["--seed=-1"], "--seed -1: expected 0 or more"),
        (["--out=used"], "--out used: expected a new or empty folder"),
        (["--out=used/mine"], "used/mine"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path, monkeypatch, capsys, arguments, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "used").mkdir()
    (tmp_path / "used/mine").write_text("precious")
    with pytest.raises(SystemExit) as ended:
        synthetic.main(["--out=drawn", "--count=70", "--processes=1", *arguments])
    assert ended.value.code == 2
    assert line in capsys.readouterr().err
    assert (tmp_path / "used/mine").read_text() == "precious"
    assert not (tmp_path / "drawn").exists()

"""Whatever is written: a full disk leaves the old file and nothing half-written, and the error names the file."""

import errno
import io
import json
import os
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from fer import evaluate, explain, export, outputs, predict, runs
from fer.reports import prediction_figures
from minicnn._base import files
from tests.fer.readers import face, reader, write_data, write_run

pytestmark = pytest.mark.usefixtures("no_default_data")


class Full(io.BufferedIOBase):
    """A file on a disk with room for some bytes more."""

    def __init__(self, path, room):
        self.file, self.room = io.FileIO(path, "x"), room

    def write(self, content):
        size = memoryview(content).nbytes
        self.room -= size
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.file.write(content)
        return size

    def seekable(self):
        return True

    def seek(self, *where):
        return self.file.seek(*where)

    def tell(self):
        return self.file.tell()

    def fileno(self):
        return self.file.fileno()

    def close(self):
        self.file.close()
        super().close()


def save(path):
    reader().save(path)


def figure(path):
    outputs.write_figure(path, Figure(figsize=(9, 9)))


WRITERS = {
    "model.npz": save,
    "model.keras": save,
    "text.txt": lambda path: outputs.write_text(path, "new " * 999),
    "table.csv": lambda path: outputs.write_csv(path, ["n"], [[k] for k in range(999)]),
    "numbers.json": lambda path: outputs.write_json(path, list(range(999))),
    "figure.png": figure,
    "small.npz": lambda path: export.write("tiny", path),
    "page.html": lambda path: explain.main(["tiny", "--out", str(path), "--layers", "dense:dense"]),
}
NEW_ONLY = ("small.npz", "page.html")  # these refuse an existing file


@pytest.mark.parametrize("room", [0, 10, 2000])
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk(name, room, tmp_path, monkeypatch, capsys):
    if name.endswith(".keras"):
        pytest.importorskip("h5py")
    path = tmp_path / name
    if name not in NEW_ONLY:
        path.write_bytes(b"old")
    before = {child: child.read_bytes() for child in tmp_path.iterdir()}

    def opened(path, mode, *rest, **options):
        return open(path, mode, *rest, **options) if mode == "rb" else Full(path, room)

    monkeypatch.setattr(files, "open", opened, raising=False)
    if name == "page.html":
        with pytest.raises(SystemExit) as stopped:
            WRITERS[name](path)
        assert stopped.value.code == 2
        assert capsys.readouterr().err.endswith(f"fer.explain: {path}: No space left on device\n")
    else:
        with pytest.raises(OSError, match="No space left on device") as raised:
            WRITERS[name](path)
        assert raised.value.filename == str(path)
    assert {child: child.read_bytes() for child in tmp_path.iterdir()} == before


def test_a_lock_needs_no_room(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with runs.Run(tmp_path).locked():
        assert (tmp_path / runs.LOCK).exists()


# ---- what exists already -------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_run(tmp_path / "runs" / "001")


def refused(capsys, main, *arguments):
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert error.count("\n") == 1
    return error


def test_no_command_writes_over_or_through_what_is_there(run, tmp_path, capsys):
    (tmp_path / "file.npz").write_text("mine")
    (tmp_path / "folder.npz").mkdir()
    os.symlink(tmp_path / "file.npz", tmp_path / "link.npz")
    os.symlink(tmp_path / "nowhere.npz", tmp_path / "dangling.npz")
    outputs.write_bytes(tmp_path / "face.png", b"")
    before = sorted(tmp_path.rglob("*"))
    for name in ("file.npz", "folder.npz", "link.npz", "dangling.npz"):
        for main, arguments in (
            (export.main, (run, name)),
            (explain.main, (run, "--out", name)),
            (predict.main, (run, "face.png", "--json", name)),
            (predict.main, (run, "face.png", "--csv", name)),
        ):
            assert f"{name} exists" in refused(capsys, main, *arguments)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file.npz").read_text() == "mine"


def test_a_picture_that_is_gone_when_it_is_drawn_is_drawn_from_its_face(run, monkeypatch):
    monkeypatch.setattr(outputs, "write_figure", lambda path, figure: outputs.write_bytes(path, b"a picture"))
    Image.fromarray(face(3)).resize((99, 99)).save("face.png")
    of = prediction_figures.figure
    monkeypatch.setattr(prediction_figures, "figure", lambda *a: (Path("face.png").unlink(), of(*a))[1])
    predict.main([str(run), "face.png"])
    assert sorted(child.name for child in Path("predictions/001").iterdir()) == [
        "face.png", "predictions.csv", "predictions.json",
    ]  # fmt: skip


def test_two_tables_do_not_share_a_file(run, capsys):
    error = refused(capsys, predict.main, run, "--sample", 1, "--json", "a.txt", "--csv", "./a.txt")
    assert "expected two files" in error


# ---- evaluations ----------------------------------------------------------------------------------------------


@pytest.fixture
def evaluated(run, monkeypatch):
    """Return a function that evaluates the run on data and returns the folder's name."""
    monkeypatch.setattr(evaluate, "_write_figures", lambda *_: None)
    config = json.loads((run / "config.json").read_text())

    def data(path, emotion):
        faces = [(face(emotion, gray=200 - number), emotion) for number in range(3)]
        Path(path).parent.mkdir(exist_ok=True)
        return write_data(path, train=faces[:1], validation=faces[1:2], test=faces[2:])

    own = data("own.npz", 1)
    config["data"]["fingerprint"] = evaluate.inference.open_run(run).data(own).fingerprint()
    config["arguments"]["data"] = os.path.abspath(own)
    (run / "config.json").write_text(json.dumps(config))

    def evaluated(path=None, emotion=None, **options):
        if emotion is not None:
            data(path, emotion)
        folder, _ = evaluate.run(run, data=path, **options)
        return folder.name

    return evaluated


def test_an_evaluation_never_replaces_that_of_other_data(evaluated, run, monkeypatch):
    assert evaluated() == "evaluation_test"
    own = (run / "evaluation_test" / "report.json").read_text()
    assert evaluated("b/ck.npz", 2) == "evaluation_test_on_ck"
    assert evaluated("c/ck.npz", 3) == "evaluation_test_on_ck_2"  # another file of this name
    assert evaluated("b/ck.npz") == "evaluation_test_on_ck"  # the same again
    assert evaluated("b/ck.npz", split="validation", tta="flip") == "evaluation_validation_flip_on_ck"
    assert evaluated("d/ck.npz", 2) == "evaluation_test_on_ck"  # the same faces
    assert evaluated("own.npz") == "evaluation_test"
    assert evaluated("b/ck.npz", 4) == "evaluation_test_on_ck_3"  # the file has changed
    assert (run / "evaluation_test" / "report.json").read_text() == own
    monkeypatch.setenv("FER2013_DATA", "c/ck.npz")
    assert evaluated() == "evaluation_test"  # the run's own data come first
    assert sorted(child.name for child in run.glob("evaluation*")) == [
        "evaluation_test", "evaluation_test_on_ck", "evaluation_test_on_ck_2", "evaluation_test_on_ck_3",
        "evaluation_validation_flip_on_ck",
    ]  # fmt: skip


def test_an_evaluation_of_an_earlier_version_is_known_by_the_name_of_its_data(evaluated, run):
    for name, expected in (("own.npz", "evaluation_test"), ("ck.npz", "evaluation_test_2")):
        folder = run / "evaluation_test"
        folder.mkdir(exist_ok=True)
        (folder / "report.json").write_text(json.dumps({"data": name}))
        assert evaluated() == expected


def test_a_run_s_own_data_that_have_changed_have_a_folder_of_their_own(evaluated):
    assert evaluated() == "evaluation_test"
    assert evaluated("own.npz", 5) == "evaluation_test_on_own"


def test_names_of_data_make_names_of_folders_that_every_system_takes(evaluated, run):
    assert evaluated("aux.npz", 2) == "evaluation_test_on__aux"
    assert evaluated("a b:c\n.npz", 3) == "evaluation_test_on_a b_c_n"

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from fer import runs
from fer.errors import BadInput


def test_folders_are_numbered_in_order(tmp_path):
    made = [runs.create(tmp_path / "a" / "runs").folder.name for _ in range(3)]
    assert made == ["001", "002", "003"]


def test_the_next_number_follows_the_largest_and_other_things_do_not_count(tmp_path):
    for name in ("007", "notes", "12", "0x10"):
        (tmp_path / name).mkdir()
    assert runs.create(tmp_path).folder == tmp_path / "008"
    (tmp_path / "1000").mkdir()
    assert runs.create(tmp_path).folder == tmp_path / "1001"


def test_many_at_once_never_share_a_folder(tmp_path):
    together = Barrier(8)

    def create(_):
        together.wait()
        return runs.create(tmp_path).folder.name

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(create, range(8)))
    assert sorted(names) == [f"{number:03d}" for number in range(1, 9)]


def test_a_file_where_the_folder_should_be_is_an_error(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(FileExistsError):
        runs.create(tmp_path / "runs")


def test_what_is_written_is_read(tmp_path):
    run = runs.Run(tmp_path)
    value = {"seed": 3, "name": "Überraschung", "rate": 1e-3, "data": None}
    run.write_json(runs.CONFIG, {"old": 1})
    run.write_json(runs.CONFIG, value)
    assert run.read_json(runs.CONFIG) == value
    assert [child.name for child in tmp_path.iterdir()] == ["config.json"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    run = runs.Run(tmp_path)
    run.write_text("report.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        run.write_text("report.txt", "new " * 10_000 + "\ud800")  # which UTF-8 cannot say
    assert run.path("report.txt").read_text() == "old"


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path):
    run = runs.Run(tmp_path)
    for name in (".model_last.npz.ab12.tmp", ".history.csv.77.part", "notes.tmp", "report.txt"):
        run.path(name).write_text("half")
    with run.locked():
        assert sorted(child.name for child in tmp_path.iterdir()) == [".lock", "notes.tmp", "report.txt"]


def test_a_lock_is_given_back_whatever_happens(tmp_path):
    pytest.importorskip("fcntl")
    run = runs.Run(tmp_path)
    with pytest.raises(KeyError), run.locked():
        raise KeyError
    with run.locked(), pytest.raises(BadInput, match=f"in use: process {os.getpid()}"), run.locked():
        pass


def test_a_file_system_without_locks_is_not_refused(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def unsupported(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with runs.Run(tmp_path).locked():
        pass


@pytest.mark.parametrize(
    ("text", "part"), [("{", "is not JSON"), ("[1]", "holds a list, expected a dictionary")]
)
def test_json_that_is_none(text, part, tmp_path):
    (tmp_path / runs.CONFIG).write_text(text)
    with pytest.raises(BadInput, match=part):
        runs.find(tmp_path).read_json(runs.CONFIG)


def test_history_has_a_line_an_epoch_and_every_digit(tmp_path):
    run = runs.Run(tmp_path)
    run.write_history({"val_loss": [0.1, 1 / 3], "loss": [2.0, 1e-17]})
    assert (
        run.path(runs.HISTORY).read_text() == "epoch,loss,val_loss\n0,2.0,0.1\n1,1e-17,0.3333333333333333\n"
    )

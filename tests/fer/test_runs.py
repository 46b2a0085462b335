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


class Locking:
    """Stands for Windows's module msvcrt: a byte of a file is locked once."""

    LK_NBLCK = 2

    def __init__(self):
        self.locked = {}

    def locking(self, file, mode, count):
        place = (os.fstat(file).st_ino, os.lseek(file, 0, os.SEEK_CUR))
        assert (mode, count) == (self.LK_NBLCK, 1)
        assert place[1] > 100  # behind the owner's number, which nobody could read otherwise
        if place in self.locked.values():
            raise PermissionError(errno.EACCES, "Permission denied")
        self.locked[file] = place


def test_windows_has_locks_too(tmp_path, monkeypatch):
    windows, close = Locking(), os.close

    def closed(file):
        windows.locked.pop(file, None)
        close(file)

    monkeypatch.setattr(runs, "fcntl", None)
    monkeypatch.setattr(runs, "msvcrt", windows)
    monkeypatch.setattr(os, "close", closed)
    run = runs.Run(tmp_path)
    for _ in range(2):
        with run.locked():
            assert run.path(runs.LOCK).read_text() == str(os.getpid())
            with pytest.raises(BadInput, match=f"in use: process {os.getpid()} trains in it"), run.locked():
                pass


def test_a_system_without_any_lock_is_not_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "fcntl", None)
    monkeypatch.setattr(runs, "msvcrt", None)
    with runs.Run(tmp_path).locked(), runs.Run(tmp_path).locked():
        pass


def test_a_parent_that_is_a_file_is_named(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(FileExistsError, match="runs is a file; expected a folder"):
        runs.create(tmp_path / "runs")

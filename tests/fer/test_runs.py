from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from fer import runs


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

import os
import re

import numpy as np
import pytest

from fer import dataset as dataset_command
from fer.data import cache, load_times
from tests.fer.csv_files import write


@pytest.mark.parametrize("kept", [True, False])
def test_every_way_to_read_is_measured(tmp_path, faces, monkeypatch, capsys, kept):
    monkeypatch.setattr(cache, "MIN_FACES", 1 if kept else 1000)
    path = write(tmp_path / "fer2013.csv", *faces(4))
    dataset_command.main(["--time", str(path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(path)
    assert [re.sub(r"^ *[\d.]+ s +|  .*", "", line) for line in lines[1:]] == [
        "the first read in this process",
        "read, parsed, hashed and cached",
        "read from the cache" if kept else "",
        "for comparison, with pandas and NumPy",
    ]
    assert ("not cached" in lines[3]) != kept


def test_the_users_cache_is_left_alone(tmp_path, faces, monkeypatch):
    monkeypatch.setattr(cache, "MIN_FACES", 1)
    before = os.environ["FER2013_CACHE"]
    list(load_times.report(write(tmp_path / "fer2013.csv", *faces(2))))
    assert os.environ["FER2013_CACHE"] == before
    assert not os.path.exists(before)
    monkeypatch.delenv("FER2013_CACHE")
    np.savez(tmp_path / "a.npz", images=faces(2)[0])
    assert len(list(load_times.report(tmp_path / "a.npz"))) == 3
    assert "FER2013_CACHE" not in os.environ


def test_the_usual_way_reads_the_same(tmp_path, faces):
    images, labels, usage = faces(3)
    for header in ("emotion,pixels,Usage", "emotion, Usage, pixels"):
        path = write(tmp_path / "a.csv", images, labels, usage, header=header)
        np.testing.assert_array_equal(load_times._read_with_pandas(path)[1], images)

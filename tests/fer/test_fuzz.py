"""A part of the fuzz test; ``python -m tests.fer.fuzz --cases 10000``, or
FER_FUZZ_CASES=10000, is the whole.
"""

import os

import pytest

pytest.importorskip("resource", reason="memory is measured with POSIX's resource")

from tests.fer import fuzz

CASES = int(os.environ.get("FER_FUZZ_CASES", 600))


def test_damaged_files_are_read_or_refused_in_one_line(tmp_path):
    failures = list(fuzz.run(range(CASES), 0, tmp_path))
    assert not failures, "\n".join(failures) + "\nreproduce with: python -m tests.fer.fuzz --only NUMBER"


@pytest.mark.parametrize("name", sorted(fuzz.tables()))
def test_the_files_that_are_damaged_are_good_before(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(fuzz.tables()[name])
    if name == "utf16.csv":
        with pytest.raises(fuzz.BadInput, match="is text in UTF-16"):
            fuzz.wrong_rows(path)
    else:
        assert fuzz.wrong_rows(path) is None


@pytest.mark.parametrize("name", sorted(fuzz.votes()))
def test_the_votes_that_are_damaged_are_good_before(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(fuzz.votes()[name])
    assert fuzz.wrong_votes(path) is None


@pytest.mark.parametrize("name", sorted(fuzz.photographs()))
def test_the_pictures_that_are_damaged_are_good_before(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(fuzz.photographs()[name])
    assert fuzz.wrong_picture(path) is None


@pytest.mark.parametrize(
    ("content", "reader", "fault"),
    [
        (lambda path: path.missing, "wrong_rows", "AttributeError"),
        (lambda path: warnings_warn(), "wrong_rows", "UserWarning"),
        (lambda path: refuse("two\nlines"), "wrong_rows", "not one line"),
        (lambda path: refuse("no name"), "wrong_rows", "not one line"),
        (lambda path: None, "wrong_rows", None),
    ],
)
def test_a_fault_of_a_reader_is_found(tmp_path, monkeypatch, content, reader, fault):
    monkeypatch.setattr(fuzz, reader, content)
    monkeypatch.setattr(fuzz, "wrong_picture", content)
    found = fuzz.Case(fuzz.tables(), 0, 0).fault(tmp_path)
    assert found is None if fault is None else fault in found


def warnings_warn():
    import warnings

    warnings.warn("careful", stacklevel=1)


def refuse(text):
    raise fuzz.BadInput(text)

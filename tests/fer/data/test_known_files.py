import hashlib
import io
import os

import pytest

from fer.data import dataset, known_files

real = pytest.mark.skipif("FER2013_DATA" not in os.environ, reason="FER2013_DATA names no real rows")


@pytest.fixture
def content():
    return os.urandom(100_000)


def test_what_passes_is_hashed(content):
    with known_files.Recogniser() as recogniser:
        stream = recogniser.hash_stream(io.BytesIO(content), "a.csv")
        buffer, got = bytearray(7000), b""
        while count := stream.readinto(memoryview(buffer)):
            got += buffer[:count]
        notes = recogniser.notes()
    assert got == content
    assert notes == (known_files.note("a.csv", hashlib.md5(content).hexdigest()),)


@pytest.mark.parametrize("chunk", [777, 100_000, 1 << 20])
def test_a_file_is_hashed_whole(tmp_path, content, monkeypatch, chunk):
    monkeypatch.setattr(known_files, "_CHUNK_BYTES", chunk)
    (tmp_path / "a.csv").write_bytes(content)
    with known_files.Recogniser() as recogniser:
        recogniser.hash_file(tmp_path / "a.csv")
        assert recogniser.notes() == (known_files.note("a.csv", hashlib.md5(content).hexdigest()),)


def test_a_parser_that_gives_up_does_not_wait_for_the_hash(tmp_path, monkeypatch):
    """The file has no end: the test would not have one either."""
    (tmp_path / "endless").symlink_to("/dev/zero")

    def parse():
        with known_files.Recogniser() as recogniser:
            recogniser.hash_file(tmp_path / "endless")
            raise ValueError("bad row")

    with pytest.raises(ValueError, match="bad row"):
        parse()


def test_nothing_watched_nothing_noted():
    with known_files.Recogniser() as recogniser:
        assert recogniser.notes() == ()


def test_each_known_file_is_named():
    for digest, what in known_files.KNOWN.items():
        assert known_files.note("x.csv", digest) == f"x.csv: recognised, {what} (MD5 {digest})"
    assert "none of the 4 known files" in known_files.note("x.csv", "0" * 32)


@real
def test_the_real_training_rows_written_as_kaggle_does_are_recognised(tmp_path):
    """train.csv: quoted, with the line ends of Windows."""
    train = dataset.load().train
    digits = [str(value) for value in range(256)]
    with (tmp_path / "mine.csv").open("w", newline="") as file:
        file.write("emotion,pixels\r\n")
        for image, label in zip(train.images, train.labels):
            file.write(f'{label},"{" ".join([digits[value] for value in image.ravel().tolist()])}"\r\n')
    rows = dataset.read(tmp_path / "mine.csv")
    assert rows.notes == (
        "mine.csv: recognised, train.csv of the Kaggle competition (MD5 3f0dfb3d3fd99c811a1299cb947e3131)",
    )
    assert (rows.images == train.images).all()
    assert (rows.labels == train.labels).all()

import contextlib
import os
import shutil
import zipfile

import numpy as np
import pytest

from fer.data import cache
from fer.data.table import Rows


@pytest.fixture
def rows(faces, monkeypatch):
    monkeypatch.setattr(cache, "MIN_FACES", 3)
    images, labels, _ = faces(4)
    return Rows(images, labels, np.array([0, 0, 1, 2], np.uint8))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "faces.csv"
    path.write_bytes(os.urandom(5000))
    return path


def store(source, rows, notes=("a note",)):
    cache.store(source, cache.file_fingerprint(source), rows, lambda: notes)


def load(source):
    return cache.load(source, cache.file_fingerprint(source))


def entry():
    (path,) = cache.folder().iterdir()
    return path


@pytest.mark.parametrize("absent", [(), ("usage",), ("labels", "usage")])
def test_what_was_kept_is_loaded(source, rows, absent):
    rows = Rows(
        rows.images, *(None if name in absent else getattr(rows, name) for name in ("labels", "usage"))
    )
    assert load(source) is None
    store(source, rows)
    kept = load(source)
    np.testing.assert_array_equal(kept.images, rows.images)
    for name in ("labels", "usage"):
        assert np.array_equal(getattr(kept, name), getattr(rows, name))
        assert name in absent or getattr(kept, name).dtype == np.uint8
    assert kept.notes == ("a note",)


def rewritten(path):
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def rewritten_in_no_time(path):
    """Change a byte and set the times back: copying tools do, and slow clocks look so."""
    before = path.stat()
    rewritten(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path):
    """Another file of the same size, content and time."""
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize(
    "change",
    [
        rewritten,
        rewritten_in_no_time,
        replaced,
        lambda path: os.truncate(path, 4999),
        lambda path: os.utime(path, (1, 1)),
    ],
)
def test_a_changed_source_is_noticed(source, rows, change):
    store(source, rows)
    assert load(source) is not None
    change(source)
    assert load(source) is None


def test_the_samples_are_all_of_a_small_file_and_spread_over_a_large_one(tmp_path):
    path = tmp_path / "large"
    for size, places in ((60_000, range(0, 60_000, 1999)), (3 << 20, (0, (3 << 20) - 1))):
        path.write_bytes(bytes(size))
        before = cache.file_fingerprint(path)[-1]
        for place in places:
            content = bytearray(size)
            content[place] = 1
            path.write_bytes(content)
            assert cache.file_fingerprint(path)[-1] != before


def damage(content, how):
    if how == "cut":
        return content[: len(content) // 2]
    if how == "empty":
        return b""
    content = bytearray(content)
    content[len(content) // 2] ^= 1  # amid the images
    return content


@pytest.mark.parametrize("how", ["cut", "empty", "one bit"])
def test_a_damaged_entry_is_no_entry(source, rows, how):
    store(source, rows)
    entry().write_bytes(damage(entry().read_bytes(), how))
    assert load(source) is None
    store(source, rows)
    assert load(source) is not None


def test_an_entry_of_another_version_is_no_entry(source, rows, monkeypatch):
    store(source, rows)
    monkeypatch.setattr(cache, "VERSION", cache.VERSION + 1)
    assert load(source) is None


def test_a_zip_that_is_no_entry_is_no_entry(source, rows):
    store(source, rows)
    with zipfile.ZipFile(entry(), "w") as archive:
        archive.writestr("mark.json", "[]")
    assert load(source) is None


def test_the_last_few_are_kept_and_use_counts(tmp_path, rows):
    sources = []
    for i in range(cache.MAX_ENTRIES + 1):
        sources.append(tmp_path / f"{i}.csv")
        sources[i].write_bytes(b"x" * i)
        if i == cache.MAX_ENTRIES:
            assert load(sources[0]) is not None
        store(sources[i], rows)
        for age, path in enumerate(
            sorted(cache.folder().iterdir(), key=lambda path: path.stat().st_mtime)[::-1]
        ):
            os.utime(path, (10_000 - age, 10_000 - age))
    kept = [load(source) is not None for source in sources]
    assert kept == [True, False] + [True] * (cache.MAX_ENTRIES - 1)


def test_nothing_but_entries_is_ever_deleted(tmp_path, source, rows):
    cache.folder().mkdir()
    mine = [cache.folder() / name for name in ("mine.npz", "mine.cache", "faces.csv")]
    for path in mine:
        path.write_text("precious")
    for i in range(cache.MAX_ENTRIES + 2):
        other = tmp_path / f"{i}"
        other.touch()
        store(other, rows)
    assert all(path.read_text() == "precious" for path in mine)


def test_what_cannot_be_kept_is_no_error(source, rows, tmp_path, monkeypatch):
    (tmp_path / "a file").touch()
    monkeypatch.setenv("FER2013_CACHE", str(tmp_path / "a file"))
    store(source, rows)
    assert load(source) is None


def test_a_disk_that_is_full_leaves_nothing(source, rows, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "_write", full)
    store(source, rows)
    assert list(cache.folder().iterdir()) == []


def test_few_faces_are_not_kept_and_not_more_than_there_is_room_for(source, rows, monkeypatch):
    monkeypatch.setattr(cache, "MIN_FACES", 5)
    store(source, rows)
    monkeypatch.setattr(cache, "MIN_FACES", 1)
    free = 2 * 4 * 2304
    usage = shutil.disk_usage(cache.folder().parent)
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: usage._replace(free=free - 1))
    store(source, rows)
    assert load(source) is None
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: usage._replace(free=free))
    store(source, rows)
    assert load(source) is not None


@pytest.mark.parametrize(
    ("largest", "mapped", "expected"), [(4, False, False), (3, False, True), (4, True, True)]
)
def test_many_faces_stay_in_the_file(source, rows, monkeypatch, largest, mapped, expected):
    header = 128  # bytes before the array
    monkeypatch.setattr(cache, "LARGE_BYTES", largest * 2304 + header)
    store(source, rows)
    kept = cache.load(source, cache.file_fingerprint(source), mapped)
    assert isinstance(kept.images, np.memmap) == expected
    for name in ("images", "labels", "usage"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(rows, name))
    with pytest.raises(ValueError, match="read-only") if expected else contextlib.nullcontext():
        kept.images[0, 0, 0] = 1


@pytest.mark.parametrize("how", ["cut", "empty", "one bit"])
def test_a_damaged_entry_is_not_mapped(source, rows, how):
    store(source, rows)
    entry().write_bytes(damage(entry().read_bytes(), how))
    assert cache.load(source, cache.file_fingerprint(source), mapped=True) is None


def test_where_the_cache_lies(monkeypatch, tmp_path):
    assert cache.folder() == tmp_path / "cache"
    monkeypatch.setenv("FER2013_CACHE", "OFF")
    assert cache.folder() is None
    monkeypatch.delenv("FER2013_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache.folder() == cache.Path("/x/minicnn-fer")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(cache.Path, "home", lambda: cache.Path("/home/me"))
    assert cache.folder() == cache.Path("/home/me/.cache/minicnn-fer")

    def homeless():
        raise RuntimeError("no home")

    monkeypatch.setattr(cache.Path, "home", homeless)
    assert cache.folder() is None

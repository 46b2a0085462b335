import errno
import os
import stat

import pytest

from minicnn._base import files
from minicnn._base.files import UnusableFile, regular, replacing, walk


def write(path, content):
    with replacing(path) as file:
        file.write(content)


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "file.bin"
    for content in (b"old", b"new"):
        write(path, content)
        assert path.read_bytes() == content
    assert [child.name for child in tmp_path.iterdir()] == ["file.bin"]


def test_until_it_is_complete_the_old_file_stays_and_the_new_one_is_hidden(tmp_path):
    path = tmp_path / "file.bin"
    write(path, b"old")
    with replacing(path) as file:
        file.write(b"half")
        file.flush()
        assert path.read_bytes() == b"old"
        (name,) = {child.name for child in tmp_path.iterdir()} - {"file.bin"}
        assert name.startswith(".file.bin.")
        assert name.endswith(".tmp")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError("without a number")])
def test_an_error_while_writing_leaves_the_old_file_and_stays_as_it_is(error, tmp_path):
    path = tmp_path / "file.bin"
    write(path, b"old")

    def fail(file):
        file.write(b"half")
        raise error

    with pytest.raises((ValueError, KeyboardInterrupt, OSError)) as raised, replacing(path) as file:
        fail(file)
    assert raised.value is error or raised.type is error
    assert [child.read_bytes() for child in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_an_error_of_the_system_names_the_file(function, tmp_path, monkeypatch):
    path = tmp_path / "file.bin"
    write(path, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, function, full)
    with pytest.raises(OSError, match="No space left on device") as raised:
        write(path, b"new")
    assert raised.value.filename == str(path)
    assert [child.read_bytes() for child in tmp_path.iterdir()] == [b"old"]


def test_what_cannot_be_written_is_named_as_it_was_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError) as missing:
        write(tmp_path / "nowhere" / "file.bin", b"new")
    assert missing.value.filename == str(tmp_path / "nowhere" / "file.bin")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as folder:
        write(tmp_path / "folder", b"new")
    assert folder.value.filename == str(tmp_path / "folder")
    assert [child.name for child in tmp_path.iterdir()] == ["folder"]


def test_the_error_of_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError) as raised, replacing(tmp_path / "file.bin"):
        (tmp_path / "source.bin").read_bytes()
    assert raised.value.filename == str(tmp_path / "source.bin")


def test_the_longest_name_that_a_file_may_have(tmp_path):
    path = tmp_path / ("ä" * 126 + ".b")  # 254 bytes in UTF-8
    write(path, b"new")
    assert path.read_bytes() == b"new"


def test_it_waits_for_the_disk_unless_told_not_to(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    write(tmp_path / "file.bin", b"new")
    with replacing(tmp_path / "cache.bin", sync=False) as file:
        file.write(b"new")
    assert len(synced) == 1
    assert (tmp_path / "cache.bin").read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_permissions_are_those_of_any_new_file(mask, tmp_path):
    before = os.umask(mask)
    try:
        write(tmp_path / "file.bin", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file.bin").stat().st_mode) == 0o666 & ~mask


def test_a_regular_file_is_opened_also_behind_a_link(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    with regular(tmp_path / "link") as file:
        assert file.read() == b"content"
        assert file.seek(0) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir(), "is a folder$"),
        (os.mkfifo, r"is a named pipe \(FIFO\), which is not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device, which is not a regular file"),
        (lambda path: path.write_bytes(bytes(2 << 20)), "is larger than 1 MB"),
    ],
)  # the pipe has no writer: opening it would wait for one
def test_what_is_no_regular_file(make, message, tmp_path):
    make(tmp_path / "x")
    for kind in (OSError, ValueError):
        with pytest.raises(kind, match=message) as raised:
            regular(tmp_path / "x", most=1 << 20)
        assert str(raised.value).startswith(str(tmp_path / "x"))


def test_what_is_there_no_more_when_it_is_opened_is_looked_at_again(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(b"content")
    status = os.stat(path)
    path.unlink()
    os.mkfifo(path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", lambda *_, **__: status)
        with pytest.raises(UnusableFile, match="named pipe"):
            regular(path)


def test_names_that_no_file_has(tmp_path):
    with pytest.raises(UnusableFile, match=r"not a file's name"):
        regular("a\0b")
    with pytest.raises(FileNotFoundError):
        regular(tmp_path / "x")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        regular(tmp_path / "loop")


def test_a_folder_that_contains_itself_is_walked_once(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    for number in range(3):
        (inner / f"up{number}").symlink_to(tmp_path)
    (inner / "file").touch()
    expected = [(str(tmp_path), []), (str(tmp_path / "a"), []), (str(inner), ["file"])]
    assert walk(tmp_path, follow_links=True) == expected
    assert [
        (root, [name for name in names if "up" not in name]) for root, names in walk(tmp_path)
    ] == expected


def test_a_link_stays_and_the_file_that_it_points_to_is_replaced(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "file.bin", tmp_path / "link.bin"
    for content in (b"new", b"newer"):  # the first time it points to nowhere
        if not link.is_symlink():
            try:
                link.symlink_to(target)
            except OSError:
                pytest.skip("no links here")
        write(link, content)
        assert link.is_symlink()
        assert target.read_bytes() == content
    assert [child.name for child in (tmp_path / "elsewhere").iterdir()] == ["file.bin"]


def test_a_folder_or_a_device_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="folder"):
        write(tmp_path / "folder", b"new")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match=r"not a regular file: '.*pipe'$"):
            write(tmp_path / "pipe", b"new")
        assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
        assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("times", [2, 5, 6])
def test_windows_replaces_no_file_that_is_open_so_it_is_tried_again(times, tmp_path, monkeypatch):
    path, tries, waited, replace = tmp_path / "file.bin", [], [], os.replace
    write(path, b"old")

    def busy(source, target):
        if len(tries) < times:
            tries.append(target)
            raise PermissionError(errno.EACCES, "Access is denied", source, 5, target)
        replace(source, target)

    monkeypatch.setattr(files, "PAUSES", (0.05, 0.1, 0.2, 0.4, 0.8))
    monkeypatch.setattr(files.time, "sleep", waited.append)
    monkeypatch.setattr(os, "replace", busy)
    if times <= 5:
        write(path, b"new")
        assert path.read_bytes() == b"new"
        assert waited == list(files.PAUSES[:times])
    else:
        with pytest.raises(PermissionError) as raised:
            write(path, b"new")
        assert raised.value.filename == str(path)
        assert "denied; is it open in another program?" in raised.value.strerror
        assert path.read_bytes() == b"old"
    assert [child.name for child in tmp_path.iterdir()] == ["file.bin"]


def test_elsewhere_no_permission_is_final(tmp_path, monkeypatch):
    def refused(source, target):
        raise PermissionError(errno.EPERM, "Operation not permitted", source, None, target)

    monkeypatch.setattr(files, "PAUSES", ())
    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(PermissionError, match=r"Operation not permitted: '.*file\.bin'$"):
        write(tmp_path / "file.bin", b"new")
    assert list(tmp_path.iterdir()) == []

import gzip
import io
import tarfile
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.data import archives
from fer.errors import BadInput
from tests.fer.fuzz import tarred, zipped

CONTENT = {"a.txt": b"first", "folder/b.txt": b"second" * 999, "empty": b""}


def contents_of(path):
    with archives.open_source(path) as source:
        found = {}
        for name in source.names:
            with source.open(name) as file:
                found[name] = file.read()
        assert source.names == {name: len(content) for name, content in found.items()}
        return found


def pack(path, form, content=CONTENT):
    if form == "folder":
        for name, text in content.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(text)
    else:
        path.write_bytes(zipped(content, zipfile.ZIP_DEFLATED) if form == "zip" else tarred(content, form))
    return path


@pytest.mark.parametrize("form", ["folder", "zip", "w", "w:gz"])
def test_folders_and_archives_are_seen_alike(tmp_path, form):
    assert contents_of(pack(tmp_path / "it", form)) == CONTENT


def test_links_and_folders_in_a_tar_are_no_files(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"link{kind}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert contents_of(tmp_path / "a.tar") == {}


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside"])
def test_nothing_is_unpacked_on_the_disk(tmp_path, name):
    place = tmp_path / "inner"
    place.mkdir()
    assert list(contents_of(pack(place / "a.zip", "zip", {name: b"x"})).values()) == [b"x"]
    assert list(contents_of(pack(place / "a.tar", "w", {name: b"x"})).values()) == [b"x"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tar", "a.zip", "inner"]


def peak(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture
def small_limits(monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 1 << 22)
    monkeypatch.setattr(archives, "_PIECE_BYTES", 1 << 14)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("form", ["zip", "w", "w:gz"])
def test_a_file_declared_too_large_is_refused_unread(tmp_path, form):
    path = pack(tmp_path / "bomb", form, {"fer2013.csv": bytes((1 << 22) + 1)})

    def read():
        with (
            archives.open_source(path) as source,
            pytest.raises(BadInput, match=r"bomb/fer2013\.csv unpacks to 4 MB; that is more than any form"),
        ):
            source.open("fer2013.csv")

    assert peak(read) < 1 << 20


@pytest.mark.usefixtures("small_limits")
def test_a_compressed_stream_is_counted_as_it_unpacks(tmp_path):
    members = {f"{i}": bytes(1 << 21) for i in range(5)}
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(tarred(members, "w:gz"))
    assert path.stat().st_size < 20_000

    def read():
        with (
            pytest.raises(BadInput, match=r"bomb\.tar\.gz unpacks to more than 4 MB"),
            archives.open_source(path),
        ):
            pass

    assert peak(read) < 1 << 20


def test_what_a_zip_holds_beyond_its_declared_size_is_not_read(tmp_path):
    content = bytearray(zipped({"a": b"12345" * 1000}, zipfile.ZIP_DEFLATED))
    for sign, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(sign) + place
        content[at : at + 4] = (7).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content)
    with (
        pytest.raises(BadInput, match="damaged or unusual archive: Bad CRC"),
        archives.open_source(tmp_path / "a.zip") as source,
    ):
        source.open("a").read()


def test_a_header_that_declares_more_than_there_is_takes_no_memory(tmp_path):
    """An extended header of 8 GB, which tarfile would read in one piece."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, (1 << 33) - 1
    path = tmp_path / "a.tar"
    path.write_bytes(info.tobuf(tarfile.USTAR_FORMAT) + bytes(2000))

    def read():
        with pytest.raises(BadInput, match="damaged or unusual archive"), archives.open_source(path):
            pass

    assert peak(read) < 1 << 21


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_FILES", 2)
    for form in ("folder", "zip", "w"):
        with (
            pytest.raises(BadInput, match="holds more than 2 files"),
            archives.open_source(
                pack(tmp_path / form.replace(":", ""), form, {f"{i}": b"" for i in range(4)})
            ),
        ):
            pass


def test_a_folder_is_seen_so_deep_and_no_deeper(tmp_path):
    for depth in (archives.MAX_DEPTH, archives.MAX_DEPTH + 1):
        path = tmp_path.joinpath(*["d"] * depth, f"{depth}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert [name.rsplit("/", 1)[-1] for name in archives.Folder(tmp_path).names] == [f"{archives.MAX_DEPTH}"]


@pytest.mark.parametrize(
    ("name", "clutter"),
    [
        ("a/b.csv", False),
        ("__MACOSX/b.csv", True),
        ("a/._b.csv", True),
        (".git/x", True),
        ("a/Thumbs.db", True),
    ],
)
def test_clutter(name, clutter):
    assert archives.is_clutter(name) == clutter


@given(st.data(), st.booleans(), st.binary(max_size=300))
def test_a_limited_stream_is_the_stream(data, compressed, content):
    raw = io.BytesIO(gzip.compress(content) if compressed else content)
    with pytest.MonkeyPatch.context() as patch, gzip.open(raw) if compressed else raw as file:
        patch.setattr(archives, "_PIECE_BYTES", 7)
        limited, plain = archives.LimitedStream(file, "it", compressed), io.BytesIO(content)
        for place, size in data.draw(
            st.lists(st.tuples(st.integers(0, 310), st.integers(-1, 99)), max_size=5)
        ):
            limited.seek(place)
            plain.seek(min(place, len(content)))
            assert limited.read(size) == plain.read(size)


def test_errors_of_the_disk_stay_themselves(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"), archives.open_source(tmp_path / "nothing"):
        pass
    with pytest.raises(OSError, match="Input/output"), archives.naming_errors("a"):
        raise OSError(5, "Input/output error")

"""Every form of the same faces gives the same rows."""

import gzip
import hashlib
import io
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from fer.data import cache, formats, known_files
from fer.data.table import USAGES
from fer.emotions import EMOTIONS
from fer.errors import BadInput
from tests.fer.csv_files import text_of, write
from tests.fer.fuzz import tarred, zipped


@pytest.fixture
def table(faces):
    images, labels, usage = faces(9)
    usage[:3] = USAGES
    return images, labels, usage


def assert_rows(rows, images, labels, usage):
    np.testing.assert_array_equal(rows.images, images)
    assert rows.images.dtype == np.uint8
    assert labels is None if rows.labels is None else rows.labels.tolist() == list(labels)
    assert usage is None if rows.usage is None else [USAGES[use] for use in rows.usage] == list(usage)


def npz(images, labels, usage):
    file = io.BytesIO()
    np.savez_compressed(file, images=images, labels=labels, usage=usage)
    return file.getvalue()


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


CONTENTS = {
    "plain": lambda table: text_of(*table).encode(),
    "gzip": lambda table: gzip.compress(text_of(*table).encode()),
    "npz": lambda table: npz(*table),
    "zip": lambda table: zipped({"fer2013.csv": text_of(*table).encode()}, 8),
    "nested zip": lambda table: zipped({"a/b/fer2013.csv": text_of(*table).encode(), "a/x.csv": b"no"}, 0),
    "npz in zip": lambda table: zipped({"a/own.npz": npz(*table)}, 0),
    "tar": lambda table: tarred({"fer2013/fer2013.csv": text_of(*table).encode()}, "w"),
    "tar.gz": lambda table: tarred({"readme": b"", "fer2013/fer2013.csv": text_of(*table).encode()}, "w:gz"),
    "npz in tar.gz": lambda table: tarred({"own.npz": npz(*table)}, "w:gz"),
}


@pytest.mark.parametrize("content", sorted(CONTENTS))
@pytest.mark.parametrize("name", ["faces", "faces.csv", "faces.zip", "faces.tar.gz"])
def test_a_file_is_what_its_content_says_whatever_its_name(tmp_path, table, content, name):
    path = tmp_path / name
    path.write_bytes(CONTENTS[content](table))
    assert_rows(formats.read(path), *table)


@pytest.mark.parametrize(
    "place", ["fer2013.csv", "fer2013/fer2013.csv", "own.csv", "own.npz", "fer2013.tar.gz", "a.zip"]
)
def test_a_folder_means_what_is_in_it(tmp_path, table, place):
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    kind = {".csv": "plain", ".npz": "npz", ".zip": "zip", ".gz": "tar.gz"}[path.suffix]
    path.write_bytes(CONTENTS[kind](table))
    (tmp_path / "readme.txt").write_text("other things may lie there")
    assert_rows(formats.read(tmp_path), *table)


def test_the_known_names_come_first_in_their_order(tmp_path, table, faces):
    other = faces(2)
    for name, rows in (("test.csv", other), ("train.csv", other), ("icml_face_data.csv", table)):
        write(tmp_path / name, *rows)
    assert_rows(formats.read(tmp_path), *table)
    names = {name: (tmp_path / name).read_bytes() for name in ("test.csv", "train.csv", "icml_face_data.csv")}
    (tmp_path / "all.zip").write_bytes(zipped(names, 8))
    assert_rows(formats.read(tmp_path / "all.zip"), *table)


def test_clutter_of_other_systems_is_no_data(tmp_path, table):
    content = {"__MACOSX/._fer2013.csv": b"x", "fer2013.csv": text_of(*table).encode(), ".DS_Store": b"x"}
    (tmp_path / "a.zip").write_bytes(zipped(content, 8))
    assert_rows(formats.read(tmp_path / "a.zip"), *table)


@pytest.mark.parametrize("form", ["folder", "zip", "tar.gz"])
@pytest.mark.parametrize("top", ["", "archive/"])
def test_folders_of_pictures_give_the_rows_of_their_names(tmp_path, table, form, top):
    images, labels, usage = table
    # Kaggle's test folder holds both PublicTest and PrivateTest.
    names = [
        f"{top}{'train' if use == 'Training' else 'test'}/{EMOTIONS[label].lower()}/{use}_{i:03}.png"
        for i, (label, use) in enumerate(zip(labels, usage))
    ]
    content = {name: png(image) for name, image in zip(names, images)}
    path = tmp_path / "faces"
    if form == "folder":
        for name, file in content.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(file)
    else:
        path.write_bytes(zipped(content, 8) if form == "zip" else tarred(content, "w:gz"))
    order = np.argsort(names)
    rows = formats.read(path)
    assert_rows(rows, images[order], labels[order], usage[order])
    assert rows.notes == (
        f"{path}: 9 pictures in folders named after emotions; the official split, from their names",
    )


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("table_name", "wins"),
    [("submission.csv", "pictures"), ("fer2013.csv", "table"), ("own.npz", "pictures")],
)
def test_folders_of_pictures_come_before_tables_of_unknown_names(tmp_path, table, table_name, wins, packed):
    content = CONTENTS["npz" if table_name.endswith(".npz") else "plain"](table)
    files = {table_name: content, "train/sad/a.png": png(table[0][0]), "test/sad/a.png": png(table[0][1])}
    path = tmp_path / "it"
    if packed:
        path.write_bytes(zipped(files, 8))
    else:
        for name, file in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(file)
    assert len(formats.read(path)) == (2 if wins == "pictures" else len(table[0]))


def test_the_whole_file_is_hashed_for_recognition(tmp_path, table, monkeypatch):
    path = write(tmp_path / "fer2013.csv", *table)
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    assert formats.read(path).notes == (
        f"fer2013.csv: none of the 4 known files of FER2013 (MD5 {digest}), read all the same",
    )
    monkeypatch.setitem(known_files.KNOWN, digest, "the file of this test")
    assert formats.read(path).notes == (f"fer2013.csv: recognised, the file of this test (MD5 {digest})",)
    (tmp_path / "a.tar.gz").write_bytes(tarred({"x/fer2013.csv": path.read_bytes()}, "w:gz"))
    assert formats.read(tmp_path / "a.tar.gz").notes == (
        f"fer2013.csv: recognised, the file of this test (MD5 {digest})",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped({}, 8), "is an empty zip archive|holds none of"),
        (zipped({"readme.txt": b"text"}, 8), "the archive .*a holds none of fer2013.csv"),
        (tarred({"readme.txt": b"text"}, "w"), "the archive .*a holds none of fer2013.csv"),
        (zipped({"fer2013.csv": b"emotion,pixels\n1,2\n"}, 8), r"a/fer2013.csv, line 2 .*found 1 pixel,"),
        (zipped({"own.npz": b"PK"}, 8), "a/own.npz is not a readable .npz file"),
        (tarred({"fer2013.csv": b"x" * 9000}, "w")[:5000], "damaged or unusual archive|begins with"),
        (gzip.compress(b"<html>log in</html>"), "a is a web page"),
        (gzip.compress(b"emotion,pixels" * 999)[:-9], "damaged or unusual archive"),
        (b"BZh91AY&SY", "is bzip2-compressed; unpack it, or pack it as .zip or .tar.gz"),
        (b"\0" * 2000, "is not a text: it contains NUL bytes"),
    ],
)
def test_what_holds_no_faces_is_refused(tmp_path, content, message):
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message) as caught:
        formats.read(path)
    assert str(caught.value).startswith((str(path), "the archive"))


def test_an_encrypted_archive_is_refused(tmp_path, table):
    content = bytearray(CONTENTS["zip"](table))
    for sign, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(sign) + flag] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(BadInput, match=r"a\.zip is a damaged or unusual archive: .*encrypted"):
        formats.read(tmp_path / "a.zip")


def test_a_directory_without_data_says_where_they_are(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing else")
    with pytest.raises(FileNotFoundError, match=r"holds none of fer2013\.csv.*folders of pictures.*kaggle"):
        formats.read(tmp_path)


def test_a_device_is_no_file():
    with pytest.raises(BadInput, match="is not a regular file; expected fer2013"):
        formats.read(formats.Path(os.devnull))


class TestCached:
    """Reads of sources of more faces than cache.MIN_FACES, here 1."""

    @pytest.fixture(autouse=True)
    def keep_everything(self, monkeypatch):
        monkeypatch.setattr(cache, "MIN_FACES", 1)

    @pytest.fixture
    def parsed(self, monkeypatch):
        """Return the names of the files that were really read."""
        names = []
        for reader in ("_read_file", "_read_folder"):
            original = getattr(formats, reader)
            monkeypatch.setattr(
                formats,
                reader,
                lambda path, *rest, original=original: names.append(path.name) or original(path, *rest),
            )
        return names

    @pytest.mark.parametrize("header", ["emotion,pixels,Usage", "emotion,pixels", "pixels"])
    def test_the_second_read_is_from_the_cache_and_the_same(self, tmp_path, table, parsed, header):
        path = write(tmp_path / "fer2013.csv", *table, header=header)
        first, second = formats.read(path), formats.read(path)
        assert parsed == ["fer2013.csv"]
        np.testing.assert_array_equal(first.images, second.images)
        for name in ("labels", "usage"):
            assert np.array_equal(getattr(first, name), getattr(second, name))
        assert second.notes == (*first.notes, f"fer2013.csv: read from the cache {cache.folder()}")

    def test_a_folder_of_pictures_is_kept_until_one_changes(self, tmp_path, table, parsed):
        images, _, _ = table
        place = tmp_path / "faces" / "happy"
        place.mkdir(parents=True)
        for i, image in enumerate(images):
            (place / f"{i}.png").write_bytes(png(image))
        for _ in range(2):
            np.testing.assert_array_equal(formats.read(tmp_path / "faces").images, images)
        assert parsed == ["faces"]
        (place / "4.png").write_bytes(png(images[0]))
        os.utime(place / "4.png", ns=(1, 1))
        assert (formats.read(tmp_path / "faces").images[4] == images[0]).all()
        (place / "4.png").unlink()
        assert len(formats.read(tmp_path / "faces")) == len(images) - 1

    def test_what_changes_while_it_is_read_is_not_kept(self, tmp_path, table, faces, monkeypatch, parsed):
        path = write(tmp_path / "fer2013.csv", *table)
        changed = faces(5)
        with monkeypatch.context() as patch:
            read_file = formats._read_file

            def read_and_change(*arguments):
                rows = read_file(*arguments)
                write(path, *changed)
                return rows

            patch.setattr(formats, "_read_file", read_and_change)
            formats.read(path)
        assert_rows(formats.read(path), *changed)

    def test_the_cache_may_be_off(self, tmp_path, table, parsed, monkeypatch):
        monkeypatch.setenv("FER2013_CACHE", "off")
        path = write(tmp_path / "fer2013.csv", *table)
        assert_rows(formats.read(path), *table)
        assert_rows(formats.read(path), *table)
        assert parsed == ["fer2013.csv"] * 2

    def test_reading_without_the_cache_leaves_none(self, tmp_path, table):
        formats.read(write(tmp_path / "fer2013.csv", *table), use_cache=False)
        assert not (tmp_path / "cache").exists()

    def test_moved_away_is_missing_not_cached(self, tmp_path, table):
        path = write(tmp_path / "fer2013.csv", *table)
        formats.read(path)
        shutil.move(path, tmp_path / "elsewhere.csv")
        with pytest.raises(FileNotFoundError):
            formats.read(path)

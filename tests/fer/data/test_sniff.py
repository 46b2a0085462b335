import pytest

from fer.data import sniff
from tests.fer import fuzz


@pytest.mark.parametrize(
    ("start", "found"),
    [
        (b"  \n<!DOCTYPE html>", "a web page"),
        (b"\xef\xbb\xbf<html>", "a web page"),
        (b"<?xml version", "an XML file"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        ("emotion".encode("utf-16-be").join([b"\xfe\xff", b""]), "iconv -f UTF-16 -t UTF-8"),
        (b"Rar!\x1a\x07", "a RAR archive"),
        (b"PK\x05\x06", "an empty zip archive"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"a\0b", "NUL bytes"),
        (fuzz.tarred({"a": b""}, "w"), "a tar archive"),
        (b"\x1f\x8b\x08", "gzip-compressed"),
    ],
)
def test_a_file_is_told_by_its_beginning(start, found):
    assert found in sniff.describe(start[: sniff.START])


@pytest.mark.parametrize("start", [b"", b"emotion,pixels,Usage\n", b"\xef\xbb\xbfemotion", "é,ü".encode()])
def test_text_may_be_anything(start):
    assert sniff.describe(start) is None

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
        (b"\0\0\0\x20ftypisom\0\0\2\0", "a video; take pictures from it"),
        (b"\0\0\0\x14ftypqt  \0\0\2\0", "a video"),
        (b"RIFF\x10\0\0\0AVI LIST", "a video"),
        (b"\x1a\x45\xdf\xa3\x93", "a video"),
        (b"\0\0\0\x18ftypheis\0\0", "a HEIC picture; save it as JPEG or PNG"),
        (b"\0\0\0\x1cftypavif\0\0", "an AVIF picture; save it as JPEG or PNG"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"PAR1\x15\x04", "a Parquet table; save it as CSV"),
        (b"\x80\x04\x95\x10\0", "a Python pickle, which is not opened"),
    ],
)
def test_a_file_is_told_by_its_beginning(start, found):
    assert found in sniff.describe(start[: sniff.START])


@pytest.mark.parametrize("start", [b"", b"emotion,pixels,Usage\n", b"\xef\xbb\xbfemotion", "é,ü".encode()])
def test_text_may_be_anything(start):
    assert sniff.describe(start) is None

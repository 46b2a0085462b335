"""What a file is, by its first bytes, not its name: a log-in page saved as fer2013.csv is still a page."""

START = 1024  # bytes that are enough

_VIDEO = "a video; take pictures from it, for example with: ffmpeg -i VIDEO -r 1 frame%04d.png"
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"), "a HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "an AVIF"),
}
# The first bytes (in lower case), what the file is, and what to do.
_SIGNS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; fetch it with: git lfs pull"),
    (b"<!doctype html", "a web page (HTML), perhaps a log-in page; download the file again, logged in"),
    (b"<html", "a web page (HTML), perhaps a log-in page; download the file again, logged in"),
    (b"<?xml", "an XML file, perhaps an error message; download the file again, logged in"),
    (b"\xff\xfe", "text in UTF-16; save it as UTF-8, for example with: iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "text in UTF-16; save it as UTF-8, for example with: iconv -f UTF-16 -t UTF-8"),
    (b"pk\x03\x04", "a zip archive"),
    (b"pk\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "gzip-compressed"),
    (b"bzh", "bzip2-compressed; unpack it, or pack it as .zip or .tar.gz"),
    (b"\xfd7zxz\0", "xz-compressed; unpack it, or pack it as .zip or .tar.gz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it, or pack it as .zip or .tar.gz"),
    (b"rar!\x1a", "a RAR archive; unpack it, or pack it as .zip or .tar.gz"),
    (b"\x89png", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"gif8", "a GIF picture"),
    (b"%pdf", "a PDF document"),
    (b"\x93numpy", "a single array (.npy)"),
    (b"\x89hdf", "an HDF5 file"),
    (b"\x1ae\xdf\xa3", _VIDEO),
    (b"sqlite format 3", "an SQLite database; export its table as CSV"),
    (b"par1", "a Parquet table; save it as CSV, for example with pandas: read_parquet, then to_csv"),
    (
        b"\x80\x04\x95",
        "a Python pickle, which is not opened: it could run any program; save the arrays as .npz",
    ),
)


def describe(start: bytes) -> str | None:
    """Return what a file with these first bytes is, and the fix, if any; None if it may be plain text."""
    if start[257:262] == b"ustar":
        return "a tar archive"
    if start[4:8] == b"ftyp" and start[8:12] in _BRANDS:
        return f"{_BRANDS[start[8:12]]} picture; save it as JPEG or PNG"
    if start[4:8] == b"ftyp" or start[8:12] == b"AVI ":
        return _VIDEO
    low = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for sign, text in _SIGNS:
        if low.startswith(sign):
            return text
    if b"\0" in start:
        return "not a text: it contains NUL bytes"
    return None

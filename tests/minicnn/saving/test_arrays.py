"""Archives of arrays that lie about their sizes, or are not what NumPy writes."""

import io
import zipfile

import numpy as np
import pytest

from minicnn.saving.arrays import ALWAYS, READ_ERRORS, read_arrays


def archive(*members, method=zipfile.ZIP_STORED, encrypted=False):
    """Return an open archive of (name, array or bytes)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as written:
        for name, content in members:
            if not isinstance(content, bytes):
                one = io.BytesIO()
                np.save(one, content)
                content = one.getvalue()
            written.writestr(zipfile.ZipInfo(name), content, method)
    data = bytearray(file.getvalue())
    if encrypted:
        data[data.find(b"PK\3\4") + 6] |= 1
        data[data.find(b"PK\1\2") + 8] |= 1
    return zipfile.ZipFile(io.BytesIO(data))


def header(shape, descr="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"shape": shape, "fortran_order": False, "descr": descr})
    return file.getvalue()


@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3), np.array("text"), np.zeros((0, 3)), np.array(5)]
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_arrays_are_read(array, method):
    found = read_arrays(archive(("a.npy", array), ("b.npy", array.T), method=method))
    assert list(found) == ["a", "b"]
    np.testing.assert_array_equal(found["a"], array)
    np.testing.assert_array_equal(found["b"], array.T)
    assert list(read_arrays(archive(("a.npy", array), ("b.npy", array)), ["b", "c"])) == ["b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header((10**12,)), "declares 4000000000000 bytes"),
        (header((10**12,), "<U0"), "declares 1000000000000 bytes"),
        (header((10**6, 10**6)) + bytes(64), "declares"),
        (
            np.array([{}], object),
            "holds object; expected numbers or text, not pickled objects, which are refused",
        ),
        (np.zeros(3)[:2].tobytes(), "magic"),
        (np.zeros(2, "M8[s]"), "expected numbers or text"),
        (b"\x93NUMPY\x03\x00" + bytes(99), "version"),
        (header((4,)) + bytes(15), "declares 16 bytes|ends after"),
        (header((4,)) + bytes(17), "goes on after"),
    ],
)
def test_what_a_member_must_be(content, message):
    if not isinstance(content, bytes) and content.dtype.hasobject:
        file = io.BytesIO()
        np.lib.format.write_array(file, content, allow_pickle=True)
        content = file.getvalue()
    with pytest.raises(READ_ERRORS, match=message):
        read_arrays(archive(("a.npy", content)))


def test_what_an_archive_must_be():
    zeros = np.zeros(3)
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = archive(("a.npy", zeros), ("a.npy", zeros))
    with pytest.raises(ValueError, match="two arrays of the same name"):
        read_arrays(twice)
    with pytest.raises(RuntimeError, match="password"):
        read_arrays(archive(("a.npy", zeros), encrypted=True))
    with pytest.raises(ValueError, match="compressed by method 14"):
        read_arrays(archive(("a.npy", zeros), method=zipfile.ZIP_LZMA))
    with pytest.raises(ValueError, match="unpacks to"):
        read_arrays(archive(("a.npy", bytes(ALWAYS + (1 << 22))), method=zipfile.ZIP_DEFLATED))
    with pytest.raises(ValueError, match="unpacks to 152 bytes"):
        read_arrays(archive(("a.npy", zeros)), most=151)
    assert list(read_arrays(archive(("a.npy", zeros)), most=152)) == ["a"]

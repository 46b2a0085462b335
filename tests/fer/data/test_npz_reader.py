"""Damaged and lying .npz files; what arrays must be is tested in test_dataset.py."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from fer.data import npz_reader
from fer.errors import BadInput


def header(shape, descr="|u1", order=False):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": order, "shape": shape})
    return file.getvalue()


def npz(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name + ".npy", content)
    file.seek(0)
    return file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header((1 << 20, 48, 48)), "declares 2415919104 bytes, more than it holds or 1024 MB"),
        (header((1 << 62, 48, 48)), "declares"),
        (header((9, 48, 48)) + bytes(99), "declares 20736 bytes"),
        (header((1, 48, 48)) + bytes(2305), "goes on after the array's end"),
        (header((1, 48, 48), "|O") + bytes(99999), "holds object; expected numbers or text"),
        (header((1, 48, 48), [("a", "|u1")]) + bytes(9999), "expected numbers or text"),
        (header((1, 48, 48), "<M8[s]") + bytes(99999), "expected numbers or text"),
        (header((-1, 48, 48)), "images is uint8|negative|not a readable"),
        (b"\x93NUMPY\x03\x00" + bytes(99), "has version (3, 0) of the array format"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 9999, "is not a readable .npz file"),
        (b"", "is not a readable .npz file"),
    ],
)
def test_lying_arrays_are_refused_before_they_take_memory(content, message):
    tracemalloc.start()
    with pytest.raises(BadInput) as caught:
        npz_reader.read(npz(images=content), "a.npz")
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert any(part in str(caught.value) for part in message.split("|"))
    assert str(caught.value).startswith("a.npz")
    assert len(str(caught.value)) < 200


def test_arrays_by_columns_are_read_too(rng):
    images = rng.integers(0, 256, (5, 48, 48), dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, images=np.asfortranarray(images))
    file.seek(0)
    np.testing.assert_array_equal(npz_reader.read(file, "a.npz").images, images)


def test_an_array_that_ends_early_is_refused():
    content = npz(images=header((9, 48, 48)) + bytes(9 * 2304)).getvalue()
    with pytest.raises(BadInput, match="not a readable"):
        npz_reader.read(io.BytesIO(content[: len(content) // 2]), "a.npz")


@pytest.mark.parametrize(("names", "holds"), [(["images"], True), (["labels"], False), ([], False)])
def test_whether_a_zip_holds_faces(names, holds):
    assert npz_reader.holds_faces(npz(**dict.fromkeys(names, b""))) == holds
    assert not npz_reader.holds_faces(io.BytesIO(b"PK\x03\x04"))

import io
import os
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fer.data import pictures
from fer.errors import BadInput


def save(image, path, **options):
    image.save(path, **options)
    return path


@pytest.fixture
def face(rng):
    return rng.integers(0, 256, (48, 48), dtype=np.uint8)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.pgm", "a.webp", "no_suffix"])
def test_a_gray_face_comes_out_as_it_went_in(tmp_path, face, name):
    options = {"a.webp": {"lossless": True, "exact": True}, "no_suffix": {"format": "PNG"}}.get(name, {})
    path = save(Image.fromarray(face), tmp_path / name, **options)
    np.testing.assert_array_equal(pictures.read(path), face)
    np.testing.assert_array_equal(pictures.read(str(path)), face)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_gray_is_itu_r_601(colour):
    expected = np.dot([0.299, 0.587, 0.114], colour)
    gray = pictures.gray(np.full((2, 3, 3), colour, np.uint8))
    assert gray.shape == (2, 3)
    assert np.abs(gray - expected).max() <= 0.51


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV", "I;16", "I", "F"])
def test_every_mode_gives_the_same_gray(mode):
    image = Image.new("RGB", (60, 50), "black")
    image.paste("white", (0, 0, 30, 50))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.float32) / 255)
    else:
        image = image.convert(mode)
    gray = pictures.gray(image)
    assert (gray[:, :30] == 255).all()
    assert (gray[:, 30:] == 0).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_sixteen_bits_are_scaled_and_eight_in_wider_numbers_are_not(dtype):
    deep = np.arange(0, 65536, 257, dtype=dtype).reshape(16, 16)
    np.testing.assert_array_equal(pictures.gray(Image.fromarray(deep)).ravel(), np.arange(256))
    small = np.arange(256, dtype=np.int32).reshape(16, 16)
    np.testing.assert_array_equal(pictures.gray(Image.fromarray(small)).ravel(), np.arange(256))


def test_a_deep_picture_is_scaled_alike_in_all_its_bands(monkeypatch):
    monkeypatch.setattr(pictures, "_BAND_ROWS", 3)
    deep = np.linspace(0, 65535, 70).astype(np.int32).reshape(10, 7)
    np.testing.assert_array_equal(pictures.gray(Image.fromarray(deep)), np.rint(deep / 257))


def test_what_is_not_finite_is_black():
    values = np.array([[np.nan, np.inf], [-np.inf, 0.5]], np.float32)
    assert pictures.gray(Image.fromarray(values)).tolist() == [[0, 0], [0, 128]]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L"])
def test_what_is_transparent_shows_white(tmp_path, mode):
    image = Image.new("RGBA", (48, 48), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 24, 48))
    if mode in ("P", "L"):
        indices = np.zeros((48, 48), np.uint8)
        indices[:, 24:] = 7
        image = Image.fromarray(indices)
        if mode == "P":
            image.putpalette([0] * 768)
        image.info["transparency"] = 7
    gray = pictures.read(save(image.convert(mode) if mode == "LA" else image, tmp_path / "a.png"))
    assert (gray[:, :24] == 0).all()
    assert (gray[:, 24:] == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_data_say(tmp_path, face, orientation):
    inverse = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that each value asks to undo
    image = Image.fromarray(face)
    if orientation > 1:
        image = image.transpose(Image.Transpose(inverse[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(pictures.read(save(image, tmp_path / "a.png", exif=exif)), face)


@pytest.mark.parametrize("shape", [(48, 100), (100, 48), (49, 48), (48, 51)])
def test_the_square_in_the_middle_is_taken(face, shape):
    picture = np.zeros(shape, np.uint8)
    top, left = (shape[0] - 48) // 2, (shape[1] - 48) // 2
    picture[top : top + 48, left : left + 48] = face
    np.testing.assert_array_equal(pictures.to_face(picture), face)


def test_shrinking_averages_fine_patterns_out():
    stripes = np.zeros((480, 480), np.uint8)
    stripes[::2] = 255
    assert np.abs(pictures.to_face(stripes).astype(int)[2:-2] - 127.5).max() < 4


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3, 2), (48, 48), (1000, 30)])
def test_every_size_becomes_a_face(size):
    face = pictures.to_face(Image.new("L", size, 77))
    assert face.shape == (48, 48)
    assert (face == 77).all()
    assert pictures.to_face(Image.new("L", size, 77), side=20).shape == (20, 20)


def test_a_large_jpeg_is_decoded_small(tmp_path):
    gradient = np.tile(np.linspace(0, 255, 3000).astype(np.uint8), (3000, 1))
    path = save(Image.fromarray(gradient).convert("RGB"), tmp_path / "a.jpg")
    decoded = pictures.decode(path.read_bytes(), "a.jpg")
    assert decoded.size == (1500, 1500)
    expected = pictures.to_face(gradient)
    assert np.abs(pictures.read(path).astype(int) - expected).max() <= 2


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
@pytest.mark.parametrize("axes", [(), (1,), (3,), (4,)])
def test_arrays_are_pictures_too(dtype, axes):
    array = np.full((50, 60, *axes), 40, dtype)
    if axes == (4,):
        array[..., 3] = 255
    assert (pictures.to_face(array) == 40).all()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(48), "the image has shape (48,); expected (height, width)"),
        (np.zeros((48, 48, 2)), "the image has shape (48, 48, 2)"),
        (np.zeros((0, 48)), "the image has shape (0, 48)"),
        (np.full((4, 4), -1.0), "the image has values from -1.0 to -1.0; expected 0 to 255"),
        (np.full((4, 4), 256), "the image has values from 256 to 256"),
        (np.full((4, 4), np.nan), "the image has values from nan to nan"),
        (np.full((4, 4), 0.5), "multiply it by 255"),
        (np.full((4, 4), "a"), "the image is an array of <U1; expected numbers"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(array, message):
    with pytest.raises(BadInput) as caught:
        pictures.to_face(array)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; expected a picture"),
        (b"hello", "is no picture that can be read; expected a picture"),
        (b"<html>", "is a web page (HTML)"),
        (b"\0\0\0\x18ftypheic\0\0", "is a HEIC picture; save it as JPEG or PNG; expected a picture"),
        (b"%PDF-1.5", "is a PDF document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no picture that can be read"),
        (b"\x89PNG\r\n\x1a\n", "is a PNG picture; expected a picture"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path, content, message):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        pictures.read(path)
    assert str(caught.value).startswith(f"{path} ")
    assert message in str(caught.value)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP"])
def test_a_picture_that_was_cut_off_is_damaged(tmp_path, face, form, capfd):
    file = io.BytesIO()
    Image.fromarray(face).convert("RGB").resize((200, 200)).save(file, form)
    path = tmp_path / "a"
    path.write_bytes(file.getvalue()[: len(file.getvalue()) // 2])
    with pytest.raises(BadInput, match=r"is damaged and cannot be decoded|is no picture that can be read"):
        pictures.read(path)
    assert capfd.readouterr() == ("", "")


def test_libtiff_does_not_write_to_the_error_stream(tmp_path, face, capfd):
    file = io.BytesIO()
    Image.fromarray(face).save(file, "TIFF", compression="tiff_adobe_deflate")
    content = bytearray(file.getvalue())
    content[200:240] = bytes(40)
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(BadInput, match="is damaged"):
        pictures.read(tmp_path / "a.tif")
    os.write(2, b"still open")
    assert capfd.readouterr().err == "still open"


def png(width, height):
    """Return a PNG that declares a size and holds one line of it."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"line")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize("size", [(9000, 9000), (20_000, 20_000), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1)])
def test_an_enormous_picture_is_refused_before_it_takes_memory(tmp_path, size):
    (tmp_path / "a.png").write_bytes(png(*size))
    tracemalloc.start()
    with pytest.raises(BadInput, match=r"more than \d+ million; make it smaller|exceeds limit"):
        pictures.read(tmp_path / "a.png")
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_folder_and_a_missing_file_are_named(tmp_path):
    with pytest.raises(BadInput, match="is a folder; expected a picture"):
        pictures.read(tmp_path)
    with pytest.raises(BadInput, match="is not a regular file; expected a picture"):
        pictures.read(os.devnull)
    with pytest.raises(FileNotFoundError, match=r"nothing\.png"):
        pictures.read(tmp_path / "nothing.png")


def test_a_file_of_enormous_length_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_FILE_BYTES", 1000)
    (tmp_path / "a.png").write_bytes(bytes(1001))
    with pytest.raises(BadInput, match="is larger than"):
        pictures.read(tmp_path / "a.png")

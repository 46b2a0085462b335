"""Image files: read, written and refused by name."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from minicnn import backend, utils
from minicnn.preprocessing.image import ImageDataGenerator, array_to_img, img_to_array, load_img, save_img


@pytest.fixture
def file(tmp_path, rng):
    pixels = rng.integers(0, 256, (4, 8, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "face.png")
    return tmp_path / "face.png", pixels


def test_as_it_is(file):
    path, pixels = file
    for where in (path, str(path), io.BytesIO(path.read_bytes())):
        array = img_to_array(load_img(where))
        np.testing.assert_array_equal(array, pixels)
        assert array.dtype == "float32"
    assert utils.load_img is load_img


def test_modes_have_their_channels(file):
    path, pixels = file
    gray = img_to_array(load_img(path, color_mode="grayscale"))
    assert gray.shape == (4, 8, 1)
    np.testing.assert_allclose(gray[..., 0], pixels @ [0.299, 0.587, 0.114], atol=1)
    rgba = img_to_array(load_img(path, color_mode="rgba"), dtype="uint8")
    np.testing.assert_array_equal(rgba[..., :3], pixels)
    assert (rgba[..., 3] == 255).all()


def test_gray_of_sixteen_bits_stays(tmp_path):
    deep = np.array([[0, 40000], [65535, 7]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(
        img_to_array(load_img(tmp_path / "deep.png", color_mode="grayscale"))[..., 0], deep
    )


def test_sizes_are_height_and_width(file):
    path, pixels = file
    small = img_to_array(load_img(path, target_size=(2, 4)))
    np.testing.assert_array_equal(small, pixels[1::2, 1::2])
    # the middle 4 × 4 of 4 × 8 pixels
    square = img_to_array(load_img(path, target_size=(4, 4), keep_aspect_ratio=True))
    np.testing.assert_array_equal(square, pixels[:, 2:6])
    box = img_to_array(load_img(path, target_size=(2, 4), interpolation="box"))
    np.testing.assert_allclose(box, pixels.reshape(2, 2, 4, 2, 3).mean(axis=(1, 3)), atol=1)


def test_arrays_become_images_and_back(tmp_path, rng):
    x = rng.uniform(-3, 9, (5, 4, 3))
    image = array_to_img(x)
    stretched = (x - x.min()) / (x.max() - x.min()) * 255
    np.testing.assert_allclose(np.asarray(image), stretched, atol=1)
    assert (np.asarray(array_to_img(np.full((2, 2, 1), 7.9), scale=False)) == 7).all()
    assert (np.asarray(array_to_img(np.full((2, 2, 1), 7.9))) == 0).all()
    assert np.asarray(array_to_img(np.full((2, 2, 1), 4000.0), scale=False))[0, 0] == 4000
    x_to_255 = np.array([0, 0.5313283], np.float32).reshape(
        1, 2, 1
    )  # 255 / 0.5313283 · 0.5313283 > 255 in float32
    assert array_to_img(x_to_255).mode == "L"
    save_img(tmp_path / "x.png", x)
    np.testing.assert_array_equal(img_to_array(load_img(tmp_path / "x.png")), np.asarray(image))
    save_img(tmp_path / "x.jpg", np.zeros((5, 4, 4)))
    assert load_img(tmp_path / "x.jpg").size == (4, 5)
    save_img(stream := io.BytesIO(), x, file_format="bmp")
    assert stream.getvalue().startswith(b"BM")


def test_the_float_type_is_the_default_one(file):
    backend.set_floatx("float64")
    try:
        assert img_to_array(load_img(file[0])).dtype == "float64"
    finally:
        backend.set_floatx("float32")


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_no_image(tmp_path, content):
    (tmp_path / "face.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"face\.png: no image"):
        load_img(tmp_path / "face.png")


def test_what_cannot_be_is_named(file):
    path, _ = file
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match=r"face\.png: damaged"):
        load_img(path)
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        load_img(path.parent / "gone.png")
    with pytest.raises(ValueError, match="color_mode='gray': expected one of 'grayscale', 'rgb', 'rgba'"):
        load_img(path, color_mode="gray")
    with pytest.raises(ValueError, match="interpolation='cubic'"):
        load_img(path, interpolation="cubic")
    with pytest.raises(ValueError, match="channels"):
        array_to_img(np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match=r"\(2,\)"):
        img_to_array(np.zeros(2))
    with pytest.raises(NotImplementedError, match=r"np\.moveaxis"):
        img_to_array(np.zeros((2, 2)), data_format="channels_first")


def test_what_is_no_file_of_an_image(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for a writer
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name, kind in (("pipe.png", "a named pipe"), ("zero.png", "a device")):
        with pytest.raises(ValueError, match=f"{name} is {kind}"):
            load_img(tmp_path / name)
    with pytest.raises(OSError, match="is a folder"):
        load_img(tmp_path)


def test_folders_that_contain_themselves_are_listed_once(tmp_path, capsys):
    inner = tmp_path / "faces" / "happy"
    inner.mkdir(parents=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(inner / "1.png")
    for number in range(3):
        (inner / f"up{number}").symlink_to(tmp_path / "faces", target_is_directory=True)
    flow = ImageDataGenerator().flow_from_directory(tmp_path / "faces", follow_links=True)
    assert flow.filenames == [os.path.join("happy", "1.png")]

"""Any picture as the network's input: one gray 48×48 face.

file -> rotated by its EXIF orientation -> gray -> the square in its middle -> 48×48

Gray is ITU-R 601, L = 0.299 R + 0.587 G + 0.114 B, as in FER2013's own images and Pillow's mode "L".
Transparent pixels become white. The square is as wide as the picture's shorter side. It is reduced with a
Lanczos filter whose width grows with the reduction, so that there is no aliasing. A gray 48×48 picture is not
changed.
"""

import contextlib
import io
import logging
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from fer.data import sniff
from fer.data.table import SIDE
from fer.errors import BadInput, expecting, quiet, short_message
from minicnn import ops
from minicnn.saving import regular

SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp", ".avif", ".pgm",
    ".ppm", ".pnm",
))  # fmt: skip
# The formats of pictures among Pillow's; others start programs (EPS) or need further packages.
FORMATS = ("JPEG", "MPO", "PNG", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM", "AVIF")
MAX_FILE_BYTES = 1 << 28
MAX_PIXELS = 40_000_000  # in memory; a JPEG may have twice as many, because it is decoded at a smaller scale
_BAND_ROWS = 256  # of a picture with more than 8 bits, converted at a time
_REDUCTION = "fer reduction"  # a key in a picture's info
_EXPECTED = "a picture (JPEG, PNG, WebP, GIF, BMP, TIFF or PGM)"

# Pillow also logs its errors; without a handler they would go to the error stream.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def read(path: str | os.PathLike[str], side: int = SIDE) -> np.ndarray:
    """Read a picture of any size and mode as a face: (side, side) uint8.

    Raises:
        BadInput: the file is not a picture, or it is damaged or too large.
        OSError: it cannot be opened or read.
    """
    return to_face(open_picture(path), side)


def open_picture(path: str | os.PathLike[str], whole: bool = False) -> Image.Image:
    """Return the picture in a file, upright; ``whole`` is as for :func:`decode`.

    Errors are those of :func:`read`.
    """
    with expecting(_EXPECTED), regular(path, MAX_FILE_BYTES) as file:
        return decode(file.read(), os.fspath(path), whole)


def reduction(image: Image.Image) -> float:
    """Return by how much the file's picture is wider than the one that was decoded: 1, 2, 4 or 8."""
    return float(image.info.get(_REDUCTION, 1))


def decode(content: bytes, name: str, whole: bool = False) -> Image.Image:
    """Return the picture in a file's content, upright; the name is for messages.

    A large JPEG is decoded at a smaller size, unless it is to be ``whole`` and has at most MAX_PIXELS.

    Raises:
        BadInput: the content is not a picture, or it is damaged or too large.
    """
    if not content:
        raise BadInput(f"{name} is empty; expected {_EXPECTED}")
    # Pillow warns of unusual metadata, which is harmless, and of large pictures, which are checked here.
    with quiet():
        return _decode(content, name, whole)


def _decode(content: bytes, name: str, whole: bool) -> Image.Image:
    Image.init()
    try:
        image = Image.open(io.BytesIO(content), formats=[name for name in FORMATS if name in Image.OPEN])
        _check_size(image.size, 2 * MAX_PIXELS, name)
        width, pixels = image.width, image.width * image.height
        if not whole or pixels > MAX_PIXELS:
            # A large JPEG is decoded at 1/2, 1/4 or 1/8 of its size: faster, and in less memory.
            image.draft(None, (16 * SIDE, 16 * SIDE))  # type: ignore[arg-type]
        _check_size(image.size, MAX_PIXELS, name)
        with silent_stderr() if image.format == "TIFF" else contextlib.nullcontext():
            image.load()
        image.info[_REDUCTION] = round(width / image.width)
        return ImageOps.exif_transpose(image)
    except BadInput:
        raise
    except Image.UnidentifiedImageError:
        found = sniff.describe(content[: sniff.START]) or "no picture that can be read"
        raise BadInput(f"{name} is {found}; expected {_EXPECTED}") from None
    except Image.DecompressionBombError as error:
        raise BadInput(f"{name}: {error}") from None
    except Exception as error:
        # For damaged files decoders raise errors of many kinds (SyntaxError, struct.error, KeyError, …).
        raise BadInput(f"{name} is damaged and cannot be decoded: {short_message(error)}") from None


def gray(image: Image.Image | np.ndarray) -> np.ndarray:
    """Return a picture's gray values: (height, width) uint8.

    Args:
        image: a Pillow image of any mode, or an array: (height, width) gray, or with a last axis of 1 (gray),
            3 (RGB) or 4 (RGBA), of numbers from 0 to 255.

    Raises:
        BadInput: the array has another shape or other values.
    """
    return np.asarray(_gray(image if isinstance(image, Image.Image) else _from_array(image)))


def colours(image: Image.Image | np.ndarray) -> np.ndarray:
    """Return a picture as (height, width, 3) uint8, RGB; the picture is as for :func:`gray`."""
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        return image
    picture = image if isinstance(image, Image.Image) else _from_array(image)
    if picture.mode not in ("RGB", "YCbCr", "CMYK", "P", "RGBA"):
        picture = Image.fromarray(gray(picture))
    elif picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.asarray(picture.convert("RGB"))


def scale(least: float, most: float, what: str = "the image") -> int:
    """Return by what floats with these limits are multiplied, so that they become gray values from 0 to 255: 1 or 255.

    Raises:
        BadInput: the least is below 0, or the largest lies between 1 and 2: its scale is not clear.
    """
    if least < 0:
        raise BadInput(
            f"{what} has values from {least:.4g} to {most:.4g}: expected 0 to 1 or 0 to 255; if it was "
            "standardised or scaled for another network, undo that (x * std + mean), or give the picture itself"
        )
    if 1 < most < 2:
        raise BadInput(
            f"{what} has values up to {most:.4g}: expected 0 to 1 or 0 to 255; clip it, or multiply it by 255"
        )
    return 255 if 0 < most <= 1 else 1


def to_face(image: Image.Image | np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return the square in a picture's middle, (side, side) uint8; the picture is as for :func:`gray`."""
    gray_image = _gray(image if isinstance(image, Image.Image) else _from_array(image))
    width, height = gray_image.size
    square = min(width, height)
    left, top = (width - square) // 2, (height - square) // 2
    if square == side:
        return np.asarray(gray_image.crop((left, top, left + side, top + side)))
    box = (left, top, left + square, top + square)
    return np.asarray(gray_image.resize((side, side), Image.Resampling.LANCZOS, box=box))


def _gray(image: Image.Image) -> Image.Image:
    """Return the picture in mode "L"."""
    if image.mode == "L" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return _from_deep(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    if image.mode in ("LAB", "HSV"):
        image = image.convert("RGB")
    return image.convert("L")


def _from_deep(image: Image.Image) -> Image.Image:
    """Return a picture of more than 8 bits as one of 8 bits.

    16 bits: 0-65535 becomes 0-255. 32 bits: the same, unless all values lie in 0-255. Floating point: 0-1
    becomes 0-255, larger values as with 32 bits; values that are not finite become 0.
    """
    bands = [
        (0, top, image.width, min(top + _BAND_ROWS, image.height))
        for top in range(0, image.height, _BAND_ROWS)
    ]
    largest = max(_finite(image, band).max() for band in bands)
    scale = 1.0
    if image.mode == "F" and largest <= 1:
        scale = 255.0
    elif largest > 255 or image.mode.startswith("I;"):
        scale = 1 / 257
    result = np.empty((image.height, image.width), np.uint8)
    for band in bands:
        result[band[1] : band[3]] = np.clip(np.rint(_finite(image, band) * scale), 0, 255)
    return Image.fromarray(result)


def _finite(image: Image.Image, band: tuple[int, int, int, int]) -> np.ndarray:
    """Return the values of a part of the picture; those that are not finite as 0."""
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(np.asarray(image.crop(band), np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _from_array(array: Any) -> Image.Image:
    array = np.asarray(array)
    shape = array.shape
    if array.ndim == 3 and shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (3, 4)) or 0 in shape:
        raise BadInput(
            f"the image has shape {shape}; expected (height, width), or a last axis of 1, 3 (RGB) or 4 (RGBA)"
        )
    if array.dtype.kind not in "uif":
        raise BadInput(f"the image is an array of {array.dtype}; expected numbers from 0 to 255")
    if array.dtype != np.uint8:
        least, most = array.min(), array.max()
        if not (least >= 0 and most <= 255):
            raise BadInput(f"the image has values from {least} to {most}; expected 0 to 255")
        if array.dtype.kind == "f" and 0 < most <= 1:
            raise BadInput(
                f"the image has values from {least} to {most}; expected 0 to 255: multiply it by 255"
            )
        array = np.rint(array).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(array))


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Discard what is written to the error stream: libtiff writes there itself, besides raising the error.

    One thread at a time: the second would restore the stream that the first has turned off.
    """
    with ops.turn():
        try:
            saved = os.dup(2)
        except OSError:
            yield
            return
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _check_size(size: tuple[int, int], largest: int, name: str) -> None:
    if size[0] * size[1] > largest:
        raise BadInput(
            f"{name} is {size[0]}x{size[1]} pixels, more than {largest // 1_000_000} million; make it smaller"
        )

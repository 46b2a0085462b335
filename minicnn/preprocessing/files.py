"""Convert between image files, Pillow's images and arrays (height, width, channels)."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from minicnn import backend
from minicnn._base import keras_errors
from minicnn._base.files import regular
from minicnn._base.messages import reason

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
MAX_FILE_BYTES = 1 << 30
DEEP_GRAY = ("I;16", "I")  # Pillow's gray modes of more than 8 bits


@keras_errors.keras_arguments
def load_img(
    path: str | os.PathLike[str] | io.BytesIO,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image.Image:
    """Read an image file as a Pillow image.

    Args:
        path: the file.
        color_mode: "rgb", "rgba" or "grayscale"; gray images of 16 and 32 bits keep them.
        target_size: (height, width) to resize to; None keeps the image's.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: first crop the image to the largest central part with the target's proportions.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not an image or damaged; an argument is none of the above.
    """
    check_choice("color_mode", color_mode, MODES)
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    return fitted(opened_image(path), color_mode, target_size, interpolation, keep_aspect_ratio)


def opened_image(path: str | os.PathLike[str] | io.BytesIO) -> Image.Image:
    """Return an image file's image as it is stored.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not an image or damaged.
    """
    content = path if isinstance(path, io.BytesIO) else io.BytesIO(_content(os.fsdecode(path)))
    try:
        image: Image.Image = Image.open(content)
        image.load()
    except Image.UnidentifiedImageError:
        raise ValueError(
            f"{_name(path)}: no image that Pillow can read; expected PNG, JPEG or another image format"
        ) from None
    except Exception as error:  # decoders raise errors of many kinds: SyntaxError, struct.error, KeyError, …
        raise ValueError(
            f"{_name(path)}: damaged or too large, cannot be decoded ({reason(error)})"
        ) from None
    return image


def upright(image: Image.Image) -> Image.Image:
    """Return an image turned as its EXIF data say, which is how a viewer shows it; unreadable data say nothing."""
    from PIL import ImageOps  # and with it six other modules

    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # of damaged data: SyntaxError, struct.error, KeyError, …
        return image


def fitted(
    image: Image.Image,
    color_mode: str,
    target_size: tuple[int, int] | None,
    interpolation: str,
    keep_aspect_ratio: bool,
) -> Image.Image:
    """Return an image in a colour mode and a size; the arguments are those of :func:`load_img`."""
    if image.mode != MODES[color_mode] and not (color_mode == "grayscale" and image.mode in DEEP_GRAY):
        image = image.convert(MODES[color_mode])
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    height, width = target_size
    box = None
    if keep_aspect_ratio:
        wide = min(image.width, image.height * width // height)
        high = min(image.height, image.width * height // width)
        left, top = (image.width - wide) // 2, (image.height - high) // 2
        box = (left, top, left + wide, top + high)
    return image.resize((width, height), Image.Resampling[interpolation.upper()], box=box)


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """Return a Pillow image as an array (height, width, channels) of ``dtype`` (default: the float type).

    Raises:
        ValueError: the image has neither two nor three axes.
        NotImplementedError: ``data_format`` is not channels last.
    """
    check_data_format(data_format)
    array = np.asarray(img, dtype or backend.floatx())
    if array.ndim not in (2, 3):
        raise ValueError(
            f"img has shape {array.shape}, expected (height, width) or (height, width, channels)"
        )
    return array[..., None] if array.ndim == 2 else array


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Image.Image:
    """Return an array (height, width, 1, 3 or 4) as a Pillow image.

    Args:
        x: the array.
        scale: map the lowest value to 0 and the highest to 255. Without it, values must lie in this range,
            and fractions are truncated.

    Raises:
        ValueError: the array has another shape.
        NotImplementedError: ``data_format`` is not channels last.
    """
    check_data_format(data_format)
    array = np.asarray(x, dtype or backend.floatx())
    if array.ndim != 3 or array.shape[2] not in CHANNELS.values():
        raise ValueError(
            f"x has shape {array.shape}, expected (height, width, channels) with 1, 3 or 4 channels"
        )
    if scale:
        array = array - array.min()
        array = np.minimum(array * (255 / (array.max() or 1)), 255)  # rounded, it may be more
    if array.shape[2] == 1:
        array = array[..., 0]
        if array.max() > 255:
            return Image.fromarray(array.astype(np.int32))
    return Image.fromarray(array.astype(np.uint8))


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array (height, width, channels) to an image file.

    Args:
        path: the file.
        x, scale: as for :func:`array_to_img`.
        file_format: such as "png"; by default that of the file's suffix.
        kwargs: options of Pillow's ``Image.save``.

    Raises:
        ValueError: the array has another shape, or the format is unknown.
    """
    image = array_to_img(x, data_format, scale)
    if file_format is None and isinstance(path, str | os.PathLike):
        file_format = Path(path).suffix[1:]
    jpeg = (file_format or "").lower() in ("jpg", "jpeg")
    if jpeg and image.mode == "RGBA":
        image = image.convert("RGB")  # JPEG has no transparency
    image.save(path, format="jpeg" if jpeg else file_format or None, **kwargs)


def check_data_format(data_format: str | None) -> None:
    """Raise NotImplementedError unless ``data_format`` is None or "channels_last"."""
    if data_format not in (None, "channels_last"):
        raise NotImplementedError(
            f'data_format={data_format!r}: expected "channels_last", images (height, width, channels); '
            "convert others with np.moveaxis(x, 0, -1)"
        )


def check_choice(argument: str, value: Any, choices: Any) -> None:
    """Raise ValueError unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise ValueError(f"{argument}={value!r}: expected one of {', '.join(map(repr, choices))}")


def _content(path: str) -> bytes:
    with regular(path, MAX_FILE_BYTES) as file:
        return file.read()


def _name(path: Any) -> str:
    return "the image" if isinstance(path, io.BytesIO) else os.fsdecode(path)

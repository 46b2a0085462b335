"""Apply changes with given parameters to a batch of images: what `ImageDataGenerator.apply_transform` does.

Output pixel (column x, row y) is read at this place of the input, counted from the image's centre, with t =
(tx, ty):

    (x, y)ᵢₙ = R(θ) · ( S(φ) · Z · F · (x, y)ₒᵤₜ + t )

    R(θ) = | cos θ  −sin θ |   S(φ) = | 1  −sin φ |   Z = | zx  0 |   F = | ±1   0 |
           | sin θ   cos θ |          | 0   cos φ |       | 0  zy |       |  0  ±1 |

    θ, φ: degrees. t: pixels. zx, zy > 1 zoom out, < 1 in. F flips: it is the first factor from output to
    input, so the flip is the last change of the image.

Then the values: one number is added to all channels of an image, and the result is clipped to the image's own
range. Last, brightness multiplies, as Pillow's ImageEnhance.Brightness does, on whole numbers 0 … 255.

These are Keras 3's equations, with three small differences. (1) An image that is not square is rotated about
its centre; Keras takes half the height for x and half the width for y. (2) Less than a pixel beyond the edge,
fill_mode="constant" interpolates with cval, where scipy, which Keras calls, returns cval. (3) "wrap" repeats
the image every `length` pixels, scipy every `length − 1`.

Shapes: images (N, H, W, C), float; each parameter (N,).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minicnn import ops

# the values that change nothing, for parameters that are not given
NEUTRAL = {
    "theta": 0.0,
    "tx": 0.0,
    "ty": 0.0,
    "shear": 0.0,
    "zx": 1.0,
    "zy": 1.0,
    "flip_horizontal": False,
    "flip_vertical": False,
    "channel_shift_intensity": None,
    "brightness": None,
}


def apply(
    images: np.ndarray, parameters: Mapping[str, np.ndarray], fill_mode: str, cval: float, order: int
) -> np.ndarray:
    """Return the changed images.

    Args:
        images: (N, H, W, C), floats.
        parameters: arrays (N,) with the names of NEUTRAL; those that are missing or None change nothing.
        fill_mode: what lies beyond the edge: "nearest", "reflect", "mirror", "constant" (= cval) or "wrap".
        order: 1 interpolates bilinearly between pixels, 0 takes the nearest pixel.
    """
    given = NEUTRAL | dict(parameters)
    moved = matrices(given, *images.shape[:3])
    if not (moved == np.eye(2, 3)).all():
        interpolation = "bilinear" if order else "nearest"
        images, _ = ops.affine_transform_forward(images, moved, fill_mode, interpolation, cval)
    if given["channel_shift_intensity"] is not None:
        images = shift_values(images, np.asarray(given["channel_shift_intensity"]))
    if given["brightness"] is not None:
        images = brighten(images, np.asarray(given["brightness"]))
    return images


def matrices(p: Mapping[str, Any], samples: int, height: int, width: int) -> np.ndarray:
    """Return the maps from (row, column, 1) of the output to (row, column) of the input, (N, 2, 3)."""
    theta, shear = np.deg2rad(p["theta"]), np.deg2rad(p["shear"])
    turned = _matrix(samples, np.cos(theta), -np.sin(theta), np.sin(theta), np.cos(theta))
    sheared = _matrix(samples, 1, -np.sin(shear), 0, np.cos(shear))
    zoomed = _matrix(samples, p["zx"], 0, 0, p["zy"])
    mirrored = _matrix(samples, 1 - 2.0 * p["flip_horizontal"], 0, 0, 1 - 2.0 * p["flip_vertical"])
    linear = turned @ sheared @ zoomed @ mirrored
    shift = (turned @ np.stack(np.broadcast_arrays(np.zeros(samples), p["tx"], p["ty"])[1:], 1)[..., None])[
        ..., 0
    ]
    # from (x, y) to (row, column): swap both axes
    linear, shift = linear[:, ::-1, ::-1], shift[:, ::-1]
    centre = np.array([height - 1, width - 1]) / 2
    return np.concatenate([linear, (centre + shift - linear @ centre)[..., None]], axis=2)


def _matrix(samples, *entries):
    """Return matrices (N, 2, 2) of four entries, each a number or (N,)."""
    columns = np.broadcast_arrays(np.zeros(samples), *entries)[1:]
    return np.stack(columns, axis=1).reshape(samples, 2, 2)


def shift_values(images: np.ndarray, intensity: np.ndarray) -> np.ndarray:
    """Return images + intensity, clipped to the range of each image."""
    lowest, highest = (f(axis=(1, 2, 3), keepdims=True) for f in (images.min, images.max))
    return np.clip(images + _each(intensity, images), lowest, highest)


def brighten(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return images times factor, in whole numbers from 0 to 255.

    An image with values outside 0 … 255 is scaled to this range first, and back afterwards.
    """
    lowest, highest = (f(axis=(1, 2, 3), keepdims=True) for f in (images.min, images.max))
    inside = (lowest >= 0) & (highest <= 255)
    span = np.where(highest > lowest, highest - lowest, 1)
    values = np.where(inside, images, (images - lowest) / span * 255)
    values = np.trunc(np.clip(np.trunc(values) * _each(factor, images), 0, 255))
    return np.where(inside, values, values / 255 * span + lowest)


def _each(numbers, images):
    return numbers.astype(images.dtype).reshape(-1, 1, 1, 1)

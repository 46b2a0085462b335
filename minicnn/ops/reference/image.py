"""Image warps for augmentation: affine transformation and random erasing.

Affine: output pixel (i, j) is read at the input point (u, v), which is usually between pixels:

    (u, v) = A·(i, j, 1)            A (2, 3), one for each image
    y[n,i,j,c] = Σ_taps w · x[n, row, column, c]

    bilinear: four taps: rows ⌊u⌋ and ⌊u⌋ + 1 with weights 1 − (u − ⌊u⌋) and u − ⌊u⌋, columns in the same
              way; w is the product of both weights
    nearest:  one tap, the rounded (u, v), w = 1

y is linear in x, and the weights do not depend on x. So each dy goes back through the same taps:

    dx[n, row, column, c] += w · dy[n,i,j,c]

``fill_mode`` says what a tap outside the map reads (at row −1, for example):

    "reflect"   (d c b a | a b c d | d c b a)   the map mirrored at its edge
    "mirror"    (d c b | a b c d | c b a)       the same, the pixel at the edge once
    "wrap"      (a b c d | a b c d | a b c d)   the map repeated
    "nearest"   (a a a a | a b c d | d d d d)   the edge pixel repeated
    "constant"  (k k k k | a b c d | k k k k)   k = ``fill_value``

Random erasing replaces a rectangle by a value: y = x outside, value inside; dx = dy outside, 0 inside.

Shapes: x, y (N, H, W, C); matrices (N, 2, 3); boxes (N, 4).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minicnn.ops.types import Array, Cache

__all__ = [
    "affine_transform_backward",
    "affine_transform_forward",
    "random_erasing_backward",
    "random_erasing_forward",
]

FILL_MODES = ("reflect", "constant", "wrap", "nearest", "mirror")
INTERPOLATIONS = ("bilinear", "nearest")


def affine_transform_forward(
    x: Array,
    matrices: Array,
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> tuple[Array, Cache]:
    """Return (y, cache): image n is transformed by ``matrices[n]``; see the module's equations."""
    check_modes(fill_mode, interpolation)
    # with rows and columns (N, H, W): x[images, rows, columns] (N, H, W, C)
    images = np.arange(len(x))[:, None, None]
    taps = [
        (weight.astype(x.real.dtype)[..., None], inside[..., None], (images, rows, columns))
        for weight, inside, rows, columns in _taps(x.shape, matrices, fill_mode, interpolation)
    ]
    y: Any = sum(weight * np.where(inside, x[pixels], fill_value) for weight, inside, pixels in taps)
    return y, (x.shape, taps)


def affine_transform_backward(dy: Array, cache: Cache) -> Array:
    """Return dx, the adjoint: each dy is added to the pixels that its y was read from."""
    shape, taps = cache
    dx = np.zeros(shape, dy.dtype)
    for weight, inside, pixels in taps:
        np.add.at(dx, pixels, np.where(inside, weight * dy, 0))  # add.at: one pixel may be read many times
    return dx


def check_modes(fill_mode: str, interpolation: str) -> None:
    """Check the modes.

    Raises:
        ValueError: a mode does not exist.
    """
    if fill_mode not in FILL_MODES:
        raise ValueError(f"fill_mode={fill_mode!r}: expected one of {FILL_MODES}")
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation={interpolation!r}: expected one of {INTERPOLATIONS}")


def random_erasing_forward(x: Array, boxes: Array, values: ArrayLike) -> tuple[Array, Cache]:
    """Return (y, cache): in image n the box ``boxes[n]`` = (top, left, height, width) becomes ``values[n]``.

    Args:
        x: (N, H, W, C).
        boxes: (N, 4) integers, in pixels; a height of 0 erases nothing.
        values: a number, or (N, …): for each image anything that broadcasts to (H, W, C), noise for example.
    """
    values = np.asarray(values, x.dtype)
    values = (
        values.reshape(len(values), *(1,) * (4 - values.ndim), *values.shape[1:]) if values.ndim else values
    )
    erased = np.zeros((*x.shape[:3], 1), bool)
    for mask, (top, left, height, width) in zip(erased, boxes):
        mask[top : top + height, left : left + width] = True
    return np.where(erased, values, x), erased


def random_erasing_backward(dy: Array, cache: Cache) -> Array:
    """Return dx: dy outside the boxes, 0 inside."""
    erased = cache
    return np.where(erased, 0, dy)


def _taps(
    shape: tuple[int, ...], matrices: Array, fill_mode: str, interpolation: str
) -> list[tuple[Array, Array, Array, Array]]:
    """Return [(weight, inside, row, column)], each (N, H, W): what every output pixel reads."""
    _, height, width, _ = shape
    i, j = np.mgrid[:height, :width]
    u, v = (
        m[:, 0, None, None] * i + m[:, 1, None, None] * j + m[:, 2, None, None]
        for m in np.moveaxis(matrices, 1, 0)
    )
    if interpolation == "nearest":
        rows, columns = _nearest(u), _nearest(v)
    else:
        rows, columns = _linear(u), _linear(v)
    taps = []
    for row, row_weight in rows:
        for column, column_weight in columns:
            row_inside, row_index = _pixel_at(row.astype(int), height, fill_mode)
            column_inside, column_index = _pixel_at(column.astype(int), width, fill_mode)
            weight = np.broadcast_to(row_weight * column_weight, u.shape)
            taps.append((weight, row_inside & column_inside, row_index, column_index))
    return taps


def _nearest(u: Array) -> list[tuple[Array, Any]]:
    """Return [(pixel, weight)] of the one pixel nearest to the coordinate u."""
    return [(np.rint(u), 1.0)]


def _linear(u: Array) -> list[tuple[Array, Any]]:
    """Return [(pixel, weight)] of the two pixels around the coordinate u."""
    lower = np.floor(u)
    return [(lower, 1 - (u - lower)), (lower + 1, u - lower)]


def _pixel_at(index: Array, length: int, fill_mode: str) -> tuple[Array, Array]:
    """Return whether a pixel is read at ``index``, and which one."""
    if fill_mode == "constant":
        return (index >= 0) & (index < length), index.clip(0, length - 1)
    everywhere = np.ones(index.shape, bool)
    if fill_mode == "nearest":
        return everywhere, index.clip(0, length - 1)
    if fill_mode == "wrap":
        return everywhere, index % length
    if fill_mode == "mirror":  # 0 … 2L−3, the map and then the inside of its mirror image
        folded = index % max(2 * length - 2, 1)
        return everywhere, np.minimum(folded, 2 * length - 2 - folded)
    folded = index % (2 * length)  # "reflect": 0 … 2L−1, the map and then its mirror image
    return everywhere, np.minimum(folded, 2 * length - 1 - folded)

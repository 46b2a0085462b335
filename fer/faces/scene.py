"""Drawn faces on a drawn background, as photographs and frames in which faces are to be found."""

from collections.abc import Sequence

import numpy as np
from PIL import Image


def scene(
    faces: np.ndarray,
    places: Sequence[tuple[int, int, int]],
    size: tuple[int, int] = (640, 480),
    seed: int = 0,
) -> np.ndarray:
    """Return a picture, (H, W, 3) uint8, RGB: a wall with soft stains, and faces before it.

    Args:
        faces: (N, 48, 48) uint8, from ``fer.data.synthetic.draw``.
        places: left, top and side of each.
        size: (width, height).
        seed: of the stains.
    """
    width, height = size
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(120, 200, (6, 8, 3), np.uint8))
    wall = coarse.resize(size, Image.Resampling.BICUBIC)
    grain = rng.integers(-4, 5, (height, width, 1))
    picture = np.clip(np.asarray(wall) + grain, 0, 255).astype(np.uint8)
    tint = np.array([1.0, 0.86, 0.76])  # a gray face in the colours of skin
    for face, (left, top, side) in zip(faces, places):
        large = np.asarray(Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC))
        inside = picture[max(top, 0) : top + side, max(left, 0) : left + side]
        cut = large[max(-top, 0) :, max(-left, 0) :][: inside.shape[0], : inside.shape[1]]
        inside[:] = (cut[..., None] * tint).astype(np.uint8)
    return picture

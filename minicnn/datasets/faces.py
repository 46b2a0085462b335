"""Faces drawn by a few lines of code, in four moods: no file is needed. A small network learns them in seconds.

A pixel at (u, v), both from −1 to 1, belongs to a stroke if it is near to the stroke's curve: the head is a circle,
an eye a disk, the mouth an arc v = m + k·(u/w)², whose bend k is the mood's; a surprised mouth is an open circle.
Places, sizes, brightness and noise are drawn at random.
"""

import numpy as np

CLASSES = ("happy", "neutral", "sad", "surprised")
BENDS = (-0.25, 0.0, 0.25)  # of the mouth: its ends go up, stay, go down


def load_data(
    n: int = 1000, size: int = 24, seed: int = 0
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return (x_train, y_train), (x_test, y_test): (N, size, size) and (N,), uint8; a fifth is for the test.

    Args:
        n: the number of faces; the labels are numbers of CLASSES.
        size: pixels a side.
        seed: of the random numbers: the same seed gives the same faces.

    Raises:
        ValueError: n or size is too small.
    """
    if n < 5 or size < 8:
        raise ValueError(f"n={n!r}, size={size!r}: expected at least 5 faces of 8 × 8 pixels")
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(CLASSES), size=n).astype(np.uint8)
    images = np.stack([_face(label, size, rng) for label in labels.tolist()])
    cut = n - n // 5
    return (images[:cut], labels[:cut]), (images[cut:], labels[cut:])


def _face(label: int, size: int, rng: np.random.Generator) -> np.ndarray:
    v, u = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    u, v = u - rng.uniform(-0.1, 0.1), v - rng.uniform(-0.1, 0.1)
    scale, width = rng.uniform(0.75, 0.9), rng.uniform(0.3, 0.45)
    u, v = u / scale, v / scale
    skin = np.hypot(u, v) < 1
    eyes = np.hypot(np.abs(u) - 0.38, v + 0.3) < rng.uniform(0.1, 0.16)
    if CLASSES[label] == "surprised":
        mouth = np.abs(np.hypot(u, v - 0.45) - 0.17) < 0.09
    else:
        arc = 0.45 + BENDS[label] * ((u / width) ** 2 - 0.5)
        mouth = (np.abs(v - arc) < 0.09) & (np.abs(u) < width)
    bright, dark = rng.uniform(150, 230), rng.uniform(0, 80)
    picture = np.where(eyes | mouth, dark, np.where(skin, bright, 110)) + rng.normal(0, 12, (size, size))
    return np.clip(picture, 0, 255).astype(np.uint8)

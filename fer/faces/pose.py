"""The pose of the head: which point of the face each pixel shows.

Roll, scale and shift move the picture as a whole: (row, column) -> (x, y). Yaw and pitch turn the head, which
a flat drawing can only suggest: the features slide over the skull towards where it turns, and crowd together
there.
"""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np

from fer.faces.anatomy import landmarks

SIZE = 48

# Uniform between two values: lengths in pixels, angles in radians.
POSE = {
    "roll": (-0.16, 0.16),
    "yaw": (-0.4, 0.4),
    "pitch": (-0.25, 0.25),
    "scale": (0.94, 1.16),
    "shift_x": (-1.5, 1.5),
    "shift_y": (-1.5, 1.5),
    "gaze_x": (-1.1, 1.1),
    "gaze_y": (-0.4, 0.5),
}


@dataclass
class Face:
    """What a drawing function draws on: N blank pictures, their pixels' coordinates, and the persons."""

    person: SimpleNamespace  # as anatomy.PERSON, each (N, 1, 1)
    at: SimpleNamespace  # anatomy.landmarks, each (N, 1, 1)
    scene: SimpleNamespace  # as POSE and camera.SCENE, each (N, 1, 1)
    row: np.ndarray  # (1, 48, 1), from the picture's middle
    column: np.ndarray  # (1, 1, 48)
    x: np.ndarray  # (N, 48, 48), this and the following
    y: np.ndarray
    u: np.ndarray
    v: np.ndarray
    canvas: np.ndarray  # the paint's brightness
    relief: np.ndarray  # the surface's height, in pixels

    @property
    def w(self) -> np.ndarray:
        """The distance from the face's mid-line: what comes in pairs is drawn once, over w."""
        return np.abs(self.u)

    def rows(self, first: int, last: int) -> "Face":
        """Return the rows from ``first`` to ``last`` of these pictures: a view, so
        that drawing in it changes them.
        """
        band = slice(first, last)
        parts = {
            name: getattr(self, name)[:, band] for name in ("row", "x", "y", "u", "v", "canvas", "relief")
        }
        return replace(self, **parts)


def pose(person: SimpleNamespace, au: np.ndarray, scene: SimpleNamespace) -> Face:
    """Return N blank faces, posed."""
    middle = (SIZE - 1) / 2
    row = np.arange(SIZE, dtype=np.float32)[None, :, None] - middle
    column = np.arange(SIZE, dtype=np.float32)[None, None, :] - middle
    right, down = (column - scene.shift_x) / scene.scale, (row - scene.shift_y) / scene.scale
    x = np.cos(scene.roll) * right + np.sin(scene.roll) * down
    y = np.cos(scene.roll) * down - np.sin(scene.roll) * right
    u = turned(x, scene.yaw, person.head_width)
    v = turned(y, scene.pitch, 24.0)
    canvas, relief = np.zeros_like(x), np.zeros_like(x)
    return Face(person, landmarks(person, au), scene, row, column, x, y, u, v, canvas, relief)


def turned(x: np.ndarray, angle: np.ndarray, radius: np.ndarray | float) -> np.ndarray:
    """Return which point of the features is seen at x when a skull of this radius turns by ``angle``."""
    lean = 0.35 * np.sin(angle)
    x = x - lean * radius
    return x * (1.0 + lean * x / radius)

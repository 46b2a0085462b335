"""Tools to draw shapes. A shape is a number at each pixel: how many pixels it lies inside the outline.

    inside > 0   within the shape;    inside = 0   on its outline;    inside < 0   outside

The union of two shapes is their maximum, the intersection their minimum; a ramp about zero gives a soft edge.
"""

import numpy as np

Length = np.ndarray | float
Point = tuple[Length, Length]


def cover(inside: np.ndarray, edge: float = 1.0) -> np.ndarray:
    """Return how much of each pixel a shape covers, 0 … 1: a ramp of ``edge`` pixels across its outline."""
    return np.clip(inside / edge + 0.5, 0.0, 1.0)


def paint(canvas: np.ndarray, colour: np.ndarray | float, amount: np.ndarray) -> None:
    """Lay ``colour`` over ``canvas``, in place; the paint hides ``amount`` (0 … 1) of what was there."""
    canvas += amount * (colour - canvas)


def ellipse(x: np.ndarray, y: np.ndarray, radius_x: Length, radius_y: Length) -> np.ndarray:
    """Return how far inside an ellipse about the origin each point lies (exact on the
    axes, near enough elsewhere).
    """
    return np.minimum(radius_x, radius_y) * (1.0 - np.sqrt((x / radius_x) ** 2 + (y / radius_y) ** 2))


def hill(x: Length, y: Length, radius_x: Length, radius_y: Length) -> np.ndarray:
    """Return a smooth hill of height 1 at the origin that levels out on the ellipse with these radii."""
    return np.maximum(1.0 - (x / radius_x) ** 2 - (y / radius_y) ** 2, 0.0) ** 2


def segment(x: np.ndarray, y: np.ndarray, start: Point, end: Point) -> np.ndarray:
    """Return the distance from each point to the line segment between two points (x, y)."""
    x, y = x - start[0], y - start[1]
    run, rise = end[0] - start[0], end[1] - start[1]
    t = np.clip((x * run + y * rise) / (run**2 + rise**2), 0.0, 1.0)
    return np.sqrt((x - t * run) ** 2 + (y - t * rise) ** 2)


def groove(x: np.ndarray, y: np.ndarray, start: Point, end: Point, width: float) -> np.ndarray:
    """Return a groove of depth 1 along a line segment; it is level again ``width`` pixels to either side."""
    return np.maximum(1.0 - segment(x, y, start, end) / width, 0.0)

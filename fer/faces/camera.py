"""Light, lens and sensor.

The relief z(row, column) has the normal n ∝ (−∂z/∂column, −∂z/∂row, 1). Under a light from the direction l,
matt paint of brightness a shows a · (ambient + (1 − ambient) · max(n·l, 0)): Lambert's law.
"""

from types import SimpleNamespace

import numpy as np

from fer.faces import features, head
from fer.faces.pose import Face, pose

# Uniform between two values: lengths in pixels, angles in radians, brightnesses from 0 to 1.
SCENE = {
    "light_x": (-0.8, 0.8),  # the light's slope: from the left (negative) or the right
    "light_y": (-0.8, 0.3),  # mostly from above
    "ambient": (0.35, 0.75),
    "wall": (0.0, 1.0),
    "wall_angle": (-np.pi, np.pi),
    "wall_slope": (-0.25, 0.25),
    "wall_edge": (-20.0, 20.0),
    "wall_step": (-0.4, 0.4),
    "cloth": (0.03, 0.95),
    "frame": (0.0, 0.35),
    "lens_width": (3.4, 4.8),
    "lens_height": (2.5, 3.7),
    "lens_tint": (0.0, 0.3),
    "hand_x": (-16.0, 16.0),
    "hand_y": (9.0, 20.0),
    "hand_angle": (-0.9, 0.9),
    "blur": (0.0, 0.2),
    "brightness": (0.35, 0.65),
    "contrast": (0.16, 0.29),
    "noise": (0.0, 0.02),
}
CHANCES = {"hand": 0.08}


def photograph(
    person: SimpleNamespace, au: np.ndarray, scene: SimpleNamespace, rng: np.random.Generator
) -> np.ndarray:
    """Return pictures (N, 48, 48) uint8 of these people showing these action units in these scenes.

    Args:
        person: namespace with the names of ``anatomy.PERSON`` and ``TRAITS``, each (N, 1, 1).
        au: (units, N, 1, 1), from ``expression.action_units``.
        scene: namespace with the names of ``pose.POSE``, ``SCENE`` and ``CHANCES``, each (N, 1, 1).
        rng: ``numpy.random.Generator``, for the sensor's noise.
    """
    face = pose(person, au, scene)
    upper, middle, lower = face.rows(0, 32), face.rows(8, 42), face.rows(13, 48)  # a feature's, however posed
    tone, cap = head.hair(face)
    head.wall(face)
    head.hair_behind(face, tone, cap)
    head.body(face)
    skin = head.skin(face)
    features.brows(upper)
    features.eyes(upper)
    features.nose(middle)
    features.cheeks(lower)
    head.beard(face, tone, skin)
    features.mouth(lower)
    head.hair_before(face, tone, cap)
    head.glasses(upper)
    head.hand(face)
    return expose(light(face), scene, rng)


def light(face: Face) -> np.ndarray:
    """Return the canvas with light and shade."""
    scene, z = face.scene, face.relief * face.scene.scale
    dx, dy = np.zeros_like(z), np.zeros_like(z)
    dx[:, :, 1:-1] = 0.5 * (z[:, :, 2:] - z[:, :, :-2])
    dy[:, 1:-1, :] = 0.5 * (z[:, 2:, :] - z[:, :-2, :])
    towards = (1.0 - scene.light_x * dx - scene.light_y * dy) / np.sqrt(1.0 + dx**2 + dy**2)
    towards /= np.sqrt(1.0 + scene.light_x**2 + scene.light_y**2)
    return face.canvas * (scene.ambient + (1.0 - scene.ambient) * np.maximum(towards, 0.0))


def expose(picture: np.ndarray, scene: SimpleNamespace, rng: np.random.Generator) -> np.ndarray:
    """Return what the sensor records, uint8: blurred, with the scene's brightness and contrast, noisy."""
    for axis in (1, 2):
        picture += scene.blur * (np.roll(picture, 1, axis) - 2.0 * picture + np.roll(picture, -1, axis))
    mean, deviation = picture.mean((1, 2), keepdims=True), picture.std((1, 2), keepdims=True)
    picture = scene.brightness + (picture - mean) * (scene.contrast / deviation)
    picture += scene.noise * rng.standard_normal(picture.shape, np.float32)
    return (255.0 * np.clip(picture, 0.0, 1.0) + 0.5).astype(np.uint8)

"""All that is not a feature: wall, shoulders, hair, skin, beard, glasses, and a hand before the face."""

import numpy as np

from fer.faces.pose import Face
from fer.faces.shapes import cover, ellipse, paint, segment


def wall(face: Face) -> None:
    """Paint the background: its own brightness, unevenly lit, with an edge (a
    door, a shelf) somewhere across it.
    """
    scene = face.scene
    along = np.cos(scene.wall_angle) * face.column + np.sin(scene.wall_angle) * face.row
    step = scene.wall_step * cover(along - scene.wall_edge, 1.5)
    face.canvas[:] = np.clip(scene.wall + scene.wall_slope * along / 24.0 + step, 0.0, 1.0)


def body(face: Face) -> None:
    """Paint shoulders in cloth and the neck before them, darkest under the chin."""
    x, y, person, chin = face.x, face.y, face.person, face.at.chin_y
    paint(face.canvas, face.scene.cloth, cover(y - chin - 3.0 - 0.02 * x * x))
    width = 0.55 * person.head_width
    shadow = 0.45 + 0.3 * np.clip((y - chin) / 8.0, 0.0, 1.0) - 0.3 * (x / width) ** 2
    neck = np.minimum(np.minimum(width - np.abs(x), y), chin + 7.0 - 0.1 * x * x - y)
    paint(face.canvas, person.skin * shadow, cover(neck))


def skull(face: Face, grown: np.ndarray | float = 0.0) -> np.ndarray:
    """Return how far inside the head, ``grown`` outwards by some pixels, each point lies,
    from 1 (middle) to 0 (edge).

    1 − (x/width)² − (1 − q)·t² − q·t⁴, where t runs from 0 at the middle to 1 at the top or the chin and q
    squares it.
    """
    person = face.person
    middle = -3.0
    below = (face.y - middle) / (face.at.chin_y - middle + grown)
    above = (middle - face.y) / (middle - person.head_top + grown)
    tt = np.maximum(below, above) ** 2
    width = (person.head_width + grown) * (1.0 - person.jaw_taper * np.maximum(below, 0.0))
    square = np.where(below > 0.0, person.jaw_square, np.float32(0.3))
    return 1.0 - (face.x / width) ** 2 - tt * (1.0 - square + square * tt)


def hair(face: Face) -> tuple[np.ndarray, np.ndarray]:
    """Return the hair's tone, streaked by its strands, and how far inside the hair each pixel lies."""
    x, y, person = face.x, face.y, face.person
    along = person.hair_waves * (1.5 * np.abs(x - 8.0 * person.hair_parting) - 0.3 * y)
    strands = np.sin(along + 1.5 * np.sin(0.35 * y + 0.6 * along)) * np.sin(0.43 * along + 1.0)
    width = person.head_width + person.hair_volume
    cap = 0.5 * width * skull(face, person.hair_volume)
    curls = person.hair_curl * np.sin(person.hair_waves * x + y) * np.sin(0.7 * y - 0.3 * x)
    return person.hair * (1.0 + person.hair_streaks * strands), cap + curls


def hair_behind(face: Face, tone: np.ndarray, cap: np.ndarray) -> None:
    """Paint the hair that stands round the head and hangs behind it."""
    x, y, person = face.x, face.y, face.person
    width = person.head_width + person.hair_volume + 0.06 * y
    hanging = np.minimum(width - np.abs(x), np.minimum(person.hair_length - y, y + 6.0))
    paint(face.canvas, 0.75 * tone, (1.0 - person.bald) * cover(np.maximum(cap, hanging), 2.0))


def skin(face: Face) -> np.ndarray:
    """Paint the skin, ears first, raise the head's relief, and return how much of each pixel is skin."""
    person = face.person
    out, down = np.abs(face.x) - person.head_width, face.y - person.eye_y - 4.0
    ear = cover(ellipse(out, down, 0.55 * person.ear_size, person.ear_size))
    paint(face.canvas, 0.8 * person.skin, ear * cover(4.0 - person.hair_length))  # unless hair hangs over it
    inside = skull(face)
    face.relief += 13.0 * np.sqrt(np.maximum(inside, 0.02))
    amount = cover(0.5 * person.head_width * inside, 1.2)
    paint(face.canvas, person.skin, amount)
    return amount


def beard(face: Face, tone: np.ndarray, skin: np.ndarray) -> None:
    """Paint beard and moustache on the skin; the lips, painted later, stay free."""
    u, v, w, person, at = face.u, face.v, face.w, face.person, face.at
    edge = at.mouth_y - 2.0 - 0.13 * np.maximum(w - 6.0, 0.0) ** 2
    lip_top = at.mouth_y - at.gap_upper - at.lip_upper
    moustache = ellipse(u, v - 0.35 * at.nose_y - 0.65 * lip_top - 0.05 * w * w, at.mouth_width, 1.3)
    amount = np.maximum(person.beard * cover(v - edge, 4.0), person.moustache * cover(moustache, 1.6))
    paint(face.canvas, 0.9 * tone, person.beard_dark * skin * amount)


def hair_before(face: Face, tone: np.ndarray, cap: np.ndarray) -> None:
    """Paint the hair on the skull: down to the hairline over the forehead, lower over the temples."""
    x, y, person = face.x, face.y, face.person
    temple = np.maximum(np.abs(x) - person.head_width + person.hair_drape, 0.0)
    line = person.hairline + 8.0 * person.hair_parting * np.sin(x / 7.0) + 1.2 * temple**2
    line += person.hair_round * ((x / person.head_width) ** 2) ** 2
    line = np.minimum(line, np.maximum(person.hair_length, person.hairline))
    ragged = 2.0 * (tone / person.hair - 1.0)
    inside = (line - y + ragged) / (1.0 + 2.4 * temple)  # where the line is steep, the way to it is short
    amount = (1.0 - person.bald) * cover(np.minimum(inside, cap), 1.6)
    paint(face.canvas, tone, amount)
    face.relief += amount * (1.2 + ragged)


def glasses(face: Face) -> None:
    """Paint spectacles: two lenses that darken a little, their rims, and the bridge between."""
    v, w, person, scene = face.v, face.w, face.person, face.scene
    across, down = w - person.eye_x - 0.2, v - person.eye_y - 0.7
    box = np.minimum(scene.lens_width - np.abs(across), scene.lens_height - np.abs(down))
    lens = np.minimum(box, ellipse(across, down, 1.25 * scene.lens_width, 1.25 * scene.lens_height))
    bridge_y = person.eye_y - 0.4
    bridge = segment(w, v, (0.0, bridge_y), (person.eye_x - scene.lens_width, bridge_y))
    rims = np.maximum(cover(0.5 - np.abs(lens)), cover(0.4 - bridge))
    paint(face.canvas, 0.0, person.glasses * scene.lens_tint * cover(lens))
    paint(face.canvas, scene.frame, 0.85 * person.glasses * rims)


def hand(face: Face) -> None:
    """Paint a hand held to the face: fingers side by side."""
    scene = face.scene
    cos, sin = np.cos(scene.hand_angle), np.sin(scene.hand_angle)
    x, y = face.x - scene.hand_x, face.y - scene.hand_y
    across, along = cos * x + sin * y, cos * y - sin * x
    finger = (across - 4.0 * np.rint(across / 4.0)) ** 2  # squared distance from the nearest finger's middle
    amount = scene.hand * cover(np.minimum(8.0 - np.abs(across), along - 0.5 * finger - 0.05 * across**2))
    paint(face.canvas, face.person.skin * (0.95 - 0.06 * finger), amount)
    paint(face.relief, 14.0, amount)

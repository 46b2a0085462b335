"""Brows, eyes, nose, cheeks, mouth: each changes the relief, for light and shade, and then is painted."""

import numpy as np

from fer.faces.pose import Face
from fer.faces.shapes import cover, ellipse, groove, hill, paint


def brows(face: Face) -> None:
    """Draw the brows, the frown's folds between them and the wrinkles of the forehead above."""
    u, v, w, person, at = face.u, face.v, face.w, face.person, face.at
    inner_y = at.brow_inner_y
    face.relief -= at.fold_frown * groove(w, v, (1.1, inner_y - 1.6), (0.9, inner_y + 2.2), 1.2)
    wrinkles = np.sin(2.6 * (v - 0.02 * u * u))
    face.relief += 0.35 * at.fold_forehead * hill(u, v - inner_y + 4.5, 11.0, 4.0) * wrinkles

    # The band along the parabola through the brow's inner (t = 0), middle (1/2) and outer (1) points.
    t = (w - at.brow_inner_x) / (at.brow_outer_x - at.brow_inner_x)
    inner, middle, outer = (1 - t) * (1 - 2 * t), 4 * t * (1 - t), t * (2 * t - 1)
    curve = inner * inner_y + middle * at.brow_middle_y + outer * at.brow_outer_y
    thickness = person.brow_width * (1.25 - 0.7 * t)
    inside = np.minimum(thickness - np.abs(v - curve), 9.0 * np.minimum(t, 1 - t))
    paint(face.canvas, 0.9 * person.hair * person.skin, person.brow_dark * cover(inside, 1.3))


def eyes(face: Face) -> None:
    """Draw the eyes: sockets; the opening between two lids; in it white, iris,
    pupil and a glint; then the lids.
    """
    v, w, person, at = face.v, face.w, face.person, face.at
    side = np.sign(face.u)
    face.relief -= 1.6 * hill(w - person.eye_x + 0.6, v - person.eye_y, 5.0, 4.0)
    bag_y = person.eye_y + at.lid_lower + 1.3
    bag = groove(w, v, (person.eye_x - 2.5, bag_y + 0.4), (person.eye_x + 3.4, bag_y), 1.3)
    face.relief -= 0.8 * at.fold_eye * bag

    across = w - person.eye_x  # from the middle of the eye outwards
    down = v - person.eye_y + person.eye_slant * across
    arch = 1.0 - (across / person.eye_width) ** 2  # 1 in the middle, 0 at the corners
    below_upper, above_lower = down + at.lid_upper * arch, at.lid_lower * arch - down
    between = cover(2.0 * arch)
    opening = np.minimum(cover(np.minimum(below_upper, above_lower)), between)
    lid_shadow = np.clip(0.55 + 0.25 * below_upper, 0.0, 1.0)
    paint(face.canvas, (0.55 + 0.4 * person.skin) * lid_shadow, opening)

    glint_x = 0.6 * side * face.scene.light_x  # towards the light
    iris_x, iris_y = across - side * face.scene.gaze_x, down - face.scene.gaze_y + 0.2
    radius = np.sqrt(iris_x**2 + iris_y**2)
    paint(face.canvas, person.eye_colour * (0.4 + 0.6 * person.skin), opening * cover(person.iris - radius))
    paint(face.canvas, 0.02, opening * cover(0.5 * person.iris - radius))
    paint(face.canvas, 1.0, 0.8 * opening * hill(iris_x - glint_x, iris_y + 0.6, 1.0, 1.0))

    paint(face.canvas, 0.12 * person.skin, 0.8 * between * cover(0.35 - np.abs(below_upper)))  # lashes
    paint(face.canvas, 0.5 * person.skin, 0.5 * between * cover(0.3 - np.abs(above_lower)))  # lower lid
    crease = cover(0.3 - np.abs(below_upper + 1.3))  # the upper lid's fold
    paint(face.canvas, 0.6 * person.skin, 0.5 * between * crease)


def nose(face: Face) -> None:
    """Draw the nose: a wedge that rises and widens from bridge to tip, its wings, nostrils and wrinkles."""
    u, v, w, person, at = face.u, face.v, face.w, face.person, face.at
    bridge = person.eye_y - 1.5
    rise, fall = (v - bridge) / (at.nose_y - bridge), (at.nose_y + 2.8 - v) / 2.8
    wedge = np.maximum(np.minimum(rise, fall), 0.0)  # 0 at the bridge, 1 at the tip, 0 at the lip
    face.relief += person.nose_height * wedge * hill(u, 0.0, 2.6 + at.nose_width * wedge, 1.0)
    face.relief += 0.9 * hill(w - at.nose_width + 0.3, v - at.nose_y - 0.4, 1.8, 1.8)
    for drop in (1.2, 3.6):
        fold = groove(w, v, (0.2, person.eye_y + drop + 1.2), (2.8, person.eye_y + drop), 1.1)
        face.relief -= at.fold_nose * fold

    under = v - at.nose_y - 1.7
    paint(face.canvas, 0.72 * person.skin, 0.4 * cover(ellipse(u, under, at.nose_width, 0.7), 1.6))
    nostril = ellipse(w - 0.5 * at.nose_width, under + 0.1, 0.3 * at.nose_width, 0.6)
    paint(face.canvas, 0.2 * person.skin, 0.9 * cover(nostril))


def cheeks(face: Face) -> None:
    """Draw the cheeks and the fold between cheek and mouth."""
    v, w, person, at = face.v, face.w, face.person, face.at
    face.relief += 1.6 * at.cheek * hill(w - person.eye_x - 1.2, v - person.eye_y - 8.5, 5.5, 5.0)
    corner = (at.mouth_width + 1.6, at.mouth_y + at.corner_y - 0.3)
    face.relief -= at.fold_mouth * groove(w, v, (at.nose_width + 0.5, at.nose_y - 0.6), corner, 1.9)


def mouth(face: Face) -> None:
    """Draw chin and mouth: two lips; between them the gap, with tongue and upper teeth,
    or the line where they meet.
    """
    u, v, w, person, at = face.u, face.v, face.w, face.person, face.at
    face.relief += 1.2 * hill(u, v - at.mouth_y + 1.0, at.mouth_width + 1.5, 4.0)  # the teeth behind the lips
    face.relief += 1.2 * at.chin_boss * hill(u, v - at.chin_y + 4.0, 5.0, 3.4)
    face.relief -= 0.6 * at.chin_boss * hill(u, v - at.chin_y + 7.2, 5.0, 1.6)

    m = w / at.mouth_width  # 0 in the middle, 1 at a corner
    arch = np.maximum(1.0 - m**2, 0.0)
    curve = np.sqrt(arch)
    curve += 0.65 * at.gap_square * (np.sqrt(curve) - curve)
    to_corner = (1.0 - m) * at.mouth_width
    seam = at.mouth_y + at.corner_y * (1.0 - arch)
    gap_top, gap_bottom = seam - at.gap_upper * curve, seam + at.gap_lower * curve
    bow = 0.3 + 0.7 * arch - 0.35 * np.maximum(1.0 - 16.0 * m**2, 0.0)  # Cupid's bow
    lip_top = gap_top - at.lip_upper * bow * np.minimum(2.0 * arch, 1.0)
    lip_bottom = gap_bottom + at.lip_lower * curve

    lips = cover(np.minimum(np.minimum(v - lip_top, lip_bottom - v), to_corner))
    lip_light = 1.0 + 0.12 * np.sign(v - seam)  # the upper lip faces down, the lower up
    paint(face.canvas, person.skin * (1.0 - person.lip_dark) * lip_light, lips)
    gap = cover(np.minimum(np.minimum(v - gap_top, gap_bottom - v), to_corner))
    paint(face.canvas, 0.06, gap)
    paint(face.canvas, 0.3 * person.skin, 0.6 * gap * cover(v - gap_bottom + 1.6, 2.0))  # tongue
    teeth = cover(np.minimum(gap_top + at.teeth * curve - v, to_corner - 0.6))
    paint(face.canvas, 0.5 + 0.4 * person.skin, np.minimum(gap, teeth))
    closed = cover(0.6 - at.gap_upper - at.gap_lower)
    line = cover(0.4 - np.abs(v - seam)) * cover(to_corner + 0.6)
    paint(face.canvas, 0.2 * person.skin, 0.85 * closed * line)
    corner = hill(w - at.mouth_width, v - at.mouth_y - at.corner_y, 1.5, 1.3)
    paint(face.canvas, 0.25 * person.skin, 0.5 * corner)

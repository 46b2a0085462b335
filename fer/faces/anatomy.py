"""How people differ, and where the features of a person lie when the face moves.

`PERSON` describes a random person; `landmarks` adds the effect of each action unit to the resting face. The
effects are pixels at full intensity, and are added: a raised inner brow and a frown together give the oblique
brow of sadness.
"""

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np

# Uniform between two values. Lengths in pixels, colours from 0 (black) to 1 (white).
PERSON = {
    "head_width": (15.5, 19.5),  # half the width
    "head_top": (-27.0, -23.0),
    "chin_y": (20.5, 24.0),
    "jaw_square": (0.1, 1.0),  # 0 an ellipse, 1 a box
    "jaw_taper": (0.0, 0.22),  # how much narrower the head is at the chin
    "ear_size": (2.0, 3.6),
    "eye_x": (6.3, 7.9),  # from the nose to the middle of an eye
    "eye_y": (-6.3, -4.7),
    "eye_width": (3.2, 4.2),  # half the width
    "eye_open": (1.3, 2.1),  # from its middle to the upper lid
    "eye_slant": (-0.10, 0.16),  # how much the outer corner lies higher
    "iris": (1.6, 2.0),
    "eye_colour": (0.02, 0.35),
    "brow_gap": (4.0, 5.1),  # from the eye to the brow
    "brow_arch": (0.0, 1.2),
    "brow_width": (0.55, 1.25),  # half its thickness
    "brow_dark": (0.5, 1.0),
    "nose_y": (4.6, 7.2),  # its tip
    "nose_width": (2.7, 4.0),  # half the width over the wings
    "nose_height": (2.2, 4.2),
    "mouth_drop": (6.4, 8.2),  # from the nose's tip to the mouth
    "mouth_width": (5.4, 7.4),  # half the width
    "mouth_rest": (-0.5, 0.5),  # the resting corners lie higher (negative) or lower than the middle
    "lip_upper": (0.7, 1.5),
    "lip_lower": (0.9, 1.9),
    "lip_dark": (0.10, 0.40),
    "age": (0.0, 1.0),  # depth of the folds at rest
    "skin": (0.38, 0.85),
    "hair": (0.02, 0.60),
    "hairline": (-22.0, -14.0),
    "hair_round": (0.0, 8.0),  # how much the hairline falls from the middle to the temples
    "hair_parting": (-0.35, 0.35),
    "hair_volume": (0.0, 4.5),
    "hair_length": (-14.0, 34.0),  # how far down the sides it reaches
    "hair_drape": (0.0, 7.0),  # how far it hangs over the temples
    "hair_waves": (0.5, 1.6),
    "hair_streaks": (0.05, 0.35),
    "hair_curl": (0.0, 1.0),
    "beard_dark": (0.25, 0.85),
}
# The chance that a person has it (1) or not (0).
TRAITS = {"bald": 0.10, "beard": 0.16, "moustache": 0.14, "glasses": 0.16}


def sample(
    ranges: Mapping[str, tuple[float, float]],
    chances: Mapping[str, float],
    count: int,
    rng: np.random.Generator,
) -> SimpleNamespace:
    """Return a namespace of arrays (count, 1, 1) float32: uniform in ``ranges``, 0 or 1 by ``chances``."""
    columns: dict[str, np.ndarray] = {
        name: rng.uniform(low, high, count) for name, (low, high) in ranges.items()
    }
    columns |= {name: rng.random(count) < chance for name, chance in chances.items()}
    return SimpleNamespace(
        **{name: values.astype(np.float32)[:, None, None] for name, values in columns.items()}
    )


def landmarks(person: SimpleNamespace, au: np.ndarray) -> SimpleNamespace:
    """Return where the features of each person lie when the action units ``au`` move them.

    Both brows share their numbers, and so do both eyes: they are drawn in mirrored coordinates.
    """
    at = SimpleNamespace()

    # Brows: three points of a curve. The raised inner brow keeps the frown from pushing it down.
    brow_y = person.eye_y - person.brow_gap
    at.brow_inner_x = 2.9 - 1.0 * au[4]
    at.brow_outer_x = person.eye_x + 4.8
    at.brow_inner_y = brow_y + 0.3 - 3.0 * au[1] + 2.8 * au[4] * (1 - 0.8 * au[1]) + 1.8 * au[9]
    at.brow_middle_y = brow_y - person.brow_arch - 1.2 * au[1] - 1.9 * au[2] + 1.6 * au[4] + 0.6 * au[9]
    at.brow_outer_y = brow_y + 0.9 - 2.6 * au[2] + 0.5 * au[4] + 0.5 * au[1] * (1 - au[2])

    # Eyes: how far the lids lie above and below the line through the corners. AU5 opens; AU6, 7 and 9 close.
    upper = person.eye_open + 1.4 * au[5] - 0.6 * au[7] - 0.5 * au[6] - 0.9 * au[9] - 0.3 * au[15]
    lower = 0.65 * person.eye_open + 0.25 * au[5] - 0.6 * au[7] - 0.8 * au[6] - 0.4 * au[9]
    at.lid_upper, at.lid_lower = np.maximum(upper, 0.3), np.maximum(lower, 0.0)

    # Nose: AU9 draws its wings up and apart.
    at.nose_y = person.nose_y - 1.3 * au[9] - 0.3 * au[10]
    at.nose_width = person.nose_width * (1 + 0.25 * au[9] + 0.12 * au[12] + 0.1 * au[10])

    # Mouth: a seam through its middle, whose ends (the corners) rise or fall; parted lips
    # open a gap about the seam.
    stretch = 0.34 * au[12] + 0.32 * au[20] + 0.06 * au[15] - 0.15 * au[23] - 0.08 * au[24] - 0.22 * au[26]
    at.mouth_width = person.mouth_width * (1 + stretch)
    at.mouth_y = person.nose_y + person.mouth_drop - 1.0 * au[17] - 0.9 * au[10] + 0.3 * au[12]
    sag = 2.5 * au[15] + 0.9 * au[17] + 0.7 * au[20] + 1.6 * au[10] + 1.8 * au[26]
    at.corner_y = person.mouth_rest - 3.4 * au[12] + sag  # below the middle of the mouth
    at.gap_upper = au[25] * (0.3 + 0.8 * au[10] + 0.5 * au[12] + 0.5 * au[20]) + 0.9 * au[10]
    at.gap_lower = au[25] * (0.7 + 0.9 * au[12] + 0.9 * au[20]) + 5.6 * au[26]
    at.gap_square = np.clip(au[10] + au[20], 0.0, 1.0)  # 0 an ellipse, 1 nearly a box
    at.teeth = 2.2 * np.clip(au[10] + au[12] + au[20], 0.15, 1.0)  # how far down the upper teeth show
    thin = 0.55 * au[24] + 0.45 * au[23] + 0.25 * au[20] + 0.25 * au[12]
    at.lip_upper = person.lip_upper * np.maximum(1 - thin, 0.15)
    at.lip_lower = person.lip_lower * np.maximum(1 - thin + 0.4 * au[17], 0.15)
    at.chin_y = person.chin_y + 3.2 * au[26] - 0.6 * au[17]

    # Relief: how far muscles swell and how deep the skin folds, by age and by the muscle beneath.
    at.cheek = 0.25 + 0.9 * au[6] + 0.7 * au[12]
    at.chin_boss = 0.5 + 1.2 * au[17]
    # from nose to mouth corner
    at.fold_mouth = 0.15 + 0.45 * person.age + 0.9 * au[12] + 0.8 * au[10] + 0.6 * au[9]
    at.fold_eye = 0.4 * person.age + 0.8 * au[6] + 0.5 * au[7]  # under the eye
    at.fold_frown = 0.25 * person.age + 1.1 * au[4] + 0.5 * au[9]  # between the brows
    at.fold_forehead = 0.25 * person.age + 0.8 * np.maximum(au[1], au[2])
    at.fold_nose = 1.6 * au[9]  # across the nose's bridge
    return at

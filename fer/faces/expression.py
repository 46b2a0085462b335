"""An emotion moves muscles; the Facial Action Coding System (FACS) numbers what they do.

    AU1  inner brow raised    AU6  cheek raised        AU12 lip corners pulled up      AU23 lips tightened
    AU2  outer brow raised    AU7  lids tightened      AU15 lip corners pulled down    AU24 lips pressed
    AU4  brow lowered         AU9  nose wrinkled       AU17 chin raised                AU25 lips parted
    AU5  upper lid raised     AU10 upper lip raised    AU20 lips stretched             AU26 jaw dropped

Each emotion shows in several combinations of them. A face takes one of its emotion's combinations, at an
intensity that may be low, some units stronger than others. And no face is completely at rest: each has
traces of units that have no part in its emotion. So weak expressions resemble neutral faces, and the classes
overlap.

Sources: P. Ekman and W. V. Friesen, "Facial Action Coding System" (1978), table 11-1 of the Investigator's
Guide, and "EMFACS-7" (1984). The combinations below follow their major variants; which to take, and each with
the same chance, is our choice.
"""

import numpy as np

from fer.emotions import EMOTIONS

COMBINATIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "Angry": ((4, 5, 7, 24), (4, 7, 23), (4, 5, 7, 17, 23), (4, 5, 7, 23, 25, 26)),
    "Disgust": ((9, 10, 17), (9, 10, 25), (4, 7, 9, 10, 25), (9, 10, 25, 26)),
    "Fear": ((1, 2, 4, 5, 20, 25), (1, 2, 4, 5, 20, 25, 26), (1, 2, 4, 5, 7, 20)),
    "Happy": ((6, 12), (6, 12, 25), (6, 12, 25, 26), (12, 25)),
    "Sad": ((1, 4, 15), (1, 4, 15, 17), (1, 4, 7, 15), (1, 15, 17)),
    "Surprise": ((1, 2, 5, 25, 26), (1, 2, 25, 26), (1, 2, 5, 25)),
    "Neutral": ((),),
}
UNITS = sorted({unit for combinations in COMBINATIONS.values() for units in combinations for unit in units})

WEAKEST = 0.55  # the lowest intensity of an expression as a whole; 1 is the strongest
EVENNESS = 0.7  # the least that a unit of the combination has of the whole's intensity
UNREST = 0.18  # the strongest trace of a unit that has no part


def action_units(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the intensities, 0 … 1, of faces of these emotions: au[12] is AU12 of each face, (N, 1, 1).

    Args:
        labels: (N,) integers, indices into ``EMOTIONS``.
        rng: ``numpy.random.Generator``.
    """
    part = np.zeros((max(UNITS) + 1, len(labels)), bool)  # does the unit take part in the face's combination?
    choice = rng.random(len(labels))
    for label, emotion in enumerate(EMOTIONS):
        combinations = COMBINATIONS[emotion]
        for i, units in enumerate(combinations):
            part[list(units)] |= (labels == label) & (np.floor(choice * len(combinations)) == i)
    strength = rng.uniform(WEAKEST, 1.0, len(labels)) * rng.uniform(EVENNESS, 1.0, part.shape)
    trace = UNREST * rng.random(part.shape) ** 2
    return np.where(part, strength, trace).astype(np.float32)[:, :, None, None]

import numpy as np

from fer.emotions import EMOTIONS
from fer.faces.expression import COMBINATIONS, EVENNESS, UNITS, UNREST, WEAKEST, action_units


def units_shown(label, rng, count=400):
    """Return which units each of ``count`` faces shows more strongly than any trace."""
    au = action_units(np.full(count, label), rng)[:, :, 0, 0]
    assert au.dtype == np.float32
    assert au.min() >= 0
    assert au.max() <= 1
    shown = au > UNREST
    assert (au[shown] >= np.float32(WEAKEST * EVENNESS)).all()
    return {tuple(np.flatnonzero(face)) for face in shown.T}


def test_every_face_shows_one_of_its_emotions_combinations_and_each_combination_occurs(rng):
    for label, emotion in enumerate(EMOTIONS):
        assert units_shown(label, rng) == set(COMBINATIONS[emotion])


def test_traces_of_units_without_a_part_are_weaker_than_any_part():
    assert UNREST < WEAKEST * EVENNESS


def test_no_two_emotions_share_a_combination():
    combinations = [units for emotion in EMOTIONS for units in COMBINATIONS[emotion]]
    assert len(combinations) == len(set(combinations))
    assert list(COMBINATIONS) == list(EMOTIONS)


def test_no_face_is_wholly_at_rest(rng):
    au = action_units(np.full(50, EMOTIONS.index("Neutral")), rng)
    assert (au[UNITS].max(axis=0) > 0).all()

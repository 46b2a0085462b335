import numpy as np
import pytest

from fer.faces.anatomy import PERSON, TRAITS, landmarks, sample
from fer.faces.expression import UNITS
from tests.fer.faces.sitters import action, person

UP, DOWN, MORE, LESS = -1, 1, 1, -1  # y points down
MOVES = [
    (1, "brow_inner_y", UP),
    (2, "brow_outer_y", UP),
    (4, "brow_inner_y", DOWN),
    (4, "brow_inner_x", LESS),  # drawn together
    (5, "lid_upper", MORE),
    (6, "lid_lower", LESS),
    (6, "cheek", MORE),
    (7, "lid_upper", LESS),
    (7, "lid_lower", LESS),
    (9, "nose_y", UP),
    (9, "fold_nose", MORE),
    (10, "mouth_y", UP),
    (10, "gap_upper", MORE),
    (10, "fold_mouth", MORE),
    (12, "corner_y", UP),
    (12, "mouth_width", MORE),
    (15, "corner_y", DOWN),
    (17, "mouth_y", UP),
    (17, "chin_boss", MORE),
    (20, "mouth_width", MORE),
    (23, "lip_upper", LESS),
    (24, "lip_lower", LESS),
    (25, "gap_upper", MORE),
    (25, "gap_lower", MORE),
    (26, "gap_lower", MORE),
    (26, "chin_y", DOWN),
]


@pytest.mark.parametrize(("unit", "landmark", "direction"), MOVES)
def test_an_action_unit_moves_its_landmark_the_further_the_stronger_it_is(unit, landmark, direction):
    places = [getattr(landmarks(person(), action(unit, intensity=i)), landmark).item() for i in (0, 0.4, 1)]
    assert (np.diff(places) * direction > 0).all(), places


def test_every_action_unit_moves_something():
    assert {unit for unit, _, _ in MOVES} == set(UNITS)


def test_the_face_at_rest_is_the_persons_own_with_closed_lips():
    sitter, at = person(), landmarks(person(), action())
    assert at.gap_upper.item() == at.gap_lower.item() == 0
    for name in ("mouth_width", "nose_width", "nose_y", "chin_y", "lip_upper", "lip_lower"):
        assert getattr(at, name) == getattr(sitter, name)
    assert at.corner_y == sitter.mouth_rest
    assert at.lid_upper == sitter.eye_open


def test_a_raised_inner_brow_resists_the_frown():
    alone, both = landmarks(person(), action(4)), landmarks(person(), action(1, 4))
    slope = [(at.brow_outer_y - at.brow_inner_y).item() for at in (alone, both)]
    assert slope[0] < 0 < slope[1]  # anger slants down to the nose, sadness up


def test_a_person_lies_within_the_table(rng):
    people = sample(PERSON, TRAITS, 300, rng)
    for name, (low, high) in PERSON.items():
        values = getattr(people, name)
        assert values.shape == (300, 1, 1)
        assert np.float32(low) <= values.min() < values.max() <= np.float32(high)
    for name, chance in TRAITS.items():
        values = getattr(people, name)
        assert set(values.ravel()) == {0, 1}
        assert values.mean() == pytest.approx(chance, abs=5 * np.sqrt(chance / 300))

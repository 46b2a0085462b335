import numpy as np
import pytest

from fer.faces.anatomy import PERSON, TRAITS, sample
from fer.faces.camera import CHANCES, SCENE, photograph
from fer.faces.expression import action_units
from fer.faces.pose import POSE, Face
from tests.fer.faces.sitters import action, person, picture, scene


def darkness(image, rows, columns):
    """Return the dark pixels of a region: the mean row on which they lie, and how many there are."""
    dark = np.clip(110.0 - image[rows, columns], 0, None)
    row = np.arange(48)[rows][:, None]
    return (row * dark).sum() / dark.sum(), (dark > 60).sum()


BRIGHT = {
    "skin": 0.8,
    "hair": 0.05,
    "hairline": -22.0,
    "hair_round": 0.0,
    "hair_volume": 0.0,
    "hair_parting": 0.0,
}
INNER_BROW = (slice(8, 16), slice(17, 21))
OUTER_BROW = (slice(8, 16), slice(9, 13))
MOUTH = (slice(33, 45), slice(18, 30))
CORNER = (slice(33, 42), slice(16, 20))


@pytest.mark.parametrize(
    ("unit", "region", "direction"),
    [(1, INNER_BROW, -1), (2, OUTER_BROW, -1), (4, INNER_BROW, 1), (12, CORNER, -1), (15, CORNER, 1)],
)
def test_an_action_unit_moves_what_is_drawn(unit, region, direction):
    at_rest, moved = (darkness(picture(au, person(**BRIGHT)), *region)[0] for au in (action(), action(unit)))
    assert (moved - at_rest) * direction > 0.5


def test_a_dropped_jaw_opens_a_dark_mouth_and_a_smile_shows_teeth():
    closed, open_, grin = (picture(au, person(**BRIGHT)) for au in (action(), action(25, 26), action(12, 25)))
    assert darkness(open_, *MOUTH)[1] > 2 * darkness(closed, *MOUTH)[1]
    assert grin[MOUTH].max() > closed[MOUTH].max()


def test_a_raised_lid_shows_more_of_the_eye():
    eye = (slice(14, 22), slice(12, 21))
    dim = person(**BRIGHT | {"skin": 0.4})  # so that the whites are the brightest part
    assert picture(action(5), dim)[eye].max() > picture(action(7), dim)[eye].max()


def test_a_face_seen_in_a_mirror():
    turn = {
        "yaw": 0.3,
        "roll": 0.1,
        "shift_x": 1.2,
        "gaze_x": 0.6,
        "light_x": 0.7,
        "hand_x": 5.0,
        "hand_angle": 0.4,
    }
    wall = {"wall_slope": 0.2, "hand": 1.0, "ambient": 0.4}
    features = {"hair_curl": 0.0, "glasses": 1.0, "beard": 1.0}
    seen = picture(action(12, 25), person(hair_parting=0.3, **features), wall_angle=0.5, **turn, **wall)
    turn = {name: -value for name, value in turn.items()}
    mirrored = picture(
        action(12, 25), person(hair_parting=-0.3, **features), wall_angle=np.pi - 0.5, **turn, **wall
    )
    np.testing.assert_allclose(mirrored, seen[:, ::-1], atol=1)
    assert np.abs(seen - seen[:, ::-1]).mean() > 10


def test_light_from_the_left_brightens_the_left_cheek():
    bald = person(bald=1.0)
    left, right = (picture(action(), bald, light_x=x, ambient=0.4) for x in (-0.8, 0.8))
    cheeks = (slice(24, 32), slice(10, 16)), (slice(24, 32), slice(32, 38))
    assert left[cheeks[0]].mean() > left[cheeks[1]].mean() + 20
    assert right[cheeks[1]].mean() > right[cheeks[0]].mean() + 20


def test_exposure_sets_brightness_and_contrast():
    image = picture(action(), brightness=0.5, contrast=0.15) / 255
    assert image.mean() == pytest.approx(0.5, abs=0.01)
    assert image.std() == pytest.approx(0.15, abs=0.01)


def test_a_shift_moves_the_head_by_as_many_pixels():
    still = picture(action(), person(bald=1.0), shift_x=-1.0, shift_y=0.0)
    shifted = picture(action(), person(bald=1.0), shift_x=1.0, shift_y=-1.0)
    np.testing.assert_allclose(shifted[12:34, 14:34], still[13:35, 12:32], atol=6)


def test_no_feature_is_cut_off_by_the_band_of_rows_it_is_drawn_in(monkeypatch):
    """Whatever the pose: the bands only save time."""

    def photographs():
        rng = np.random.default_rng(3)
        people, scenes = sample(PERSON, TRAITS, 300, rng), sample(POSE | SCENE, CHANCES, 300, rng)
        return photograph(people, action_units(np.arange(300) % 7, rng), scenes, rng)

    in_bands = photographs()
    monkeypatch.setattr(Face, "rows", lambda face, first, last: face)
    np.testing.assert_array_equal(photographs(), in_bands)


def test_noise_comes_from_the_generator():
    noisy = [
        photograph(person(), action(), scene(noise=0.02), np.random.default_rng(seed)).astype(float)
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(noisy[0], noisy[1])
    assert 2 < (noisy[2] - noisy[0]).std() < 10  # √2 · 0.02 · 255 = 7.2, less where clipped

"""Which map of --explain agrees with occlusion, on faces whose mouth or brows decide."""

import itertools

import numpy as np
import pytest

from fer.errors import BadInput
from fer.networks import inference, map_agreement
from tests.fer.readers import reader


@pytest.fixture(scope="module")
def tiny():
    model = inference.open_run("tiny").model
    return model, map_agreement.pairs(model, 6)


def test_the_muscles_decide(tiny):
    model, faces = tiny
    assert len(faces.images) > 10
    assert inference.probabilities(model, faces.images).argmax(axis=1).tolist() == faces.classes.tolist()
    assert 0.1 < faces.evidence.mean() < 0.4


@pytest.mark.parametrize(("units", "rows"), [((12, 25, 26), slice(24, 48)), ((1, 2, 5), slice(0, 30))])
def test_two_drawings_differ_where_the_muscles_are(units, rows):
    with_them, without = (map_agreement.draw(each, 20, seed=1).astype(int) for each in (units, ()))
    evidence = map_agreement._near(np.abs(with_them - without))
    assert evidence[:, rows].sum() > 0.95 * evidence.sum()
    np.testing.assert_array_equal(without, map_agreement.draw((), 20, seed=1))


def test_near_is_four_pixels_to_each_side():
    changed = np.zeros((1, 48, 48))
    changed[0, 10, 20] = 9
    expected = np.zeros((48, 48), bool)
    expected[6:15, 16:25] = True
    np.testing.assert_array_equal(map_agreement._near(changed)[0], expected)


def test_correlations_are_numpy_s(rng):
    maps, others = rng.normal(size=(2, 3, 5, 6))
    others[1] += maps[1]
    expected = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(maps, others)]
    np.testing.assert_allclose(map_agreement.correlations(maps, others), expected, rtol=1e-12)
    assert map_agreement.correlations(np.ones((1, 5, 6)), others[:1]).tolist() == [0]


@pytest.mark.slow
def test_the_map_that_is_shown_agrees_better_with_occlusion_than_grad_cam(tiny, monkeypatch):
    """What docs/fer.md says; python -m fer.networks.map_agreement tiny prints it for more faces and all layers."""
    monkeypatch.setattr(map_agreement, "candidates", _defaults(map_agreement.candidates))
    found = {name: numbers for name, *numbers in map_agreement.table(*tiny)}
    spot, hidden, grad_cam, hires_cam = (
        found[name]
        for name in (
            map_agreement.SPOT, map_agreement.OCCLUSION, map_agreement.GRAD_CAM, map_agreement.HIRES_CAM,
        )
    )  # fmt: skip
    assert hidden[0] == pytest.approx(1)
    assert spot[2] == pytest.approx(1)
    assert hires_cam[0] > grad_cam[0] + 0.1 > spot[0]
    assert hidden[1] > 0.7
    assert hires_cam[1] > 0.6 > 0.4 > grad_cam[1]
    assert grad_cam[2] > 0.75 > 0.6 > hires_cam[2]


def _defaults(candidates):
    return lambda *arguments: itertools.islice(candidates(*arguments), 5)


def test_the_command_prints_the_table(monkeypatch, capsys):
    monkeypatch.setattr(map_agreement, "DRAWN", 2)
    monkeypatch.setattr(map_agreement, "candidates", _defaults(map_agreement.candidates))
    map_agreement.main(["tiny"])
    printed = capsys.readouterr().out
    assert "faces whose mouth or brows decide (" in printed
    assert [line[:20].rstrip() for line in printed.splitlines()[-5:]] == [
        "a spot in the middle", "occlusion", "input gradient, abso", "Grad-CAM", "HiResCAM",
    ]  # fmt: skip


def test_a_network_that_no_muscle_moves_is_refused():
    with pytest.raises(BadInput, match="no drawn face's emotion is decided by its mouth or brows"):
        map_agreement.pairs(reader(), 1)

"""Calibration beside its definition, and intervals beside published ones."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.reports import calibration

FACES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def of(pairs):
    confidence, right = (np.array(column) for column in zip(*pairs))
    return calibration.calibrate(confidence, right)


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [  # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3: score method without correction
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_s_interval_is_the_published_one(right, count, low, high):
    assert calibration.wilson(right / count, count) == pytest.approx((low, high), abs=5e-5)
    mirrored = calibration.wilson(1 - right / count, count)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_of_no_faces_the_interval_is_everything():
    assert calibration.wilson(0.0, 0) == (0, 1)


@given(st.integers(1, 60), st.floats(0, 1))
def test_the_mean_deviation_is_that_of_all_outcomes(count, chance):
    outcomes = [math.comb(count, k) * chance**k * (1 - chance) ** (count - k) for k in range(count + 1)]
    expected = sum(share * abs(k / count - chance) for k, share in enumerate(outcomes))
    assert calibration.mean_deviation(count, chance) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_the_error_by_chance_is_what_exact_confidences_give():
    rng = np.random.default_rng(0)
    confidence = np.repeat([0.35, 0.62, 0.91], [40, 100, 60])
    errors = [calibration.calibrate(confidence, rng.random(200) < confidence).error for _ in range(4000)]
    found = calibration.calibrate(confidence, confidence > 0.5).error_by_chance
    assert found == pytest.approx(np.mean(errors), abs=4 * np.std(errors) / math.sqrt(4000))


@given(FACES, st.integers(1, 30))
def test_groups_are_neighbours_of_enough_faces(pairs, least):
    whole = of(pairs)
    groups = whole.grouped(least)
    assert groups.counts.sum() == whole.counts.sum()
    assert (groups.counts >= min(least, len(pairs))).all()
    assert (groups.edges[0], groups.edges[-1]) == (0, 1)
    assert set(groups.edges) <= set(whole.edges)
    confidence, right = (np.array(column) for column in zip(*pairs))
    for number, (low, high) in enumerate(zip(groups.edges, groups.edges[1:])):
        inside = (confidence > low) & (confidence <= high) | (confidence == 0) & (low == 0)
        # an edge such as 1/15 may be rounded to either side
        if inside.sum() == groups.counts[number]:
            assert groups.accuracy[number] == pytest.approx(right[inside].mean())
            assert groups.confidence[number] == pytest.approx(confidence[inside].mean(), abs=1e-9)


def test_groups_by_hand():
    # bins 1, 4, 5, 8 and 15 hold 3, 1, 1, 2 and 1 faces
    confidence = np.array([0.01, 0.02, 0.03, 0.25, 0.3, 0.5, 0.51, 0.99])
    right = np.array([1, 0, 0, 1, 0, 1, 1, 1], bool)
    groups = calibration.calibrate(confidence, right).grouped(2)
    assert groups.counts.tolist() == [3, 2, 3]  # the last one alone would be too few
    assert groups.accuracy == pytest.approx([1 / 3, 1 / 2, 1])
    assert groups.confidence == pytest.approx([0.02, 0.275, 2.0 / 3])
    assert groups.edges == pytest.approx([0, 1 / 15, 5 / 15, 1])
    assert groups.intervals[1] == pytest.approx(calibration.wilson(0.5, 2))


def test_rows_have_the_interval():
    rows = calibration.calibrate(np.array([0.9, 0.92]), np.array([True, False])).rows()
    assert rows[13] == (0.8667, 0.9333, 2, pytest.approx(0.91), 0.5, *calibration.wilson(0.5, 2))
    assert rows[0] == (0.0, 0.0667, 0, None, None, None, None)

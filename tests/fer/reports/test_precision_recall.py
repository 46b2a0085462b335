"""Average precision beside scikit-learn's published examples and its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.reports.precision_recall import curve


def test_scikit_learn_s_example():
    # of its documentation: average_precision_score gives 0.83…, precision_recall_curve, from the lowest threshold,
    # precision [0.5, 2/3, 0.5, 1, 1], recall [1, 1, 0.5, 0.5, 0]
    found = curve(np.array([0, 0, 1, 1], bool), np.array([0.1, 0.4, 0.35, 0.8]))
    assert found.precision[::-1] == pytest.approx([0.5, 2 / 3, 0.5, 1])
    assert found.recall[::-1] == pytest.approx([1, 1, 0.5, 0.5])
    assert found.average_precision == pytest.approx(0.8333333333333333)
    assert found.share == 0.5


def test_a_class_without_faces_has_no_curve():
    assert curve(np.zeros(3, bool), np.ones(3)) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40))
def test_each_point_is_a_threshold(pairs):
    member, score = (np.array(column) for column in zip(*pairs))
    found = curve(member, score)
    if not member.any():
        assert found is None
        return
    thresholds = np.unique(score)[::-1]
    area, before = 0.0, 0.0
    for number, threshold in enumerate(thresholds):
        chosen = score >= threshold
        precision, recall = member[chosen].mean(), member[chosen].sum() / member.sum()
        assert (found.precision[number], found.recall[number]) == pytest.approx((precision, recall))
        area, before = area + (recall - before) * precision, recall
    assert len(found.recall) == len(thresholds)
    assert found.average_precision == pytest.approx(area)
    assert found.share == pytest.approx(member.mean())


def test_answers_that_say_nothing_have_the_class_s_share():
    assert curve(np.array([1, 0, 0, 0], bool), np.ones(4)).average_precision == 0.25
    assert curve(np.array([1, 1, 0, 0], bool), np.array([4, 3, 2, 1])).average_precision == 1

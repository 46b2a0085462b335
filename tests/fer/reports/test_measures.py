import csv
import io
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.emotions import EMOTIONS
from fer.reports import measures


def sure(predicted):
    """Return probabilities whose first choice is ``predicted`` and whose second is the next emotion."""
    predicted = np.asarray(predicted)
    probabilities = np.full((len(predicted), 7), 0.01)
    probabilities[np.arange(len(predicted)), predicted] = 0.7
    probabilities[np.arange(len(predicted)), (predicted + 1) % 7] = 0.2
    return probabilities


def test_figures_by_hand():
    # Two of three Angry found, one taken for Happy; the Happy one taken for Angry; Sad found.
    report = measures.measure(np.array([0, 0, 0, 3, 4]), sure([0, 0, 3, 0, 4]))
    assert report.samples == 5
    assert report.accuracy == 3 / 5
    assert report.standard_error == pytest.approx((0.6 * 0.4 / 5) ** 0.5)
    assert report.top2 == 3 / 5  # nothing right in second place
    angry, sad = report.scores.classes[0], report.scores.classes[4]
    assert (angry.precision, angry.recall, angry.support) == (2 / 3, 2 / 3, 3)
    assert (sad.precision, sad.recall, sad.f1, sad.support) == (1, 1, 1, 1)
    assert report.confusion[0].tolist() == [2, 0, 0, 1, 0, 0, 0]
    assert report.confusion[3].tolist() == [1, 0, 0, 0, 0, 0, 0]


def test_the_second_choice_counts_in_top2_only():
    report = measures.measure(np.array([1, 2, 3]), sure([0, 2, 6]))
    assert report.accuracy == pytest.approx(1 / 3)
    assert report.top2 == pytest.approx(2 / 3)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans()), min_size=1, max_size=40),
)
def test_without_copies_the_figures_are_those_of_the_other_faces(triples):
    labels, predicted, copies = (np.array(column) for column in zip(*triples))
    report = measures.measure(labels, sure(predicted), copies)
    assert report.samples == len(labels)
    assert report.accuracy == pytest.approx((labels == predicted).mean())
    rest, text = report.without_copies, report.to_text("")
    if copies.all() or not copies.any():
        assert rest is None
        assert "without" not in text
        assert "without_copies" not in report.to_dict()
        return
    right = (labels == predicted)[~copies]
    assert (rest.samples, rest.accuracy) == (len(right), pytest.approx(right.mean()))
    assert f"without copies     {rest.accuracy:.2%} ± {rest.standard_error:.2%} ({len(right)} faces)" in text
    assert report.to_dict()["without_copies"] == {
        "samples": len(right),
        "accuracy": rest.accuracy,
        "standard_error": rest.standard_error,
    }


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=40))
def test_figures_are_counts(pairs):
    labels, predicted = np.array(pairs).T
    report = measures.measure(labels.astype(np.uint8), sure(predicted))
    seen = Counter(pairs)
    assert all(report.confusion[pair] == seen[pair] for pair in np.ndindex(7, 7))
    assert report.samples == len(pairs)
    assert report.accuracy == pytest.approx((labels == predicted).mean())
    assert report.top2 == pytest.approx(((labels == predicted) | (labels == (predicted + 1) % 7)).mean())


def test_tables_hold_the_figures(rng):
    labels = rng.integers(0, 7, 100)
    report = measures.measure(labels, rng.dirichlet(np.ones(7), 100))
    header, *rows = csv.reader(io.StringIO(report.confusion_csv()))
    assert header[1:] == list(EMOTIONS)
    assert [row[0] for row in rows] == list(EMOTIONS)
    assert [[int(count) for count in row[1:]] for row in rows] == report.confusion.tolist()

    values = json.loads(json.dumps(report.to_dict()))
    assert values["accuracy"] == report.accuracy
    assert values["classes"][4] == {"name": "Sad", **values["classes"][4]}
    assert values["classes"][4]["support"] == (labels == 4).sum()

    text = report.to_text("Some title")
    assert text.startswith("Some title\n")
    sad = next(line for line in text.splitlines() if line.startswith("Sad")).split()
    assert float(sad[1]) == pytest.approx(report.scores.classes[4].precision, abs=1e-4)
    assert f"accuracy           {report.accuracy:.2%} ± {report.standard_error:.2%} (100 faces)" in text
    assert f"calibration error  {report.calibration.error:.2%}" in text

    shares = np.array([row[1:] for row in csv.reader(io.StringIO(report.shares_csv()))][1:], float)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=4e-4)
    np.testing.assert_allclose(np.diag(shares), [each.recall for each in report.scores.classes], atol=5e-5)


@pytest.mark.parametrize(("labels", "shape"), [([1, 2], (3, 7)), ([1, 2], (2, 6)), ([], (0, 7))])
def test_shapes_that_do_not_fit_are_named(labels, shape):
    with pytest.raises(ValueError, match=r"probabilities has shape \(\d, \d\) for \d labels"):
        measures.measure(np.array(labels, int), np.zeros(shape))


def test_a_calibration_error_by_hand():
    # Two bins: 0.90 and 0.92, of which one is right; 0.5, which is right.
    calibration = measures.calibrate(np.array([0.90, 0.92, 0.5]), np.array([True, False, True]))
    assert calibration.error == pytest.approx(2 / 3 * abs(0.5 - 0.91) + 1 / 3 * abs(1 - 0.5))
    assert calibration.counts[13] == 2
    assert calibration.counts[7] == 1
    rows = list(csv.DictReader(io.StringIO(measures.measure(np.array([1]), sure([1])).calibration_csv())))
    assert [row["faces"] for row in rows] == ["0"] * 10 + ["1"] + ["0"] * 4
    assert (rows[10]["confidence"], rows[10]["accuracy"], rows[0]["accuracy"]) == ("0.7", "1.0", "")


@pytest.mark.parametrize(
    ("confidence", "place"), [(1 / 15, 0), (1 / 15 + 1e-9, 1), (0.0, 0), (1.0, 14), (1.0 + 1e-7, 14)]
)
def test_a_bin_holds_its_upper_edge(confidence, place):
    assert measures.calibrate(np.array([confidence]), np.array([True])).counts[place] == 1


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_the_calibration_error_is_its_definition(pairs):
    confidence, right = (np.array(column) for column in zip(*pairs))
    error = 0.0
    for b in range(15):
        inside = (b < confidence * 15) & (confidence * 15 <= b + 1) | (b == 0) & (confidence == 0)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert measures.calibrate(confidence, right).error == pytest.approx(error, abs=1e-12)

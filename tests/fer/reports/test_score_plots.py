"""Figures of an evaluation hold the numbers of the report."""

import io
import itertools
import warnings

import numpy as np
import pytest

from fer.emotions import EMOTIONS
from fer.reports import measures, score_plots
from fer.reports.plots import COLOURS

LONG = ("a very long name of a class which never ends", "$x_{$", "C", *(f"class {k}" for k in range(9)))


def draw(figure):
    """Draw a figure: what cannot be drawn, or not laid out, warns, and so fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO(), format="png", dpi=50)


def reported(count, classes=EMOTIONS, empty=(), seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.resize([k for k in range(len(classes)) if k not in empty], count))
    shares = rng.dirichlet(np.ones(len(classes)), count)
    shares[np.arange(count), labels] += 0.3
    return labels, measures.measure(
        labels, shares / shares.sum(axis=1, keepdims=True), classes=tuple(classes)
    )


CASES = {
    "seven": reported(200),
    "two": reported(150, ("gloomy", "cheerful")),
    "twelve": reported(300, LONG, empty=(1, 5)),
    "one face": reported(1),
    "one class": reported(50, empty=range(1, 7)),
}
each = pytest.mark.parametrize(("labels", "report"), CASES.values(), ids=CASES)


@each
def test_the_calibration_s_points_are_groups_of_enough_faces(labels, report):
    figure = score_plots.calibration(report, "a title")
    draw(figure)
    above, below = figure.axes
    groups = report.calibration.grouped()
    line, _, (bars,) = above.containers[0]
    np.testing.assert_allclose(line.get_xydata(), np.transpose([groups.confidence, groups.accuracy]))
    spans = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(spans, groups.intervals, atol=1e-12)
    assert [bar.get_height() for bar in below.patches] == report.calibration.counts.tolist()
    error, chance = report.calibration.error, report.calibration.error_by_chance
    title = f"expected calibration error {error:.1%}\n({chance:.1%} if the confidence is exactly right)"
    assert above.get_title() == title


@each
def test_bars_and_marks_are_f1_precision_and_recall(labels, report):
    figure = score_plots.scores(report, "a title")
    draw(figure)
    (axes,) = figure.axes
    rows = report.scores.classes
    filled = [k for k, row in enumerate(rows) if row.support]
    assert [bar.get_width() for bar in axes.patches] == [rows[k].f1 for k in filled]
    precision, recall, mean = axes.lines
    np.testing.assert_allclose(precision.get_xydata(), [[rows[k].precision, k] for k in filled])
    np.testing.assert_allclose(recall.get_xydata(), [[rows[k].recall, k] for k in filled])
    assert list(mean.get_xdata()) == [report.scores.macro.f1] * 2
    texts = [text.get_text() for text in axes.texts]
    assert texts.count("no faces") == len(rows) - len(filled)
    assert [text for text in texts if text != "no faces"] == [f"{rows[k].f1:.2f}" for k in filled]
    assert axes.get_yticklabels()[0].get_text().endswith(f" ({rows[0].support:,})")


@each
def test_each_class_has_its_curve_of_precision_and_recall(labels, report):
    figure = score_plots.precision_recall(report, "a title")
    draw(figure)
    for axes, curve in zip(figure.axes, report.curves):
        texts = [text.get_text() for text in axes.texts]
        if curve is None:
            assert texts == ["no faces"]
            assert axes.get_title().endswith(": no faces")
            continue
        *others, own, share = axes.lines
        corners = own.get_xydata()
        np.testing.assert_allclose(corners[1:], np.transpose([curve.recall, curve.precision]))
        assert corners[0].tolist() == [0, curve.precision[0]]
        # the area under steps-pre, as matplotlib draws them
        area = sum((b[0] - a[0]) * b[1] for a, b in itertools.pairwise(corners))
        assert axes.get_title().endswith(f": AP {area:.2f}")
        assert own.get_drawstyle() == "steps-pre"
        assert len(others) == sum(other is not None for other in report.curves) - 1
        assert list(share.get_ydata()) == [curve.share] * 2


def test_of_many_classes_those_with_the_most_faces_are_drawn():
    classes = [f"class {k}" for k in range(30)]
    labels = np.concatenate([np.arange(30), np.arange(6, 30)])
    report = measures.measure(labels, np.eye(30)[labels], classes=tuple(classes))
    figure = score_plots.precision_recall(report)
    draw(figure)
    assert [axes.get_title() for axes in figure.axes] == [f"class {k}: AP 1.00" for k in range(6, 30)]
    assert figure.get_suptitle() == "; 6 classes with fewer faces are not drawn"


@each
def test_points_of_the_map_have_the_colour_of_their_class(labels, report):
    rng = np.random.default_rng(1)
    points = rng.normal(size=(len(labels), 2))
    figure = score_plots.feature_map({"a": points, "b": -points}, labels, report.classes, "a title")
    draw(figure)
    for axes, sign in zip(figure.axes, (1, -1)):
        drawn = {}
        for collection in axes.collections:
            colour = collection.get_facecolor()[0, :3].tobytes()
            drawn.setdefault((colour, len(collection.get_offsets()) == 1), []).append(
                collection.get_offsets()
            )
        found = np.concatenate([one for parts in drawn.values() for one in parts])
        assert len(found) == len(labels) + len(np.unique(labels))  # and a median for each class
        medians = [sign * np.median(points[labels == k], axis=0) for k in np.unique(labels)]
        np.testing.assert_allclose(
            np.concatenate([c.get_offsets() for c in axes.collections[-len(medians) :]]), medians
        )
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    empty = [k for k in range(len(report.classes)) if k not in labels]
    assert [k for k, word in enumerate(words) if word.endswith(" (no faces)")] == empty
    styles = {(line.get_color(), line.get_marker()) for line in legend.get_lines()}
    assert len(styles) == len(report.classes)
    assert {colour for colour, _ in styles} <= set(COLOURS)

"""What a notebook and the prompt show of faces, predictions and reports: a line or a table, not pages of arrays."""

import re

import numpy as np
import pytest

import fer
from fer.data import sources, synthetic
from fer.data.dataset import FerDataset, Split
from fer.data.table import Rows
from fer.emotions import EMOTIONS
from fer.networks.predictor import Explanation, Prediction
from fer.reports import measures, survey

LINE = 240
BAD = "<script>\n\x1b[2J"


def split(count=40, classes=EMOTIONS):
    rng = np.random.default_rng(0)
    labels = np.arange(count, dtype=np.uint8) % len(classes)
    return Split(rng.integers(0, 255, (count, 48, 48), np.uint8), labels, classes)


def report():
    labels = np.arange(40) % 7
    return measures.measure(labels, np.random.default_rng(0).dirichlet(np.ones(7), 40))


def prediction(name="me.jpg"):
    shares = dict(zip(EMOTIONS, [0.01, 0.02, 0.03, 0.8, 0.04, 0.05, 0.05]))
    return Prediction("Happy", shares, sources.Face(np.zeros((48, 48), np.uint8), name))


SHOWN = {
    "split": (
        split,
        "<Split of 40 faces: Angry 6, Disgust 6, Fear 6, Happy 6, Sad 6, Surprise 5, Neutral 5>",
    ),
    "data": (
        lambda: FerDataset(split(), split(7), None, "mine.csv"),
        "<FerDataset mine.csv: train 40, validation 7>",
    ),
    "no data": (lambda: FerDataset(split(0), None, None, "mine.csv"), "<FerDataset mine.csv: no faces>"),
    "rows": (lambda: Rows(split().images, None, None), "<Rows: 40 faces, no labels, no usage>"),
    "prediction": (
        prediction,
        "<Prediction of me.jpg: Happy 80.0%, Surprise 5.0%, Neutral 5.0%, Sad 4.0%, "
        "Fear 3.0%, Disgust 2.0%, Angry 1.0%>",
    ),
    "explanation": (lambda: Explanation(*np.zeros((4, 48, 48))), "Explanation()"),
    "report": (report, f"<Report: accuracy {report()}>"),
    "survey": (
        lambda: survey.survey(FerDataset(split(), None, None, "mine.csv")),
        "<Survey of 40 faces in train: 0 groups of copies>",
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_repr_is_a_line(name):
    make, wanted = SHOWN[name]
    assert repr(make()) == wanted
    assert len(wanted) < LINE


def test_names_are_made_printable():
    for shown in (prediction(BAD), split(2, (BAD, "b")), FerDataset(split(2), None, None, BAD)):
        assert repr(shown).isprintable()


def test_the_drawn_faces_and_what_is_said_of_them_are_short():
    data = synthetic.load()
    assert len(repr(data)) < LINE
    (said,) = fer.Predictor("tiny").predict(data.test.images[:1])
    assert repr(said).startswith("<Prediction of ")
    assert len(repr(said)) < LINE


@pytest.mark.parametrize("make", [report, SHOWN["survey"][0]])
def test_reports_are_tables_in_a_notebook(make):
    html = make()._repr_html_()
    assert re.fullmatch("<pre>[^<]*</pre>", html)
    assert "Surprise" in html


def test_names_of_classes_are_escaped_in_a_notebook():
    labels, probabilities = np.array([0, 1]), np.eye(2)
    html = measures.measure(labels, probabilities, classes=("<script>", "b"))._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html

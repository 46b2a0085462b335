"""The networks that come with fer: what they say of three drawn faces; how often
they are right on the real rows.
"""

import os

import numpy as np
import pytest

import fer
from fer.data import dataset, synthetic
from fer.networks import inference
from fer.reports import measures

each = pytest.mark.parametrize("name", inference.BUNDLED)
real = pytest.mark.skipif("FER2013_DATA" not in os.environ, reason="FER2013_DATA names no real rows")

# What docs/model-card.md says: of the 3,589 PublicTest faces, with mirror images.
RIGHT = {"vgg": 2532, "tiny": 2493}
# Fitted to the PublicTest rows: python -m fer.calibrate vgg --data fer2013.csv --out mine.npz
TEMPERATURES = {
    "vgg": {"none": 1.0803, "flip": 1.0197, "shifts": 0.9815},
    "tiny": {"none": 0.9731, "flip": 0.9008, "shifts": 0.8633},
}
FACES = synthetic.draw([3, 5, 6], seed=1)
# Percent of Angry, Disgust, Fear, Happy, Sad, Surprise, Neutral for these, Happy, Surprise, Neutral, at temperature 1.
ANSWERS = {
    "vgg": [
        [8.564, 4.520, 7.219, 58.465, 7.126, 0.583, 13.522],
        [0.132, 2.538, 15.044, 0.487, 1.539, 59.918, 20.342],
        [5.990, 2.312, 19.236, 4.191, 8.347, 38.672, 21.253],
    ],
    "tiny": [
        [12.736, 3.887, 17.584, 9.422, 43.930, 9.844, 2.596],
        [1.709, 1.699, 14.919, 3.036, 6.691, 65.261, 6.685],
        [5.231, 2.807, 17.108, 20.753, 8.791, 14.655, 30.655],
    ],
}


@each
def test_three_drawn_faces(name):
    model = inference.open_run(name).model
    np.testing.assert_allclose(100 * inference.raw_probabilities(model, FACES), ANSWERS[name], atol=2e-3)
    np.testing.assert_allclose(100 * inference.probabilities(model, FACES), calibrated(name), atol=2e-3)


def calibrated(name):
    """Return ANSWERS at the temperature that python -m fer.calibrate has found for the network."""
    powers = (np.array(ANSWERS[name]) / 100) ** (1 / TEMPERATURES[name]["none"])
    return 100 * powers / powers.sum(axis=1, keepdims=True)


@each
def test_the_temperatures_are_what_the_model_card_says(name):
    assert inference.open_run(name).model.metadata["temperature"] == TEMPERATURES[name]


@each
def test_the_files_are_small(name):
    trained = inference.open_run(name)
    assert trained.path.parent == inference.WEIGHTS
    assert trained.model.name == name
    sizes = [(inference.WEIGHTS / f"{other}.npz").stat().st_size for other in inference.BUNDLED]
    assert sum(sizes) < 4_000_000


def test_a_predictor_without_a_run_has_the_larger_one():
    predictions = fer.Predictor().predict(FACES)
    shares = [list(prediction.probabilities.values()) for prediction in predictions]
    np.testing.assert_allclose(100 * np.array(shares), calibrated("vgg"), atol=2e-3)


@real
@each
def test_accuracy_on_the_real_rows_is_what_the_model_card_says(name):
    validation = dataset.load().validation
    shares = inference.probabilities(inference.open_run(name).model, validation.images, tta="flip")
    report = measures.measure(validation.labels, shares)
    right = round(report.accuracy * report.samples)
    # a face or two may be on the edge, where the last bits of another processor decide
    assert abs(right - RIGHT[name]) <= 2

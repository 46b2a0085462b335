"""The temperature beside its definition, by logits and by a search over many temperatures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.errors import BadInput
from fer.networks import inference, temperature
from tests.fer.readers import face, reader


def softmax(z):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def drawn(temperature, count, seed=0):
    """Return logits of a network and labels that are drawn from softmax(logits / temperature)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(count, 5)) * 3
    shares = softmax(logits / temperature).cumsum(axis=1)
    return logits, (shares < rng.random((count, 1))).sum(axis=1)


@given(st.floats(0.05, 20), st.integers(0, 1000))
def test_applied_is_the_softmax_of_the_divided_logits(value, seed):
    logits = np.random.default_rng(seed).normal(size=(4, 7)) * 5
    found = temperature.applied(softmax(logits), value)
    np.testing.assert_allclose(found, softmax(logits / value), rtol=1e-9, atol=1e-300)


def test_probabilities_of_0_and_1_stay_finite():
    shares = np.array([[1, 0, 0], [1e-38, 1e-38, 0]], np.float32)
    for value in (0.05, 20):
        found = temperature.applied(shares, value)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, [[1, 0, 0], [0.5, 0.5, 0]])


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_the_fit_finds_the_temperature_that_drew_the_labels(true):
    logits, labels = drawn(true, 4000)
    found, error = temperature.fit(softmax(logits), labels)
    assert abs(found - true) < 4 * error
    assert 0.005 * true < error < 0.05 * true


def test_the_fit_is_the_lowest_log_loss_of_a_fine_search():
    logits, labels = drawn(1.7, 300)
    values = np.exp(np.linspace(np.log(0.5), np.log(5), 4001))
    losses = [-np.log(softmax(logits / value)[np.arange(300), labels]).mean() for value in values]
    found, error = temperature.fit(softmax(logits), labels)
    assert found == pytest.approx(values[np.argmin(losses)], rel=1e-3)
    # the loss is a parabola in 1/T near its lowest point: half a unit in N·L is one standard error
    away = 1 / (1 / found + error / found**2)
    rise = 300 * (-np.log(softmax(logits / away)[np.arange(300), labels]).mean() - min(losses))
    assert rise == pytest.approx(0.5, rel=0.1)


def test_the_standard_error_is_the_spread_of_fits():
    fits = [temperature.fit(softmax(z), y) for z, y in (drawn(1.3, 200, seed) for seed in range(200))]
    values, errors = np.array(fits).T
    assert np.median(errors) == pytest.approx(values.std(), rel=0.15)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(49, int), "49 faces are too few to fit a temperature: expected 50 or more"),
        (np.zeros(60, int), "no temperature from 0.05 to 20.0 fits these 60 faces: 100% of the predictions"),
        (np.ones(60, int), "no temperature from 0.05 to 20.0 fits these 60 faces: 0% of the predictions"),
    ],
)
def test_faces_that_no_temperature_fits_are_refused(labels, message):
    with pytest.raises(BadInput, match=message):
        temperature.fit(np.tile([0.7, 0.3], (len(labels), 1)), labels)


def test_a_saved_temperature_is_used_by_each_member():
    model, other = reader(), reader()
    model.metadata = {"temperature": {"none": 2.0}}
    images = np.stack([face(3), face(5, 120)])
    alone = other.predict(images[..., None])
    softer = softmax(np.log(alone) / 2)
    np.testing.assert_allclose(inference.probabilities(model, images), softer, rtol=1e-5)
    np.testing.assert_allclose(inference.raw_probabilities(model, images), alone, rtol=1e-6)
    flipped = inference.probabilities(other, images, "flip")  # fitted for another way of prediction
    np.testing.assert_allclose(inference.probabilities(model, images, "flip"), flipped, rtol=1e-6)
    both = inference.probabilities(inference.Ensemble([model, other]), images)
    np.testing.assert_allclose(both, (softer + alone) / 2, rtol=1e-5)


@pytest.mark.parametrize(
    "saved", [2.0, {"none": 0}, {"none": float("nan")}, {"none": "1"}, {"crop": 1.0}, [1.0]]
)
def test_what_is_no_temperature_is_named(saved, tmp_path):
    with pytest.raises(
        BadInput, match=r"the network's temperature is .*; expected a number from 0\.05 to 20\.0"
    ):
        temperature.of({"temperature": saved}, "none")
    if saved == {"none": "1"}:
        model = reader()
        model.metadata = {"temperature": saved}
        model.save(tmp_path / "model.npz")
        with pytest.raises(BadInput, match=r"model.npz: the network's temperature is"):
            inference.open_run(tmp_path / "model.npz")

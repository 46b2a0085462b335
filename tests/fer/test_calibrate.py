import numpy as np
import pytest

from fer import calibrate
from fer.errors import BadInput
from fer.networks import inference, temperature
from fer.networks.views import TTA
from fer.reports import calibration
from minicnn import saving
from tests.fer.readers import PER_GRAY_VALUE, face, reader, write_data, write_run

pytestmark = pytest.mark.usefixtures("no_default_data")


def faces(count, seed):
    """Return faces that the reader is surer of than it should be: at temperature 2 it would be exactly as sure."""
    rng = np.random.default_rng(seed)
    shown, grays = rng.integers(0, 7, count), rng.integers(150, 256, count)
    powers = np.exp(grays * PER_GRAY_VALUE / 2)
    other = (shown + rng.integers(1, 7, count)) % 7
    labels = np.where(rng.random(count) < powers / (powers + 6), shown, other)
    return [(face(k, gray), label) for k, gray, label in zip(shown, grays, labels)]


@pytest.fixture
def run(tmp_path):
    splits = {"train": [(face(1), 1)], "validation": faces(200, 0), "test": faces(80, 1)}
    return write_run(tmp_path / "runs" / "001", data=write_data(tmp_path / "faces.npz", **splits))


def error(shares, labels):
    return calibration.calibrate(shares.max(axis=1), shares.argmax(axis=1) == labels).error


def test_the_temperatures_are_saved_and_used(run, capsys):
    before = saving.read(run / "model_best.npz")
    calibrate.main([str(run)])
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == f"Saved in {run / 'model_best.npz'}."
    config, arrays = saving.read(run / "model_best.npz")
    saved = config.pop("metadata")["temperature"]
    assert config == before[0]  # nothing else has changed
    assert all(np.array_equal(arrays[name], array) for name, array in before[1].items())
    trained = inference.open_run(run)
    validation = trained.data().validation
    for line, tta in zip(printed[1:], TTA):
        shares = inference.raw_probabilities(trained.model, validation.images, tta)
        found, spread = temperature.fit(shares, validation.labels)
        assert saved[tta] == pytest.approx(found, abs=5e-5)
        used = inference.probabilities(trained.model, validation.images, tta)
        np.testing.assert_allclose(used, temperature.applied(shares, saved[tta]), rtol=1e-6)
        assert line.startswith(f"{tta:8}{found:.3f} ± {spread:.3f}")
        assert f"{error(shares, validation.labels):.2%}" in line
        assert f"{error(used, validation.labels):.2%}" in line


def test_the_error_is_also_that_of_rows_that_chose_no_temperature(run):
    _, (fit, *_) = calibrate.run(run)
    trained = inference.open_run(run)
    data = trained.data()
    unseen = inference.raw_probabilities(trained.model, data.test.images)
    softer = temperature.applied(unseen, fit.temperature)
    assert fit.test == pytest.approx((error(unseen, data.test.labels), error(softer, data.test.labels)))
    shares, labels = (
        inference.raw_probabilities(trained.model, data.validation.images),
        data.validation.labels,
    )
    halves = np.array_split(np.random.default_rng(0).permutation(len(labels)), 2)
    crossed = np.empty_like(shares)
    for half, other in (halves, halves[::-1]):
        value, _ = temperature.fit(shares[other], labels[other])
        crossed[half] = temperature.applied(shares[half], value)
    assert fit.crossed == pytest.approx(error(crossed, labels))
    assert fit.before == pytest.approx(error(shares, labels))
    # of 600 such faces the confidence is too high by far, and no longer so at the temperature of these 200
    more, truth = (np.array(column) for column in zip(*faces(600, 2)))
    raw = inference.raw_probabilities(trained.model, more)
    assert error(temperature.applied(raw, fit.temperature), truth) < 0.5 * error(raw, truth)


def test_without_test_rows_nothing_is_said_about_them(tmp_path, capsys):
    data = write_data(tmp_path / "faces.npz", train=[(face(1), 1)], validation=faces(200, 0))
    reader().save(tmp_path / "model.npz")
    calibrate.main([str(tmp_path / "model.npz"), "--data", str(data), "--out", str(tmp_path / "new.npz")])
    assert "test" not in capsys.readouterr().out.splitlines()[0]
    assert not inference.open_run(tmp_path / "model.npz").model.metadata
    assert set(inference.open_run(tmp_path / "new.npz").model.metadata["temperature"]) == set(TTA)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["vgg", "--data", "faces.npz"],
            "vgg comes with fer and is not changed: give a new file, --out mine.npz",
        ),
        (["runs/001", "--out", "faces.npz"], "faces.npz: expected a new file, whose name ends in .npz"),
        (["runs/001", "--out", "new.onnx"], "new.onnx: expected a new file, whose name ends in .npz"),
        (["runs/001", "--data", "few.npz"], "1 faces are too few to fit a temperature: expected 50 or more"),
        (["nowhere"], "nowhere does not exist"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(run, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    write_data(tmp_path / "few.npz", train=[(face(1), 1)], validation=[(face(1), 1)])
    before = (run / "model_best.npz").read_bytes()
    with pytest.raises(SystemExit) as stopped:
        calibrate.main(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert (run / "model_best.npz").read_bytes() == before


def test_a_run_that_is_trained_at_present_is_left_alone(run):
    from fer import runs

    with runs.Run(run).locked(), pytest.raises(BadInput, match="is in use"):
        calibrate.run(run)

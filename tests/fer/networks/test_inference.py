import json

import numpy as np
import pytest

from fer.data import synthetic
from fer.errors import BadInput
from fer.networks import inference
from minicnn import Input, Sequential, layers
from tests.fer.readers import confidence, face, reader, write_data, write_run

pytestmark = pytest.mark.usefixtures("no_default_data")


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "runs" / "001")


def test_a_run_is_found_by_its_folder_or_its_file(run):
    by_folder, last = inference.open_run(run), inference.open_run(run, "last")
    by_file = inference.open_run(run / "model_last.npz")
    assert (by_folder.path, by_folder.folder) == (run / "model_best.npz", run)
    assert last.path == by_file.path == run / "model_last.npz"
    assert by_file.folder == run
    assert by_file.config == by_folder.config == json.loads((run / "config.json").read_text())


def test_a_model_s_file_needs_no_run(tmp_path):
    reader().save(tmp_path / "alone.npz")
    trained = inference.open_run(tmp_path / "alone.npz")
    assert (trained.folder, trained.config) == (None, {})
    np.testing.assert_array_equal(trained.model.get_weights()[0], reader().get_weights()[0])


def test_of_a_folder_of_runs_it_is_the_newest_that_has_a_model(tmp_path):
    for number in ("002", "010", "999", "1000"):
        write_run(tmp_path / "runs" / number)
    (tmp_path / "runs" / "1001").mkdir()
    assert inference.newest(tmp_path / "runs").name == "1000"
    assert inference.open_run(tmp_path / "runs").folder.name == "1000"


def test_without_any_run_it_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"no trained run in runs/ yet: train one with python -m fer\.train"):
        inference.newest()


def other_network(path):
    Sequential([Input((8,)), layers.Dense(7)]).save(path)


def weights_only(path):
    reader().save_weights(path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b""), "is not a model that can be used"),
        (lambda path: path.write_bytes(b"PK\x03\x04 half a zip"), "is not a model that can be used"),
        (lambda path: np.savez(path, images=np.zeros(3)), "is not a model that can be used"),
        (
            lambda path: np.savez(path, **{"config.json": np.array('{"minicnn": 1, "model": {}}')}),
            "is not a model that can be used",
        ),
        (weights_only, "holds weights only"),
        (other_network, r"takes \(None, 8\) and gives \(None, 7\): expected a network that takes \(None, 48"),
    ],
)
def test_a_file_that_is_no_model_of_faces_is_refused(tmp_path, write, message):
    write(tmp_path / "x.npz")
    with pytest.raises(BadInput, match=message) as raised:
        inference.open_run(tmp_path / "x.npz")
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_no_run_gets_a_hint(tmp_path, run):
    (run / "model_best.npz").unlink()
    with pytest.raises(BadInput, match=r"but there is model_last.npz: pass .*001/model_last.npz"):
        inference.open_run(run)
    (run / "model_last.npz").unlink()
    with pytest.raises(BadInput, match="no epoch of this run was finished"):
        inference.open_run(run)
    (tmp_path / "photos").mkdir()
    with pytest.raises(BadInput, match="expected a run's folder"):
        inference.open_run(tmp_path / "photos")
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        inference.open_run("nowhere")


@pytest.mark.parametrize("text", ["{", "[]", '{"data": []}'])
def test_a_damaged_configuration_is_named(run, text):
    (run / "config.json").write_text(text)
    with pytest.raises(BadInput, match=r"config\.json"):
        inference.open_run(run)


def test_what_is_meant_as_a_run(tmp_path, run):
    reader().save(tmp_path / "alone.npz")
    data = write_data(tmp_path / "data.npz", train=[(face(0), 0)])
    (tmp_path / "photo.jpg").write_bytes(b"no picture")
    meant = [run, run.parent, run / "model_best.npz", tmp_path / "alone.npz"]
    not_meant = [tmp_path, data, tmp_path / "photo.jpg", tmp_path / "nowhere"]
    assert [inference.is_run(path) for path in meant + not_meant] == [True] * 4 + [False] * 4
    assert inference.is_run("tiny")


def test_probabilities_are_the_network_s():
    images = np.stack([face(3), face(0, gray=100)])
    shares = inference.probabilities(reader(), images)
    assert shares[0, 3] == pytest.approx(confidence())
    assert shares[1, 0] == pytest.approx(confidence(100))


def test_a_vote_is_the_mean():
    first, second = reader(), reader()
    second.set_weights([0 * second.get_weights()[0], *second.get_weights()[1:]])  # undecided: 1/7 each
    shares = inference.probabilities(inference.Ensemble([first, second]), face(3)[None])
    assert shares[0, 3] == pytest.approx((confidence() + 1 / 7) / 2)


def test_with_flip_they_are_the_mean_over_the_mirror_image():
    image = face(3)
    image[0, 47 - 5] = 255  # in the mirror this face is surprised, and so it is a bit of both
    plain, mirrored = (inference.probabilities(reader(), each[None]) for each in (image, image[:, ::-1]))
    both = inference.probabilities(reader(), image[None], tta="flip")
    np.testing.assert_allclose(both, (plain + mirrored) / 2, rtol=1e-6)
    assert plain.argmax() == 3
    assert mirrored.argmax() == 5
    np.testing.assert_allclose(inference.probabilities(reader(), image[None, :, ::-1], tta="flip"), both)


@pytest.mark.parametrize("tta", ["none", "flip"])
def test_faces_in_pieces_are_those_of_all_at_once(monkeypatch, tta):
    images = np.stack([face(number) for number in range(5)])
    expected = inference.probabilities(reader(), images, tta=tta)
    monkeypatch.setattr(inference, "VIEWED", 2)
    found = inference.probabilities(reader(), images, tta=tta)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.shape == expected.shape


def test_answers_that_are_no_numbers_are_refused():
    model = reader()
    model.weights[1].value[2] = np.nan
    with pytest.raises(BadInput, match="weights hold NaN or infinity"):
        inference.probabilities(model, face(3)[None])


def test_there_is_no_other_tta():
    with pytest.raises(ValueError, match="tta='crop': expected one of none, flip"):
        inference.probabilities(reader(), face(3)[None], tta="crop")


# ---- the data of a run -------------------------------------------------------------------------------------


@pytest.fixture
def three(tmp_path):
    return write_data(
        tmp_path / "faces.npz", train=[(face(0), 0)], validation=[(face(1), 1)], test=[(face(2), 2)]
    )


def test_the_data_are_those_of_the_run(tmp_path, three, monkeypatch):
    trained = inference.open_run(write_run(tmp_path / "r", data=three))
    np.testing.assert_array_equal(trained.data().test.images[0], face(2))
    other = write_data(tmp_path / "other.npz", train=[(face(0), 0)], validation=[(face(4), 4)])
    np.testing.assert_array_equal(trained.data(other).validation.images[0], face(4))
    monkeypatch.setenv("FER2013_DATA", str(other))
    assert trained.data().test is not None


def test_data_that_have_gone_are_named(tmp_path, three):
    trained = inference.open_run(write_run(tmp_path / "r", data=three))
    three.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"faces\.npz, on which .*r was trained, does not exist any more"
    ):
        trained.data()


def test_a_run_on_synthetic_faces_has_those(tmp_path, monkeypatch):
    drawn = synthetic.load(70)
    monkeypatch.setattr(synthetic, "load", lambda: drawn)
    monkeypatch.setenv("FER2013_DATA", "nowhere")
    trained = inference.open_run(write_run(tmp_path / "r", data=synthetic.NAME))
    assert trained.data() is drawn


def test_a_model_without_a_run_has_the_default_data(tmp_path, three, monkeypatch):
    reader().save(tmp_path / "alone.npz")
    trained = inference.open_run(tmp_path / "alone.npz")
    with pytest.raises(FileNotFoundError, match="no path given and FER2013_DATA is not set"):
        trained.data()
    monkeypatch.setenv("FER2013_DATA", str(three))
    assert trained.data().name == "faces.npz"


def test_without_validation_rows_it_is_those_that_training_held_out(tmp_path):
    faces = [(face(k % 7, rest=k), k % 7) for k in range(140)]
    trained = inference.open_run(write_run(tmp_path / "r", data=write_data(tmp_path / "f.npz", train=faces)))
    data = trained.data()
    assert (len(data.train), len(data.validation)) == (126, 14)

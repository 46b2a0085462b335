"""python -m fer.explain: a network of faces, a face or a picture, and the names of
the emotions are on the page.
"""

import re

import numpy as np
import pytest
from PIL import Image

from fer import explain as command
from fer.data import synthetic
from fer.emotions import EMOTIONS
from minicnn import Input, Sequential, explain, layers
from tests.minicnn.explain.bare_page import recorded, saved, use_bare_page
from tests.minicnn.explain.test_recording import decoded


@pytest.fixture(scope="module")
def faces():
    return synthetic.load(70)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch, faces):
    """Run in an empty folder, with few faces and a frame of no interface."""
    use_bare_page(tmp_path, monkeypatch)
    monkeypatch.setattr(synthetic, "load", lambda: faces)
    command.faces.cache_clear()
    yield tmp_path
    command.faces.cache_clear()


def run(*arguments):
    command.main(list(map(str, arguments)))


def test_a_model_and_an_embedded_face(place, faces, capsys):
    saved(shape=(48, 48, 1))
    run("model.npz", "--sample", 3, "--out", "page.html")
    recording = recorded(place / "page.html")
    assert recording["name"] == "mine"
    assert recording["classes"] == list(EMOTIONS)
    assert recording["label"] == faces.test.labels[3]
    np.testing.assert_array_equal(decoded(recording["image"])[..., 0], faces.test.images[3])
    assert re.fullmatch(r"page.html: \d\.\d MB; open it in a browser\n", capsys.readouterr().out)


def test_the_first_face_is_the_default_one(place):
    saved(shape=(48, 48, 1))
    run("model.npz")
    run("model.npz", "--sample", 0, "--out", "again.html")
    assert recorded(place / "again.html") == recorded(place / "explain.html")


def test_a_network_that_comes_with_fer(place, faces):
    run("tiny", "--layers", ":max_pooling2d", "--label", "fear")
    recording = recorded(place / "explain.html")
    assert recording["classes"] == list(EMOTIONS)
    assert recording["label"] == EMOTIONS.index("Fear")
    np.testing.assert_array_equal(decoded(recording["image"])[..., 0], faces.test.images[0])


def test_of_a_run_the_best_model_or_the_last(place):
    (place / "runs" / "001").mkdir(parents=True)
    best = saved("runs/001/model_best.npz", shape=(48, 48, 1))
    best.layers[-1].bias.value[...] = 5
    best.save("runs/001/model_last.npz")
    for options in (["--optimizer", "sgd"], ["--model", "last", "--out", "last.html"]):
        run("runs/001", *options)
    biases = [
        decoded(recorded(place / name)["nodes"][-2]["weights"]["bias"]["value"])
        for name in ("explain.html", "last.html")
    ]
    assert not (biases[0] == 5).any()
    assert (biases[1] == 5).all()
    assert recorded(place / "explain.html")["optimizer"]["type"] == "SGD"
    # the model's own
    assert recorded(place / "last.html")["optimizer"]["type"] == "Adam"
    assert recorded(place / "last.html")["notes"] == []


def test_a_picture_and_its_emotion(place):
    saved(shape=(48, 48, 1))
    Image.fromarray(np.full((60, 80, 3), 90, np.uint8)).save("me.png")
    run("model.npz", "--image", "me.png", "--label", "sad")
    recording = recorded(place / "explain.html")
    assert (recording["label"], recording["notes"]) == (EMOTIONS.index("Sad"), [])
    np.testing.assert_allclose(decoded(recording["image"]), np.full((48, 48, 1), 90), atol=1)
    run("model.npz", "--image", "me.png", "--out", "open.html")
    assert "No label was given" in recorded(place / "open.html")["notes"][0]


def test_without_a_network_it_trains_one(place, monkeypatch, faces, capsys):
    monkeypatch.setattr(command, "EPOCHS", 1)
    run("--seed", 4, "--sample", 3, "--out", "a.html")
    recording = recorded(place / "a.html")
    kinds = [node["type"] for node in recording["nodes"]]
    assert kinds == [
        "Input", "Rescaling", "Conv2D", "BatchNormalization", "ReLU", "MaxPooling2D", "Conv2D", "ReLU",
        "MaxPooling2D", "Flatten", "Dropout", "Dense", "Softmax",
    ]  # fmt: skip
    # its own optimizer, after an epoch of two batches
    assert recording["optimizer"]["iterations"] == 2
    assert recording["nodes"][2]["weights"]["kernel"]["slots"].keys() == {"m", "v"}
    assert "training a small network on 56 drawn faces" in capsys.readouterr().out
    # 2 × 2 pixels become one
    mean = faces.test.images[3].reshape(24, 2, 24, 2).mean((1, 3))
    np.testing.assert_allclose(decoded(recording["image"])[..., 0], mean, atol=1)
    run("--seed", 4, "--sample", 3, "--out", "b.html")
    again = recorded(place / "b.html")
    # names count on
    assert [node["weights"] for node in again["nodes"]] == [node["weights"] for node in recording["nodes"]]
    assert sum(weight.value.size for weight in command.small_network().weights) < 6000


def test_a_large_page_is_told_of(monkeypatch, capsys):
    saved(shape=(48, 48, 1))
    monkeypatch.setattr(explain, "WARN", 10)
    run("model.npz")
    assert re.match(r"fer.explain: explain.html is \d.\d MB .* slow to open", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["nowhere.npz"],
            "nowhere.npz does not exist: expected a run's folder such as runs/001, a .npz, or vgg",
        ),
        (["model.npz", "--sample", "7"], "--sample 7: expected a number from 0 to 6"),
        (["model.npz", "--sample", "-1"], "--sample -1: expected a number from 0 to 6"),
        (["model.npz", "--image", "nowhere.png"], "nowhere.png: No such file or directory"),
        (["model.npz", "--image", "text.png"], "text.png: no image that Pillow can read"),
        (["model.npz", "--label", "glad"], "--label glad: expected one of Angry, .* or a number from 0 to 6"),
        (["model.npz", "--label", "7"], "--label 7: expected one of"),
        (["model.npz", "--layers", "x:"], "layers='x:': no layer 'x' here"),
        (["model.npz", "--seed", "-1"], "--seed -1: expected a number from 0"),
        (["model.npz", "--out", "there.html"], "there.html exists, and nothing is overwritten"),
        (["model.npz", "--out", "no/page.html"], "there is no folder no; make it first"),
        (["three.npz"], r"gives \(None, 3\): expected a network that takes"),
        (["maps.npz"], "gives"),
    ],
)
def test_errors_are_one_line(place, capsys, arguments, message):
    saved(shape=(48, 48, 1))
    saved("three.npz", shape=(48, 48, 1), classes=3)
    Sequential([Input((48, 48, 1)), layers.ReLU()]).save("maps.npz")
    (place / "text.png").write_text("no picture")
    (place / "there.html").write_text("mine")
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert re.fullmatch(rf"fer.explain: .*{message}.*\n", said)
    assert (place / "there.html").read_text() == "mine"
    assert not (place / "explain.html").exists()


def test_a_layer_of_ones_own_is_told_of_with_what_to_do_instead(tmp_path, capsys):
    class Halved(layers.Layer):
        def forward(self, x, training=False):
            return x / 2

        def backward(self, dy):
            return dy / 2

    model = Sequential(
        [Input((48, 48, 1)), Halved(), layers.Flatten(), layers.Dense(7, activation="softmax")]
    )
    model.save(tmp_path / "own.npz")
    with pytest.raises(SystemExit) as stop:
        command.main([str(tmp_path / "own.npz"), "--out", str(tmp_path / "page.html")])
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert said.startswith(f"fer.explain: {tmp_path / 'own.npz'}: has a layer of your own, Halved, ")
    assert "custom_objects={'Halved': Halved}" in said
    assert said.count("\n") == 1

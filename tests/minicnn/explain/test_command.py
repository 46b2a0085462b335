"""python -m minicnn.explain: what it is asked for is what is on the page; what it cannot use it says in one line."""

import json
import re
import sys

import numpy as np
import pytest
from PIL import Image

from fer.data import synthetic
from fer.emotions import EMOTIONS
from minicnn import Input, Sequential, explain, layers
from minicnn.explain import __main__ as command
from minicnn.explain import page
from tests.minicnn.explain.nets import shaken
from tests.minicnn.explain.test_recording import decoded

FRAME = "{{title}}{{style}}<p>{{recording}}</p>{{script}}"


@pytest.fixture(scope="module")
def faces():
    return synthetic.load(70)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch, faces):
    """Run in an empty folder, with few faces and a frame of no interface."""
    web = tmp_path / "web"
    web.mkdir()
    for name, text in {"page.html": FRAME, "style.css": "", "main.js": ""}.items():
        (web / name).write_text(text)
    monkeypatch.setattr(page, "WEB", web)
    monkeypatch.setattr(synthetic, "load", lambda: faces)
    command.faces.cache_clear()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    command.faces.cache_clear()


def saved(path="model.npz", shape=(12, 12, 1), classes=7):
    model = Sequential(
        [
            Input(shape),
            layers.Rescaling(1 / 255),
            layers.Conv2D(2, 3, activation="relu", name="conv"),
            layers.Flatten(name="flat"),
            layers.Dense(classes, activation="softmax", name="dense"),
        ],
        name="mine",
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    shaken(model).save(path)
    return model


def recorded(path):
    return json.loads(re.search("<p>(.*)</p>", path.read_text(encoding="utf-8"))[1])


def run(*arguments):
    command.main(list(map(str, arguments)))


def test_a_model_and_an_embedded_face(place, faces, capsys):
    saved()
    run("model.npz", "--sample", 3, "--out", "page.html")
    recording = recorded(place / "page.html")
    assert recording["name"] == "mine"
    assert recording["classes"] == list(EMOTIONS)
    assert recording["label"] == faces.test.labels[3]
    # 4 × 4 pixels become one
    mean = faces.test.images[3].reshape(12, 4, 12, 4).mean((1, 3))
    np.testing.assert_allclose(decoded(recording["image"])[..., 0], mean, atol=1)
    assert re.fullmatch(r"page.html: \d\.\d MB; open it in a browser\n", capsys.readouterr().out)


def test_the_first_face_is_the_default_one(place, faces):
    saved()
    run("model.npz")
    recording = recorded(place / "explain.html")
    run("model.npz", "--sample", 0, "--out", "again.html")
    assert recorded(place / "again.html") == recording


def test_a_picture_is_cut_to_the_nets_size(place):
    model = saved()
    picture = np.zeros((24, 40, 3), np.uint8)
    picture[:12, 8:32] = 200
    Image.fromarray(picture).save("wide.png")
    run("model.npz", "--image", "wide.png", "--label", "sad")
    recording = recorded(place / "explain.html")
    image = decoded(recording["image"])
    assert image.shape == (12, 12, 1)
    assert (image[:4] > 150).all()
    assert (image[8:] < 10).all()
    assert (recording["label"], recording["notes"]) == (EMOTIONS.index("Sad"), [])
    run("model.npz", "--image", "wide.png", "--out", "open.html")
    unlabelled = recorded(place / "open.html")
    assert unlabelled["label"] == model.predict(image[None]).argmax()
    assert "No label was given" in unlabelled["notes"][0]


@pytest.mark.parametrize(("channels", "mode"), [(1, "I;16"), (3, "RGBA"), (3, "L"), (1, "P")])
def test_pictures_of_other_kinds(place, channels, mode):
    saved(shape=(6, 6, channels))
    if mode == "I;16":
        picture = Image.fromarray(np.full((6, 6), 150 * 257, np.uint16))
    else:
        picture = Image.fromarray(np.full((6, 6, 3), 150, np.uint8)).convert(mode)
    picture.save("picture.png")
    run("model.npz", "--image", "picture.png", "--label", 2)
    recording = recorded(place / "explain.html")
    np.testing.assert_allclose(decoded(recording["image"]), np.full((6, 6, channels), 150), atol=3)


def test_optimizer_layers_and_seed(place):
    saved()
    run("model.npz", "--optimizer", "sgd", "--layers", "conv:flat")
    recording = recorded(place / "explain.html")
    assert recording["optimizer"]["type"] == "SGD"
    assert [node["name"] for node in recording["nodes"][1:]] == ["conv", "conv · relu", "flat"]


def test_without_a_model_it_trains_one(place, monkeypatch, capsys):
    monkeypatch.setattr(command, "EPOCHS", 1)
    run("--seed", 4, "--out", "a.html")
    recording = recorded(place / "a.html")
    kinds = [node["type"] for node in recording["nodes"]]
    assert kinds == [
        "Input", "Rescaling", "Conv2D", "BatchNormalization", "ReLU", "MaxPooling2D", "Conv2D", "ReLU",
        "MaxPooling2D", "Flatten", "Dropout", "Dense", "Softmax",
    ]  # fmt: skip
    # its own optimizer, after an epoch of two batches
    assert recording["optimizer"]["iterations"] == 2
    assert recording["nodes"][2]["weights"]["kernel"]["slots"].keys() == {"m", "v"}
    assert "training a small net on 56 drawn faces" in capsys.readouterr().out
    run("--seed", 4, "--out", "b.html")
    again = recorded(place / "b.html")
    # names count on
    assert [node["weights"] for node in again["nodes"]] == [node["weights"] for node in recording["nodes"]]
    assert sum(weight.value.size for weight in command.small_net(7).weights) < 6000


def test_a_large_page_is_told_of(place, monkeypatch, capsys):
    saved()
    monkeypatch.setattr(explain, "WARN", 10)
    run("model.npz")
    assert "explain.html is 0.0 MB large and slow to open" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.npz"], "nowhere.npz: no such file"),
        (["model.npz", "--sample", "7"], "--sample 7: expected a number from 0 to 6"),
        (["model.npz", "--sample", "-1"], "--sample -1: expected a number from 0 to 6"),
        (["model.npz", "--image", "nowhere.png"], "nowhere.png: No such file or directory"),
        (["model.npz", "--image", "text.png"], "text.png: no image that can be read"),
        (["model.npz", "--label", "glad"], "--label glad: expected one of Angry, .* or a number from 0 to 6"),
        (["model.npz", "--label", "7"], "--label 7: expected one of"),
        (["model.npz", "--layers", "x:"], "layers='x:': no layer 'x' here"),
        (["model.npz", "--seed", "-1"], "--seed -1: expected a number from 0"),
        (["model.npz", "--out", "there.html"], "there.html exists, and nothing is overwritten"),
        (["model.npz", "--out", "no/page.html"], "there is no folder no; make it first"),
        (
            ["three.npz"],
            "the model has 3 classes, and the embedded faces have others: give --image and --label",
        ),
        (["three.npz", "--image", "gray.png", "--label", "x"], "--label x: expected a number from 0 to 2"),
        (["two.npz", "--image", "gray.png"], "images of 2 channels, expected 1, 3 or 4"),
    ],
)
def test_errors_are_one_line(place, capsys, arguments, message):
    saved()
    saved("three.npz", classes=3)
    saved("two.npz", shape=(6, 6, 2))
    Image.fromarray(np.zeros((6, 6), np.uint8)).save("gray.png")
    (place / "text.png").write_text("no picture")
    (place / "there.html").write_text("mine")
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert re.fullmatch(rf"minicnn.explain: .*{message}.*\n", said)
    assert (place / "there.html").read_text() == "mine"
    assert not (place / "explain.html").exists()


def test_without_the_application_it_says_what_to_give(monkeypatch, capsys):
    saved()
    monkeypatch.setitem(sys.modules, "fer.data.synthetic", None)
    for arguments in ([], ["model.npz"]):
        with pytest.raises(SystemExit):
            run(*arguments)
        assert "give a MODEL and --image" in capsys.readouterr().err


def test_a_picture_needs_no_application(place, monkeypatch):
    saved()
    monkeypatch.setitem(sys.modules, "fer.emotions", None)
    Image.fromarray(np.zeros((6, 6), np.uint8)).save("gray.png")
    run("model.npz", "--image", "gray.png", "--label", 2)
    recording = recorded(place / "explain.html")
    assert (recording["classes"], recording["label"]) == (None, 2)

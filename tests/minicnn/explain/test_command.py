"""python -m minicnn.explain: what it is asked for is what is on the page; what it
cannot use it says in one line.
"""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minicnn
from minicnn import Input, Sequential, explain, layers
from minicnn.explain import __main__ as command
from tests.minicnn.explain.bare_page import recorded, saved, use_bare_page
from tests.minicnn.explain.test_recording import decoded


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Run in an empty folder, with a frame of no interface."""
    use_bare_page(tmp_path, monkeypatch)
    return tmp_path


def run(*arguments):
    command.main(list(map(str, arguments)))


def gray(path="gray.png", size=(12, 12)):
    Image.fromarray(np.full(size, 80, np.uint8)).save(path)
    return path


def test_a_model_and_a_picture(place, capsys):
    saved()
    run("model.npz", "--image", gray(), "--label", 3, "--out", "page.html")
    recording = recorded(place / "page.html")
    assert (recording["name"], recording["classes"], recording["label"]) == ("mine", None, 3)
    np.testing.assert_array_equal(decoded(recording["image"]), np.full((12, 12, 1), 80))
    assert re.fullmatch(r"page.html: \d\.\d MB; open it in a browser\n", capsys.readouterr().out)


def test_a_picture_is_cut_to_the_nets_size(place):
    model = saved()
    picture = np.zeros((24, 40, 3), np.uint8)
    picture[:12, 8:32] = 200
    Image.fromarray(picture).save("wide.png")
    run("model.npz", "--image", "wide.png", "--label", "4")
    recording = recorded(place / "explain.html")
    image = decoded(recording["image"])
    assert image.shape == (12, 12, 1)
    assert (image[:4] > 150).all()
    assert (image[8:] < 10).all()
    assert (recording["label"], recording["notes"]) == (4, [])
    run("model.npz", "--image", "wide.png", "--out", "open.html")
    unlabelled = recorded(place / "open.html")
    assert unlabelled["label"] == model.predict(image[None]).argmax()
    assert "No label was given" in unlabelled["notes"][0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_data_say(place, orientation):
    """Each of the eight orientations, of a picture whose corners are all different; PNG, so that no number changes."""
    saved(shape=(8, 6, 1))
    upright = np.arange(48, dtype=np.uint8).reshape(8, 6)
    # what is stored so that a viewer, which turns it, shows the upright picture: the table of the EXIF standard
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save("turned.png", exif=exif)
    run("model.npz", "--image", "turned.png", "--label", 3)
    np.testing.assert_array_equal(decoded(recorded(place / "explain.html")["image"])[..., 0], upright)


def test_a_layer_of_ones_own_is_told_of_with_what_to_do_instead(capsys):
    """What it says to write, written, makes the page."""

    class Halved(layers.Layer):
        def forward(self, x, training=False):
            return x / 2

        def backward(self, dy):
            return dy / 2

    model = Sequential([Input((6, 6, 1)), Halved(), layers.Flatten(), layers.Dense(3, activation="softmax")])
    model.save("own.npz")
    with pytest.raises(SystemExit) as stop:
        run("own.npz", "--image", gray(size=(6, 6)))
    said = capsys.readouterr().err
    assert stop.value.code == 2
    start = "minicnn.explain: own.npz: has a layer of your own, Halved, whose code a command cannot know."
    assert said.startswith(start)
    assert said.count("\n") == 1
    opening, writing = re.search("in Python: (.*), then (.*)", said).groups()
    names = {"Halved": Halved, "minicnn": minicnn, "image": np.zeros((6, 6, 1)), "label": 1}
    exec(f"{opening}\n{writing}", names)
    assert [node["type"] for node in recorded(Path("explain.html"))["nodes"]][:2] == ["Input", "Opaque"]


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


def test_optimizer_and_layers(place):
    saved()
    run("model.npz", "--image", gray(), "--optimizer", "sgd", "--layers", "conv:flat")
    recording = recorded(place / "explain.html")
    assert recording["optimizer"]["type"] == "SGD"
    assert [node["name"] for node in recording["nodes"][1:]] == ["conv", "conv · relu", "flat"]


def test_a_large_page_is_told_of(place, monkeypatch, capsys):
    saved()
    monkeypatch.setattr(explain, "WARN", 10)
    run("model.npz", "--image", gray())
    assert re.match("minicnn.explain: explain.html is 0.0 MB .* slow to open", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [],
            "give a MODEL, a file of model.save, and --image FILE; for faces there is python -m fer.explain",
        ),
        (["model.npz"], "give a MODEL, a file of model.save, and --image FILE"),
        (["--image", "gray.png"], "give a MODEL, a file of model.save, and --image FILE"),
        (["nowhere.npz", "--image", "gray.png"], "nowhere.npz: no such file"),
        (["model.npz", "--image", "nowhere.png"], "nowhere.png: No such file or directory"),
        (["model.npz", "--image", "text.png"], "text.png: no image that Pillow can read"),
        (
            ["model.npz", "--image", "gray.png", "--label", "glad"],
            "--label glad: expected a number from 0 to 6",
        ),
        (["model.npz", "--image", "gray.png", "--label", "7"], "--label 7: expected a number from 0 to 6"),
        (["model.npz", "--image", "gray.png", "--layers", "x:"], "layers='x:': no layer 'x' here"),
        (["model.npz", "--image", "gray.png", "--seed", "-1"], "--seed -1: expected a number from 0"),
        (
            ["model.npz", "--image", "gray.png", "--out", "there.html"],
            "there.html exists, and nothing is overwritten",
        ),
        (
            ["model.npz", "--image", "gray.png", "--out", "no/page.html"],
            "there is no folder no; make it first",
        ),
        (["two.npz", "--image", "gray.png"], "images of 2 channels, expected 1, 3 or 4"),
    ],
)
def test_errors_are_one_line(place, capsys, arguments, message):
    saved()
    saved("two.npz", shape=(6, 6, 2))
    gray()
    (place / "text.png").write_text("no picture")
    (place / "there.html").write_text("mine")
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert re.fullmatch(rf"minicnn.explain: .*{message}.*\n", said)
    assert (place / "there.html").read_text() == "mine"
    assert not (place / "explain.html").exists()


def test_it_needs_no_application():
    saved()
    gray()
    code = (
        "import sys; sys.modules['fer'] = None; from minicnn.explain import __main__ as command; "
        "command.main(['model.npz', '--image', 'gray.png', '--label', '2'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

"""Models, configurations and special files that somebody has tampered with: refused in one short line."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fer.data import formats, pictures, sources
from fer.errors import BadInput
from fer.networks import inference
from fer.training import config
from minicnn import models, saving

pytest.importorskip("resource", reason="memory is measured with POSIX's resource")

from tests.fer import fuzz, hostile
from tests.fer.readers import reader, write_run

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("no_default_data")


def refusal(read, path):
    """Return the text with which a reader refuses a file; it is one short line that names the file."""
    with pytest.raises((BadInput, OSError, ValueError)) as raised:
        read(path)
    text = str(raised.value)
    assert str(path) in text
    assert len(text) < len(str(path)) + 500
    assert "\n" not in text
    return text


@pytest.fixture
def changed(tmp_path):
    """Return a function that writes a model's file with another JSON text, or with other arrays."""
    reader().save(tmp_path / "m.npz")
    value, arrays = saving.read(tmp_path / "m.npz")

    def write(text=None, **others):
        path = tmp_path / "changed.npz"
        np.savez(path, **({"config.json": np.array(text or json.dumps(value))} | arrays | others))
        return path

    return write


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (hostile.DEEP, "nested"),
        ('{"minicnn": 1, "minicnn": 1}', "twice"),
        ('{"minicnn": NaN}', "not finite"),
        ('{"minicnn": ' + "9" * 5000 + "}", "JSON"),
        ('{"minicnn": "1"}', "expected a whole number"),
        ('{"minicnn": true}', "is True: expected a whole number"),
        ('{"minicnn": 1, MORE, "model": []}', r"model is \[\]: expected an object"),
        ('{"minicnn": 1, MORE, "model": {"config": {}}}', r"model\.class_name is missing: expected a text"),
        ('{"minicnn": 1, MORE, "model": {"class_name": "' + "x" * 3_000_000 + '", "config": {}}}', "unknown layer"),
        ('{"minicnn": 1, MORE, "model": {"class_name": "Lambda", "config": {}}}', "unknown layer 'Lambda'"),
        ('{"minicnn": 1, MORE, "model": {"class_name": "ReLU", "config": {}}}', "holds a ReLU, which is not a model"),
        ("[]", "expected an object"),
        ("{", "JSON"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("read", [inference.open_run, models.load_model])
def test_a_text_that_describes_no_model(text, message, read, changed):
    path = changed(text.replace("MORE", '"input_shape": [null], "random": []'))
    assert re.search(message, refusal(read, path))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"class_name": "Dense", "config": {"units": 10**9}}, "units=1000000000: expected a whole number"),
        ({"class_name": "Dense", "config": {"units": 10**6}}, "is larger than the arrays in the file"),
        ({"class_name": "Conv2D", "config": {"filters": 10**9, "kernel_size": 3}}, "filters=1000000000"),
        ({"class_name": "ReLU", "config": {"negative_slope": "x"}}, "negative_slope='x': expected a number"),
        ({"class_name": "Normalization", "config": {"mean": [], "variance": []}}, r"mean=\[\]: expected"),
        ({"class_name": "UpSampling2D", "config": {"size": 4000}}, "numbers for each face, expected"),
        ({"class_name": "Dense", "config": {"units": 7, "dtype": "object"}}, "dtype='object': expected"),
    ],
)
def test_a_layer_that_cannot_be(layer, message, changed, tmp_path):
    value, _ = saving.read(tmp_path / "m.npz")
    layers = value["model"]["config"]["layers"]
    pool = {"class_name": "GlobalAveragePooling2D", "config": {}}
    dense = {"class_name": "Dense", "config": {"units": 7}}
    value["model"]["config"]["layers"] = [layers[0], layer, pool, dense]
    kernel, bias = np.zeros((1, 7), np.float32), np.zeros(7, np.float32)
    path = changed(json.dumps(value), **{"weights/0": kernel, "weights/1": bias})
    assert re.search(message, refusal(inference.open_run, path))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 7), np.float32), "larger than the arrays in the file"),
        (np.full((2304, 7), "1"), "expected numbers"),
        (np.full((2304, 7), None), "pickled objects, which are refused"),
        (np.zeros((2304, 7), np.complex64), "expected numbers or text"),
    ],
)
def test_arrays_that_are_no_weights(array, message, changed):
    assert message in refusal(inference.open_run, changed(**{"weights/0": array}))


def test_numbers_in_another_order_are_the_same_weights(changed):
    kernel = reader().get_weights()[0]
    loaded = models.load_model(changed(**{"weights/0": np.asfortranarray(kernel.astype(">f8"))}))
    np.testing.assert_array_equal(loaded.get_weights()[0], kernel)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("versions",), [], r"versions is \[\]: expected an object"),
        (("versions", "minicnn"), 1, r"versions\.minicnn is 1: expected a text"),
        (
            ("data", "faces", "train", "Angry"),
            -1,
            r"faces\.train\.Angry is -1: expected a whole number from 0",
        ),
        (("arguments",), 1, "arguments is 1: expected an object"),
        (("arguments", "out"), "a\0b", "expected a path"),
        (("arguments", "out"), "a\ud800b", "expected a path"),
        (("arguments", "data"), 5, r"arguments\.data is 5: expected a text or null"),
        (("arguments", "epochs"), "3", "epochs='3': expected a whole number"),
        (
            ("arguments", "epochs"),
            10**30,
            "epochs=1000000000000000000000000000000: expected a number of at most",
        ),
        (("arguments", "learning_rate"), 10**400, "learning_rate="),
        (("arguments", "arch"), "x" * 10**6, "arch='xxx"),
        (("arguments", "y" * 10**6), 1, "has a setting 'yyy"),
    ],
)
def test_a_run_s_configuration_that_is_none(place, value, message, tmp_path):
    content = json.loads(json.dumps(hostile.CONFIG))
    inside = content
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    (tmp_path / "config.json").write_text(json.dumps(content))
    assert re.search(message, refusal(config.from_file, tmp_path / "config.json"))


def test_the_configuration_that_is_changed_is_good_before(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(hostile.CONFIG))
    assert config.from_file(tmp_path / "config.json").epochs == 3


def test_evaluate_and_predict_refuse_such_a_configuration_too(tmp_path):
    run = write_run(tmp_path / "001")
    (run / "config.json").write_text('{"arguments": {"data": 5}}')
    with pytest.raises(BadInput, match=r"config\.json is not a configuration .*: arguments\.data is 5"):
        inference.open_run(run)


@pytest.fixture(params=["pipe", "device", "loop", "folder", "sparse", "nothing"])
def special(request, tmp_path):
    """Return where something is that is no file to read; opening the pipe would wait for ever."""
    place = tmp_path / "train" / "happy"
    place.mkdir(parents=True)
    (place / "Training_1.png").write_bytes(hostile.PICTURE)
    path = place / "a.png"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "device":
        path.symlink_to("/dev/zero")
    elif request.param == "loop":
        path.symlink_to(path)
    elif request.param == "folder":
        path.mkdir()
    elif request.param == "sparse":
        path.touch()
        os.truncate(path, 1 << 40)
    else:
        path.symlink_to(tmp_path / "nothing")
    return path


@pytest.mark.parametrize(
    "read", [pictures.read, pictures.open_picture, formats.read, inference.open_run, models.load_model]
)
def test_what_is_no_regular_file_is_refused_without_being_opened(read, special):
    refusal(read, special)


def test_in_a_folder_the_others_are_predicted_and_it_is_named(special, tmp_path):
    loaded = sources.load_faces([tmp_path])
    assert [face.source for face in loaded.faces] == [str(tmp_path / "train" / "happy" / "Training_1.png")]
    named = [source for source, _ in loaded.skipped]
    assert named == ([] if special.is_dir() else [str(special)])


def test_in_a_folder_of_training_faces_it_is_an_error(special, tmp_path):
    if special.is_dir():
        assert len(formats.read(tmp_path, use_cache=False).images) == 1
    else:
        assert str(special) in refusal(lambda path: formats.read(path, use_cache=False), tmp_path)


@pytest.mark.parametrize("kind", hostile.KINDS)
def test_what_is_tampered_with_is_good_before(kind, tmp_path):
    case = hostile.Hostile(0, 0, None)
    case.kind, case.rng = kind, Untouched()
    assert case.read(case.prepare(tmp_path)) is None


class Untouched:
    """In place of a random generator: chooses what changes nothing."""

    def random(self):
        return 0.99

    def integers(self, *limits):
        return {(10,): 8, (4,): 1}.get(limits, 0)  # a picture in its place; the second of the models

    def choice(self, values, **_):
        return values[0]


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (AttributeError("x"), "AttributeError"),
        (ValueError("another file"), "ValueError"),
        (BadInput("two\nlines"), "not one line"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_a_fault_of_a_reader_is_found(error, fault, tmp_path, monkeypatch):
    def fail(self, path):
        raise error

    monkeypatch.setattr(hostile.Hostile, "read", fail)
    assert fault in fuzz.HostileCase(0, 1).fault(tmp_path)


MEMORY = """
import resource, sys
from pathlib import Path
from minicnn import models
from tests.fer import fuzz, hostile

hostile.good()
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30),) * 2)
refused = 0
for number in range(200):
    case = hostile.Hostile(7, number, fuzz.damaged)
    case.kind = "model"
    path = case.prepare(Path(sys.argv[1]))
    try:
        models.load_model(path)
    except ValueError as error:
        assert "memory" not in str(error), error
        refused += 1
print(refused)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of the address space counts on Linux alone")
def test_no_file_takes_a_gigabyte(tmp_path):
    done = subprocess.run([sys.executable, "-c", MEMORY, tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""
    assert int(done.stdout) > 100

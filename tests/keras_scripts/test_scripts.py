"""Ten Keras scripts, each of another shape, run here once their imports are changed, and
do what they do under Keras.

The scripts are what a Keras user writes; they are given a folder with drawn faces, as the CSV file of
FER2013, as an .npz file and as images in folders. Under minicnn only lines that import are changed, by
IMPORTS; under Keras, `tensorflow.keras` is changed to what TensorFlow itself shows under that name, so that
TensorFlow need not be there.
"""

import os
import re
import runpy
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fer.data import synthetic
from fer.emotions import EMOTIONS

SCRIPTS = sorted(
    path for path in Path(__file__).parent.glob("*.py") if path.stem.partition("_")[0] not in ("", "test")
)
# what docs/keras.md tells the reader to change
IMPORTS = [
    (r"^import (tensorflow\.)?keras$", "import minicnn as keras"),
    (r"^from tensorflow import keras$", "import minicnn as keras"),
    (r"^(from|import) (tensorflow\.)?keras\b", r"\1 minicnn"),
]
TENSORFLOW = [
    (r"^from tensorflow import keras$", "from keras._tf_keras import keras"),
    (r"^(from|import) tensorflow\.keras\b", r"\1 keras._tf_keras.keras"),
]
# nothing is drawn after the initial weights: loss by epoch can be compared
WITHOUT_CHANCE = ["class_weight", "functional", "mini_xception", "schedules", "sequence"]

# a script leaves the files that np.load opens to the garbage collector
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)
scripts = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A folder with fer2013.csv, fer2013.npz and images/train/<emotion>/, images/test/<emotion>/."""
    folder = tmp_path_factory.mktemp("faces")
    data = synthetic.load(120, seed=4)
    tables = []
    for usage, split in (
        ("Training", data.train),
        ("PublicTest", data.validation),
        ("PrivateTest", data.test),
    ):
        pixels = [" ".join(map(str, image.ravel())) for image in split.images]
        tables.append(pd.DataFrame({"emotion": split.labels, "pixels": pixels, "Usage": usage}))
    pd.concat(tables).to_csv(folder / "fer2013.csv", index=False)
    np.savez(
        folder / "fer2013.npz",
        x_train=data.train.images,
        y_train=data.train.labels,
        x_val=data.validation.images,
        y_val=data.validation.labels,
    )
    for part, split in (("train", data.train), ("test", data.test)):
        for number, (image, label) in enumerate(zip(split.images, split.labels)):
            path = folder / "images" / part / EMOTIONS[label].lower() / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return folder


def changed(script, replacements):
    """Return a script's text, changed in the lines that import."""
    lines = script.read_text().splitlines()
    for pattern, replacement in replacements:
        lines = [re.sub(pattern, replacement, line) for line in lines]
    return "\n".join(lines) + "\n"


def run(script, replacements, faces, folder, monkeypatch):
    """Run a script in a folder of its own; return its variables."""
    folder.mkdir()
    (folder / script.name).write_text(changed(script, replacements))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", [script.name, str(faces)])
    return runpy.run_path(script.name, run_name="__main__")


@scripts
def test_a_script_runs_and_learns(script, faces, tmp_path, monkeypatch, capsys):
    variables = run(script, IMPORTS, faces, tmp_path / "minicnn", monkeypatch)
    history = variables["history"].history
    loss = variables["first"].history["loss"] if "first" in variables else history["loss"]
    assert loss[-1] < loss[0]
    assert np.isfinite(history["val_loss"]).all()
    assert "Trainable params" in capsys.readouterr().out or "summary" not in script.read_text()


@scripts
def test_only_imports_are_changed(script):
    before, after = script.read_text().splitlines(), changed(script, IMPORTS).splitlines()
    different = [(a, b) for a, b in zip(before, after) if a != b]
    assert different
    assert all("import" in a and "minicnn" in b for a, b in different)
    assert not re.search(r"(from|import) (tensorflow|keras)\b", "\n".join(after))


# ---- beside Keras ------------------------------------------------------------------------------------------


def facts(model):
    """Return what summary shows, as numbers."""
    return {
        "parameters": model.count_params(),
        "trainable": sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        "not trainable": sum(int(np.prod(weight.shape)) for weight in model.non_trainable_weights),
        "output": tuple(model.output_shape),
        "layers": [(type(layer).__name__, tuple(layer.output.shape)) for layer in model.layers],
    }


@pytest.fixture
def same_start(monkeypatch):
    """Let every fit keep the order of the samples; let models of Keras start from
    the weights of minicnn's.
    """
    import keras

    import minicnn

    kept = []  # for each model that is trained, its first weights

    def patch(model_class, at_first):
        started = []

        def in_order(method, options):
            train = getattr(model_class, method)

            def trained(self, *args, **kwargs):
                if not any(self is model for model in started):
                    started.append(self)
                    at_first(self, len(started) - 1)
                return train(self, *args, **kwargs | options)

            monkeypatch.setattr(model_class, method, trained)

        in_order("fit", {"shuffle": False})
        in_order("train_on_batch", {})

    patch(minicnn.Model, lambda model, number: kept.append(model.get_weights()))
    patch(keras.Model, lambda model, number: model.set_weights(kept[number]))


@scripts
def test_under_keras_it_is_the_same(script, faces, tmp_path, monkeypatch, capsys, request):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip("torch")
    pytest.importorskip("keras")
    if "ImageDataGenerator" in script.read_text():
        pytest.importorskip("scipy")
    compared = script.stem in WITHOUT_CHANCE
    if compared:
        request.getfixturevalue("same_start")
    ours = run(script, IMPORTS, faces, tmp_path / "minicnn", monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = run(script, TENSORFLOW, faces, tmp_path / "keras", monkeypatch)
        assert facts(ours["model"]) == facts(theirs["model"])
    for name in ("history", "first"):
        if name in theirs:
            a, b = ours[name], theirs[name]
            assert set(a.history) == set(b.history)
            assert a.epoch == b.epoch
            if compared:
                for key, values in a.history.items():
                    # a face that is on the border of two classes may fall on either side
                    tolerance = {"rtol": 1e-3} if key.endswith("loss") else {"atol": 0.09}
                    np.testing.assert_allclose(values, b.history[key], **tolerance)

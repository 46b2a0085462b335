"""--check tells a network that can learn from one that cannot, and leaves nothing behind."""

import numpy as np
import pytest

from fer import train
from fer.data import synthetic
from fer.networks import architectures
from fer.training import training_check
from fer.training.config import Config
from minicnn import layers

pytestmark = pytest.mark.usefixtures("no_default_data")


@pytest.fixture(scope="module")
def faces():
    return synthetic.load(140).train


def verdicts(config, faces):
    return [result.passed for result in training_check.run_checks(config, faces)]


@pytest.mark.parametrize("arch", architectures.ARCHITECTURES)
def test_the_networks_pass(arch, faces):
    config = Config(arch=arch, augment="full", label_smoothing=0.1)
    assert verdicts(config, faces) == [True] * 4


def net(*body):
    return lambda classes, dropout, batch_norm: [
        layers.AveragePooling2D(8),
        layers.Flatten(),
        layers.Rescaling(0.1),
        *(f() for f in body),
    ]


def head(**options):
    return lambda: layers.Dense(7, activation="softmax", **options)


@pytest.mark.parametrize(
    ("body", "settings", "expected"),
    [
        ([head()], {"learning_rate": 0.5}, [True, True, True, True]),
        ([head()], {"learning_rate": 1e-7}, [True, True, True, False]),
        ([lambda: layers.Rescaling(1000.0), head()], {"learning_rate": 0.05}, [False, True, True, None]),
        ([lambda: layers.Dense(5), lambda: layers.Rescaling(0.0), head()], {}, [True, True, False, False]),
        (
            [lambda: layers.Rescaling(1e38), lambda: layers.Rescaling(1e38), head()],
            {},
            [False, False, None, False],
        ),
    ],
)
def test_what_is_wrong_is_found(body, settings, expected, faces, monkeypatch):
    monkeypatch.setitem(architectures.ARCHITECTURES, "net", net(*body))
    found = verdicts(Config(arch="net", **settings), faces)
    assert [a if b is not None else None for a, b in zip(found, expected)] == expected


def test_the_command_prints_a_table_and_its_status_and_makes_no_folder(tmp_path, monkeypatch, capsys, faces):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(synthetic, "load", lambda: synthetic.FerDataset(faces, None, None, "synthetic"))
    train.main(["--check"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-4:]] == ["ok"] * 4
    assert "1.946 ± 0.5 (ln 7)" in lines[-4]
    monkeypatch.setattr(training_check, "STEPS", 3)
    with pytest.raises(SystemExit) as stopped:
        train.main(["--check", "--learning-rate", "1e-9"])
    assert stopped.value.code == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("FAIL  batch of 26 overfitted")
    assert list(tmp_path.iterdir()) == []


def test_the_batch_holds_each_emotion_that_there_is(faces):
    some = training_check._balanced_batch(faces)
    assert some.counts().tolist() == np.minimum(faces.counts(), 4).tolist()

"""What the tests of this folder share: a training of milliseconds, its command, and
how its results are compared.
"""

import numpy as np
import pytest

from fer import runs, train
from minicnn import layers, saving

EPOCHS, STEPS = 2, 2  # of 60 training faces, 30 a batch


def micro(classes, dropout=1.0, batch_norm=True):
    """A network for which a step takes milliseconds."""
    return [
        layers.MaxPooling2D(6),
        layers.Conv2D(4, 3),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Dropout(0.2),
        layers.GlobalAveragePooling2D(),
        layers.Dense(classes, activation="softmax"),
    ]


def arguments(npz, out, **changes):
    settings = {
        "data": npz, "arch": "micro", "epochs": EPOCHS, "batch_size": 30, "augment": "full", "learning_rate": 0.01,
        "optimizer": "adamw", "label_smoothing": 0.1, "ema": 0.9, "self_distillation": 0.5, "seed": 4,
        "out": out, **changes,
    }  # fmt: skip
    return [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]


def resume(folder, *more):
    train.main(["--resume", str(folder), *more])


def status_and_line(capsys, *arguments):
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        train.main([str(argument) for argument in arguments])
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert error.count("\n") == 1
    return error.removeprefix("fer.train: ").rstrip()


def check(folder, whole):
    """The results in a folder are those of the undisturbed run, to the bit, and nothing else is there."""
    expected = whole[0]
    for name in ("history.csv", "report.json", "predictions.csv", "result.json"):
        assert (folder / name).read_bytes() == (expected / name).read_bytes(), name
    for name in (runs.MODEL_BEST, runs.MODEL_LAST):
        (config, arrays), (config_expected, arrays_expected) = (
            saving.read(f / name) for f in (folder, expected)
        )
        assert arrays.keys() == arrays_expected.keys()
        for key, array in arrays_expected.items():
            np.testing.assert_array_equal(arrays[key], array, err_msg=f"{name}: {key}")
        for part in ("random", "optimizer_state", "training"):
            assert config.get(part) == config_expected.get(part)
    assert {child.name for child in folder.iterdir()} == {child.name for child in expected.iterdir()}

"""More scripts, short ones: together with those of test_scripts.py 43 shapes that are found in public.

Each draws its data itself and runs twice, with imports exchanged alone: here and under Keras on PyTorch. Every model
that is trained starts from the same weights, so that all numbers can be compared: ``history``, and what the script
puts into ``results``.
"""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.keras_scripts import test_scripts
from tests.keras_scripts.test_scripts import IMPORTS, TENSORFLOW, facts, same_start

__all__ = ["same_start"]  # a fixture

SCRIPTS = sorted((Path(__file__).parent / "more").glob("*.py"))
ONLY_HERE = ["hdf5_and_board"]  # Keras's TensorBoard needs TensorFlow
QUICK = ["checkpoints"]  # in any run

pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)


def run(script, replacements, folder, monkeypatch):
    return test_scripts.run(script, replacements, folder, folder / script.stem, monkeypatch)


def losses(history):
    return getattr(history, "history", history)


@pytest.mark.parametrize(
    "script",
    [pytest.param(path, marks=() if path.stem in QUICK else pytest.mark.slow) for path in SCRIPTS],
    ids=lambda path: path.stem,
)
def test_a_script_runs(script, tmp_path, monkeypatch, capsys):
    if script.stem == "hdf5_and_board":
        pytest.importorskip("tensorboard", reason='needs pip install ".[tensorboard]"')
    variables = run(script, IMPORTS, tmp_path, monkeypatch)
    values = losses(variables["history"])["loss"]
    assert values[-1] < values[0]
    assert np.isfinite(variables.get("results", 0)).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "script", [path for path in SCRIPTS if path.stem not in ONLY_HERE], ids=lambda path: path.stem
)
def test_under_keras_it_is_the_same(script, tmp_path, monkeypatch, capsys, same_start):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    (tmp_path / "minicnn").mkdir()
    ours = run(script, IMPORTS, tmp_path / "minicnn", monkeypatch)
    import torch

    # PyTorch 2.13's oneDNN crashes now and then in the backward pass of resnet_cifar, without minicnn too
    one_dnn = torch.backends.mkldnn.flags(enabled=script.stem != "resnet_cifar")
    with warnings.catch_warnings(action="ignore"), one_dnn:
        (tmp_path / "keras").mkdir()
        theirs = run(script, TENSORFLOW, tmp_path / "keras", monkeypatch)
        assert facts(ours["model"]) == facts(theirs["model"])
    a, b = losses(ours["history"]), losses(theirs["history"])
    assert set(a) == set(b)
    for name, values in a.items():
        tolerance = {"rtol": 2e-3, "atol": 1e-5} if "loss" in name else {"atol": 0.06}  # one sample of a few
        np.testing.assert_allclose(values, b[name], err_msg=name, **tolerance)
    np.testing.assert_allclose(
        np.asarray(ours.get("results", 0), float),
        np.asarray(theirs.get("results", 0), float),
        rtol=5e-3,
        atol=1e-4,
    )

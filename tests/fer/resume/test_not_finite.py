"""A loss that is not finite: where it began is named, and the last good model kept."""

import re

import numpy as np
import pytest

import minicnn
from fer import runs
from fer.training import checkpoint
from tests.fer.resume.runs_of_seconds import STEPS, arguments, status_and_line


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 1e30), ("adam", 1e30)])
def test_a_loss_that_is_not_finite_names_the_layer_and_keeps_the_last_good_model(
    optimizer, rate, npz, tmp_path, monkeypatch, capsys
):
    jump, step = minicnn.Sequential.train_step, []

    def diverging(self, *arguments):
        step.append(1)
        if len(step) == STEPS + 1:  # the second epoch's first
            self.optimizer._learning_rate = rate
        return jump(self, *arguments)

    monkeypatch.setattr(minicnn.Sequential, "train_step", diverging)
    line = status_and_line(capsys, *arguments(npz, tmp_path, optimizer=optimizer))
    folder = tmp_path / "001"
    assert re.search(
        r"became (nan|inf) in epoch 2, batch 2: the first numbers that are not finite are the output of \w+; "
        rf"try a learning rate below 0\.01; the last good model is in {folder}$",
        line,
    )
    for name in (runs.MODEL_BEST, runs.MODEL_LAST):
        assert all(
            np.isfinite(weight).all() for weight in minicnn.models.load_model(folder / name).get_weights()
        )


def test_a_gradient_that_is_not_finite_is_named(npz, tmp_path, monkeypatch, capsys):
    original = minicnn.Sequential.set_gradients

    def spoiled(self, *arguments):
        result = original(self, *arguments)
        self.trainable_weights[-2].grad[0, 0] = np.inf
        return result

    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 1e9)
    monkeypatch.setattr(minicnn.Sequential, "set_gradients", spoiled)
    line = status_and_line(capsys, *arguments(npz, tmp_path))
    assert re.search(
        r"no step in epoch 1, batch 1: the first numbers that are not finite are the gradient of dense\w*/kernel;",
        line,
    )


def test_weights_that_are_not_finite_are_never_saved(npz, tmp_path, monkeypatch, capsys):
    original = minicnn.Sequential.train_step

    def spoiled(self, *arguments):
        result = original(self, *arguments)
        self.weights[-1].value[0] = np.nan
        return result

    monkeypatch.setattr(minicnn.Sequential, "train_step", spoiled)
    line = status_and_line(capsys, *arguments(npz, tmp_path))
    assert re.search(
        r"dense\w*/bias is no longer finite: try a learning rate below 0\.01; the run is in", line
    )
    assert not (tmp_path / "001" / runs.MODEL_LAST).exists()

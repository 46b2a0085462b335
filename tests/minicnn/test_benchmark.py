"""The benchmark compares equal nets, computes its ratios rightly, and says what is missing."""

import importlib.util
import json
import os
from types import SimpleNamespace

import numba
import numpy as np
import pytest

import minicnn
from minicnn.benchmark import __main__ as command
from minicnn.benchmark import contenders, measure, nets, passes, peak, steps, worker
from minicnn.ops import reference


@pytest.mark.parametrize(("name", "parameters"), [("simple", 683_527), ("vgg", 1_764_519)])
def test_the_nets_are_those_of_the_description(name, parameters):
    model = nets.in_keras_words(minicnn, name)
    assert sum(weight.value.size for weight in model.trainable_weights) == parameters
    assert model.output_shape == (None, nets.CLASSES)


def test_convolutions_are_those_of_the_nets():
    found = set(nets.convolutions())
    for name in nets.NAMES:
        model = nets.in_keras_words(minicnn, name)
        shape = model.input_shape
        for layer in model.layers:
            if isinstance(layer, minicnn.layers.Conv2D):
                assert (shape[1], shape[3], layer.filters) in found
            shape = layer.compute_output_shape(shape)


def test_rates_and_ratios_by_hand():
    medians = {"minicnn": 0.5, "torch": 2.0, "torch channels_last": 1.0, "keras": 4.0}
    assert measure.rates(medians, 64) == {
        "minicnn": 128, "torch": 64, "keras": 16, "ratio": 2, "ratio_to_torch": 2, "ratio_to_keras": 8
    }  # fmt: skip


def test_a_step_trains_and_a_prediction_does_not():
    make = contenders.minicnn(threads=1)
    step = make({"kind": "train", "net": "simple", "batch": 4})
    losses = [float(step()[0]) for _ in range(40)]
    assert np.mean(losses[-5:]) < losses[0] / 2
    predict = make({"kind": "predict", "net": "simple", "batch": 4})
    np.testing.assert_array_equal(predict(), predict())


def test_a_worker_answers_in_a_process_of_its_own():
    task = {"kind": "convolution", "side": 4, "channels": 2, "filters": 3, "pass": "backward", "batch": 2}
    with measure.Worker("minicnn", 1) as worker:
        seconds = measure.alternate([worker], task, rounds=2, steps=2)
        assert worker.ask(memory=True)["peak_mb"] > 10
    assert seconds["minicnn"] > 0


def test_the_peak_is_positive():
    assert peak.multiply_add(1, rounds=1) > 0


def test_the_command_prints_and_writes(tmp_path, capsys, monkeypatch):
    results = {kind: {net: {"minicnn": 2.0} for net in nets.NAMES} for kind in ("train", "predict")}
    monkeypatch.setattr(measure, "whole_nets", lambda names, threads, rounds: results)
    assert command.main(["--quick", "--threads", "1", "--json", str(tmp_path / "b.json")]) == 0
    assert "train simple" in capsys.readouterr().out
    assert json.loads((tmp_path / "b.json").read_text()) == {"threads": 1, **results}


def test_a_missing_library_is_reported_in_one_line(capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert command.main(["--against", "torch"]) == 2
    assert (
        capsys.readouterr().err
        == 'python -m minicnn.benchmark: torch is not installed: pip install "minicnn-fer[oracles]", '
        'or in a clone pip install -e ".[oracles]"\n'
    )


def test_the_number_of_threads_is_checked(capsys):
    assert command.main(["--threads", "0"]) == 2
    assert "--threads 0: expected 1 or more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("platform", "unit"), [("linux", 2**10), ("darwin", 2**20)], ids=["Linux: KiB", "macOS: bytes"]
)
def test_peak_memory_in_the_systems_unit(platform, unit, monkeypatch):
    usage = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda who: SimpleNamespace(ru_maxrss=300 * unit))
    monkeypatch.setattr(worker, "resource", usage)
    monkeypatch.setattr(worker.sys, "platform", platform)
    assert worker.peak_memory_mb() == 300


def test_without_the_resource_module_everything_else_is_measured(tmp_path, monkeypatch, capsys):
    (tmp_path / "resource.py").write_text("raise ImportError('as on Windows')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.getcwd()}")
    assert measure.memory(["minicnn"], 1, "simple") == {}
    nothing = {kind: {} for kind in ("train", "predict")}
    monkeypatch.setattr(measure, "whole_nets", lambda names, threads, rounds: nothing)
    for name, result in {
        "convolutions": [],
        "steps": {title: {"": {}} for title in command.STEPS_TITLES},
        "memory": {},
        "first_step": {"cold": 1.0, "warm": 1.0},
        "scaling": {},
    }.items():
        monkeypatch.setattr(measure, name, lambda *arguments, result=result: result)
    monkeypatch.setattr(peak, "multiply_add", lambda threads: 1.0)
    assert command.main(["--threads", "1"]) == 0
    assert "Peak memory: not measured" in capsys.readouterr().out


@pytest.mark.parametrize("name", steps.STEPS)
def test_every_step_on_the_way_computes_the_same(name, rng):
    task = {"batch": 2, "side": 7, "channels": 3, "filters": 5}
    x, kernel, _ = contenders.maps(task)
    y, _ = reference.conv2d_forward(x.astype(float), kernel.astype(float), padding="same")
    np.testing.assert_allclose(steps.STEPS[name](x, kernel), y, atol=1e-5 * np.abs(y).max())


def test_where_a_step_goes():
    found = passes.where("simple", 2, threads=1, steps=3)
    *kernels, outside, step = found
    assert (outside, step) == (passes.OUTSIDE, passes.STEP)
    assert {"pooling_2x2 forward", "pooling_2x2 backward", "updates adam"} <= set(kernels)
    assert [found[label] for label in kernels] == sorted((found[label] for label in kernels), reverse=True)
    assert min(found.values()) > 0
    assert sum(found.values()) == pytest.approx(2 * found[step])


@pytest.mark.parametrize("rested", [False, True])
def test_to_wake_the_threads_is_a_difference_of_medians(rested, monkeypatch):
    seconds = iter([3.0, 1.0, 2.0, 9.0, 6.0, 7.0])  # on one thread 2, on two 7
    monkeypatch.setattr(passes, "duration", lambda function: next(seconds))
    assert passes.fork_join(numba.config.NUMBA_NUM_THREADS, rounds=3, rested=rested) == pytest.approx(5e6)

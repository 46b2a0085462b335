"""The benchmark compares equal nets, computes its ratios rightly, and says what is missing."""

import importlib.util
import json
import os
import subprocess
from contextlib import nullcontext
from types import SimpleNamespace

import numba
import numpy as np
import pytest

import minicnn
from minicnn.benchmark import __main__ as command
from minicnn.benchmark import contenders, machine, measure, nets, passes, peak, scale, steps, worker
from minicnn.ops import reference
from minicnn.ops.kernels import register_tile


@pytest.mark.parametrize(("name", "parameters"), [("simple", 683_527), ("vgg", 1_764_519), ("tiny", 438_343)])
def test_the_nets_are_those_of_the_description(name, parameters):
    model = nets.in_keras_words(minicnn, name)
    assert sum(weight.value.size for weight in model.trainable_weights) == parameters
    assert model.output_shape == (None, nets.CLASSES)


def test_convolutions_are_those_of_the_nets():
    found = set(nets.convolutions())
    for name in nets.NAMES:
        model = nets.in_keras_words(minicnn, name)
        shape = model.input_shape
        if name == "tiny":  # its convolutions are not timed one by one
            continue
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


FACES = {"vgg": {"1": {"minicnn": 1.25}}}


def test_the_command_prints_and_writes(tmp_path, capsys, monkeypatch):
    results = {kind: {net: {"minicnn": 2.0} for net in nets.NAMES} for kind in ("train", "predict")}
    monkeypatch.setattr(measure, "whole_nets", lambda names, threads, rounds: results)
    monkeypatch.setattr(measure, "latency", lambda names, threads, rounds: FACES)
    assert command.main(["--quick", "--threads", "1", "--json", str(tmp_path / "b.json")]) == 0
    assert "train simple" in capsys.readouterr().out
    written = json.loads((tmp_path / "b.json").read_text())
    assert {name: written[name] for name in ("threads", *results)} == {"threads": 1, **results}
    assert set(written) - {"threads", *results} == {"machine", "latency_ms", "fork_join_us"}
    assert written["latency_ms"] == FACES


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
    ("platform", "unit", "status"),
    [
        ("linux", 1, "VmPeak:\t 900000 kB\nVmHWM:\t 307200 kB\nVmRSS:\t 1 kB\n"),
        ("linux", 2**10, "VmRSS:\t 1 kB\n"),
        ("darwin", 2**20, None),
    ],
    ids=["Linux", "Linux without VmHWM: KiB", "macOS: bytes"],
)
def test_peak_memory_in_the_systems_unit(platform, unit, status, monkeypatch, tmp_path):
    usage = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda who: SimpleNamespace(ru_maxrss=300 * unit))
    monkeypatch.setattr(worker, "resource", usage)
    monkeypatch.setattr(worker.sys, "platform", platform)
    monkeypatch.setattr(worker, "STATUS", tmp_path / "status")
    if status is not None:
        worker.STATUS.write_text(status)
    assert worker.peak_memory_mb() == 300


def test_without_the_resource_module_everything_else_is_measured(tmp_path, monkeypatch, capsys):
    (tmp_path / "resource.py").write_text("raise ImportError('as on Windows')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.getcwd()}")
    assert measure.memory(["minicnn"], 1, "simple") == {}
    nothing = {kind: {} for kind in ("train", "predict")}
    monkeypatch.setattr(measure, "whole_nets", lambda names, threads, rounds: nothing)
    for name, result in {
        "convolutions": [],
        "latency": FACES,
        "steps": {title: {"": {}} for title in command.STEPS_TITLES},
        "memory": {},
        "first_step": {"cold": 1.0, "warm": 1.0},
        "scaling": {},
    }.items():
        monkeypatch.setattr(measure, name, lambda *arguments, result=result: result)
    monkeypatch.setattr(peak, "multiply_add", lambda threads: 1.0)
    monkeypatch.setattr(passes, "where", lambda net, batch, threads: {"step": 1.0})
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


def test_a_contender_that_only_predicts_is_not_asked_to_train():
    names = ["minicnn", "onnxruntime", "openvino"]
    workers = [SimpleNamespace(name=name) for name in names]
    assert [worker.name for worker in measure._able(workers, "train")] == ["minicnn"]
    assert [worker.name for worker in measure._able(workers, "predict")] == names


def test_the_fastest_mode_of_a_library_counts_for_latency(monkeypatch):
    seconds = {"minicnn": 0.002, "torch": 0.004, "torch channels_last": 0.003}
    tasks = []
    monkeypatch.setattr(measure, "Worker", lambda name, threads: nullcontext(SimpleNamespace(name=name)))
    monkeypatch.setattr(measure, "alternate", lambda workers, task, *_: tasks.append(task) or seconds)
    found = measure.latency(list(seconds), 1, 1)
    assert found == {net: {key: {"minicnn": 2.0, "torch": 3.0} for key in ("1", "8")} for net in nets.NAMES}
    assert [task["batch"] for task in tasks] == [1, 8] * len(nets.NAMES)


@pytest.mark.parametrize("name", nets.NAMES)
def test_torch_s_net_has_the_same_shapes_of_weights(name):
    torch = pytest.importorskip("torch")
    ours = sorted(weight.value.size for weight in nets.in_keras_words(minicnn, name).trainable_weights)
    theirs = [parameter.numel() for parameter in nets.in_torch_words(torch, name).parameters()]
    assert ours == sorted(theirs)
    assert nets.in_torch_words(torch, name)(torch.zeros(2, 1, 48, 48)).shape == (2, nets.CLASSES)


def test_onnxruntime_predicts_the_same_network():
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    task = {"kind": "predict", "net": "tiny", "batch": 3}
    minicnn.utils.set_random_seed(4)
    expected = contenders.minicnn(1)(task)()
    minicnn.utils.set_random_seed(4)
    np.testing.assert_allclose(contenders.onnxruntime(1)(task)(), expected, atol=1e-5)


def test_what_the_system_says_of_its_caches(tmp_path, monkeypatch):
    caches = [("Data", 1, "32K"), ("Instruction", 1, "32K"), ("Unified", 2, "2048K"), ("Unified", 3, "8M")]
    for number, (kind, level, size) in enumerate(caches):
        folder = tmp_path / f"index{number}"
        folder.mkdir()
        for file, text in (("type", kind), ("level", level), ("size", size)):
            (folder / file).write_text(f"{text}\n")
    monkeypatch.setattr(machine, "CACHES", tmp_path)
    monkeypatch.setattr(machine.sys, "platform", "linux")
    assert machine.cache_bytes() == {"L1d": 2**15, "L2": 2**21, "L3": 2**23}
    monkeypatch.setattr(machine, "CACHES", tmp_path / "none")
    assert machine.cache_bytes() == {}
    monkeypatch.setattr(machine.sys, "platform", "darwin")
    monkeypatch.setattr(machine, "_sysctl", lambda name: "65536" if "l1d" in name else "")
    assert machine.cache_bytes() == {"L1d": 65536}


def test_the_machine_is_described(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: A CPU\n")
    monkeypatch.setenv("NUMBA_CPU_NAME", "haswell")
    monkeypatch.delenv("NUMBA_CPU_FEATURES", raising=False)
    found = machine.describe()
    assert (found["cpu"], found["NUMBA_CPU_NAME"], "NUMBA_CPU_FEATURES" in found) == (
        "A CPU",
        "haswell",
        False,
    )
    assert found["instruction_set"] == register_tile.instruction_set()


def test_why_two_processes_are_not_measured(monkeypatch):
    monkeypatch.setattr(
        scale.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", "a\nno MPI")
    )
    monkeypatch.setattr(scale.shutil, "which", lambda _: "mpiexec")
    with pytest.raises(RuntimeError, match=r"^1 process, 2 threads: no MPI$"):
        scale.two_processes("tiny", 1)
    monkeypatch.setattr(scale.shutil, "which", lambda _: None)
    monkeypatch.setattr(scale.sys, "executable", "/nowhere/python")
    with pytest.raises(RuntimeError, match="needs mpiexec and mpi4py"):
        scale.two_processes("tiny", 1)

"""A run that is stopped, in whatever way, goes on as if it had not been."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import minicnn
from fer import runs, train
from fer.training import checkpoint, stopping
from fer.training.stopping import NothingToDo
from minicnn import saving
from tests.fer.resume.runs_of_seconds import EPOCHS, STEPS, arguments, check, resume

ROOT = Path(minicnn.__file__).parent.parent


def test_killed_before_any_file_is_replaced(whole, tmp_path, capsys):
    """Every moment at which a kill can leave files that do not belong together."""
    _, moments = whole
    names = [moment.name[4:] for moment in moments]
    assert names[0] == runs.CONFIG
    assert names.count(runs.MODEL_LAST) == EPOCHS * (STEPS + 1)
    assert names.count(runs.HISTORY) == EPOCHS
    assert names[-1] == runs.RESULT
    with pytest.raises(SystemExit):
        resume(moments[0])
    assert "holds no config.json: no run was started there" in capsys.readouterr().err
    for moment in moments[1:]:
        assert any(child.suffix in (".tmp", ".part") for child in moment.iterdir())
        folder = tmp_path / moment.name
        shutil.copytree(moment, folder, copy_function=os.link)
        resume(folder)
        check(folder, whole)


def signals_at(monkeypatch, method, number, *signals):
    """Let signals come in the middle of the ``number``-th call of a method of the model."""
    original, calls = getattr(minicnn.Sequential, method), []

    def interrupted(self, *arguments, **options):
        calls.append(1)
        if len(calls) == number:
            for one in signals:
                os.kill(os.getpid(), one)
        return original(self, *arguments, **options)

    monkeypatch.setattr(minicnn.Sequential, method, interrupted)
    return calls


@pytest.mark.parametrize(
    ("method", "number", "signals", "calls"),
    [
        ("train_step", 1, [signal.SIGINT], 1),
        ("train_step", 4, [signal.SIGTERM], 4),
        ("train_step", 2, [signal.SIGUSR1], 2),
        ("test_step", 1, [signal.SIGINT], 1),
        ("train_step", 3, [signal.SIGINT, signal.SIGTERM], 3),
        ("predict", 2, [signal.SIGTERM], 2),  # the first is for the targets of the second epoch
    ],
)
def test_a_signal_ends_the_batch_saves_and_says_how_to_go_on(
    method, number, signals, calls, whole, npz, tmp_path, monkeypatch, capfd
):
    if (
        len(signals) == 2 or method == "predict"
    ):  # a second signal, or one while nothing trains, does not wait
        monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 1e9)
    with monkeypatch.context() as patch:
        called = signals_at(patch, method, number, *signals)
        with pytest.raises(SystemExit) as stopped:
            train.main(arguments(npz, tmp_path))
        assert len(called) == calls
    assert stopped.value.code == 128 + signals[-1]
    error = capfd.readouterr().err
    assert error.endswith(
        f"\nfer.train: stopped. To resume: python -m fer.train --resume {tmp_path / '001'}\n"
    )
    assert ("after this batch" in error) == (method != "predict")
    resume(tmp_path / "001")
    check(tmp_path / "001", whole)


def test_signals_are_given_back_and_ignored_ones_stay_ignored(monkeypatch):
    before = [signal.getsignal(number) for number in stopping.SIGNALS]
    with stopping.StopRequest() as stop:
        assert signal.getsignal(signal.SIGINT) == stop._on_signal
    assert [signal.getsignal(number) for number in stopping.SIGNALS] == before
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping.StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.signal is None
    finally:
        signal.signal(signal.SIGINT, before[0])


def test_a_signal_does_not_break_a_step_when_stderr_is_closed(monkeypatch):
    def closed(*_):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(os, "write", closed)
    with stopping.StopRequest() as stop:
        stop.deferring = True
        signal.raise_signal(signal.SIGTERM)
        assert stop.requested()


def out_of_time_at(monkeypatch, call):
    calls = []
    monkeypatch.setattr(
        stopping.StopRequest, "requested", lambda self: (calls.append(1), len(calls) == call)[1]
    )


def test_a_time_budget_ends_the_batch_judges_and_goes_on_later(whole, npz, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "001"
    train.main([*arguments(npz, tmp_path), "--time-budget=0.000001s"])
    printed = capsys.readouterr().out
    assert (
        f"The time is up. To resume: python -m fer.train --resume {folder}\nNo epoch is finished yet"
        in printed
    )
    assert saving.read(folder / runs.MODEL_LAST)[0]["training"]["step"] == 1
    with monkeypatch.context() as patch:
        out_of_time_at(
            patch, STEPS + 2
        )  # in the second epoch: one batch, one validation, the epoch's end, one batch
        resume(folder, "--time-budget", "1h30m")
    result = json.loads((folder / runs.RESULT).read_text())
    assert (result["finished"], result["epochs"], result["best_epoch"]) == (False, 1, 1)
    assert json.loads((folder / "report.json").read_text())["accuracy"] == result["accuracy"]
    assert "Resuming in epoch 1 of 2, after batch 1 of 2" in capsys.readouterr().out
    resume(folder)
    check(folder, whole)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("45m", 2700), ("2h", 7200), ("1h30m", 5400), ("0.5h", 1800)]
)
def test_times(text, seconds):
    assert train.parser().parse_args(["--time-budget", text]).time_budget == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "1d", "-2h", "1.2.3s", "0s"])
def test_times_that_are_none(text, capsys):
    with pytest.raises(SystemExit):
        train.parser().parse_args([f"--time-budget={text}"])
    assert "expected a time such as 90s, 45m, 2h" in capsys.readouterr().err


def test_early_stopping_is_an_end_too(npz, tmp_path, monkeypatch, capsys):
    settings = arguments(npz, tmp_path, epochs=9, early_stopping=1, learning_rate=1e-9)
    with monkeypatch.context() as patch:
        patch.setattr(train, "_evaluate_best", lambda *_: os._exit)
        train.main(settings)
    capsys.readouterr()
    resume(tmp_path / "001")
    printed = capsys.readouterr().out
    assert "Epoch 1/9" not in printed
    assert "with the model of epoch 1" in printed
    assert json.loads((tmp_path / "001" / runs.RESULT).read_text())["epochs"] == 2


def test_a_finished_run_is_said_to_be_finished(whole, capsys):
    resume(whole[0])
    assert (
        capsys.readouterr().out
        == f"{whole[0]} is finished; python -m fer.evaluate {whole[0]} evaluates it again\n"
    )
    with pytest.raises(NothingToDo):
        train.run(resume=whole[0])


@pytest.mark.slow
def test_twenty_kills():
    """SIGKILL at random moments; tests/fer/kill.py tells how."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    command = [sys.executable, "-W", "ignore", "-m", "tests.fer.kill", "--kills", "20"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("20 kills, ")

"""What a person sees: nothing, a line or a bar."""

import io
import re
import time
from types import SimpleNamespace

import pytest

from minicnn.models import progress


class Terminal(io.StringIO):
    """A standard output that says it is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("out", "expected"), [(Terminal(), 1), (io.StringIO(), 2)])
def test_auto_is_a_bar_on_a_terminal_only(monkeypatch, out, expected):
    monkeypatch.setattr("sys.stdout", out)
    assert progress.resolve("auto") == expected


@pytest.mark.parametrize("verbose", [3, "yes", None, -1])
def test_other_values_are_named(verbose):
    with pytest.raises(ValueError, match="verbose="):
        progress.resolve(verbose)


def test_numbers_to_read():
    assert progress.describe({"loss": 1.23456, "learning_rate": 0.00012345, "zero": 0.0, "f1": [1, 2]}) == (
        "loss: 1.2346 - learning_rate: 1.23e-04 - zero: 0.0000"
    )


def run(callback, epochs=2, steps=3):
    callback.set_params({"epochs": epochs, "steps": steps})
    callback.on_train_begin()
    for epoch in range(epochs):
        callback.on_epoch_begin(epoch)
        for step in range(steps):
            callback.on_train_batch_end(step, {"loss": 2.0})
        callback.on_epoch_end(epoch, {"loss": 2.0, "val_loss": 1.5})
    callback.on_train_end()


@pytest.mark.parametrize("verbose", [1, 2])
def test_every_epoch_leaves_a_line(capsys, verbose):
    (callback,) = progress.callbacks(verbose)
    run(callback)
    text = capsys.readouterr().out
    for epoch in (1, 2):
        assert re.search(rf"Epoch {epoch}/2 - \d+\.\ds - loss: 2\.0000 - val_loss: 1\.5000\n", text)
    assert ("Epoch 1/2 0/3" in text) == (verbose == 1)  # the bar


def test_the_bar_says_how_long_all_epochs_will_take(capsys, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    (bar,) = progress.callbacks(1)
    bar.set_params({"epochs": 5, "steps": 10})
    bar.on_train_begin()
    bar.on_epoch_begin(2)  # resumed: two epochs were done before
    bar.on_train_batch_end(0, {})
    for batch, seconds, left in ((1, 40.0, "09:20"), (2, 60.0, "09:00")):  # 28, then 27 steps of 20 s
        clock[0] = 100 + seconds
        bar.on_train_batch_end(batch, {"loss": 1.0})
        bar._bar.refresh()
        assert f"{left} to the end - loss: 1.0000" in capsys.readouterr().out
    bar.on_train_end()


def test_the_bar_of_a_resumed_epoch_begins_where_it_was(capsys):
    (bar,) = progress.callbacks(1)
    bar.set_params({"epochs": 1, "steps": 10})
    bar.set_model(SimpleNamespace(training_position=SimpleNamespace(step=4)))
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    assert "Epoch 1/1 4/10" in capsys.readouterr().out
    bar.on_train_batch_end(4, {})
    bar._bar.refresh()
    assert "Epoch 1/1 5/10" in capsys.readouterr().out
    bar.on_train_end()


def test_silence():
    assert progress.callbacks(0) == []

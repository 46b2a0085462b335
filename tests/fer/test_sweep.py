"""A search: what is searched, and that it goes on whatever happens."""

import json
import subprocess
import sys

import numpy as np
import pytest

from fer import runs, sweep
from fer.errors import BadInput
from fer.networks import architectures
from fer.training import space
from fer.training.config import Config
from fer.training.space import Range
from tests.fer.kill import NO_PICTURES, write_faces
from tests.fer.resume.runs_of_seconds import micro

optuna = pytest.importorskip("optuna")


# ---- the space ---------------------------------------------------------------------------------------------


def test_values_ranges_and_choices():
    given = {"learning_rate": "1e-4..1e-2:log", "batch_size": "32..128", "dropout": "0..1", "epochs": 8}
    given |= {"arch": ["simple", "vgg"], "batch_norm": "true,false", "augment": "none, full", "seed": "3"}
    assert space.parsed(given) == {
        "learning_rate": Range(1e-4, 1e-2, log=True),
        "batch_size": Range(32, 128),
        "dropout": Range(0.0, 1.0),
        "epochs": [8],
        "arch": ["simple", "vgg"],
        "batch_norm": [True, False],
        "augment": ["none", "full"],
        "seed": [3],
    }


def test_a_trial_has_the_settings_that_optuna_chose():
    chosen = space.parsed(
        {"learning_rate": "1e-4..1e-2:log", "batch_size": "32..128", "arch": "simple,vgg", "epochs": 8}
    )
    trial = optuna.trial.FixedTrial({"learning_rate": 2e-3, "batch_size": 48, "arch": "vgg"})
    assert space.config_of(chosen, trial) == Config(learning_rate=2e-3, batch_size=48, arch="vgg", epochs=8)
    drawn = [space.config_of(chosen, optuna.create_study().ask()) for _ in range(30)]
    assert {type(config.batch_size) for config in drawn} == {int}
    assert all(32 <= config.batch_size <= 128 and 1e-4 <= config.learning_rate <= 1e-2 for config in drawn)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rate": "1..2"}, "'rate' is no setting; there are data, drop_faulty"),
        ({"epochs": 8}, "there is nothing to search: expected a range such as --dropout 0..1"),
        ({"dropout": "1..0"}, "dropout=1..0: expected low..high with low < high"),
        ({"dropout": "0..1:log"}, "above 0 with :log"),
        ({"dropout": "0..1:sqrt"}, "expected :log, or nothing, after the range"),
        ({"dropout": "0..3"}, "dropout=3.0: expected a factor"),
        ({"epochs": "1.5..3"}, "epochs='1.5': expected a whole number, a range"),
        ({"arch": "simple,resnet"}, "arch='resnet': expected one of simple"),
        (
            {"data": ["a.csv", "b.csv"], "dropout": "0..1"},
            "expected one value, so that all trials have the same faces",
        ),
        ({"batch_norm": "yes,no"}, "batch_norm='yes': expected true or false"),
    ],
)
def test_what_cannot_be_searched(given, message):
    with pytest.raises(BadInput, match=message):
        space.parsed(given)


# ---- searching ---------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch, tmp_path, no_default_data):
    monkeypatch.setitem(architectures.ARCHITECTURES, "micro", micro)
    for (module, name), stub in NO_PICTURES.items():
        monkeypatch.setattr(module, name, stub)
    monkeypatch.chdir(tmp_path)
    write_faces(tmp_path / "faces.npz")


SEARCH = [
    "--data=faces.npz",
    "--arch=micro",
    "--epochs=2",
    "--learning-rate=1e-3..1e-1:log",
    "--dropout=0..1",
]


def test_a_search_goes_on_and_shows_its_best(quick, tmp_path, capsys):
    sweep.main([*SEARCH, "--trials=2", "--no-prune"])
    first = sorted((tmp_path / "sweeps/sweep/trials").rglob(runs.RESULT))
    assert len(first) == 2
    sweep.main([*SEARCH, "--trials=4", "--no-prune"])
    folder = tmp_path / "sweeps/sweep"
    results = [json.loads(path.read_text()) for path in sorted((folder / "trials").rglob(runs.RESULT))]
    assert [result["split"] for result in results] == ["validation"] * 4  # the test rows are not looked at
    best = int(np.argmax([result["val_accuracy"] for result in results]))
    capsys.readouterr()
    sweep.main(["--show"])
    shown = capsys.readouterr().out
    config = json.loads((folder / f"trials/{best:03d}/001/{runs.CONFIG}").read_text())["arguments"]
    assert f"--learning-rate {config['learning_rate']} " in shown
    assert "--epochs 8 " in shown  # longer than in the trials
    lines = (folder / "trials.csv").read_text().splitlines()
    assert lines[0] == "trial,state,val_accuracy,epochs,learning_rate,dropout"
    assert lines[1].startswith(f"{best},complete,{results[best]['val_accuracy']}")
    assert {path.name for path in folder.glob("*.png")} == {"history.png", "slices.png", "importance.png"}


def test_a_trial_that_is_behind_ends_early(quick, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(optuna.pruners, "MedianPruner", lambda **_: optuna.pruners.ThresholdPruner(lower=2.0))
    sweep.main([*SEARCH, "--trials=2"])
    trials = sweep.Sweep(tmp_path / "sweeps/sweep").trials()
    assert [trial.state.name for trial in trials] == ["PRUNED", "PRUNED"]
    assert [len(trial.intermediate_values) for trial in trials] == [1, 1]
    assert "Trial 1 is behind the others: ended early." in capsys.readouterr().out
    sweep.main([*SEARCH, "--trials=3", "--epochs=1", "--name=short"])  # the last epoch is not pruned
    assert {trial.state.name for trial in sweep.Sweep(tmp_path / "sweeps/short").trials()} == {"COMPLETE"}


def test_a_trial_that_fails_does_not_end_the_search(quick, tmp_path, capsys):
    sweep.main(
        ["--data=faces.npz", "--arch=micro", "--learning-rate=1e30,1e31", "--optimizer=sgd", "--trials=2"]
    )
    shown = capsys.readouterr().out
    trials = sweep.Sweep(tmp_path / "sweeps/sweep").trials()
    assert [trial.state.name for trial in trials] == ["FAIL", "FAIL"]
    assert all("the loss became nan" in trial.user_attrs["error"] for trial in trials)
    assert "trial 1: the loss became nan in epoch 1" in shown
    assert "No trial is complete yet." in shown


def test_all_who_take_part_search_the_same(quick, capsys):
    sweep.main([*SEARCH, "--trials=1"])
    with pytest.raises(SystemExit) as stopped:
        sweep.main([*SEARCH, "--trials=1", "--dropout=0..0.5"])
    assert stopped.value.code == 2
    assert "is a search with dropout=0..1, not dropout=0..0.5: repeat its command" in capsys.readouterr().err
    sweep.main([*SEARCH, "--trials=1", "--dropout=0..0.5", "--name=other"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--show"], "sweeps/sweep has no search in it"),
        (["--dropout=0..1", "--trials=0"], "--trials 0: expected 1 or more"),
        (["space.toml"], "space.toml is not TOML"),
        (["none.toml"], "none.toml"),
        (["--dropout=0..1", "--data=nowhere.csv"], "nowhere.csv"),
    ],
)
def test_one_line_says_what_is_wrong(quick, tmp_path, capsys, arguments, message):
    (tmp_path / "space.toml").write_text("dropout: 3")
    with pytest.raises(SystemExit) as stopped:
        sweep.main(arguments)
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert message in error
    assert error.count("\n") == 1


def test_a_file_names_the_search(quick, tmp_path):
    (tmp_path / "rates.toml").write_text(
        'data = "faces.npz"\narch = "micro"\nepochs = 1\nlearning_rate = [0.1, 0.01]'
    )
    sweep.main(["rates.toml", "--trials=1"])
    assert (tmp_path / "sweeps/rates/trials/000/001" / runs.RESULT).exists()


@pytest.mark.slow
def test_killed_again_and_again_no_trial_is_lost_and_none_run_twice():
    command = [sys.executable, "-W", "ignore", "-m", "tests.fer.kill_sweep", "--kills", "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("20 kills of ")

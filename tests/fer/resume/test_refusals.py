"""What a run cannot go on with, or cannot be written to, is one line; and nothing is damaged."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import minicnn
from fer import runs, train
from fer.data import dataset, synthetic
from fer.errors import BadInput
from tests.fer.resume.runs_of_seconds import arguments, check, resume, status_and_line


@pytest.mark.parametrize(
    ("option", "part"),
    [
        (
            "--epochs=3",
            "with epochs=2, and the learning rate's schedule extends over all of them: epochs=3 would be",
        ),
        ("--learning-rate=0.5", "with learning_rate=0.01: learning_rate=0.5 would be another run"),
        ("--out=elsewhere", "config.json --out elsewhere"),
        ("--drop-faulty", "drop_faulty=True would be another run"),
        ("--config=x.json", "leave out --config"),
        ("--check", "leave out --check"),
        ("--epochs=0", "epochs=0: expected 1 or more"),
    ],
)
def test_other_settings_are_refused(option, part, begun, capsys):
    assert part in status_and_line(capsys, "--resume", begun, option)


def test_the_same_settings_and_moved_data_are_not(begun, npz, tmp_path, whole):
    moved = shutil.copy(npz, tmp_path / "moved.npz")
    config = json.loads((begun / runs.CONFIG).read_text())
    config["arguments"]["data"] = "/gone.npz"
    (begun / runs.CONFIG).write_text(json.dumps(config))
    resume(begun, "--data", str(moved), "--epochs", "2", "--arch", "micro")
    check(begun, whole)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("what", ["images", "labels"])
def test_changed_data_are_noticed(split, what, begun, npz):
    data = dataset.load(npz)
    array = getattr(getattr(data, split), what)
    array.setflags(write=True)
    array.flat[-1] = (array.flat[-1] + 1) % 7 if what == "labels" else array.flat[-1] ^ 1
    with pytest.raises(
        BadInput, match=r"started on faces\.npz \(60 \+ 8 \+ 8 faces\), and .* is not the same data"
    ):
        train.run(data=data, resume=begun)


def test_synthetic_faces_stay_synthetic(begun, npz, monkeypatch, whole):
    edit_config(begun, lambda config: config["arguments"].update(data=synthetic.NAME))
    monkeypatch.setenv(dataset.ENV_VARIABLE, "real.csv")
    monkeypatch.setattr(synthetic, "load", lambda: dataset.load(npz))
    resume(begun)
    check(begun, whole)


def edit_config(folder, change):
    config = json.loads((folder / runs.CONFIG).read_text())
    change(config)
    (folder / runs.CONFIG).write_text(json.dumps(config))


def test_another_version_is_refused_and_other_packages_are_told(begun, capsys, whole):
    edit_config(begun, lambda config: config["versions"].update(minicnn="0.0.1"))
    assert "was started with minicnn 0.0.1, but this is" in status_and_line(capsys, "--resume", begun)
    edit_config(begun, lambda config: config["versions"].update(minicnn=minicnn.__version__, numba="0.1"))
    resume(begun)
    assert "The version of numba is not that of the start" in capsys.readouterr().out
    check(begun, whole)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("{", "is not a configuration"),
        ("[]", "is not a configuration"),
        ('{"arguments": {"epoch": 3}}', "has a setting 'epoch'; there are data, "),
        ('{"arguments": {"epochs": "3"}}', "epochs='3': expected a whole number"),
        ('{"arguments": {"epochs": true}}', "epochs=True: expected a whole number"),
        ('{"arguments": {"weight_decay": "much"}}', "weight_decay='much': expected a number"),
    ],
)
def test_a_configuration_that_cannot_be_read(content, part, begun, capsys):
    (begun / runs.CONFIG).write_text(content)
    for option in (["--resume", begun], ["--config", begun / runs.CONFIG]):
        line = status_and_line(capsys, *option)
        assert line.startswith(str(begun / runs.CONFIG))
        assert part in line


def test_a_damaged_checkpoint_is_said_to_be(begun, capsys):
    path = begun / runs.MODEL_LAST
    path.write_bytes(path.read_bytes()[:5000])
    line = status_and_line(capsys, "--resume", begun)
    assert "model_last.npz: not a minicnn model, or damaged" in line
    assert line.endswith(f"To start a new run: --config {begun / runs.CONFIG}")


def test_a_folder_that_is_none(tmp_path, capsys):
    assert "nowhere is not a folder" in status_and_line(capsys, "--resume", tmp_path / "nowhere")
    assert "no run was started there" in status_and_line(capsys, "--resume", tmp_path)
    assert "is no file" in status_and_line(capsys, "--config", tmp_path)


def test_the_fingerprint_is_that_of_content_not_of_memory(npz):
    data = dataset.load(npz)
    copy = dataset.FerDataset(
        *(dataset.Split(np.asfortranarray(s.images), s.labels.copy()) for s in data.splits().values()),
        "other",
    )
    assert copy.fingerprint() == data.fingerprint()


def test_two_processes_in_one_folder(begun, whole, capsys):
    pytest.importorskip("fcntl")
    with runs.Run(begun).locked():
        line = status_and_line(capsys, "--resume", begun)
    assert line == (
        f"{begun} is in use: process {os.getpid()} trains in it. Wait for it, or stop it (kill {os.getpid()})"
    )
    resume(begun)
    check(begun, whole)


def test_a_full_disk_keeps_what_was_saved(whole, npz, tmp_path, monkeypatch, capsys):
    """Whichever file there is no room for."""
    original, folder = os.fsync, tmp_path / "001"
    # 1 is config.json, 2 to 4 are pictures; then the first checkpoint, an epoch's, a best model, the history
    files = {5: runs.MODEL_LAST, 7: runs.MODEL_LAST, 8: runs.MODEL_BEST, 9: runs.HISTORY}
    for number, name in files.items():
        written = []

        def full(file, number=number, written=written):
            written.append(file)
            if len(written) == number:
                raise OSError(errno.ENOSPC, "No space left on device")
            original(file)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            line = status_and_line(capsys, *arguments(npz, tmp_path))
        assert line == (
            f"{folder / name}: No space left on device. The files saved before are complete; "
            f"correct the cause, then resume: python -m fer.train --resume {folder}"
        )
        assert not [child for child in folder.iterdir() if child.suffix in (".tmp", ".part")]
        assert (folder / runs.MODEL_LAST).exists() == (number > 5)
        resume(folder)
        check(folder, whole)
        shutil.rmtree(folder)


def test_a_folder_that_cannot_be_written(begun, npz, tmp_path, monkeypatch, capsys):
    def read_only(path, *_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", read_only)
        assert "Read-only file system" in status_and_line(capsys, "--resume", begun)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", read_only)
        assert "Read-only file system" in status_and_line(capsys, *arguments(npz, tmp_path / "new"))


def test_a_configuration_repeats_a_run(whole, tmp_path, capsys):
    train.main(["--config", str(whole[0] / runs.CONFIG), "--out", str(tmp_path)])
    check(tmp_path / "001", whole)
    train.main(["--config", str(whole[0] / runs.CONFIG), "--out", str(tmp_path), "--seed", "9"])
    other = json.loads((tmp_path / "002" / runs.CONFIG).read_text())["arguments"]
    expected = json.loads((whole[0] / runs.CONFIG).read_text())["arguments"]
    assert other == {**expected, "seed": 9, "out": str(tmp_path)}

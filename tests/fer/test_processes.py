"""fer.train by several processes: the same bits, one run folder, and an end that says why."""

import json
import platform

import pytest

from fer import train
from fer.training.stopping import TIME_IS_UP, OutOfTime, Stopped, StopRequest
from tests import mpi
from tests.fer.resume.runs_of_seconds import status_and_line

BATCHES = ("--epochs", 2, "--batch-size", 30, "--shards", 4, "--augment", "light", "--ema", 0.9)
SIGTERM, SIGKILL, SIGUSR1 = 15, 9, 10


@pytest.fixture
def data(tmp_path, faces):
    images, labels, _ = faces(150)
    usage = ["Training"] * 110 + ["PublicTest"] * 20 + ["PrivateTest"] * 20
    rows = [
        f"{label},{' '.join(map(str, image.ravel()))},{use}"
        for image, label, use in zip(images, labels, usage)
    ]
    path = tmp_path / "faces.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]))
    return path


def settings(data, folder, *more):
    return ("--data", data, "--out", folder, *BATCHES, *more)


def files(folder):
    return {name: (folder / name).read_bytes() for name in ("history.csv", "report.json", "predictions.csv")}


@pytest.mark.slow
@mpi.needs_mpi
def test_networks_with_all_settings_have_the_same_bits_for_any_number_of_processes(tmp_path):
    found = []
    for processes in (1, 2, 4):
        status, out, err = mpi.run(
            processes, "tests.fer.processes", tmp_path / "runs", "simple", "vgg", "tiny"
        )
        assert status == 0, err
        found.append(json.loads(out))
    assert found[0].keys() == {"simple", "vgg", "tiny"}
    assert found[1] == found[2] == found[0]


@pytest.mark.slow
@mpi.needs_mpi
@pytest.mark.parametrize(
    ("how", "status", "line"),
    [
        (SIGTERM, 143, "fer.train: stopped. To resume: python -m fer.train --resume {folder}\n"),
        ("error", 2, "fer.train: process 1 of 2, on {node}: faces.csv: Input/output error. The files saved"),
        (SIGKILL, None, ""),
    ],
)
def test_when_one_process_ends_all_end_and_others_go_on_to_the_same_bits(data, tmp_path, how, status, line):
    whole, folder = tmp_path / "whole", tmp_path / "runs" / "001"
    ended, out, err = mpi.run(1, "fer.train", *settings(data, whole))
    assert ended == 0, err
    assert "processes" not in out

    ended, out, err = mpi.run(2, "tests.fer.ends", 1, how, 6, *settings(data, tmp_path / "runs"))
    assert ended == status if status else ended
    assert line.format(folder=folder, node=platform.node()) in err
    assert err.count("fer.train: ") == bool(line)
    assert out.count("2 processes, a batch is cut into 4 shards\n") == 1
    assert out.count("Epoch 1/2") == 1

    ended, out, err = mpi.run(4, "fer.train", "--resume", folder)
    assert ended == 0, err
    assert out.count("Resuming in epoch 2 of 2") == 1
    assert files(folder) == files(whole / "001")
    assert [child.name for child in (tmp_path / "runs").iterdir()] == ["001"]


@pytest.mark.slow
@mpi.needs_mpi
@pytest.mark.parametrize(("number", "status"), [(SIGUSR1, 138), (SIGTERM, None)])
def test_mpiexec_hands_usr1_on_and_ends_all_by_term(data, tmp_path, number, status):
    whole, folder = tmp_path / "whole", tmp_path / "runs" / "001"
    ended, _, err = mpi.run(1, "fer.train", *settings(data, whole))
    assert ended == 0, err
    ended, _, err = mpi.run(2, "tests.fer.ends", 0, f"to={number}", 6, *settings(data, tmp_path / "runs"))
    assert ended == status if status else ended
    if status:  # by SIGTERM they may not have the time to say it
        assert err.count(f"fer.train: stopped. To resume: python -m fer.train --resume {folder}\n") == 1
    ended, out, err = mpi.run(2, "fer.train", "--resume", folder)
    assert ended == 0, err
    assert out.count("Resuming in epoch 2 of 2") == 1
    assert files(folder) == files(whole / "001")


@pytest.mark.slow
@mpi.needs_mpi
def test_an_error_of_all_is_one_line_and_other_settings_in_one_are_refused(data, tmp_path):
    ended, _, err = mpi.run(3, "fer.train", *settings("nowhere.csv", tmp_path))
    assert ended == 2
    assert err.count("nowhere.csv does not exist") == 1
    ended, _, err = mpi.run(3, "fer.train", *settings(data, tmp_path), "--shards", 2)
    assert ended == 2
    assert err.count("shards=2: 3 processes need at least one each") == 1
    same = ("fer.train", *settings(data, tmp_path / "runs"))
    ended, _, err = mpi.run(2, *same, others=(*same, "--seed", 1))
    assert ended == 2
    assert err.count("process 0 and process 1 have different data or settings") == 1
    assert not (tmp_path / "runs").exists()


def test_shards_are_kept_and_are_those_of_the_run_that_is_resumed(data, tmp_path, capsys):
    config = train.Config(data=str(data), epochs=1, batch_size=30, out=str(tmp_path / "runs"))
    run = train.run(config).run
    assert run.read_config()["arguments"]["shards"] == 0
    line = status_and_line(capsys, "--resume", run.folder, "--shards", 2)
    assert "resumed as it was started, with shards=0: shards=2 would be another run" in line
    assert "shards=-1: expected 0 or more" in status_and_line(capsys, "--shards", -1)


def test_processes_agree_on_the_reason_to_stop():
    stop = StopRequest(budget=1e6)
    assert stop.reason() == 0
    assert not stop.agree(0)
    assert stop.agree(TIME_IS_UP)  # by the clock of another process
    with pytest.raises(OutOfTime):
        stop.raise_stop()
    assert stop.agree(SIGTERM)  # another process has received it
    assert stop.reason() == SIGTERM
    with pytest.raises(Stopped, match="SIGTERM") as stopped:
        stop.raise_stop()
    assert stopped.value.status == 143
    assert StopRequest(budget=-1).reason() == TIME_IS_UP

"""Kill a training again and again, at random moments, and see that nothing is lost:

    python -m tests.fer.kill --kills 100

One training runs undisturbed. The others are killed by SIGKILL, which no process can prepare
for, and resumed, as often as it takes. Whenever one comes to its end, all its results must be
those of the first, to the byte.

Each training is forked from this process, which has imported and compiled everything, so that a
kill costs the time until the kill and not that of starting Python. Of Numba's thread pools the
one named "workqueue" can be forked.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from numba.np.ufunc import parallel

from fer import evaluate, outputs, runs, train
from fer.data import synthetic
from fer.reports import plots
from fer.training import checkpoint, self_distillation

SAME = ("model_last.npz", "model_best.npz", "history.csv", "report.json", "predictions.csv", "result.json")
SETTINGS = {"epochs": 3, "batch_size": 16, "augment": "full", "ema": 0.9, "self_distillation": 0.5, "seed": 5}


def _no_picture(*_, **__):
    return None


# Pictures would take most of a short run's time, and nothing follows from them.
NO_PICTURES = {
    **{(plots, name): _no_picture for name in ("augmented", "curves", "class_bars", "examples")},
    (evaluate, "_write_figures"): _no_picture,
    (outputs, "write_figure"): lambda path, figure: outputs.write_bytes(path, b"a picture"),
}


def write_faces(path: Path, count: int = 120) -> None:
    """Write synthetic faces as an .npz file."""
    splits = list(synthetic.load(count).splits().values())
    np.savez(
        path,
        images=np.concatenate([split.images for split in splits]),
        labels=np.concatenate([split.labels for split in splits]),
        usage=np.repeat(["Training", "PublicTest", "PrivateTest"], [len(split) for split in splits]),
    )


def fork(arguments: list[str], seconds: float, log: Path, command: Callable[..., None] = train.main) -> int:
    """Run a command in a process of its own, with so much time between checkpoints; return its number."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        with log.open("a") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        # Numba's lock is shared by all processes forked from here: one killed while it
        # held it would block the others
        parallel._set_init_process_lock()
        checkpoint.CHECKPOINT_SECONDS, self_distillation.EPOCHS_PER_UPDATE = seconds, 1
        command(arguments)
        status = 0
    finally:
        sys.stdout.flush()
        os._exit(status)
    return 0


def ended(pid: int, after: float) -> bool:
    """Wait so long; return whether the process has ended by then, all well, and kill it otherwise."""
    deadline = time.monotonic() + after
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            if status:
                raise SystemExit(f"process {pid} failed with status {status}")
            return True
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return status == 0


def check(folder: Path, expected: Path) -> None:
    """Compare the results of two runs."""
    for name in SAME:
        if (folder / name).read_bytes() != (expected / name).read_bytes():
            raise SystemExit(f"{folder / name} is not {expected / name}")
    if unfinished(folder):
        raise SystemExit(f"{folder} holds {unfinished(folder)}")


def unfinished(folder: Path) -> list[str]:
    """Return the names of the files that a killed process had begun to write."""
    return [file.name for file in folder.iterdir() if file.suffix in (".tmp", ".part")]


def main() -> None:
    """Kill as often as asked to; exit with status 1 and the log if a run is not what it should be."""
    parser = argparse.ArgumentParser(prog="tests.fer.kill", description="Kill and resume a training.")
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; by default another each time")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if arguments.seed is None else arguments.seed
    dice = random.Random(seed)
    numba.config.THREADING_LAYER = "workqueue"
    for (module, name), stub in NO_PICTURES.items():
        setattr(module, name, stub)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        log = place / "log"
        try:
            killed, writing, finished = kill(place, log, arguments.kills, dice)
        except BaseException:
            print(f"seed {seed}\n{log.read_text()[-3000:] if log.exists() else ''}", file=sys.stderr)
            raise
    print(f"{killed} kills, {writing} of them in the middle of a file; {finished} runs finished,")
    print(f"each as the undisturbed one, to the byte (seed {seed})")


def kill(place: Path, log: Path, kills: int, dice: random.Random) -> tuple[int, int, int]:
    """Train, kill and resume; return the number of kills, of those that left half a
    file, and of runs that ended.
    """
    write_faces(place / "faces.npz")
    settings = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]
    begin = ["--data", str(place / "faces.npz"), *settings, "--out"]

    # compile or load every kernel, here, for all processes to come
    stdout = sys.stdout
    with log.open("w") as sys.stdout:
        train.main([*begin, str(place / "warm"), "--epochs", "1"])
    sys.stdout = stdout

    started = time.monotonic()
    if not ended(fork([*begin, str(place / "whole")], checkpoint.CHECKPOINT_SECONDS, log), after=300):
        raise SystemExit("the undisturbed run took more than five minutes")
    whole = time.monotonic() - started

    killed = writing = finished = 0
    folder = None
    while killed < kills or folder is not None:
        if folder is None:
            folder = place / f"run{finished}" / "001"
        command = (
            ["--resume", str(folder)] if (folder / runs.CONFIG).exists() else [*begin, str(folder.parent)]
        )
        # a run that has died before it wrote its configuration has left an empty folder
        if command[0] != "--resume" and folder.exists():
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
        # some write a checkpoint after each batch, to be killed while they do
        pid = fork(command, dice.choice([0.0, 0.05, checkpoint.CHECKPOINT_SECONDS]), log)
        if ended(pid, after=dice.uniform(0, whole / 2) if killed < kills else 300):
            check(folder, place / "whole" / "001")
            finished, folder = finished + 1, None
        else:
            killed += 1
            writing += bool(folder.is_dir() and unfinished(folder))
    return killed, writing, finished


if __name__ == "__main__":
    main()

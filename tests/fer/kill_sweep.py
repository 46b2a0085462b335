"""Kill the two processes of a search again and again, and see that no trial is lost and none is run twice:

    python -m tests.fer.kill_sweep --kills 20

The processes are forked from this one, as in tests.fer.kill.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numba

from fer import sweep
from tests.fer import kill

TRIALS, EPOCHS = 12, 2
COMMAND = [
    f"--trials={TRIALS}", f"--epochs={EPOCHS}", "--batch-size=8,16", "--learning-rate=1e-4..1e-2:log", "--dropout=0..1",
    "--no-prune",
]  # fmt: skip


def main() -> None:
    """Kill as often as asked to; exit with status 1 if a trial was lost or run twice."""
    parser = argparse.ArgumentParser(prog="tests.fer.kill_sweep", description="Kill and resume a search.")
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; by default another each time")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if arguments.seed is None else arguments.seed
    numba.config.THREADING_LAYER = "workqueue"
    for (module, name), stub in kill.NO_PICTURES.items():
        setattr(module, name, stub)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        try:
            dice, killed, starts, searches = random.Random(seed), 0, 0, 0
            while killed < arguments.kills:
                kills, started = run(place, f"search{searches}", arguments.kills - killed, dice)
                killed, starts, searches = killed + kills, starts + started, searches + 1
                check(place / f"search{searches - 1}")
        except BaseException:
            log = place / "log"
            print(f"seed {seed}\n{log.read_text()[-3000:] if log.exists() else ''}", file=sys.stderr)
            raise
    print(f"{killed} kills of {starts} processes; {searches} x {TRIALS} trials, each once (seed {seed})")


def run(place: Path, name: str, kills: int, dice: random.Random) -> tuple[int, int]:
    """Let two processes search, and kill one of them at random moments; return the number of kills and of starts."""
    kill.write_faces(place / "faces.npz", 70)
    command = ["--data", str(place / "faces.npz"), "--sweeps", str(place), "--name", name, *COMMAND]
    log, killed, started, running = place / "log", 0, 0, set()
    while True:
        while len(running) < 2:
            running.add(kill.fork(command, 0.0, log, sweep.main))
            started += 1
        deadline = time.monotonic() + dice.uniform(0.1, 1.5)
        while time.monotonic() < deadline or killed == kills:
            done, status = os.waitpid(-1, os.WNOHANG)
            if not done:
                time.sleep(0.01)
                continue
            if status:
                raise SystemExit(f"process {done} failed with status {status}")
            running.remove(done)
            if not running:  # both found nothing left to do, or to begin
                return killed, started
        if running and killed < kills:
            victim = dice.choice(sorted(running))
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            running.remove(victim)
            killed += 1


def check(folder: Path) -> None:
    """Check the trials of a search.

    Raises:
        SystemExit: one is missing, was run twice, or is not what its folder says.
    """
    search = sweep.Sweep(folder)
    trials = search.trials()
    wrong = []
    for trial in trials[:TRIALS]:
        begun = sorted((folder / sweep.TRIALS / f"{trial.number:03d}").glob("[0-9]*"))
        whole = [each for each in begun if (each / "result.json").exists()]
        if trial.state != search.State.COMPLETE or len(whole) != 1:
            wrong.append(
                f"trial {trial.number}: {trial.state.name}, {len(whole)} complete of {len(begun)} runs"
            )
            continue
        result = json.loads((whole[0] / "result.json").read_text())
        settings = json.loads((whole[0] / "config.json").read_text())["arguments"]
        epochs = len((whole[0] / "history.csv").read_text().splitlines()) - 1
        if result["val_accuracy"] != trial.value or epochs != EPOCHS or result["split"] != "validation":
            wrong.append(f"trial {trial.number}: {trial.value}, but its folder has {result}")
        if {name: settings[name] for name in trial.params} != trial.params:
            wrong.append(f"trial {trial.number}: {trial.params}, but it was trained with {settings}")
    more = [trial for trial in trials[TRIALS:] if trial.state != search.State.FAIL]
    if wrong or more or len(trials) < TRIALS:
        raise SystemExit("\n".join([f"{len(trials)} trials", *wrong, *map(str, more)]))


if __name__ == "__main__":
    main()

"""How much memory a training needs for few faces and for many: ``python -m tests.fer.memory FOLDER 35887 360000``.

For each number: files of so many pictures of noise are written into FOLDER, in the form of those of fer.synthetic (to
draw them would take longer, and the memory is the same), and a new process trains on them: 200 batches, the validation,
and the evaluation on the test rows. It prints the largest part of the machine's memory that it has had.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from fer import train
from fer.data import cache
from fer.data.table import SIDE, USAGES
from minicnn import callbacks

BATCHES = 200
SHARD = 10_000


class Ends(callbacks.Callback):
    """Ends the training after some batches."""

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch + 1 >= BATCHES

    def on_train_end(self, logs=None):
        print(f"peak: {peak()} MB after training and validation", end=", ")


def peak() -> int:
    """Return the largest memory of this process until now, in megabytes."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def write(folder: Path, count: int) -> None:
    """Write noise, a tenth of it for validation and a tenth for the test."""
    rng = np.random.default_rng(0)
    usage = np.repeat(np.array(USAGES, "S"), [count - 2 * (count // 10), count // 10, count // 10])
    folder.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, count, SHARD)):
        own = usage[start : start + SHARD]
        images = rng.integers(0, 256, (len(own), SIDE, SIDE), np.uint8)
        np.savez(folder / f"{number:03d}.npz", images=images, labels=rng.integers(0, 7, len(own)), usage=own)


def main() -> None:
    """Print a line for each number of faces; with one folder alone, train on it."""
    folder, *counts = sys.argv[1:]
    if not counts:
        cache.LARGE_BYTES = 1 << 20  # so that both are mapped
        with tempfile.TemporaryDirectory() as runs:
            result = train.run(train.Config(data=folder, epochs=1, out=runs), further=[Ends()])
            assert len(result.history["loss"]) == 1
        print(f"peak: {peak()} MB at the end")
        return
    os.environ[cache.VARIABLE] = str(Path(folder) / "cache")
    for count in map(int, counts):
        place = Path(folder) / str(count)
        if not place.exists():
            write(place, count)
        for state in ("first read", "from the cache"):
            command = [sys.executable, "-m", "tests.fer.memory", str(place)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = ", ".join(re.findall(r"peak: (\d+ MB [a-z ]+)", done.stdout))
            print(f"{count:,} faces, {state}: {found}", flush=True)


if __name__ == "__main__":
    main()

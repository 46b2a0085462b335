"""How much memory a training needs for few faces and for many: ``python -m tests.fer.memory FOLDER 35887 360000``.

For each number: faces are drawn into FOLDER, unless they are there, and a new process trains on them: 200 batches, the
validation, and the evaluation on the test rows. It prints the largest part of the machine's memory that it has had.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fer import train
from fer.data import cache, synthetic
from minicnn import callbacks

BATCHES = 200


class Ends(callbacks.Callback):
    """Ends the training after some batches."""

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch + 1 >= BATCHES


def main() -> None:
    """Print a line for each number of faces; with one folder alone, train on it."""
    folder, *counts = sys.argv[1:]
    if not counts:
        cache.LARGE_BYTES = 1 << 20  # so that both are mapped
        with tempfile.TemporaryDirectory() as runs:
            result = train.run(train.Config(data=folder, epochs=1, out=runs), further=[Ends()])
            assert len(result.history["loss"]) == 1
        print(f"peak: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
        return
    os.environ[cache.VARIABLE] = str(Path(folder) / "cache")
    for count in map(int, counts):
        place = Path(folder) / str(count)
        if not place.exists():
            start = time.perf_counter()
            files = list(synthetic.write_shards(place, count, -(-count // 20_000), os.cpu_count() or 1))
            print(
                f"{count:,} faces drawn into {len(files)} files in {time.perf_counter() - start:.0f} s",
                flush=True,
            )
        for state in ("first read", "from the cache"):
            command = [sys.executable, "-m", "tests.fer.memory", str(place)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            print(f"{count:,} faces, {state}: {done.stdout.splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main()

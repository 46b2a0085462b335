"""fer.train in which one process ends early: ``python -m tests.fer.ends RANK HOW BATCHES [arguments of fer.train]``.

HOW is the number of a signal, which the process sends itself; "to=10": a signal that it sends mpiexec, and goes on when
it has got it from there; or "error": one of the file system.
"""

import os
import signal
import sys

from fer import train
from fer.training.checkpoint import CheckpointCallback


def main() -> None:
    """Train until the end."""
    rank, how, batches, *arguments = sys.argv[1:]
    before, left = CheckpointCallback.on_train_batch_begin, [int(batches)]

    def on_train_batch_begin(self, batch, logs=None):
        left[0] -= 1
        if left[0] == 0 and self.model.distribution.rank == int(rank):
            if how == "error":
                raise OSError(5, "Input/output error", "faces.csv")
            if how.startswith("to="):
                _by_mpiexec(int(how.removeprefix("to=")))
            else:
                os.kill(os.getpid(), int(how))
        before(self, batch, logs)

    CheckpointCallback.on_train_batch_begin = on_train_batch_begin
    train.main(arguments)


def _by_mpiexec(number: int) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing)  # whichever thread gets the signal
    os.kill(os.getppid(), number)
    os.read(reading, 1)
    signal.set_wakeup_fd(before)


if __name__ == "__main__":
    main()

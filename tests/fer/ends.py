"""fer.train in which one process ends early: ``python -m tests.fer.ends RANK HOW BATCHES [arguments of fer.train]``.

HOW is the number of a signal, which the process sends itself, or "error": one of the file system.
"""

import os
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
            os.kill(os.getpid(), int(how))
        before(self, batch, logs)

    CheckpointCallback.on_train_batch_begin = on_train_batch_begin
    train.main(arguments)


if __name__ == "__main__":
    main()

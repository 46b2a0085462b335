"""One process of a training by many: started by mpiexec, it trains a small network and process 0 prints its results.

mpiexec -n 2 python -m tests.minicnn.distributed.worker --shards 4
"""

import argparse
import hashlib
import json
import os
import signal
from pathlib import Path

import numpy as np

import minicnn
from minicnn import Sequential, callbacks, layers
from minicnn.distributed import MPI, DataParallel


def network() -> Sequential:
    """Return a network with all that draws numbers, keeps statistics or averages."""
    return Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.RandomAffine("horizontal", 0.1, 0.1, 0.1, 0.1),
            layers.RandomErasing(0.5),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.8),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.SpatialDropout2D(0.2),
            layers.Residual([layers.Conv2D(8, 3, padding="same"), layers.BatchNormalization()]),
            layers.Activation("relu"),
            layers.GaussianNoise(0.1),
            layers.Flatten(),
            layers.Dense(300, activation="relu"),
            layers.Dropout(0.4),
            layers.Dense(3, activation="softmax"),
        ]
    )


class KilledAt(callbacks.Callback):
    """Kills one process, as a machine that fails does, after so many batches."""

    def __init__(self, rank: int, batches: int) -> None:
        super().__init__()
        self.rank, self.left = rank, batches

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0 and self.model.distribution.rank == self.rank:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Train, and print a line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--unsynchronized", action="store_true")
    parser.add_argument("--no-overlap", action="store_true")
    parser.add_argument("--backup", type=Path)
    parser.add_argument("--kill", type=int, nargs=2, metavar=("RANK", "BATCHES"))
    given = parser.parse_args()
    communicator = MPI()
    # each process begins with weights and an order of its own: fit gives all those of process 0
    minicnn.utils.set_random_seed(communicator.rank)
    model = network()
    optimizer = minicnn.optimizers.AdamW(0.01, use_ema=True, ema_momentum=0.9, global_clipnorm=1.0)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x, y = rng.random((43, 12, 12, 1), np.float32), rng.integers(0, 3, 43)
    added: list[callbacks.Callback] = [callbacks.SwapEMAWeights(swap_on_epoch=True)]
    if given.backup:
        added.append(callbacks.BackupAndRestore(given.backup, save_freq=1, delete_checkpoint=False))
    if given.kill:
        added.append(KilledAt(*given.kill))
    share = DataParallel(
        communicator, given.shards, synchronized=not given.unsynchronized, overlap=not given.no_overlap
    )
    # batches of 20, 20 and 3: the last has fewer samples than shards
    history = model.fit(
        x,
        y,
        batch_size=20,
        epochs=2,
        verbose=0,
        validation_data=(x[:9], y[:9]),
        class_weight={0: 2.0},
        callbacks=added,
        distributed=share,
    )
    digest = hashlib.sha256(b"".join(weight.value.tobytes() for weight in model.weights)).hexdigest()
    digests = communicator.allgather(digest)
    if communicator.rank == 0:
        print(json.dumps({"size": communicator.size, "weights": digests, "history": history.history}))


if __name__ == "__main__":
    main()

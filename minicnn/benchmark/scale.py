"""``python -m minicnn.benchmark --scale``: one training by many processes: two measured, many machines simulated.

**Measured**, on this machine: steps of one process with two threads, and of two processes with one thread each, with
and without gradients that are sent while the backward pass runs. For the simulation, seconds of a step on one process
for two sizes of the batch.

**Simulated**: a step on P machines, each as fast as this one. With c₀ + c₁·b seconds to compute b faces, n bytes of
gradients, L batch normalizations, and a network with a delay of α and β seconds for each byte:

    gradients        2·(P − 1)·n/P·β + 2·⌈log₂ P⌉·α              exchange and join, in a logarithm of rounds of messages
    hidden           of that, at most ⅔ of the computing: the backward pass
    normalization    2·L·(⌈log₂ P⌉·α + P·m·β)                    all statistics to all, m bytes of a layer
    outputs          ⌈log₂ P⌉·α + 28·b·P·β

Nothing else is in it: no slow machine, no network that others use.
"""

import itertools
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from minicnn.benchmark import contenders, nets

NETS = ("vgg", "tiny")
BATCH = 64  # faces of a process where each has as many; of all of them, 1,024, where they share a batch
SHARED = 1024
PROCESSES = [2**k for k in range(11)]
PAYS = 1.2  # twice the machines have to be this many times as fast
BACKWARD = 2 / 3  # of a step's arithmetic


class Network(NamedTuple):
    """A network of machines: seconds for a message, and for each byte."""

    delay: float
    byte: float


NETWORKS = {
    "10 Gb/s Ethernet": Network(30e-6, 8 / 10e9),
    "100 Gb/s InfiniBand": Network(2e-6, 8 / 100e9),
}


class Measured(NamedTuple):
    """What the simulation needs of a net: seconds of a step, at the beginning and for each face; sizes in bytes."""

    start: float
    face: float
    gradients: int
    norms: int
    channels: int  # of all batch normalizations


def step_seconds(found: Measured, processes: int, faces: float, network: Network) -> float:
    """Return the simulated seconds of a step in which each process has so many faces."""
    compute = found.start + found.face * faces
    if processes == 1:
        return compute
    rounds, others = math.ceil(math.log2(processes)), processes - 1
    gradients = 2 * others / processes * found.gradients * network.byte + 2 * rounds * network.delay
    statistics = 2 * (
        found.norms * rounds * network.delay + 2 * 8 * found.channels * processes * network.byte
    )
    outputs = rounds * network.delay + 4 * nets.CLASSES * faces * processes * network.byte
    return compute + max(0.0, gradients - BACKWARD * compute) + statistics + outputs


def stops_paying(seconds_for_a_face: dict[int, float]) -> int:
    """Return the number of processes, of those given, from which on twice as many are less than PAYS as fast."""
    counts = list(seconds_for_a_face)
    for few, many in itertools.pairwise(counts):
        if seconds_for_a_face[few] / seconds_for_a_face[many] < PAYS:
            return few
    return counts[-1]


def measure(net: str, threads: int) -> Measured:
    """Measure a net's steps on this machine."""
    import minicnn

    make = contenders.minicnn(threads)
    small, large = BATCH // 8, BATCH
    seconds = {
        batch: _median(make({"kind": "train", "net": net, "batch": batch})) for batch in (small, large)
    }
    face = (seconds[large] - seconds[small]) / (large - small)
    model = nets.in_keras_words(minicnn, net)
    model.build((None, nets.SIDE, nets.SIDE, 1))
    norms = [layer for layer in model.walk() if isinstance(layer, minicnn.layers.BatchNormalization)]
    return Measured(
        max(seconds[large] - face * large, 0.0),
        face,
        sum(weight.value.nbytes for weight in model.trainable_weights),
        len(norms),
        sum(layer.input_shape[-1] for layer in norms),
    )


def simulate(found: Measured) -> dict[str, dict[str, dict[int, float]]]:
    """Return, for each network and way to share the work, the seconds for a face by the number of processes."""
    ways: dict[str, Callable[[int], float]] = {
        f"{BATCH} faces each": lambda processes: BATCH,
        f"{SHARED:,} faces in all": lambda processes: SHARED / processes,
    }
    return {
        name: {
            way: {
                processes: step_seconds(found, processes, faces(processes), network)
                / (faces(processes) * processes)
                for processes in PROCESSES
            }
            for way, faces in ways.items()
        }
        for name, network in NETWORKS.items()
    }


def two_processes(net: str, rounds: int) -> dict[str, float]:
    """Return ms of a step of 64 faces: one process with two threads, and two with one each.

    Raises:
        RuntimeError: there is no mpiexec, or a process failed.
    """
    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
    if mpiexec is None:
        raise RuntimeError("this needs mpiexec and mpi4py, pip install 'minicnn-fer[mpi]'")
    ways: dict[str, tuple[list[str], int, list[str]]] = {
        "1 process, 2 threads": ([], 2, ["1"]),
        "1 process, 2 threads, 2 shards": ([], 2, ["2"]),
        "2 processes, overlap": ([mpiexec, "-n", "2"], 1, ["2"]),
        "2 processes, no overlap": ([mpiexec, "-n", "2"], 1, ["2", "wait"]),
    }
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, (launcher, threads, arguments) in ways.items():
            settings = {
                "NUMBA_NUM_THREADS": str(threads),
                "PRTE_MCA_hwloc_default_binding_policy": "none",
                "OMPI_ALLOW_RUN_AS_ROOT": "1",
                "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            }
            done = subprocess.run(
                [*launcher, sys.executable, "-m", "minicnn.benchmark.scale", net, *arguments],
                env={**os.environ, **settings},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(f"{way}: {(done.stderr.splitlines() or ['no output'])[-1]}")
            found[way].append(json.loads(done.stdout))
    return {way: min(times) for way, times in found.items()}


def _median(step: Callable[[], Any], steps: int = 5) -> float:
    step()
    seconds = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return median(seconds)


def _one_of_two(net: str, shards: int, overlap: bool) -> None:
    """Time steps of a training by the processes that run this; process 0 prints the median in ms."""
    import minicnn
    from minicnn.distributed import MPI, DataParallel, Single, launched

    communicator = MPI() if launched() else Single()
    model = nets.in_keras_words(minicnn, net)
    model.compile("adam", minicnn.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = contenders.faces(BATCH)
    times: list[float] = []

    class Clock(minicnn.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            times.append(time.perf_counter())

    share = DataParallel(communicator, shards, overlap=overlap) if shards > 1 else None
    model.fit(x, y, batch_size=BATCH, epochs=10, verbose=0, callbacks=[Clock()], distributed=share)
    if communicator.rank == 0:
        print(json.dumps(1e3 * median(b - a for a, b in itertools.pairwise(times[2:]))))


if __name__ == "__main__":
    _one_of_two(sys.argv[1], int(sys.argv[2]), sys.argv[3:] != ["wait"])

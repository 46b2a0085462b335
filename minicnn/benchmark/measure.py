"""The measurements. Each returns plain dictionaries, which the command prints and --json writes."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

from minicnn.benchmark import nets
from minicnn.benchmark.contenders import ONLY_PREDICT, Task
from minicnn.benchmark.worker import Worker

BATCH = 64
LATENCY_BATCHES = 1, 8
# Seconds of steps that are not timed, at the start of a turn. After them the threads of the last contender
# are idle, this one's threads run on all cores, and caches and clock rates are as they are in a long
# training.
WARM = 0.1


def alternate(workers: Iterable[Worker], task: Task, rounds: int, steps: int) -> dict[str, float]:
    """Return each contender's median seconds per step: they take turns, ``steps`` steps at a time."""
    seconds: dict[str, list[float]] = {}
    workers = list(workers)
    for worker in workers:
        worker.ask(task=task)
        seconds[worker.name] = []
    for _ in range(rounds):
        for worker in workers:
            worker.ask(warm=WARM)
            seconds[worker.name] += worker.ask(steps=steps)["seconds"]
    return {name: median(times) for name, times in seconds.items()}


def rates(medians: dict[str, float], amount: float) -> dict[str, Any]:
    """Return amount/s of each library in its fastest mode, and minicnn's ratio to each other library."""
    best = of_libraries({name: amount / seconds for name, seconds in medians.items()}, max)
    ratios = {f"ratio_to_{name}": best["minicnn"] / rate for name, rate in best.items() if name != "minicnn"}
    if "torch" in best:
        ratios["ratio"] = ratios["ratio_to_torch"]
    return {**best, **ratios}


def of_libraries(values: Mapping[str, float], best: Callable[..., float] = min) -> dict[str, float]:
    """Return the best value of each library: a contender is one of its modes, "torch channels_last"."""
    found: dict[str, float] = {}
    for name, value in values.items():
        library = name.split()[0]
        found[library] = best(found.get(library, value), value)
    return found


@contextmanager
def started(names: Iterable[str], threads: int) -> Iterator[list[Worker]]:
    """Start contenders, each in a process of its own, which ends with the block."""
    with ExitStack() as stack:
        yield [stack.enter_context(Worker(name, threads)) for name in names]


def whole_nets(names: list[str], threads: int, rounds: int) -> dict[str, dict[str, Any]]:
    """Return images/s of training and prediction of all nets."""
    results: dict[str, dict[str, Any]] = {"train": {}, "predict": {}}
    with started(names, threads) as workers:
        for kind, found in results.items():
            for net in nets.NAMES:
                task = {"kind": kind, "net": net, "batch": BATCH}
                found[net] = rates(alternate(_able(workers, kind), task, rounds, 3), BATCH)
    return results


def _able(workers: list[Worker], kind: str) -> list[Worker]:
    """Return the contenders that can do tasks of a kind."""
    return [worker for worker in workers if kind == "predict" or worker.name not in ONLY_PREDICT]


def latency(names: list[str], threads: int, rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return {net: {batch: {library: ms}}}: a prediction of 1 and of 8 faces, each library's fastest mode."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    with started(names, threads) as workers:
        for net in nets.NAMES:
            found[net] = {}
            for batch in LATENCY_BATCHES:
                medians = alternate(workers, {"kind": "predict", "net": net, "batch": batch}, rounds, 20)
                ms = {name: 1e3 * seconds for name, seconds in medians.items()}
                found[net][str(batch)] = of_libraries(ms)
    return found


def convolutions(names: list[str], threads: int, rounds: int) -> list[dict[str, Any]]:
    """Return ms and effective GFLOP/s of each 3×3 convolution; backward is dx (if needed) and dkernel."""
    found = []
    with started((name for name in names if name not in ("keras", *ONLY_PREDICT)), threads) as workers:
        for side, channels, filters in nets.convolutions():
            for which in ("forward", "backward"):
                task = {"kind": "convolution", "side": side, "channels": channels, "filters": filters}
                medians = alternate(workers, {**task, "pass": which, "batch": BATCH}, rounds, 5)
                products = 2 if which == "backward" and channels > 1 else 1
                flop = products * 2 * 9 * BATCH * side * side * channels * filters
                gflops = rates(medians, flop / 1e9)
                ms = {name: 1e3 * seconds for name, seconds in medians.items()}
                found.append({**task, "pass": which, "gflop_s": gflops, "ms": ms})
    return found


def steps(threads: int, rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return ms of a convolution by each algorithm; images/s of training with and without fused layers."""
    found: dict[str, dict[str, dict[str, float]]] = {"convolution_ms": {}, "train_images_s": {}}
    with started(("loop", "im2col", "direct", "winograd"), threads) as workers:
        for side, channels in ((48, 32), (24, 64), (12, 128), (6, 256)):
            task = {"side": side, "channels": channels, "filters": channels, "batch": BATCH}
            medians = alternate(workers, task, rounds, 2)
            found["convolution_ms"][f"{side}×{side} {channels}→{channels}"] = {
                name: 1e3 * seconds for name, seconds in medians.items()
            }
    with started(("unfused", "minicnn"), threads) as workers:
        for net in nets.NAMES:
            medians = alternate(workers, {"kind": "train", "net": net, "batch": BATCH}, rounds, 3)
            found["train_images_s"][net] = {name: BATCH / seconds for name, seconds in medians.items()}
    return found


def memory(names: list[str], threads: int, net: str = "vgg") -> dict[str, float]:
    """Return the peak memory in MB of a process that trains ``net``: for each library, of its best mode.

    Empty where Python cannot tell it, on Windows.
    """
    peaks: dict[str, float] = {}
    for name in (name for name in names if name not in ONLY_PREDICT):
        with Worker(name, threads) as worker:
            worker.ask(task={"kind": "train", "net": net, "batch": BATCH})
            worker.ask(steps=3)
            peak = worker.ask(memory=True)["peak_mb"]
            if peak is not None:
                peaks[name] = peak
    return of_libraries(peaks)


def first_step(threads: int) -> dict[str, float]:
    """Return seconds from process start to the end of simple's first training step: cold and warm Numba cache."""
    program = (
        "from minicnn.benchmark.contenders import minicnn; "
        f"minicnn({threads})({{'kind': 'train', 'net': 'simple', 'batch': {BATCH}}})()"
    )
    found = {}
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache, "NUMBA_NUM_THREADS": str(threads)}
        for state in ("cold", "warm"):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], env=environment, check=True)
            found[state] = time.perf_counter() - start
    return found


def scaling(threads: int, rounds: int) -> dict[str, dict[int, float]]:
    """Return microseconds per image by batch size, and seconds per epoch by number of images."""
    with Worker("minicnn", threads) as worker:
        by_batch = {
            batch: 1e6
            * alternate([worker], {"kind": "train", "net": "simple", "batch": batch}, rounds, 3)["minicnn"]
            / batch
            for batch in (16, 32, 64, 128, 256)
        }
        worker.ask(task={"kind": "train", "net": "simple", "batch": BATCH})
        by_data = {
            images: sum(worker.ask(steps=images // BATCH)["seconds"])
            for images in (BATCH * 8 * factor for factor in (1, 2, 4, 8))
        }
    return {"microseconds_an_image_by_batch": by_batch, "seconds_an_epoch_by_images": by_data}

"""A contender in a process of its own: it reads orders, and answers each; all are lines of JSON.

{"task": {…}}        prepare a task: its step runs twice, not timed      -> {"ready": true}
{"warm": s}          do steps for s seconds, not timed                   -> {}
{"steps": n}         do n steps                                          -> {"seconds": [s, s, …]}
{"memory": true}     measure the process's peak resident memory          -> {"peak_mb": …}, null where unknown
"""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from minicnn.benchmark import steps
from minicnn.benchmark.contenders import CONTENDERS

resource: ModuleType | None
try:
    import resource
except ImportError:  # Windows
    resource = None

STATUS = Path("/proc/self/status")  # of Linux


def peak_memory_mb() -> float | None:
    """Return the peak resident memory of this process in MB; None where Python cannot tell, on Windows."""
    if resource is None:
        return None
    with suppress(OSError, IndexError):  # on Linux ru_maxrss of a process begins at the memory of its parent
        return int(STATUS.read_text().partition("VmHWM:")[2].split()[0]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # macOS counts bytes, Linux KiB


def main() -> None:
    """Answer the orders on standard input. Arguments: the contender's name and its number of threads."""
    name, threads = sys.argv[1], int(sys.argv[2])
    if name in steps.STEPS:
        make = steps.convolution(name, threads)
    else:
        make = {**CONTENDERS, "unfused": steps.unfused}[name](threads)
    step: Any = None
    for line in sys.stdin:
        order = json.loads(line)
        answer: dict[str, Any] = {}
        if "task" in order:
            step = make(order["task"])
            step()
            step()
            answer["ready"] = True
        if "warm" in order:
            end = time.perf_counter() + order["warm"]
            while time.perf_counter() < end:
                step()
        if "steps" in order:
            answer["seconds"] = []
            for _ in range(order["steps"]):
                start = time.perf_counter()
                step()
                answer["seconds"].append(time.perf_counter() - start)
        if "memory" in order:
            answer["peak_mb"] = peak_memory_mb()
        print(json.dumps(answer), flush=True)


class Worker:
    """A contender's process, seen from the process that gives the orders. A context manager."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "minicnn.benchmark.worker", name, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def ask(self, **order: Any) -> dict[str, Any]:
        """Send an order and return the answer.

        Raises:
            RuntimeError: the process has ended; what it wrote to standard error says why.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.name} ended, with code {self._process.wait()}")
        return json.loads(line)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # closes standard input, which ends it


if __name__ == "__main__":
    main()

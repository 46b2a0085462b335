"""Children: each is a fork of this process in which something is tried; its last line, in JSON, is the
result.

A child without such a line was stopped by its timer or crashed; what that means is for the caller to decide.
At most ``jobs`` run at a time.
"""

import json
import os
import resource
import selectors
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MEMORY = 2**31  # bytes that a child may take beyond what its parent has


@dataclass(frozen=True)
class Ending:
    """How a child ended: the value that it sent, or None with the signal that stopped it."""

    task: Any
    value: Any
    signal: int = 0
    last: str = ""  # what it said it was at


def run_children(
    tasks: Iterable[Any], work: Callable[[Any, Callable[[str], None]], Any], jobs: int
) -> Iterator[Ending]:
    """Call ``work(task, say)`` in a child for each task; yield how each ended, in
    the order of the endings.
    """
    waiting, running = iter(tasks), {}
    selector = selectors.DefaultSelector()
    exhausted = False
    while running or not exhausted:
        while len(running) < jobs and not exhausted:
            try:
                task = next(waiting)
            except StopIteration:
                exhausted = True
                break
            pid, pipe = _fork(task, work)
            running[pipe] = (pid, task, b"")
            selector.register(pipe, selectors.EVENT_READ)
        for key, _ in selector.select() if running else []:
            pid, task, text = running[key.fd]
            chunk = os.read(key.fd, 2**16)
            running[key.fd] = pid, task, text + chunk
            if not chunk:
                selector.unregister(key.fd)
                os.close(key.fd)
                del running[key.fd]
                _, status = os.waitpid(pid, 0)
                yield _ending(task, text.decode(), status)


def _ending(task: Any, text: str, status: int) -> Ending:
    lines = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
    said = [line["at"] for line in lines if "at" in line]
    values = [line["value"] for line in lines if "value" in line]
    stopped = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return Ending(task, values[-1] if values else None, stopped, said[-1] if said else "")


def _fork(task: Any, work: Callable[[Any, Callable[[str], None]], Any]) -> tuple[int, int]:
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        pid = os.fork()  # from Python 3.12 on it warns of threads; the child uses none of them
    if pid:
        os.close(writing)
        return pid, reading
    try:
        os.close(reading)
        _limit_memory()
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)

        def send(**content: Any) -> None:
            os.write(writing, (json.dumps(content) + "\n").encode())

        try:
            send(value=work(task, lambda name: send(at=name)))
        except BaseException:
            send(value={"error": traceback.format_exc()})
    finally:
        os._exit(0)


def _limit_memory() -> None:
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def stop_after(seconds: float) -> None:
    """Let the system stop this process after so many seconds of processor time; 0 cancels that."""
    signal.setitimer(signal.ITIMER_PROF, seconds)

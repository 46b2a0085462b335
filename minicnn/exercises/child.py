"""A student's file is judged in a process of its own: it may run without an end, crash, or take all memory.

``check`` limits the time and the memory. ``grade`` runs foreign code, so in addition the process gets an empty
folder, no network, and no writing of files, as far as the system allows: limits of the system where there are any
(Linux, macOS), and Python's audit events everywhere. That stops accidents and simple tricks. It does not stop an
attack: judge files of people whom you do not trust in a container or a virtual machine.
"""

import contextlib
import faulthandler
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import minicnn
from minicnn.exercises.exercise import Exercise
from minicnn.exercises.judge import Verdict, judge, load
from minicnn.exercises.ladder import exercise
from minicnn.exercises.rungs import ERROR, OPEN, Outcome, Unusable

MEMORY = 4 << 30  # bytes of address space; NumPy and Numba take less than one
PRINTED = 2000  # characters of what the file prints that are kept
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
FORBIDDEN = re.compile(
    r"socket\.|subprocess\.|os\.(system|exec|spawn|posix_spawn|fork|forkpty|startfile|remove|rename|rmdir|mkdir|link"
    r"|symlink|chmod|chown|truncate|kill)|shutil\.|ctypes\.(dlopen|dlsym)|pty\.|ftplib|smtplib|urllib\."
)


class _Kept(io.StringIO):
    """Keeps the beginning of what is printed."""

    def write(self, text: str) -> int:
        super().write(text[: max(PRINTED - self.tell(), 0)])
        return len(text)


def run(each: Exercise, path: Path, seconds: float = 0.0, hints: int = 0, foreign: bool = False) -> Verdict:
    """Judge a file in a process of its own.

    Args:
        each: the exercise.
        path: the student's file.
        seconds: the time limit; 0: that of the exercise.
        hints: how many hints to give.
        foreign: whether it is another person's file: without network and writing.
    """
    seconds = seconds or each.seconds
    root = str(Path(minicnn.__file__).parent.parent)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if foreign:
        environment |= {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "NUMBA")}
    task = json.dumps(
        {"name": each.name, "path": str(path.resolve()), "seconds": seconds, "foreign": foreign}
    )
    command = [sys.executable, "-P", "-m", "minicnn.exercises.child", task]
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=environment,
                cwd=folder if foreign else None,
                timeout=seconds + 60,  # the process ends itself; this is for one that cannot
            )
            answer, trouble = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        except subprocess.TimeoutExpired:
            answer, trouble = "", "Timeout"
    line = answer.rstrip().rpartition("\n")[2]
    try:
        result = json.loads(line)
        outcomes = tuple(Outcome(**outcome) for outcome in result["outcomes"])
        return Verdict(each, outcomes, hints, str(result["printed"]))
    except (ValueError, TypeError, KeyError):
        return _failed(each, _reason(trouble, path, seconds), hints)


def _failed(each: Exercise, reason: str, hints: int) -> Verdict:
    states = [ERROR] + [OPEN] * (len(each.rungs) - 1)
    outcomes = [Outcome(rung.name, state) for rung, state in zip(each.rungs, states)]
    outcomes[0] = Outcome(each.rungs[0].name, ERROR, cause=reason)
    return Verdict(each, tuple(outcomes), hints)


def _reason(trouble: str, path: Path, seconds: float) -> str:
    """Return in one line why the process gave no answer; faulthandler wrote where it was."""
    place = re.search(rf'File "[^"]*{re.escape(path.name)}", line (\d+) in (\S+)', trouble)
    at = f" at line {place[1]}, in {place[2]}" if place else ""
    if "Timeout" in trouble:
        return f"it was stopped after {seconds:g} seconds{at}: is there a loop without an end?"
    if "MemoryError" in trouble:
        return f"it took more than {MEMORY >> 30} GB of memory{at}"
    if "Fatal Python error" in trouble:
        what = trouble.partition("Fatal Python error: ")[2].partition("\n")[0]
        return f"the process crashed{at}: {what}"
    return f"the process ended without an answer{at}: does the file end it (os._exit)?"


def main() -> None:
    """Judge one file, and print the outcomes as one line of JSON."""
    task = json.loads(sys.argv[1])
    each, path = exercise(task["name"]), Path(task["path"])
    sys.path.insert(0, str(path.parent))
    result = os.dup(1)  # what the file prints must not mix with the answer
    os.dup2(2, 1)
    _limit(task["seconds"], task["foreign"], each)
    faulthandler.enable()
    faulthandler.dump_traceback_later(task["seconds"], exit=True)
    printed = _Kept()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            outcomes: Any = judge(each, load(path, each.name))
    except (Unusable, OSError) as error:
        outcomes = _failed(each, str(error), 0).outcomes
    except MemoryError:
        outcomes = _failed(each, f"it took more than {MEMORY >> 30} GB of memory", 0).outcomes
    faulthandler.cancel_dump_traceback_later()
    answer = {"outcomes": [asdict(outcome) for outcome in outcomes], "printed": printed.getvalue()}
    os.write(result, b"\n" + json.dumps(answer).encode() + b"\n")
    os._exit(0)  # threads and exit handlers of the file do not run on


def _limit(seconds: float, foreign: bool, each: Exercise) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # there are no limits on Windows
        import resource

        memory = MEMORY if foreign else MEMORY + ((os.cpu_count() or 1) << 28)  # threads have stacks
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if foreign:
            resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 60, int(seconds) + 60))
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    if not foreign:
        return

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            _, mode, flags = arguments
            if not (isinstance(flags, int) and flags & WRITES) and not set(str(mode or "")) & set("wax+"):
                return
        elif not FORBIDDEN.match(event) or (event.startswith("ctypes.") and each.uses_numba):
            return
        raise PermissionError(f"{event} is not allowed in an exercise that is graded")

    sys.addaudithook(refuse)


if __name__ == "__main__":
    main()

"""A run folder: everything that one training leaves behind, and where each thing is.

    runs/001/  config.json            what was asked for, written before training starts
               model_last.npz         the checkpoint: the model, and all that going on from here needs
               model_best.npz         the model of the best epoch
               history.csv            a line an epoch
               curves.png             how it went
               classes.png  examples.png                        what it was trained on
               report.txt  report.json  predictions.csv  …      the judgement: see fer.evaluate
               result.json            written last: what it came to

The checkpoint is the truth: it is replaced in one step, and history, best model and curves follow from it. Whatever
moment a process dies at, the next one takes the checkpoint and makes the others agree with it.

Folders are numbered 001, 002, … in the order of their creation. One process works in a folder at a time.
"""

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer import outputs
from fer.errors import BadInput

try:
    import fcntl
except ImportError:  # Windows: two processes in one folder are not told apart there
    fcntl = None  # type: ignore[assignment]

CONFIG = "config.json"
HISTORY = "history.csv"
MODEL_BEST = "model_best.npz"
MODEL_LAST = "model_last.npz"
RESULT = "result.json"
LOCK = ".lock"


@dataclass(frozen=True)
class Run:
    """One run's folder."""

    folder: Path

    def __str__(self) -> str:
        """Return the folder's name, as a command takes it."""
        return str(self.folder)

    @property
    def resume(self) -> str:
        """The command that goes on with this run."""
        return f"python -m fer.train --resume {self.folder}"

    def path(self, name: str) -> Path:
        """Return where the file of this name is or will be."""
        return self.folder / name

    def write_text(self, name: str, text: str) -> None:
        """Write a file at once: whoever reads it finds the old one or the new one, never half of it."""
        outputs.write_text(self.path(name), text)

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write a dictionary as readable JSON, at once."""
        outputs.write_json(self.path(name), value)

    def read_json(self, name: str) -> dict[str, Any]:
        """Return what :meth:`write_json` wrote.

        Raises:
            BadInput: it is not JSON, or no dictionary.
        """
        try:
            value = json.loads(self.path(name).read_text(encoding="utf-8"))
        except ValueError as error:
            raise BadInput(f"{self.path(name)} is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise BadInput(f"{self.path(name)} holds a {type(value).__name__}, expected a dictionary")
        return value

    def write_history(self, history: Mapping[str, Sequence[float]]) -> None:
        """Write history.csv: the epoch, from 0, and its results."""
        names = sorted(history)
        rows = zip(*(history[name] for name in names))
        outputs.write_csv(
            self.path(HISTORY), ["epoch", *names], [[epoch, *row] for epoch, row in enumerate(rows)]
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Have the folder to oneself; the operating system lets go of it when the process dies, in whatever way.

        Files that a killed process had not finished are removed.

        Raises:
            BadInput: another process has it.
            OSError: nothing can be written here.
        """
        file = os.open(self.path(LOCK), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._lock(file)
            os.ftruncate(file, 0)
            os.write(file, str(os.getpid()).encode())
            for pattern in (".*.tmp", ".*.part"):
                for unfinished in self.folder.glob(pattern):
                    unfinished.unlink()
            yield
        finally:
            os.close(file)

    def _lock(self, file: int) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                return  # a file system without locks
            owner = os.read(file, 20).decode() or "unknown"
            raise BadInput(
                f"{self.folder} is in use: process {owner} trains in it. Wait for it, or stop it (kill {owner})"
            ) from None


def create(parent: str | os.PathLike[str] = "runs") -> Run:
    """Create the next numbered folder in ``parent`` and return it.

    Making a folder either succeeds or finds it there: of two processes, one makes it and owns it, and the
    other takes the next number.

    Raises:
        OSError: ``parent`` is a file or cannot be written.
    """
    parent = Path(parent)
    parent.mkdir(parents=True, exist_ok=True)
    taken = [int(child.name) for child in parent.iterdir() if re.fullmatch(r"\d{3,}", child.name)]
    number = max(taken, default=0) + 1
    while True:
        folder = parent / f"{number:03d}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return Run(folder)


def find(folder: str | os.PathLike[str]) -> Run:
    """Return the run in a folder.

    Raises:
        FileNotFoundError: there is no such folder.
        BadInput: it holds no run that has begun.
    """
    run = Run(Path(folder))
    if not run.folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder: expected a run's, such as runs/001")
    if not run.path(CONFIG).is_file():
        raise BadInput(
            f"{folder} holds no {CONFIG}: no run has begun there. Begin one with python -m fer.train"
        )
    return run

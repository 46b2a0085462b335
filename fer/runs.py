"""A run folder: all files that one training writes.

    runs/001/  config.json            the settings, written before training starts
               model_last.npz         the checkpoint: the model, and everything needed to resume
               model_best.npz         the model of the best epoch, or with --keep last of the last
               history.csv            a line per epoch
               curves.png             the history as curves
               classes.png  examples.png                        the data
               report.txt  report.json  predictions.csv  …      the evaluation: see fer.evaluate
               result.json            the result, written last

The checkpoint decides: it is replaced in one step, and history, best model and curves are written from it. If
a process is killed at any moment, the next one starts from the checkpoint and writes the others again.

Folders are numbered 001, 002, … in the order of their creation. One process works in a folder at a time.
"""

import errno
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer import outputs
from fer.errors import BadInput, expecting
from minicnn import saving

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
try:
    import msvcrt
except ImportError:  # all others
    msvcrt = None  # type: ignore[assignment]

CONFIG = "config.json"
HISTORY = "history.csv"
MODEL_BEST = "model_best.npz"
MODEL_LAST = "model_last.npz"
RESULT = "result.json"
LOCK = ".lock"
_LOCKED_BYTE = 1 << 30  # Windows: behind the owner's number, which others must be able to read

# What fer.train writes into config.json, as far as it is read again. The settings in "arguments" are those of
# fer.training.config.Config, which checks them.
CONFIG_CONTENT = {
    "arguments?": {
        "data?": (str, None),
        "drop_faulty?": bool,
        "detect?": (str, None),
        "labels?": (str, None),
        "votes?": str,
        ...: ...,
    },
    "data?": {"name?": str, "faces?": {str: {str: saving.schema.Whole()}}, "fingerprint?": str, ...: ...},
    "versions?": {str: str},
    ...: ...,
}


@dataclass(frozen=True)
class Run:
    """One run's folder."""

    folder: Path

    def __str__(self) -> str:
        """Return the folder's name, as a command takes it."""
        return str(self.folder)

    @property
    def resume(self) -> str:
        """The command that resumes this run."""
        return f"python -m fer.train --resume {self.folder}"

    def path(self, name: str) -> Path:
        """Return the path of the file of this name, which need not exist yet."""
        return self.folder / name

    def write_text(self, name: str, text: str) -> None:
        """Write a text file, completely or not at all."""
        outputs.write_text(self.path(name), text)

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write a dictionary as indented JSON, completely or not at all."""
        outputs.write_json(self.path(name), value)

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the dictionary in a JSON file.

        Raises:
            BadInput: the file is not JSON, or not a dictionary.
            OSError: it cannot be read.
        """
        path = self.path(name)
        try:
            with expecting("a JSON file"), saving.regular(path, saving.schema.LARGEST) as file:
                value = saving.schema.parse(file.read().decode())
        except BadInput:
            raise
        except ValueError as error:
            raise BadInput(f"{path} is not JSON: {saving.reason(error)}") from None
        if not isinstance(value, dict):
            raise BadInput(f"{path} holds a {type(value).__name__}, expected a dictionary")
        return value

    def read_config(self, name: str = CONFIG) -> dict[str, Any]:
        """Return the content of config.json.

        Raises:
            BadInput: it is not what fer.train writes.
            OSError: it cannot be read.
        """
        try:
            value = self.read_json(name)
        except BadInput as error:
            raise BadInput(f"{error}; it is not a configuration that python -m fer.train wrote") from None
        try:
            saving.schema.check(value, CONFIG_CONTENT)
        except ValueError as error:
            raise BadInput(
                f"{self.path(name)} is not a configuration that python -m fer.train wrote: {error}"
            ) from None
        return value

    def write_history(self, history: Mapping[str, Sequence[float]]) -> None:
        """Write history.csv: each epoch, from 0, and its results."""
        names = sorted(history)
        rows = zip(*(history[name] for name in names))
        outputs.write_csv(
            self.path(HISTORY), ["epoch", *names], [[epoch, *row] for epoch, row in enumerate(rows)]
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other processes, until the block or the process ends.

        Unfinished files of a killed process are removed.

        Raises:
            BadInput: another process has locked it.
            OSError: the folder cannot be written.
        """
        file = os.open(self.path(LOCK), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._lock(file)
            with suppress(OSError):  # a full disk: the lock counts, not the number
                os.ftruncate(file, 0)
                os.write(file, str(os.getpid()).encode())
            for pattern in (".*.tmp", ".*.part"):  # .part: of earlier versions
                for unfinished in self.folder.glob(pattern):
                    with suppress(OSError):  # Windows, where another program has it open
                        unfinished.unlink()
            yield
        finally:
            os.close(file)

    def _lock(self, file: int) -> None:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            elif msvcrt is not None:
                os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
                os.lseek(file, 0, os.SEEK_SET)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                return  # a file system without locks
            os.lseek(file, 0, os.SEEK_SET)
            owner = os.read(file, 20).decode("ascii", "replace") or "unknown"
            kill = f"taskkill /PID {owner} /F" if os.name == "nt" else f"kill {owner}"
            raise BadInput(
                f"{self.folder} is in use: process {owner} trains in it. Wait for it, or stop it ({kill})"
            ) from None


def create(parent: str | os.PathLike[str] = "runs") -> Run:
    """Create the next numbered folder in ``parent`` and return it.

    ``mkdir`` either creates a folder or fails because it exists: of two processes, one gets this number, the
    other the next one.

    Raises:
        OSError: ``parent`` is a file, or cannot be written.
    """
    parent = Path(parent)
    if parent.exists() and not parent.is_dir():
        raise FileExistsError(f"{parent} is a file; expected a folder, in which a new one is created")
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
        BadInput: there is no run in it.
    """
    run = Run(Path(folder))
    if not run.folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder: expected a run's, such as runs/001")
    if not run.path(CONFIG).is_file():
        raise BadInput(
            f"{folder} holds no {CONFIG}: no run was started there. Start one with python -m fer.train"
        )
    return run

"""Callbacks that keep the results: in memory (History) and in a file (CSVLogger)."""

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.callbacks.base import Callback, Resumable


class History(Resumable):
    """The results of all epochs, which ``fit`` returns.

    Attributes:
        epoch: the numbers of the epochs, from 0.
        history: name -> a value for each epoch.
    """

    remembered = ("epoch", "history")

    def reset(self) -> None:
        """Forget all epochs."""
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def on_epoch_end(self, epoch, logs=None) -> None:
        """Take in an epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self


class CSVLogger(Callback):
    """A line in a file for each epoch, written at once: a run that is killed keeps its history.

    Columns are "epoch" and the results, sorted. A result that turns up later gets a column then; where an
    epoch does not have one, the line says NA.

    Args:
        filename: the file, in a folder that exists.
        separator: what stands between the values.
        append: continue a file that exists, rather than overwrite it.
    """

    def __init__(self, filename: str | os.PathLike, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append

    def on_train_begin(self, logs=None) -> None:
        """Make the file, empty unless it is to be continued."""
        Path(self.filename).open("a" if self.append else "w").close()

    def on_epoch_end(self, epoch, logs=None) -> None:
        """Write a line."""
        row = {"epoch": epoch} | {name: _cell(value) for name, value in sorted((logs or {}).items())}
        with open(self.filename, newline="") as file:
            columns = next(csv.reader(file, delimiter=self.sep), [])
        missing = [name for name in row if name not in columns]
        if missing:
            self._widen(columns + missing)
        with open(self.filename, "a", newline="") as file:
            self._writer(file, columns + missing).writerow(row)

    def _widen(self, columns: list[str]) -> None:
        """Write the file again, with a header of ``columns``."""
        with open(self.filename, newline="") as file:
            rows = list(csv.DictReader(file, delimiter=self.sep))
        beside = f"{self.filename}.tmp"
        with open(beside, "w", newline="") as file:
            writer = self._writer(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        os.replace(beside, self.filename)

    def _writer(self, file, columns: list[str]) -> csv.DictWriter:
        return csv.DictWriter(file, columns, restval="NA", delimiter=self.sep, lineterminator="\n")


def _cell(value: Any) -> Any:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list | tuple) or np.ndim(value) else value

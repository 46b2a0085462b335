"""Callbacks that keep the results: in memory (History) and in a file (CSVLogger)."""

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn import saving
from minicnn._base import notebook
from minicnn._base.files import regular
from minicnn.callbacks.base import Logs, Resumable

if TYPE_CHECKING:
    from minicnn._base.drawing import Drawing


class History(Resumable):
    """The results of all epochs, which ``fit`` returns.

    Attributes:
        epoch: the numbers of the epochs, from 0.
        history: name -> a value for each epoch.
        skipped_steps: for each epoch, how many of its steps were not taken because a number in them was not
            finite: see ``model.train_step``.
        epochs_of: name -> the epochs that its values are of: not all, where ``validation_freq`` leaves some out.
    """

    state_names = ("epoch", "history", "skipped_steps")
    state_content = {  # noqa: RUF012 (it is not changed)
        "epoch": [int],
        "history": {str: [Any]},
        "skipped_steps": [int],
        "epochs_of?": {str: [int]},
    }

    def reset(self) -> None:
        """Forget all epochs."""
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}
        self.skipped_steps: list[int] = []
        self.epochs_of: dict[str, list[int]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Add an epoch."""
        self.epoch.append(epoch)
        self.skipped_steps.append(getattr(self.model, "skipped_steps", 0))
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self.epochs_of.setdefault(name, []).append(epoch)
        self.model.history = self

    def get_state(self) -> dict[str, Any]:
        """Return the attributes."""
        return super().get_state() | {"epochs_of": self.epochs_of}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`get_state` returned; an older one has no ``epochs_of``.

        Raises:
            ValueError: it lacks a part, or one is of another type.
        """
        super().set_state(state)
        last = {name: self.epoch[-len(values) :] for name, values in self.history.items()}
        self.epochs_of = state.get("epochs_of", last)

    def plot(self) -> "Drawing":
        """Return a matplotlib figure of the results over the epochs: a panel for each, its validation beside it.

        A notebook shows it; ``plot().savefig("curves.png")`` writes it.

        Raises:
            ValueError: there is no epoch yet.
        """
        from minicnn.callbacks.curves import curves  # loads matplotlib

        return curves(self.history, {name: self._epochs(name) for name in self.history})

    def _epochs(self, name: str) -> list[int]:
        """Return the epochs of a result; of one that was put here by hand, the first ones."""
        return self.epochs_of.get(name, list(range(len(self.history[name]))))

    def _repr_html_(self) -> str:
        """Return the table of the epochs, and the curves."""
        at = {name: dict(zip(self._epochs(name), values)) for name, values in self.history.items()}
        head, skipped = ["epoch", *at], any(self.skipped_steps)
        rows: list[list[Any]] = [
            [epoch + 1, *(at[name].get(epoch, "") for name in at)] for epoch in self.epoch
        ]
        if skipped:
            head.append("steps not taken")
            rows = [[*row, count] for row, count in zip(rows, self.skipped_steps)]
        table = notebook.table(head, notebook.shortened(rows))
        try:
            return table + self.plot().svg()
        except ValueError:  # there is no number to draw
            return table


class CSVLogger(Resumable):
    """A line in a file for each epoch, written at once: the history of a run that is killed is kept.

    A resumed training continues after the lines of its finished epochs.

    Columns are "epoch" and the results, sorted. A result that appears later gets a column then; an epoch
    without it has NA there.

    Args:
        filename: the file, in a folder that exists.
        separator: between the values.
        append: continue a file that exists; otherwise it is overwritten.
    """

    state_names = ("rows",)
    state_content = {"rows": [{str: Any}]}  # noqa: RUF012 (it is not changed)

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        super().__init__()

    def reset(self) -> None:
        """Start without lines, or with those of the file to be continued."""
        self.rows: list[dict[str, Any]] = []
        if self.append and Path(self.filename).exists():
            with io.TextIOWrapper(regular(self.filename), "utf-8", newline="") as file:
                self.rows = list(csv.DictReader(file, delimiter=self.sep))

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Write the file: empty, or with the lines to be continued."""
        super().on_train_begin(logs)
        self._write()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the file again, with one more line."""
        values = {name: _cell(value) for name, value in sorted((logs or {}).items())}
        self.rows.append({"epoch": epoch} | values)
        self._write()

    def _write(self) -> None:
        if not self.writes:
            return
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="NA", delimiter=self.sep, lineterminator="\n")
        if columns:
            writer.writeheader()
        writer.writerows(self.rows)
        with saving.replacing(Path(self.filename)) as file:
            file.write(text.getvalue().encode("utf-8"))


def _cell(value: Any) -> Any:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list | tuple) or np.ndim(value) else value

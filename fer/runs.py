"""A run folder: everything that one training leaves behind, and where each thing is.

    runs/001/  config.json            what was asked for, written before training starts
               history.csv            a line an epoch
               model_best.npz  model_last.npz
               classes.png  examples.png                        what it was trained on
               curves.png                                       how it went
               confusion_matrix.png  confusion_matrix.csv  report.txt  report.json

Folders are numbered 001, 002, … in the order of their creation.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = "config.json"
HISTORY = "history.csv"
MODEL_BEST = "model_best.npz"
MODEL_LAST = "model_last.npz"


@dataclass(frozen=True)
class Run:
    """One run's folder."""

    folder: Path

    def path(self, name: str) -> Path:
        """Return where the file of this name is or will be."""
        return self.folder / name

    def write_text(self, name: str, text: str) -> None:
        """Write a file at once: whoever reads it finds the old one or the new one, never half of it."""
        part = self.path(name + ".part")
        part.write_text(text, encoding="utf-8")
        os.replace(part, self.path(name))

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        """Write a dictionary as readable JSON, at once."""
        self.write_text(name, json.dumps(value, indent=2) + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """Return what :meth:`write_json` wrote."""
        return json.loads(self.path(name).read_text(encoding="utf-8"))


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

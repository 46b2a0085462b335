"""One training step of a net on one image, as a page to click through: every number, and where it comes from.

In a script and on the command line, and in a notebook:

    minicnn.explain.write(model, image, label, "explain.html")      python -m minicnn.explain MODEL --image FILE
    minicnn.explain.show(model, image, label)                       in a notebook

The files:

    recording/    what the page gets, as JSON: record.py makes it; tape.py is the forward pass, recorded as
                  it runs; compute.py and structure.py say which nodes a layer becomes, objective.py the
                  loss, update.py the optimizer, section.py a part of a net
    describe/     a sentence and an equation for each kind of node, loss and optimizer
    page.py       the recording and web/ as one HTML file; web/ computes everything from it, in JavaScript
    command.py    the command, in parts that fer.explain uses too
"""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minicnn import saving
from minicnn._base import notebook
from minicnn.explain.page import rendered
from minicnn.explain.recording.record import record
from minicnn.saving.checks import check_folder

__all__ = ["Page", "WrittenPage", "record", "show", "write"]
WARN, REFUSE = 3_000_000, 20_000_000  # bytes


class Page:
    """A page that explains a training step: a notebook shows it in a frame.

    Attributes:
        html: the page, a file's content.
        height: of the frame, in pixels.
    """

    def __init__(self, html: str, height: int = 820) -> None:
        self.html, self.height = html, height

    def __repr__(self) -> str:
        return f"<Page: {len(self.html) / 1e6:.1f} MB, shown in a notebook; write() makes a file>"

    def _repr_html_(self) -> str:
        return notebook.frame(self.html, self.height)


class WrittenPage(type(Path())):  # type: ignore[misc]  # PosixPath or WindowsPath
    """The path of such a page; a notebook shows the page."""

    def _repr_html_(self) -> str | None:
        try:
            return notebook.frame(self.read_text(encoding="utf-8"))
        except OSError:  # it was removed
            return None


def show(
    model: Any,
    x: Any,
    y: Any,
    *,
    classes: Any = None,
    optimizer: Any = None,
    layers: str | None = None,
    title: str | None = None,
    docs: str | None = None,
    notes: Sequence[str] = (),
    seed: int = 0,
    height: int = 820,
) -> Page:
    """Return a page that explains one training step on one image, for a notebook, which shows it in a frame.

    Args:
        docs: the address of docs/backprop for links, http or https; None: no links.
        height: of the frame, in pixels.
        model, x, y, classes, optimizer, layers, title, notes, seed: see :func:`record`.

    Raises:
        ValueError: one of these cannot be used.
    """
    recording = record(
        model, x, y, classes=classes, optimizer=optimizer, layers=layers, title=title, docs=docs, notes=notes,
        seed=seed,
    )  # fmt: skip
    return Page(rendered(recording), height)


def write(
    model: Any,
    x: Any,
    y: Any,
    path: str | os.PathLike[str],
    *,
    classes: Any = None,
    optimizer: Any = None,
    layers: str | None = None,
    title: str | None = None,
    docs: str | None = None,
    notes: Sequence[str] = (),
    seed: int = 0,
) -> Path:
    """Write a page that explains one training step on one image; return its path, for which a notebook shows it.

    It warns of a page of more than 3 MB. The model is not changed.

    Args:
        path: "explain.html"; an existing file is replaced.
        docs: the address of docs/backprop for links, http, https or relative; None: the docs of the clone
            that this package is in, if any.
        model, x, y, classes, optimizer, layers, title, notes, seed: see :func:`record`.

    Raises:
        ValueError: one of these cannot be used, or the page would be larger than 20 MB.
        FileNotFoundError: there is no such folder.
    """
    path = Path(path)
    check_folder(path)
    if docs is None:
        docs = docs_from(path)
    recording = record(
        model, x, y, classes=classes, optimizer=optimizer, layers=layers, title=title, docs=docs, notes=notes,
        seed=seed,
    )  # fmt: skip
    content = rendered(recording).encode(errors="backslashreplace")  # a title may be the name of any file
    size = f"{len(content) / 1e6:.1f} MB"
    hint = 'choose a section of the net with layers="A:B" (--layers A:B)'
    if any(weight["slots"] for node in recording["nodes"] for weight in node["weights"].values()):
        hint += ', or a new optimizer, which has no moments to record, optimizer="adam" (--optimizer adam)'
    if len(content) > REFUSE:
        names = [node["name"] for node in recording["nodes"][1:] if " · " not in node["name"]]
        raise ValueError(
            f"{path} would be {size} large, more than {REFUSE / 1e6:.0f} MB: {hint}, of {', '.join(names)}"
        )
    if len(content) > WARN:
        warnings.warn(f"{path} is {size} large and slow to open: {hint}", stacklevel=2)
    with saving.replacing(path) as file:
        file.write(content)
    return WrittenPage(path)


def docs_from(page: Path) -> str | None:
    """Return the address of docs/backprop relative to a page, ending in a slash; None if there is none."""
    folder = Path(__file__).parents[2] / "docs" / "backprop"
    if not folder.is_dir():
        return None
    try:
        return f"{Path(os.path.relpath(folder, page.parent.resolve())).as_posix()}/"
    except ValueError:  # on another drive
        return None

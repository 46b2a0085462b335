"""The student's folder ``exercises``: files, notebooks, and progress.json, what was tried and what passed."""

import json
from pathlib import Path
from typing import Any

from minicnn._base.files import replacing
from minicnn.exercises.exercise import Exercise
from minicnn.exercises.judge import Verdict

FOLDER = "exercises"
PROGRESS = "progress.json"


def start(exercise: Exercise, layout: str, notebook: bool) -> Path:
    """Write an exercise's file into the folder, and return its path.

    Raises:
        ValueError: there is one already, and it is the student's; or the exercise has no images for a layout.
    """
    if layout == "nchw" and not exercise.has_layouts:
        raise ValueError(
            f"--layout nchw: {exercise.name} has no images, so there is one layout; leave it out"
        )
    path = Path(FOLDER) / f"{exercise.name}.{'ipynb' if notebook else 'py'}"
    text = _notebook(exercise, layout) if notebook else exercise.file(layout)
    path.parent.mkdir(exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ValueError(f"{path} is there already: it is yours, rename it to start again") from None
    return path


def _notebook(exercise: Exercise, layout: str) -> str:
    """Return the exercise as a notebook: a cell for each function, and one that checks."""
    name = exercise.name
    lines = exercise.text(layout).split("\n")
    text = f"# {lines[0]}\n" + "\n".join(lines[1:]).replace("\n    ", "\n\n    ")
    check = f'check("{name}", globals())           # a stronger hint: hints=1; the page: hints=2'
    cells = [("markdown", text), ("code", f"{exercise.head(layout)}\n\nfrom minicnn.exercises import check")]
    cells += [("code", part) for part in exercise.parts(layout, solved=False)]
    cells.append(("code", check))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    book = {
        "cells": [_cell(f"{name}-{i}", kind, source) for i, (kind, source) in enumerate(cells)],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def _cell(identity: str, kind: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": identity.replace("_", "-"), "metadata": {}}
    cell["source"] = source.splitlines(keepends=True)
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def find(name: str) -> Path:
    """Return the student's file of an exercise: a path, or a name, here or in the folder.

    Raises:
        ValueError: there is none.
    """
    given = Path(name)
    places = [given] if given.suffix == ".py" else [Path(FOLDER) / f"{name}.py", Path(f"{name}.py")]
    for place in places:
        if place.is_file():
            return place
        if place.with_suffix(".ipynb").is_file():
            raise ValueError(f"{place.with_suffix('.ipynb')} is a notebook: its last cell checks")
    raise ValueError(f"there is no {places[0]}: python -m minicnn.exercises start {given.stem} writes it")


def progress(folder: Path) -> dict[str, Any]:
    """Return what was tried in a folder: name -> attempts, passed, rungs, hints, solution.

    Raises:
        ValueError: progress.json is damaged.
    """
    path = folder / PROGRESS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise ValueError(f"{path} is damaged: remove it, and what was passed is counted again")
    return found


def note(folder: Path, name: str, **changes: Any) -> dict[str, Any]:
    """Write changes of an exercise into progress.json, and return its entry."""
    everything = progress(folder)
    entry = {"attempts": 0, "passed": [], "hints": {}, **everything.get(name, {}), **changes}
    everything[name] = entry
    with replacing(folder / PROGRESS, sync=False) as file:
        file.write((json.dumps(everything, indent=2, ensure_ascii=False) + "\n").encode())
    return entry


def attempted(folder: Path, verdict: Verdict) -> None:
    """Count an attempt."""
    name = verdict.exercise.name
    attempts = progress(folder).get(name, {}).get("attempts", 0)
    note(folder, name, attempts=attempts + 1, passed=verdict.passed, rungs=len(verdict.outcomes))

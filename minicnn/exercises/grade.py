"""Many students' files, each judged in a process of its own: a table of rungs for a teacher."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minicnn._base.files import walk
from minicnn.exercises.child import run
from minicnn.exercises.exercise import Exercise
from minicnn.exercises.judge import SIGNS, Verdict
from minicnn.exercises.ladder import LADDER


def found(folder: Path) -> Iterator[tuple[Path, Exercise | None]]:
    """Yield each Python file of a folder, and the exercise that its name begins or ends with.

    So ``ada/conv2d.py`` and ``ada_conv2d.py`` and ``conv2d-ada.py`` are the exercise conv2d.
    """
    for root, names in walk(folder):
        for name in names:
            if name.endswith(".py"):
                stem = name.removesuffix(".py")
                fitting = [
                    each
                    for each in LADDER
                    if re.search(rf"(^|[\W_]){each}$|^{each}([\W_]|$)", stem, re.IGNORECASE)
                ]
                yield Path(root) / name, LADDER[max(fitting, key=len)] if fitting else None


def row(path: Path, folder: Path, verdict: Verdict) -> dict[str, Any]:
    """Return one file's result, as JSON can hold it."""
    failed = verdict.failed
    return {
        "file": path.relative_to(folder).as_posix(),
        "exercise": verdict.exercise.name,
        "passed": len(verdict.passed),
        "rungs": {each.rung: each.state for each in verdict.outcomes},
        "first_failure": None if failed is None else failed.rung,
        "cause": "" if failed is None else failed.cause or failed.numbers or failed.state,
        "remarks": [each.remark for each in verdict.outcomes if each.remark],
    }


def grade(folder: Path, seconds: float = 0.0) -> tuple[list[dict[str, Any]], list[str]]:
    """Judge all files of a folder; return their results, and the files whose names are of no exercise."""
    rows, others = [], []
    for path, exercise in found(folder):
        if exercise is None:
            others.append(path.relative_to(folder).as_posix())
        else:
            rows.append(row(path, folder, run(exercise, path, seconds, foreign=True)))
    return rows, others


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Return the results as lines: a sign for each rung, and the first failure."""
    width = max((len(each["file"]) for each in rows), default=0)
    signs = max((len(each["rungs"]) for each in rows), default=0)
    lines = []
    for each in rows:
        marks = "".join(SIGNS[state] for state in each["rungs"].values())
        why = f"{each['first_failure']}: {each['cause']}" if each["first_failure"] else "all"
        lines.append(f"{each['file']:{width}}  {marks:{signs}}  {each['passed']}/{len(each['rungs'])}  {why}")
    return lines

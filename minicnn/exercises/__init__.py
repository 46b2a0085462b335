"""Exercises: write a backward pass yourself, and have it judged. ``python -m minicnn.exercises`` is the command.

In a notebook, the last line of a cell judges the functions that it has:

    from minicnn.exercises import check
    check("dense", globals())

    exercise.py    an exercise: text, solution and rungs, and the student's file that is made of them
    ladder/        the exercises, each a module
    rungs.py       what a rung can check          judge.py   the verdict, up to the first rung that fails
    child.py       a file in a process of its own, with limits
    folder.py      the student's folder: files, notebooks, progress       grade.py   many students' files
"""

from collections.abc import Mapping
from typing import Any

from minicnn.exercises.judge import Verdict, judge
from minicnn.exercises.ladder import LADDER, exercise

__all__ = ["LADDER", "Verdict", "check", "exercise"]


def check(name: str, names: Mapping[str, Any], hints: int = 0) -> Verdict:
    """Judge functions of an exercise in this process, as a notebook does.

    Args:
        name: the exercise, such as "conv2d".
        names: the functions by name: ``globals()``.
        hints: 1 adds the stronger hint, 2 the page.

    Raises:
        ValueError: there is no such exercise.
    """
    each = exercise(name)
    return Verdict(each, tuple(judge(each, names)), hints)

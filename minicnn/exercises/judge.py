"""Climb the rungs of an exercise with a student's functions, up to the first that fails."""

import linecache
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from minicnn.exercises.exercise import Exercise, in_layout
from minicnn.exercises.rungs import ERROR, OPEN, PASSED, TODO, WRONG, Outcome, Unusable, Work

SIGNS = {PASSED: "✓", WRONG: "✗", ERROR: "✗", TODO: "·", OPEN: "–"}


@dataclass(frozen=True)
class Verdict:
    """What came of an exercise; its text is for the student.

    Attributes:
        exercise: which.
        outcomes: of each rung.
        hints: how many hints were asked for.
        printed: what the student's functions printed.
    """

    exercise: Exercise
    outcomes: tuple[Outcome, ...]
    hints: int = 0
    printed: str = ""

    @property
    def passed(self) -> list[str]:
        """The names of the rungs that are passed."""
        return [each.rung for each in self.outcomes if each.state == PASSED]

    @property
    def failed(self) -> Outcome | None:
        """The first rung that is not passed."""
        return next((each for each in self.outcomes if each.state != PASSED), None)

    def __str__(self) -> str:
        name, rungs = self.exercise.name, {rung.name: rung for rung in self.exercise.rungs}
        width = max(map(len, rungs))
        lines = [f"{name}: {len(self.passed)} of {len(rungs)} rungs"]
        if self.printed:
            lines = ["your file printed:", *(f"  | {line}" for line in self.printed.splitlines()), *lines]
        for each in self.outcomes:
            lines.append(f"  {SIGNS[each.state]} {each.rung:{width}}  {rungs[each.rung].what}")
            lines += [f"    {each.remark}"] if each.remark else []
            if each is self.failed:
                lines += [f"    {line}" for line in self._failure(each)]
        if self.failed is None:
            lines.append("All of it is right.")
        return "\n".join(lines)

    __repr__ = __str__

    def _failure(self, outcome: Outcome) -> list[str]:
        rung = next(rung for rung in self.exercise.rungs if rung.name == outcome.rung)
        lines = [outcome.state] if outcome.state == TODO else []
        lines += [outcome.numbers] if outcome.numbers else []
        if outcome.cause:
            label = "" if outcome.state == ERROR else "likely cause: "
            lines.append(f"{label}{outcome.cause}")
        stopped = outcome.state == ERROR and bool(outcome.given)  # a line of a function raised an error
        lines += ["the function stopped at this line, so nothing of it could be checked"] if stopped else []
        lines += [f"checked with {outcome.given}"] if outcome.given else []
        if not outcome.cause or outcome.cause.startswith("this is ") or stopped or self.hints:
            lines.append(f"hint: {in_layout(rung.hint, outcome.layout)}")
        lines += [f"stronger hint: {in_layout(rung.more, outcome.layout)}"] if self.hints >= 1 else []
        lines += [f"read: {rung.page or self.exercise.page}"] if self.hints >= 2 else []
        return lines


def judge(exercise: Exercise, names: Mapping[str, Any], layout: str = "") -> list[Outcome]:
    """Return the outcome of each rung, for the functions of this namespace."""
    layout = layout or str(names.get("LAYOUT", "nhwc")).lower()
    if layout not in ("nhwc", "nchw"):
        raise Unusable(f'LAYOUT = {layout!r:.40}: expected "nhwc" or "nchw"')
    work = Work(names, exercise.right(layout), layout)
    outcomes: list[Outcome] = []
    for rung in exercise.rungs:
        outcome = Outcome(state=OPEN)
        if all(each.state == PASSED for each in outcomes):
            work.given = ""
            try:
                outcome = rung.check(work)
            except Unusable as error:
                outcome = Outcome(state=ERROR, cause=str(error))
            except (Exception, SystemExit) as error:  # the student's functions may do anything
                outcome = Outcome(state=ERROR, cause=described(error, names))
            if outcome.state in (WRONG, ERROR):
                outcome = replace(outcome, given=work.given)
        outcomes.append(replace(outcome, rung=rung.name, layout=layout))
    return outcomes


def load(path: Path, name: str) -> dict[str, Any]:
    """Run a student's file, and return its names.

    Raises:
        Unusable: it is no Python, or it raises an error; the message names the line.
        OSError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Unusable(f"{path.name} is not text in UTF-8 (byte {error.start})") from None
    names: dict[str, Any] = {"__name__": f"exercise_{name}", "__file__": str(path)}
    try:
        exec(compile(text, str(path), "exec"), names)
    except SyntaxError as error:
        raise Unusable(f"line {error.lineno}: {error.msg}: {(error.text or '').strip()[:100]}") from None
    except SystemExit:
        raise Unusable(f"{path.name} calls exit(): take it out") from None
    except Exception as error:
        raise Unusable(described(error, names)) from None
    return names


def described(error: BaseException, names: Mapping[str, Any]) -> str:
    """Return an exception in one line, with the line of the student's code that it came from."""
    files = {each.__code__.co_filename for each in names.values() if hasattr(each, "__code__")}
    files |= {str(names.get("__file__", ""))}
    for one in (error, error.__cause__):
        frames = traceback.extract_tb(one.__traceback__) if one else []
        own = [frame for frame in frames if frame.filename in files]
        if one and own:
            last = own[-1]
            code = linecache.getline(last.filename, last.lineno or 0).strip()
            place = f"line {last.lineno}, in {last.name}: {code[:100]}"
            return f"{place}  ->  {type(one).__name__}: {str(one)[:300]}"
    return f"{str(error)[:400] or type(error).__name__}"

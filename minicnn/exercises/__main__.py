"""The command ``python -m minicnn.exercises``."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from minicnn import terminal
from minicnn.exercises import LADDER, exercise, folder, grade
from minicnn.exercises.child import run
from minicnn.exercises.rungs import TODO

NAME = "python -m minicnn.exercises"
EXAMPLES = f"""\
examples:
  {NAME} list
  {NAME} start dense              writes exercises/dense.py: open it, and write your code
  {NAME} check dense              the rungs that pass, and what is wrong at the first that does not
  {NAME} check dense --hint       a stronger hint; asked again, the page
  {NAME} solution dense           after an attempt
  {NAME} grade FOLDER --json      many students' files (this runs them: see docs/teaching.md)
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = terminal.Parser(
        prog=NAME,
        description="Exercises: write backward passes yourself, and have them judged by the gradient checker.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = result.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("list", help="the exercises, and what you have done")
    start = verbs.add_parser("start", help="write an exercise's file into the folder exercises")
    start.add_argument("name")
    start.add_argument(
        "--layout", choices=["nhwc", "nchw"], default="nhwc", help="of images (default: nhwc, as in Keras)"
    )
    start.add_argument("--notebook", action="store_true", help="as a notebook")
    check = verbs.add_parser("check", help="judge your file")
    check.add_argument("name", help="of the exercise, or the path of its file")
    check.add_argument("--hint", action="store_true", help="a stronger hint; asked again, the page")
    check.add_argument("--seconds", type=float, default=0.0, help="stop after this time")
    solution = verbs.add_parser("solution", help="print the solution, after an attempt")
    solution.add_argument("name")
    solution.add_argument("--give-up", action="store_true", help="without an attempt")
    solution.add_argument("--layout", choices=["nhwc", "nchw"], default="nhwc")
    grading = verbs.add_parser("grade", help="judge all files of a folder; this runs foreign code")
    grading.add_argument("folder", type=Path)
    grading.add_argument("--json", action="store_true", help="print JSON")
    grading.add_argument("--seconds", type=float, default=0.0, help="for each file")
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with 1 if a checked file is not right yet, with 2 for input that cannot be used."""
    with terminal.command("minicnn.exercises", ValueError):
        arguments = parser().parse_args(argv)
        if getattr(arguments, "seconds", 0.0) < 0:
            raise ValueError(f"--seconds {arguments.seconds}: expected a positive number")
        if arguments.verb == "list":
            _list()
        elif arguments.verb == "start":
            path = folder.start(exercise(arguments.name), arguments.layout, arguments.notebook)
            print(f"{path} is written. Write your code where it says so.")
            if not arguments.notebook:
                print(f"Then: {NAME} check {arguments.name}")
        elif arguments.verb == "check":
            _check(arguments.name, arguments.hint, arguments.seconds)
        elif arguments.verb == "solution":
            _solution(arguments.name, arguments.give_up, arguments.layout)
        else:
            _grade(arguments.folder, arguments.json, arguments.seconds)


def _list() -> None:
    done = folder.progress(Path(folder.FOLDER)) or folder.progress(Path())
    for name, each in LADDER.items():
        entry = done.get(name, {})
        passed, rungs = len(entry.get("passed", [])), len(each.rungs)
        mark = "✓" if passed == rungs else f"{passed}/{rungs}"
        print(f"{mark:>6}  {name:22} {each.title.partition(': ')[2]}")
    print(f"\n{NAME} start NAME writes a file to begin with.")


def _check(name: str, hint: bool, seconds: float) -> None:
    path = folder.find(name)
    each = exercise(path.stem)
    hints = 0
    verdict = run(each, path, seconds)
    failed = verdict.failed
    folder.attempted(path.parent, verdict)
    if hint and failed:
        counts = folder.progress(path.parent)[each.name]["hints"]
        hints = counts.get(failed.rung, 0) + 1
        folder.note(path.parent, each.name, hints={**counts, failed.rung: hints})
    terminal.say(*str(type(verdict)(each, verdict.outcomes, hints, verdict.printed)).splitlines())
    if failed is None:
        names = [*LADDER]
        after = names[names.index(each.name) + 1 :]
        print(f"Next: {NAME} start {after[0]}" if after else "That was the last one.")
        return
    if hints < 2:
        more = "the page that explains it" if hints else "a stronger hint"
        print(f"{more}: {NAME} check {name} --hint")
    raise SystemExit(1)


def _solution(name: str, give_up: bool, layout: str) -> None:
    each = exercise(name)
    try:
        place = folder.find(name).parent
        entry = folder.progress(place).get(name, {})
    except ValueError:
        place, entry = None, {}
    if not give_up and not entry.get("attempts"):
        raise ValueError(f"{name} was not tried yet: {NAME} check {name} first, or --give-up")
    if place is not None:
        folder.note(place, name, solution=True)
    print(each.file(layout, solved=True), end="")


def _grade(place: Path, as_json: bool, seconds: float) -> None:
    if not place.is_dir():
        raise ValueError(f"{place}: it is not a folder")
    rows, others = grade.grade(place, seconds)
    if as_json:
        print(json.dumps({"files": rows, "not_exercises": others}, indent=2, ensure_ascii=False))
        return
    terminal.say(*grade.table(rows))
    for name in others:
        terminal.say(f"{name}: its name begins or ends with no exercise's name, so it was not judged")
    print(f"{len(rows)} files; {', '.join(f'{sign} {word}' for sign, word in _LEGEND)}")


_LEGEND = (("✓", "passed"), ("✗", "wrong"), ("·", TODO), ("–", "not tried"))


if __name__ == "__main__":
    main()

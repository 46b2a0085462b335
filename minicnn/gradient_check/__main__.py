"""The command ``python -m minicnn.gradient_check``: a table of the errors of every
gradient of the library.
"""

import argparse
import difflib
import json
import sys
import time
import zlib
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from minicnn import terminal
from minicnn._base.files import replacing
from minicnn.gradient_check.suite import ROWS, Draw, Outcome, Row, kernel_report

COLUMNS = ("backward", "kernels", "float32")
EXPLANATION = """\
Each row gives the largest error over random arguments, relative to the largest entry. Arguments include
strides, padding, dilation, windows that overlap or leave gaps, one pixel, one channel, a batch of one, large
values, ties and constants. The columns compare
  backward   the hand-written gradients in plain NumPy with the complex step, every entry, float64
  kernels    results and gradients of the Numba kernels with those of NumPy, float64
  float32    the Numba kernels in float32 with the Numba kernels in float64
"""
EXAMPLES = """\
examples:
  python -m minicnn.gradient_check                              everything, takes some minutes
  python -m minicnn.gradient_check conv2d Conv2D --cases 1000   two rows, with more cases
  python -m minicnn.gradient_check --cases 20 --json table.json
"""


@dataclass
class Line:
    """A row of the table while its cases run."""

    row: Row
    cases: int = 0
    seconds: float = 0.0
    errors: dict[str, float] = field(default_factory=dict)
    failure: str | None = None  # the report of the first case with an error above its bound

    @property
    def passed(self) -> bool:
        """Whether every error is within its bound."""
        return self.failure is None

    def add(self, number: int, seed: int) -> None:
        """Run one case."""
        begun = time.perf_counter()
        outcome = self.row.run(Draw(generator(seed, self.row, number)))
        self.seconds += time.perf_counter() - begun
        self.cases += 1
        for column in COLUMNS:
            error = getattr(outcome, column)
            if error is None:
                continue
            self.errors[column] = max(self.errors.get(column, 0.0), error)
            if self.passed and not error <= self.row.bounds[column]:
                self.failure = f"{self.row.name}, case {number} of seed {seed}: {column} error {error:.1e}"
                self.failure += (
                    f", more than {self.row.bounds[column]:.0e}\n{self._explained(column, outcome)}"
                )

    def _explained(self, column: str, outcome: Outcome) -> str:
        """Return the report of the case, and whether the definition or the kernels are to blame."""
        if column == "backward":
            return f"{outcome.report}\n  The definition is off (minicnn/ops/reference, or the layer)"
        bound = self.row.bounds[column]
        return str(kernel_report(f"{self.row.name}, {column}", outcome, column, bound))

    def text(self, width: int) -> str:
        """Return the line of the table."""
        errors = (f"{self.errors[c]:10.1e}" if c in self.errors else f"{'–':>10}" for c in COLUMNS)
        verdict = "" if self.passed else "   FAIL"
        return f"{self.row.kind:12}{self.row.name:{width}}{self.cases:6}{''.join(errors)}{self.seconds:9.1f}{verdict}"

    def to_dict(self) -> dict[str, Any]:
        """Return the line as JSON-able values."""
        return {
            "kind": self.row.kind,
            "name": self.row.name,
            "cases": self.cases,
            **{column: self.errors.get(column) for column in COLUMNS},
            "bounds": self.row.bounds,
            "seconds": round(self.seconds, 3),
            "passed": self.passed,
        }


def generator(seed: int, row: Row, number: int) -> np.random.Generator:
    """Return the generator of one case; it does not depend on the other rows and cases."""
    return np.random.default_rng([seed, zlib.crc32(f"{row.kind} {row.name}".encode()), number])


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = terminal.Parser(
        prog="minicnn.gradient_check",
        usage="python -m minicnn.gradient_check [NAME …] [--cases N] [--seed N] [--json FILE]",
        description="Check the gradients of each operation, layer, loss and regularizer; exit 1 if one is wrong.",
        epilog=f"{EXPLANATION}\n{EXAMPLES}\nnames: {', '.join(row.name for row in ROWS)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("names", nargs="*", metavar="NAME", help="rows to check (default: all)")
    result.add_argument(
        "--cases", type=int, default=200, metavar="N", help="of each row (default: %(default)s)"
    )
    result.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the cases (default: %(default)s)"
    )
    result.add_argument("--json", metavar="FILE", help="write the table there too")
    return result


def chosen(names: Sequence[str]) -> list[Row]:
    """Return the rows of these names, all without names.

    Raises:
        ValueError: there is no row of a name.
    """
    known = [row.name for row in ROWS]
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
            hint = f"did you mean {' or '.join(close)}?" if close else "--help lists them"
            raise ValueError(f"no row {name!r}: {hint}")
    return [row for row in ROWS if not names or row.name in names]


def table(rows: Sequence[Row], cases: int, seed: int) -> list[Line]:
    """Run the cases of each row and print its line; then the totals, and the failures in full."""
    width = max(len(row.name) for row in rows) + 2
    print(f"{'':12}{'':{width}} cases{''.join(f'{column:>10}' for column in COLUMNS)}  seconds", flush=True)
    lines = []
    for row in rows:
        line = Line(row)
        bar = tqdm(range(cases), desc=row.name, leave=False, disable=not sys.stderr.isatty())
        for number in bar:
            line.add(number, seed)
        print(line.text(width), flush=True)
        lines.append(line)
    worst = {
        column: max((line.errors[column] for line in lines if column in line.errors), default=None)
        for column in COLUMNS
    }
    errors = "".join(f"{'–':>10}" if error is None else f"{error:10.1e}" for error in worst.values())
    total = f"{len(lines)} rows"
    print(
        f"{'all':12}{total:{width}}{sum(line.cases for line in lines):6}{errors}"
        f"{sum(line.seconds for line in lines):9.1f}"
    )
    failures = [line.failure for line in lines if line.failure is not None]
    print(*(f"\n{failure}\n" for failure in failures), sep="", end="\n" if failures else "")
    print(
        f"{len(failures)} of {len(lines)} rows beyond their bounds"
        if failures
        else "Every row is within its bounds."
    )
    return lines


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with 1 if a gradient is wrong, with 2 and one line for
    input that cannot be used.
    """
    with terminal.command("minicnn.gradient_check", ValueError):
        arguments = parser().parse_args(argv)
        rows = chosen(arguments.names)
        if arguments.cases < 1 or arguments.seed < 0:
            raise ValueError(f"--cases {arguments.cases} --seed {arguments.seed}: expected at least 1 and 0")
        # the file is opened first: it is not after minutes that one learns that it cannot be written
        with replacing(Path(arguments.json)) if arguments.json else nullcontext() as file:
            lines = table(rows, arguments.cases, arguments.seed)
            if file is not None:
                text = json.dumps([line.to_dict() for line in lines], indent=2)
                file.write(f"{text}\n".encode())
        if not all(line.passed for line in lines):
            raise SystemExit(1)


if __name__ == "__main__":
    main()

"""``python -m tests.mutation``: see the package's docstring."""

import argparse
import difflib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tests.mutation
from tests.mutation import report
from tests.mutation.classic import Classic, all_faults
from tests.mutation.equivalent import Proofs
from tests.mutation.faults import INTERPRETED, VECTORS, WIDE, Fault
from tests.mutation.functions import ROOT, Package

# examples of each property test; processor seconds for a mutant; processor seconds that a test may take
QUICK, THOROUGH = (10, 3.0, 3.0), (60, 60.0, 5.0)
Verdicts = dict[str, dict[str, Any]]


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation",
        description=tests.mutation.__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="parts of paths, or names of functions")
    parser.add_argument(
        "--kernels", action="store_true", help="the slips in the kernels, in place of all others"
    )
    parser.add_argument("--sample", type=int, metavar="N", help="draw N of them at random")
    parser.add_argument("--seed", type=int, help="for --sample; by default today's date, as in 20261231")
    parser.add_argument("--only", metavar="ID", help="one fault; shows what it changes")
    parser.add_argument("--list", action="store_true", help="list the faults, plant nothing")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="a log; faults that are in it are not run again"
    )
    parser.add_argument("--equivalents", action="store_true", help="also run those proven to be no faults")
    return parser


def main() -> int:
    """Run the command; return its exit status."""
    options = arguments().parse_args()
    proofs = Proofs([]) if options.kernels else Proofs()
    faults = _chosen(all_faults(Package()), options, proofs)
    if options.list or options.only:
        for fault in faults:
            print(_line(fault))
    if options.list:
        return 0
    if options.only:
        print(_difference(faults[0]))
        faults = [
            again for again in all_faults(Package()) if again.id == options.only
        ]  # trees without the fault
    verdicts = report.read(options.json)
    _run_all(faults, verdicts, proofs, options)
    results = report.Results(faults, verdicts, proofs)
    print(results.kill_rate() if options.kernels else results.summary())
    if options.kernels:
        return 1 if results.too_few else 0
    return 1 if results.survivors or results.refuted else 0


def _chosen(faults: list[Fault], options: argparse.Namespace, proofs: Proofs) -> list[Fault]:
    if options.only:
        chosen = [fault for fault in faults if fault.id == options.only]
    else:
        chosen = [fault for fault in faults if _is_of_kernels(fault) == options.kernels]
    if options.names:
        chosen = [f for f in chosen if any(name in f.path or name == f.where for name in options.names)]
    if not chosen:
        raise SystemExit("no fault has this name: see --list")
    if options.sample:
        seed = int(time.strftime("%Y%m%d")) if options.seed is None else options.seed
        chosen = [fault for fault in chosen if proofs.of(fault.key) is None]
        chosen = random.Random(seed).sample(chosen, min(options.sample, len(chosen)))
        kernels = "--kernels " if options.kernels else ""
        print(f"to repeat: python -m tests.mutation {kernels}--sample {options.sample} --seed {seed}")
    return chosen


def _is_of_kernels(fault: Fault) -> bool:
    """Tell whether a fault is a slip in a kernel; a classic fault there is tried with all others."""
    return fault.module.room == "kernels" and not isinstance(fault, Classic)


def _line(fault: Fault) -> str:
    return f"{fault.id}  {fault.path}:{fault.line} {fault.where}  {fault.text}"


def _difference(fault: Fault) -> str:
    before, after = fault.before_and_after()
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=2)
    return "(without comments)\n" + "\n".join(lines)


def _run_all(faults: list[Fault], verdicts: Verdicts, proofs: Proofs, options: argparse.Namespace) -> None:
    """Run each fault: quickly, and with more effort if it survives and is not one of the kernels' sample."""
    open_faults = [fault for fault in faults if not verdicts.get(fault.id, {}).get("caught")]
    fresh = [fault for fault in open_faults if fault.id not in verdicts]
    if not (options.equivalents or options.only):
        fresh = [fault for fault in fresh if proofs.of(fault.key) is None]
    _run(fresh, INTERPRETED, QUICK, verdicts, options)
    _run(fresh, VECTORS, THOROUGH, verdicts, options)  # its judges are few
    if options.kernels:
        return
    unproven = [fault for fault in open_faults if proofs.of(fault.key) is None]
    survivors = [fault for fault in unproven if not verdicts[fault.id]["caught"]]
    _run(survivors, WIDE, THOROUGH, verdicts, options)


def _run(
    faults: list[Fault], way: str, effort: tuple, verdicts: Verdicts, options: argparse.Namespace
) -> None:
    chosen = [fault for fault in faults if (fault.way == VECTORS) == (way == VECTORS)]
    for verdict in _verdicts(chosen, way, effort, options.jobs) if chosen else []:
        verdicts[verdict["id"]] = verdict
        if options.json:
            with options.json.open("a") as log:
                print(json.dumps(verdict), file=log)


def _verdicts(faults: list[Fault], way: str, effort: tuple, jobs: int) -> Iterator[dict[str, Any]]:
    """Let a worker try the faults and yield what it reports."""
    by_id = {fault.id: fault for fault in faults}
    start = time.monotonic()
    print(
        f"{len(faults)} as {way}, {effort[1]:g} s each at most; first the tests without a fault", flush=True
    )
    command = [sys.executable, "-m", "tests.mutation.worker"]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert worker.stdin
    assert worker.stdout
    with worker:
        json.dump({"way": way, "ids": list(by_id), "jobs": jobs, "effort": effort}, worker.stdin)
        worker.stdin.close()
        for number, line in enumerate(worker.stdout, start=1):
            verdict = json.loads(line)
            if not verdict["caught"]:
                print(f"  survives: {_line(by_id[verdict['id']])}", flush=True)
            if number % 100 == 0:
                print(f"  {number} of {len(faults)}, {time.monotonic() - start:.0f} s", flush=True)
            yield verdict
    if worker.returncode:
        raise SystemExit("the worker failed; its last output is above")


if __name__ == "__main__":
    sys.exit(main())

"""What came of it: the summary on the terminal, and docs/mutation.md."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.mutation.classic import Classic
from tests.mutation.equivalent import Proofs
from tests.mutation.faults import Fault
from tests.mutation.functions import ROOMS

Verdict = dict[str, Any]
COLUMNS = "planted", "caught", "equivalent", "survivors"


def read(log: Path | None) -> dict[str, Verdict]:
    """Return the last verdict on each mutant in a log."""
    if log is None or not log.exists():
        return {}
    return {verdict["id"]: verdict for verdict in map(json.loads, log.read_text().splitlines())}


class Results:
    """Faults and what became of each."""

    def __init__(self, faults: list[Fault], verdicts: dict[str, Verdict], proofs: Proofs) -> None:
        self.faults, self.verdicts, self.proofs = faults, verdicts, proofs

    def outcome(self, fault: Fault) -> str:
        """Return "caught", "equivalent", "survivors" or "not run"."""
        verdict = self.verdicts.get(fault.id)
        if verdict is not None and verdict["caught"]:
            return "caught"
        if self.proofs.of(fault.key):
            return "equivalent"
        return "not run" if verdict is None else "survivors"

    @property
    def survivors(self) -> list[Fault]:
        """Those that no test noticed and no proof excuses."""
        return [fault for fault in self.faults if self.outcome(fault) == "survivors"]

    @property
    def refuted(self) -> list[Fault]:
        """Those that a test caught although there is a proof that they are no faults."""
        return [f for f in self.faults if self.proofs.of(f.key) and self.outcome(f) == "caught"]

    def counts(self, faults: Iterable[Fault]) -> Counter[str]:
        """Return how many had which outcome."""
        return Counter(self.outcome(fault) for fault in faults)

    def rows(self) -> Iterator[tuple[str, list[Fault]]]:
        """Yield the slips of each file, and after those of a room's last file all of the room's."""
        slips = [fault for fault in self.faults if not isinstance(fault, Classic)]
        for room in ROOMS:
            inside = [fault for fault in slips if fault.module.room == room]
            paths = list(dict.fromkeys(fault.path for fault in inside))
            for path in paths:
                yield f"`{path}`", [fault for fault in inside if fault.path == path]
            if len(paths) > 1:
                yield f"**{room}**", inside
        yield "classic faults", [fault for fault in self.faults if isinstance(fault, Classic)]
        yield "**all**", self.faults

    def summary(self) -> str:
        """Return the table for a terminal, and what is wrong."""
        lines = [f"{'':45}" + "".join(f"{column:>12}" for column in ("functions", *COLUMNS))]
        for name, faults in self.rows():
            if faults:
                lines.append(f"{name.strip('`*'):45}" + "".join(f"{n:>12}" for n in self._numbers(faults)))
        wrong = {"survives, without a proof": self.survivors, "caught, against its proof": self.refuted}
        for title, faults in wrong.items():
            lines += [f"{title}: {f.id}  {f.path}:{f.line} {f.where}  {f.text}" for f in faults]
        missing = sum(self.outcome(fault) == "not run" for fault in self.faults)
        return "\n".join(lines + ([f"{missing} have not been run"] if missing else []))

    def _numbers(self, faults: list[Fault]) -> list[int]:
        counts = self.counts(faults)
        functions = {(fault.path, name) for fault in faults for name in fault.where.split(", ")}
        return [len(functions), len(faults), *(counts[column] for column in COLUMNS[1:])]


def page(results: Results) -> str:
    """Return docs/mutation.md."""
    text = (Path(__file__).parent / "page.md").read_text()
    parts = {
        "TABLE": "\n".join(_table(results)),
        "HOW": _how(results),
        "CLASSIC": "\n".join(_classic(results)),
        "EQUIVALENT": "\n".join(_equivalent(results)),
    }
    for name, content in parts.items():
        text = text.replace(f"<!-- {name} -->", content)
    return text


def _table(results: Results) -> Iterator[str]:
    yield "| | functions | " + " | ".join(COLUMNS) + " |"
    yield "|---|" + "---:|" * (len(COLUMNS) + 1)
    for name, faults in results.rows():
        yield f"| {name} | " + " | ".join(f"{number:,}" for number in results._numbers(faults)) + " |"


def _how(results: Results) -> str:
    ways = Counter(verdict["how"] for verdict in _of_run(results) if verdict["caught"])
    judges = Counter(verdict["by"].partition("[")[0] for verdict in _of_run(results) if verdict["caught"])
    first = ", ".join(f"`{name.rpartition('/')[2]}` ({number:,})" for name, number in judges.most_common(6))
    return (
        f"{ways['test']:,} were caught by a test that failed, {ways['time']:,} by one that came to no end, "
        f"{ways['crash']:,} by the death of the process. The tests that were the first to notice most often: {first}."
    )


def _of_run(results: Results) -> list[Verdict]:
    return [results.verdicts[fault.id] for fault in results.faults if fault.id in results.verdicts]


def _classic(results: Results) -> Iterator[str]:
    yield "| fault | planted in | caught by |"
    yield "|---|---|---|"
    last = None
    for fault in results.faults:
        if isinstance(fault, Classic):
            verdict = results.verdicts.get(fault.id, {})
            by = f"`{verdict['by'].rpartition('/')[2]}`" if verdict.get("caught") else results.outcome(fault)
            name = fault.name if fault.name != last else ""
            yield f"| {name} | `{fault.path}` `{fault.where}` | {by.replace('|', '/')} |"
            last = fault.name


def _equivalent(results: Results) -> Iterator[str]:
    lines_of = {fault.key[:3]: fault.line for fault in results.faults}
    by_text: dict[str, list[tuple[str, str, str, str]]] = {}
    for proof in results.proofs.proofs:
        by_text.setdefault(proof.text, []).extend(proof.keys)
    for text, keys in by_text.items():
        yield f"- {text}"
        yield f"  <details><summary>{len(keys)} of them</summary>\n"
        last = None
        for key in keys:
            if key[:3] != last:
                last = path, where, code = key[:3]
                yield f"  - `{path}` `{where}`, line {lines_of.get(last, '?')}: `{code}`"
            yield f"    - `{key[3]}`"
        yield "\n  </details>"

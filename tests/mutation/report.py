"""The summary: how many faults of each room were caught; of the kernels, the kill rate."""

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
LEAST_KILL_RATE = 0.75  # of the kernels' faults; docs/mutation.md says why


def read(log: Path | None) -> dict[str, Verdict]:
    """Return the last verdict on each fault in a log."""
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

    @property
    def too_few(self) -> bool:
        """Whether the kill rate is below its bound."""
        return 1 - len(self.survivors) / len(self.faults) < LEAST_KILL_RATE

    def counts(self, faults: Iterable[Fault]) -> Counter[str]:
        """Return how many had which outcome."""
        return Counter(self.outcome(fault) for fault in faults)

    def rows(self) -> Iterator[tuple[str, list[Fault]]]:
        """Yield the slips of each room, the classic faults, and all."""
        for room in ROOMS:
            yield room, [f for f in self.faults if f.module.room == room and not isinstance(f, Classic)]
        yield "classic faults", [fault for fault in self.faults if isinstance(fault, Classic)]
        yield "all", self.faults

    def summary(self) -> str:
        """Return the table of the rooms, and what is wrong."""
        lines = [f"{'':16}" + "".join(f"{column:>12}" for column in ("functions", *COLUMNS))]
        for name, faults in self.rows():
            if faults:
                lines.append(f"{name:16}" + "".join(f"{number:>12,}" for number in self._numbers(faults)))
        wrong = {"survives, without a proof": self.survivors, "caught, against its proof": self.refuted}
        for title, faults in wrong.items():
            lines += [f"{title}: {_line(fault)}" for fault in faults]
        missing = sum(self.outcome(fault) == "not run" for fault in self.faults)
        return "\n".join(lines + ([f"{missing} have not been run"] if missing else []))

    def _numbers(self, faults: list[Fault]) -> list[int]:
        counts = self.counts(faults)
        functions = {(fault.path, name) for fault in faults for name in fault.where.split(", ")}
        return [len(functions), len(faults), *(counts[column] for column in COLUMNS[1:])]

    def kill_rate(self) -> str:
        """Return how many of the kernels' faults were caught, and the survivors with their code."""
        planted, survived = len(self.faults), len(self.survivors)
        lines = [f"survivors: {survived}, each a gap in the tests or a change that computes the same"]
        lines += [f"{_line(fault)}\n{'':10}{fault.code}" for fault in self.survivors]
        caught = planted - survived
        rate = f"kill rate: {caught} of {planted}, {caught / planted:.1%}; required: {LEAST_KILL_RATE:.0%}"
        return "\n".join([*lines, rate])


def _line(fault: Fault) -> str:
    return f"{fault.id}  {fault.path}:{fault.line} {fault.where}  {fault.text}"

"""Plant, judge, note: one mutant after the other, each in a child of a process in which everything is warm.

Before the first fault every judge runs once without one. It has to pass, and the functions that it calls are
noted: a mutant is shown to the judges that call its function, first those that have caught others there, then
the fastest. It is caught when

    a judge does not pass   a test fails, or raises
    a judge does not end    its processor time is many times the usual
    the process dies        machine code that writes to a wrong address, or a module that cannot be imported
"""

import ast
import gc
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.mutation import judges as judging
from tests.mutation.faults import Fault
from tests.mutation.functions import Function, Package
from tests.mutation.judges import Judge
from tests.mutation.planting import Living, ModuleBreaksError, inside, made_by
from tests.mutation.trial import Ending, run_children, stop_after

OBSERVED_AT_ONCE = 12
PATIENCE = 40.0  # times the usual time of a judge


@dataclass(frozen=True)
class Effort:
    """How hard to look: examples of each property test, processor seconds until a mutant has survived."""

    examples: int
    seconds: float
    patience: float  # processor seconds that every judge may take


def portions(count: int) -> list[range]:
    """Return the numbers below ``count``, some at a time."""
    return [range(i, min(i + OBSERVED_AT_ONCE, count)) for i in range(0, count, OBSERVED_AT_ONCE)]


class Campaign:
    """Judges, and what each of them runs."""

    def __init__(self, package: Package, judges: list[Judge], jobs: int, effort: Effort) -> None:
        self.package, self.judges, self.jobs, self.effort = package, judges, jobs, effort
        self.living = Living(package)
        self.seconds = [0.0] * len(judges)
        self.ran: dict[tuple[str, str], set[int]] = defaultdict(set)  # (path, qualified name) -> judges
        self.catches: dict[str, Counter[int]] = defaultdict(Counter)
        gc.freeze()  # what children only read stays shared

    def observe(self) -> None:
        """Run every judge without a fault.

        Raises:
            RuntimeError: one does not pass.
        """
        failed = []
        for ending in run_children(portions(len(self.judges)), self._observe, self.jobs):
            if not isinstance(ending.value, list):
                raise RuntimeError(f"without a fault, judges {ending.task} end in {ending}")
            for index, (passed, seconds, places) in zip(ending.task, ending.value):
                self.seconds[index] = seconds
                failed += [] if passed else [self.judges[index].name]
                for path, name, _ in places:
                    self.ran[path, name].add(index)
        if failed:
            raise RuntimeError("these do not pass without any fault: " + ", ".join(failed))

    def _observe(self, indices: range, say: Callable[[str], None]) -> list[Any]:
        judging.draw_examples(judging.FEW_EXAMPLES)
        results = []
        for index in indices:
            passed, seconds, places = judging.observe(self.judges[index], self.living.place)
            results.append((passed, seconds, [place for place in places if place[0]]))
        return results

    def run(self, faults: list[Fault]) -> Iterator[dict[str, Any]]:
        """Try each fault and yield the verdict on it."""
        for ending in run_children(faults, self._try, self.jobs):
            yield self._verdict(ending)

    def _verdict(self, ending: Ending) -> dict[str, Any]:
        fault, value = ending.task, ending.value or {}
        if "error" in value or ending.signal == signal.SIGKILL or not (value or ending.last):
            raise RuntimeError(
                f"{fault.id}, {fault.path}, {fault.text}: not planted\n{value.get('error', ending)}"
            )
        if "survived" in value:
            return {"id": fault.id, "caught": False, "judges": value["survived"]}
        if "breaks" in value:
            return {"id": fault.id, "caught": True, "by": "import", "how": "crash"}
        judge = int(ending.last)
        self.catches[fault.where][judge] += 1
        how = "test" if "caught" in value else "time" if ending.signal == signal.SIGPROF else "crash"
        return {"id": fault.id, "caught": True, "by": self.judges[judge].name, "how": how}

    def _try(self, fault: Fault, say: Callable[[str], None]) -> dict[str, int]:
        try:
            self.living.plant(fault)
        except ModuleBreaksError:
            return {"breaks": 1}
        judging.draw_examples(self.effort.examples)
        asked = 0
        for index in self._order(fault):
            if judging.cpu_seconds() > self.effort.seconds:
                break
            say(str(index))
            stop_after(max(PATIENCE * self.seconds[index], self.effort.patience))
            if not self.judges[index].passes():
                return {"caught": index}
            stop_after(0)
            asked += 1
        return {"survived": asked}

    def _order(self, fault: Fault) -> list[int]:
        places = {place for function in fault.functions for place in self._places(function)}
        known = {index for place in places for index in self.ran[place]}
        catches = self.catches[fault.where]
        return sorted(known, key=lambda index: (-catches[index], self.seconds[index]))

    def _places(self, function: Function) -> Iterator[tuple[str, str]]:
        """Yield the code of a function, or that which reads a constant or what the
        function made at import.
        """
        if not function.is_constant:
            yield from self._ran_in(function)
        for constant in [function] if function.is_constant else made_by(function):
            for module in self.package.modules.values():
                if constant.name in module.functions or constant.name in module.imports:
                    readers = (f for f in module.functions.values() if _reads(f, constant.name))
                    yield from (place for reader in readers for place in self._ran_in(reader))

    def _ran_in(self, function: Function) -> list[tuple[str, str]]:
        path = function.module.path
        return [place for place in self.ran if place[0] == path and inside(place[1], function.name)]


def _reads(function: Function, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(function.node))

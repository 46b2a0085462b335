"""The classic faults: what well-known teaching code got wrong, each planted by its name.

A fault replaces pieces of text in functions of one file. classic_faults.py lists them.
"""

import ast
from collections.abc import Iterator

from tests.mutation.classic_faults import FAULTS
from tests.mutation.faults import Fault
from tests.mutation.functions import Module, Package
from tests.mutation.mutants import all_mutants


class Classic(Fault):
    """A fault by its name: each edit is (function, old text, new text), the text as in the source."""

    def __init__(self, module: Module, name: str, edits: list[tuple[str, str, str]]) -> None:
        self.module, self.name, self.edits = module, name, edits
        self.code = name
        self.functions = [module.functions[function] for function, _, _ in edits]
        self.line = self._first_line()
        self.text = "; ".join(f"{_one_line(old)} → {_one_line(new)}" for _, old, new in edits)

    def _first_line(self) -> int:
        start = self.functions[0].node.lineno
        old = self.edits[0][1].splitlines()[0]
        return next((n for n, line in enumerate(self.module.lines[start - 1 :], start) if old in line), start)

    def plant(self) -> ast.Module:
        """Return the tree of the changed module.

        Raises:
            LookupError: the old text is not, or not once, in its function.
        """
        source = self.module.source
        for function, old, new in self.edits:
            node = self.module.functions[function].node
            lines = source.splitlines(keepends=True)
            before, inside, after = (
                "".join(part)
                for part in (
                    lines[: node.lineno - 1],
                    lines[node.lineno - 1 : node.end_lineno],
                    lines[node.end_lineno :],
                )
            )
            if inside.count(old) != 1 or new.count("\n") != old.count("\n"):
                raise LookupError(
                    f"{self.path}, {function}: {inside.count(old)} times {old!r}; bring the fault up to date"
                )
            source = before + inside.replace(old, new) + after
        return ast.parse(source)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def all_classics(package: Package) -> Iterator[Classic]:
    """Yield the faults of classic_faults.py."""
    for name, places in FAULTS.items():
        for path, edits in places.items():
            module = package.modules[f"minicnn.{path.replace('/', '.')}"]
            yield Classic(module, name, edits)


def all_faults(package: Package) -> list[Fault]:
    """Return every fault: the classic ones, then the slips."""
    return [*all_classics(package), *all_mutants(package)]

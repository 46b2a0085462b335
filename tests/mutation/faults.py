"""What every fault has, slip or classic: where it is, what it changes, and how to make the changed source."""

import ast
import hashlib

from tests.mutation.functions import Function, Module

VECTOR_CODE = ("register_tile.py", "winograd_transform.py")  # its functions build instructions for a compiler
# how to run a fault: as plain Python with short vectors or with long ones, or the vector code alone, compiled
INTERPRETED, WIDE, VECTORS = "interpreted", "interpreted, long vectors", "vector code"


class Fault:
    """A change of some functions of one module."""

    module: Module
    functions: list[Function]
    line: int
    code: str  # the statement, as `ast.unparse` writes it
    text: str  # what it becomes

    def plant(self) -> ast.Module:
        """Return the tree of the changed module; those that share a tree can be planted once."""
        raise NotImplementedError

    @property
    def path(self) -> str:
        """The file."""
        return self.module.path

    @property
    def where(self) -> str:
        """The function, or functions."""
        return ", ".join(dict.fromkeys(function.name for function in self.functions))

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is, for the list of proofs: neither the file nor the line, so that code may move."""
        return self.where, self.code, self.text

    @property
    def id(self) -> str:
        """A short name that stays when lines move."""
        return hashlib.sha1(repr((self.path, *self.key)).encode()).hexdigest()[:8]

    @property
    def way(self) -> str:
        """How it is to be run: as plain Python, where that can show it."""
        numbers = any(function.is_constant and not _calls_its_module(function) for function in self.functions)
        return VECTORS if self.path.endswith(VECTOR_CODE) and not numbers else INTERPRETED

    def before_and_after(self) -> tuple[str, str]:
        """Return the changed functions as text, without comments; plants it."""
        names = {function.name.rpartition(".")[2] for function in self.functions}

        def text(tree: ast.Module) -> str:
            return "\n".join(ast.unparse(node) for node in ast.walk(tree) if _name(node) in names)

        before = text(ast.parse(self.module.source))
        return before, text(self.plant())


def _calls_its_module(constant: Function) -> bool:
    calls = [node.func for node in ast.walk(constant.node) if isinstance(node, ast.Call)]
    return any(isinstance(call, ast.Name) and call.id in constant.module.functions for call in calls)


def _name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return node.name if isinstance(node, ast.FunctionDef) else None

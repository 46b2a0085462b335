"""One mutant is one slip at one place; `all_mutants` lists them all.

Left out, as they do not compute: docstrings, annotations, decorators, default arguments, error messages, and
checks of arguments (an ``if`` that does nothing but raise, a call of ``check…``). At the top of a module,
only numbers.
"""

import ast
from collections import Counter
from collections.abc import Iterator

from tests.mutation import operators, operators_of_calls
from tests.mutation.faults import Fault
from tests.mutation.functions import Function, Package
from tests.mutation.slips import changed, slips

RULES = operators, operators_of_calls  # what is imported has registered its rules
Place = tuple[ast.AST, str, int | None]  # a node, the name of a field of it, and the index if that is a list


class Mutant(Fault):
    """A slip: ``new`` is to stand at ``place`` in the tree of the function's module."""

    def __init__(
        self, function: Function, statement: ast.stmt, text: str, place: Place, new: ast.AST
    ) -> None:
        self.module, self.functions = function.module, [function]
        self.line, self.code, self.text = statement.lineno, header(statement), text
        self.place, self.new = place, new

    def plant(self) -> ast.Module:
        """Change the tree of the module, for good, and return it."""
        holder, name, index = self.place
        if index is None:
            setattr(holder, name, self.new)
        else:
            getattr(holder, name)[index] = self.new
        return ast.fix_missing_locations(self.module.tree)


def all_mutants(package: Package) -> list[Mutant]:
    """Return every mutant, in the order of the files."""
    found, seen = [], Counter()
    for function in package.reachable():
        before = ast.dump(function.node)
        for place, node, statement in _places(function):
            for text, new in [] if _order_is_free(place[0], node) else slips(node):
                if not _differs(node, new):
                    continue
                mutant = Mutant(function, statement, text, place, new)
                place_and_text = mutant.path, *mutant.key
                seen[place_and_text] += 1
                if (number := seen[place_and_text]) > 1:  # "0 → 1" can be done to each 0 of a statement
                    mutant.text += f" [{number}]"
                found.append(mutant)
        assert ast.dump(function.node) == before
    return found


def _order_is_free(holder: ast.AST, node: ast.AST) -> bool:
    """Tell whether a tuple is one of axes to be summed over."""
    return isinstance(holder, ast.keyword) and holder.arg == "axis" and isinstance(node, ast.Tuple)


def _differs(old: ast.AST, new: ast.AST) -> bool:
    if ast.dump(old) == ast.dump(new):
        return False
    try:
        return ast.unparse(old) != ast.unparse(new)
    except ValueError:
        return True


def header(statement: ast.stmt) -> str:
    """Return a statement in one line, as `ast.unparse` writes it; of a loop or an
    `if`, only the first line.
    """
    if hasattr(statement, "body"):
        empty = {name: [] for name in ("orelse", "handlers", "finalbody") if hasattr(statement, name)}
        statement = changed(statement, body=[ast.Pass()], **empty)
        return ast.unparse(statement).partition("\n")[0]
    return " ".join(ast.unparse(statement).split())


def _places(function: Function) -> Iterator[tuple[Place, ast.AST, ast.stmt]]:
    """Yield where a slip can be made: the place, the node there, and the innermost statement around it."""
    if isinstance(function.node, ast.Assign):
        if _is_number(function.node.value):
            yield from _below(function.node, "value", None, function.node)
        return
    for index, statement in enumerate(function.node.body):
        yield from _below(function.node, "body", index, statement)


def _is_number(node: ast.AST) -> bool:
    """Tell whether a module's constant is made of numbers alone."""
    parts = [part for part in ast.walk(node) if isinstance(part, ast.expr)]
    allowed = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.Tuple, ast.Dict, ast.Call, ast.Attribute, ast.Name)
    texts = any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts)
    plain = all(isinstance(part, allowed) for part in parts) and not texts
    return plain and any(isinstance(part, ast.Constant) for part in parts)


def _below(
    holder: ast.AST, name: str, index: int | None, statement: ast.stmt
) -> Iterator[tuple[Place, ast.AST, ast.stmt]]:
    """Yield a node with its place, and all within it, except what does not compute."""
    node = getattr(holder, name) if index is None else getattr(holder, name)[index]
    if not isinstance(node, ast.AST) or _says_nothing(node):
        return
    statement = node if isinstance(node, ast.stmt) else statement
    yield (holder, name, index), node, statement
    for child, value in ast.iter_fields(node):
        if child in ("annotation", "returns", "decorator_list", "args") and not isinstance(node, ast.Call):
            continue
        for i in range(len(value)) if isinstance(value, list) else [None]:
            yield from _below(node, child, i, statement)


def _says_nothing(node: ast.AST) -> bool:
    if isinstance(node, ast.Raise | ast.JoinedStr):
        return True
    if isinstance(node, ast.If) and all(isinstance(statement, ast.Raise) for statement in node.body):
        return not node.orelse
    if isinstance(node, ast.Expr):
        if isinstance(node.value, ast.Constant):
            return True
        function = getattr(node.value, "func", None)
        name = getattr(function, "id", getattr(function, "attr", ""))
        return name.startswith("check") or name == "warn"
    return False

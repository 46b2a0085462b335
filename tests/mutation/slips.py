"""What a slip is: one thing written instead of another, at one node of the syntax tree.

The rules are in operators.py and operators_of_calls.py. A slip that says the same as the code is no fault;
mutants.py leaves those out.
"""

import ast
import copy
from collections.abc import Callable, Iterator

Rule = tuple[tuple[type, ...], Callable[..., Iterator]]  # the kinds of nodes, what each may become
RULES: list[Rule] = []


def rule(*kinds: type):
    """Register a function that yields what a node of these kinds may be replaced by."""

    def register(function):
        RULES.append((kinds, function))
        return function

    return register


def slips(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield (text "old → new", new node) for every slip at this node."""
    for kinds, function in RULES:
        if isinstance(node, kinds):
            for result in function(node):
                text, new = result if isinstance(result, tuple) else (None, result)
                if not hasattr(new, "lineno"):
                    ast.copy_location(new, node)
                yield text or f"{brief(node)} → {brief(new)}", new


def brief(node: ast.AST) -> str:
    """Return a piece of code in one line."""
    text = ast.unparse(node)
    return " ".join(text.split()) if len(text) <= 150 else " ".join(text[:150].split()) + " …"


def changed(node: ast.AST, **fields) -> ast.AST:
    """Return a copy of the node with some of its fields replaced."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def replaced(items: list, index: int, *new) -> list:
    """Return the items with one of them replaced by any number."""
    return [*items[:index], *new, *items[index + 1 :]]


def swapped(items: list, index: int) -> list:
    """Return the items with two neighbours exchanged."""
    return [*items[:index], items[index + 1], items[index], *items[index + 2 :]]


def plus(node: ast.expr, number: int) -> ast.expr:
    """Return ``node + number`` as code."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return ast.Constant(node.value + number)
    return ast.BinOp(node, ast.Add() if number > 0 else ast.Sub(), ast.Constant(abs(number)))

"""An operation in the user's code, as text: its line, its own expression in it, and what its inputs are called."""

import ast
import linecache
import re
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import NamedTuple

WIDEST = 90


class Quote(NamedTuple):
    """``own``: the operation's own expression in its line; ``operands``: the expressions of its inputs; ``nth``: which
    of equal expressions of the line it is.
    """

    line: str
    own: str
    operands: tuple[str, ...]
    nth: str = ""

    def where(self, n: int | None) -> str:
        """Return where the operation is, or its input n."""
        own = f"{self.nth}“{self.own}” in “{self.line}”"
        if not self.own or re.fullmatch(rf"(return |[^=(]*= )?{re.escape(self.own)}", self.line):
            own = f"“{self.line}”"
        elif self.own not in self.line or len(self.line) > WIDEST:
            own = f"{self.nth}“{self.own}”"
        named = n is not None and n < len(self.operands)
        return f"“{self.operands[n or 0]}” in {own}" if named else own


@lru_cache(maxsize=4_000)
def quote(code: CodeType, instruction: int, line_number: int, inputs: int) -> Quote:
    """Return the text of an instruction with so many inputs; without its source, an empty one."""
    line = " ".join(linecache.getline(code.co_filename, line_number).split())
    first, last, left, right = list(code.co_positions())[instruction // 2]
    if not line or None in (first, last, left, right):
        return Quote(line, "", ())
    lines = [linecache.getline(code.co_filename, n).encode() for n in range(first or 0, (last or 0) + 1)]
    whole = lines[0]
    lines[-1] = lines[-1][:right]
    lines[0] = lines[0][left:]
    own = " ".join(b"".join(lines).decode().split())
    before, nth = whole[:left].decode().count(own), ""
    if own and whole.decode().count(own) > 1:
        nth = f"the {'first' if not before else 'second' if before == 1 else f'{before + 1}th'} "
    try:
        tree: ast.AST = ast.parse(own).body[0]
        operands = tuple(
            map(ast.unparse, _operands(tree.value if isinstance(tree, ast.Expr) else tree, inputs))
        )
    except (SyntaxError, IndexError):
        operands = ()
    return Quote(line, own if len(own) <= WIDEST else f"{own[:WIDEST]} …", operands, nth)


def _operands(tree: ast.AST, inputs: int) -> Iterator[ast.AST]:
    match tree:
        case ast.BinOp(left=left, right=right) | ast.AugAssign(target=left, value=right):
            yield from (left, right)
        case ast.Call(func=function, args=args):
            flat = [each for arg in args for each in getattr(arg, "elts", [arg])]
            if isinstance(function, ast.Attribute) and len(flat) < inputs:
                flat = [function.value, *flat]  # a method
            yield from flat if inputs else []

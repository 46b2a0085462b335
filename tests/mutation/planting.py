"""Put a fault into the running program: change the code of a function in place.

A changed module that is imported again would be another module: what imported a function from the old one
would keep the old function. So the changed source is compiled, and each living function that came from the
same place gets the new ``__code__``: it stays the same object, and every caller sees the fault. This is done
in a forked child, so nothing has to be undone.
"""

import ast
import functools
import gc
import sys
import warnings
from collections.abc import Iterator
from types import CodeType, FunctionType

from tests.mutation.faults import Fault
from tests.mutation.functions import ROOT, Function, Package

Place = tuple[str, str, int]  # path, qualified name, first line


class ModuleBreaksError(Exception):
    """With this fault the module could not even be imported."""


class Living:
    """The functions of the package that exist in this process, by the place they came from."""

    def __init__(self, package: Package) -> None:
        self.functions: dict[Place, list[FunctionType]] = {}
        self._caches: list[functools._lru_cache_wrapper] = []
        self._paths = {str(ROOT / module.path): module.path for module in package.modules.values()}
        for candidate in gc.get_objects():
            if type(candidate) is FunctionType and candidate.__code__.co_filename in self._paths:
                self.functions.setdefault(self.place(candidate.__code__), []).append(candidate)
            elif type(candidate) is functools._lru_cache_wrapper:
                self._caches.append(candidate)

    def place(self, code: CodeType) -> Place:
        """Return where a code object comes from; the path is empty where that is not a room."""
        return self._paths.get(code.co_filename, ""), code.co_qualname, code.co_firstlineno

    def plant(self, fault: Fault) -> None:
        """Make the fault live.

        Raises:
            LookupError: there is no function that it would change.
        """
        for cache in self._caches:  # what they hold was computed without the fault
            if cache.__module__.startswith(("minicnn", "tests.mutation")):
                cache.cache_clear()
        names = {place: names for function in fault.functions for place, names in _names(function)}
        tree = fault.plant()
        _mention(tree, names)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", SyntaxWarning
            )  # such as 1[:, None], which the fault may make of x[:, None]
            changed = dict(self._codes(compile(tree, str(ROOT / fault.path), "exec")))
        for function in fault.functions:
            if function.is_constant:
                _rebind(function, tree)
            else:
                self._renew(function, changed)
                for constant in made_by(function):
                    _rebind(constant, tree)

    def _renew(self, function: Function, changed: dict[Place, CodeType]) -> None:
        places = [p for p in self.functions if p[0] == function.module.path and inside(p[1], function.name)]
        if not places:
            raise LookupError(f"{function}: no living function to change")
        for place in places:
            for living in self.functions[place]:
                living.__code__ = changed[place]

    def _codes(self, code: CodeType) -> Iterator[tuple[Place, CodeType]]:
        yield self.place(code), code
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from self._codes(constant)


def inside(qualname: str, name: str) -> bool:
    """Tell whether code of this qualified name belongs to the function ``name``."""
    return qualname == name or qualname.startswith(f"{name}.")


def _names(function: Function) -> Iterator[tuple[tuple[str, int], list[str]]]:
    """Yield what a function and those inside it read, by their name and line."""
    for node in ast.walk(function.node):
        if isinstance(node, ast.FunctionDef):
            loaded = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
            yield (node.name, node.lineno), sorted(loaded)


def _mention(tree: ast.Module, names: dict[tuple[str, int], list[str]]) -> None:
    """Add to each function a statement that names what it read and does nothing.

    Code can replace other code only if it closes over the same names; a fault may remove the last use of one.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (node.name, node.lineno) in names:
            reads = [ast.Expr(ast.Name(name, ast.Load())) for name in names[node.name, node.lineno]]
            never = ast.If(ast.Constant(False), reads or [ast.Pass()], [])
            node.body.append(ast.fix_missing_locations(ast.copy_location(never, node.body[-1])))


def made_by(function: Function) -> Iterator[Function]:
    """Yield the constants of a module that a function of it has made, when the module was imported."""
    maker = function.owner.name if function.owner and function.name.endswith(".__init__") else function.name
    for constant in function.module.functions.values():
        calls = [node.func for node in ast.walk(constant.node) if isinstance(node, ast.Call)]
        if constant.is_constant and any(isinstance(call, ast.Name) and call.id == maker for call in calls):
            yield constant


def _rebind(constant: Function, tree: ast.Module) -> None:
    """Give a module's constant its new value wherever it was imported by its name."""
    home = sys.modules[constant.module.name]
    (assignment,) = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == constant.name
    ]
    old = getattr(home, constant.name)
    try:
        new = eval(compile(ast.Expression(assignment.value), constant.module.path, "eval"), vars(home))
    except Exception as error:
        raise ModuleBreaksError from error
    for module in list(sys.modules.values()):
        if vars(module).get(constant.name) is old:
            setattr(module, constant.name, new)

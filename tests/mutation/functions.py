"""Which functions get faults: computed, not listed, so that no new backward pass is forgotten.

The roots are the functions whose name speaks of a gradient or a step:

    …backward…   …gradient…   …update…   …_dx          in every room below
    those of TRAINING                                  in the room of training; without what they call
    every function                                     in the room distributed; without what they call

and from them everything that they reach: what they call, in this package; constants at the top of a module
that they read; and the methods that set an attribute which a backward method of the same class reads (a
loss's ``forward`` keeps the weights by which its ``backward`` multiplies). A name is followed to what it is
imported from; ``ops.name`` leads to both implementations; a method of an unknown object, to every method of
that name in the modules at hand.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = {
    "reference": ["minicnn/ops/geometry.py", "minicnn/ops/reference/*.py"],
    "kernels": ["minicnn/ops/kernels/*.py"],
    "layers": ["minicnn/layers/*.py"],
    "losses": ["minicnn/losses/*.py", "minicnn/models/logits.py"],
    "regularizers": ["minicnn/regularizers.py"],
    "optimizers": ["minicnn/optimizers/*.py"],
    "training": ["minicnn/models/step.py", "minicnn/models/several_outputs.py"],
    "distributed": [
        f"minicnn/distributed/{name}.py" for name in ("batch_norm", "gradients", "shards", "tree")
    ],
}
TRAINING = (
    "train_step",
    "test_step",
    "forward_loss",
    "penalty",
)  # where a batch becomes an update
ROOTS = ("backward", "gradient", "update", "_dx")
IMPLEMENTATIONS = ("minicnn.ops.reference", "minicnn.ops.kernels")


@dataclass(eq=False)
class Function:
    """A function, a method, or a constant at the top of a module (``node`` is its assignment)."""

    module: "Module"
    name: str
    node: ast.FunctionDef | ast.Assign
    owner: ast.ClassDef | None = None

    @property
    def is_constant(self) -> bool:
        """Whether it is a constant."""
        return isinstance(self.node, ast.Assign)

    def __repr__(self) -> str:
        return f"{self.module.path}:{self.name}"


@dataclass(eq=False)
class Module:
    """A source file and what is defined in it."""

    path: str
    room: str
    source: str = field(repr=False)

    @cached_property
    def name(self) -> str:
        """The dotted name."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the source."""
        return self.source.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree, in which faults are planted."""
        return ast.parse(self.source)

    @cached_property
    def imports(self) -> dict[str, tuple[str, str | None]]:
        """Local name -> (module, name in it), of what is imported from this package."""
        found: dict[str, tuple[str, str | None]] = {}
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minicnn"):
                for alias in node.names:
                    found[alias.asname or alias.name] = node.module, alias.name
        return found

    @cached_property
    def functions(self) -> dict[str, Function]:
        """Functions "f" and methods "Class.f" by name, and constants."""
        found = {}
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef):
                found[node.name] = Function(self, node.name, node)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] = Function(self, node.targets[0].id, node)
            elif isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef) and not _is_setter(inner):
                        name = f"{node.name}.{inner.name}"
                        found[name] = Function(self, name, inner, node)
        return found

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """The classes by name."""
        return {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}


class Package:
    """All rooms together."""

    def __init__(self, root: Path = ROOT) -> None:
        self.modules: dict[str, Module] = {}
        for room, patterns in ROOMS.items():
            for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
                if path.name != "__init__.py":
                    module = Module(str(path.relative_to(root)), room, path.read_text())
                    self.modules[module.name] = module

    def reachable(self) -> list[Function]:
        """Return every function that gets faults, in the order of the files."""
        everything = [f for module in self.modules.values() for f in module.functions.values()]
        waiting = [f for f in everything if not f.is_constant and self._is_root(f)]
        reached = set(waiting)
        while waiting:
            new = {f for f in self._reached_from(waiting.pop()) if f not in reached}
            reached |= new
            waiting += new
        reached |= {f for root in everything if self._is_root(root) for f in self._setters(root)}
        reached |= {f for f in everything if f.module.room == "training" and f.name.endswith(TRAINING)}
        reached |= {f for f in everything if f.module.room == "distributed" and not f.is_constant}
        return [f for f in everything if f in reached]

    @staticmethod
    def _is_root(function: Function) -> bool:
        return any(word in function.name.rpartition(".")[2].lower() for word in ROOTS)

    def _reached_from(self, function: Function) -> Iterator[Function]:
        module = function.module
        value = function.node.value if isinstance(function.node, ast.Assign) else function.node
        for node in _without_annotations(value):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                yield from self._named(module, node.id)
            elif isinstance(node, ast.Attribute):
                yield from self._attribute(function, node)

    def _named(self, module: Module, name: str) -> Iterator[Function]:
        if name in module.functions:
            yield module.functions[name]
        if name in module.classes and f"{name}.__init__" in module.functions:
            yield module.functions[f"{name}.__init__"]
        if name in module.imports:
            source, original = module.imports[name]
            if source in self.modules and original:
                yield from self._named(self.modules[source], original)

    def _attribute(self, function: Function, node: ast.Attribute) -> Iterator[Function]:
        module, base = function.module, node.value
        if isinstance(base, ast.Name) and base.id == "self" and function.owner:
            yield from self._methods(node.attr, lambda cls: self._related(function.owner, cls))
        elif isinstance(base, ast.Name) and base.id in module.imports:
            source, name = module.imports[base.id]
            targets = IMPLEMENTATIONS if (source, name) == ("minicnn", "ops") else [f"{source}.{name}"]
            for target in self.modules.values():
                if any(target.name == t or target.name.startswith(t + ".") for t in targets):
                    yield from self._named(target, node.attr)
        else:
            near = {module.name} | {s for s, _ in module.imports.values()}
            near |= {f"{s}.{n}" for s, n in module.imports.values()}
            yield from self._methods(node.attr, lambda cls: True, near)

    def _methods(self, name, suits, near=None) -> Iterator[Function]:
        for module in self.modules.values():
            if near is None or module.name in near:
                for cls in module.classes.values():
                    method = module.functions.get(f"{cls.name}.{name}")
                    if method and suits(cls):
                        yield method

    def _related(self, one: ast.ClassDef, other: ast.ClassDef) -> bool:
        """Tell whether one class inherits from the other, or is it."""
        return one.name in self._ancestors(other) or other.name in self._ancestors(one)

    def _ancestors(self, cls: ast.ClassDef) -> set[str]:
        names = {cls.name}
        for base in cls.bases:
            if isinstance(base, ast.Name):
                names.add(base.id)
                for module in self.modules.values():
                    if base.id in module.classes and base.id != cls.name:
                        names |= self._ancestors(module.classes[base.id])
        return names

    def _setters(self, root: Function) -> Iterator[Function]:
        """Yield the methods of a class, but for its constructor, that set what its backward method reads."""
        if root.owner is None or root.is_constant:
            return
        read = {n.attr for n in ast.walk(root.node) if isinstance(n, ast.Attribute) and _is_self(n.value)}
        for name, function in root.module.functions.items():
            if function.owner is root.owner and not name.endswith(".__init__"):
                stored = {
                    n.attr
                    for n in ast.walk(function.node)
                    if isinstance(n, ast.Attribute) and _is_self(n.value) and isinstance(n.ctx, ast.Store)
                }
                if stored & read:
                    yield function


def _without_annotations(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it but for annotations, which call nothing."""
    yield node
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _without_annotations(child)


def _is_setter(function: ast.FunctionDef) -> bool:
    """Whether it sets a property: who reads the property does not call it."""
    return any(isinstance(each, ast.Attribute) and each.attr == "setter" for each in function.decorator_list)


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"

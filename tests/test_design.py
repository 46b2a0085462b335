"""docs/design.md is true: imports run downhill through its floors, without a circle; its tree names the
files.

Every ``import`` counts: at the top, inside functions, under TYPE_CHECKING, and those by a string (importlib).
Not counted: Python runs a package's ``__init__`` before each of its files.
"""

import ast
import re
from pathlib import Path

import pytest

import minicnn

ROOT = Path(minicnn.__file__).parent.parent
PAGE = ROOT / "docs" / "design.md"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("minicnn", "fer")
    for path in sorted((ROOT / package).rglob("*.py"))
}
LIBRARY = [name for name in MODULES if name.partition(".")[0] == "minicnn"]
APPLICATION = [name for name in MODULES if name.partition(".")[0] == "fer"]


def imports(source):
    """Yield the dotted names of the project's modules that a source imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: a relative import; write the whole name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and _imports_by_a_string(node.func):
            names = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
        else:
            continue
        for name in names:
            if str(name).split(".")[0] in ("minicnn", "fer"):
                yield _module_of(name)


def _imports_by_a_string(function):
    return getattr(function, "attr", getattr(function, "id", "")) in (
        "import_module",
        "__import__",
        "find_spec",
    )


def _module_of(name):
    """Return the module that a dotted name is, or is in."""
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


GRAPH = {name: set(imports(path.read_text(encoding="utf-8"))) - {name} for name, path in MODULES.items()}


def block(marker):
    """Return the lines of the fenced block that follows <!-- marker --> in docs/design.md."""
    found = re.search(rf"<!-- {marker} -->\s*```\w*\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"docs/design.md has no block marked <!-- {marker} -->"
    return found[1].splitlines()


def floors(package):
    """Return {room: floor}, the ground being floor 0."""
    rows = [line.replace(",", " ").split() for line in block(f"floors: {package}")]
    return {room: floor for floor, row in enumerate(reversed(rows)) for room in row}


def room_of(name, package):
    """Return the room of ``package`` that a module is in; another package is one room."""
    top, *rest = name.split(".")
    return (rest[0] if rest else "__init__") if top == package else top


def uphill(package):
    """Return the imports between rooms that do not go down, as sentences.

    The other package counts where the floors name it.
    """
    floor = floors(package)
    wrong = []
    for name in MODULES:
        for imported in sorted(GRAPH[name]):
            rooms = here, there = room_of(name, package), room_of(imported, package)
            if {"minicnn", "fer"} & set(rooms) - set(floor):
                continue
            assert set(rooms) <= set(floor), f"{rooms} of {name} and {imported}: not all stand on a floor"
            if here != there and floor[there] >= floor[here]:
                wrong.append(f"{name} imports {imported}")
    return wrong


def test_every_kind_of_import_is_read():
    source = """
import minicnn.ops, numpy
from minicnn.layers import base, Dense
def f():
    from minicnn import losses
    importlib.import_module("minicnn.saving.onnx")
if TYPE_CHECKING:
    import fer.train as train
"""
    expected = {
        "minicnn.ops",
        "minicnn.layers.base",
        "minicnn.layers",
        "minicnn.losses",
        "minicnn.saving.onnx",
    }
    assert set(imports(source)) == expected | {"fer.train"}
    with pytest.raises(AssertionError, match="line 1: a relative import"):
        list(imports("from .base import Layer"))


def test_other_packages_alone_are_imported_by_a_variable():
    found = [
        name
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _imports_by_a_string(node.func)
        if not all(isinstance(argument, ast.Constant) for argument in node.args)
    ]
    # h5py, onnx, …; and whether torch and keras are there
    assert found == ["minicnn.benchmark.__main__", "minicnn.saving.checks"]


@pytest.mark.parametrize("name", MODULES)
def test_no_circles(name):
    reached, new = set(), set(GRAPH[name])
    while new:
        reached |= new
        new = {further for module in new for further in GRAPH[module]} - reached
    assert name not in reached


@pytest.mark.parametrize("package", ["minicnn", "fer"])
def test_imports_run_downhill(package):
    assert uphill(package) == []


def named_in_the_tree():
    """Return the files and folders that the tree of docs/design.md names; a folder ends in a slash.

    A line begins with names; what they are follows after two spaces or more. A line that is indented by two
    spaces more names what is in the last folder of the line before.
    """
    found, parents = [], {0: ""}
    for line in block("tree"):
        depth = (len(line) - len(line.lstrip())) // 2
        names = re.split(r"\s{2,}", line.strip())[0].split()
        if depth in parents and names and all(re.search(r"/$|\.\w+$", name) for name in names):
            found += [parents[depth] + name for name in names]
            folders = [name for name in names if name.endswith("/")]
            parents[depth + 1] = parents[depth] + folders[-1] if folders else ""
    return found


def test_the_tree_is_that_of_the_files():
    named = named_in_the_tree()
    assert [name for name in named if not (ROOT / name).exists()] == []
    folders = {f"{path.parent.relative_to(ROOT).as_posix()}/" for path in MODULES.values()}
    assert sorted(folder for folder in folders if folder.count("/") <= 2 and folder not in named) == []


@pytest.mark.parametrize("name", LIBRARY)
def test_the_library_knows_nothing_of_faces(name):
    assert not [module for module in GRAPH[name] if module in APPLICATION]


@pytest.mark.parametrize("name", [name for name in LIBRARY if ".ops." in name])
def test_operations_know_no_layers(name):
    assert all(module.startswith("minicnn.ops") for module in GRAPH[name])


@pytest.mark.parametrize("name", [name for name in LIBRARY if ".ops.reference." in name])
def test_the_definition_needs_no_machine(name):
    assert not [module for module in GRAPH[name] if "kernels" in module]
    assert "numba" not in MODULES[name].read_text(encoding="utf-8")


@pytest.mark.parametrize("name", APPLICATION)
def test_the_application_knows_no_kernels(name):
    assert not [module for module in GRAPH[name] if module.startswith("minicnn.ops.kernels")]


def test_both_implementations_have_the_same_names():
    from minicnn.ops import kernels, reference

    def public(module):
        return {n for n in vars(module) if n.endswith(("_forward", "_backward", "_update", "_mask"))}

    assert public(kernels) == public(reference)
    assert len(public(kernels)) > 40

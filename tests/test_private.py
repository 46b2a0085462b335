"""Private attributes stay in their room: a file reaches ``_name`` only if a file
of the same folder defines it.

Names that no file of the project defines belong to other packages; OF_OTHERS lists
those that only look like ours.
"""

import ast
from functools import cache

import pytest

from tests.test_design import MODULES

FILES = sorted(MODULES.values())
PACKAGES = {name.rpartition(".")[0] for name in MODULES}
OF_OTHERS = {("machine_code.py", "_cache")}  # Numba's, of a compiled function
NAMEDTUPLE = {"_asdict", "_fields", "_make", "_replace"}  # public, whatever their names look like
ACCESSORS = {"getattr", "setattr", "hasattr", "delattr"}


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name not in NAMEDTUPLE


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def is_own(node):
    """Whether an expression is self, cls or super(): the object that the code belongs to."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def defined(node):
    """Yield the names that a piece of code defines: functions, classes, variables, attributes of self."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_own(node.value):
        yield node.attr
    elif isinstance(node, ast.alias):  # a submodule such as minicnn._base, a file's own import
        yield from (node.asname or node.name).split(".")


@cache
def names_of_room(folder):
    """Return the names that the files of a folder define; of the whole project for None."""
    files = [path for path in FILES if folder in (path.parent, None)]
    return {name for path in files for node in ast.walk(tree(path)) for name in defined(node)}


def reached(node):
    """Yield the private names that an expression reaches on an object."""
    if isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ACCESSORS:
        yield from (one.value for one in node.args[1:2] if isinstance(one, ast.Constant))


def reaches(path):
    """Return where a file reaches private names that only files of other folders define: (line, name)."""
    elsewhere = names_of_room(None) - names_of_room(path.parent)
    attributes = [
        (node.lineno, name)
        for node in ast.walk(tree(path))
        for name in reached(node)
        if is_private(str(name)) and name in elsewhere and (path.name, name) not in OF_OTHERS
    ]
    imported = [
        (node.lineno, alias.name)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module in MODULES
        for alias in node.names
        if is_private(alias.name) and f"{node.module}.{alias.name}" not in PACKAGES
        if MODULES[node.module].parent != path.parent
    ]
    return attributes + imported


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_no_private_attribute_is_reached_across_rooms(path):
    assert reaches(path) == []


def test_an_imported_private_name_is_found(tmp_path):
    source = tmp_path / "code.py"
    source.write_text(
        "from minicnn.ops.kernels.activations import _GELU, relu_forward\nfrom minicnn import _base\n"
    )
    assert reaches(source) == [(1, "_GELU")]


def test_a_reach_is_found(tmp_path, monkeypatch):
    for folder, text in (
        (
            "one",
            "class A:\n    def __init__(self):\n        self._x = self._y = 1\n\ndef f(a):\n   "
            " return a._x\n",
        ),
        ("two", "def g(a):\n    return a._x + getattr(a, '_y') + a.pair._replace(b=1) + a._numba\n"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "code.py").write_text(text)
    files = sorted(tmp_path.rglob("*.py"))
    monkeypatch.setattr("tests.test_private.FILES", files)
    names_of_room.cache_clear()
    found = [reaches(path) for path in files]
    names_of_room.cache_clear()
    assert found == [[], [(2, "_x"), (2, "_y")]]

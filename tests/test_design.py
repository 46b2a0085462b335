"""Imports run downhill: what docs/design.md says of the rooms, held by reading every import."""

import ast
from pathlib import Path

import pytest

import fer
import minicnn

ROOT = Path(minicnn.__file__).parent.parent
FILES = sorted(Path(package.__file__).parent for package in (minicnn, fer))
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in FILES
    for path in folder.rglob("*.py")
}


def imports(path):
    """Yield the dotted names of the project's modules that a file imports at its top level."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in names]
        else:
            continue
        yield from (name for name in names if name in MODULES)


GRAPH = {name: set(imports(path)) - {name} for name, path in MODULES.items()}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_circles(name):
    reached, new = set(), set(GRAPH[name])
    while new:
        reached |= new
        new = {further for module in new for further in GRAPH[module]} - reached
        # the package's face imports everything; importing *from* it would close a circle
    assert name not in reached


@pytest.mark.parametrize("name", [name for name in sorted(MODULES) if name.startswith("minicnn")])
def test_the_library_knows_nothing_of_faces(name):
    assert not [module for module in GRAPH[name] if module.startswith("fer")]


@pytest.mark.parametrize("name", [name for name in sorted(MODULES) if ".ops." in name])
def test_operations_know_no_layers(name):
    assert all(module.startswith("minicnn.ops") for module in GRAPH[name])


@pytest.mark.parametrize("name", [name for name in sorted(MODULES) if ".ops.reference." in name])
def test_the_definition_needs_no_machine(name):
    assert not [module for module in GRAPH[name] if "kernels" in module]
    assert "numba" not in MODULES[name].read_text()


@pytest.mark.parametrize("name", [name for name in sorted(MODULES) if name.startswith("fer")])
def test_the_application_knows_no_kernels(name):
    assert not [module for module in GRAPH[name] if module.startswith("minicnn.ops.kernels")]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_files_can_be_read_in_one_sitting(name):
    assert len(MODULES[name].read_text().splitlines()) <= 330


def test_both_implementations_have_the_same_names():
    from minicnn.ops import kernels, reference

    def public(module):
        return {n for n in vars(module) if n.endswith(("_forward", "_backward", "_update", "_mask"))}

    assert public(kernels) == public(reference)
    assert len(public(kernels)) > 40

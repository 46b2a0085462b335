"""What pyproject.toml says: the extras that messages and pages name, the version, and the lowest versions."""

import re
import tomllib
from pathlib import Path

import pytest

import minicnn

ROOT = Path(__file__).parents[3]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
SOURCES = [path for folder in ("minicnn", "fer") for path in (ROOT / folder).rglob("*.py")]
PAGES = [ROOT / "README.md", ROOT / ".ci" / "run", *(ROOT / "docs").rglob("*.md")]


def extras_named(path):
    """Yield the extras that a file names in an installation command or passes to a function that does."""
    text = path.read_text(encoding="utf-8")
    for names in re.findall(r"(?:minicnn-fer|[\"' ]\.)\[([\w, ]+)\]", text):
        yield from re.split(r"[, ]+", names)
    yield from re.findall(r"needed\(\"\w+\", \"(\w+)\"\)", text)
    yield from re.findall(r"install_command\([\"'](\w+)[\"']\)", text)


def test_every_extra_that_a_message_or_page_names_exists():
    named = {extra: path for path in (*SOURCES, *PAGES) for extra in extras_named(path)}
    assert {"keras", "onnx", "oracles", "test", "detect"} <= set(
        named
    )  # so that the patterns find what is there
    assert {extra: path for extra, path in named.items() if extra not in EXTRAS} == {}


def test_the_extra_of_a_module_installs_it():
    calls = [
        call
        for path in SOURCES
        for call in re.findall(r"needed\(\"(\w+)\", \"(\w+)\"\)", path.read_text(encoding="utf-8"))
    ]
    assert ("h5py", "keras") in calls
    for module, extra in calls:
        assert any(re.match(rf"{module}\b", requirement) for requirement in EXTRAS[extra]), (module, extra)


def test_the_version_has_one_source():
    assert "version" in PYPROJECT["project"]["dynamic"]
    source = (ROOT / PYPROJECT["tool"]["hatch"]["version"]["path"]).read_text(encoding="utf-8")
    assert f'__version__ = "{minicnn.__version__}"' in source


def lowest():
    """Return the pinned versions of .ci/lowest.txt by name."""
    text = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w-]+)==([\d.]+)", text, re.MULTILINE))


@pytest.mark.parametrize("requirement", [*PYPROJECT["project"]["dependencies"], *EXTRAS["test"]])
def test_the_lowest_versions_are_those_that_are_tested(requirement):
    name, bound = re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement).groups()
    assert lowest()[name] in (bound, f"{bound}.0")

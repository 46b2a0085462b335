"""The documentation's examples run, its links lead somewhere, and its commands are those that are tested."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples(page):
    failed, _ = doctest.testfile(str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if (
            not target.startswith(("http://", "https://")) and target != "explain.html"
        ):  # the site's build makes it
            assert (page.parent / target).exists(), target


def test_the_readme_has_its_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("train", "test"):
        assert re.search(rf"<!-- ci: {name} -->\n```bash\n[^\n]+\n```", text)


def test_the_tests_that_hold_a_promise_exist():
    named = re.findall(
        r"`(tests/[^` ]+\.py)`", (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    )
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).is_file()] == []

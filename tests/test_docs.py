"""The documentation's examples run, its links lead somewhere, and its commands are those that are tested."""

import doctest
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
DERIVATIONS = sorted((ROOT / "docs" / "backprop").glob("*.md"))
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


@pytest.fixture
def figures(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    return importlib.import_module("backprop_figures")


@pytest.mark.parametrize("page", DERIVATIONS, ids=lambda page: page.stem)
def test_each_derivation_has_its_figures(page, figures):
    shown = re.findall(r"!\[[^\]]+\]\(\.\./images/backprop_(\w+)\.png\)", page.read_text(encoding="utf-8"))
    drawn = figures.FIGURES[page.stem]
    assert sorted(shown) == sorted(draw.__name__ for draw in drawn)
    for draw in drawn:
        assert draw().get_axes()


def test_figures_have_the_colours_of_the_explain_page(figures):
    colours = importlib.import_module("drawing").colours
    numbers = [-2.0, -1.0, 0.0, 2.0, np.nan]
    share = (
        3 * 0.5**0.7 - 1
    )  # half of the largest number: |v/max| to the power of 0.7, between the stops 1/3 and 2/3
    blue = (1 - share) * np.array([150, 190, 226]) + share * np.array([53, 121, 189])
    right = np.array([[10, 55, 110], blue, [244, 242, 237], [126, 52, 0], [255, 255, 255]])
    np.testing.assert_allclose(255 * colours(numbers, "gradient"), right, atol=1e-9)
    right = [[219, 208, 240], [17, 18, 22], [252, 251, 247]]
    np.testing.assert_allclose(255 * colours([-1.0, 0.0, 1.0], "value"), right, atol=1e-9)


@pytest.mark.parametrize("page", DERIVATIONS, ids=lambda page: page.stem)
def test_each_derivation_has_questions_answered_with_numbers_that_are_checked(page):
    section = page.read_text(encoding="utf-8").partition("\n## Questions\n")[2].partition("\n## ")[0]
    answers = re.findall(
        r"<details><summary>[^\n]+\?[^\n]*</summary>\n\n(.+?)\n\n</details>", section, re.DOTALL
    )
    assert 3 <= len(answers) <= 4
    assert section.count("<details>") == len(answers)
    for answer in answers:
        assert re.search(r"```python\n(?:(?:>>>|\.\.\.) [^\n]*\n)+(?!>>>)[^\n]+\n", answer), answer

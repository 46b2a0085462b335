"""The check of the built site, tests/site.py, finds what is lost."""

import json

import pytest

from tests import site

SOURCE = "# A notebook\n\n```{code-cell} python\n1 + 1\n```\n\nSee [the other](other.md).\n"
PAGE = (
    '<a href="one.ipynb">Download</a> <div class="cell_output">2</div> <a href="https://x.org/lost">web</a>'
)


def notebook(source="1 + 1", link="one.ipynb", **cell):
    code = {"cell_type": "code", "source": [source], "outputs": [], "execution_count": None, **cell}
    return json.dumps({"cells": [code, {"cell_type": "markdown", "source": [f"See [the other]({link})."]}]})


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Return a site of one notebook, and its docs."""
    for folder in ("docs", "site"):
        (tmp_path / folder / "notebooks").mkdir(parents=True)
    for name in ("one", "two", "three", "four"):
        (tmp_path / "docs" / "notebooks" / f"{name}.md").write_text(SOURCE)
        (tmp_path / "site" / "notebooks" / f"{name}.html").write_text(PAGE.replace("one", name))
        (tmp_path / "site" / "notebooks" / f"{name}.ipynb").write_text(notebook())
    monkeypatch.setattr(site, "DOCS", tmp_path / "docs")
    return tmp_path / "site"


def test_a_right_site(built, capsys):
    assert site.main(built) == 0
    assert "all links lead to files" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("one.html", PAGE + '<img src="lost.png">', "lost.png is no file"),
        ("one.html", PAGE + '<a class="x" href="../lost.html#there">', "../lost.html is no file"),
        ("one.html", PAGE.replace("cell_output", "cell"), "it was not run"),
        ("one.html", PAGE.replace("one.ipynb", "two.ipynb"), "has no link to its notebook"),
        ("one.html", PAGE + "<pre>Traceback (most recent call last)</pre>", "'Traceback' in an output"),
        ("one.ipynb", notebook("1 + 2"), "has other cells"),
        ("one.ipynb", notebook(outputs=[{}]), "has outputs"),
        ("one.ipynb", notebook(link="other.md"), "its link to other.md leads nowhere"),
    ],
)
def test_what_is_wrong_is_told(built, capsys, name, text, fault):
    (built / "notebooks" / name).write_text(text)
    if fault == "it was not run":
        (built.parent / "docs" / "notebooks" / "one.md").write_text(SOURCE + SOURCE)
        (built / "notebooks" / "one.ipynb").write_text(notebook())
    assert site.main(built) == 1
    assert fault in capsys.readouterr().out


def test_an_empty_site_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "DOCS", tmp_path)
    assert site.main(tmp_path) == 1

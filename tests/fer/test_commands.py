"""``fer VERB``, ``python -m fer VERB`` and ``python -m fer.VERB`` are one command."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fer
from fer import __main__, command_line, predict

ROOT = Path(fer.__file__).parent.parent


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_help_lists_every_verb_in_a_line(arguments, capsys):
    __main__.main(arguments)
    lines = capsys.readouterr().out.splitlines()
    for verb, text in __main__.VERBS.items():
        assert f"  fer {verb:<10}{text}" in lines
    assert lines[-1] == "fer VERB --help: its options and examples"


@pytest.mark.parametrize("verb", __main__.VERBS)
def test_every_verb_has_its_help(verb, capsys):
    with pytest.raises(SystemExit) as stopped:
        __main__.main([verb, "--help"])
    assert stopped.value.code == 0
    assert verb in capsys.readouterr().out


@pytest.mark.parametrize(
    ("verb", "hint"),
    [
        ("trian", "did you mean train?"),
        ("predcit", "did you mean predict?"),
        ("fly", "expected one of explore, "),
    ],
)
def test_an_unknown_verb_is_one_line_and_status_2(verb, hint, capsys):
    with pytest.raises(SystemExit) as stopped:
        __main__.main([verb])
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"fer: there is no verb '{verb}'; {hint}")
    assert printed.err.count("\n") == 1


def test_the_verb_s_own_errors_and_status_reach_the_user(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        __main__.main(["predict", "nowhere.jpg"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("fer.predict: nowhere.jpg does not exist")


def test_the_list_of_verbs_needs_none_of_them():
    code = (
        "import sys; from fer.__main__ import main; main(['--help'])\n"
        "print([name for name in ('numpy', 'numba', 'matplotlib', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n")


def test_it_is_a_console_script():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"fer": "fer.__main__:main"}


@pytest.mark.parametrize(
    ("program", "form"),
    [
        ("/home/me/.venv/bin/fer", "fer predict"),
        ("fer.exe", "fer predict"),
        ("/lib/fer/__main__.py", "python -m fer predict"),
        ("/lib/fer/predict.py", "python -m fer.predict"),
        ("/lib/pytest/__main__.py", "python -m fer.predict"),
        ("", "python -m fer.predict"),
    ],
)
def test_help_and_messages_name_the_command_as_it_was_started(program, form, monkeypatch):
    monkeypatch.setattr(sys, "argv", [program])
    assert command_line.as_started("To see it: python -m fer.predict a.jpg") == f"To see it: {form} a.jpg"
    text = predict.parser().format_help()
    assert text.startswith(f"usage: {form} [RUN] IMAGE|VIDEO|FOLDER|CSV ...")
    assert f"  {form} photo.jpg  " in text

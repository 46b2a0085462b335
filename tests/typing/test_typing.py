"""What a user's type checker says: nothing about a right script, and something about
each mistake in a wrong one.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Return a function: a script -> {line: what mypy --strict reports there}. It
    uses no configuration file.
    """
    cache = tmp_path_factory.mktemp("mypy_cache")

    def of(script):
        # silent: only the script's own errors are reported, as for an installed package
        options = ["--strict", "--follow-imports=silent", "--config-file=", "--cache-dir", str(cache)]
        run = subprocess.run(
            [sys.executable, "-m", "mypy", *options, "--no-error-summary", "--python-version=3.11", script],
            cwd=FOLDER,
            env=os.environ | {"MYPYPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert run.returncode in (0, 1), run.stdout + run.stderr
        found = re.findall(rf"^{script}:(\d+): error: (.*)$", run.stdout, re.MULTILINE)
        assert len(found) == run.stdout.count("error:"), run.stdout
        return {int(line): message for line, message in found}

    return of


def test_a_right_script_is_typed_throughout(reports):
    assert reports("user_script.py") == {}


def test_each_mistake_is_reported(reports):
    lines = (FOLDER / "wrong_script.py").read_text(encoding="utf-8").splitlines()
    mistakes = {number for number, line in enumerate(lines, 1) if line.endswith("# error")}
    assert len(mistakes) > 40
    assert set(reports("wrong_script.py")) == mistakes


def test_both_packages_say_that_they_are_typed():
    assert (ROOT / "minicnn" / "py.typed").is_file()
    assert (ROOT / "fer" / "py.typed").is_file()

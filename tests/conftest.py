"""Hypothesis profiles, chosen with HYPOTHESIS_PROFILE:

dev      quick, the default
ci       thorough, and the same cases each time
random   thorough, and other cases each time; the end of the run says how to have them again
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import minicnn

ROOT = Path(__file__).parents[1]
LINES = 300  # a file of more is hard to read in one sitting
WHOLE_SUITE = 2000  # tests; a run of so many needs nearly all kernels
COMPILER = pytest.StashKey[subprocess.Popen]()
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "dev")

common = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("dev", max_examples=25, **common)
settings.register_profile("ci", max_examples=200, derandomize=True, print_blob=True, **common)
# Where the variable CI is set, Hypothesis itself would draw the same cases each time.
settings.register_profile(
    "random", max_examples=100, derandomize=False, database=None, print_blob=True, **common
)
settings.load_profile(PROFILE)


@pytest.hookimpl(tryfirst=True)  # before Hypothesis reads its option
def pytest_configure(config):
    """Choose the seed of the random profile here, so that it can be told."""
    if PROFILE == "random" and config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(random.randrange(2**32))


@pytest.hookimpl(trylast=True)  # after `-m` and `-k` have chosen
def pytest_collection_modifyitems(config, items):
    """Leave the slow tests out of a run of the whole suite."""
    if len(items) > WHOLE_SUITE and not config.option.markexpr:
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


def pytest_collection_finish(session):
    """Before a run of the whole suite, start a second process that compiles kernels on another core.

    It stores the machine code on disk, where the tests find it. Without it, the first run in a new clone
    spends much of its time compiling, on one core.
    """
    if len(session.items) > WHOLE_SUITE and not session.config.option.collectonly:
        command = [sys.executable, "-m", "minicnn.gradient_check", "--cases", "3"]
        nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        session.config.stash[COMPILER] = subprocess.Popen(command, cwd=ROOT, **nowhere)


def pytest_unconfigure(config):
    """End the second process, if it still runs."""
    if compiler := config.stash.get(COMPILER, None):
        compiler.kill()
        compiler.wait()


def pytest_terminal_summary(terminalreporter, config):
    """Say how to repeat the run; after test_design.py, also which files are long (which is no failure)."""
    if any("test_design.py" in report.nodeid for report in terminalreporter.stats.get("passed", [])):
        for path in sorted(
            path for folder in ("minicnn", "fer", "tests") for path in (ROOT / folder).rglob("*.py")
        ):
            if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LINES:
                terminalreporter.write_line(f"long: {path.relative_to(ROOT).as_posix()} has {lines} lines")
    if PROFILE == "random":
        arguments = " ".join(config.invocation_params.args)
        seed = f"--hypothesis-seed={config.option.hypothesis_seed}"
        terminalreporter.write_line(
            f"to repeat: HYPOTHESIS_PROFILE=random python -m pytest {arguments} {seed}"
        )


@pytest.fixture(autouse=True)
def seeded():
    """Every test starts from the same seed, whatever ran before it."""
    minicnn.utils.set_random_seed(1)


@pytest.fixture
def rng():
    import numpy as np

    return np.random.default_rng(7)

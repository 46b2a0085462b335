"""The judges: the project's own tests, each a function that passes or does not, and which functions each one
calls.

pytest collects the tests once; each forked child has a fault and runs single tests. Hypothesis draws the same
examples each time and does not shrink: the simplest example is not needed.
"""

import resource
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import numba
import pytest
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.mutation.functions import ROOT
from tests.mutation.interpreted import WARNINGS

TESTS = [
    "tests/minicnn/ops",
    "tests/minicnn/layers",
    "tests/minicnn/test_losses.py",
    "tests/minicnn/test_losses_at_edges.py",
    "tests/minicnn/test_regularizers.py",
    "tests/minicnn/optimizers/test_optimizers.py",
    "tests/minicnn/optimizers/test_optimizers_in_detail.py",
    "tests/minicnn/distributed/test_shards.py",
    "tests/minicnn/distributed/test_sums.py",
    "tests/minicnn/models/test_logits.py",
    "tests/minicnn/models/test_models.py",
    "tests/minicnn/models/test_several_outputs.py",
    "tests/minicnn/models/test_step.py",
    "tests/minicnn/models/test_whole_steps.py",
    "tests/properties",
]
# tests that need machine code or several threads, and slow ones that find nothing that others miss
LEFT_OUT = (
    "test_avx2", "test_fork", "test_machine_code", "test_parallel", "test_register_tile", "test_threads",
    "same_bits_for_any_number_of_threads",
    "test_float32_error_at_the_depth", "test_the_mean_stays[kernels",
    "test_kernels_and_reference_train_alike", "test_training_learns",
    "test_the_same_seed_gives_the_same_bits", "test_verbose_prints",
)  # fmt: skip
FEW_EXAMPLES = 5  # to see what a property test runs


@dataclass(frozen=True)
class Judge:
    """One test: ``test`` returns whether all is right, or raises."""

    name: str
    test: Callable[[], bool]

    def passes(self) -> bool:
        """Run it."""
        try:
            return self.test()
        except Exception:
            return False


class _Session:
    """A pytest plugin that, in the place of running the tests, calls ``body`` with them as judges."""

    def __init__(self, body: Callable[[list[Judge]], None]) -> None:
        self.body = body

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        draw_examples(FEW_EXAMPLES)
        given(st.integers())(lambda _: None)()  # what Hypothesis does at its first example, it does here

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Failed(f"{session.testsfailed} files of tests cannot be collected")
        wanted = [item for item in session.items if not any(part in item.nodeid for part in LEFT_OUT)]
        self.body([Judge(item.nodeid, _runner(item)) for item in wanted])
        return True


def _runner(item: pytest.Item) -> Callable[[], bool]:
    def test() -> bool:
        function = getattr(item, "function", None)
        if getattr(function, "is_hypothesis_test", False):
            # else it keeps the profile of when it was collected
            function._hypothesis_internal_use_settings = settings.get_profile("mutation")
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)  # the judge before may have changed it
        return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))

    return test


def draw_examples(number: int) -> None:
    """Let each property test draw so many examples from now on."""
    settings.register_profile(
        "mutation", max_examples=number, database=None, derandomize=True, deadline=None, report_multiple_bugs=False,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    settings.load_profile("mutation")


def with_tests(body: Callable[[list[Judge]], None], tests: list[str]) -> None:
    """Collect the tests and call ``body`` with them."""
    paths = [path for path in tests if (ROOT / path.partition("::")[0]).exists()]
    options = [
        "-q",
        "--no-header",
        "--no-summary",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:faulthandler",
        "--rootdir",
        str(ROOT),
    ]
    code = pytest.main([*options, "-o", f"filterwarnings={WARNINGS}", *paths], plugins=[_Session(body)])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise RuntimeError(f"pytest could not collect the judges: {code!r}")


def observe(judge: Judge, place: Callable[[CodeType], Any]) -> tuple[bool, float, set[Any]]:
    """Return whether a judge passes, its processor time, and the places of all code that it runs."""
    codes = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            codes.add(frame.f_code)

    before = cpu_seconds()
    threading.setprofile(note)  # of threads that the test starts
    sys.setprofile(note)
    try:
        passed = judge.passes()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return passed, cpu_seconds() - before, {place(code) for code in codes}


def cpu_seconds() -> float:
    """Return the processor time that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

"""The gradient checker's verdicts and causes on code that it has never seen."""

import pytest

from minicnn.gradient_check import check_op
from tests.minicnn.gradient_check.students import load
from tests.minicnn.gradient_check.students.corpus import CASES

load()
RIGHT = [case for case in CASES.values() if case.is_right]
FAULTY = [case for case in CASES.values() if not case.is_right]
WITH_CAUSE = [case for case in FAULTY if case.says]
NAMED = 0.9  # of the faulty cases whose cause can be told from the numbers


class Outcome:
    """What the checker said about a case: a report, or the ValueError that refuses a wrong answer."""

    def __init__(self, case):
        self.case = case
        try:
            report = check_op((case.forward, case.backward), case.arrays(), **case.given.options)
        except ValueError as error:
            self.passed, self.text, self.cause = False, str(error), str(error)
        else:
            text = str(report).replace(case.backward.__name__, "")
            self.passed, self.text = report.passed, text
            self.cause = "; ".join(gradient.cause for gradient in report.values() if gradient.cause)

    @property
    def partly(self):
        """Whether the report says that it did not judge every entry."""
        return "not judged" in self.text

    @property
    def says(self):
        """Whether the report has one of the words that it must have."""
        return any(word.lower() in self.text.lower() for word in self.case.says or ())

    def __str__(self):
        return f"{self.case.name!r}: expected {self.case.says}, said {self.cause or self.text}"


@pytest.fixture(scope="module")
def outcomes():
    return {case.name: Outcome(case) for case in CASES.values()}


def listed(title, lines):
    """Print the cases behind a count; pytest shows them if a test fails, and with -s."""
    print(f"\n{title}: {len(lines)}", *map(str, lines), sep="\n  ")
    return lines


def test_the_corpus_is_large():
    assert len(RIGHT) >= 210
    assert len(FAULTY) >= 130


def test_every_right_function_passes(outcomes):
    listed("right, judged in part", [case.name for case in RIGHT if outcomes[case.name].partly])
    assert not listed(
        "right, said to be wrong", [outcomes[c.name] for c in RIGHT if not outcomes[c.name].passed]
    )


def test_no_cause_is_named_for_a_right_function(outcomes):
    assert not listed("right, with a cause", [outcomes[c.name] for c in RIGHT if outcomes[c.name].cause])


def test_no_faulty_function_passes(outcomes):
    assert not listed(
        "faulty, said to be right", [outcomes[c.name] for c in FAULTY if outcomes[c.name].passed]
    )


def test_causes_are_named(outcomes):
    missed = [outcomes[case.name] for case in WITH_CAUSE if not outcomes[case.name].says]
    listed("cause not named", missed)
    assert len(missed) <= (1 - NAMED) * len(WITH_CAUSE)


def test_no_other_cause_is_named(outcomes):
    told = [outcomes[case.name] for case in WITH_CAUSE]
    assert not listed("another cause", [each for each in told if each.cause and not each.says])

"""The gradient checker's verdicts and causes on code that it has never seen."""

import pytest

from tests.minicnn.gradient_check.students import load
from tests.minicnn.gradient_check.students.corpus import CASES
from tests.minicnn.gradient_check.students.judge import judge, lists

NAMED = 0.98  # of the faulty cases whose cause can be told from the numbers


@pytest.fixture(scope="module", params=[4, pytest.param(1, marks=pytest.mark.slow)])
def every(request):
    """A quarter of the cases, of all kinds, since files go on from one to the next; and all of them."""
    return request.param


@pytest.fixture(scope="module")
def outcomes(every):
    return judge(every=every)


@pytest.fixture(scope="module")
def found(outcomes):
    return lists(outcomes)


def shown(title, found):
    """Print a list; pytest shows it if the test fails."""
    print(f"{title}: {len(found[title])}", *found[title], sep="\n  ")
    return found[title]


def test_the_corpus_is_large():
    load()
    assert sum(each.is_right for each in CASES.values()) >= 300
    assert sum(not each.is_right for each in CASES.values()) >= 400


def test_every_right_function_passes(found, every):
    shown("right, judged in part", found)
    assert not shown("right, not passed", found)
    dead = {"relu, dead: the gradient is zero", "triplet loss"}  # with these numbers all slopes are 0
    untested = {each.case.name for each in shown("right, not tested", found)}
    assert untested == dead if every == 1 else untested <= dead


def test_no_cause_is_named_for_a_right_function(found):
    assert not shown("right, with a cause", found)


def test_no_faulty_function_passes(found):
    assert not shown("faulty, not found", found)


def test_causes_are_named(outcomes, found):
    all_with_cause = sum(bool(each.case.says) for each in outcomes)
    assert len(shown("cause not named", found)) <= (1 - NAMED) * all_with_cause


def test_no_other_cause_is_named(found):
    assert not shown("another cause", found)

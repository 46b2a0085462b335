"""check_optimizer on update rules as people write them."""

import pytest

from minicnn.gradient_check import check_optimizer
from tests.minicnn.gradient_check.students.optimizers import REFERENCES, STEPS

RIGHT = [name for name in STEPS if STEPS[name].is_right]
FAULTY = [name for name in STEPS if not STEPS[name].is_right]


def report(name):
    """Check a rule against its equation; a rule keeps its state in its own variables."""
    make, rule, *_ = STEPS[name]
    equation, settings = REFERENCES[rule]

    def kept(make):
        return lambda w, g, state: state.setdefault("rule", make())(w, g)

    if not isinstance(equation, str):
        equation = kept(equation)
    return check_optimizer(kept(make), equation, **settings)


@pytest.mark.parametrize("name", RIGHT)
def test_right_rules_pass(name):
    found = report(name)
    assert found.passed, str(found)
    assert not found.cause


@pytest.mark.parametrize("name", FAULTY)
def test_slips_are_found(name):
    assert not report(name).passed


def test_slips_are_named():
    said = {name: str(report(name)) for name in FAULTY}
    missed = {
        name: text
        for name, text in said.items()
        if STEPS[name].says and not any(word.lower() in text.lower() for word in STEPS[name].says)
    }
    print(len(missed), "of", len(said), "not named", missed)
    assert len(missed) <= 0.1 * sum(bool(STEPS[name].says) for name in FAULTY)

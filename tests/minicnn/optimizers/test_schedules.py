"""Learning rate schedules: their ends and corners exactly, their shape by properties, their form in JSON."""

import json
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn.optimizers import schedules
from minicnn.optimizers.schedules import (
    Constant,
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    OneCycle,
    PiecewiseConstantDecay,
    PolynomialDecay,
    StepDecay,
)

EVERY = [
    Constant(0.5),
    ExponentialDecay(0.5, 10, 0.25),
    ExponentialDecay(0.5, 10, 0.25, staircase=True),
    StepDecay(0.5, 10),
    InverseTimeDecay(0.5, 10, 3.0),
    PolynomialDecay(0.5, 10, 0.125, power=2.0),
    PiecewiseConstantDecay([3, 8], [0.5, 0.25, 0.125]),
    CosineDecay(0.5, 10, alpha=0.25),
    CosineDecay(0.125, 10, alpha=0.25, warmup_target=0.5, warmup_steps=4),
    CosineDecayRestarts(0.5, 10, t_mul=2.0, m_mul=0.5, alpha=0.25),
    OneCycle(0.5, 20),
]


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (Constant(0.5), {0: 0.5, 999: 0.5}),
        (ExponentialDecay(0.5, 10, 0.25), {0: 0.5, 5: 0.25, 10: 0.125, 20: 0.03125}),
        (ExponentialDecay(0.5, 10, 0.25, staircase=True), {0: 0.5, 9: 0.5, 10: 0.125, 19: 0.125}),
        (StepDecay(0.5, 10, 0.5), {0: 0.5, 9: 0.5, 10: 0.25, 20: 0.125}),
        (InverseTimeDecay(0.5, 10, 3.0), {0: 0.5, 10: 0.125, 20: 0.5 / 7}),
        (InverseTimeDecay(0.5, 10, 3.0, staircase=True), {9: 0.5, 10: 0.125}),
        (PolynomialDecay(0.5, 10, 0.25, power=2.0), {0: 0.5, 5: 0.3125, 10: 0.25, 99: 0.25}),
        (PolynomialDecay(0.5, 10, 0.25, cycle=True), {0: 0.5, 10: 0.25, 15: 0.3125, 20: 0.25}),
        (
            PiecewiseConstantDecay([3, 8], [0.5, 0.25, 0.125]),
            {0: 0.5, 3: 0.5, 4: 0.25, 8: 0.25, 9: 0.125, 99: 0.125},
        ),
        (CosineDecay(0.5, 10), {0: 0.5, 10: 0.0, 99: 0.0}),
        (CosineDecay(0.5, 10, alpha=0.25), {0: 0.5, 10: 0.125, 11: 0.125}),
        # the warm-up comes before the decay steps
        (
            CosineDecay(0.0, 10, 0.0, warmup_target=1.0, warmup_steps=4),
            {0: 0.0, 1: 0.25, 4: 1.0, 14: 0.0, 99: 0.0},
        ),
        (CosineDecay(0.0, 10, 0.5, warmup_target=1.0), {0: 1.0, 10: 0.5}),
        (CosineDecayRestarts(0.5, 10, m_mul=0.5), {0: 0.5, 10: 0.25, 30: 0.125, 70: 0.0625}),
        (CosineDecayRestarts(0.5, 10, t_mul=1.0), {0: 0.5, 10: 0.5, 15: 0.25, 1000: 0.5}),
        (OneCycle(1.0, 20), {0: 0.04, 5: 1.0, 19: 4e-6, 20: 4e-6, 999: 4e-6}),
        (
            OneCycle(1.0, 20, anneal_strategy="linear", div_factor=2.0, final_div_factor=2.0),
            {0: 0.5, 5: 1.0, 12: 0.625},
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, dict) else "",
)
def test_values_at_the_corners(schedule, values):
    for step, value in values.items():
        assert schedule(step) == pytest.approx(value, rel=1e-14, abs=1e-16), step


@pytest.mark.parametrize("t_mul", [1.0, 1.5, 2.0, 3.0, 10.0])
def test_every_restart_is_at_the_top(t_mul):
    """Where a logarithm gives the period's number, rounding misses some: log(243)/log(3) = 4.99…"""
    schedule, start, length = CosineDecayRestarts(0.5, 8, t_mul=t_mul, alpha=0.25), 0.0, 8.0
    for _ in range(8):
        assert schedule(start) == 0.5
        assert schedule(start + length * (1 - 1e-9)) == pytest.approx(0.125)
        start, length = start + length, length * t_mul


@given(st.integers(2, 500), st.floats(0.05, 0.95))
def test_one_cycle_rises_to_the_maximum_and_falls(total, pct_start):
    schedule = OneCycle(0.3, total, pct_start)
    rates = [schedule(step) for step in range(total)]
    top = max(pct_start * total - 1, 0)
    assert all(a <= b for a, b in pairwise(rates[: math.floor(top) + 1]))
    falling = rates[math.ceil(top) :]
    assert all(a >= b for a, b in pairwise(falling))
    assert max(rates) <= 0.3
    assert rates[-1] == pytest.approx(0.3 / 25 / 1e4)


@given(st.integers(1, 300), st.floats(0, 1), st.integers(0, 600))
def test_cosine_stays_between_its_ends(steps, alpha, step):
    rate = CosineDecay(0.5, steps, alpha)(step)
    assert 0.5 * alpha - 1e-15 <= rate <= 0.5
    # a cosine is symmetric about its middle
    if step <= steps:
        assert rate + CosineDecay(0.5, steps, alpha)(steps - step) == pytest.approx(0.5 * (1 + alpha))


@pytest.mark.parametrize("schedule", EVERY, ids=lambda one: type(one).__name__)
def test_serialises(schedule):
    again = schedules.get(json.loads(json.dumps(schedules.serialize(schedule))))
    assert type(again) is type(schedule)
    assert [again(step) for step in range(30)] == [schedule(step) for step in range(30)]


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: CosineDecay(0.1, 0), "decay_steps=0"),
        (lambda: StepDecay(0.1, -1), "decay_steps=-1"),
        (lambda: PiecewiseConstantDecay([1, 2], [0.1, 0.2]), "one more value"),
        (lambda: PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3]), "rising"),
        (lambda: CosineDecayRestarts(0.1, 5, t_mul=0.5), "t_mul=0.5"),
        (lambda: OneCycle(0.1, 10, pct_start=1.5), "pct_start=1.5"),
        (lambda: OneCycle(0.1, 10, anneal_strategy="cubic"), "'cubic'"),
        (lambda: schedules.get({"class_name": "CosineDecoy", "config": {}}), "did you mean 'CosineDecay'"),
        (lambda: schedules.get({"config": {}}), "class_name"),
    ],
)
def test_wrong_arguments_are_named(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_a_schedule_of_ones_own_must_say_how_it_is_saved():
    class Mine(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1

    with pytest.raises(NotImplementedError, match="Mine must define get_config"):
        schedules.serialize(Mine())

"""The chain rule with a slip at one step of the forward pass: for any code whose arrays can be followed.

A forward pass is a chain of NumPy's operations. The complex step carries a derivative through it, as imaginary
parts. Here the imaginary part behind *one* line is changed: its path is missing or has a factor, its slope is
another formula, its other operand another array. The result is the gradient that a backward pass with this slip
gives (followed.py). A line that runs several times, as in a loop over time, has the slip each time, or only once.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np

from minicnn.gradient_check.causes.evidence import ENOUGH_DIGITS, Evidence, Unanswered, number
from minicnn.gradient_check.causes.followed import Change, Follower, Index, Step
from minicnn.gradient_check.causes.slips import SLIPS, Slip
from minicnn.gradient_check.numeric import STEP

MOST_OPERATIONS = 250_000  # of all runs, for one array
MOST_TARGETS = 60
ROUNDED = 1e-6  # a smaller error is that of an ε, or of a rounded constant
ENOUGH = 3  # entries that tell a factor which is no known number
# a gather of four corners has one slip in four lines, two means have one n
TOGETHER = ("[]", "mean", "sum", "add.reduce")
SAME = 1e-6  # factors that differ by less


class Target(NamedTuple):
    """Some executions of one operation; ``of``: the input whose path is changed (None: all inputs)."""

    slots: tuple[int, ...]
    step: Step
    of: int | None
    runs: str = ""  # which of the executions, in words

    @property
    def where(self) -> str:
        """Where it is, in words."""
        text = self.step.place.text if self.step.place else ""
        return f"“{text}”" if text else f"the step np.{self.step.name}"

    def changed(self, slip: Slip) -> dict[int, Change]:
        """Return the changes by slot: this slip at each of the executions."""

        def change(step: Step) -> np.ndarray:
            return step.output.imag - step.part(self.of) + slip(step, self.of)

        return dict.fromkeys(self.slots, change)


def slip_at_a_step(e: Evidence) -> str | None:
    """Try each slip at each step; of slips that give the same numbers, the last in the chain is reported."""
    if not e.wrong.any() or e.gradient.error < ROUNDED:
        return None
    try:
        follower = Follower(e)
    except Unanswered:
        return None
    targets = list(_targets(follower.steps))[-MOST_TARGETS:]
    known, unknown = _factors(e, follower, targets)
    return known or _others(e, follower, targets) or unknown


def _targets(steps: list[Step]) -> Iterator[Target]:
    """Yield every operation with all its executions: in one place of the program; or in all calls of a function."""
    groups: dict[object, list[Step]] = {}
    for step in steps:
        assert step.place is not None
        for key in enumerate(step.place[: 4 if step.name in TOGETHER else 3]):
            groups.setdefault(key, []).append(step)
    seen = set()
    for group in groups.values():
        slots = tuple(step.slot for step in group)
        if slots in seen or group[0].name == "[]=":
            continue
        seen.add(slots)
        active = group[-1].active
        if not active:
            continue
        yield Target(slots, group[-1], None)
        if len(active) > 1:
            for n in active:
                yield Target(slots, group[-1], n)


def _enough(e: Evidence, unknowns: int = 0) -> bool:
    """Whether the numbers have enough digits together: thousands of formulas are tried."""
    return e.digits * (len(e.index) - unknowns) > ENOUGH_DIGITS


class _Without:
    """The gradient without the path through a target, entry by entry; ``arrives``: the derivatives that get there."""

    def __init__(self, e: Evidence, follower: Follower, target: Target) -> None:
        self.e, self.follower, self.target = e, follower, target
        self.values: list[float] = []
        self.arrives: list[float] = []

    def __getitem__(self, n: int) -> float:
        while len(self.values) <= n:
            self.arrives.append(0.0)
            changes = dict.fromkeys(self.target.slots, self._change)
            self.values.append(self.follower.gradient(int(self.e.index[len(self.values)]), changes))
        return self.values[n]

    def _change(self, step: Step) -> np.ndarray:
        part = step.part(self.target.of)
        self.arrives[-1] += float(part.sum()) / STEP
        return step.output.imag - part

    def factor(self) -> float | None:
        """Return f if the gradient has f times this path; the factor follows from the first entry."""
        path = self.e.right[0] - self[0]
        if abs(path) <= self.e.tolerance:
            return None
        f = (self.e.given[0] - self[0]) / path
        fits = self.e.fits(self[n] + f * (self.e.right[n] - self[n]) for n in range(len(self.e.index)))
        return f if fits else None

    def is_ignored(self) -> bool:
        """Whether the path has an upstream gradient of ones."""
        return self.e.fits(self[n] + self.arrives[n] for n in range(len(self.e.index)))


def _factors(e: Evidence, follower: Follower, targets: list[Target]) -> tuple[str | None, str | None]:
    """Return (cause, a weaker cause): a target whose path is missing, or has another factor."""
    found: list[tuple[bool, str]] = []  # whether it is all of a step, and the cause
    unknown = None
    for target in targets:
        for some in _executions(target):
            if follower.cost > MOST_OPERATIONS:
                break
            without = _Without(e, follower, some)
            factor = without.factor()
            text = _of_factor(some, factor) if factor is not None and _enough(e) else ""
            if (
                not text
                and not some.runs
                and abs(without.arrives[0]) > 0
                and _enough(e)
                and without.is_ignored()
            ):
                text = "the gradient that comes from above is not used: this is the gradient for ones"
            if text:
                found.append((some.of is None, f"{text}: at {some.where}"))
                break
            telling = sum(abs(r - v) > e.tolerance for r, v in zip(e.right, without.values))
            if factor is not None and telling >= ENOUGH and not some.runs and _enough(e, 1):
                times = f"it is {_number(factor)} times the right one"
                unknown = f"the path through it has a wrong factor, {times}: at {some.where}"
    whole = [text for is_whole, text in found if is_whole]
    return (whole or [text for _, text in found] or [None])[-1], unknown  # type: ignore[list-item]


def _executions(target: Target) -> Iterator[Target]:
    yield target
    if len(target.slots) > 1:
        yield target._replace(slots=target.slots[:-1], runs="last")
        yield target._replace(slots=target.slots[1:], runs="first")


def _of_factor(target: Target, factor: float) -> str:
    """Return what this factor is, if it is a known number."""
    if target.runs:
        times = len(target.slots) + 1
        only = f"this line runs {times} times, but only its {target.runs} run counts: = is used instead of +="
        return only if abs(factor) < SAME else ""
    for value, text in (
        (0.0, "the value is treated as a constant: the path through it is missing"),
        (-1.0, "the sign of the derivative is wrong"),
        (2.0, "the path through it counts twice"),
    ):
        if abs(factor - value) < SAME:
            return text
    arrays = [each for each in (target.step.output, *target.step.inputs) if isinstance(each, np.ndarray)]
    for value, verb in ((factor, "multiplied"), (1 / factor, "divided")):
        what = {
            f"the length of axis {k} of {a.shape}"
            for a in arrays
            for k, n in enumerate(a.shape)
            if n == round(value)
        }
        what |= {f"the number of entries of {a.shape}" for a in arrays if a.size == round(value)}
        if what and value > 1 + SAME and abs(value - round(value)) < SAME:
            name = f": {what.pop()}, a shape there" if len(what) == 1 else ""
            return f"the path through it is {verb} by {round(value)}{name}"
    return ""


def _number(value: float) -> str:
    """Return a number, as a fraction if it is a simple one."""
    simple = ((f"{p}/{q}", p / q) for q, p in product(range(2, 10), range(1, 10)) if p % q)
    sign = "−" if value < 0 else ""
    return next((sign + text for text, near in simple if abs(abs(value) - near) < 1e-9), number(value))


def _others(e: Evidence, follower: Follower, targets: list[Target]) -> str | None:
    first = {step.slot: step for step in follower.record(follower.one(int(e.index[0])))}
    known = [_Known(e, follower, target, first) for target in targets]
    for kind in SLIPS if _enough(e) else ():
        found = None
        for target, effects in zip(targets, known):
            for text, slip in kind(target.step, target.of, target.slots, follower.steps):
                if follower.cost > MOST_OPERATIONS:
                    return found
                changes = slip if isinstance(slip, dict) else target.changed(slip)
                try:
                    fits = effects.may_give(changes) and e.fits(
                        follower.gradient(int(i), changes) for i in e.index
                    )
                except Exception:  # another array does not fit in here
                    continue
                if fits:
                    found = f"{text}: at {target.where}"
                    break
        if found:
            return found
    return None


class _Known:
    """What changes at a target do to the gradient of the first entry: a sum of changes does the sum of what they do.

    So a run is needed only for a change that is no combination of earlier ones. This does not hold if one
    execution goes into another, as in a loop over time.
    """

    def __init__(self, e: Evidence, follower: Follower, target: Target, first: dict[int, Step]) -> None:
        self.e, self.follower, self.target, self.first = e, follower, target, first
        self.needed = e.given[0] - e.right[0]
        self.changes: list[np.ndarray] = []
        self.effects: list[float] = []

    @cached_property
    def independent(self) -> bool:
        """Whether no execution goes into another."""
        slots, same = self.target.slots, []
        if not all(slot in self.first for slot in slots):
            return False

        def change(step: Step) -> np.ndarray:
            same.append(np.array_equal(step.output.imag, self.first[step.slot].output.imag))
            return 0 * step.output.imag

        if len(slots) > 1:
            self.follower.gradient(int(self.e.index[0]), dict.fromkeys(slots, change))
        return all(same)

    def _steps(self) -> list[tuple[int, Step]]:
        return [(slot, self.first[slot]) for slot in self.target.slots]

    def may_give(self, changes: dict[int, Change]) -> bool:
        """Whether a change may give the gradient, as far as it is known without a run, or with one."""
        if any(isinstance(each, Index) for each in changes.values()) or not self.independent:
            return True
        change = np.concatenate(
            [np.ravel(changes[slot](step) - step.output.imag) / STEP for slot, step in self._steps()]  # type: ignore[operator]
        )
        size = np.abs(change).max(initial=0.0)
        if not np.isfinite(size) or not size:
            return False
        effect = None
        if self.changes:
            basis = np.array(self.changes).T
            parts = np.linalg.lstsq(basis, change, rcond=None)[0]
            if np.abs(basis @ parts - change).max() <= 1e-9 * size:
                effect = float(parts @ self.effects)
        if effect is None:
            effect = self.follower.gradient(int(self.e.index[0]), changes) - self.e.right[0]
            self.changes.append(change)
            self.effects.append(effect)
        return abs(effect - self.needed) <= 1e-5 * abs(self.needed) + 10 * self.e.tolerance

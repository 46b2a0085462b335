"""The chain rule with a slip at one step of the forward pass: for any code whose arrays can be followed.

A forward pass is a chain of NumPy's operations. The complex step carries a derivative through it, as imaginary
parts. Here the imaginary part behind *one* line is changed: its path is missing or has a factor, its slope is
another formula, its other operand another array. The result is the gradient that a backward pass with this slip
gives (followed.py). A line that runs several times, as in a loop over time, has the slip each time, or only once.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from minicnn.gradient_check.causes.effects import Known, Target, Without
from minicnn.gradient_check.causes.evidence import ENOUGH_DIGITS, OR, Evidence
from minicnn.gradient_check.causes.followed import Follower, follower_of
from minicnn.gradient_check.causes.slips import OTHER, SIMPLE
from minicnn.gradient_check.causes.step import Step
from minicnn.gradient_check.causes.values import named, numbers, times_a_value
from minicnn.gradient_check.causes.words import fraction, number

MOST_TARGETS = 60
MOST_MASKED = 200  # numbers, of which the gradient that arrives is computed
ROUNDED = 1e-6  # a smaller error is that of an ε, or of a rounded constant
FACTORS = ("the other factor", "the divisor")
SLOPES = ("the slope is missing", "the slope is applied twice")
TIMES = (
    "the path through it is multiplied",
    "the path through it is divided",
    "the gradient that comes from",
)
ENOUGH = 3  # entries that tell a factor which is no known number
# a gather of four corners has one slip in four lines, two means have one n
Found = dict[str, tuple[int, str]]  # what is wrong -> how unlike the target is, where it is
TOGETHER = ("[]", "mean", "sum", "add.reduce")
SAME = 1e-6  # factors that differ by less


def slip_at_a_step(e: Evidence) -> str | None:
    """Try each slip at each step; of one slip that fits at several steps of a chain, the last is reported."""
    if not e.wrong.any() or e.gradient.error < ROUNDED:
        return None
    follower = follower_of(e)
    if follower is None:
        return None
    wrong = [[name] for name in e.arrays if name not in (e.gradient.name, *e.search.right)]
    ways = [_way(e, follower, names) for names in (e.search.right, *wrong)]
    targets = list(_targets(e.array, follower.steps, ways[0], ways[1:]))
    known = [target for target in targets if target.where in (place for _, place in e.search.found)]
    for text, place in dict.fromkeys(e.search.found):  # first what explains the gradient of another array
        missing, found, _ = _factors(e, follower, known)
        if missing == f"{text}: at {place}" or found.get(text, (0, ""))[1] == place:
            return f"{text}: at {place}"
        if _others(e, follower, known, {}, text):
            return f"{text}: at {place}"
    targets = targets[-MOST_TARGETS:]
    missing, found, unknown = _factors(e, follower, targets)
    if missing:
        e.search.found.append(tuple(missing.split(": at ", 1)))  # type: ignore[arg-type]
        return missing
    found = _others(e, follower, targets, found) or _masks(e, follower, targets)
    least = min((unlike for unlike, _ in found.values()), default=0)
    named = [(text, where) for text, (unlike, where) in found.items() if unlike == least]
    places = {where for text, where in named if text.startswith(FACTORS)}  # what has a name says more
    if places:
        named = [each for each in named if each[1] in places or not each[0].startswith(SLOPES)]
        named = [each for each in named if not each[0].startswith(TIMES)]
        named.sort(key=lambda each: not each[0].startswith(FACTORS))
    e.search.found += [
        each for each in named if "used for the slope" not in each[0]
    ]  # the simplest may differ
    named = [each for each in named if each[0].startswith("the sign")] or named  # the likelier ones
    simpler = times_a_value(e) if any("another array for v" in text for text, _ in named) else None
    if simpler:
        return simpler
    return OR.join(f"{text}: at {where}" for text, where in named) or unknown


def _way(e: Evidence, follower: Follower, names: Sequence[str]) -> dict[int, list[int]]:
    """Return slot -> the inputs through which derivatives of these arrays pass."""
    return {step.slot: step.active for step in follower.record(0 * e.array, names)}


def _targets(
    own: np.ndarray, steps: list[Step], right: dict[int, list[int]], wrong: list[dict[int, list[int]]]
) -> Iterator[Target]:
    """Yield every operation with all its executions: in one place of the program; or in all calls of a function.

    ``right``: the way of the arrays whose gradients are right; ``wrong``: of each other array with a wrong one.
    """
    groups: dict[object, list[Step]] = {}
    for step in steps:
        assert step.place is not None
        for key in enumerate(step.place[: 4 if step.name in TOGETHER else 3]):
            groups.setdefault(key, []).append(step)
        if any(np.array_equal(np.real(each), own) for each in step.inputs if np.shape(each) == own.shape):
            groups.setdefault(("own", step.place.calls), []).append(step)  # of a loop over layers, its own
    seen = set()
    for group in groups.values():
        slots = tuple(step.slot for step in group)
        if slots in seen or group[0].name == "[]=" or group[0].late:
            continue
        seen.add(slots)
        active = group[-1].active
        if not active:
            continue
        place = group[0].place
        assert place is not None
        all_calls, calls = (
            {s.place and s.place.calls for s in some} for some in (groups[1, place.own], group)
        )
        caller = place.caller * (len(all_calls) > len(calls) == 1)
        texts = tuple({step.place.calls: step.place.text for step in group if step.place}.values())
        for n in (None, *(active if len(active) > 1 else ())):
            passes = [bool(way.get(slots[-1])) and n in (None, *way[slots[-1]]) for way in (right, *wrong)]
            yield Target(
                slots, group[-1], n, texts=texts, caller=caller, unlike=passes[0] + (not all(passes[1:]))
            )


def _enough(e: Evidence, unknowns: int = 0) -> bool:
    """Whether the numbers have enough digits together: thousands of formulas are tried."""
    return e.digits * (len(e.index) - unknowns) > ENOUGH_DIGITS


def _factors(e: Evidence, follower: Follower, targets: list[Target]) -> tuple[str | None, Found, str | None]:
    """Return a target whose path is missing; the lines of paths with another factor; a weaker cause."""
    missing: dict[tuple[int, bool], str] = {}  # how unlike, whether a part of a step; and the cause
    found: dict[tuple[int, bool], Found] = {}
    unknown = None
    for target in targets:
        for some in _executions(target):
            if follower.is_over:
                break
            without = Without(e, follower, some)
            factor = without.factor()
            whole = bool(e.zero(np.array(without.values)).all())  # then factors.py has judged its size
            text = (
                _of_factor(some, factor, whole, numbers(follower.steps))
                if factor is not None and _enough(e)
                else ""
            )
            if text and factor is not None and abs(factor) < SAME:
                missing[some.unlike, some.of is not None] = f"{text}: at {some.where}"
                break
            arrives = not some.runs and abs(without.arrives[0]) > 0
            if not text and arrives and _enough(e) and without.is_ignored():
                text = "the gradient that comes from above is not used: this is the gradient for ones"
            if text:
                found.setdefault((some.unlike, some.of is not None), {})[text] = some.unlike, some.where
                break
            telling = sum(abs(r - v) > e.tolerance for r, v in zip(e.right, without.values))
            if factor is not None and telling >= ENOUGH and not some.runs and _enough(e, 1):
                code = named(e, abs(factor))
                times = f"it is {fraction(factor)} times the right one{', and ' * bool(code)}{code}"
                times += ", or the 2 of a square is missing" * bool(abs(factor - 0.5) < SAME)
                unknown = f"the path through it has a wrong factor, {times}: at {some.where}"
    return missing.get(min(missing, default=None)), found.get(min(found, default=None), {}), unknown  # type: ignore[arg-type]


def _executions(target: Target) -> Iterator[Target]:
    yield target
    if len(target.slots) > 1 and len(target.texts) == 1:  # one operation, in a loop
        yield target._replace(slots=target.slots[:-1], runs="only its last run counts")
        yield target._replace(slots=target.slots[1:], runs="only its first run counts")
        yield target._replace(slots=target.slots[:1], runs="its first run does not count")
        yield target._replace(slots=target.slots[-1:], runs="its last run does not count")


def _of_factor(target: Target, factor: float, whole: bool, known: dict[str, float]) -> str:
    """Return what this factor is, if it is a known number; ``whole``: it is that of the whole gradient."""
    if target.runs:
        why = "a loop that ends early, or = for +="
        if "not" in target.runs:
            why = "a bound that is off by one" + ", or = for +=" * ("first" in target.runs)
        return f"of the runs of this line {target.runs}: {why}" if abs(factor) < SAME else ""
    for value, text in (
        (0.0, "the value is treated as a constant: the path through it is missing"),
        (-1.0, "the sign of the derivative is wrong"),
        (2.0, "the path through it counts twice"),
    ):
        if abs(factor - value) < SAME:
            return text
    step = target.step
    exponent: Any = step.inputs[1] if step.name == "power" else None
    if np.size(exponent) == 1 and exponent and abs(factor * np.real(exponent) - 1) < SAME:
        return f"the factor {number(np.real(exponent))} of the slope, the exponent, is missing"
    arrays = [each for each in (step.output, *step.inputs) if isinstance(each, np.ndarray) and not whole]
    for n in sorted({n for a in arrays for n in a.shape if n > ENOUGH}):
        for value, text in (((n - 1) / n, "n instead of n − 1"), (n / (n - 1), "n − 1 instead of n")):
            if abs(factor - value) < SAME:
                return f"the path through it is {fraction(factor)} times the right one: divided by {text}, n = {n}?"
    for value, verb in ((factor, "multiplied"), (1 / factor, "divided")):
        if any(abs(each - value) < SAME for each in known.values()):
            return ""  # it says more than a shape
        n = round(value)
        if n > 1 and abs(value - n) < SAME and any(a.size % n == 0 for a in arrays):
            return f"the path through it is {verb} by {n}"
    return ""


def _others(e: Evidence, follower: Follower, targets: list[Target], found: Found, only: str = "") -> Found:
    """Return every slip of the simple kinds that gives the numbers, beside those found; or those of one other kind;
    ``only``: only the slip of this text.
    """
    if e.zero(e.given[e.wrong]).all() and np.count_nonzero(e.wrong) < ENOUGH:  # a wrong 0 can have any cause
        return found
    first = {step.slot: step for step in follower.record(follower.one(int(e.index[0])))}
    known = [Known(e, follower, target, first) for target in targets]
    for kinds in (SIMPLE, *((kind,) for kind in OTHER)) if _enough(e) else ():
        for kind in kinds:
            best: tuple[int, int, str, str] | None = None
            for target, effects in zip(targets, known):
                slips = kind(target.step, target.of, target.slots, follower.steps)
                for rank, (text, slip) in enumerate(slips):  # the simplest come first
                    if only and text != only:
                        continue
                    if best and (target.unlike, rank) > best[:2]:
                        break  # of two that fit in one chain, the simpler, then the last
                    if follower.is_over:
                        return found
                    changes = slip if isinstance(slip, dict) else target.changed(slip)
                    try:
                        fits = effects.may_give(changes) and e.fits(
                            follower.gradient(int(i), changes) for i in e.index
                        )
                    except Exception:  # another array does not fit in here
                        continue
                    if fits:
                        best = target.unlike, rank, text, target.where
                        break
            if best:
                found[best[2]] = best[0], best[3]
        if found:
            break
    return found


MASK = "the mask is where the gradient that arrives is > 0: it must be where the value is > 0, as in the forward pass"


def _masks(e: Evidence, follower: Follower, targets: list[Target]) -> Found:
    """Find a slope that is a mask of the gradient: as of a ReLU, but where dh > 0 instead of where z > 0."""
    for target in targets:
        step = target.step
        one = len(target.slots) == 1 and target.of is None and step.source is not None
        if not one or step.output.size > (MOST_MASKED if step.name == "maximum" else MOST_TARGETS):
            continue
        if follower.is_over or not _enough(e):
            return {}
        up = follower.upstream(step)
        if (up > 0).all() or (up <= 0).all() or len(e.index) < ENOUGH:  # a mask of one number fits anything
            continue
        changes = {step.slot: partial(_masked, mask=up > 0)}
        if e.fits(follower.gradient(int(i), changes) for i in e.index):
            return {MASK: (target.unlike, target.where)}
    return {}


def _masked(step: Step, mask: np.ndarray) -> np.ndarray:
    assert step.source is not None
    return step.source.view(np.ndarray).imag * mask

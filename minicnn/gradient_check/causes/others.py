"""Slips in which an array takes the place of another one: h[t] for h[t − 1], the slope of the state before."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from minicnn.gradient_check.causes.activations import OF_ONE
from minicnn.gradient_check.causes.followed import METHODS
from minicnn.gradient_check.causes.step import Slips, Step

PRODUCTS = ("multiply", "matmul", "dot", "einsum", "tensordot", "divide", "inner", "outer", "power")
MOST_ARRAYS = 40


def other_arrays(step: Step, n: int | None, slots: Sequence[int], steps: list[Step]) -> Slips:
    """The value of another line in the place of one, of the same or of the next execution."""
    others = list(_others(steps, step))
    if step.name == "matmul":
        matrices = [(name, group) for name, group in others if group[-1][1].ndim > 1]
        others += [(name, [(slot, a.swapaxes(-1, -2)) for slot, a in group]) for name, group in matrices]
    if step.name not in PRODUCTS and step.source is None:
        return
    for m, value in enumerate(step.inputs):
        if (
            not isinstance(value, np.ndarray)
            or value.size < 2
            or step.name in ("add", "subtract", "negative")
        ):
            continue
        seen = [np.real(value)]
        for name, group in others:
            for shift in (0, 1) if len(slots) > 1 or len(group) > 1 else (0,):
                if len(seen) > MOST_ARRAYS:
                    return
                values = _aligned(group, slots, shift)
                if not values:
                    continue
                other = values[slots[-1]].real
                if other.shape != value.shape or any(np.array_equal(each, other) for each in seen):
                    continue
                seen.append(other)
                when = " of the next time" if shift else ""
                yield (
                    f"the derivative is computed with another array, {name}{when}",
                    partial(_instead, m=m, values=values),
                )


def other_factors(step: Step, n: int | None, slots: Sequence[int], steps: list[Step]) -> Slips:
    """The value of another line is multiplied too."""
    if step.output.size < 2 or step.name in METHODS:
        return
    for name, group in list(_others(steps, step))[:MOST_ARRAYS]:
        values = _aligned(group, slots, 0)
        if values is not None and _stretches(values[slots[-1]].shape, step.output.shape):
            yield f"multiplied by {name} once too often", partial(_times, values=values)
            yield f"the path through it is not multiplied by {name}", partial(_over, values=values)


def other_slopes(step: Step, n: int | None, slots: Sequence[int], steps: list[Step]) -> Slips:
    """The slope of another array, such as the state of the time before."""
    if n is not None or step.source is None:
        return
    for name, group in list(_others(steps, step))[:MOST_ARRAYS]:
        values = _aligned(group, slots, 0)
        if values is None or not _stretches(values[slots[-1]].shape, step.output.shape):
            continue
        for formula in ("1 − v²", "v·(1 − v)", "1 where v > 0, else 0", "2·v"):
            text = f"{formula} is used for the slope, with another array for v, {name}"
            yield text, partial(_slope_of, f=OF_ONE[formula], values=values)


def _stretches(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return len(shape) <= len(to) and all(a in (1, b) for a, b in zip(shape[::-1], to[::-1]))


def _slope_of(s: Step, n: int | None, f: Callable[..., Any], values: dict[int, np.ndarray]) -> np.ndarray:
    assert s.source is not None
    return s.source.view(np.ndarray).imag * f(values[s.slot].real)


Values = list[tuple[int, np.ndarray]]  # the slot, and an array there


def _others(steps: list[Step], of: Step) -> Iterator[tuple[str, Values]]:
    """Yield (name, values) of the arrays in a function: results near a step first, those after y last; then what
    operations are given.
    """
    results: dict[Any, Values] = {}
    given: dict[Any, Values] = {}
    lines: dict[Any, str] = {}
    late = {s.slot for s in steps if s.late}
    called: dict[bytes, str] = {}  # what arrays are called as operands
    for s in steps:
        if s.place is None or s.name == "[]=":
            continue
        calls, text = s.place.calls, s.place.text
        lines[calls] = f"“{text.own or text.line or f'np.{s.name}'}”"
        results.setdefault(calls, []).append((s.slot, s.output))
        for m, value in enumerate(s.inputs):
            if isinstance(value, np.ndarray):
                given.setdefault((calls, m), []).append((s.slot, value))
                if m < len(text.operands) and re.fullmatch(r"[A-Za-z_][\w.]*", text.operands[m]):
                    called[np.real(value).tobytes()] = f"“{text.operands[m]}”"
    near = sorted(results.items(), key=lambda each: (each[1][0][0] in late, abs(each[1][-1][0] - of.slot)))
    for key, group in near:
        yield called.get(group[-1][1].real.tobytes(), f"the result of {lines[key]}"), group
    for (key, _), group in given.items():
        yield called.get(np.real(group[-1][1]).tobytes(), f"what goes into {lines[key]}"), group


def _aligned(group: Values, slots: Sequence[int], shift: int) -> dict[int, np.ndarray] | None:
    if len(group) == 1 and not shift:
        return dict.fromkeys(slots, group[0][1])
    if len(slots) == 1:  # the last execution before it, or the next one
        near = [value for slot, value in group if (slot < slots[0]) != bool(shift)]
        return {slots[0]: near[0 if shift else -1]} if near else None
    if len(group) != len(slots):
        return None
    last = len(group) - 1
    return {slot: group[min(max(k + shift, 0), last)][1] for k, slot in enumerate(slots)}


def _times(s: Step, n: int | None, values: dict[int, np.ndarray]) -> np.ndarray:
    return s.part(n) * values[s.slot].real


def _over(s: Step, n: int | None, values: dict[int, np.ndarray]) -> np.ndarray:
    return s.part(n) / values[s.slot].real


def _instead(s: Step, n: int | None, m: int, values: dict[int, np.ndarray]) -> np.ndarray:
    return s.part(n, {m: values[s.slot].real})

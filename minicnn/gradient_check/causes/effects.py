"""What a change at a target does to the gradient, with as few runs of the function as possible."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.causes.followed import Follower
from minicnn.gradient_check.causes.quoted import Quote
from minicnn.gradient_check.causes.step import Change, Index, Slip, Step
from minicnn.gradient_check.causes.words import listed
from minicnn.gradient_check.numeric import STEP

MOST_LINES = 3  # that are quoted


class Target(NamedTuple):
    """Some executions of one operation; ``of``: the input whose path is changed (None: all inputs)."""

    slots: tuple[int, ...]
    step: Step
    of: int | None
    runs: str = ""  # which of the executions, in words
    texts: tuple[Quote, ...] = ()  # of each place in the code
    caller: str = ""  # of several calls of a function that it is in, the one
    unlike: int = 0  # 1 if a right gradient goes this way too, and 1 if one of the other wrong ones does not

    @property
    def where(self) -> str:
        """Where it is, in words: every line, if there are several."""
        lines = dict.fromkeys(text.where(self.of) for text in self.texts if text.line)
        more = [f"{len(lines) - MOST_LINES} others"] if len(lines) > MOST_LINES else []
        of_call = f", called in {self.caller}" * bool(self.caller)
        return (listed([*lines][:MOST_LINES] + more) or f"the step np.{self.step.name}") + of_call

    def changed(self, slip: Slip) -> dict[int, Change]:
        """Return the changes by slot: this slip at each of the executions."""

        def change(step: Step) -> np.ndarray:
            return step.output.imag - step.part(self.of) + slip(step, self.of)

        return dict.fromkeys(self.slots, change)


class Without:
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


class Known:
    """What changes at a target do to the gradient of the first entry: a sum of changes does the sum of what they do.

    So a run is needed only for a change that is no combination of earlier ones. This does not hold if one
    execution goes into another, as in a loop over time.
    """

    def __init__(self, e: Evidence, follower: Follower, target: Target, first: dict[int, Step]) -> None:
        self.e, self.follower, self.target, self.first = e, follower, target, first
        self.needed = e.given[0] - e.right[0]
        self.basis: list[np.ndarray] = []  # orthonormal, of the changes that were tried
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
        if changes.keys() != set(self.target.slots) or not self.independent:
            return True
        if any(isinstance(each, Index) for each in changes.values()):
            return True
        change = np.concatenate(
            [np.ravel(changes[slot](step) - step.output.imag) / STEP for slot, step in self._steps()]  # type: ignore[operator]
        )
        size = np.abs(change).max(initial=0.0)
        largest = max(np.abs(step.output.imag).max(initial=0.0) for _, step in self._steps()) / STEP
        if not np.isfinite(size) or size <= 1e-12 * largest:
            return False
        rest, effect = change, 0.0
        for _ in range(2):  # the second time for rounding
            for one, its in zip(self.basis, self.effects):
                part = float(one @ rest)
                rest, effect = rest - part * one, effect + part * its
        length = float(np.sqrt(rest @ rest))
        if np.abs(rest).max() > 1e-9 * size:
            known, effect = effect, self.follower.gradient(int(self.e.index[0]), changes) - self.e.right[0]
            if np.abs(rest).max() > 1e-4 * size:  # of a shorter rest rounding would be too large a part
                self.basis.append(rest / length)
                self.effects.append((effect - known) / length)
        return abs(effect - self.needed) <= 1e-5 * abs(self.needed) + 10 * self.e.tolerance

"""A loss seen from a weight: the scores inside of the function are taken for its input, and judged as such.

    W → … → s = x·W → … → loss        dL/dW[i] = Σ_j  u[j] · ∂s[j]/∂W[i]        u: what the loss gives for s

A slip in u is one that the files for losses know. What they would compute is sent on to W by ∂s/∂W, and compared there.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn.gradient_check.causes import losses, softmax
from minicnn.gradient_check.causes.evidence import ENOUGH_DIGITS, Evidence
from minicnn.gradient_check.causes.followed import Follower, follower_of
from minicnn.gradient_check.causes.step import Step
from minicnn.gradient_check.numeric import STEP
from minicnn.gradient_check.report import Gradient

MOST = 120  # numbers in the scores, and entries that are compared
MOST_STEPS = 5_000  # of all runs


@dataclass(frozen=True)
class _Inside(Evidence):
    """The evidence for an array inside; ``outside``: that of the weight, ``onward``: ∂s/∂(its entries)."""

    outside: Any = None
    onward: Any = None

    def matches(self, candidate: np.ndarray) -> bool:
        """Whether the weight has the gradient that this one gives."""
        candidate = np.asarray(candidate)
        if candidate.shape != self.array.shape or not np.isfinite(candidate).all():
            return False
        apart = (candidate - self.gradient.numeric).ravel()
        return bool(self.outside.fits(self.outside.right + self.onward @ apart))


def slip_of_a_loss(e: Evidence) -> str | None:
    """Judge each array of scores that is computed from this one; in a loop over samples, the rows of all runs."""
    telling = e.digits * np.count_nonzero(e.wrong) > 2 * ENOUGH_DIGITS
    follower = follower_of(e) if telling and max(e.dy.size, len(e.index)) <= MOST else None
    if follower is None or len(follower.steps) * len(e.index) > MOST_STEPS:
        return None
    groups: dict[object, list[Step]] = {}
    for step in (step for step in follower.steps if not step.late):
        groups.setdefault(step.place.calls if step.place else step.slot, []).append(step)
    runs = [
        {step.slot: step.output.imag.ravel() / STEP for step in follower.record(follower.one(int(i)))}
        for i in e.index
    ]
    seen: set[bytes] = set()
    for group in groups.values():
        scores = _together(group)
        if scores is None or scores.tobytes() in seen or follower.is_over:
            continue
        seen.add(scores.tobytes())
        if not all(step.slot in run for run in runs for step in group):
            continue
        onward = np.stack([np.concatenate([run[step.slot] for step in group]) for run in runs])
        cause = _judged(e, follower, group, scores, onward) if onward.any() else None
        if cause:
            where = group[0].place.text.where(None) if group[0].place else group[0].name
            stands = " (x stands for its value)" if re.search(r"\bx\b", cause) else ""
            return f"{cause}{stands}: at {where}"
    return None


def _together(group: list[Step]) -> np.ndarray | None:
    """Return the scores that an operation gives, (samples, classes) or (samples,); those of several runs together."""
    first = group[0].output
    if group[0].name == "[]=" or any(step.output.shape != first.shape for step in group):
        return None
    size, wide = first.size * len(group), first.ndim == (2 if len(group) == 1 else 1)
    if not 2 < size <= MOST or not (wide or (first.ndim == 1 and len(group) == 1)):
        return None
    return first.real.copy() if len(group) == 1 else np.stack([step.output.real for step in group])


def _judged(
    e: Evidence, follower: Follower, group: list[Step], scores: np.ndarray, onward: np.ndarray
) -> str | None:
    slots, shape = [step.slot for step in group], group[0].output.shape

    def tail(x: np.ndarray) -> np.ndarray:
        rows = np.asarray(x, complex).reshape(len(slots), *shape)
        return follower.run_with(dict(zip(slots, rows)))

    right = np.stack([follower.upstream(step) for step in group]).reshape(scores.shape)
    v = np.random.default_rng([5, 4]).standard_normal(scores.shape)
    along = float(np.sum(e.dy * np.imag(tail(scores + 1j * STEP * v)))) / STEP
    if not math.isclose(along, np.sum(right * v), rel_tol=1e-9, abs_tol=e.tolerance):
        return None  # one run goes into another
    given = right + (np.linalg.pinv(onward) @ (e.given - e.right)).reshape(right.shape)
    gradient = Gradient("x", given, right, e.gradient.method)
    inside = _Inside(gradient, tail, {"x": scores}, e.dy, search=e.search, outside=e, onward=onward)
    return softmax.softmax_slips(inside) or losses.loss_slips(inside)

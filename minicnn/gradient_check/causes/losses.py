"""Losses of two classes, and the hinge, recognized by the right gradient; and their usual slips.

    binary cross-entropy    of p = σ(x)          dx = s·(p − t)
    hinge, many classes     Σ max(0, x_j − x_t + 1)      dx = s·active, and −s·(their count) at the right class

The target t is not among the arrays that are checked: the right gradient shows it.
"""

from collections.abc import Iterator

import numpy as np

from minicnn.gradient_check.causes.evidence import Candidates, Evidence


def loss_slips(e: Evidence) -> str | None:
    """Recognize the loss; then compare the slips."""
    if not e.complete or e.array.size < 3 or e.array.ndim == 0:
        return None
    for known in (_of_logits, _of_weighted_logits, _of_probabilities, _hinge):
        cause = e.explained_by(known(e))
        if cause:
            return cause
    return None


def _scales(e: Evidence) -> Iterator[np.ndarray]:
    """Yield dloss for each entry, divided by the numbers that a mean divides by."""
    if e.dy.size == 1:
        dy = np.full(e.array.shape, float(e.dy.ravel()[0]))
    elif e.dy.shape == e.array.shape:
        dy = e.dy
    elif e.dy.shape == e.array.shape[:-1]:
        dy = np.broadcast_to(e.dy[..., None], e.array.shape)
    else:
        return
    for n in dict.fromkeys((1, e.array.size, e.array.shape[0], e.array.shape[-1])):
        yield dy / n


def _two_valued(t: np.ndarray) -> bool:
    return bool((np.abs(t * (1 - t)) < 1e-6).all()) and 0 < t.round().sum() < t.size


def _of_logits(e: Evidence) -> Candidates:
    """Two classes: s·(p − t) with p = σ(x)."""
    x, p = e.array, 1 / (1 + np.exp(-e.array))
    for s in _scales(e):
        t = p - e.gradient.numeric / s
        if _two_valued(t):
            t, right = t.round(), "for the loss of a sigmoid p − t is right"
            slope = f"multiplied by p·(1 − p), the sigmoid's slope: {right}, it contains the slope already"
            return {
                slope: s * (p - t) * p * (1 - p),
                f"the target is forgotten: this is p; {right}": s * p,
                f"divided by the sigmoid's slope: this is the gradient with respect to p; {right}": (
                    s * (p - t) / (p * (1 - p))
                ),
                f"only the first term, −t·(1 − p): (1 − t)·p is missing; {right}": -s * t * (1 - p),
                f"only the second term, (1 − t)·p: −t·(1 − p) is missing; {right}": s * (1 - t) * p,
                f"the logits are used instead of the probabilities: x − t; {right}": s * (x - t),
                f"the sign of the target is wrong: p + t; {right}": s * (p + t),
            }
    return {}


def _of_weighted_logits(e: Evidence) -> Candidates:
    """Two classes with a weight w of the positive one: s·(p − 1)·w where t = 1, s·p where t = 0."""
    p = 1 / (1 + np.exp(-e.array))
    for s in _scales(e):
        right = e.gradient.numeric / s
        t = right < 0
        weights = right / (p - t)
        if not 1 < t.sum() < t.size - 1 or np.abs(weights[~t] - 1).max() > 1e-6:
            continue
        w = float(weights[t].mean())
        if np.abs(weights[t] - w).max() > 1e-6 * w:
            continue
        rule = f"w·(p − 1) is right where t = 1, with w = {w:.4g}, the weight of the positive class"
        return {
            f"the weight multiplies only the target, p − w·t: {rule}": s * (p - w * t),
            f"the weight is missing, p − t: {rule}": s * (p - t),
            f"the weight is at the negative class, too: {rule}": s * w * (p - t),
        }
    return {}


def _of_probabilities(e: Evidence) -> Candidates:
    """Cross-entropy of p: two classes, s·(p − t)/(p·(1 − p)); or many, −s·t/p, not 0 at the right class only."""
    p = e.array
    if p.min() <= 0 or p.max() >= 1:
        return {}
    logits = "this is p − t, the gradient with respect to the logits: with respect to p,"
    for s in _scales(e):
        t = p - e.gradient.numeric / s * p * (1 - p)
        if _two_valued(t):
            t, right = t.round(), "(p − t)/(p·(1 − p)) is right"
            return {
                f"{logits} {right}": s * (p - t),
                f"only the first term, −t/p: (1 − t)/(1 − p) is missing; {right}": -s * t / p,
                f"only the second term, (1 − t)/(1 − p): −t/p is missing; {right}": s * (1 - t) / (1 - p),
                f"the sign between the two terms is wrong; {right}": -s * (t / p + (1 - t) / (1 - p)),
                f"the signs of the terms are wrong; {right}": s * (t / p + (1 - t) / (1 - p)),
                f"multiplied by p·(1 − p) instead of divided by it; {right}": s * (p - t) * p * (1 - p),
            }
        t = -e.gradient.numeric * p / s
        if _two_valued(t):
            t, right = t.round(), "−t/p is right"
            return {
                f"{logits} {right}": s * (p - t),
                f"this is −t: 1/p, the derivative of the logarithm, is missing; {right}": -s * t,
                "this is −1/p at every class: only the right class (t = 1) has a gradient": -s / p,
                f"this is −log p: the loss itself, not its derivative; {right}": -s * t * np.log(p),
                f"multiplied by p instead of divided by it: −t·p; {right}": -s * t * p,
            }
    return {}


def _hinge(e: Evidence) -> Candidates:
    """In each row one entry is minus the sum of the others, and those are 0 or one number s."""
    right = e.gradient.numeric
    if right.ndim != 2 or right.shape[1] < 3 or e.dy.size not in (1, len(right)):
        return {}
    sign = np.sign(e.dy.reshape(-1, 1))
    right = right * sign
    top = right.max(axis=1, keepdims=True)
    s = np.where(top > 0, top, top.max())
    active = np.abs(right - s) < 1e-6 * s
    correct = right < -1e-9
    # where every margin is met, only the given row shows which class is right
    correct |= ~correct.any(axis=1, keepdims=True) & (np.abs(e.analytic) > 1e-9)
    known = active | correct | (np.abs(right) < 1e-9)
    if not known.all() or correct.sum(axis=1).max() > 1 or not correct.any():
        return {}
    count = active.sum(axis=1, keepdims=True)
    if count.max() < 2 or not np.allclose(np.where(correct, right + count * s, 0), 0):
        return {}  # one margin in each row: as of a maximum − a minimum
    rule = "the right class has minus the count of the margins that are not met"
    values = {
        f"the right class has −1 for one margin only: {rule}": -s,
        f"the right class gets no gradient: {rule}": 0 * s,
        f"the sign at the right class is wrong: {rule}": count * s,
        f"the right class itself is counted as a margin: {rule}, itself left out": -(count + 1) * s,
        f"every class is counted, also where the margin is met: {rule}": -s * (right.shape[1] - 1),
    }
    only = "only the right class gets a gradient: the classes whose margin is not met need 1"
    slips = {text: sign * np.where(correct, value, right) for text, value in values.items()}
    return slips | {only: sign * np.where(correct, right, 0)}

"""Softmax, log-softmax, log-sum-exp and cross-entropy, recognized by their values; and their usual slips.

    softmax          dx = p·(dy − Σ dy·p)                 log-softmax      dx = dy − p·Σ dy
    log-sum-exp      dx = p·dy                            cross-entropy    dx = s·(p − t)

Σ is over the classes. t is the target: 1 at the right class. It is not among the arrays that are checked, but
the right gradient shows it. s is dloss, divided by N for a mean.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from minicnn.gradient_check.causes.evidence import Candidates, Evidence
from minicnn.gradient_check.causes.words import axes_named


def softmax(x: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """Return exp(x)/Σ exp(x), Σ over an axis or several."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_slips(e: Evidence) -> str | None:
    """Recognize the function along each axis; then compare the slips."""
    x = e.array
    for axis in range(x.ndim):
        if x.shape[axis] < 2:
            continue
        p = softmax(x, axis)
        if e.dy.shape == x.shape:
            if np.allclose(e.y, p):
                return e.explained_by(_of_softmax(x, p, e.dy, axis))
            if np.allclose(e.y, np.log(p)):
                return e.explained_by(_of_log_softmax(p, e.dy, axis))
            continue
        dy = _wide(e.dy, p, axis)
        if dy is not None and e.is_right(p * dy):
            return e.explained_by(_of_log_sum_exp(x, p, dy, axis))
        targets = _targets(e, p, axis)
        if targets is not None:
            t, s = targets
            return e.explained_by(_of_cross_entropy(x, p, t, s, axis)) or _of_targets(e, p, t, s, axis)
    return None


def _other_axes(shape: tuple[int, ...], axis: int) -> Iterator[tuple[int, ...]]:
    """Yield other axes than the classes'; those of length 1 make no difference."""
    long = [a for a, n in enumerate(shape) if n > 1]
    for n in range(1, len(long) + 1):
        yield from (axes for axes in combinations(long, n) if axes != (axis,))


def _total(v: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    return v.sum(axis=axis, keepdims=True)


def _of_softmax(x: np.ndarray, p: np.ndarray, dy: np.ndarray, axis: int) -> Candidates:
    total, right = _total(dy * p, axis), "p·(dy − Σ dy·p) is right"
    slips = {
        "softmax's denominator is treated as a constant: this is p·dy, and −p·Σ dy·p is missing": p * dy,
        f"the sign of the sum is wrong: p·(dy + Σ dy·p), and {right}": p * (dy + total),
        f"the p inside the sum is missing: p·(dy − Σ dy), and {right}": p * (dy - _total(dy, axis)),
        f"the factor p in front is missing: dy − Σ dy·p, and {right}": dy - total,
        f"the factor p is at the sum only: dy − p·Σ dy·p, and {right}": dy - p * total,
        f"the mean over the classes is used instead of the sum: {right}": p * (dy - total / p.shape[axis]),
        "only the paths to the other outputs are there: −p·Σ dy·p, and p·dy is missing": -p * total,
        "this is p − dy: the gradient of cross-entropy, not of softmax": p - dy,
        "this is log-softmax's gradient dy − p·Σ dy, not softmax's": dy - p * _total(dy, axis),
        "the slope is not applied: this is dy itself": dy,
        "p·(1 − p) without dy: only the Jacobian's diagonal, and dy is not used": p * (1 - p),
        "multiplied by p once too many: p²·(dy − Σ dy·p)": p * p * (dy - total),
    }
    for axes in _other_axes(x.shape, axis):
        q, other = softmax(x, axes), f"{axes_named(axes)} instead of axis {axis}, the classes"
        slips[f"the sum is over {other}"] = p * (dy - _total(dy * p, axes))
        slips[f"softmax over {other}"] = q * (dy - _total(dy * q, axes))
    return slips


def _of_log_softmax(p: np.ndarray, dy: np.ndarray, axis: int) -> Candidates:
    total, right = _total(dy, axis), "dy − p·Σ dy is right"
    slips = {
        "this is dy itself: the path through the sum of exponentials, −p·Σ dy, is missing": dy,
        f"the sum over dy is missing: dy − p, and {right}": dy - p,
        f"dy is not summed: dy − p·dy, and {right}": dy - p * dy,
        f"the sign of the sum is wrong: dy + p·Σ dy, and {right}": dy + p * total,
        f"the factor p is missing: dy − Σ dy, and {right}": dy - total,
        f"dy itself is missing: −p·Σ dy, and {right}": -p * total,
        f"p is inside the sum: dy − Σ dy·p, and {right}": dy - _total(dy * p, axis),
        f"the mean over the classes is used instead of the sum: {right}": dy - p * total / p.shape[axis],
        "log p is used instead of p: dy − y·Σ dy, and dy − exp(y)·Σ dy is right": dy - np.log(p) * total,
        "this is softmax's gradient p·(dy − Σ dy·p), not log-softmax's": p * (dy - _total(dy * p, axis)),
    }
    for axes in _other_axes(p.shape, axis):
        named = f"the sum is over {axes_named(axes)} instead of over axis {axis}, the classes"
        slips[named] = dy - p * _total(dy, axes)
    return slips


def _of_log_sum_exp(x: np.ndarray, p: np.ndarray, dy: np.ndarray, axis: int) -> Candidates:
    top = x.max(axis=axis, keepdims=True)
    slips = {
        "not divided by the sum: dy·exp(x), and dy·exp(x)/Σ exp(x) is right": dy * np.exp(x),
        "not divided by the sum: dy·exp(x − max), and dy·exp(x)/Σ exp(x) is right": dy * np.exp(x - top),
        "this is dy at every entry: the factor softmax(x) is missing": dy + 0 * x,
        "only the largest entry gets the gradient, as for max": dy * (x == top),
    }
    for axes in _other_axes(x.shape, axis):
        slips[f"softmax over the wrong axis: {axes_named(axes)} instead of axis {axis}"] = dy * softmax(
            x, axes
        )
    return slips


def _wide(dy: np.ndarray, p: np.ndarray, axis: int) -> np.ndarray | None:
    """Return dy with an axis of length 1 for the classes, if there is one dy for each sample, or one for all."""
    if dy.size == 1:
        return dy.reshape((1,) * p.ndim)
    samples = p.shape[:axis] + p.shape[axis + 1 :]
    return np.expand_dims(dy.reshape(samples), axis) if dy.shape in (samples, (*samples, 1)) else None


def _targets(e: Evidence, p: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return t and s if the right gradient is s·(p − t), with one s for each sample; else None.

    At the wrong classes right/p is s; so at all classes but one. With two classes, s has the sign of dy.
    """
    dy = _wide(e.dy, p, axis)
    if not e.complete or dy is None:
        return None
    right = e.gradient.numeric
    ratios = np.sort(np.sign(dy) * right / p, axis=axis)
    # the right class has the smallest: its p − t is negative
    s = np.sign(dy) * np.take(ratios, [-1], axis=axis)
    t = p - right / s
    hot = np.abs(t - 1) < 1e-6
    if (hot.sum(axis=axis) == 1).all() and (hot | (np.abs(t) < 1e-6)).all():
        return hot.astype(float), s
    for divisor in (1, p.size // p.shape[axis], p.shape[0], p.size):  # soft targets
        t = p - right * divisor / dy
        near_one = np.abs(t.sum(axis=axis) - 1) < 1e-6
        if near_one.all() and t.min() > -1e-9 and len(np.unique(t.round(6))) == 2:
            return t, dy / divisor + 0 * s
    return None


def _of_cross_entropy(x: np.ndarray, p: np.ndarray, t: np.ndarray, s: np.ndarray, axis: int) -> Candidates:
    d, exp = s * (p - t), np.exp(x)
    right = "p − t is right (t: 1 at the right class)"
    again = "p − t is sent through the softmax's Jacobian again: p − t contains it already"
    slips = {
        f"the −1 at the right class is forgotten: this is p, and {right}": s * p,
        again: p * (d - _total(d * p, axis)),
        "p − t is multiplied by p·(1 − p): p − t contains softmax's derivative already": d * p * (1 - p),
        f"only the right class gets a gradient: the other classes need p, for {right}": d * t,
        f"only the wrong classes get a gradient: the right class needs p − 1, for {right}": d * (1 - t),
        "this is −t/p, the gradient with respect to p: softmax's Jacobian is missing": -s * t / p,
        f"this is −t alone: p is missing, {right}": -s * t,
        f"the sign of the target is wrong: p + t, and {right}": s * (p + t),
        f"the logits are used instead of the probabilities: x − t, and {right}": s * (x - t),
        f"log p is used instead of p: log p − t, and {right}": s * (np.log(p) - t),
        f"exp(x) is not divided by its sum: exp(x) − t, and {right}": s * (exp - t),
        f"exp(x − max) is not divided by its sum: exp(x − max) − t, and {right}": (
            s * (exp / exp.max(axis=axis, keepdims=True) - t)
        ),
        f"1 is subtracted at every class: p − 1, and {right}": s * (p - 1),
        "p·(p − t): multiplied by p once too many": p * d,
    }
    for axes in _other_axes(x.shape, axis):
        other = f"{axes_named(axes)} instead of axis {axis}, the classes"
        slips[f"softmax over the wrong axis: {other}"] = s * (softmax(x, axes) - t)
    if x.ndim == 2:
        slips |= {text: s * (p - wrong) for text, wrong in _of_index(t if axis else t.T, axis)}
    return slips


def _of_targets(e: Evidence, p: np.ndarray, t: np.ndarray, s: np.ndarray, axis: int) -> str | None:
    """Smoothed targets in the loss only, in the gradient only, or smoothed by another amount."""
    used, hot = p - e.analytic / s, t == t.max(axis=axis, keepdims=True)
    one, zero, own, other = (float(v[at].mean().round(9)) + 0.0 for v in (used, t) for at in (hot, ~hot))
    if not e.matches(s * (p - np.where(hot, one, zero))) or one <= zero:
        return None
    return (
        f"label smoothing: the targets are {one:.4g} (right class) and {zero:.4g} (others) in the gradient, but "
        f"{own:.4g} and {other:.4g} in the loss"
    )


def _of_index(t: np.ndarray, axis: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield where a wrong index puts the ones of t (N, classes); transposed if the classes are axis 0."""
    back = np.transpose if axis == 0 else np.asarray
    index = "index with [arange(N), y], not"
    yield (
        f"the −1 is at every class that is a target of any sample: {index} [:, y]",
        back(0 * t + t.max(axis=0)),
    )
    yield f"the −1 is repeated for each sample with this class: {index} [:, y]", back(0 * t + t.sum(axis=0))
    first, samples = np.zeros((2, *t.shape))
    first[0] = t[0]
    yield "the −1 is subtracted in the first sample only", back(first)
    classes = t.argmax(axis=1)
    samples[classes[classes < len(t)]] = 1
    yield f"the −1 is subtracted from whole samples: {index} [y]", back(samples)
    for by in (1, -1):
        yield (
            "the −1 is at the class beside the right one: classes are counted from 0",
            back(np.roll(t, by, axis=1)),
        )

"""Softmax, log-softmax, log-sum-exp and cross-entropy, recognized by their values; and their usual slips.

    softmax          dx = p·(dy − Σ dy·p)                 log-softmax      dx = dy − p·Σ dy
    log-sum-exp      dx = p·dy                            cross-entropy    dx = s·(p − t)

Σ is over the classes. t is the target: 1 at the right class. It is not among the arrays that are checked, but
the right gradient shows it. s is dloss, divided by N for a mean.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence, axes_named

Candidates = Iterator[tuple[str, np.ndarray]]


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
            return e.explained_by(_of_cross_entropy(x, p, *targets, axis))
    return None


def _other_axes(shape: tuple[int, ...], axis: int) -> Iterator[tuple[int, ...]]:
    """Yield other axes than the classes'; those of length 1 make no difference."""
    long = [a for a, n in enumerate(shape) if n > 1]
    for n in range(1, len(long) + 1):
        yield from (axes for axes in combinations(long, n) if axes != (axis,))


def _of_softmax(x: np.ndarray, p: np.ndarray, dy: np.ndarray, axis: int) -> Candidates:
    def total(v: np.ndarray, axes: int | tuple[int, ...] = axis) -> np.ndarray:
        return v.sum(axis=axes, keepdims=True)

    yield "softmax's denominator is treated as a constant: this is p·dy, and −p·Σ dy·p is missing", p * dy
    yield (
        "the sign of the sum is wrong: p·(dy + Σ dy·p), and p·(dy − Σ dy·p) is right",
        p * (dy + total(dy * p)),
    )
    yield "the p inside the sum is missing: p·(dy − Σ dy), and p·(dy − Σ dy·p) is right", p * (dy - total(dy))
    yield "the factor p in front is missing: dy − Σ dy·p, and p·(dy − Σ dy·p) is right", dy - total(dy * p)
    yield (
        "the mean over the classes is used instead of the sum: p·(dy − mean(dy·p))",
        p * (dy - (dy * p).mean(axis=axis, keepdims=True)),
    )
    yield "this is p − dy: the gradient of cross-entropy, not of softmax", p - dy
    yield "this is log-softmax's gradient dy − p·Σ dy, not softmax's", dy - p * total(dy)
    yield "only the paths to the other outputs are there: −p·Σ dy·p, and p·dy is missing", -p * total(dy * p)
    yield "the slope is not applied: this is dy itself", dy
    yield "p·(1 − p) without dy: only the Jacobian's diagonal, and dy is not used", p * (1 - p)
    yield "multiplied by p once too many: p²·(dy − Σ dy·p)", p * p * (dy - total(dy * p))
    for axes in _other_axes(x.shape, axis):
        named = f"the sum is over {axes_named(axes)} instead of over axis {axis}, the classes"
        yield named, p * (dy - total(dy * p, axes))
        q = softmax(x, axes)
        yield (
            f"softmax over {axes_named(axes)} instead of axis {axis}, the classes",
            q * (dy - total(dy * q, axes)),
        )


def _of_log_softmax(p: np.ndarray, dy: np.ndarray, axis: int) -> Candidates:
    def total(v: np.ndarray) -> np.ndarray:
        return v.sum(axis=axis, keepdims=True)

    yield "this is dy itself: the path through the sum of exponentials, −p·Σ dy, is missing", dy
    yield "the sum over dy is missing: dy − p, and dy − p·Σ dy is right", dy - p
    yield "dy is not summed: dy − p·dy, and dy − p·Σ dy is right", dy - p * dy
    yield "the sign of the sum is wrong: dy + p·Σ dy, and dy − p·Σ dy is right", dy + p * total(dy)
    yield "the factor p is missing: dy − Σ dy, and dy − p·Σ dy is right", dy - total(dy)
    yield "dy itself is missing: −p·Σ dy, and dy − p·Σ dy is right", -p * total(dy)
    yield "log p is used instead of p: dy − y·Σ dy, and dy − exp(y)·Σ dy is right", dy - np.log(p) * total(dy)
    yield "p is inside the sum: dy − Σ dy·p, and dy − p·Σ dy is right", dy - total(dy * p)
    yield "this is softmax's gradient p·(dy − Σ dy·p), not log-softmax's", p * (dy - total(dy * p))
    yield (
        "the mean over the classes is used instead of the sum: dy − p·mean(dy)",
        dy - p * dy.mean(axis=axis, keepdims=True),
    )
    yield "divided by p only: dy/p, the gradient of the logarithm alone", dy / p
    for axes in _other_axes(p.shape, axis):
        named = f"the sum is over {axes_named(axes)} instead of over axis {axis}, the classes"
        yield named, dy - p * dy.sum(axis=axes, keepdims=True)


def _of_log_sum_exp(x: np.ndarray, p: np.ndarray, dy: np.ndarray, axis: int) -> Candidates:
    shifted = np.exp(x - x.max(axis=axis, keepdims=True))
    yield "not divided by the sum: dy·exp(x), and dy·exp(x)/Σ exp(x) is right", dy * np.exp(x)
    yield "not divided by the sum: dy·exp(x − max), and dy·exp(x)/Σ exp(x) is right", dy * shifted
    yield "this is dy at every entry: the factor softmax(x) is missing", dy + 0 * x
    yield "this is dy/Σ exp(x): the factor exp(x) is missing", dy / np.exp(x).sum(axis=axis, keepdims=True)
    yield "only the largest entry gets the gradient, as for max", dy * (x == x.max(axis=axis, keepdims=True))
    yield "p·(1 − p) is used instead of p = softmax(x)", dy * p * (1 - p)
    yield "log p is used instead of p = softmax(x)", dy * np.log(p)
    for axes in _other_axes(x.shape, axis):
        yield f"softmax over the wrong axis: {axes_named(axes)} instead of axis {axis}", dy * softmax(x, axes)


def _wide(dy: np.ndarray, p: np.ndarray, axis: int) -> np.ndarray | None:
    """Return dy with an axis of length 1 for the classes, if there is one dy for
    each sample, or one for all.
    """
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
    s = np.sign(dy) * np.take(
        ratios, [-1], axis=axis
    )  # the right class has the smallest: its p − t is negative
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
    d = s * (p - t)
    right = "p − t is right (t: 1 at the right class)"
    yield f"the −1 at the right class is forgotten: this is p, and {right}", s * p
    yield (
        "p − t is sent through the softmax's Jacobian again: p − t contains it already",
        p * (d - (d * p).sum(axis=axis, keepdims=True)),
    )
    yield "p − t is multiplied by p·(1 − p): p − t contains softmax's derivative already", d * p * (1 - p)
    yield f"only the right class gets a gradient: the other classes need p, for {right}", d * t
    yield f"only the wrong classes get a gradient: the right class needs p − 1, for {right}", d * (1 - t)
    yield (
        "this is −t/p, the gradient with respect to the probabilities p: softmax's Jacobian is missing",
        -s * t / p,
    )
    yield f"this is −t alone: p is missing, {right}", -s * t
    yield f"the sign of the target is wrong: p + t, and {right}", s * (p + t)
    yield f"the logits are used instead of the probabilities: x − t, and {right}", s * (x - t)
    yield f"log p is used instead of p: log p − t, and {right}", s * (np.log(p) - t)
    yield f"exp(x) is not divided by its sum: exp(x) − t, and {right}", s * (np.exp(x) - t)
    top = np.exp(x - x.max(axis=axis, keepdims=True))
    yield f"exp(x − max) is not divided by its sum: exp(x − max) − t, and {right}", s * (top - t)
    yield f"1 is subtracted at every class: p − 1, and {right}", s * (p - 1)
    yield f"this is 1 − p: {right}", s * (1 - p)
    yield f"p − t is squared: {right}", s * (p - t) ** 2
    yield "p·(p − t): multiplied by p once too many", p * d
    if x.ndim == 2:
        rows = 1 - axis
        anywhere = t.max(axis=rows, keepdims=True)
        yield (
            "the −1 is at every class that is a target of any sample: index with [arange(N), y], not [:, y]",
            s * (p - anywhere),
        )
        yield (
            "the −1 is repeated for each sample with this class: index with [arange(N), y], not [:, y]",
            s * (p - t.sum(axis=rows, keepdims=True)),
        )
        first = np.zeros_like(t)
        np.moveaxis(first, rows, 0)[0] = np.moveaxis(t, rows, 0)[0]
        yield "the −1 is subtracted in the first sample only", s * (p - first)
        classes = t.argmax(axis=axis)
        if classes.max() < x.shape[rows]:
            own = np.zeros_like(t)
            np.moveaxis(own, rows, 0)[classes] = 1
            yield "the −1 is subtracted from whole samples: index with [arange(N), y], not [y]", s * (p - own)
        for by in (1, -1):
            yield (
                "the −1 is at the class beside the right one: classes are counted from 0",
                s * (p - np.roll(t, by, axis=axis)),
            )
    for axes in _other_axes(x.shape, axis):
        yield (
            f"softmax over the wrong axis: {axes_named(axes)} instead of axis {axis}, the classes",
            s * (softmax(x, axes) - t),
        )

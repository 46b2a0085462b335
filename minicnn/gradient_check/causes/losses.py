"""Losses of regression and of two classes, recognized by the right gradient; and their usual slips.

    squared error           c·Σ (x − t)²         dx = 2c·dy·(x − t)
    absolute error          c·Σ |x − t|          dx = c·dy·sign(x − t)
    binary cross-entropy    of p = σ(x)          dx = s·(p − t)
    hinge, many classes     Σ max(0, x_j − x_t + 1)      dx = s·active, and −s·(their count) at the right class

The target t is not among the arrays that are checked: the right gradient and the loss itself show it.
"""

from collections.abc import Iterator

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence

FAR = 1e3  # an entry moved by this much is on the other side of its target
MOST_CALLS = 500


def loss_slips(e: Evidence) -> str | None:
    """Recognize the loss; then compare the slips."""
    if not e.complete or e.array.size < 3 or e.array.ndim == 0:
        return None
    for known in (_squared, _absolute, _binary, _binary_of_p, _of_p, _hinge):
        cause = e.explained_by(known(e))
        if cause:
            return cause
    return None


def _squared(e: Evidence) -> Iterator[tuple[str, np.ndarray]]:
    """Σ right² = 4·c·dy·(c·dy·Σ (x − t)²) gives c; it must be one of the usual factors."""
    right, n = e.gradient.numeric, e.array.shape[0]
    if e.dy.size == 1:
        dy = float(e.dy.ravel()[0])
        c = float((right**2).sum() / (4 * dy * dy * e.y.ravel()[0]))
        usual = (1, 0.5, 1 / n, 0.5 / n, 1 / e.array.size, 0.5 / e.array.size, 1 / e.array.shape[-1])
        if not any(abs(c - known) < 1e-6 * known for known in usual):
            return
        scale: np.ndarray | float = dy * c
    elif e.dy.shape == e.array.shape[:-1]:  # a loss for each sample
        c = float(np.median(((right / e.dy[..., None]) ** 2).sum(axis=-1) / (4 * e.y)))
        if not any(
            abs(c - known) < 1e-6 * known for known in (1, 0.5, 1 / right.shape[-1], 0.5 / right.shape[-1])
        ):
            return
        if not np.allclose(((right / e.dy[..., None]) ** 2).sum(axis=-1), 4 * c * e.y):
            return
        scale = c * np.broadcast_to(e.dy[..., None], right.shape)
    elif e.dy.shape == e.array.shape and e.slopes is not None:  # (x − t)², entry by entry
        scale, step = e.dy, 1e-3
        c = float(np.median((e.slope_at(e.array + step) - e.slope_at(e.array)) / (2 * step)))
        if not np.allclose(c * (right / (2 * c * e.dy)) ** 2, e.y):
            return
        scale = c * e.dy
    else:
        return
    d = right / (2 * scale)  # x − t
    t = e.array - d
    if not t.any():
        return
    yield (
        "the sign of the error is used: sign(x − t) is for the absolute error, and 2·(x − t) is right",
        scale * np.sign(d),
    )
    yield "the sign of the error is used: 2·sign(x − t), and 2·(x − t) is right", 2 * scale * np.sign(d)
    yield "the target is forgotten: this is 2·x, and 2·(x − t) is right", 2 * scale * e.array
    yield "the target is added: 2·(x + t), and 2·(x − t) is right", 2 * scale * (e.array + t)
    yield "the target is used instead of x: −2·t, and 2·(x − t) is right", -2 * scale * t
    yield "this is the squared error (x − t)² itself, not its derivative", scale * d**2
    yield "the error is squared: 2·(x − t)², and 2·(x − t) is right", 2 * scale * d**2
    yield "the absolute error is used: 2·|x − t|, and 2·(x − t) is right", 2 * scale * np.abs(d)


def _absolute(e: Evidence) -> Iterator[tuple[str, np.ndarray]]:
    right = e.gradient.numeric
    if e.dy.size != 1 or not right.all() or e.array.size > MOST_CALLS:
        return
    s = float(np.abs(right).max())
    if np.ptp(np.abs(right)) > 1e-6 * s:
        return
    side, dy = np.sign(right / e.dy.ravel()[0]), float(e.dy.ravel()[0])
    here, unit = float(e.y.ravel()[0]), s / abs(dy)
    d = np.empty(e.array.shape)
    for i in np.ndindex(d.shape):  # |d| is known from what the loss becomes on the other side of t
        moved = e.array.copy()
        moved[i] -= side[i] * FAR
        d[i] = (
            side[i] * (FAR - (float(np.real(e.ask(**{e.gradient.name: moved})).ravel()[0]) - here) / unit) / 2
        )
    yield "the error itself is used: x − t, and its sign is right", unit * dy * d
    yield "2·(x − t) is used, for the squared error: sign(x − t) is right", 2 * unit * dy * d
    yield "the sign of the error is missing: 1 at every entry, and sign(x − t) is right", 0 * d + unit * dy
    yield "the sign of x is used: sign(x − t) is right", unit * dy * np.sign(e.array)
    yield "1 only where x > t, else 0: where x < t the gradient is −1", unit * dy * (d > 0)
    yield "the absolute error is used: |x − t|, and its sign is right", unit * dy * np.abs(d)


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


def _binary(e: Evidence) -> Iterator[tuple[str, np.ndarray]]:
    p = 1 / (1 + np.exp(-e.array))
    for s in _scales(e):
        t = p - e.gradient.numeric / s
        if not _two_valued(t):
            continue
        t = t.round()
        right = "for the loss of a sigmoid p − t is right"
        yield (
            f"multiplied by p·(1 − p), the sigmoid's slope: {right}, it contains the slope already",
            s * (p - t) * p * (1 - p),
        )
        yield f"the target is forgotten: this is p; {right}", s * p
        yield (
            f"the sigmoid's slope p·(1 − p) is missing: this is the gradient with respect to p; {right}",
            s * (p - t) / (p * (1 - p)),
        )
        yield (
            f"only the first term, −t·(1 − p): the term of the other class, (1 − t)·p, is missing; {right}",
            -s * t * (1 - p),
        )
        yield f"only the second term, (1 − t)·p: the term −t·(1 − p) is missing; {right}", s * (1 - t) * p
        yield f"the logits are used instead of the probabilities: x − t; {right}", s * (e.array - t)
        yield f"this is −t/p, the gradient with respect to p; {right}", -s * t / p
        yield f"the sign of the target is wrong: p + t; {right}", s * (p + t)
        yield f"p is rounded to 0 or 1 before the target is subtracted; {right}", s * (p.round() - t)
        yield (
            f"the sign between the two terms is wrong: (1 − t)·p + t·(1 − p); {right}",
            s * ((1 - t) * p + t * (1 - p)),
        )
        return


def _binary_of_p(e: Evidence) -> Iterator[tuple[str, np.ndarray]]:
    p = e.array
    if p.min() <= 0 or p.max() >= 1:
        return
    for s in _scales(e):
        t = p - e.gradient.numeric / s * p * (1 - p)
        if not _two_valued(t):
            continue
        t = t.round()
        right = "(p − t)/(p·(1 − p)) is right"
        yield (
            f"this is p − t, the gradient with respect to the logits: with respect to p, {right}",
            s * (p - t),
        )
        yield f"only the first term, −t/p: (1 − t)/(1 − p) is missing; {right}", -s * t / p
        yield f"only the second term, (1 − t)/(1 − p): −t/p is missing; {right}", s * (1 - t) / (1 - p)
        yield (
            f"the sign between the two terms is wrong: −t/p − (1 − t)/(1 − p); {right}",
            s * (-t / p - (1 - t) / (1 - p)),
        )
        yield (
            f"the signs of the terms are wrong: t/p + (1 − t)/(1 − p); {right}",
            s * (t / p + (1 - t) / (1 - p)),
        )
        yield f"multiplied by p·(1 − p) instead of divided by it; {right}", s * (p - t) * p * (1 - p)
        return


def _of_p(e: Evidence) -> Iterator[tuple[str, np.ndarray]]:
    """Cross-entropy of probabilities: −s·t/p, nonzero at the right class only."""
    p, right = e.array, e.gradient.numeric
    if p.min() <= 0 or p.max() >= 1:
        return
    for s in _scales(e):
        t = -right * p / s
        if _two_valued(t):
            t = t.round()
            yield (
                "this is p − t, the gradient with respect to the logits: with respect to p it is −t/p",
                s * (p - t),
            )
            yield "this is −t: 1/p, the derivative of the logarithm, is missing", -s * t
            yield "this is −1/p at every class: only the right class (t = 1) has a gradient", -s / p
            yield "this is −log p: the loss itself, not its derivative −t/p", -s * t * np.log(p)
            yield "multiplied by p instead of divided by it: −t·p, and −t/p is right", -s * t * p
            return


def _hinge(e: Evidence) -> Iterator[tuple[str, np.ndarray]]:
    """In each row one entry is minus the sum of the others, and those are 0 or one number s."""
    right = e.gradient.numeric
    if right.ndim != 2 or right.shape[1] < 3 or e.dy.size not in (1, len(right)):
        return
    right = right * np.sign(e.dy.reshape(-1, 1))
    top = right.max(axis=1, keepdims=True)
    s = np.where(top > 0, top, top.max())
    active = np.abs(right - s) < 1e-6 * s
    correct = right < -1e-9
    empty = ~correct.any(
        axis=1, keepdims=True
    )  # every margin is met: which class is right, only the given row shows
    correct |= empty & (np.abs(e.analytic) > 1e-9)
    if (
        not (active | correct | (np.abs(right) < 1e-9)).all()
        or correct.sum(axis=1).max() > 1
        or not correct.any()
    ):
        return
    count = active.sum(axis=1, keepdims=True)
    if not np.allclose(np.where(correct, right + count * s, 0), 0):
        return
    sign = np.sign(e.dy.reshape(-1, 1))
    rule = "the right class has minus the count of the margins that are not met"
    for value, text in (
        (-s, f"the right class has −1 for one margin only: {rule}"),
        (0 * s, f"the right class gets no gradient: {rule}"),
        (count * s, f"the sign at the right class is wrong: {rule}"),
        (-(count + 1) * s, f"the right class itself is counted as a margin: {rule}, itself left out"),
        (-s * (right.shape[1] - 1), f"every class is counted, also where the margin is met: {rule}"),
    ):
        yield text, sign * np.where(correct, value, right)
    yield (
        "only the right class gets a gradient: the classes whose margin is not met need 1",
        sign * np.where(correct, right, 0),
    )

"""Slips that concern several operations together: a softmax, the weights of a sum, the parts of a concatenation."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations, permutations, product
from typing import Any

import numpy as np

from minicnn.gradient_check.causes.softmax import softmax
from minicnn.gradient_check.causes.step import Change, Slips, Step
from minicnn.gradient_check.causes.words import axes_named

JOINS = ("concatenate", "stack", "hstack", "vstack", "block")
MOST_PRODUCTS = 8
MOST_PIECES = 4


def _total(v: np.ndarray, axis: int) -> np.ndarray:
    return v.sum(axis=axis, keepdims=True)


# p the probabilities, d the derivative of the scores, a the axis; each with the formula of the backward pass
OF_SOFTMAX: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "the softmax's denominator is treated as a constant: p·dp, and −p·Σ dp·p is missing": lambda p, d, a: (
        p * d
    ),
    "only the diagonal of the softmax's Jacobian is used: p·(1 − p)": lambda p, d, a: p * (1 - p) * d,
    "the softmax is left out of the backward pass: its Jacobian is missing": lambda p, d, a: d,
    "the sign of the softmax's sum is wrong: p·(dp + Σ dp·p)": lambda p, d, a: p * (d + _total(p * d, a)),
    "the p in the softmax's sum is missing: p·(dp − Σ dp)": lambda p, d, a: p * d - _total(p * d, a),
    "the softmax's p in front is missing: dp − Σ dp·p": lambda p, d, a: d - p * _total(d, a),
    "the softmax's p is at the sum only: dp − p·Σ dp·p": lambda p, d, a: d - p * _total(p * d, a),
}


def softmaxes(step: Step, n: int | None, slots: Sequence[int], steps: list[Step]) -> Slips:
    """Probabilities p that several operations compute from scores z; dz = p·(dp − Σ dp·p) has a slip."""
    p = step.output.real
    if n is not None or p.size < 2 or step.name not in ("divide", "multiply", "exp"):
        return
    axes = [a for a in range(p.ndim) if p.shape[a] > 1]
    for axis in axes:
        if (p >= 0).all() and np.allclose(p.sum(axis=axis), 1):
            scores = [_scores(slot, axis, steps) for slot in slots]
            if None in scores:
                return
            forms = dict(OF_SOFTMAX)
            for other in axes:
                if other != axis:
                    text = f"the softmax's sum is over the wrong axis, {other} instead of {axis} of {p.shape}"
                    forms[text] = partial(_over, other=other)
            for text, form in forms.items():
                changes: dict[int, Change] = {}
                for slot, score in zip(slots, scores):
                    kept: list[np.ndarray] = []
                    changes[score[0]] = partial(_kept, m=score[1], kept=kept)  # type: ignore[index]
                    changes[slot] = partial(_softmax, form=form, axis=axis, kept=kept)
                yield text, changes
            return


def _scores(slot: int, axis: int, steps: list[Step]) -> tuple[int, int] | None:
    """Return (slot, input) of the first operation that takes the scores z of which an output is the softmax."""
    p = next(s.output.real for s in steps if s.slot == slot)
    for s in steps:
        for m in s.active if s.slot < slot else ():
            z = np.real(s.inputs[m])
            if z.shape == p.shape and np.allclose(softmax(z, axis), p):
                return s.slot, m
    return None


def _over(p: np.ndarray, d: np.ndarray, a: int, other: int) -> np.ndarray:
    return p * (d - _total(p * d, other))


def _kept(step: Step, m: int, kept: list[np.ndarray]) -> np.ndarray:
    kept[:] = [np.imag(step.inputs[m])]
    return step.output.imag


def _softmax(step: Step, form: Callable[..., np.ndarray], axis: int, kept: list[np.ndarray]) -> np.ndarray:
    return form(step.output.real, kept[0], axis)


def projections(step: Step, n: int | None, slots: Sequence[int], steps: list[Step]) -> Slips:
    """u = x/|x|, the norm along an axis: u′ = d − u·Σ u·d with d = x′/|x|, and the sum is over other axes."""
    if n is not None or step.name not in ("divide", "multiply") or 0 not in step.active:
        return
    u = step.output.real
    for axis in range(u.ndim):
        squares = (u**2).sum(axis=axis, keepdims=True)
        if u.shape[axis] < 2 or np.shape(step.inputs[1]) != squares.shape or np.ptp(squares) > 1e-3:
            continue
        for axes in (a for m in range(1, u.ndim + 1) for a in combinations(range(u.ndim), m) if a != (axis,)):
            text = f"in the path through the norm the sum is over {axes_named(axes)} instead of axis {axis}"
            yield text, partial(_projected, axes=axes, count=round(float(squares.mean())))


def _projected(s: Step, n: int | None, axes: tuple[int, ...], count: int) -> np.ndarray:
    d, u = s.part(0), s.output.real
    return d - u * (u * d).sum(axis=axes, keepdims=True) / count


def exchanged(step: Step, n: int | None, slots: Sequence[int], steps: list[Step]) -> Slips:
    """The weights of the products of a sum have changed places: z·a + (1 − z)·b, or the corners of a resize."""
    if n is not None or step.name != "multiply" or step.place is None:
        return
    groups: dict[Any, list[Step]] = {}
    for s in steps:
        alike = s.name == "multiply" and s.active and s.place and s.place.within == step.place.within
        if alike and s.output.shape == step.output.shape and s.slot <= slots[-1]:
            groups.setdefault(s.place.calls, []).append(s)  # type: ignore[union-attr]
    products = [group for group in groups.values() if len(group) == len(slots)][-MOST_PRODUCTS:]
    if not products or products[-1][-1].slot != slots[-1]:
        return
    for group in products[:-1]:
        for one, other in product(_weights(products[-1][0]), _weights(group[0])):
            yield from _in_order([products[-1], group], [one, other], (1, 0))
    for some in combinations(products[:-1], 3):
        weights = [_weights(group[0]) for group in (*some, products[-1])]
        if all(len(each) == 1 for each in weights):
            for order in permutations(range(4)):  # those of two are above
                if sum(a != b for a, b in enumerate(order)) == 2:
                    continue
                yield from _in_order([*some, products[-1]], [each[0] for each in weights], order)


def _weights(step: Step) -> list[int]:
    """Return which factors of a product may be the weight: those without a derivative, if there are any."""
    return [m for m in (0, 1) if m not in step.active] or [0, 1]


def _in_order(
    products: list[list[Step]], weights: list[int], order: Sequence[int]
) -> Iterator[tuple[str, Any]]:
    changes: dict[int, Change] = {}
    names = []
    for k, (group, m) in enumerate(zip(products, weights)):
        for s, other in zip(group, products[order[k]]):
            value = np.real(other.inputs[weights[order[k]]])
            if np.shape(value) != np.shape(s.inputs[m]):
                return
            changes[s.slot] = partial(_weighted, m=m, value=value)
        text = group[0].place.text if group[0].place else None
        names.append(f"“{text.operands[m]}”" if text and len(text.operands) == 2 else "one")
    yield f"the weights of products are exchanged: {', '.join(names)}", changes


def _weighted(step: Step, m: int, value: np.ndarray) -> np.ndarray:
    return step.part(None, {m: value})


def pieces(step: Step, n: int | None, slots: Sequence[int], steps: list[Step]) -> Slips:
    """The gradients of the pieces of an array, as the gates of an LSTM, are put together in another order."""
    whole, piece = np.shape(step.inputs[0]), step.output.shape
    if step.name != "[]" or len(whole) < 2 or len(piece) < len(whole) - 1:
        return
    if len(whole) == len(piece) and sum(a != b for a, b in zip(whole, piece)) != 1:  # cut along one axis
        return
    groups: dict[bytes, list[Step]] = {}
    for s in steps:
        if (
            s.name == "[]"
            and s.inputs[0].shape == step.inputs[0].shape
            and s.output.shape == step.output.shape
        ):
            groups.setdefault(s.inputs[0].real.tobytes(), []).append(s)
    cuts = [group for group in groups.values() if slots[-1] >= group[0].slot or len(groups) == 1]
    length = len(cuts[-1]) if cuts else 0
    if (
        not 1 < length <= MOST_PIECES
        or any(len(cut) != length for cut in cuts)
        or cuts[0][0].slot != slots[0]
    ):
        return
    for order in list(permutations(range(length)))[1:]:
        text = f"the pieces of an array are exchanged: their gradients are put together in the order {order}"
        yield (
            text,
            {
                cut[k].slot: partial(_read, key=cut[other].inputs[-1].key)
                for cut in cuts
                for k, other in enumerate(order)
            },
        )


def _read(step: Step, key: Any) -> np.ndarray:
    return np.imag(step.inputs[0])[key]


def blocks(step: Step, n: int | None, slots: Sequence[int], steps: list[Step]) -> Slips:
    """The gradient of a concatenation is cut into its parts, and one of them is forgotten behind this operation."""
    m = step.active[0] if n is None else n
    if len(slots) > 1 or (n is None and len(step.active) > 1):
        return
    for join in steps:
        if join.name in JOINS and join.slot < step.slot and np.array_equal(join.output, step.inputs[m]):
            for k in join.active:
                inputs = [
                    np.real(each) + 0j if i in join.active else each for i, each in enumerate(join.inputs)
                ]
                inputs[k] = inputs[k] + 1j
                there = np.imag(np.asarray(join.again(inputs)))
                name = join.place.text.where(k) if join.place else "one"
                yield (
                    f"the path through {name} is missing, one part of this array",
                    partial(_cut, m=m, cut=there),
                )


def uses(step: Step, n: int | None, slots: Sequence[int], steps: list[Step]) -> Slips:
    """Of an array that is used at several places one use counts, or of an item its last one: = for +=."""
    m = step.active[0] if n is None else n
    array = step.inputs[m]
    if (n is None and len(step.active) > 1) or np.size(array) < 2:
        return
    inputs = ((s, k, each) for s in steps if not s.late for k, each in enumerate(s.inputs))
    alike = ((s, k, a) for s, k, a in inputs if isinstance(a, np.ndarray) and a.shape == array.shape)
    uses = [(s, k) for s, k, a in alike if a.dtype == array.dtype and np.array_equal(a, array)]
    elsewhere = [(s, k) for s, k in uses if s.slot not in slots]
    if elsewhere and len(uses) - len(elsewhere) == len(slots):
        text = "of several uses of an array only this one counts: = is used instead of +="
        yield text, {s.slot: partial(_dropped, k=k) for s, k in elsewhere}
    text = "of an item that is used several times only the last time counts: = is used instead of +="
    of_all = [s for s, k in uses if s.name == "[]" and k == 0]
    for items in (of_all, [s for s in of_all if s.slot in slots]) if step.name == "[]" else ():
        last = {(s.place and s.place.calls, str(s.inputs[-1].key)): s.slot for s in items}
        if 1 < len(last) < len(items):
            yield text, {s.slot: partial(_dropped, k=0) for s in items if s.slot not in last.values()}


def _dropped(step: Step, k: int) -> np.ndarray:
    return step.output.imag - step.part(k)


def _cut(step: Step, n: int | None, m: int, cut: np.ndarray) -> np.ndarray:
    inputs = [*step.inputs]
    inputs[m] = inputs[m].real + 1j * inputs[m].imag * (1 - cut)
    return step._replace(inputs=inputs).part(m)

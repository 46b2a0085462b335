"""The wrong place at one step: which entries are chosen or written, in which order, and which windows are read.

Each function yields (what is wrong, the derivative that this gives), as those of slips.py.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from minicnn.gradient_check.causes.others import PRODUCTS
from minicnn.gradient_check.causes.several import JOINS, MOST_PIECES
from minicnn.gradient_check.causes.step import Index, Slips, Step
from minicnn.gradient_check.causes.words import orders
from minicnn.gradient_check.foreign import Nudged

MOST_IN_A_JACOBIAN = 200


def places(step: Step, n: int | None, slots: Sequence[int], steps: list[Step]) -> Slips:
    """The derivative is rearranged, masked, or read somewhere else."""
    one = n if n is not None else step.active[0] if len(step.active) == 1 else None
    if step.name == "where" and one is not None and np.shape(step.inputs[one]) == step.output.shape:
        yield "the mask of np.where is missing", lambda s, n: np.imag(s.inputs[one])
    shapes = [np.shape(step.inputs[k]) for k in step.active]
    if step.name in JOINS and 1 < len(shapes) <= MOST_PIECES and len(set(shapes)) == 1:
        for order in list(orders(range(len(shapes))))[1:]:
            yield (
                "the blocks of the gradient are exchanged",
                partial(_exchanged, active=step.active, order=order),
            )
    if step.name == "[]" and _repeats(step.inputs[-1].key):
        yield (
            "an index that repeats: only one of its gradients counts (np.add.at adds them all, += does not)",
            _only_last,
        )
    if len(step.active) == 1 and np.size(step.inputs[step.active[0]]) == step.output.size:
        k = step.active[0]
        if step.name in (
            "transpose",
            "swapaxes",
            "moveaxis",
            "rollaxis",
            "reshape",
            "[]",
            "ravel",
            "flatten",
        ):
            for order in orders(range(np.ndim(step.inputs[k]))):
                text = "a reshape is used where a transpose belongs, or the axes are in another order"
                if step.name == "[]" and order == tuple(sorted(order)):
                    text = "the index is ignored: the gradient must be put back where the numbers were taken"
                yield text, partial(_reshaped, k=k, order=order)
    if len(step.active) == 1 and step.source is None and step.name not in ("matmul", "dot"):
        k = step.active[0]
        if step.output.shape == step.inputs[k].shape and 1 < step.output.size <= MOST_IN_A_JACOBIAN:
            yield (
                "the operation itself is used in the backward pass: it must be transposed",
                partial(_itself, k=k),
            )
    if step.name == "repeat":
        yield "np.tile's order is used for np.repeat's: the axes of the reshape are swapped", _tiled
    own = "the value of this line is there once too {}: the path through it is {} it"
    yield own.format("often", "multiplied by"), lambda s, n: s.part(n) * s.output.real
    yield own.format("few", "divided by"), lambda s, n: s.part(n) / s.output.real
    if step.name in ("where", "maximum", "minimum") and n is None:
        text = f"the mask of np.{step.name} is inverted: what it leaves out gets the gradient"
        yield text, lambda s, n: sum(np.imag(s.inputs[k]) for k in s.active) - s.part(n)
    if step.name in CHOICES and one == 0:
        for text, of in CHOICES_WRONG.items():
            yield text, partial(_chosen, of=of)


CHOICES = ("take_along_axis", "max", "amax", "min", "amin", "maximum.reduce", "minimum.reduce")
CHOICES_WRONG: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "every entry gets the gradient, and only the one that was taken should": lambda d, a: d.sum(a),
    "always the first entry gets the gradient: it must be the one that was taken": lambda d, a: d.take(0, a),
    "all entries share the gradient, and only the one that was taken should get it": lambda d, a: d.mean(a),
}


def _chosen(s: Step, n: int | None, of: Callable[[np.ndarray, int], np.ndarray]) -> np.ndarray:
    d = np.imag(s.inputs[0])
    axes = [a for a in range(d.ndim) if d.size == s.output.size * d.shape[a]]
    kept = [a for a in axes if s.output.shape in (d.sum(a).shape, d.sum(a, keepdims=True).shape)]
    return of(d, kept[0]).reshape(s.output.shape)


def _itself(s: Step, n: int | None, k: int) -> np.ndarray:
    inputs, moved = [*s.inputs], np.empty((s.output.size, s.output.size))
    for i in range(s.output.size):
        one = np.zeros(s.output.size)
        one[i] = 1
        inputs[k] = (s.inputs[k].real + 1j * one.reshape(s.output.shape)).view(Nudged)
        moved[i] = np.imag(np.asarray(s.again(inputs))).ravel()
    return (moved @ np.imag(s.inputs[k]).ravel()).reshape(s.output.shape)


def _exchanged(s: Step, n: int | None, active: list[int], order: tuple[int, ...]) -> np.ndarray:
    inputs = list(s.inputs)
    for k, other in zip(active, order):
        inputs[k] = np.real(s.inputs[k]) + 1j * np.imag(s.inputs[active[other]])
    return np.imag(np.asarray(s.again(inputs)))


def _repeats(key: Any) -> bool:
    return any(isinstance(part, np.ndarray | list) for part in _parts(key))


def _only_last(s: Step, n: int | None) -> np.ndarray:
    whole = s.inputs[0]
    taken = np.asarray(np.arange(whole.size).reshape(whole.shape)[s.inputs[-1].key]).ravel()
    last = len(taken) - 1 - np.unique(taken[::-1], return_index=True)[1]
    kept = np.zeros(len(taken))
    kept[last] = 1
    return s.output.imag * kept.reshape(s.output.shape)


def _reshaped(s: Step, n: int | None, k: int, order: tuple[int, ...]) -> np.ndarray:
    return np.imag(s.inputs[k]).transpose(order).reshape(s.output.shape)


def _tiled(s: Step, n: int | None) -> np.ndarray:
    given = np.imag(s.inputs[0])
    return np.tile(given, [b // a for a, b in zip(given.shape, s.output.shape)])


def windows(step: Step, n: int | None, slots: Sequence[int], steps: list[Step]) -> Slips:
    """x[i·stride + a] read or written at i + a; for a product, where its other factor was read."""
    if len(slots) < 2 or step.place is None:
        return
    if step.name == "[]":
        kinds = [*map(type, _parts(step.inputs[-1].key))]
        line = [
            s
            for s in steps
            if s.place and s.place.line[1:] == step.place.line[1:] and s.name in ("[]", "[]=")
        ]
        line = [s for s in line if [*map(type, _parts(s.inputs[-1].key))] == kinds]
        for said, moved in _moved([_parts(s.inputs[-1].key) for s in line], np.shape(step.inputs[0])):
            indices = _indices(line, moved)
            yield said, indices
            yield said, {slot: partial(_read, index=index) for slot, index in indices.items()}
    for m, value in enumerate(step.inputs if step.name in ("multiply", *PRODUCTS) else ()):
        if m in step.active or np.ndim(value) < 2:
            continue
        reads = [read for slot in slots if (read := _reading(slot, m, steps))]
        shape, keys = np.shape(reads[0].inputs[0]) if reads else (), [_parts(r.inputs[-1].key) for r in reads]
        alike = {(np.shape(read.inputs[0]), len(key)) for read, key in zip(reads, keys)}
        for said, moved in _moved(keys, shape) if len(reads) == len(slots) and len(alike) == 1 else ():
            parts = {slot: read.inputs[0].real[tuple(key)] for slot, read, key in zip(slots, reads, moved)}
            yield said, {slot: partial(_of_part, m=m, part=part) for slot, part in parts.items()}


def _reading(slot: int, m: int, steps: list[Step]) -> Step | None:
    """Return the operation that reads the part of an array which is an input here."""
    value = next(np.real(s.inputs[m]) for s in steps if s.slot == slot)
    before = (s for s in reversed(steps) if s.slot < slot and s.name == "[]")
    return next((s for s in before if np.array_equal(s.output.real, value)), None)


def _of_part(s: Step, m: int, part: np.ndarray) -> np.ndarray:
    return s.part(None, {m: part})


def _moved(keys: list[tuple[Any, ...]], shape: tuple[int, ...]) -> Iterator[tuple[str, list[Any]]]:
    """Yield (what is wrong, the keys that it gives) for the parts of an array that a loop reads."""
    ranked, dense, first = ([list(key) for key in keys] for _ in range(3))
    alone: dict[int, list[Any]] = {}
    for axis, parts in enumerate(zip(*keys)):
        if all(isinstance(p, slice) and isinstance(p.start, int) and isinstance(p.stop, int) for p in parts):
            starts = sorted({p.start for p in parts})
            ranks = {start: starts[0] + rank for rank, start in enumerate(starts)}
            for key, near, p in zip(ranked, dense, parts):
                key[axis] = slice(ranks[p.start], ranks[p.start] + p.stop - p.start, p.step)
                near[axis] = slice(p.start, p.start + len(range(*p.indices(shape[axis]))))
            if any(key[axis] != p for key, p in zip(ranked, parts)):
                alone[axis] = [[*key[:axis], own[axis], *key[axis + 1 :]] for key, own in zip(keys, ranked)]
        elif all(isinstance(p, int | np.integer) for p in parts) and len(set(parts)) > 1:
            fixed = [[*key[:axis], parts[0], *key[axis + 1 :]] for key in keys]
            yield f"index {parts[0]} is used each time along axis {axis}", fixed
            back = [[*key[:axis], p, *key[axis + 1 :]] for key, p in zip(keys, parts[::-1])]
            yield f"the index runs the other way round along axis {axis}", back
    text = "the stride is forgotten: index i + a instead of i·stride + a"
    every = {text: ranked, "the stride is forgotten: entries side by side instead of one in so many": dense}
    every |= {f"{text}, along axis {axis}": keys for axis, keys in alone.items() if len(alone) > 1}
    yield from ((said, moved) for said, moved in every.items() if moved != first)


def _indices(line: list[Step], keys: list[Any]) -> dict[int, Index]:
    return {s.slot: Index(tuple(key)) for s, key in zip(line, keys)}


def _read(s: Step, index: Index) -> np.ndarray:
    return np.imag(s.inputs[0])[index.key]


def _parts(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)

"""What can be wrong at one step of a chain: each function yields (what is wrong, the derivative that this gives).

``n``: the input whose path is changed (None: all inputs). The derivative is the imaginary part of the output.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from minicnn.gradient_check.causes.activations import OF_ONE
from minicnn.gradient_check.causes.followed import METHODS
from minicnn.gradient_check.causes.others import PRODUCTS, other_arrays, other_factors, other_slopes
from minicnn.gradient_check.causes.rearranged import moves
from minicnn.gradient_check.causes.several import (
    JOINS,
    MOST_PIECES,
    blocks,
    exchanged,
    pieces,
    projections,
    softmaxes,
    uses,
)
from minicnn.gradient_check.causes.step import Index, Slips, Step
from minicnn.gradient_check.causes.words import number, orders
from minicnn.gradient_check.foreign import Nudged

EXPONENTS = {"sqrt": 0.5, "square": 2.0, "reciprocal": -1.0}
WRONG_EXPONENTS: dict[str, Callable[[float], float]] = {
    "only the k is there": lambda k: 0.0,
    "the exponent is k: it must be lowered by 1": lambda k: k,
    "the exponent is k − 2": lambda k: k - 2,
    "the exponent has the wrong sign": lambda k: 1 - k,
}
LINEAR = ("add", "subtract", "multiply", "divide", "negative")  # of one input: the other factor says more
MOST_IN_A_JACOBIAN = 200


def slopes(step: Step, n: int | None, slots: Sequence[int], steps: list[Step]) -> Slips:
    """Another formula for the slope of a function of each entry; v is what goes in, y what comes out."""
    if n is not None or step.name in (*METHODS, "[]", "matmul", "dot") or "." in step.name:
        return
    if step.name in ("add", "subtract") and len(step.active) > 1:  # a sum has no slope: a path is missing
        return
    given = [] if step.source is None else [(-1, step.source.view(np.ndarray))]
    if len(step.active) == 1:
        direct = step.inputs[step.active[0]]
        is_source = step.source is not None and np.array_equal(direct, step.source)
        if step.name in LINEAR:
            by_numbers = all(np.size(each) == 1 for m, each in enumerate(step.inputs) if m not in step.active)
            given = [] if is_source and by_numbers else given
        elif direct.shape == step.output.shape and not is_source:
            given.append((step.active[0], direct))
    k = EXPONENTS.get(step.name, 1.0)
    if step.name == "power" and np.size(step.inputs[1]) == 1:
        k = float(np.ravel(np.real(step.inputs[1]))[0])
    for of, v in given:
        yield "the slope is missing (of |v|: its sign; of ReLU: its mask)", partial(_slope, of=of, f=_missing)
        yield "the slope is applied twice", partial(_slope, of=of, f=_twice)
        of_slope = f"of the slope k·v^(k − 1), with k = {number(k)},"
        for text, exponent in WRONG_EXPONENTS.items() if k not in (0, 1) else ():
            yield f"{of_slope} {text}", partial(_slope, of=of, f=partial(_powered, k=k, exponent=exponent(k)))
        seen = [np.ones(v.shape), -np.ones(v.shape)]
        for (text, f), out in product(OF_ONE.items(), (False, True)):
            values = f((step.output if out else v).real)
            if any(np.allclose(values, other, rtol=1e-6, atol=0, equal_nan=True) for other in seen):
                continue  # such as sign(v), where every v is positive
            seen.append(values)
            which = "with the y that comes out" if out else _called(v, steps)
            slope = partial(_slope, of=of, f=partial(_formula, f=f, out=out))
            yield f"{text.replace('v', 'y') if out else text} is used for the slope, {which}", slope
        for c, name in _added(v, steps) if k == 0.5 else ():
            right = f"is used for the slope of the root, and 1/(2·√(v + {name})) is right"
            for text, inside in ((f"√v + {name}", c), (f"√(v + {name}) + {name}", 0.0)):
                yield f"1/(2·({text})) {right}", partial(_slope, of=of, f=partial(_root, c=c, inside=inside))


def _added(v: np.ndarray, steps: list[Step]) -> Iterator[tuple[float, str]]:
    """Yield (number, name) of an ε that was added to give v."""
    for s in steps:
        if s.name == "add" and s.output.shape == v.shape and np.array_equal(s.output.real, v.real):
            names = s.place.text.operands if s.place else ()
            yield from (
                (float(np.real(np.ravel(each)[0])), names[m] if m < len(names) else "ε")
                for m, each in enumerate(s.inputs)
                if np.size(each) == 1 and m not in s.active
            )


def _powered(v: np.ndarray, y: np.ndarray, k: float, exponent: float) -> np.ndarray:
    return v.imag * k * v.real**exponent


def _root(v: np.ndarray, y: np.ndarray, c: float, inside: float) -> np.ndarray:
    return v.imag / (2 * (np.sqrt(v.real - inside) + c))


def _called(v: np.ndarray, steps: list[Step]) -> str:
    for s in steps:
        for name, each in zip(s.place.text.operands if s.place else (), s.inputs):
            if np.shape(each) == v.shape and np.array_equal(np.real(each), v.real):
                return f"with v = “{name}”"
    return "with the v that goes in"


def _slope(s: Step, n: int | None, of: int, f: Callable[..., np.ndarray]) -> np.ndarray:
    given = s.source if of < 0 else s.inputs[of]
    if not isinstance(given, np.ndarray) or given.shape != s.output.shape:
        return s.output.imag
    v = given.view(np.ndarray)
    return f(v, s.output)


def _missing(v: np.ndarray, y: np.ndarray) -> np.ndarray:
    return v.imag


def _twice(v: np.ndarray, y: np.ndarray) -> np.ndarray:
    return y.imag * np.nan_to_num(y.imag / v.imag)


def _formula(v: np.ndarray, y: np.ndarray, f: Callable[[np.ndarray], np.ndarray], out: bool) -> np.ndarray:
    return v.imag * f((y if out else v).real)


def operands(step: Step, n: int | None, slots: Sequence[int], steps: list[Step]) -> Slips:
    """Another array in the place of one that the derivative is computed with."""
    for m, value in enumerate(step.inputs):
        what = {"multiply": "the other factor of the product", "divide": "the divisor"}.get(step.name)
        if what and [m] != step.active and np.size(value) and (m == 1 or step.name == "multiply"):
            shown = number(np.ravel(np.real(value))[0]) if np.size(value) == 1 else ""
            names = step.place.text.operands if step.place else ()
            shown = f", “{names[m]}”," if m < len(names) else f", {shown}," if shown else ""
            minus = m < len(names) and names[m].startswith("-")
            yield (
                f"{what}{shown.replace('“-', '“')} is missing",
                partial(_with, m=m, f=_minus_one if minus else np.ones_like),
            )
            yield f"{what}{shown} is there twice", partial(_with, m=m, f=np.square)
        if step.name not in PRODUCTS or m == n or np.ndim(value) < 2 or value.size > MOST_IN_A_JACOBIAN:
            continue
        if step.name in ("matmul", "dot"):
            if value.shape[-1] == value.shape[-2]:
                text = "the other factor of the product is not transposed in the backward pass"
                yield text, partial(_with, m=m, f=_turned)
            else:
                text = "the other factor of the product is reshaped where it must be transposed"
                yield text, partial(_with, m=m, f=lambda w: w.reshape(w.shape[-1], -1).T.reshape(w.shape))
                yield text, partial(_with, m=m, f=lambda w: w.reshape(-1, w.shape[-1]).T.reshape(w.shape))
        for move in moves(value.shape) if m not in step.active else ():
            if len(move.flips) + len(move.moved) <= 2:
                yield (
                    f"the other factor of the product is rearranged: {move}",
                    partial(_with, m=m, f=move.__call__),
                )
    one = n if n is not None else step.active[0] if len(step.active) == 1 else None
    of_numbers = step.name in PRODUCTS[1:3] and not step.output.ndim
    if one is not None and len(step.inputs) == 2 and (step.name == "multiply" or of_numbers):
        text = "the product's gradient has its own value in the place of the other factor: of a·b, da = dy·b"
        yield text, partial(_own, one=one)
    square = step.output.ndim > 1 and step.output.shape[-1] == step.output.shape[-2]
    if square and step.name in ("matmul", "dot", "einsum") and (n is not None or len(step.active) == 1):
        yield (
            "the gradient that arrives is transposed (or not, where it must be)",
            lambda s, n: _turned(s.part(n)),
        )
    if step.name == "multiply" and n is None and len(step.active) == 2:
        yield (
            "the factors have changed places: of a·b, da = dy·a and db = dy·b",
            lambda s, n: s.part(None, {0: np.real(s.inputs[1]), 1: np.real(s.inputs[0])}),
        )


def _own(s: Step, n: int | None, one: int) -> np.ndarray:
    return s.part(n, {1 - one: np.broadcast_to(np.real(s.inputs[one]), np.shape(s.inputs[1 - one]))})


def _minus_one(v: np.ndarray) -> np.ndarray:
    return -np.ones_like(v)


def _turned(v: np.ndarray) -> np.ndarray:
    return v.swapaxes(-1, -2)


def _with(s: Step, n: int | None, m: int, f: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return s.part(n, {m: f(np.real(s.inputs[m]))})


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
            yield said, _indices(line, moved)
            yield said, {slot: partial(_read, index=index) for slot, index in _indices(line, moved).items()}
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


SIMPLE = (operands, slopes, places, windows)
OTHER = (softmaxes, projections, exchanged, pieces, blocks, uses, other_arrays, other_slopes, other_factors)

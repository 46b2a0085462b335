"""What can be wrong at one step of a chain: each function yields (what is wrong, the derivative that this gives).

``n``: the input whose path is changed (None: all inputs). The derivative is the imaginary part of the output.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product

import numpy as np

from minicnn.gradient_check.causes.activations import OF_ONE
from minicnn.gradient_check.causes.followed import METHODS
from minicnn.gradient_check.causes.others import PRODUCTS, other_arrays, other_factors, other_slopes
from minicnn.gradient_check.causes.places import places, windows
from minicnn.gradient_check.causes.rearranged import moves
from minicnn.gradient_check.causes.several import (
    blocks,
    exchanged,
    pieces,
    projections,
    softmaxes,
    uses,
)
from minicnn.gradient_check.causes.step import Slips, Step
from minicnn.gradient_check.causes.words import number

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


SIMPLE = (operands, slopes, places, windows)
OTHER = (softmaxes, projections, exchanged, pieces, blocks, uses, other_arrays, other_slopes, other_factors)

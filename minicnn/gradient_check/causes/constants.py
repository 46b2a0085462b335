"""A constant that has one value in the forward pass and another in the backward pass: ε, a temperature, q for 1 − q.

The forward pass runs again, each time with another value of one number: an option, the default of an argument, a
global name, a number in the code. The derivative of that function is compared.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.causes.rebound import rebound
from minicnn.gradient_check.causes.words import number
from minicnn.gradient_check.foreign import Nudged

SMALL = 0.1  # a number up to this may be an ε that was left out
MOST = 40  # functions that are tried


def another_constant(e: Evidence) -> str | None:
    """Compare the derivatives of the forward pass with another value of one of its numbers."""
    if not e.wrong.any():
        return None
    values: dict[str, float] = {}
    _altered(e, values).ask()
    tries = [(name, *each) for name, value in values.items() for each in _others(name, value)]
    for name, other, text in tries[:MOST]:
        try:
            it = _altered(e, {}, name, other)
            if it.y.shape == e.y.shape and e.fits(float(np.sum(e.dy * it.column(int(i)))) for i in e.index):
                return text
        except Exception:  # the user's function does not take such a number
            continue
    return None


def _others(name: str, value: float) -> Iterator[tuple[float, str]]:
    """Yield other values, and what it means if the gradient is that for one of them."""
    rule = f"in the forward pass it is {number(value)}"
    if 0 < abs(value) <= SMALL:
        yield 0.0, f"{name} is left out: this is the gradient for {name} = 0, {rule}"
    for other in (10 * value, value / 10) if name[0].isdigit() else ():
        if not np.isclose(other, 1):  # then the factor is missing, or was never there
            text = (
                f"{name} in the code is {other:.6g} in the gradient: is its decimal point at another place?"
            )
            yield other, text
    if 0 < value < 1 and value != 0.5:
        yield (
            1 - value,
            f"1 − {name} is in the place of {name}: this is the gradient for {1 - value:.4g}, {rule}",
        )
    if value not in (0, 1) and not name[0].isdigit() and "axis" not in name:
        yield 1, f"{name} is forgotten: this is the gradient for {name} = 1, {rule}"


def _altered(e: Evidence, values: dict[str, float], name: str = "", other: float = 0.0) -> Evidence:
    """Return the evidence for a copy of the function in which a number has another value; note all values."""

    def changed(called: str, value: float) -> Any:
        values.setdefault(called, value)
        return other if called == name else value

    copy = rebound(e.plain or e.function, Nudged, changed)

    def function(**arrays: np.ndarray) -> Any:
        nudged = {key: a.view(Nudged) if np.iscomplexobj(a) else a for key, a in arrays.items()}
        return np.asarray(copy(**nudged)).view(np.ndarray)

    return replace(e, function=function)

"""Faults that need no comparison of numbers: nothing given, another shape, not a number, all zero."""

from itertools import combinations

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.causes.words import axes_named, orders


def nothing_given(e: Evidence) -> str | None:
    """No gradient: the backward pass returned None, or forgot to set a weight's ``grad``."""
    if e.gradient.analytic is None:
        name = e.gradient.name
        return (
            "no gradient was given: backward must return it (of x) or set grad (of a weight). It is looked for as "
            f"d{name}, grad_{name}, {name}_grad, grad{name}, {name}.grad, grads['{name}'] and grads['d{name}']"
        )
    return None


def not_summed(e: Evidence) -> str | None:
    """It has too many axes, and its sum over them is right: for example, one gradient for each sample."""
    extra = e.analytic.ndim - e.array.ndim
    for axes in combinations(range(e.analytic.ndim), max(extra, 0)):
        if axes and e.same(e.analytic.sum(axis=axes), e.gradient.numeric):
            return f"not summed over {axes_named(axes)}: this gradient of shape {e.analytic.shape}, so summed, is right"
    return None


def transposed(e: Evidence) -> str | None:
    """The right numbers with axes in another order."""
    if e.analytic.ndim != e.array.ndim:
        return None
    for order in orders(range(e.array.ndim)):
        if e.same(e.analytic.transpose(order), e.gradient.numeric):
            return f"transposed: with its axes in the order {order} this gradient is right"
    return None


def reshaped(e: Evidence) -> str | None:
    """The right numbers in the right order, but another shape: flat, or an axis of
    length 1 too many or too few.
    """
    if e.analytic.size == e.array.size and e.same(e.analytic.reshape(e.array.shape), e.gradient.numeric):
        return f"the numbers are right, their shape is not: reshape {e.analytic.shape} to {e.array.shape}"
    return None


def not_cropped(e: Evidence) -> str | None:
    """The gradient of the padded array, with the right one inside it; or too much is cropped."""
    copies = bool((np.abs(e.columns * (e.columns - 1)) < 1e-6).all())
    too_much = "the padding is not cropped: the right gradient is inside it, from index {} on"
    if copies:  # a concatenation, a slice, or a padding alone
        too_much = (
            "dy is cut at the wrong place, or a padding is not cropped: the right gradient begins at index {}"
        )
    too_little = "too much is cropped: this is the right gradient from index {} on"
    numeric, given = e.gradient.numeric, e.analytic
    for outer, inner, text in ((given, numeric, too_much), (numeric, given, too_little)):
        if outer.ndim != inner.ndim or any(o < i for o, i in zip(outer.shape, inner.shape)):
            continue
        room = [o - i + 1 for o, i in zip(outer.shape, inner.shape)]
        windows = np.lib.stride_tricks.sliding_window_view(outer, inner.shape)
        offsets = [offset for offset in np.ndindex(*room) if e.same(windows[offset], inner)]
        if len(offsets) == 1:
            return text.format(offsets[0])
    return None


def not_a_number(e: Evidence) -> str | None:
    """NaN or infinity: 0/0, log 0, an exponential that overflows."""
    bad = ~np.isfinite(e.analytic)
    if not bad.any():
        return None
    first = tuple(map(int, np.argwhere(bad)[0]))
    value = e.analytic[first]
    return (
        f"{np.count_nonzero(bad)} of {bad.size} entries are not finite, the first is {value} at "
        f"{list(first)}: "
        "a division by 0, a log(0) or an exponential that overflows"
    )


def zero_everywhere(e: Evidence) -> str | None:
    """All zeros: never computed, or computed and not returned."""
    if e.analytic.size and not e.analytic.any():
        return "zero everywhere: it is never computed, or multiplied by 0"
    if e.analytic.size and np.abs(e.analytic).max() <= 1e-13 * np.abs(e.right).max():
        return "zero everywhere, up to rounding: its terms cancel, as in softmax's p·(dy − Σ dy·p) if all dy are equal"
    return None

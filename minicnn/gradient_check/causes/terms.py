"""Faults of the formula's terms: in right[i] = Σ_j dy[j]·∂y[j]/∂x[i], dy, the sum or some terms are wrong."""

from functools import partial
from itertools import combinations

import numpy as np

from minicnn.gradient_check.causes.elsewhere import is_constant
from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.causes.layout import axis_name
from minicnn.gradient_check.causes.words import axes_named, listed, number

ENOUGH = 4  # this many entries off by one number are not by chance


def upstream_ignored(e: Evidence) -> str | None:
    """The gradient of y.sum(): dy is not used. In a check with an all-ones dy this would pass."""
    if e.fits(float(e.column(int(i)).sum()) for i in e.index):
        if e.dy.size == 1:
            given = number(float(e.dy.ravel()[0]))
            return f"the upstream gradient is not used: backward was given {given}, multiply the result by it"
        return "the upstream gradient dy is not used: this is the gradient for a dy of ones"
    return None


def wrong_axes(e: Evidence) -> str | None:
    """A bias, or another array that is broadcast, has the sum of dy over the wrong axes, or its mean.

    Each output depends on at most one entry of such an array. So terms = dy · ∂y/∂entry has y's shape, and
    the gradient is its sum over the axes that the array does not have. Every other set of axes is tried.
    """
    if e.array.size >= e.dy.size or np.count_nonzero(e.columns, axis=0).max(initial=0) > 1:
        return None
    if e.jacobian is None or np.count_nonzero(e.jacobian, axis=0).max(initial=0) > 1:
        return None
    terms = e.dy * e.jacobian.sum(axis=0)
    subsets = [axes for n in range(terms.ndim + 1) for axes in combinations(range(terms.ndim), n)]
    right = [axes for axes in subsets if _agrees(e, terms.sum(axis=axes), e.gradient.numeric)]
    for axes in subsets if right else []:
        wrongly = f"over {axes_named(axes)} of dy"
        rightly = f"over {axes_named(right[0])}"
        if axes not in right and _agrees(e, terms.sum(axis=axes), e.analytic):
            return (
                f"summed {wrongly} instead of {rightly}{_kept(e, right[0])}"
                if axes
                else f"dy is not summed: sum {rightly}"
            )
        if axes not in right and _agrees(e, terms.mean(axis=axes), e.analytic):
            return f"averaged {wrongly} instead of summed {rightly}{_kept(e, right[0])}"
    return None


def _kept(e: Evidence, summed: tuple[int, ...]) -> str:
    """Return which axis is not summed over, by its name, if it is one."""
    kept = [axis for axis in range(e.dy.ndim) if axis not in summed]
    name = axis_name(e, kept[0], e.dy.ndim) if len(kept) == 1 else "index"
    return "" if name.startswith("index") else f": all but the {name}"


def _agrees(e: Evidence, sums: np.ndarray, gradient: np.ndarray) -> bool:
    """Whether these are the gradient's numbers; axes of length 1 (keepdims) may come or go."""
    return np.size(sums) == gradient.size and e.same(np.reshape(sums, gradient.shape), gradient)


def diagonal_only(e: Evidence) -> str | None:
    """An entry changes several outputs, but only one has a term: softmax's p·(1 − p) without the −p_k·p_j."""
    if e.diagonal is not None and e.fits(e.diagonal * e.dy.ravel()[e.index]):
        return (
            "only the diagonal of the Jacobian is used: each entry has the term of its own output only "
            "(softmax: p·(1 − p)), but it changes the other outputs too"
            + ", or: the sum is over an axis of length 1"
            * (1 in e.array.shape)
        )
    return None


def not_transposed(e: Evidence) -> str | None:
    """J·dy instead of Jᵀ·dy: outputs and inputs are swapped."""
    if e.array.shape != e.dy.shape or e.jacobian is None:
        return None
    matrix = e.jacobian.reshape(e.array.size, -1)  # [input, output]: Jᵀ
    if e.fits((matrix.T @ e.dy.ravel())[e.index]):
        return "the Jacobian is not transposed: this is J·dy instead of Jᵀ·dy"
    return None


def shortcut(e: Evidence) -> str | None:
    """The direct path of a residual connection, y = x + …: its term dy is missing, or one too many, or alone."""
    if e.array.shape != e.dy.shape:
        return None
    dy = e.dy.ravel()[e.index]
    terms = {
        "this is dy itself: the derivative of the function is missing (with a shortcut, y = x + f(x): that of the "
        "other branch)": dy,
        "dy itself is missing: y has the term x itself, as of a shortcut, and its gradient must be added": e.right
        - dy,
        "the gradients of the shortcut and of the other branch are multiplied: they must be added": dy
        * (e.right - dy),
        "dy itself is added once too often: the gradient of a shortcut twice, or y has no such term": e.right
        + dy,
    }
    return next((text for text, values in terms.items() if e.fits(values)), None)


def regularizer(e: Evidence) -> str | None:
    """right − given = a·w + b·sign(w) + c: a penalty is in the loss but not in the gradient, or vice versa."""
    w = e.array.ravel()[e.index]
    if (e.dy.size != 1 and e.of_input) or len(np.unique(np.abs(w[w != 0]))) < 4:
        return None
    if (
        len(np.unique((e.right / np.abs(e.right).max()).round(6))) < 3
    ):  # any constant or sign(w) fits two values
        return None
    name, unit = e.gradient.name, float(e.dy.ravel()[0]) if e.dy.size == 1 and e.dy.any() else 1.0
    apart = e.right - e.given
    one_sign = len(np.unique(np.sign(w))) == 1  # then |w| is ±w, and sign(w) any constant

    def terms(w: np.ndarray) -> np.ndarray:
        return np.stack([w, 0 * w if one_sign else np.sign(w), np.ones_like(w)])

    basis = terms(w)
    factors = np.linalg.lstsq(basis.T, apart, rcond=None)[0]
    factors[[e.zero(factor * row).all() for factor, row in zip(factors, basis)]] = 0
    if len(w) < ENOUGH or not e.fits(e.right - factors @ basis):
        return None
    a, b, c = factors / unit
    if e.second:  # such a difference may have another reason, and then another size for other numbers
        other = terms(e.second.array.ravel()[e.second.index])
        there = np.linalg.lstsq(other.T, e.second.right - e.second.given, rcond=None)[0]
        told = factors * (1, 1, not a)  # a sum over w is another number there
        if not all(map(partial(is_constant, e), told, np.where(told, there, 0))):
            return None
    if c and not a and not b:
        what = "is missing" if c * w[0] > 0 else "is too much"
        same_signs = f" (“{number(abs(c))}·sign({name}), L1, {what}” has the same numbers here)" * one_sign
        return f"a constant term of the derivative, {number(c)}, is missing{same_signs}"
    if c:
        instead = f"one number, {number(-c)}, is added at each entry, instead of {number(a)}·{name} (L2)"
        return None if b or one_sign else f"{instead}: a sum over it, or the penalty itself?"
    penalties = ((a, name, "L2"), (b, f"sign({name})", "L1"))
    missing, extra = (
        listed(f"{number(abs(factor))}·{term} ({kind})" for factor, term, kind in penalties if factor * s > 0)
        for s in (1, -1)
    )
    if missing and extra:
        return f"{extra} is there instead of {missing}"
    if missing:
        return f"{missing} is missing: is a penalty in the loss but not (or only partly) in the gradient?"
    return f"{extra} is too much: a penalty that is not in the loss, or that is added twice"

"""Faults of the sum: right[i] = Σ_j dy[j]·∂y[j]/∂x[i], and terms are missing, overwritten, or of the wrong kind."""

from itertools import combinations, product

import numpy as np

from minicnn.gradient_check.causes.evidence import MOST_ENTRIES, Evidence, axis_name, listed, number


def upstream_ignored(e: Evidence) -> str | None:
    """The gradient of y.sum(): dy is not used. In a check with an all-ones dy this would pass."""
    if e.fits(e.columns.reshape(len(e.index), -1).sum(axis=1)):
        return "the upstream gradient dy is not used: this is the gradient for a dy of ones"
    return None


def wrong_axes(e: Evidence) -> str | None:
    """A bias, or another array that is broadcast, has the sum of dy over the wrong axes, or its mean.

    Each output depends on at most one entry of such an array, so that terms = dy · ∂y/∂entry has y's shape, and the
    gradient is its sum over the axes that the array lacks. Every other set of axes is tried.
    """
    if e.array.ndim >= max(e.dy.ndim, 1) and e.array.size > 1 and e.array.shape == e.dy.shape:
        return None
    jacobian = e.jacobian
    if jacobian is None or not jacobian.size or np.count_nonzero(jacobian, axis=0).max() > 1:
        return None
    terms = e.dy * jacobian.sum(axis=0)
    subsets = [axes for n in range(terms.ndim + 1) for axes in combinations(range(terms.ndim), n)]
    shape = e.array.shape
    right = [
        axes
        for axes in subsets
        if terms.sum(axis=axes).size == e.array.size
        and e.same(terms.sum(axis=axes).reshape(shape), e.gradient.numeric)
    ]
    if not right:
        return None
    for axes in subsets:
        for verb, sums in (("summed", terms.sum(axis=axes)), ("averaged", terms.mean(axis=axes))):
            if axes not in right and e.same(sums, e.analytic):
                return f"{verb} over axes {axes} of dy instead of summed over {right[0]}".replace(
                    "summed over axes", "summed over axes"
                )
    return None


def overwritten(e: Evidence) -> str | None:
    """Each entry holds one term only, its last or its first: windows overlap, and = stands where += belongs.

    The order is that of a loop over windows, dy's row-major order (or backwards, if the loop runs over the entries of
    a window: then its first window comes last). A window may overwrite with a 0 of its own, as in max-pooling; so all
    windows that reach an entry are tried, and those alone that contribute to it.
    """
    if e.dy.ndim < 2:
        return None
    n = len(e.index)
    reached = np.stack([e.reached(i) for i in e.index])
    for outputs_of_a_window in (e.dy.shape[-1], 1):
        terms = e.terms.reshape(n, -1, outputs_of_a_window).sum(axis=2)
        for there in (reached.reshape(n, -1, outputs_of_a_window).any(axis=2), terms != 0):
            for which, place in (("last", there.shape[1] - 1 - there[:, ::-1].argmax(axis=1)), ("first", there.argmax(axis=1))):
                if e.fits(np.where(there.any(axis=1), terms[np.arange(n), place], 0)):
                    if there.all():
                        return f"every entry holds only the {which} term of its sum: = stands where += belongs"
                    return (
                        f"overlapping windows overwrite each other: every entry holds only its {which} contribution "
                        "(= stands where += belongs)"
                    )
    return None


def tied_maxima(e: Evidence) -> str | None:
    """Several entries of a window are its maximum. The first should get the gradient, and all do, or they share it."""
    if e.array.size > MOST_ENTRIES or e.array.size * e.dy.size > MOST_NUMBERS_OF_TIES:
        return None
    y = e.ask()
    values = e.array.ravel()
    if not np.isin(y, values).all():
        return None
    wins = np.stack([e.reached(i) & (y == values[i]) for i in range(len(values))])  # (entries, …y…)
    winners = wins.sum(axis=0)
    if winners.max(initial=0) < 2:
        return None
    last = wins & (np.cumsum(wins, axis=0) == winners)
    for shares, text in (
        (wins * e.dy, "each of them gets the whole gradient"),
        (wins * (e.dy / np.maximum(winners, 1)), "they share the gradient"),
        (last * e.dy, "the last of them gets the gradient"),
    ):
        if e.fits(shares.reshape(len(values), -1).sum(axis=1)[e.index]):
            ties = np.count_nonzero(winners > 1)
            return f"ties: {ties} of {y.size} windows have several equal maxima, and {text} (it belongs to the first)"
    return None


MOST_NUMBERS_OF_TIES = 4_000_000


def diagonal_only(e: Evidence) -> str | None:
    """Of all outputs an entry reaches, only its own counts: softmax's p·(1 − p) without the −p_k·p_j beside it."""
    if e.array.shape != e.dy.shape:
        return None
    own = e.columns.reshape(len(e.index), -1)[np.arange(len(e.index)), e.index]
    if e.fits(own * e.own_dy):
        return (
            "only the diagonal of the Jacobian: each entry counts its own output alone (softmax: p·(1 − p)), "
            "though it changes the others too"
        )
    return None


def denominator_constant(e: Evidence) -> str | None:
    """Softmax's dx = p·dy: the share −p·Σ dy·p, which comes through the common denominator, is missing."""
    y = e.ask()
    if y.shape != e.array.shape or not np.allclose(y.sum(axis=-1), 1):
        return None
    if e.fits(y.ravel()[e.index] * e.own_dy):
        return "softmax's denominator is treated as a constant: this is p·dy, and −p·Σ dy·p is missing"
    return None


def not_transposed(e: Evidence) -> str | None:
    """J·dy for Jᵀ·dy: as if outputs and inputs changed places."""
    if e.array.shape != e.dy.shape or e.jacobian is None:
        return None
    matrix = e.jacobian.reshape(e.array.size, -1)  # [input, output]: Jᵀ
    if e.fits((matrix.T @ e.dy.ravel())[e.index]):
        return "the Jacobian is not transposed: this is J·dy instead of Jᵀ·dy"
    return None


def shortcut(e: Evidence) -> str | None:
    """A path from x to y without anything in between (a residual connection): its dy is missing, or too much."""
    if e.array.shape != e.dy.shape:
        return None
    if e.fits(e.right - e.own_dy):
        return "dy itself is missing: the shortcut's gradient must be added"
    if e.fits(e.right + e.own_dy):
        return "dy itself is added, though y has no such term"
    return None


def part_of_dy(e: Evidence) -> str | None:
    """Only some outputs count: the first sample (a return inside the loop), all but the last row (a bound off by one)."""
    few = e.terms[:8]  # of the worst entries: enough to rule out nearly everything
    choices = [_parts(length) for length in e.dy.shape]
    combined = sorted(product(*choices), key=lambda parts: sum(name != "" for name, _ in parts))
    for parts in combined[1:]:
        where = (slice(None), *(part for _, part in parts))
        sums = few[where].reshape(len(few), -1).sum(axis=1)
        if np.abs(sums - e.given[: len(few)]).max() > e.tolerance:
            continue
        if e.fits(e.terms[where].reshape(len(e.index), -1).sum(axis=1)):
            return _of_parts([name for name, _ in parts])
    return None


def _parts(length: int) -> list[tuple[str, slice]]:
    """Return (name, indices): all of an axis, one end alone, all without one end."""
    parts = [("", slice(None))]
    if length > 1:
        parts += [("only first", slice(1)), ("only last", slice(-1, None))]
    if length > 2:
        parts += [("without last", slice(-1)), ("without first", slice(1, None))]
    return parts


def _of_parts(names: list[str]) -> str:
    said = {}
    for kind in ("only", "without"):
        chosen = [(axis, name) for axis, name in enumerate(names) if name.startswith(kind)]
        said[kind] = listed(
            f"{name.split()[1]} {axis_name(axis, len(names))} (axis {axis})" for axis, name in chosen
        ) if chosen else ""
    if said["only"] and said["without"]:
        return f"of dy only the {said['only']} counts, without the {said['without']}"
    if said["only"]:
        return f"of dy only the {said['only']} counts: an early return in a loop, or = where += belongs"
    return f"of dy the {said['without']} is left out: a bound that is off by one, or windows that do not tile"


def regularizer(e: Evidence) -> str | None:
    """right − given = a·w + b·sign(w), of a scalar loss: a penalty is in the loss but not in the gradient."""
    if e.dy.size != 1:
        return None
    w = e.array.ravel()[e.index]
    if np.count_nonzero(w) < 4 or len(np.unique(np.abs(w))) < 4:
        return None
    basis = np.stack([w, np.sign(w)], axis=1)
    a, b = np.linalg.lstsq(basis, e.right - e.given, rcond=None)[0]
    terms = {f"w² (L2, {number(abs(a) / 2)}·Σ w²)": a * w, f"|w| (L1, {number(abs(b))}·Σ |w|)": b * np.sign(w)}
    present = {name: term for name, term in terms.items() if not e.zero(term).all()}
    if not present or not e.fits(e.right - sum(present.values())):
        return None
    missing = a + b > 0
    what = listed(f"{number(abs(c))}·{text}" for c, text in ((a, e.gradient.name), (b, f"sign({e.gradient.name})")) if not e.zero(np.array([c]))[0])
    if missing:
        return f"{what} is missing: a penalty (L2, L1) that is in the loss must be in the gradient too"
    return f"{what} too much: a penalty (L2, L1) that is not in the loss, or counted twice"

"""Why is a gradient wrong? Hypotheses, tested on the actual numbers.

The result of a wrong backward pass is seldom random. It is the result of another formula: the gradient of a
kernel that is not rotated, a sum over other axes, a part of the terms. Each hypothesis here is a function. It
computes the result of one such formula from the Jacobian, the arrays and dy (evidence.py), and compares it
with the given gradient. They must agree to nine digits on every entry, which does not happen by chance.

    form.py         nothing given, another shape, not a number, zero everywhere
    factors.py      a constant factor, one factor for each sample, a factor that was forgotten
    rearranged.py   the kernel not rotated, a gradient transposed or shifted, dilation ignored
    terms.py        sums over the wrong axes, dy not used, only the Jacobian's diagonal, a penalty forgotten
    loops.py        overlapping windows overwritten, ties, an early return, the last row left out
    formulas.py     batch normalization's statistics constant, a mask not applied, a mistyped slope
    where.py        none of these: then at least the position of the error

A hypothesis returns a sentence for the report, or None. The first that fits is reported. So special
hypotheses come before general ones, and simple ones before complicated ones.
"""

from collections.abc import Callable

import numpy as np

from minicnn.gradient_check.causes import factors, form, formulas, loops, rearranged, terms, where
from minicnn.gradient_check.causes.evidence import Evidence, Unanswered

__all__ = ["Evidence", "likely_cause"]

Hypothesis = Callable[[Evidence], str | None]

OF_FORM: list[Hypothesis] = [
    form.nothing_given,
    form.not_a_number,
    terms.wrong_axes,
    form.transposed,
    form.reshaped,
    form.not_summed,
    form.not_cropped,
]
OF_NUMBERS: list[Hypothesis] = [
    form.not_a_number,
    form.zero_everywhere,
    factors.constant_factor,
    formulas.mask,
    formulas.statistics_constant,
    terms.regularizer,
    loops.tied_maxima,
    terms.wrong_axes,
    terms.upstream_ignored,
    terms.shortcut,
    terms.diagonal_only,
    terms.denominator_constant,
    rearranged.wrong_operand,
    terms.not_transposed,
    rearranged.wrong_order,
    loops.overwritten,
    loops.part_of_dy,
    factors.missing_array,
    factors.factor_of_its_own,
    rearranged.shifted,
    rearranged.dilation_ignored,
    rearranged.wrong_upstream,
    rearranged.wrong_reshape,
    rearranged.elsewhere,
    where.location,
    formulas.slope,
]


def likely_cause(evidence: Evidence) -> str | None:
    """Return the probable cause in one sentence, or None if no hypothesis fits."""
    with np.errstate(all="ignore"):
        for hypothesis in OF_NUMBERS if evidence.gradient.fits else OF_FORM:
            try:
                cause = hypothesis(evidence)
            except Unanswered:
                continue
            if cause:
                return cause
    return None

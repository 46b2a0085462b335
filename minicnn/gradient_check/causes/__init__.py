"""Why is a gradient wrong? Hypotheses, tested on the actual numbers.

The result of a wrong backward pass is seldom random. It is the result of another formula: the gradient of a
kernel that is not rotated, a sum over other axes, a part of the terms. Each hypothesis here is a function. It
computes the result of one such formula from the Jacobian, the arrays and dy (evidence.py), and compares it
with the given gradient. They must agree to nine digits on every entry, which does not happen by chance.

    form.py            nothing given, another shape, not a number, zero everywhere
    factors.py         a constant factor, one factor for each sample
    rearranged.py      the kernel not rotated, a gradient transposed or shifted, a reshape for a transpose
    terms.py           sums over the wrong axes, dy not used, only the Jacobian's diagonal, a penalty forgotten
    loops.py           overlapping windows overwritten, ties, an early return, the last row left out
    moved.py           numbers of dy cut out at the wrong place, the gradient of another array
    steps.py           one step of the forward pass, in any code: its path or its slope is missing, … (slips.py,
                       places.py, several.py, others.py; effects.py, followed.py and rebound.py run the function
                       with a slip)
    quoted.py          the line, the operation and the operand that a sentence quotes
    constants.py       another value of ε, a temperature, … in the backward pass
    inner.py           the slips of a loss, seen from a weight in front of it
    values.py          a factor that is a value of the forward pass
    where.py           none of these: then at least the position of the error

Other files know one kind of function each. They recognize it by its values, in either layout, and have a list of
what students do: the wrong formula, and the sentence for it.

    activations.py     y = f(x) for each entry           normalization.py   batch, layer, instance
    softmax.py         also with cross-entropy           losses.py          two classes, hinge
    convolution.py     stride, dilation, padding         pooling.py         maximum, average

A hypothesis returns a sentence for the report, or None. The first that fits is reported. So special
hypotheses come before general ones, and simple ones before complicated ones. Where two formulas of one list give
the same numbers, the report has both sentences.
"""

import re
import warnings
from collections.abc import Callable

import numpy as np

from minicnn.gradient_check.causes import (
    activations,
    constants,
    convolution,
    factors,
    form,
    inner,
    loops,
    losses,
    moved,
    normalization,
    pooling,
    rearranged,
    softmax,
    steps,
    terms,
    values,
    where,
)
from minicnn.gradient_check.causes.evidence import OR, Evidence, Unanswered

__all__ = ["Evidence", "likely_cause"]

Hypothesis = Callable[[Evidence], str | None]
RAISES = False  # whether an error in a hypothesis is raised: in the tests

OF_FORM: list[Hypothesis] = [
    form.nothing_given,
    form.not_a_number,
    terms.wrong_axes,
    form.transposed,
    form.reshaped,
    moved.of_another_array,
    form.not_summed,
    form.not_cropped,
]
OF_NUMBERS: list[Hypothesis] = [
    form.not_a_number,
    form.zero_everywhere,
    terms.upstream_ignored,
    factors.dropout_scale,
    factors.constant_factor,
    convolution.convolution_slips,
    activations.mask,
    softmax.softmax_slips,
    losses.loss_slips,
    normalization.normalization_slips,
    terms.regularizer,
    loops.tied_maxima,
    pooling.pooling_slips,
    terms.wrong_axes,
    terms.shortcut,
    moved.wrong_copies,
    moved.of_another_array,
    activations.wrong_slope,
    terms.diagonal_only,
    moved.array_itself,
    rearranged.wrong_operand,
    terms.not_transposed,
    rearranged.wrong_order,
    loops.overwritten,
    loops.part_of_dy,
    rearranged.shifted,
    rearranged.wrong_upstream,
    inner.slip_of_a_loss,
    constants.another_constant,
    steps.slip_at_a_step,
    loops.overwritten_entries,
    rearranged.wrong_reshape,
    values.times_a_value,
    factors.factor_of_its_own,
    rearranged.elsewhere,
    where.location,
]


def likely_cause(evidence: Evidence) -> str | None:
    """Return the probable cause in one sentence, or None if no hypothesis fits."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for hypothesis in OF_NUMBERS if evidence.gradient.fits else OF_FORM:
            if evidence.search.is_over:
                return None
            try:
                cause = hypothesis(evidence)
                cause = cause and _confirmed(hypothesis, evidence, cause)
            except Unanswered:
                continue
            except Exception:
                if RAISES:
                    raise
                continue  # an error of the search itself: the verdict must be printed all the same
            if cause:
                says_x = re.search(r"\bx\b", re.sub("“.*?”", "", cause))
                of_it = evidence.of_input or hypothesis.__module__ == activations.__name__
                own = evidence.gradient.name
                of_it &= hypothesis.__module__ != inner.__name__
                return f"{cause} (x stands for {own})" if says_x and of_it and own != "x" else cause
    return None


BY_CHANCE = (
    constants.another_constant,
    where.location,
    rearranged.elsewhere,
)  # must be so with other numbers too
MOST_NAMES = 3  # causes that fit the numbers equally, and are all reported


def _confirmed(hypothesis: Hypothesis, e: Evidence, cause: str) -> str | None:
    """Return of several causes those that explain the result for other arrays as well; a position only if it does."""
    texts = cause.split(OR)
    if (len(texts) > 1 or hypothesis in BY_CHANCE) and e.second:
        there = {_kind(text) for text in (hypothesis(e.second) or "").split(OR)}
        kept = [text for text in texts if _kind(text) in there]
        texts = kept if kept or hypothesis in BY_CHANCE else texts
    places: dict[str, list[str]] = {}
    for text in texts[:MOST_NAMES]:
        said, _, place = text.partition(": at ")
        places.setdefault(place, []).append(said)
    joined = "; or: ".join(OR.join(said) + f": at {place}" * bool(place) for place, said in places.items())
    if len(texts) > MOST_NAMES:
        return f"the numbers fit {len(texts)} slips and single none out; one of them: {texts[0]}"
    return joined or None


def _kind(text: str) -> str:
    """Return a cause without its numbers: those of shapes differ with other arrays."""
    text = re.sub("^of the .* entries compared: ", "", text)
    return re.sub(r"\d[\d.e]*", "#", re.sub("“.*?”", "“”", text)) + "".join(re.findall("“.*?”", text))

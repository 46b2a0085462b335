"""Broken copies of real backward passes, one fault each, and the words that the report must then find.

Every one of them is a fault that somebody made: an operation's backward function, copied and broken. A case
draws its own geometry at random, such that the fault shows (a kernel of one pixel cannot be rotated wrongly).
"""

from functools import partial

# name -> (case, array, words): case(rng) -> (forward, backward), arrays, options
FAULTS = {}


def fault(array, words):
    """Register a case: the gradient of ``array`` is wrong, and the report says ``words``."""

    def register(case):
        FAULTS[case.__name__] = case, array, words
        return case

    return register


def faults(case, **rows):
    """Register many faults of one case: name=(array, words, broken), for ``case(rng, broken)``."""
    for name, (array, words, broken) in rows.items():
        assert name not in FAULTS
        FAULTS[name] = partial(case, broken=broken), array, words

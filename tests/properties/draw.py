"""The suite's random choices made by Hypothesis, which then shrinks a failing case to its simplest form."""

from hypothesis import strategies as st

from minicnn.gradient_check.suite import Draw

seeds = st.integers(0, 2**32 - 1)


class HypothesisDraw(Draw):
    """Draws from the ``data`` of a test."""

    def __init__(self, data):
        self._data = data

    def integer(self, least, most):
        return self._data.draw(st.integers(least, most))

    def choice(self, options):
        return self._data.draw(st.sampled_from(options))

"""Broken copies of real backward passes: importing this registers all of them in ``FAULTS``."""

from tests.minicnn.gradient_check.broken import (  # noqa: F401
    anyhow,
    classifiers,
    convolution,
    curves,
    formulas,
    loops,
    normalized,
    pooling,
    sequences,
)
from tests.minicnn.gradient_check.broken.faults import FAULTS

__all__ = ["FAULTS"]

"""Broken copies of real backward passes: importing this registers all of them in ``FAULTS``."""

from tests.minicnn.gradient_check.broken import anyhow, convolution, formulas, pooling  # noqa: F401
from tests.minicnn.gradient_check.broken.faults import FAULTS

__all__ = ["FAULTS"]

"""What the command checks: every operation, layer, loss, regularizer and optimizer step, with random arguments."""

from minicnn.gradient_check.suite.draw import Draw
from minicnn.gradient_check.suite.rows import ROWS, Outcome, Row

__all__ = ["ROWS", "Draw", "Outcome", "Row"]

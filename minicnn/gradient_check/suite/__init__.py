"""What the command checks: all operations, layers, losses, regularizers, optimizer
steps; random arguments.
"""

from minicnn.gradient_check.suite.draw import Draw
from minicnn.gradient_check.suite.rows import ROWS, Outcome, Row, kernel_report

__all__ = ["ROWS", "Draw", "Outcome", "Row", "kernel_report"]

"""Is a hand-written gradient right? Compare it with a derivative of the function.

    report = check_layer(layers.Conv2D(4, 3), (2, 5, 5, 3))       any layer, also one of your own
    report = check_op((forward, backward), {"x": x, "w": w})      a pair of functions
    report = check_optimizer(step, "adam")                        an optimizer's step
    report = check_model(model, x, y)                             a compiled model, loss and regularizers included
    print(report)

Every entry of every gradient is compared with the complex step (numeric.py), for a random upstream gradient.
If one is wrong, the report gives the error, the entry, and the likely cause (causes/).

``python -m minicnn.gradient_check`` checks every operation, layer, loss and regularizer of the library.
"""

from minicnn.gradient_check.check import check_layer, check_model, check_op
from minicnn.gradient_check.comparison import compare
from minicnn.gradient_check.numeric import STEP, complex_step, worst_error
from minicnn.gradient_check.optimizer import check_optimizer
from minicnn.gradient_check.report import Gradient, Kink, Report

__all__ = [
    "STEP",
    "Gradient",
    "Kink",
    "Report",
    "check_layer",
    "check_model",
    "check_op",
    "check_optimizer",
    "compare",
    "complex_step",
    "worst_error",
]

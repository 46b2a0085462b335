"""ReLU: y = max(x, 0), and which gradients pass.

    x, y, dx, dy: of any one shape

An example: x = [-1, 0, 2] gives y = [0, 0, 2]; with dy = [10, 20, 30], dx = [0, 0, 30].
At x = 0 there is a kink. Here, as in Keras and PyTorch, dx is 0 there. dy must stay as it is: others use it too.
"""

import numpy as np

from minicnn.exercises.rungs import Rung, backward, forward, gradient

PAGE = "docs/backprop/activations.md"


def relu_forward(x):
    """Return y, and what the backward pass needs."""
    # your code: y
    y = np.maximum(x, 0)
    return y, x


def relu_backward(dy, cache):
    """Return dx."""
    x = cache
    # your code: dx
    dx = dy * (x > 0)
    return dx


_ANY = {"x": (3, 5)}
RUNGS = (
    Rung("forward", "y = max(x, 0)",
         forward("relu_forward", _ANY,
             {"this is |x|": lambda x: abs(x),
              "this is 1 where x > 0": lambda x: np.where(x > 0, 1.0, 0.0),
              "this is min(x, 0)": lambda x: np.minimum(x, 0)}),
         "each entry by itself: the larger of x and 0. np.max is something else: the largest entry of all",
         "np.maximum(x, 0)"),
    Rung("dx", "dy passes where x > 0",
         gradient("relu", "x", _ANY),
         "where x > 0, y is x, with the slope 1. Where x < 0, y stays 0",
         "dx = dy · (x > 0): the mask comes from x, not from dy"),
    Rung("at 0", "ReLU'(0) = 0",
         backward("relu", "x", {"x": [[-1.0, 0.0, 2.0], [0.0, 0.0, 1.0]]}),
         "which entries pass at x = 0? By the convention, none",
         "x > 0, not x >= 0"),
)

"""Residual: y = x + branch(x), and a gradient that comes back on two ways.

    x (N, D)   W (D, D)   h = relu(x @ W)   y = x + h        a shortcut beside a small branch

An example: x = [[1, 2]], W = [[1, 0], [1, -1]] gives x @ W = [[3, -2]], h = [[3, 0]], y = [[4, 2]].
With dy = [[1, 10]]: the branch gets [[1, 0]] below its ReLU, dW = [[1, 0], [2, 0]], dx = [[1 + 1, 10 + 1]].
"""

import numpy as np

from minicnn.exercises.rungs import Rung, forward, gradient

PAGE = "docs/backprop/residual.md"


def residual_forward(x, W):
    """Return y, and what the backward pass needs."""
    z = x @ W
    # your code: y
    y = x + np.maximum(z, 0)
    return y, (x, W, z)


def residual_backward(dy, cache):
    """Return dx, dW. dy must stay as it is: both ways need it."""
    x, W, z = cache
    # your code: dW
    dz = dy * (z > 0)
    dW = x.T @ dz
    # your code: dx
    dx = dy + dz @ W.T
    return dx, dW


_SIZES = {"x": (5, 4), "W": (4, 4)}
RUNGS = (
    Rung("forward", "y = x + relu(x @ W)",
         forward("residual_forward", _SIZES,
             {"the shortcut is missing: this is the branch alone": lambda x, W: np.maximum(x @ W, 0),
              "the ReLU is missing": lambda x, W: x + x @ W,
              "the ReLU is after the addition: it belongs to the branch": lambda x, W: np.maximum(x + x @ W, 0)}),
         "the branch's result is added to x itself",
         "y = x + np.maximum(z, 0)"),
    Rung("dW", "through the branch alone",
         gradient("residual", "W", _SIZES),
         "W is in the branch: what arrives at h is dy. Then the ReLU, then the product x @ W",
         "dz = dy · (z > 0), dW = x.T @ dz"),
    Rung("dx", "both ways add up",
         gradient("residual", "x", _SIZES),
         "x is used twice: by the shortcut and by the branch. Are both there?",
         "the shortcut sends dy, the branch sends dz @ W.T with dz = dy · (z > 0): dx is their sum"),
)

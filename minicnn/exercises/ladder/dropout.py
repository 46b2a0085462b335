"""Dropout: numbers that are switched off at random in training.

    x, y, dx, dy: of any one shape        uniform: random numbers in [0, 1) of that shape

In training an entry is dropped (0) where uniform < rate, and the others are multiplied by 1/(1 - rate), so that the
mean stays. In evaluation (training=False) y = x.

An example: x = [1, 2, 3, 4], rate = 0.5, uniform = [0.9, 0.1, 0.5, 0.3] gives y = [2, 0, 6, 0]; with
dy = [1, 1, 1, 1], dx = [2, 0, 2, 0].
"""

from typing import Any

import numpy as np

from minicnn.exercises.rungs import Rung, forward, gradient

PAGE = "docs/backprop/dropout.md"


def dropout_forward(x, rate, uniform, training=True):
    """Return y, and what the backward pass needs: choose it yourself."""
    # your code: y, cache
    cache = (uniform >= rate) / (1 - rate) if training else 1.0
    y = x * cache
    return y, cache


def dropout_backward(dy, cache):
    """Return dx."""
    # your code: dx
    dx = dy * cache
    return dx


_X = {"x": (4, 6)}
_U = np.random.default_rng(1).uniform(size=(4, 6))
_WITH: dict[str, Any] = {"rate": 0.4, "uniform": _U}
RUNGS = (
    Rung("forward", "which entries stay, and their scale",
         forward("dropout_forward", _X,
             {"the scale 1/(1 - rate) is missing": lambda x, rate, uniform: x * (uniform >= rate),
              "the wrong entries: dropped are those where uniform < rate":
                 lambda x, rate, uniform: x * (uniform < rate) / (1 - rate),
              "the wrong entries are dropped, those where uniform < rate stay; and the scale is 1/rate":
                 lambda x, rate, uniform: x * (uniform < rate) / rate,
              "the scale is 1/rate: it must be 1/(1 - rate), one over the share that stays":
                 lambda x, rate, uniform: x * (uniform >= rate) / rate,
              "multiplied by 1 - rate: it must be divided, so that the mean stays":
                 lambda x, rate, uniform: x * (uniform >= rate) * (1 - rate),
              "nothing is dropped": lambda x, rate, uniform: x}, **_WITH),
         "dropped where uniform < rate; of the rest a share of 1 - rate is there, and the mean must stay",
         "a mask (uniform >= rate) / (1 - rate), and y = x · mask. Keep the mask: the backward pass needs it"),
    Rung("dx", "the same mask, the same scale",
         gradient("dropout", "x", _X, **_WITH),
         "y = x · mask for each entry. What is the slope?",
         "dx = dy · mask, with the mask of the forward pass, scale included"),
    Rung("evaluation", "training=False: y = x",
         forward("dropout_forward", _X,
             {"entries are dropped in evaluation too":
                 lambda x, rate, uniform, training: x * (uniform >= rate) / (1 - rate),
              "nothing is scaled in evaluation: the scale 1/(1 - rate) of training already keeps the mean":
                 lambda x, rate, uniform, training: x * (1 - rate)}, training=False, **_WITH),
         "in evaluation nothing is dropped, and nothing is scaled",
         "if not training: the mask is 1 everywhere"),
    Rung("evaluation: dx", "training=False: dx = dy",
         gradient("dropout", "x", _X, training=False, **_WITH),
         "in evaluation y = x",
         "the cache must say that nothing was dropped: store 1.0 as the mask"),
)

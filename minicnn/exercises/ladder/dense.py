"""Dense: y = x @ W + b, and the gradients of all three.

    x (N, D): N samples in rows   W (D, U)   b (U,)   y (N, U)        dy has the shape of y

An example: x = [[1, 2]], W = [[1, 0, 3], [2, 1, 0]], b = [0, 0, 1] gives y = [[5, 2, 4]].
With dy = [[1, 10, 100]]: dx = [[301, 12]], dW = [[1, 10, 100], [2, 20, 200]], db = [1, 10, 100].
"""

import numpy as np  # noqa: F401, a line of the student's file

from minicnn.exercises.rungs import Rung, forward, gradient

PAGE = "docs/backprop/dense.md"


def dense_forward(x, W, b):
    """Return y (N, U), and what the backward pass needs."""
    # your code: y
    y = x @ W + b
    return y, (x, W)


def dense_backward(dy, cache):
    """Return dx (N, D), dW (D, U), db (U,)."""
    x, W = cache
    # your code: dx, dW, db
    dx = dy @ W.T
    dW = x.T @ dy
    db = dy.sum(axis=0)
    return dx, dW, db


_SIZES = {"x": (3, 4), "W": (4, 5), "b": (5,)}
_SQUARE = {"x": (4, 4), "W": (4, 4), "b": (4,)}
RUNGS = (
    Rung("forward", "y = x @ W + b",
         forward("dense_forward", _SIZES,
             {"b is not added": lambda x, W, b: x @ W,
              "b is subtracted": lambda x, W, b: x @ W - b}),
         "each row of x is multiplied by the matrix W, and b is added to each row",
         "y = x @ W + b: NumPy adds b to every row"),
    Rung("db", "the sum over the samples",
         gradient("dense", "b", _SIZES),
         "b is in every row of y. What does a number get that is used N times?",
         "the sum over the rows: db = dy.sum(axis=0), of shape (U,)"),
    Rung("dW", "which numbers does W[d, u] meet?",
         gradient("dense", "W", _SIZES),
         "y[n, u] has the term x[n, d] · W[d, u]. So W[d, u] gets x[n, d] · dy[n, u], for all n",
         "dW[d, u] = Σ_n x[n, d] · dy[n, u]. As a product of matrices: x.T @ dy, of shape (D, U)"),
    Rung("dx", "which numbers does x[n, d] meet?",
         gradient("dense", "x", _SIZES),
         "x[n, d] is in y[n, u] for all u, with the factor W[d, u]",
         "dx[n, d] = Σ_u dy[n, u] · W[d, u]. The sum is over the last axis of both: dy @ W.T"),
    Rung("square", "all sizes are equal: shapes do not help",
         gradient("dense", "x", _SQUARE),
         "the shapes fit whether W is transposed or not. Which is right?",
         "dx = dy @ W.T"),
    Rung("square: dW", "the same for dW",
         gradient("dense", "W", _SQUARE),
         "as for dx",
         "dW = x.T @ dy"),
)

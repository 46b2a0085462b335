"""Optimizers: SGD, momentum and Adam, one step on one array.

    w, g: a weight and its gradient, of one shape      state: a dict, empty before the first step; it is yours

    SGD        w ← w - η·g
    momentum   u ← μ·u - η·g;   w ← w + u
    Adam       m ← β1·m + (1 - β1)·g;   v ← β2·v + (1 - β2)·g²;   t = 1, 2, … counts the steps
               w ← w - η · m̂/(√v̂ + ε)   with m̂ = m/(1 - β1ᵗ), v̂ = v/(1 - β2ᵗ)

An example with w = 1, g = 2 twice, η = 0.1. SGD: 0.8, 0.6. Momentum, μ = 0.9: u = -0.2, w = 0.8; u = -0.38,
w = 0.42. Adam: 0.9, 0.8. u, m and v begin with 0: state.get("u", 0) is 0 as long as there is none.
Return the new w; g must stay as it is.
"""

import numpy as np

from minicnn.exercises.rungs import Rung, step

PAGE = "docs/backprop/optimizers.md"


def sgd_step(w, g, state, learning_rate=0.01):
    """Return the new w."""
    # your code: w
    w = w - learning_rate * g
    return w


def momentum_step(w, g, state, learning_rate=0.01, momentum=0.9):
    """Return the new w; state keeps the velocity u."""
    # your code: w
    u = momentum * state.get("u", 0) - learning_rate * g
    state["u"] = u
    w = w + u
    return w


def adam_step(w, g, state, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Return the new w; state keeps m, v and t."""
    # your code: w
    t = state.get("t", 0) + 1
    m = beta_1 * state.get("m", 0) + (1 - beta_1) * g
    v = beta_2 * state.get("v", 0) + (1 - beta_2) * g**2
    state.update(t=t, m=m, v=v)
    m_hat = m / (1 - beta_1**t)
    v_hat = v / (1 - beta_2**t)
    w = w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return w


RUNGS = (
    Rung("sgd", "against the gradient",
         step("sgd_step", "sgd", learning_rate=0.1),
         "a step against the gradient, of length η·g",
         "w - learning_rate * g"),
    Rung("momentum", "five steps: the velocity is kept",
         step("momentum_step", "momentum", learning_rate=0.1, momentum=0.8),
         "is the new u stored in state, and is the old one multiplied by μ?",
         "u = momentum * state.get(\"u\", 0) - learning_rate * g, then state[\"u\"] = u, then w + u"),
    Rung("adam", "five steps with bias correction",
         step("adam_step", "adam", learning_rate=0.01),
         "compare each line with the four formulas: m, v, m̂, v̂; t is 1 in the first step, and grows",
         "store m and v (not m̂ and v̂) in state. After the first step m̂ = g and v̂ = g²: w moves by η in "
         "each entry"),
    Rung("adam: numbers", "other β and a large ε",
         step("adam_step", "adam", learning_rate=0.01, beta_1=0.7, beta_2=0.9, epsilon=0.1),
         "are β1, β2 and ε the arguments, or numbers in the code?",
         "use beta_1, beta_2 and epsilon; ε is added to √v̂, outside of the root"),
)

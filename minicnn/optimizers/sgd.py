"""Stochastic gradient descent, with momentum: a step is a sum of the gradients so far.

    u ← μ·u − η·g        the velocity: the old one times μ, and a step against the gradient
    w ← w + u

With a constant g the velocity converges to −η·g/(1 − μ), ten times the plain step for μ = 0.9; where the sign
of g alternates, the steps cancel. Nesterov's variant applies the new velocity once more, w ← w + μ·u − η·g:
it reacts one step earlier to a change of the gradient.

Source: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
learning" (2013).
"""

from typing import Unpack

import numpy as np

from minicnn import ops
from minicnn.optimizers.base import Arrays, Optimizer, OptimizerOptions, Rate, UpdateOptions
from minicnn.optimizers.checks import check


class SGD(Optimizer):
    """Gradient descent with momentum.

    Args:
        learning_rate: η.
        momentum: μ, from 0 (none) to 1.
        nesterov: use the gradient one step ahead.
        **options: those of :class:`~minicnn.optimizers.Optimizer`: weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        check(0 <= momentum <= 1, "momentum", momentum, "a number from 0 to 1")
        self.momentum, self.nesterov = momentum, nesterov

    @property
    def slots(self) -> list[str]:
        """The velocity, if there is momentum."""
        return ["momentum"] if self.momentum else []

    def update_step(
        self, w: np.ndarray, dw: np.ndarray, state: Arrays, rate: float, options: UpdateOptions
    ) -> None:
        """Move w in place."""
        ops.sgd_update(w, dw, state.get("momentum"), rate, self.momentum, self.nesterov, **options)

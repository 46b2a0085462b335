"""Stochastic gradient descent, with momentum: a ball that rolls down the loss.

    u ← μ·u − η·g        the velocity: the old one, slowed down, and a push downhill
    w ← w + u

With a steady g the velocity settles at −η·g/(1 − μ), ten times the plain step for μ = 0.9; where g swings
from side to side the pushes cancel. Nesterov's variant measures the push after the coming move, w ← w + μ·u −
η·g, and so brakes earlier in front of a rise.

Source: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
learning" (2013).
"""

from typing import Any

from minicnn import ops
from minicnn.optimizers.base import Optimizer
from minicnn.optimizers.checks import check


class SGD(Optimizer):
    """Gradient descent with momentum.

    Args:
        learning_rate: η.
        momentum: μ, from 0 (none) to 1.
        nesterov: look one step ahead.
        **options: those of :class:`~minicnn.optimizers.Optimizer`: weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name.
    """

    def __init__(
        self, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=None, **options
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        check(0 <= momentum <= 1, "momentum", momentum, "a number from 0 to 1")
        self.momentum, self.nesterov = momentum, nesterov

    @property
    def slots(self) -> list[str]:
        """The velocity, where there is momentum."""
        return ["momentum"] if self.momentum else []

    def update_step(self, w, dw, state, rate, options) -> None:
        """Move w in place."""
        ops.sgd_update(w, dw, state.get("momentum"), rate, self.momentum, self.nesterov, **options)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON-able values."""
        return super().get_config() | {"momentum": self.momentum, "nesterov": self.nesterov}

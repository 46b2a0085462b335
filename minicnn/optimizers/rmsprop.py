"""RMSprop: divide the gradient by the root of a running mean of its square, which normalises its size.

    v ← ρ·v + (1 − ρ)·g²
    w ← w − η · g/√(v + ε)

Centered, v is replaced by v − a² with the running mean a of g: the variance of g, not its mean square, which
gives larger steps where the gradient is constant. With momentum, a velocity u ← μ·u + η·g/√(v + ε) moves w.
Unlike in Adam, the start of v at 0 is not corrected: the first step has the length η/√(1 − ρ), 3.2·η for ρ =
0.9.

Source: Hinton, Srivastava and Swersky, "Neural networks for machine learning", lecture 6 (2012). ε as Keras.
"""

from typing import Unpack

import numpy as np

from minicnn import ops
from minicnn.optimizers.base import Arrays, Optimizer, OptimizerOptions, Rate, UpdateOptions
from minicnn.optimizers.checks import check


class RMSprop(Optimizer):
    """RMSprop.

    Args:
        learning_rate: η.
        rho: ρ: the mean of g² is over about 1/(1 − ρ) steps.
        momentum: μ, from 0 (none) to 1.
        epsilon: ε, inside the root.
        centered: divide by the deviation of g, not by its root mean square.
        **options: those of :class:`~minicnn.optimizers.Optimizer`: weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        check(0 <= rho < 1, "rho", rho, "a number from 0 to below 1")
        check(0 <= momentum <= 1, "momentum", momentum, "a number from 0 to 1")
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    @property
    def slots(self) -> list[str]:
        """Keras's names: "velocity" is v, "momentum" is u and "average_gradient" is a."""
        return ["velocity"] + ["momentum"] * bool(self.momentum) + ["average_gradient"] * bool(self.centered)

    def update_step(
        self, w: np.ndarray, dw: np.ndarray, state: Arrays, rate: float, options: UpdateOptions
    ) -> None:
        """Move w in place."""
        arrays = state["velocity"], state.get("momentum"), state.get("average_gradient")
        ops.rmsprop_update(w, dw, *arrays, rate, self.rho, self.momentum, self.epsilon, **options)

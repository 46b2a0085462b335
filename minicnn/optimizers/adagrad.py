"""Adagrad and Adadelta: step sizes from all gradients so far, and from the steps so far.

    Adagrad    n ← n + g²                      w ← w − η · g/√(n + ε)
    Adadelta   v ← ρ·v + (1 − ρ)·g²            d = √(s + ε)/√(v + ε) · g
               s ← ρ·s + (1 − ρ)·d²            w ← w − η · d

Adagrad's n only grows: with gradients of one size its steps shrink as 1/√t, and weights that seldom get a gradient
keep large ones. Adadelta forgets, as RMSprop does, and takes the length of its steps from the mean square s of the
steps before. So d has the unit of w, whatever that of the loss, and needs no learning rate: Zeiler's paper has η = 1.
Keras's default is 0.001. As s starts at 0, the first steps have the length √(ε/(1 − ρ)), 0.0014.

Sources: Duchi, Hazan and Singer, "Adaptive subgradient methods" (2011); Zeiler, "ADADELTA" (2012); ε as in Keras.
"""

from typing import Unpack

import numpy as np

from minicnn import ops
from minicnn.optimizers.base import Arrays, Optimizer, OptimizerOptions, Rate, UpdateOptions
from minicnn.optimizers.checks import check


class Adagrad(Optimizer):
    """Adagrad.

    Args:
        learning_rate: η.
        initial_accumulator_value: what n is before the first step, from 0.
        epsilon: ε, inside the root.
        **options: those of :class:`~minicnn.optimizers.Optimizer`: weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        start = initial_accumulator_value
        check(start >= 0, "initial_accumulator_value", start, "a number from 0")
        self.initial_accumulator_value = self.slots_start = start
        self.epsilon = epsilon

    @property
    def slots(self) -> list[str]:
        """Keras's name: "accumulator" is n."""
        return ["accumulator"]

    def update_step(
        self, w: np.ndarray, dw: np.ndarray, state: Arrays, rate: float, options: UpdateOptions
    ) -> None:
        """Move w in place."""
        ops.adagrad_update(w, dw, state["accumulator"], rate, self.epsilon, **options)


class Adadelta(Optimizer):
    """Adadelta.

    Args:
        learning_rate: η; the paper's is 1.
        rho: ρ: the means are over about 1/(1 − ρ) steps.
        epsilon: ε, inside both roots; it decides the length of the first steps.
        **options: those of :class:`~minicnn.optimizers.Optimizer`: weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        check(0 <= rho < 1, "rho", rho, "a number from 0 to below 1")
        self.rho, self.epsilon = rho, epsilon

    @property
    def slots(self) -> list[str]:
        """Keras's names: "accumulated_grad" is v and "accumulated_delta_var" is s."""
        return ["accumulated_grad", "accumulated_delta_var"]

    def update_step(
        self, w: np.ndarray, dw: np.ndarray, state: Arrays, rate: float, options: UpdateOptions
    ) -> None:
        """Move w in place."""
        v, s = state["accumulated_grad"], state["accumulated_delta_var"]
        ops.adadelta_update(w, dw, v, s, rate, self.rho, self.epsilon, **options)

"""Adam: each weight moves by the mean of its gradient over the root of the mean of its square.

    m ← m + (1 − β₁)·(g − m)                        v ← v + (1 − β₂)·(g² − v)
    w ← w − η · √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε)

Both means start at 0 and are too small at first: after t steps with a constant g, m = (1 − β₁ᵗ)·g and
v = (1 − β₂ᵗ)·g². The factor with t = 1, 2, … corrects this: the first step is η·sign(g). With t wrong by one,
it would be √(1 − β₂²)/(1 − β₁²) · (1 − β₁)/√(1 − β₂) = 0.74 of that.

Nadam is Adam with Nesterov's look-ahead: the step has the m of the next step, as far as it is known now, and so
more of the present g. Its β₁ grows from 0.52·β₁ to β₁ (:mod:`minicnn.ops.reference.updates`).

AdamW is Adam with decoupled weight decay (:mod:`minicnn.optimizers.base`, step 2). An L2 penalty is not the
same: its gradient is part of g, and m/√v normalises its size.

Sources: Kingma and Ba, "Adam" (2015), with the ε of section 2 ("epsilon hat"); Loshchilov and Hutter,
"Decoupled weight decay regularization" (2019); Reddi, Kale and Kumar, "On the convergence of Adam and beyond"
(2018) for AMSGrad; Dozat, "Incorporating Nesterov momentum into Adam" (2016) for Nadam.
"""

from typing import Unpack

import numpy as np

from minicnn import ops
from minicnn.optimizers.base import Arrays, Optimizer, OptimizerOptions, Rate, UpdateOptions
from minicnn.optimizers.checks import check


class Adam(Optimizer):
    """Adam.

    Args:
        learning_rate: η, about the size of the step of each weight.
        beta_1: β₁: the mean of g is over about 1/(1 − β₁) steps.
        beta_2: β₂: the same for the mean of g².
        epsilon: ε: weights whose gradient is only rounding error do not move.
        amsgrad: divide by the largest √v so far, not by the current one.
        **options: those of :class:`~minicnn.optimizers.Optimizer`: weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        check(0 <= beta_1 < 1, "beta_1", beta_1, "a number from 0 to below 1")
        check(0 <= beta_2 < 1, "beta_2", beta_2, "a number from 0 to below 1")
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad

    @property
    def slots(self) -> list[str]:
        """Keras's names: "momentum" is m, "velocity" is v and "velocity_hat" the largest v."""
        return ["momentum", "velocity", "velocity_hat"] if self.amsgrad else ["momentum", "velocity"]

    def update_step(
        self, w: np.ndarray, dw: np.ndarray, state: Arrays, rate: float, options: UpdateOptions
    ) -> None:
        """Move w in place."""
        arrays = state["momentum"], state["velocity"], state.get("velocity_hat")
        ops.adam_update(
            w, dw, *arrays, rate, self.beta_1, self.beta_2, self.epsilon, self.iterations + 1, **options
        )


class AdamW(Adam):
    """Adam with weight decay from the start; the arguments in Keras's order, as :class:`Adam`'s otherwise.

    Args:
        weight_decay: λ; weights shrink by the factor 1 − η·λ a step.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        check(weight_decay is not None, "weight_decay", weight_decay, "a number; without decay, use Adam")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, **options)


class Nadam(Optimizer):
    """Adam with Nesterov's look-ahead; the arguments are those of :class:`Adam`, without amsgrad."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        check(0 <= beta_1 < 1, "beta_1", beta_1, "a number from 0 to below 1")
        check(0 <= beta_2 < 1, "beta_2", beta_2, "a number from 0 to below 1")
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    @property
    def slots(self) -> list[str]:
        """Keras's names: "momentum" is m and "velocity" is v."""
        return ["momentum", "velocity"]

    def update_step(
        self, w: np.ndarray, dw: np.ndarray, state: Arrays, rate: float, options: UpdateOptions
    ) -> None:
        """Move w in place."""
        numbers = rate, self.beta_1, self.beta_2, self.epsilon, self.iterations + 1
        ops.nadam_update(w, dw, state["momentum"], state["velocity"], *numbers, **options)

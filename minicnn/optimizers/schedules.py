"""Learning rate schedules: functions of the step, 0 for the first.

    optimizer = SGD(CosineDecay(0.0, decay_steps=9000, warmup_target=0.1, warmup_steps=1000))

With s the step, T the number of decay steps, η₀ the initial rate:

    ExponentialDecay       η₀ · r^(s/T)                           staircase: floor(s/T)
    StepDecay              η₀ · r^floor(s/T)
    InverseTimeDecay       η₀ / (1 + r·s/T)                       staircase: floor(s/T)
    PolynomialDecay        (η₀ − η₁)·(1 − s/T)^p + η₁             s up to T; or to the next multiple of it
    (cycle) PiecewiseConstantDecay values[i] with boundaries[i−1] < s ≤ boundaries[i]
    CosineDecay            η₀ · (α + (1 − α)·½(1 + cos(π·s/T)))   s up to T; before that a linear warm-up
    CosineDecayRestarts    the same, repeated; each period t_mul times as long and m_mul times as high
    OneCycle               half a cosine up, a longer one down to nearly 0

Names, arguments and values are Keras 3's (computed in float64) except for Constant, StepDecay and OneCycle,
which Keras does not have.
"""

import bisect
import math
from dataclasses import dataclass
from typing import Any

from minicnn._base.registry import Configured, Registry, serialize
from minicnn.optimizers.checks import check

__all__ = [
    "Constant",
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "StepDecay",
    "deserialize",
    "get",
    "serialize",
]


class LearningRateSchedule(Configured):
    """Base class. Your own schedule defines ``__call__``; as a dataclass it can also be saved."""

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__}.__call__")


class _OverSteps(LearningRateSchedule):
    decay_steps: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.decay_steps > 0, "decay_steps", self.decay_steps, "a positive number")


@dataclass(frozen=True)
class Constant(LearningRateSchedule):
    """Always the same rate."""

    learning_rate: float
    name: str = "Constant"

    def __call__(self, step: int) -> float:
        """Return it."""
        return self.learning_rate


@dataclass(frozen=True)
class ExponentialDecay(_OverSteps):
    """Multiply by ``decay_rate`` every ``decay_steps``, gradually or, with ``staircase``, at once."""

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False
    name: str = "ExponentialDecay"

    def __call__(self, step: int) -> float:
        """Return η₀ · r^(s/T)."""
        periods = _periods(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate * self.decay_rate**periods


@dataclass(frozen=True)
class StepDecay(_OverSteps):
    """Multiply by ``decay_rate`` after every ``decay_steps`` steps: ExponentialDecay with its staircase."""

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float = 0.1
    name: str = "StepDecay"

    def __call__(self, step: int) -> float:
        """Return η₀ · r^floor(s/T)."""
        return self.initial_learning_rate * self.decay_rate ** _periods(step, self.decay_steps, True)


@dataclass(frozen=True)
class InverseTimeDecay(_OverSteps):
    """Divide by 1 + ``decay_rate`` · step / ``decay_steps``."""

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False
    name: str = "InverseTimeDecay"

    def __call__(self, step: int) -> float:
        """Return η₀ / (1 + r·s/T)."""
        periods = _periods(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate / (1 + self.decay_rate * periods)


@dataclass(frozen=True)
class PolynomialDecay(_OverSteps):
    """Fall to ``end_learning_rate`` in ``decay_steps`` as a power of the time left; stay or ``cycle``."""

    initial_learning_rate: float
    decay_steps: float
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False
    name: str = "PolynomialDecay"

    def __call__(self, step: int) -> float:
        """Return (η₀ − η₁)·(1 − s/T)^p + η₁."""
        steps = self.decay_steps
        if self.cycle:  # decay to the next multiple of decay_steps
            steps *= max(1, math.ceil(step / steps))
        left = 1 - min(step, steps) / steps
        fall = self.initial_learning_rate - self.end_learning_rate
        return fall * left**self.power + self.end_learning_rate


@dataclass(frozen=True)
class PiecewiseConstantDecay(LearningRateSchedule):
    """``values[0]`` up to and including step ``boundaries[0]``, then ``values[1]``, and so on."""

    boundaries: list[float]
    values: list[float]
    name: str = "PiecewiseConstant"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.values) != len(self.boundaries) + 1 or list(self.boundaries) != sorted(self.boundaries):
            raise ValueError(
                f"boundaries={self.boundaries}, values={self.values}: expected rising boundaries, and "
                "one more value"
            )

    def __call__(self, step: int) -> float:
        """Return the value between the boundaries around the step."""
        return self.values[bisect.bisect_left(self.boundaries, step)]


@dataclass(frozen=True)
class CosineDecay(_OverSteps):
    """Half a cosine from the top to ``alpha`` times the top in ``decay_steps``.

    The top is ``initial_learning_rate``; or ``warmup_target``: the rate first rises linearly to it, from
    ``initial_learning_rate``, in ``warmup_steps``, which come before the ``decay_steps``.

    Source: Loshchilov and Hutter, "SGDR" (2017); Goyal et al. (2017) for the warm-up.
    """

    initial_learning_rate: float
    decay_steps: float
    alpha: float = 0.0
    name: str = "CosineDecay"
    warmup_target: float | None = None
    warmup_steps: float = 0

    def __call__(self, step: int) -> float:
        """Return the rate of the warm-up or of the cosine."""
        if self.warmup_target is None:
            return self.initial_learning_rate * _cosine(step / self.decay_steps, self.alpha)
        if step < self.warmup_steps:
            rise = self.warmup_target - self.initial_learning_rate
            return rise * (step / self.warmup_steps) + self.initial_learning_rate
        return self.warmup_target * _cosine((step - self.warmup_steps) / self.decay_steps, self.alpha)


@dataclass(frozen=True)
class CosineDecayRestarts(LearningRateSchedule):
    """CosineDecay that starts again: each period ``t_mul`` times as long, ``m_mul`` times as high.

    Source: Loshchilov and Hutter, "SGDR" (2017).
    """

    initial_learning_rate: float
    first_decay_steps: float
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0
    name: str = "SGDRDecay"

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.first_decay_steps > 0, "first_decay_steps", self.first_decay_steps, "a positive number")
        check(self.t_mul >= 1, "t_mul", self.t_mul, "a number from 1: with less, the periods become 0")

    def __call__(self, step: int) -> float:
        """Return the rate within the step's period."""
        left, length, restarts = float(step), float(self.first_decay_steps), 0.0
        if self.t_mul == 1:
            restarts, left = divmod(left, length)
        while left >= length:  # a loop: the rounding of a logarithm could be wrong by one step
            left, length, restarts = left - length, length * self.t_mul, restarts + 1
        height = self.m_mul**restarts * _cosine(left / length, 0.0)  # m_mul scales the cosine, not alpha
        return self.initial_learning_rate * ((1 - self.alpha) * height + self.alpha)


@dataclass(frozen=True)
class OneCycle(LearningRateSchedule):
    """Up to ``max_learning_rate`` and down to nearly 0, once: PyTorch's OneCycleLR with its defaults.

    From max/div_factor the rate rises along half a cosine for the first ``pct_start`` of the steps, then
    falls to max/(div_factor·final_div_factor) at step ``total_steps`` − 1, where it stays.

    Source: Smith and Topin, "Super-convergence" (2018); torch.optim.lr_scheduler.OneCycleLR.
    """

    max_learning_rate: float
    total_steps: int
    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    name: str = "OneCycle"

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.total_steps > 0, "total_steps", self.total_steps, "a positive number")
        check(0 <= self.pct_start <= 1, "pct_start", self.pct_start, "a number from 0 to 1")
        known = self.anneal_strategy in ("cos", "linear")
        check(known, "anneal_strategy", self.anneal_strategy, '"cos" or "linear"')

    def __call__(self, step: int) -> float:
        """Return the rate on the way up or down."""
        first = self.max_learning_rate / self.div_factor
        top, last = self.pct_start * self.total_steps - 1, self.total_steps - 1
        if step <= top:
            return self._between(first, self.max_learning_rate, step, top)
        return self._between(self.max_learning_rate, first / self.final_div_factor, step - top, last - top)

    def _between(self, start: float, end: float, step: float, steps: float) -> float:
        done = min(step / steps, 1.0) if steps > 0 else 1.0
        left = 1 - done if self.anneal_strategy == "linear" else _cosine(done, 0.0)
        return end + (start - end) * left


def _cosine(done: float, alpha: float) -> float:
    """Return half a cosine, from 1 at ``done`` = 0 to ``alpha`` from 1 on."""
    return (1 - alpha) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))) + alpha


def _periods(step: int, steps: float, whole: bool) -> float:
    return step // steps if whole else step / steps


_registry = Registry(
    "schedule",
    [
        Constant,
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        OneCycle,
        PiecewiseConstantDecay,
        PolynomialDecay,
        StepDecay,
    ],
)


def get(identifier: Any) -> Any:
    """Return the schedule of a dictionary that :func:`serialize` made, or the one given."""
    return _registry.get(identifier)


deserialize = get

"""One optimizer step on one parameter, in place.

Every step computes g from the gradient dw, multiplies the weights by 1 − η·λ, then applies the optimizer's
rule:

    g = clip(scale · dw, −limit, limit)          scale: clipping by norm, limit: clipping by value
    w ← w · (1 − η·λ)                            η the learning rate, λ the weight decay

The decay is *decoupled*: it is not part of g, so it does not change Adam's moments (the difference between
AdamW and Adam with an L2 penalty). The rules, with all state starting at 0 (but
Adagrad's) and t = 1, 2, … counting the steps:

    SGD        w ← w − η·g
    momentum   u ← μ·u − η·g;  w ← w + u                  Nesterov: w ← w + μ·u − η·g, with the next μ·u
    Adam       m ← m + (1 − β₁)·(g − m)                   the mean of g
               v ← v + (1 − β₂)·(g² − v)                  the mean of g²
               w ← w − η · √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε)       (corrects the start at 0)
    AMSGrad    as Adam, with v̂ ← max(v̂, v) and √v̂ instead of √v
    RMSprop    v ← ρ·v + (1 − ρ)·g²;  d = g/√(v + ε)      centered: a ← ρ·a + (1 − ρ)·g;  d = g/√(v − a² + ε)
               w ← w − η·d                                with momentum: u ← μ·u + η·d;  w ← w − u
    Nadam      m and v as Adam's;  μₜ = β₁·(1 − 0.96ᵗ/2),  Πₜ = μ₁·μ₂·…·μₜ
               w ← w − η · (μₜ₊₁/(1 − Πₜ₊₁)·m + (1 − μₜ)/(1 − Πₜ)·g) / (√(v/(1 − β₂ᵗ)) + ε)
    Adagrad    n ← n + g²                                 n starts at 0.1
               w ← w − η·g/√(n + ε)
    Adadelta   v ← ρ·v + (1 − ρ)·g²;  d = √(s + ε)/√(v + ε)·g
               s ← ρ·s + (1 − ρ)·d²;  w ← w − η·d

Sources: Sutskever et al. (2013), Kingma and Ba (2015), Reddi et al. (2018), Hinton's lecture 6 (2012),
Loshchilov and Hutter (2019), Dozat (2016), Duchi et al. (2011), Zeiler (2012). ε is added where Keras adds it.

Shapes: w, dw and every state array have the same shape and dtype; all except dw are changed in place.
"""

import math
from functools import lru_cache

import numpy as np

from minicnn.ops.types import Array

__all__ = [
    "adadelta_update",
    "adagrad_update",
    "adam_update",
    "average_update",
    "nadam_update",
    "rmsprop_update",
    "sgd_update",
    "squared_norm",
]


def sgd_update(
    w: Array,
    dw: Array,
    velocity: Array | None,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    scale: float = 1.0,
    limit: float = math.inf,
) -> None:
    """Take one SGD step; ``velocity`` is u, or None when the momentum is 0."""
    step = learning_rate * _clipped(dw, scale, limit)
    w *= 1 - learning_rate * weight_decay
    if velocity is None:
        w -= step
        return
    velocity[...] = momentum * velocity - step
    w += momentum * velocity - step if nesterov else velocity


def adam_update(
    w: Array,
    dw: Array,
    m: Array,
    v: Array,
    v_max: Array | None,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    t: int,
    weight_decay: float = 0.0,
    scale: float = 1.0,
    limit: float = math.inf,
) -> None:
    """Take Adam step number ``t`` (from 1); ``v_max`` is AMSGrad's v̂, or None for Adam."""
    g = _clipped(dw, scale, limit)
    w *= 1 - learning_rate * weight_decay
    m += (1 - beta_1) * (g - m)
    v += (1 - beta_2) * (g * g - v)
    if v_max is not None:
        v = np.maximum(v_max, v, out=v_max)
    w -= adam_rate(learning_rate, beta_1, beta_2, t) * m / (np.sqrt(v) + epsilon)


def rmsprop_update(
    w: Array,
    dw: Array,
    v: Array,
    velocity: Array | None,
    mean: Array | None,
    learning_rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
    weight_decay: float = 0.0,
    scale: float = 1.0,
    limit: float = math.inf,
) -> None:
    """Take one RMSprop step; ``velocity`` is u or None (no momentum), ``mean`` a or None (not centered)."""
    g = _clipped(dw, scale, limit)
    w *= 1 - learning_rate * weight_decay
    v[...] = rho * v + (1 - rho) * (g * g)
    variance = v
    if mean is not None:
        mean[...] = rho * mean + (1 - rho) * g
        variance = v - mean * mean
    step = learning_rate * g / np.sqrt(variance + epsilon)
    if velocity is None:
        w -= step
        return
    velocity[...] = momentum * velocity + step
    w -= velocity


def nadam_update(
    w: Array,
    dw: Array,
    m: Array,
    v: Array,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    t: int,
    weight_decay: float = 0.0,
    scale: float = 1.0,
    limit: float = math.inf,
) -> None:
    """Take Nadam step number ``t`` (from 1)."""
    g = _clipped(dw, scale, limit)
    w *= 1 - learning_rate * weight_decay
    m += (1 - beta_1) * (g - m)
    v += (1 - beta_2) * (g * g - v)
    of_mean, of_gradient = nadam_factors(beta_1, t)
    ahead = of_mean * m + of_gradient * g
    w -= learning_rate * ahead / (np.sqrt(v / (1 - beta_2**t)) + epsilon)


def adagrad_update(
    w: Array,
    dw: Array,
    total: Array,
    learning_rate: float,
    epsilon: float,
    weight_decay: float = 0.0,
    scale: float = 1.0,
    limit: float = math.inf,
) -> None:
    """Take one Adagrad step; ``total`` is n."""
    g = _clipped(dw, scale, limit)
    w *= 1 - learning_rate * weight_decay
    total += g * g
    w -= learning_rate * g / np.sqrt(total + epsilon)


def adadelta_update(
    w: Array,
    dw: Array,
    v: Array,
    s: Array,
    learning_rate: float,
    rho: float,
    epsilon: float,
    weight_decay: float = 0.0,
    scale: float = 1.0,
    limit: float = math.inf,
) -> None:
    """Take one Adadelta step; ``v`` is the mean of g², ``s`` that of the steps' squares."""
    g = _clipped(dw, scale, limit)
    w *= 1 - learning_rate * weight_decay
    v[...] = rho * v + (1 - rho) * (g * g)
    step = np.sqrt(s + epsilon) / np.sqrt(v + epsilon) * g
    s[...] = rho * s + (1 - rho) * (step * step)
    w -= learning_rate * step


def average_update(average: Array, w: Array, momentum: float) -> None:
    """Move the average of the weights: average ← momentum·average + (1 − momentum)·w."""
    average[...] = momentum * average + (1 - momentum) * w


def squared_norm(dw: Array) -> float:
    """Return Σ dw² as a float, summed in float64 for every dtype."""
    return float(np.sum(np.square(dw, dtype=np.float64)))


def adam_rate(learning_rate: float, beta_1: float, beta_2: float, t: int) -> float:
    """Return η · √(1 − β₂ᵗ)/(1 − β₁ᵗ), the learning rate with the bias correction of both means."""
    return learning_rate * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)


@lru_cache(maxsize=100)  # all parameters of a step ask for the same
def nadam_factors(beta_1: float, t: int) -> tuple[float, float]:
    """Return μₜ₊₁/(1 − Πₜ₊₁) and (1 − μₜ)/(1 − Πₜ), by which m and g are multiplied.

    From the thousandth factor on, 1 − 0.96ᵗ/2 is 1 in float64.
    """
    near, far = (beta_1 * (1 - 0.96**each / 2) for each in (t, t + 1))
    shrunk = math.prod(1 - 0.96**each / 2 for each in range(1, min(t, 1000) + 1))
    product = beta_1**t * shrunk
    return far / (1 - product * far), (1 - near) / (1 - product)


def _clipped(dw: Array, scale: float, limit: float) -> Array:
    """Return clip(scale · dw, −limit, limit); NaN stays NaN."""
    return np.clip(scale * dw, -limit, limit)

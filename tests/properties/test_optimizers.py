"""Every optimizer, over several steps, against its rule written out number by number, as the papers print it.

Nothing is shared with the library: no arrays, no in-place updates, no running forms. A mean of gradients, for one, is
here the sum  Σ (1 − β)·βᵏ⁻ʲ·gⱼ  that Adam's recursion stands for.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops, optimizers
from minicnn.layers.base import Parameter
from tests.properties.draw import seeds


def faded(numbers, beta):
    """The sum of (1 − β)·β^age·number: what a moving mean that began at 0 has become."""
    return sum((1 - beta) * beta**age * number for age, number in enumerate(reversed(numbers)))


def sgd(w, gradients, rate, decay, momentum, nesterov):
    u = 0.0
    for g in gradients:
        w -= rate * decay * w
        u = momentum * u - rate * g
        w += momentum * u - rate * g if nesterov else u
    return w


def adam(w, gradients, rate, decay, beta_1, beta_2, amsgrad):
    largest = 0.0
    for t in range(1, len(gradients) + 1):
        seen = gradients[:t]
        mean = faded(seen, beta_1) / (1 - beta_1**t)
        square = faded([g * g for g in seen], beta_2)
        largest = max(largest, square) if amsgrad else square
        # Keras's ε, outside the bias correction of √v: ε̂ in section 2 of Kingma and Ba
        correction = math.sqrt(1 - beta_2**t)
        w -= rate * decay * w
        w -= rate * mean * correction / (math.sqrt(largest) + 1e-7)
    return w


def rmsprop(w, gradients, rate, decay, rho, momentum, centered):
    u = 0.0
    for t in range(1, len(gradients) + 1):
        seen = gradients[:t]
        variance = faded([g * g for g in seen], rho) - (faded(seen, rho) ** 2 if centered else 0)
        w -= rate * decay * w
        u = momentum * u + rate * seen[-1] / math.sqrt(variance + 1e-7)
        w -= u
    return w


def nadam(w, gradients, rate, decay, beta_1, beta_2):
    def mu(t):
        return beta_1 * (1 - 0.5 * 0.96**t)

    for t in range(1, len(gradients) + 1):
        seen = gradients[:t]
        product = math.prod(mu(i) for i in range(1, t + 1))
        mean = mu(t + 1) * faded(seen, beta_1) / (1 - product * mu(t + 1)) + (1 - mu(t)) * seen[-1] / (
            1 - product
        )
        square = faded([g * g for g in seen], beta_2) / (1 - beta_2**t)
        w -= rate * decay * w
        w -= rate * mean / (math.sqrt(square) + 1e-7)
    return w


def adagrad(w, gradients, rate, decay, start):
    for t in range(1, len(gradients) + 1):
        w -= rate * decay * w
        w -= rate * gradients[t - 1] / math.sqrt(start + sum(g * g for g in gradients[:t]) + 1e-7)
    return w


def adadelta(w, gradients, rate, decay, rho):
    moves = []
    for t in range(1, len(gradients) + 1):
        usual = faded([move * move for move in moves], rho)
        moves.append(
            gradients[t - 1] * math.sqrt((usual + 1e-7) / (faded([g * g for g in gradients[:t]], rho) + 1e-7))
        )
        w -= rate * decay * w
        w -= rate * moves[-1]
    return w


@st.composite
def rules(draw):
    """(optimizer, the same written out)."""
    rate, decay = draw(st.sampled_from([0.5, 0.01])), draw(st.sampled_from([0.0, 0.1]))
    name = draw(st.sampled_from(["SGD", "Adam", "AdamW", "RMSprop", "Nadam", "Adagrad", "Adadelta"]))
    momentum, flag = draw(st.sampled_from([0.0, 0.5, 0.9])), draw(st.booleans())
    if name == "SGD":
        nesterov = flag and momentum > 0
        made = optimizers.SGD(rate, momentum=momentum, nesterov=nesterov, weight_decay=decay)
        return made, lambda w, gradients: sgd(w, gradients, rate, decay, momentum, nesterov)
    if name == "RMSprop":
        made = optimizers.RMSprop(rate, 0.8, momentum, centered=flag, weight_decay=decay)
        return made, lambda w, gradients: rmsprop(w, gradients, rate, decay, 0.8, momentum, flag)
    if name == "Nadam":
        made = optimizers.Nadam(rate, beta_1=0.8, beta_2=0.95, weight_decay=decay)
        return made, lambda w, gradients: nadam(w, gradients, rate, decay, 0.8, 0.95)
    if name == "Adagrad":
        made = optimizers.Adagrad(rate, initial_accumulator_value=momentum, weight_decay=decay)
        return made, lambda w, gradients: adagrad(w, gradients, rate, decay, momentum)
    if name == "Adadelta":
        made = optimizers.Adadelta(rate, rho=0.8, weight_decay=decay)
        return made, lambda w, gradients: adadelta(w, gradients, rate, decay, 0.8)
    kind = getattr(optimizers, name)
    made = kind(rate, beta_1=0.8, beta_2=0.95, amsgrad=flag, weight_decay=decay)
    return made, lambda w, gradients: adam(w, gradients, rate, decay, 0.8, 0.95, flag)


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@given(rule=rules(), steps=st.integers(1, 6), clip=st.sampled_from([None, 0.7]), seed=seeds)
def test_steps_are_those_of_the_rule(implementation, rule, steps, clip, seed):
    optimizer, written_out = rule
    optimizer.clipvalue = clip
    rng = np.random.default_rng(seed)
    parameters = [Parameter(rng.standard_normal(n), f"w{n}", f"layer/w{n}") for n in (1, 3)]
    before = [parameter.value.copy() for parameter in parameters]
    gradients = [[rng.standard_normal(parameter.shape) for _ in range(steps)] for parameter in parameters]
    with ops.use(implementation):
        for step in range(steps):
            for parameter, own in zip(parameters, gradients):
                parameter.grad = own[step].copy()
            optimizer.apply(parameters)
    for parameter, start, own in zip(parameters, before, gradients):
        for i, w in enumerate(start):
            seen = [float(g[i]) for g in own]
            clipped = seen if clip is None else [min(max(g, -clip), clip) for g in seen]
            assert parameter.value[i] == pytest.approx(written_out(float(w), clipped), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@given(limit=st.sampled_from([0.1, 1.0, 100.0]), together=st.booleans(), seed=seeds)
def test_clipping_by_norm(implementation, limit, together, seed):
    rng = np.random.default_rng(seed)
    way = {"global_clipnorm" if together else "clipnorm": limit}
    parameters = [Parameter(np.zeros(shape), f"w{i}", f"w{i}") for i, shape in enumerate([(2, 3), (4,)])]
    gradients = [rng.standard_normal(parameter.shape) * 3 for parameter in parameters]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient.copy()
    with ops.use(implementation):
        optimizers.SGD(1.0, **way).apply(parameters)
    norms = [math.sqrt(sum(g * g for g in gradient.ravel())) for gradient in gradients]
    if together:
        norms = [math.hypot(*norms)] * 2
    for parameter, gradient, norm in zip(parameters, gradients, norms):
        np.testing.assert_allclose(parameter.value, -gradient * min(1, limit / norm), rtol=1e-12)

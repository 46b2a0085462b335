"""Update rules as people write them, right and with a slip.

Each is made by a function, so that it starts without a state: ``make() -> step``, ``step(w, g) -> the next w``.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

STEPS = {}  # name -> Step
LR, EPS = 0.1, 1e-8

TORCH = {  # the rule in torch.optim
    "sgd": ("SGD", {"lr": LR}),
    "momentum": ("SGD", {"lr": LR, "momentum": 0.9}),
    "nesterov": ("SGD", {"lr": LR, "momentum": 0.9, "nesterov": True}),
    "decay": ("SGD", {"lr": LR, "weight_decay": 0.01}),
    "rmsprop": ("RMSprop", {"lr": LR, "alpha": 0.9, "eps": EPS}),
    "adagrad": ("Adagrad", {"lr": LR, "eps": EPS}),
    "adam": ("Adam", {"lr": LR, "betas": (0.9, 0.999), "eps": EPS}),
    "adamw": ("AdamW", {"lr": LR, "betas": (0.9, 0.999), "eps": EPS, "weight_decay": 0.1}),
}


class Step(NamedTuple):
    """A rule as someone wrote it."""

    make: Callable
    rule: str  # of TORCH
    is_right: bool
    says: tuple | None


def right(name, rule):
    return _register(name, rule, True, None)


def faulty(name, rule, says):
    """``says`` None: only the verdict counts."""
    return _register(name, rule, False, says and tuple(says))


def _register(name, rule, is_right, says):
    def register(make):
        assert name not in STEPS, name
        STEPS[name] = Step(make, rule, is_right, says)
        return make

    return register


@right("sgd", "sgd")
def sgd():
    return lambda w, g: w - LR * g


@right("momentum, velocity of gradients", "momentum")
def momentum():
    v = 0

    def step(w, g):
        nonlocal v
        v = 0.9 * v + g
        return w - LR * v

    return step


@right("momentum of CS231n, the rate inside", "momentum")
def momentum_cs231n():
    config = {}

    def step(w, dw):
        v = config.get("velocity", np.zeros_like(w))
        v = 0.9 * v - LR * dw
        config["velocity"] = v
        return w + v

    return step


@right("nesterov", "nesterov")
def nesterov():
    v = 0

    def step(w, g):
        nonlocal v
        v = 0.9 * v + g
        return w - LR * (g + 0.9 * v)

    return step


class Adam:
    """Adam as in the paper."""

    beta1, beta2, eps = 0.9, 0.999, EPS

    def __init__(self):
        self.m = self.v = 0
        self.t = 0

    def moments(self, g):
        self.t += 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2

    def __call__(self, w, g):
        self.moments(g)
        m_hat = self.m / (1 - self.beta1**self.t)
        v_hat = self.v / (1 - self.beta2**self.t)
        return w - LR * m_hat / (np.sqrt(v_hat) + self.eps)


right("adam, class", "adam")(Adam)


@right("rmsprop", "rmsprop")
def rmsprop():
    cache = 0

    def step(w, dw):
        nonlocal cache
        cache = 0.9 * cache + 0.1 * dw**2
        return w - LR * dw / (np.sqrt(cache) + EPS)

    return step


@right("adagrad", "adagrad")
def adagrad():
    h = 0

    def step(w, g):
        nonlocal h
        h = h + g * g
        return w - LR * g / (np.sqrt(h) + EPS)

    return step


@right("weight decay as L2", "decay")
def decay():
    return lambda w, g: w - LR * (g + 0.01 * w)


class AdamW(Adam):
    """The weights decay apart from the moments."""

    def __call__(self, w, g):
        return super().__call__(w, g) - LR * 0.1 * w


right("adamw, class", "adamw")(AdamW)

# ---- slips


@faulty("sgd, plus for minus", "sgd", ["sign", "ascent"])
def sgd_plus():
    return lambda w, g: w + LR * g


@faulty("momentum, 1 - β in front of the gradient", "momentum", ["1 − β", "1 - β", "0.1", "1 - momentum"])
def momentum_average():
    v = 0

    def step(w, g):
        nonlocal v
        v = 0.9 * v + 0.1 * g
        return w - LR * v

    return step


@faulty("momentum, the velocity is never kept", "momentum", ["velocity", "state", "kept"])
def momentum_forgets():
    v = 0

    def step(w, g):
        return w - LR * (0.9 * v + g)

    return step


@faulty("momentum, the sign of CS231n's velocity", "momentum", ["sign"])
def momentum_sign():
    v = 0

    def step(w, g):
        nonlocal v
        v = 0.9 * v - LR * g
        return w - v

    return step


@faulty("nesterov, without the look-ahead", "nesterov", ["look-ahead", "plain momentum", "nesterov"])
def nesterov_plain():
    return momentum()


@faulty("adam, without bias correction", "adam", ["bias correction"])
class AdamUncorrected(Adam):
    """Divides by nothing."""

    def __call__(self, w, g):
        self.moments(g)
        return w - LR * self.m / (np.sqrt(self.v) + self.eps)


@faulty("adam, t is one step late", "adam", ["step", "t "])
class AdamLate(Adam):
    """Counts up too early."""

    def __init__(self):
        super().__init__()
        self.t = 1


@faulty("adam, the moments' decay exchanged", "adam", ["beta", "β", "exchanged", "swap"])
class AdamSwapped(Adam):
    """β1 for β2."""

    beta1, beta2 = 0.999, 0.9


@faulty("adam, eps of a thousandth", "adam", ["eps", "ε"])
class AdamEpsilon(Adam):
    """TensorFlow's advice for another net."""

    eps = 1e-3


@faulty("adam, g for g² in the second moment", "adam", ["square", "g²", "second moment"])
class AdamAbsolute(Adam):
    """|g| for g²."""

    def moments(self, g):
        super().moments(g)
        self.s = 0.999 * getattr(self, "s", 0) + 0.001 * np.abs(g)
        self.v = self.s


@faulty("rmsprop, the root forgotten", "rmsprop", ["root", "sqrt", "√"])
def rmsprop_root():
    cache = 0

    def step(w, dw):
        nonlocal cache
        cache = 0.9 * cache + 0.1 * dw**2
        return w - LR * dw / (cache + EPS)

    return step


@faulty("rmsprop, adds up like adagrad", "rmsprop", ["adagrad", "sum", "decay"])
def rmsprop_sum():
    return adagrad()


@faulty("weight decay forgotten", "decay", ["weight decay", "decay"])
def decay_forgotten():
    return sgd()


@faulty("adamw, the decay goes through the moments", "adamw", ["decay"])
class AdamWithL2(Adam):
    """Adds the penalty to the gradient."""

    def __call__(self, w, g):
        return super().__call__(w, g + 0.1 * w)


REFERENCES = {  # what check_optimizer is told: an equation that it knows or a step; the settings
    "sgd": ("sgd", {"learning_rate": LR}),
    "momentum": ("momentum", {"learning_rate": LR, "momentum": 0.9}),
    "nesterov": ("nesterov", {"learning_rate": LR, "momentum": 0.9}),
    "decay": ("sgd", {"learning_rate": LR, "weight_decay": 0.01}),
    "rmsprop": ("rmsprop", {"learning_rate": LR, "rho": 0.9, "epsilon": EPS}),
    "adagrad": (adagrad, {}),
    "adam": ("adam", {"learning_rate": LR, "beta_1": 0.9, "beta_2": 0.999, "epsilon": EPS}),
    "adamw": (
        "adamw",
        {"learning_rate": LR, "beta_1": 0.9, "beta_2": 0.999, "epsilon": EPS, "weight_decay": 0.1},
    ),
}

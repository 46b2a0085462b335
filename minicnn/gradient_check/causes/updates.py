"""What students do in an optimizer's step: each equation as lines of code, and slips that replace a line.

    SGD, momentum      u ← μ·u − η·g                                        w ← w + u
    Nesterov           u as above                                           w ← w + μ·u − η·g
    RMSprop            v ← ρ·v + (1 − ρ)·g²                                 w ← w − η·g/√(v + ε)
    Adam, AdamW        m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²        w ← w − η·m̂/(√v̂ + ε)
                       m̂ = m/(1 − β₁ᵗ);  v̂ = v/(1 − β₂ᵗ), t = 1, 2, …

Before the step, w ← w·(1 − η·λ): decoupled decay. The rules of :mod:`minicnn.ops.reference` are the definition;
these lines must give the same (tests compare them), and exist to be broken one at a time.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import CodeType

import numpy as np

Lines = Mapping[str, str]  # name -> the formula whose result it gets, in the order of the step
Hyper = Mapping[str, float]

SYMBOLS = {
    "η": "learning_rate",
    "λ": "weight_decay",
    "μ": "momentum",
    "ρ": "rho",
    "β1": "beta_1",
    "β2": "beta_2",
}
SYMBOLS |= {"ε": "epsilon"}

_DECAY = {"g": "g", "decayed": "w * (1 - η*λ)"}
_MOMENTUM = {**_DECAY, "step": "η*g", "old": "u", "u": "μ*u - step", "w": "decayed + u", "next_u": "u"}
_ADAM = {
    **_DECAY,
    "m": "β1*m + (1 - β1)*g",
    "v": "β2*v + (1 - β2)*g**2",
    "m_hat": "m / (1 - β1**t)",
    "v_hat": "v / (1 - β2**t)",
    "move": "η*m_hat / (sqrt(v_hat) + ε)",
    "w": "decayed - move",
    "next_m": "m",
    "next_v": "v",
}
EQUATIONS: dict[str, Lines] = {
    "sgd": _MOMENTUM,
    "momentum": _MOMENTUM,
    "nesterov": _MOMENTUM | {"w": "decayed + μ*u - step"},
    "rmsprop": {
        **_DECAY,
        "old": "v",
        "v": "ρ*v + (1 - ρ)*g**2",
        "move": "η*g / sqrt(v + ε)",
        "w": "decayed - move",
        "next_v": "v",
    },
    "adam": _ADAM,
    "adamw": _ADAM,
}


def walk(lines: Lines, h: Hyper, w: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Return w after each step, (steps, …w's shape…), from a state of zeros."""
    program = _compiled("\n".join(f"{name} = {formula}" for name, formula in lines.items()))
    fixed = {symbol: h.get(name, 0.0) for symbol, name in SYMBOLS.items()}
    state = {name: np.zeros_like(w) for name in "umv"}
    path = []
    for t, g in enumerate(gradients, 1):
        values = {**fixed, **state, "w": w, "g": g, "t": t, "sqrt": np.sqrt, "sign": np.sign, "inf": np.inf}
        exec(program, values)
        w = values["w"]
        state = {name: values.get(f"next_{name}", values[name]) for name in "umv"}
        path.append(w)
    return np.array(path)


@lru_cache(maxsize=1_000)
def _compiled(program: str) -> CodeType:
    return compile(program, "an optimizer's step", "exec")


def changed(lines: Lines, by: Lines) -> Lines:
    """Return the lines with some replaced; those with a new name come first."""
    return {**{name: by[name] for name in by if name not in lines}, **lines, **by}


# ---- what is done otherwise elsewhere, and is right too ----------------------------------------------------

_KERAS_ADAM = (
    "ε is added to √v before its correction, as in Keras and here; algorithm 1 of the paper adds it to √v̂"
)
CHOICES: dict[str, dict[str, Lines]] = {
    "rmsprop": {
        "ε is added to √v, as in PyTorch (here and in Keras: inside the root)": {
            "move": "η*g / (sqrt(v) + ε)"
        }
    },
    "adam": {_KERAS_ADAM: {"move": "η*m_hat / (sqrt(v_hat) + ε/sqrt(1 - β2**t))"}},
}
CHOICES["adamw"] = CHOICES["adam"]

# ---- slips: what is wrong -> the lines that make it so -----------------------------------------------------

UPHILL = "the sign of the step is wrong: w moves along the gradient, uphill"
COMMON: dict[str, Lines] = {
    "the gradient is divided by the number of weights once more": {"g": "g / g.size"},
    "the gradient's sign is lost: |g| is used": {"g": "abs(g)"},
    "only the sign of the gradient is used": {"g": "sign(g)"},
    "the mean of the gradient over axis 0, the rows, is used for all of them": {"g": "g.mean(0) + 0*g"},
    "the mean of the gradient over axis 1, the columns, is used for all of them": {
        "g": "g.mean(1)[:, None] + 0*g"
    },
}
OF_DECAY: dict[str, Lines] = {
    "the weight decay is missing": {"decayed": "w"},
    "the weight decay is coupled: λ·w is added to the gradient, an L2 penalty, and is in its moments": {
        "g": "g + λ*w",
        "decayed": "w",
    },
    "the weight decay is applied twice: to the weights and in the gradient": {"g": "g + λ*w"},
    "the weight decay is not multiplied by the learning rate: w·(1 − λ)": {"decayed": "w * (1 - λ)"},
    "the sign of the weight decay is wrong: the weights grow": {"decayed": "w * (1 + η*λ)"},
    "the weight decay has a factor 2: λ·w is the gradient of λ/2·w²": {"decayed": "w * (1 - 2*η*λ)"},
}
OF_SGD: dict[str, Lines] = {
    UPHILL: {"step": "-η*g"},
    "the learning rate is applied twice": {"step": "η**2 * g"},
    "the learning rate is missing": {"step": "g"},
}
OF_MOMENTUM: dict[str, Lines] = {
    "the state is not kept: it starts from 0 at every step": {"next_u": "0*u"},
    "there is no momentum: the velocity is not used": {"u": "-step", "w": "decayed + u"},
    "the velocity before this step is used: u must be updated first": {"w": "decayed + old"},
    "the velocity is a mean, μ·u − (1 − μ)·η·g: the factor 1 − μ is too much": {"u": "μ*u - (1 - μ)*step"},
    "the sign of the old velocity is wrong: −μ·u − η·g": {"u": "-μ*u - step"},
    "the momentum is applied to the gradient: u − μ·η·g": {"u": "u - μ*step"},
    "μ and 1 − μ have changed places": {"u": "(1 - μ)*u - μ*step"},
    "1 − μ is used instead of μ": {"u": "(1 - μ)*u - step"},
    "the velocity is not multiplied by μ: it sums all gradients": {"u": "u - step"},
    "η is applied to the old velocity too": {"u": "η * (μ*u - g)"},
    "the sign of the step is wrong: w − u with a u that has the minus already": {"w": "decayed - u"},
}
OF_PLAIN_MOMENTUM: dict[str, Lines] = {
    "this is Nesterov's momentum: w + μ·u − η·g, and w + u was expected": {"w": "decayed + μ*u - step"},
}
OF_NESTEROV: dict[str, Lines] = {
    "Nesterov's look-ahead is missing: this is plain momentum, w + u": {"w": "decayed + u"},
    "Nesterov's step uses the velocity before this step": {"w": "decayed + μ*old - step"},
    "Nesterov's step is −μ·u_old + (1 + μ)·u, and the first sign is wrong": {
        "w": "decayed + μ*old + (1 + μ)*u"
    },
    "Nesterov's step adds u once too many: w + u + μ·u − η·g": {"w": "decayed + u + μ*u - step"},
    "Nesterov's step lacks −η·g: w + μ·u": {"w": "decayed + μ*u"},
}
OF_MOVE: dict[str, Lines] = {
    UPHILL: {"w": "decayed + move"},
    "the learning rate is applied twice": {"w": "decayed - η*move"},
    "the learning rate is missing": {"w": "decayed - move/η"},
}
OF_RMSPROP: dict[str, Lines] = {
    "the state is not kept: it starts from 0 at every step": {"next_v": "0*v"},
    "the root is missing: g/(v + ε)": {"move": "η*g / (v + ε)"},
    "v before this step is used: it must be updated first": {"move": "η*g / (sqrt(old) + ε)"},
    "ε is missing": {"move": "η*g / sqrt(v)"},
    "v is corrected for its start at 0, as in Adam: RMSprop has no correction": {
        "move": "η*g / (sqrt(v / (1 - ρ**t)) + ε)"
    },
    "the gradient is not squared in v": {"v": "ρ*v + (1 - ρ)*g"},
    "|g| is used instead of g² in v": {"v": "ρ*v + (1 - ρ)*abs(g)"},
    "|g| is used instead of √(g²): v is a mean of |g|, and has no root": {
        "v": "ρ*v + (1 - ρ)*abs(g)",
        "move": "η*g / (v + ε)",
    },
    "ρ and 1 − ρ have changed places": {"ρ": "1 - ρ"},
    "the factor 1 − ρ of g² is missing": {"v": "ρ*v + g**2"},
    "v is the sum of all g², as in Adagrad: the factors ρ and 1 − ρ are missing": {"v": "v + g**2"},
    "v is not multiplied by ρ": {"v": "v + (1 - ρ)*g**2"},
}
_NO_CORRECTION = {"m_hat": "m", "v_hat": "v"}
OF_MOMENTS: dict[str, Lines] = {
    "the sign of the gradient in m is wrong: β₁·m − (1 − β₁)·g": {"m": "β1*m - (1 - β1)*g"},
    "the factor 1 − β₁ of g in m is missing": {"m": "β1*m + g"},
    "β₁ and 1 − β₁ have changed places in m": {"m": "(1 - β1)*m + β1*g"},
    "m is not multiplied by β₁": {"m": "m + (1 - β1)*g"},
    "the gradient is not squared in v": {"v": "β2*v + (1 - β2)*g"},
    "|g| is used instead of g² in v": {"v": "β2*v + (1 - β2)*abs(g)"},
    "m² is used instead of g² in v": {"v": "β2*v + (1 - β2)*m**2"},
    "the factor 1 − β₂ of g² in v is missing": {"v": "β2*v + g**2"},
    "β₂ and 1 − β₂ have changed places in v": {"v": "(1 - β2)*v + β2*g**2"},
    "v is not multiplied by β₂": {"v": "v + (1 - β2)*g**2"},
    "the sign in v is wrong: β₂·v − (1 − β₂)·g²": {"v": "β2*v - (1 - β2)*g**2"},
}
OF_ADAM: dict[str, Lines] = {
    "the state is not kept: it starts from 0 at every step": {"next_m": "0*m", "next_v": "0*v"},
    "the bias correction is missing: m and v start at 0 and are too small at first": _NO_CORRECTION,
    "the bias correction of v is missing": {"v_hat": "v"},
    "the bias correction of m is missing": {"m_hat": "m"},
    "the bias correction is off by one step: t is one too many: the first step has t = 1": {"t": "t + 1"},
    "the bias correction is off by one step: t − 1 is used: the first step has t = 1": {"t": "t - 1 or inf"},
    "the bias correction is off by one step: t − 1 is used, and is 0 at first: a division by 0": {
        "t": "t - 1"
    },
    "t does not grow: the bias correction is that of the first step at every step": {"t": "1"},
    "the bias correction lacks the power: 1 − β·t is used instead of 1 − βᵗ": {
        "m_hat": "m / (1 - β1*t)",
        "v_hat": "v / (1 - β2*t)",
    },
    "the bias correction multiplies instead of dividing": {
        "m_hat": "m * (1 - β1**t)",
        "v_hat": "v * (1 - β2**t)",
    },
    "the corrected m and v are kept as state: keep m and v, and correct a copy": {
        "next_m": "m_hat",
        "next_v": "v_hat",
    },
    "the bias corrections of m and v have changed places": {
        "m_hat": "m / (1 - β2**t)",
        "v_hat": "v / (1 - β1**t)",
    },
    "the bias correction of v has β₁ for β₂": {"v_hat": "v / (1 - β1**t)"},
    "the bias correction of m has β₂ for β₁": {"m_hat": "m / (1 - β2**t)"},
    "the bias correction of m lacks the power: 1 − β₁·t for 1 − β₁ᵗ": {"m_hat": "m / (1 - β1*t)"},
    "the bias correction of v lacks the power: 1 − β₂·t for 1 − β₂ᵗ": {"v_hat": "v / (1 - β2*t)"},
    "β₁ and β₂ have changed places": {"β1, β2": "β2, β1"},
    "β₁ and β₂ have changed places in m and v, not in their corrections": {
        "m": "β2*m + (1 - β2)*g",
        "v": "β1*v + (1 - β1)*g**2",
    },
    "β₁ is used for v, too": {"β2": "β1"},
    "β₂ is used for m, too": {"β1": "β2"},
    **OF_MOMENTS,
    **{
        f"{text}; and there is no bias correction": {**by, **_NO_CORRECTION}
        for text, by in OF_MOMENTS.items()
    },
    "m is not used: the gradient itself is": {"m": "g", "m_hat": "m"},
    "ε is inside the root: √(v̂ + ε) instead of √v̂ + ε": {"move": "η*m_hat / sqrt(v_hat + ε)"},
    "ε is missing": {"move": "η*m_hat / sqrt(v_hat)"},
    "the root is missing: m̂/(v̂ + ε)": {"move": "η*m_hat / (v_hat + ε)"},
    "g is used in the step instead of m̂": {"move": "η*g / (sqrt(v_hat) + ε)"},
    "m̂ is under the root too: √(m̂/(v̂ + ε))": {"move": "η*sign(m_hat) * sqrt(abs(m_hat) / (v_hat + ε))"},
}
# what others use: symbol -> values
USUAL = {
    "μ": (0.9, 0.99, 0.5, 0.95),
    "ρ": (0.9, 0.99, 0.95, 0.999),
    "β1": (0.9, 0.99, 0.5, 0.95),
    "β2": (0.999, 0.99, 0.9, 0.95),
    "ε": (1e-7, 1e-8, 1e-6, 1e-10, 1e-5),
}
NAMES = {"μ": "momentum", "β1": "β₁", "β2": "β₂"}


def slips(rule: str, h: Hyper) -> Iterator[tuple[str, Lines]]:
    """Yield (what is wrong, the lines that make it so)."""
    yield from COMMON.items()
    if h["weight_decay"]:
        for text, by in OF_DECAY.items():
            if "coupled" not in text or h.get("momentum", 1.0):  # for plain SGD both are the same
                yield text, by
    else:
        for value in (0.01, 0.004, 0.1, 0.001):
            yield (
                f"a weight decay of {value} is used, and none was expected",
                {"decayed": f"w * (1 - η*{value})"},
            )
    if rule in ("sgd", "momentum", "nesterov"):
        yield from OF_SGD.items()
        if h.get("momentum"):
            yield from (OF_NESTEROV if rule == "nesterov" else OF_PLAIN_MOMENTUM).items()
            yield from OF_MOMENTUM.items()
    else:
        yield from OF_MOVE.items()
        yield from (OF_RMSPROP if rule == "rmsprop" else OF_ADAM).items()
    for symbol, values in USUAL.items():
        used = h.get(SYMBOLS[symbol])
        for value in values if used is not None else ():
            if value != used:
                article = "an" if symbol == "ε" else "a"
                shown = f"{article} {NAMES.get(symbol, symbol)} of {value:g}"
                expected = f"{used:g}" if used else "0.0"
                yield f"{shown} is used, and {expected} was expected", {symbol: f"{value}"}
    for ratio in (0.1, 10.0, 0.01, 100.0, 0.5, 2.0):
        yield f"the learning rate is {ratio:g} times the expected {h['learning_rate']:g}", {"η": f"{ratio}*η"}

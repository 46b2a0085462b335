"""What students do in an optimizer's step: each rule in pieces, and slips that change one piece.

    SGD, momentum      u ← μ·u − η·g                                        w ← w + u
    Nesterov           u as above                                           w ← w + μ·u − η·g
    RMSprop            v ← ρ·v + (1 − ρ)·g²                                 w ← w − η·g/√(v + ε)
    Adam, AdamW        m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²        w ← w − η·m̂/(√v̂ + ε)
                       m̂ = m/(1 − β₁ᵗ);  v̂ = v/(1 − β₂ᵗ), t = 1, 2, …

Before the step, w ← w·(1 − η·λ): decoupled decay. The rules of :mod:`minicnn.ops.reference` are the
definition; these pieces must give the same (tests compare them), and exist to be broken one at a time.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

Piece = Callable[..., Any]
Pieces = Mapping[str, Piece]
Hyper = Mapping[str, float]

_NO_STATE: dict[str, Piece] = {"start": lambda s: s, "gradient": lambda g, w: g}


def pieces_of(rule: str, h: Hyper) -> dict[str, Piece]:
    """Return the pieces of a rule, as functions of w, g, the step number t and the state's arrays."""
    rate, decay = h["learning_rate"], h["weight_decay"]
    common = {**_NO_STATE, "decay": lambda w: w * (1 - rate * decay)}
    if rule in ("sgd", "momentum", "nesterov"):
        mu = h.get("momentum", 0.0)
        look_ahead = rule == "nesterov"
        return common | {
            "u": lambda u, g: mu * u - rate * g,
            "w": lambda w, u, g, old: w + (mu * u - rate * g if look_ahead else u),
        }
    epsilon = h["epsilon"]
    if rule == "rmsprop":
        rho = h["rho"]
        return common | {
            "v": lambda v, g: rho * v + (1 - rho) * g**2,
            "move": lambda g, v, old, t: rate * g / np.sqrt(v + epsilon),
            "w": lambda w, move: w - move,
        }
    b1, b2 = h["beta_1"], h["beta_2"]
    return common | {
        "m": lambda m, g: b1 * m + (1 - b1) * g,
        "v": lambda v, g, m: b2 * v + (1 - b2) * g**2,
        "m_hat": lambda m, t: m / (1 - b1**t),
        "v_hat": lambda v, t: v / (1 - b2**t),
        "kept": lambda m, v, m_hat, v_hat: (m, v),
        "move": lambda m_hat, v_hat, g, t: rate * m_hat / (np.sqrt(v_hat) + epsilon),
        "w": lambda w, move: w - move,
    }


def walk(rule: str, pieces: Pieces, w: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Return w after each step, (steps, …w's shape…), from a state of zeros."""
    state = {name: np.zeros_like(w) for name in "umv"}
    path = []
    for t, gradient in enumerate(gradients, 1):
        s = pieces["start"](state)
        g = pieces["gradient"](gradient, w)
        w = pieces["decay"](w)
        if rule in ("sgd", "momentum", "nesterov"):
            old, s["u"] = s["u"], pieces["u"](s["u"], g)
            w = pieces["w"](w, s["u"], g, old)
        elif rule == "rmsprop":
            old, s["v"] = s["v"], pieces["v"](s["v"], g)
            w = pieces["w"](w, pieces["move"](g, s["v"], old, t))
        else:
            s["m"] = pieces["m"](s["m"], g)
            s["v"] = pieces["v"](s["v"], g, s["m"])
            m_hat, v_hat = pieces["m_hat"](s["m"], t), pieces["v_hat"](s["v"], t)
            s["m"], s["v"] = pieces["kept"](s["m"], s["v"], m_hat, v_hat)
            w = pieces["w"](w, pieces["move"](m_hat, v_hat, g, t))
        path.append(w)
        state = s
    return np.array(path)


Slip = tuple[str, dict[str, Piece]]


def choices(rule: str, h: Hyper) -> Iterator[Slip]:
    """Yield what is done otherwise elsewhere, and is right too."""
    rate, epsilon = h["learning_rate"], h.get("epsilon", 0.0)
    if rule == "rmsprop":
        yield (
            "ε is added to √v, as in PyTorch (here and in Keras: inside the root)",
            {"move": lambda g, v, old, t: rate * g / (np.sqrt(v) + epsilon)},
        )
    if rule in ("adam", "adamw"):
        b2 = h["beta_2"]
        yield (
            "ε is added to √v before its correction, as in Keras and here; algorithm 1 of the paper "
            "adds it to √v̂",
            {"move": lambda m, v, g, t: rate * m / (np.sqrt(v) + epsilon / np.sqrt(1 - b2**t))},
        )


def slips(rule: str, h: Hyper) -> Iterator[Slip]:
    """Yield (what is wrong, the pieces that make it so)."""
    rate, decay = h["learning_rate"], h["weight_decay"]
    if h.get("momentum", 1.0):
        yield (
            "the state is not kept: it starts from 0 at every step",
            {"start": lambda s: {k: 0 * v for k, v in s.items()}},
        )
    yield "the gradient is divided by the number of weights once more", {"gradient": lambda g, w: g / g.size}
    yield "the gradient's sign is lost: |g| is used", {"gradient": lambda g, w: np.abs(g)}
    if decay:
        yield "the weight decay is missing", {"decay": lambda w: w}
        if h.get("momentum", 1.0):  # for plain SGD both are the same
            coupled: dict[str, Piece] = {"decay": lambda w: w, "gradient": lambda g, w: g + decay * w}
            yield (
                "the weight decay is coupled: λ·w is added to the gradient, an L2 penalty, and is "
                "in its moments",
                coupled,
            )
        yield (
            "the weight decay is applied twice: to the weights and in the gradient",
            {"gradient": lambda g, w: g + decay * w},
        )
        yield (
            "the weight decay is not multiplied by the learning rate: w·(1 − λ)",
            {"decay": lambda w: w * (1 - decay)},
        )
        yield (
            "the sign of the weight decay is wrong: the weights grow",
            {"decay": lambda w: w * (1 + rate * decay)},
        )
        yield (
            "the weight decay has a factor 2: λ·w is the gradient of λ/2·w²",
            {"decay": lambda w: w * (1 - 2 * rate * decay)},
        )
    else:
        for value in (0.01, 0.004, 0.1, 0.001):
            yield (
                f"a weight decay of {value} is used, and none was expected",
                {"decay": lambda w, value=value: w * (1 - rate * value)},
            )
    if rule in ("sgd", "momentum", "nesterov"):
        yield from _of_momentum(rule, rate, h.get("momentum", 0.0))
    elif rule == "rmsprop":
        yield from _of_rmsprop(rate, h["rho"], h["epsilon"])
    else:
        yield from _of_adam(rate, h["beta_1"], h["beta_2"], h["epsilon"], decay)


def _of_momentum(rule: str, rate: float, mu: float) -> Iterator[Slip]:
    yield (
        "the sign of the step is wrong: w moves along the gradient, uphill",
        {
            "u": lambda u, g: mu * u + rate * g,
            "w": lambda w, u, g, old: w + (mu * u + rate * g if rule == "nesterov" else u),
        },
    )
    yield (
        "the learning rate is applied twice",
        {
            "u": lambda u, g: mu * u - rate**2 * g,
            "w": lambda w, u, g, old: w + (mu * u - rate**2 * g if rule == "nesterov" else u),
        },
    )
    yield (
        "the learning rate is missing",
        {
            "u": lambda u, g: mu * u - g,
            "w": lambda w, u, g, old: w + (mu * u - g if rule == "nesterov" else u),
        },
    )
    for value in (0.9, 0.99, 0.5, 0.95):
        if value != mu:
            yield (
                f"a momentum of {value} is used, and {mu} was expected",
                {
                    "u": lambda u, g, value=value: value * u - rate * g,
                    "w": lambda w, u, g, old, value=value: (
                        w + (value * u - rate * g if rule == "nesterov" else u)
                    ),
                },
            )
    if not mu:
        return
    yield (
        "there is no momentum: the velocity is not used",
        {"u": lambda u, g: 0 * u - rate * g, "w": lambda w, u, g, old: w + u},
    )
    if rule == "nesterov":
        yield (
            "Nesterov's look-ahead is missing: this is plain momentum, w + u",
            {"w": lambda w, u, g, old: w + u},
        )
        yield (
            "Nesterov's step uses the velocity before this step: w + μ·u_old − η·g with the old u twice",
            {"w": lambda w, u, g, old: w + mu * old - rate * g},
        )
        yield (
            "Nesterov's step uses −μ·u_old + (1 + μ)·u with a wrong sign",
            {"w": lambda w, u, g, old: w + mu * old + (1 + mu) * u},
        )
        yield (
            "Nesterov's step adds u once too many: w + u + μ·u − η·g",
            {"w": lambda w, u, g, old: w + u + mu * u - rate * g},
        )
        yield "Nesterov's step lacks −η·g: w + μ·u", {"w": lambda w, u, g, old: w + mu * u}
    else:
        yield (
            "this is Nesterov's momentum: w + μ·u − η·g, and w + u was expected",
            {"w": lambda w, u, g, old: w + mu * u - rate * g},
        )
    yield (
        "the velocity before this step is used: u must be updated first",
        {"w": lambda w, u, g, old: w + old},
    )
    yield (
        "the velocity is a mean, μ·u − (1 − μ)·η·g: the factor 1 − μ is too much",
        {"u": lambda u, g: mu * u - (1 - mu) * rate * g},
    )
    yield "the sign of the old velocity is wrong: −μ·u − η·g", {"u": lambda u, g: -mu * u - rate * g}
    yield "the momentum is applied to the gradient: u − μ·η·g", {"u": lambda u, g: u - mu * rate * g}
    yield "μ and 1 − μ have changed places", {"u": lambda u, g: (1 - mu) * u - mu * rate * g}
    yield "1 − μ is used instead of μ", {"u": lambda u, g: (1 - mu) * u - rate * g}
    yield "the velocity is not multiplied by μ: it sums all gradients", {"u": lambda u, g: u - rate * g}
    yield (
        "the velocity is multiplied by the learning rate again in each step: η is applied to the "
        "old velocity too",
        {"u": lambda u, g: rate * (mu * u - g)},
    )
    yield (
        "the sign of the step is wrong: w − u with a u that has the minus already",
        {"w": lambda w, u, g, old: w - u},
    )


def _of_rmsprop(rate: float, rho: float, epsilon: float) -> Iterator[Slip]:
    yield "the sign of the step is wrong: w moves along the gradient, uphill", {"w": lambda w, move: w + move}
    yield "the learning rate is applied twice", {"w": lambda w, move: w - rate * move}
    yield "the learning rate is missing", {"w": lambda w, move: w - move / rate}
    yield "the root is missing: g/(v + ε)", {"move": lambda g, v, old, t: rate * g / (v + epsilon)}
    yield (
        "v before this step is used: it must be updated first",
        {"move": lambda g, v, old, t: rate * g / (np.sqrt(old) + epsilon)},
    )
    yield (
        "v before this step is used: it must be updated first",
        {"move": lambda g, v, old, t: rate * g / np.sqrt(old + epsilon)},
    )
    yield "ε is missing", {"move": lambda g, v, old, t: rate * g / np.sqrt(v)}
    yield (
        "v is corrected for its start at 0, as in Adam: RMSprop has no correction",
        {"move": lambda g, v, old, t: rate * g / (np.sqrt(v / (1 - rho**t)) + epsilon)},
    )
    for text, v_of in (
        ("the gradient is not squared in v", lambda v, g: rho * v + (1 - rho) * g),
        ("|g| is used instead of g² in v", lambda v, g: rho * v + (1 - rho) * np.abs(g)),
        ("ρ and 1 − ρ have changed places", lambda v, g: (1 - rho) * v + rho * g**2),
        ("the factor 1 − ρ of g² is missing", lambda v, g: rho * v + g**2),
        ("v is the sum of all g², as in Adagrad: the factors ρ and 1 − ρ are missing", lambda v, g: v + g**2),
        ("v is not multiplied by ρ", lambda v, g: v + (1 - rho) * g**2),
        *(
            (f"a ρ of {r} is used, and {rho} was expected", lambda v, g, r=r: r * v + (1 - r) * g**2)
            for r in (0.9, 0.99, 0.95, 0.999)
            if r != rho
        ),
    ):
        yield text, {"v": v_of}
        yield text, {"v": v_of, "move": lambda g, v, old, t: rate * g / (np.sqrt(v) + epsilon)}
    for e in (1e-7, 1e-8, 1e-6, 1e-10, 1e-5):
        if e != epsilon:
            text = f"an ε of {e:g} is used, and {epsilon:g} was expected"
            yield text, {"move": lambda g, v, old, t, e=e: rate * g / np.sqrt(v + e)}
            yield text, {"move": lambda g, v, old, t, e=e: rate * g / (np.sqrt(v) + e)}


def _of_adam(rate: float, b1: float, b2: float, epsilon: float, decay: float) -> Iterator[Slip]:
    no_m, no_v = {"m_hat": lambda m, t: m}, {"v_hat": lambda v, t: v}
    yield "the bias correction is missing: m and v start at 0 and are too small at first", {**no_m, **no_v}
    yield "the bias correction of v is missing", no_v
    yield "the bias correction of m is missing", no_m
    for shift, text in (
        (1, "t is one too many: the first step has t = 1"),
        (-1, "t − 1 is used: the first step has t = 1"),
    ):
        m, v = (
            lambda u, t, b=b, shift=shift: u / (1 - b ** (t + shift)) if t + shift else u for b in (b1, b2)
        )
        yield f"the bias correction is off by one step: {text}", {"m_hat": m, "v_hat": v}
    infinite = {"m_hat": lambda m, t: m / (1 - b1 ** (t - 1)), "v_hat": lambda v, t: v / (1 - b2 ** (t - 1))}
    yield (
        "the bias correction is off by one step: t − 1 is used, and is 0 at first: a division by 0",
        infinite,
    )
    yield (
        "t does not grow: the bias correction is that of the first step at every step",
        {"m_hat": lambda m, t: m / (1 - b1), "v_hat": lambda v, t: v / (1 - b2)},
    )
    yield (
        "the bias correction lacks the power: 1 − β·t is used instead of 1 − βᵗ",
        {"m_hat": lambda m, t: m / (1 - b1 * t), "v_hat": lambda v, t: v / (1 - b2 * t)},
    )
    yield (
        "the bias correction multiplies instead of dividing",
        {"m_hat": lambda m, t: m * (1 - b1**t), "v_hat": lambda v, t: v * (1 - b2**t)},
    )
    yield (
        "the corrected m and v are kept as state: keep m and v, and correct a copy",
        {"kept": lambda m, v, m_hat, v_hat: (m_hat, v_hat)},
    )
    yield (
        "the bias corrections of m and v have changed places",
        {"m_hat": lambda m, t: m / (1 - b2**t), "v_hat": lambda v, t: v / (1 - b1**t)},
    )
    yield (
        "β₁ and β₂ have changed places",
        {
            "m": lambda m, g: b2 * m + (1 - b2) * g,
            "v": lambda v, g, m: b1 * v + (1 - b1) * g**2,
            "m_hat": lambda m, t: m / (1 - b2**t),
            "v_hat": lambda v, t: v / (1 - b1**t),
        },
    )
    yield (
        "β₁ and β₂ have changed places in m and v, not in their corrections",
        {"m": lambda m, g: b2 * m + (1 - b2) * g, "v": lambda v, g, m: b1 * v + (1 - b1) * g**2},
    )
    yield (
        "β₁ is used for v, too",
        {"v": lambda v, g, m: b1 * v + (1 - b1) * g**2, "v_hat": lambda v, t: v / (1 - b1**t)},
    )
    yield (
        "β₂ is used for m, too",
        {"m": lambda m, g: b2 * m + (1 - b2) * g, "m_hat": lambda m, t: m / (1 - b2**t)},
    )
    for text, m_of in (
        ("the sign of the gradient in m is wrong: β₁·m − (1 − β₁)·g", lambda m, g: b1 * m - (1 - b1) * g),
        ("the factor 1 − β₁ of g in m is missing", lambda m, g: b1 * m + g),
        ("β₁ and 1 − β₁ have changed places in m", lambda m, g: (1 - b1) * m + b1 * g),
        ("m is not multiplied by β₁", lambda m, g: m + (1 - b1) * g),
        ("m is not used: the gradient itself is", lambda m, g: g),
    ):
        yield text, {"m": m_of}
        yield f"{text}; and there is no bias correction", {"m": m_of, **no_m, **no_v}
    yield "m is not used: the gradient itself is", {"m": lambda m, g: g, **no_m}
    for text, v_of in (
        ("the gradient is not squared in v", lambda v, g, m: b2 * v + (1 - b2) * g),
        ("|g| is used instead of g² in v", lambda v, g, m: b2 * v + (1 - b2) * np.abs(g)),
        ("m² is used instead of g² in v", lambda v, g, m: b2 * v + (1 - b2) * m**2),
        ("the factor 1 − β₂ of g² in v is missing", lambda v, g, m: b2 * v + g**2),
        ("β₂ and 1 − β₂ have changed places in v", lambda v, g, m: (1 - b2) * v + b2 * g**2),
        ("v is not multiplied by β₂", lambda v, g, m: v + (1 - b2) * g**2),
        ("the sign in v is wrong: β₂·v − (1 − β₂)·g²", lambda v, g, m: b2 * v - (1 - b2) * g**2),
    ):
        yield text, {"v": v_of}
        yield f"{text}; and there is no bias correction", {"v": v_of, **no_m, **no_v}
    for text, move in (
        (
            "ε is inside the root: √(v̂ + ε) instead of √v̂ + ε",
            lambda m, v, g, t: rate * m / np.sqrt(v + epsilon),
        ),
        ("ε is missing", lambda m, v, g, t: rate * m / np.sqrt(v)),
        ("the root is missing: m̂/(v̂ + ε)", lambda m, v, g, t: rate * m / (v + epsilon)),
        ("the learning rate is applied twice", lambda m, v, g, t: rate**2 * m / (np.sqrt(v) + epsilon)),
        ("the learning rate is missing", lambda m, v, g, t: m / (np.sqrt(v) + epsilon)),
        (
            "the sign of the step is wrong: w moves along the gradient, uphill",
            lambda m, v, g, t: -rate * m / (np.sqrt(v) + epsilon),
        ),
        ("g is used in the step instead of m̂", lambda m, v, g, t: rate * g / (np.sqrt(v) + epsilon)),
        (
            "the step is divided by v̂ + ε under one root with m̂: √(m̂/v̂)",
            lambda m, v, g, t: rate * np.sign(m) * np.sqrt(np.abs(m) / (v + epsilon)),
        ),
        *(
            (
                f"an ε of {x:g} is used, and {epsilon:g} was expected",
                lambda m, v, g, t, x=x: rate * m / (np.sqrt(v) + x),
            )
            for x in (1e-7, 1e-8, 1e-6, 1e-10, 1e-5)
            if x != epsilon
        ),
    ):
        yield text, {"move": move}
    for name, values, used in (("β₁", (0.9, 0.99, 0.5, 0.95), b1), ("β₂", (0.999, 0.99, 0.9, 0.95), b2)):
        for b in values:
            if b != used and name == "β₁":
                yield (
                    f"a β₁ of {b} is used, and {used} was expected",
                    {"m": lambda m, g, b=b: b * m + (1 - b) * g, "m_hat": lambda m, t, b=b: m / (1 - b**t)},
                )
            elif b != used:
                yield (
                    f"a β₂ of {b} is used, and {used} was expected",
                    {
                        "v": lambda v, g, m, b=b: b * v + (1 - b) * g**2,
                        "v_hat": lambda v, t, b=b: v / (1 - b**t),
                    },
                )

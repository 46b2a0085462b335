"""Update rules in other styles: coroutines, dicts, steps in place, folded learning rates; right and wrong."""

import numpy as np

from tests.minicnn.gradient_check.students.optimizers import EPS, LR, faulty, right


def started(generator):
    next(generator)
    return lambda w, g: generator.send((w, g))


@right("nesterov of CS231n, the velocity before", "nesterov")
def nesterov_cs231n():
    v = 0.0

    def step(w, g):
        nonlocal v
        v_prev, v = v, 0.9 * v - LR * g
        return w - 0.9 * v_prev + (1 + 0.9) * v

    return step


@right("adam, a coroutine", "adam")
def adam_coroutine():
    def run():
        m = v = 0.0
        t, out = 0, None
        while True:
            w, g = yield out
            t += 1
            m, v = m + 0.1 * (g - m), v + 0.001 * (g * g - v)
            out = w - LR * m / (1 - 0.9**t) / ((v / (1 - 0.999**t)) ** 0.5 + EPS)

    return started(run())


@right("adam, the corrections in the rate", "adam")
def adam_folded():
    s = {"m": 0, "v": 0, "t": 0}

    def step(w, g):
        s.update(t=s["t"] + 1, m=0.9 * s["m"] + 0.1 * g, v=0.999 * s["v"] + 0.001 * g**2)
        root = np.sqrt(1 - 0.999 ** s["t"])
        return w - LR * root / (1 - 0.9 ** s["t"]) * s["m"] / (np.sqrt(s["v"]) + EPS * root)

    return step


@right("adamw, shrinks first", "adamw")
def adamw_shrinks():
    inner = adam_coroutine()
    return lambda w, g: inner(w * (1 - LR * 0.1), g)


@right("momentum, a list of all gradients", "momentum")
def momentum_list():
    seen = []

    def step(w, g):
        seen.append(g.copy())
        return w - LR * sum(0.9**i * past for i, past in enumerate(reversed(seen)))

    return step


def adam_with(
    correct_m=lambda t: 1 - 0.9**t, correct_v=lambda t: 1 - 0.999**t, inside=0.0, keep=False, top=False
):
    m = v = best = 0.0
    t = 0

    def step(w, g):
        nonlocal m, v, t, best
        t += 1
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        mh, vh = m / correct_m(t), v / correct_v(t)
        if keep:
            m, v = mh, vh
        if top:
            vh = best = np.maximum(best, vh)
        return w - LR * mh / np.sqrt(vh + inside) if inside else w - LR * mh / (np.sqrt(vh) + EPS)

    return step


@faulty("adam, corrected moments kept", "adam", ["kept"])
def adam_kept():
    return adam_with(keep=True)


@faulty("adam, v not corrected", "adam", ["correction of v"])
def adam_v():
    return adam_with(correct_v=lambda t: 1)


@faulty("adam, v corrected with the first beta", "adam", ["correction of v has β₁"])
def adam_beta():
    return adam_with(correct_v=lambda t: 1 - 0.9**t)


@faulty("adam, 1 - beta·t for 1 - beta**t", "adam", ["correction of m lacks the power"])
def adam_times():
    return adam_with(correct_m=lambda t: 1 - 0.9 * t)


@faulty("rmsprop, 0.1 and 0.9 exchanged", "rmsprop", ["rho", "ρ", "exchanged", "swap", "1 −"])
def rmsprop_exchanged():
    s = 0.0

    def step(w, g):
        nonlocal s
        s = 0.1 * s + 0.9 * g**2
        return w - LR * g / (np.sqrt(s) + EPS)

    return step


@faulty("rmsprop, mean of |g|", "rmsprop", ["mean of |g|"])
def rmsprop_mean():
    s = 0.0

    def step(w, g):
        nonlocal s
        s = 0.9 * s + 0.1 * np.abs(g)
        return w - LR * g / (s + EPS)

    return step


@faulty("nesterov, the old velocity ahead", "nesterov", ["velocity", "look-ahead", "nesterov"])
def nesterov_old():
    v = 0.0

    def step(w, g):
        nonlocal v
        old, v = v, 0.9 * v + g
        return w - LR * (g + 0.9 * old)

    return step


@faulty("weight decay with the wrong sign", "decay", ["sign", "decay"])
def decay_sign():
    return lambda w, g: w - LR * (g - 0.01 * w)


@faulty("weight decay, not times the rate", "decay", ["rate", "decay"])
def decay_rate():
    return lambda w, g: w - LR * g - 0.01 * w


@faulty("adamw, the decay not times the rate", "adamw", ["rate", "decay"])
def adamw_rate():
    inner = adam_with()
    return lambda w, g: inner(w, g) - 0.1 * w


@faulty("sgd, the mean over the rows is applied to all", "sgd", ["mean of the gradient"])
def sgd_mean():
    return lambda w, g: w - LR * np.broadcast_to(g.mean(0), g.shape)


@faulty("momentum, the sign of the gradient only", "momentum", ["only the sign"])
def momentum_sign():
    v = 0.0

    def step(w, g):
        nonlocal v
        v = 0.9 * v + np.sign(g)
        return w - LR * v

    return step

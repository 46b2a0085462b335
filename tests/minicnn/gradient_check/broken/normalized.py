"""Batch and layer normalization as students derive it, dropout, and the gradients of γ and β."""

import numpy as np

from tests.minicnn.gradient_check.broken.faults import faults

EPSILON = 1e-2


def normalization(shape, axes, per):
    """Of x over these axes; γ and β have the axes ``per``. ``broken`` is told everything."""

    def case(rng, broken):
        def parts(x):
            mean = x.mean(axis=axes, keepdims=True)
            variance = ((x - mean) ** 2).mean(axis=axes, keepdims=True)
            return x - mean, 1 / np.sqrt(variance + EPSILON)

        def forward(x, gamma, beta):
            centered, r = parts(x)
            wide = [n if axis in per else 1 for axis, n in enumerate(shape)]
            return gamma.reshape(wide) * centered * r + beta.reshape(wide), (x, gamma.reshape(wide))

        def backward(dy, cache):
            x, gamma = cache
            centered, r = parts(x)
            hat, d = centered * r, dy * gamma

            def mean(v):
                return v.mean(axis=axes, keepdims=True)

            rest = tuple(axis for axis in range(dy.ndim) if axis not in per)
            dx = r * (d - mean(d) - hat * mean(d * hat))
            right = dx, (dy * hat).sum(axis=rest), dy.sum(axis=rest)
            wrong = broken(dy, x, gamma, hat, r, mean, rest)
            wrong = wrong if isinstance(wrong, tuple) else (wrong, None, None)
            return tuple(a if b is None else b for a, b in zip(right, wrong))

        channels = [shape[axis] for axis in per]
        arrays = {
            "x": 2 * rng.standard_normal(shape) + 1,
            "gamma": rng.standard_normal(channels) + 2,
            "beta": rng.standard_normal(channels),
        }
        return (forward, backward), arrays, {}

    return case


def dx(d, hat, r, mean, a=1.0, b=1.0, c=1.0):
    return r * (a * d - b * mean(d) - c * hat * mean(d * hat))


def other_sigma(d, x, mean, variance):
    r = 1 / np.sqrt(variance)
    return dx(d, (x - mean(x)) * r, r, mean)


def n_of(dy, mean):
    return dy.size / mean(dy).size


ROWS = {
    "constant": (
        "x",
        "mean and variance are treated as constants",
        lambda dy, x, g, hat, r, mean, rest: dx(dy * g, hat, r, mean, 1, 0, 0),
    ),
    "mean_constant": (
        "x",
        "the mean is treated as a constant",
        lambda dy, x, g, hat, r, mean, rest: dx(dy * g, hat, r, mean, 1, 0, 1),
    ),
    "variance_constant": (
        "x",
        "the variance is treated as a constant",
        lambda dy, x, g, hat, r, mean, rest: dx(dy * g, hat, r, mean, 1, 1, 0),
    ),
    "gamma": ("x", "gamma is missing", lambda dy, x, g, hat, r, mean, rest: dx(dy, hat, r, mean)),
    "mean_sign": ("x", "sign", lambda dy, x, g, hat, r, mean, rest: dx(dy * g, hat, r, mean, 1, -1, 1)),
    "variance_sign": ("x", "sign", lambda dy, x, g, hat, r, mean, rest: dx(dy * g, hat, r, mean, 1, 1, -1)),
    "r_missing": ("x", "standard deviation", lambda dy, x, g, hat, r, mean, rest: dx(dy * g, hat, 1, mean)),
    "r_squared": (
        "x",
        "standard deviation",
        lambda dy, x, g, hat, r, mean, rest: dx(dy * g, hat, r**2, mean),
    ),
    "n_minus_one": (
        "x",
        "n − 1",
        lambda dy, x, g, hat, r, mean, rest: dx(
            dy * g, hat, r, mean, c=n_of(dy, mean) / (n_of(dy, mean) - 1)
        ),
    ),
    "std_n_minus_one": (
        "x",
        "n − 1",
        lambda dy, x, g, hat, r, mean, rest: other_sigma(
            dy * g, x, mean, (1 / r**2 - EPSILON) * n_of(dy, mean) / (n_of(dy, mean) - 1) + EPSILON
        ),
    ),
    "epsilon_outside": (
        "x",
        "ε",
        lambda dy, x, g, hat, r, mean, rest: other_sigma(
            dy * g, x, mean, (np.sqrt(1 / r**2 - EPSILON) + EPSILON) ** 2
        ),
    ),
    "epsilon_missing": (
        "x",
        "ε",
        lambda dy, x, g, hat, r, mean, rest: other_sigma(dy * g, x, mean, 1 / r**2 - EPSILON),
    ),
    "sums_for_means": (
        "x",
        "n",
        lambda dy, x, g, hat, r, mean, rest: dx(dy * g, hat, r, mean, 1, n_of(dy, mean), n_of(dy, mean)),
    ),
    "variance_half": ("x", "2", lambda dy, x, g, hat, r, mean, rest: dx(dy * g, hat, r, mean, c=0.5)),
    "variance_power": (
        "x",
        "variance",
        lambda dy, x, g, hat, r, mean, rest: dx(dy * g, hat, r, mean, c=1 / r**2),
    ),
    "x_for_hat": (
        "x",
        "x",
        lambda dy, x, g, hat, r, mean, rest: r * (dy * g - mean(dy * g) - x * mean(dy * g * hat)),
    ),
    "dgamma_of_x": ("gamma", "x", lambda dy, x, g, hat, r, mean, rest: (None, (dy * x).sum(axis=rest), None)),
    "dgamma_no_hat": (
        "gamma",
        "gradient of beta",
        lambda dy, x, g, hat, r, mean, rest: (None, dy.sum(axis=rest), None),
    ),
    "dgamma_mean": (
        "gamma",
        "divided by",
        lambda dy, x, g, hat, r, mean, rest: (None, (dy * hat).mean(axis=rest), None),
    ),
    "dgamma_of_y": (
        "gamma",
        "y",
        lambda dy, x, g, hat, r, mean, rest: (None, (dy * (g * hat)).sum(axis=rest), None),
    ),
    "dbeta_mean": (
        "beta",
        "divided by",
        lambda dy, x, g, hat, r, mean, rest: (None, None, dy.mean(axis=rest)),
    ),
}
CASES = {
    "bn": normalization((7, 4), (0,), (1,)),
    "bn_nchw": normalization((3, 4, 3, 2), (0, 2, 3), (1,)),
    "ln": normalization((5, 6), (1,), (1,)),
}
for prefix, case in CASES.items():
    faults(case, **{f"{prefix}_{name}": row for name, row in ROWS.items()})
faults(
    CASES["ln"],
    ln_gamma_outside=("x", "gamma", lambda dy, x, g, hat, r, mean, rest: g * dx(dy, hat, r, mean)),
)


def dropout(inverted):
    def case(rng, broken):
        rate = 0.3
        mask = rng.random((6, 10)) > rate
        scale = 1 / (1 - rate) if inverted else 1.0
        return (
            (lambda x: (x * mask * scale, None), lambda dy, _: broken(dy, mask, rate)),
            {"x": rng.standard_normal((6, 10))},
            {},
        )

    return case


faults(
    dropout(True),
    dropout_scale_of_rate=("x", "divided by the rate", lambda dy, mask, p: dy * mask / p),
    dropout_scale_times=("x", "1/(1 − rate)", lambda dy, mask, p: dy * mask * (1 - p)),
)

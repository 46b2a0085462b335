"""Softmax, losses of classifiers and of regression, with the targets out of the checker's sight."""

import numpy as np

from tests.minicnn.gradient_check.broken.faults import faults


def softmax(x, axis=-1):
    e = np.exp(x - x.real.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def jacobian(p, d):
    return p * (d - (p * d).sum(axis=-1, keepdims=True))


def cross_entropy(rng, broken, mean=True):
    targets = np.array([2, 0, 2, 3, 1])
    t = np.eye(4)[targets]

    def forward(x):
        loss = -(t * np.log(softmax(x))).sum()
        return loss / len(x) if mean else loss, x

    return (
        (forward, lambda dloss, x: broken(dloss, softmax(x), t, x) / (len(x) if mean else 1)),
        {"x": rng.standard_normal((5, 4))},
        {},
    )


def per_sample(rng, broken):
    (_, _), arrays, _ = cross_entropy(rng, broken)
    t = np.eye(4)[[2, 0, 2, 3, 1]]
    return (
        (
            lambda x: (-(t * np.log(softmax(x))).sum(axis=1), x),
            lambda d, x: broken(d[:, None], softmax(x), t, x),
        ),
        arrays,
        {},
    )


CE = {
    "minus_one_forgotten": ("x", "−1", lambda d, p, t, x: d * p),
    "softmax_twice": ("x", "softmax", lambda d, p, t, x: d * jacobian(p, p - t)),
    "right_class_only": ("x", "only", lambda d, p, t, x: d * (p - t) * t),
    "wrong_classes_only": ("x", "only", lambda d, p, t, x: d * (p - t) * (1 - t)),
    "wrt_p": ("x", "p", lambda d, p, t, x: -d * t / p),
    "logits": ("x", "logits", lambda d, p, t, x: d * (x - t)),
    "wrong_axis": ("x", "wrong axis", lambda d, p, t, x: d * (softmax(x, 0) - t)),
    "all_columns": ("x", "every", lambda d, p, t, x: d * (p - (t.sum(0) > 0))),
    "plus_one": ("x", "+", lambda d, p, t, x: d * (p + t)),
    "sign": ("x", "sign", lambda d, p, t, x: d * (t - p)),
    "dloss_ignored": ("x", "upstream", lambda d, p, t, x: p - t),
    "diagonal": ("x", "diagonal", lambda d, p, t, x: d * -t / p * p * (1 - p)),
}
faults(cross_entropy, **{f"ce_{name}": row for name, row in CE.items() if name not in ("diagonal",)})
faults(per_sample, **{f"ce_each_{name}": row for name, row in CE.items() if name not in ("diagonal",)})


def softmax_case(axis):
    def case(rng, broken):
        return (
            (lambda x: (softmax(x, axis), softmax(x, axis)), broken),
            {"x": rng.standard_normal((4, 5))},
            {},
        )

    return case


faults(
    softmax_case(0),
    softmax_axis0_constant=("x", "denominator", lambda dy, p: p * dy),
)
faults(
    softmax_case(-1),
    softmax_sum_without_p=("x", "", lambda dy, p: p * (dy - dy.sum(axis=1, keepdims=True))),
    softmax_plus=("x", "sign", lambda dy, p: p * (dy + (dy * p).sum(axis=1, keepdims=True))),
)


def log_softmax(rng, broken):
    return (lambda x: (np.log(softmax(x)), softmax(x)), broken), {"x": rng.standard_normal((4, 5))}, {}


faults(
    log_softmax,
    log_softmax_dy=("x", "dy itself", lambda dy, p: dy),
    log_softmax_as_softmax=("x", "softmax", lambda dy, p: p * (dy - (dy * p).sum(axis=1, keepdims=True))),
    log_softmax_p_dy=("x", "", lambda dy, p: dy - p * dy),
)


def log_sum_exp(rng, broken):
    return (
        (lambda x: (np.log(np.exp(x).sum(axis=1)), x), lambda d, x: broken(d[:, None], x)),
        {"x": rng.standard_normal((4, 5))},
        {},
    )


faults(
    log_sum_exp,
    lse_exp=("x", "exp(x)", lambda d, x: d * np.exp(x)),
    lse_axis=("x", "axis", lambda d, x: d * softmax(x, 0)),
    lse_ones=("x", "", lambda d, x: d * np.ones_like(x)),
)


def binary(rng, broken):
    t = rng.integers(0, 2, (6, 2)).astype(float)
    t[0], t[1] = 0, 1

    def forward(x):
        p = 1 / (1 + np.exp(-x))
        return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(), p

    return (forward, lambda d, p: broken(d / t.size, p, t)), {"x": rng.standard_normal((6, 2))}, {}


faults(
    binary,
    bce_slope_twice=("x", "sigmoid", lambda d, p, t: d * (p - t) * p * (1 - p)),
    bce_minus_t_forgotten=("x", "t", lambda d, p, t: d * p),
    bce_wrt_p=("x", "p", lambda d, p, t: d * (p - t) / (p * (1 - p))),
    bce_first_term=("x", "term", lambda d, p, t: -d * t * (1 - p)),
)


def squares(rng, broken):
    t = rng.standard_normal((5, 3))
    return (
        (lambda x: (((x - t) ** 2).mean(), x), lambda d, x: broken(d, x - t, t)),
        {"x": rng.standard_normal((5, 3))},
        {},
    )


faults(
    squares,
    mse_two_forgotten=("x", "the 2 of a square", lambda d, e, t: d * e / e.size),
    mse_by_n=("x", "multiplied by 3", lambda d, e, t: 2 * d * e / len(e)),
    mse_sign_of_error=(
        "x",
        "sign(v) is used for the slope, with v = “x - t”",
        lambda d, e, t: d * np.sign(e) / e.size,
    ),
    mse_squared=("x", "", lambda d, e, t: 2 * d * e**2 / e.size),
    mse_t_forgotten=(
        "x",
        "2·v is used for the slope, with v = “x”",
        lambda d, e, t: 2 * d * (e + t) / e.size,
    ),
)


def absolute(rng, broken):
    t = rng.standard_normal((5, 3))
    f = lambda x: (np.where((x - t).real > 0, x - t, t - x).sum() / 15, x)  # noqa: E731
    return (f, lambda d, x: broken(d, x - t) / 15), {"x": rng.standard_normal((5, 3))}, {}


faults(
    absolute,
    mae_error=("x", "multiplied by it: at “np.where((x - t).real > 0", lambda d, e: d * e),
    mae_ones=("x", "sign", lambda d, e: d * np.ones_like(e)),
)


def hinge(rng, broken):
    y = np.array([2, 0, 1, 3, 1])
    n = np.arange(5)

    def forward(x):
        margins = x - x[n, y][:, None] + 1
        margins = margins * (margins.real > 0)
        margins[n, y] = 0
        return margins.sum() / 5, x

    def backward(d, x):
        active = (x - x[n, y][:, None] + 1 > 0).astype(float)
        active[n, y] = 0
        return d * broken(active, n, y) / 5

    return (forward, backward), {"x": rng.standard_normal((5, 4))}, {}


def with_right(of):
    def broken(active, n, y):
        active[n, y] = of(active)
        return active

    return broken


faults(
    hinge,
    hinge_one=("x", "count", with_right(lambda active: -1)),
    hinge_zero=("x", "right class", with_right(lambda active: 0)),
    hinge_plus=("x", "sign", with_right(lambda active: active.sum(axis=1))),
)

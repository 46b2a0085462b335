"""Faults of a known formula: batch normalization's three paths, a mask of ReLU or dropout, a wrong slope."""

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence, number

# With fewer points, a curve cannot be distinguished from noise.
ENOUGH_FOR_A_CURVE = 40
RISES_AND_FALLS = 4


def statistics_constant(e: Evidence) -> str | None:
    """Batch normalization: x reaches y directly, through the mean and through the
    variance. Which paths are missing?

        dx = γ·r · ( dy  −  mean(dy)  −  x̂·mean(dy·x̂) )           r = 1/√(v + ε), each channel by itself
                   direct   the mean     the variance

    So in each channel, right = a·dy + b·1 + c·(x − μ). Least squares finds the three numbers without γ and ε.
    If the residual is 0, the function is a normalization. Then the same is done with the given gradient.
    """
    if e.array.shape != e.dy.shape or e.array.ndim < 2 or e.jacobian is None:
        return None
    channels = e.array.shape[-1]
    if e.array.size < 5 * channels:
        return None  # three numbers fit nearly any four
    whole = (e.array, e.dy, e.jacobian.reshape(e.array.size, -1) @ e.dy.ravel(), e.analytic)
    x, dy, right, given = (values.reshape(-1, channels).T for values in whole)  # (C, m) each
    paths = np.stack([dy, np.ones_like(x), x - x.mean(axis=1, keepdims=True)], axis=1)  # (C, 3, m)
    of_right, of_given = (_least_squares(paths, values) for values in (right, given))  # (C, 3)
    if not e.zero(np.einsum("cp,cpm->cm", of_right, paths) - right).all():
        return None
    sizes = np.abs(of_right[:, :, None] * paths).max(axis=2)  # what each path adds, (C, 3)
    if e.zero(sizes).all(axis=0).any():
        return None  # one of the paths is 0, so this is not a normalization
    shares = np.nanmedian(of_given / np.where(e.zero(sizes), np.nan, of_right), axis=0)
    candidate = np.einsum("p,cp,cpm->cm", shares, of_right, paths).T.ravel()
    if not e.fits(candidate[e.index]):
        return None
    direct, mean, variance = shares.round(6)
    if direct != 1:
        return None
    wrong = {name: share for name, share in (("mean", mean), ("variance", variance)) if share != 1}
    constant = [name for name, share in wrong.items() if share == 0]
    if len(constant) == 2:
        return "mean and variance are treated as constants: only the direct path from x to y is there"
    if len(wrong) == 1 and constant:
        return f"the {constant[0]} is treated as a constant: the path from x through the {constant[0]} is missing"
    off = " and ".join(f"the path through the {name} by {number(share)}" for name, share in wrong.items())
    return f"off by a factor: {off}"


def _least_squares(paths: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.stack([np.linalg.lstsq(p.T, v, rcond=None)[0] for p, v in zip(paths, values)])


def mask(e: Evidence) -> str | None:
    """ReLU and dropout multiply dy by a mask: all slopes are 0 or one number k. Was the right mask used?"""
    slopes = e.slopes
    if slopes is None or not slopes.any():
        return None
    kept = slopes != 0
    stopped = np.count_nonzero(~kept)
    k = float(slopes[kept][0])
    if np.ptp(slopes[kept]) > 1e-6 * abs(k):
        return "the slope is not applied: this is dy itself, not dy·f′(x)" if e.fits(e.own_dy) else None
    for scale in dict.fromkeys((k, 1.0)):
        let_through = scale * e.own_dy
        scaled = "" if scale == k else f", nor is its scale {number(k)}, 1/(1 − rate)"
        if e.fits(let_through) and stopped:
            return (
                f"the mask is not applied{scaled}: dy passes at the {stopped} entries where y does not change"
            )
        if e.fits(np.where(kept, 0, let_through)) and stopped:
            return "the mask is inverted: dy passes where it should be 0, and only there"
        zero = e.zero(e.given)
        if not e.fits(np.where(zero, 0, let_through)) or np.count_nonzero(~zero) < 3:
            continue
        if (zero & kept).any() and (~zero & ~kept).any():
            return "another mask than the forward pass's: there are zeros where dy should pass, and the other way round"
        if kept.all():
            return "a mask is applied, though none was in the forward pass"
    return None


def slope(e: Evidence) -> str | None:
    """A function of one number with a wrong slope f′(x): the error of the slope is a smooth function of x.

    If x is sorted, this error rises and falls only a few times. The same is true of its rank among all
    errors: in each rise or fall, the changes of the rank add up to n at most. An error that depends on
    something else is irregular: its rank changes by n/3 on average at each step.
    """
    if e.slopes is None or not e.wrong.any():
        return None
    telling = np.abs(e.own_dy) > 0.01  # the slope that was used is given / dy, which needs a dy that is not 0
    n = np.count_nonzero(telling)
    if n < ENOUGH_FOR_A_CURVE:
        return None
    x, right, used = (v[telling] for v in (e.array.ravel()[e.index], e.slopes, e.given / e.own_dy))
    error = (used - right).round(9)
    rank = error[np.argsort(x)].argsort(kind="stable").argsort()
    if np.abs(np.diff(rank)).sum() > RISES_AND_FALLS * n:
        return None
    worst = np.argmax(np.abs(error))
    return (
        f"the slope is wrong, as a function of x: at x = {x[worst]:.3g}, where it is worst, "
        f"{used[worst]:.4g} is used "
        f"and {right[worst]:.4g} is right. Is a constant of the formula mistyped?"
    )

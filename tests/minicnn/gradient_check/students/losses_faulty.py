# ruff: noqa: RUF059 — people unpack the whole cache
"""Losses with a slip in their backward pass."""

import numpy as np

from tests.minicnn.gradient_check.students import cross_entropy
from tests.minicnn.gradient_check.students import losses as c
from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, of_class

SCALAR = ["upstream", "dloss", "dy"]


@faulty("MSE, not divided by the number of entries", c.mse, ["6 times", "multiplied by 6", "1/n", "divide"])
def mse_sum(dloss, cache):
    x, target = cache
    return dloss * 2 * (x - target)


@faulty(
    "MSE, divided by the batch and not by the entries", c.mse, ["2 times", "twice", "multiplied by 2", "1/n"]
)
def mse_batch(dloss, cache):
    x, target = cache
    return dloss * 2 * (x - target) / len(x)


@faulty("MSE, the 2 forgotten", c.mse, ["0.5", "half", "divided by 2"])
def mse_half(dloss, cache):
    x, target = cache
    return dloss * (x - target) / x.size


@faulty("MSE, target minus x", c.mse, ["sign", "-1", "−1"])
def mse_sign(dloss, cache):
    x, target = cache
    return dloss * 2 * (target - x) / x.size


@faulty("MSE, dloss ignored", c.mse, SCALAR)
def mse_alone(dloss, cache):
    x, target = cache
    return 2 * (x - target) / x.size


@faulty("half squared error, the second gradient with the first one's sign", c.half_mse, ["sign", "-1", "−1"])
def half_mse_sign(dloss, diff):
    g = dloss * diff / diff.shape[0]
    return g, g


@faulty("huber, no sign in the linear part", c.huber, ["its sign"], may=["sign", "right everywhere but"])
def huber_sign(dloss, cache):
    r, small, delta = cache
    return dloss * np.where(small, r, delta)


@faulty("huber, always quadratic", c.huber, ["used for the slope"])
def huber_quadratic(dloss, cache):
    return dloss * cache[0]


@faulty(
    "softmax loss, the -1 forgotten",
    cross_entropy.softmax_scalars,
    ["− 1", "- 1", "-1", "−1", "p − t", "p - t", "target"],
)
def ce_minus_one(dloss, cache):
    p, y = cache
    return dloss * p / len(y)


@faulty(
    "softmax loss, 1/N forgotten",
    cross_entropy.softmax_scalars,
    ["4 times", "multiplied by 4", "1/n", "batch"],
)
def ce_sum(dloss, cache):
    p, y = cache
    d = p.copy()
    d[np.arange(len(y)), y] -= 1
    return dloss * d


@faulty("softmax loss, 1/N twice", cross_entropy.softmax_scalars, ["divided by 4", "1/n", "batch", "twice"])
def ce_twice(dloss, cache):
    p, y = cache
    d = p.copy()
    d[np.arange(len(y)), y] -= 1
    return dloss * d / len(y) ** 2


@faulty("softmax loss, 1/N of a sum", cross_entropy.softmax_one_hot, ["divided by 4", "1/n", "batch"])
def ce_mean_of_sum(dloss, cache):
    p, t = cache
    return dloss * (p - t) / len(p)


@faulty(
    "softmax loss, only the right class",
    cross_entropy.softmax_one_hot,
    ["right class", "correct class", "target", "one entry"],
)
def ce_right_class(dloss, cache):
    p, t = cache
    return dloss * (p - 1) * t


@faulty(
    "softmax loss, p - t sent through the softmax again",
    cross_entropy.softmax_one_hot,
    ["softmax", "again", "twice"],
)
def ce_softmax_again(dloss, cache):
    p, t = cache
    d = p - t
    return dloss * p * (d - np.sum(p * d, axis=1, keepdims=True))


@faulty(
    "softmax loss, p (1 - p) times p - t",
    cross_entropy.softmax_one_hot,
    ["softmax", "again", "twice"],
)
def ce_sigmoid_again(dloss, cache):
    p, t = cache
    return dloss * (p - t) * p * (1 - p)


@faulty("softmax loss, t - p", cross_entropy.softmax_one_hot, ["sign", "-1", "−1"])
def ce_sign(dloss, cache):
    p, t = cache
    return dloss * (t - p)


@faulty("softmax loss, only -t/p, the softmax forgotten", cross_entropy.softmax_one_hot, ["softmax"])
def ce_without_softmax(dloss, cache):
    p, t = cache
    return -dloss * t / p


@faulty("softmax loss in columns, dloss ignored", cross_entropy.softmax_columns, SCALAR)
def ce_columns_alone(dloss, cache):
    return (cache["A"] - cache["Y"]) / cache["Y"].shape[1]


@faulty(
    "softmax loss in columns, divided by the classes",
    cross_entropy.softmax_columns,
    None,
    may=["1.33", "factor"],
)
def ce_columns_classes(dloss, cache):
    return dloss * (cache["A"] - cache["Y"]) / cache["Y"].shape[0]


@faulty("NLL, -1 for -1/p", cross_entropy.nll, ["1/p", "logarithm"])
def nll_without_p(dloss, cache):
    p, y = cache
    dp = np.zeros_like(p)
    dp[np.arange(len(y)), y] = -dloss / len(y)
    return dp


@faulty(
    "class weights, divided by the batch and not by their sum",
    cross_entropy.weighted,
    ["times", "weights"],
)
def weights_batch(dloss, cache):
    p, y, weights = cache
    d = p.copy()
    d[np.arange(4), y] -= 1
    return dloss * d * weights[:, None] / len(y)


@faulty("class weights forgotten", cross_entropy.weighted, ["weights", "own factor"])
def weights_forgotten(dloss, cache):
    p, y, weights = cache
    d = p.copy()
    d[np.arange(4), y] -= 1
    return dloss * d / weights.sum()


@faulty("BCE, sign", cross_entropy.bce, ["sign", "-1", "−1"])
def bce_sign(dloss, cache):
    a, y, m = cache
    return dloss * (y / a - (1 - y) / (1 - a)) / m


@faulty("BCE, a - y of the logits' loss", cross_entropy.bce, ["logits", "sigmoid"])
def bce_logits_formula(dloss, cache):
    a, y, m = cache
    return dloss * (a - y) / m


@faulty(
    "BCE, the second term forgotten",
    cross_entropy.bce,
    ["first term", "second term", "1 − t"],
    may=["target", "zero"],
)
def bce_half(dloss, cache):
    a, y, m = cache
    return -dloss * y / a / m


@faulty("BCE of logits, z - y", cross_entropy.bce_logits, ["sigmoid"])
def bce_no_sigmoid(dloss, cache):
    z, y = cache
    return dloss * (z - y) / z.size


@faulty("focal loss, the factor taken for a constant", cross_entropy.focal, ["treated as a constant"])
def focal_constant(dloss, cache):
    pt, y, gamma = cache
    return dloss * -((1 - pt) ** gamma) * (1 - pt) * np.where(y == 1, 1, -1)


@faulty("triplet, mask forgotten", c.triplet, None, may=["own factor", "mask", "sample"])
def triplet_mask(dloss, cache):
    a, p, n, active = cache
    s = dloss * 2 / len(a)
    return s * (n - p), s * (p - a), s * (a - n)


@faulty("triplet, dn with the sign of dp", c.triplet, ["sign", "-1", "−1"])
def triplet_sign(dloss, cache):
    da, dp, dn = c.triplet_backward(dloss, cache)
    return da, dp, -dn


@faulty("VAE, exp(logvar) - 1 without the half", c.vae_kl, ["2 times", "twice", "multiplied by 2"])
def vae_half(dloss, cache):
    mu, logvar = cache
    return dloss * mu, dloss * (np.exp(logvar) - 1)


@faulty("svm, the penalty's gradient without the 2", c.svm_naive, ["penalty", "regulari", "L2"])
def svm_penalty(dloss, cache):
    dX, dW, w = cache
    return dloss * dX, dloss * (dW + 0.1 * w)


class CosineConstant(c.CosineLoss):
    """Takes the norm of x for a constant."""

    def backward(self, dy):
        return -dy * self.t / (self.nx * self.nt)[:, None]


faulty_pair("cosine loss, norm constant", of_class(CosineConstant), c.COSINE, ["constant"], x=(2, 3))

# ruff: noqa: RUF059 — people unpack the whole cache
"""Normalizations and dropout with a slip in their backward pass."""

import numpy as np

from tests.minicnn.gradient_check.students import normalization as n
from tests.minicnn.gradient_check.students import normalization_other
from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, of_class, op

CONSTANT = ["constant"]


def batchnorm_with(dout, cache, centre=True, spread=True, use_gamma=True, m=None):
    """Repeat the one formula of batch norm without some of its terms."""
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    dgamma, dbeta = (dout * xhat).sum(0), dout.sum(0)
    dx = dout.copy()
    m = m or len(dout)
    if centre:
        dx -= dbeta / m
    if spread:
        dx -= xhat * dgamma / m
    return dx * ivar * (gamma if use_gamma else 1), dgamma, dbeta


@faulty("batch norm, mean and variance constant", n.batchnorm_forward, CONSTANT)
def bn_constant(dout, cache):
    return batchnorm_with(dout, cache, centre=False, spread=False)


@faulty("batch norm, variance constant", n.batchnorm_forward, CONSTANT)
def bn_constant_variance(dout, cache):
    return batchnorm_with(dout, cache, spread=False)


@faulty("batch norm, mean constant", n.batchnorm_forward, CONSTANT)
def bn_constant_mean(dout, cache):
    return batchnorm_with(dout, cache, centre=False)


@faulty("batch norm, gamma forgotten in dx", n.batchnorm_forward, ["gamma", "γ", "scale"])
def bn_gamma(dout, cache):
    return batchnorm_with(dout, cache, use_gamma=False)


@faulty("batch norm, n - 1 for n", n.batchnorm_forward, ["n − 1", "n - 1", "n-1"])
def bn_bessel(dout, cache):
    return batchnorm_with(dout, cache, m=len(dout) - 1)


@faulty(
    "batch norm, dgamma with x - mean for xhat",
    n.batchnorm_forward,
    ["σ", "divided by", "x̂", "own factor"],
    may=["own factor", "channel"],
)
def bn_dgamma(dout, cache):
    dx, _, dbeta = batchnorm_with(dout, cache)
    return dx, (dout * cache[2]).sum(0), dbeta


@faulty("batch norm, dgamma and dbeta swapped", n.batchnorm_forward, ["order", "swap"])
def bn_swapped(dout, cache):
    dx, dgamma, dbeta = batchnorm_with(dout, cache)
    return dx, dbeta, dgamma


@faulty(
    "batch norm, dgamma averaged over the batch",
    n.batchnorm_forward,
    ["batch", "1/n", "mean", "divided by 5"],
)
def bn_dgamma_mean(dout, cache):
    dx, dgamma, dbeta = batchnorm_with(dout, cache)
    return dx, dgamma / len(dout), dbeta


@faulty("batch norm, the variance's half forgotten", n.batchnorm_forward, ["variance by 2", "variance"])
def bn_half(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    m = len(dout)
    dgamma, dbeta = (dout * xhat).sum(0), dout.sum(0)
    return gamma * ivar / m * (m * dout - dbeta - 2 * xhat * dgamma), dgamma, dbeta


@faulty("batch norm with n - 1, the formula for n", n.batchnorm_bessel, ["n − 1", "n - 1", "n-1"])
def bn_bessel_other(dout, cache):
    g, bnvar_inv, bnraw = cache
    m = len(dout)
    dx = g * bnvar_inv / m * (m * dout - dout.sum(0) - bnraw * (dout * bnraw).sum(0))
    return dx, (dout * bnraw).sum(0), dout.sum(0)


class BatchNormConstant(n.BatchNorm2d):
    """Takes mean and variance for constants."""

    def backward(self, dy):
        super().backward(dy)
        return dy * self.gamma / self.std


class BatchNormBatchAxis(n.BatchNorm2d):
    """Averages over the batch, not over the places."""

    def backward(self, dy):
        super().backward(dy)
        dxn = dy * self.gamma
        return (dxn - dxn.mean(0) - self.xn * (dxn * self.xn).mean(0)) / self.std


class BatchNormLastAxis(n.BatchNorm2d):
    """dbeta of an NCHW layer, of NHWC data with the same sizes."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.dbeta = dy.sum(axis=(0, 2, 3))
        return dx


faulty_pair(
    "batch norm NHWC class, statistics constant",
    of_class(BatchNormConstant, *n.BN_PARTS),
    says=CONSTANT,
    **n.BN_NHWC,
)
faulty_pair(
    "batch norm NHWC class, means over the batch only",
    of_class(BatchNormBatchAxis, *n.BN_PARTS),
    says=["axis", "axes"],
    **n.BN_NHWC,
)
faulty_pair(
    "batch norm NHWC class, dbeta over the wrong axes",
    of_class(BatchNormLastAxis, *n.BN_PARTS),
    says=["axis", "axes"],
    **{**n.BN_NHWC, "x": (2, 4, 3, 4)},
)


@faulty("batch norm in columns, the mean over the wrong axis", n.batchnorm_columns, ["axis", "axes"])
def bn_columns_axis(d, cache):
    z_norm, inv = cache
    return inv * (d - d.mean(axis=0) - z_norm * (d * z_norm).mean(axis=0))


@faulty("layer norm, statistics constant", n.layernorm_forward, CONSTANT)
def ln_constant(dout, cache):
    xhat, std, gamma = cache
    return dout * gamma / std, np.sum(dout * xhat, axis=0), dout.sum(axis=0)


@faulty("layer norm, gamma forgotten", n.layernorm_forward, ["gamma", "γ", "scale"])
def ln_gamma(dout, cache):
    xhat, std, gamma = cache
    dx = (dout - dout.mean(-1, keepdims=True) - xhat * (dout * xhat).mean(-1, keepdims=True)) / std
    return dx, np.sum(dout * xhat, axis=0), dout.sum(axis=0)


@faulty("layer norm, means over the batch", n.layernorm_forward, ["axis", "axes"])
def ln_axis(dout, cache):
    xhat, std, gamma = cache
    d = dout * gamma
    dx = (d - d.mean(0) - xhat * (d * xhat).mean(0)) / std
    return dx, np.sum(dout * xhat, axis=0), dout.sum(axis=0)


@faulty("layer norm loops, dbias not added up", n.layernorm_loops, ["+=", "overwrit", "last", "assign"])
def ln_dbias(dout, cache):
    dx, dweight, dbias = n.layernorm_loops_backward(dout, cache)
    for b in range(dout.shape[0]):
        for t in range(dout.shape[1]):
            dbias = dout[b, t].copy()
    return dx, dweight, dbias


@faulty("RMS norm, the mean square constant", n.rmsnorm, CONSTANT)
def rms_constant(dy, cache):
    x, r, w = cache
    return dy * w * r, np.sum(dy * x * r, axis=(0, 1))


@faulty("L2 normalization, norm constant", normalization_other.l2_normalize, CONSTANT)
def l2_constant(dy, cache):
    y, norm = cache
    return dy / norm


@faulty("weight norm, dv not projected", normalization_other.weight_norm, CONSTANT)
def weight_norm_constant(dy, cache):
    x, v, g, length = cache
    dW = x.T @ dy
    return dy @ (g * v / length).T, g / length * dW, (dW * v).sum(0) / length


@faulty("dropout, scale forgotten", normalization_other.dropout, ["1/q", "0.7", "keep", "dropout", "kept"])
def dropout_scale(dout, cache):
    mask, keep = cache
    return dout * mask


@faulty("dropout, scale twice", normalization_other.dropout, ["1/q", "0.7", "keep", "dropout", "kept"])
def dropout_twice(dout, cache):
    mask, keep = cache
    return dout * mask / keep**2


@faulty("dropout, mask forgotten", normalization_other.dropout, ["mask"])
def dropout_mask(dout, cache):
    mask, keep = cache
    return dout / keep


@faulty("dropout, another mask in backward", normalization_other.dropout, ["mask"])
def dropout_other(dout, cache):
    mask, keep = cache
    return dout * np.roll(mask, 1, axis=1) / keep


@op("x * mask", x=(3, 4), options={"mask": normalization_other.MASK})
def dropout_wrong(x, mask):
    return x * mask, mask


@faulty("dropout, scaled in backward only", dropout_wrong, ["1/q", "0.7", "keep", "dropout", "kept", "1.428"])
def dropout_only_backward(dout, mask):
    return dout * mask / 0.7

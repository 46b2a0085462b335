"""Batch normalization: mean 0 and variance 1 for each channel, and the three paths of its gradient.

    x, y: (N, C), or images (N, H, W, C)   gamma, beta (C,)        m: the number of entries of a channel

    mean = 1/m · Σ x     var = 1/m · Σ (x - mean)²     xhat = (x - mean)/√(var + epsilon)     y = gamma · xhat + beta

An example, one channel, epsilon = 0: x = [1, 1, 3, 3], gamma = 2, beta = 10 gives xhat = [-1, -1, 1, 1] and
y = [8, 8, 12, 12]. With dy = [1, 2, 3, 6]: dbeta = 12, dgamma = 6, dx = [-1, 1, -3, 3].
Write it for (N, C) first; the last four rungs have images.
"""

import numpy as np

from minicnn.exercises.rungs import Rung, forward, gradient

PAGE = "docs/backprop/batch_normalization.md"


def batch_norm_forward(x, gamma, beta, epsilon=1e-3):
    """Return y, and what the backward pass needs: choose it yourself."""
    # your code: y, cache
    axes = tuple(range(x.ndim - 1))  # nchw: axes = (0, *range(2, x.ndim))
    shape = (-1,)  # nchw: shape = (-1, *[1] * (x.ndim - 2))
    mean = x.mean(axis=axes, keepdims=True)
    var = ((x - mean) ** 2).mean(axis=axes, keepdims=True)
    inverse_std = 1 / np.sqrt(var + epsilon)
    xhat = (x - mean) * inverse_std
    y = gamma.reshape(shape) * xhat + beta.reshape(shape)
    cache = xhat, gamma.reshape(shape), inverse_std, axes
    return y, cache


def batch_norm_backward(dy, cache):
    """Return dx, dgamma (C,), dbeta (C,)."""
    # your code: dbeta
    xhat, gamma, inverse_std, axes = cache
    dbeta = dy.sum(axis=axes)
    # your code: dgamma
    dgamma = (dy * xhat).sum(axis=axes)
    # your code: dx
    mean_dy = dy.mean(axis=axes, keepdims=True)
    mean_along = (dy * xhat).mean(axis=axes, keepdims=True)
    dx = gamma * inverse_std * (dy - mean_dy - xhat * mean_along)
    return dx, dgamma, dbeta


def _forward(x, gamma, beta, ddof=0, epsilon=1e-3, of=np.sqrt):
    return gamma * (x - x.mean(axis=0)) / of(x.var(axis=0, ddof=ddof) + epsilon) + beta


_FLAT = {"x": (5, 3), "gamma": (3,), "beta": (3,)}
_MAPS = {"x": (2, 3, 4, 3), "gamma": (3,), "beta": (3,)}
RUNGS = (
    Rung("forward", "(N, C): mean 0 and variance 1, then gamma and beta",
         forward("batch_norm_forward", _FLAT,
             {"divided by the variance: it must be its root":
                 lambda x, gamma, beta: _forward(x, gamma, beta, of=lambda v: v),
              "the variance is divided by m - 1 (ddof=1): it must be m":
                 lambda x, gamma, beta: _forward(x, gamma, beta, ddof=1),
              "epsilon is missing": lambda x, gamma, beta: _forward(x, gamma, beta, epsilon=0.0),
              "epsilon is added to the root: it must be added to the variance, inside the root":
                 lambda x, gamma, beta: _forward(x, gamma, beta, of=lambda v: np.sqrt(v - 0.001) + 0.001),
              "the mean of each sample is taken: each channel must get mean 0, so the mean is over the samples":
                 lambda x, gamma, beta: gamma * _forward(x.T, 1.0, 0.0).T + beta,
              "gamma and beta are not applied": lambda x, gamma, beta: _forward(x, 1.0, 0.0)}),
         "for each channel, over the samples: mean, then variance, then xhat, then y",
         "x.mean(axis=0), ((x - mean) ** 2).mean(axis=0), np.sqrt(var + epsilon). Keep xhat and 1/√(var + "
         "epsilon)"),
    Rung("dbeta", "the sum over the samples",
         gradient("batch_norm", "beta", _FLAT),
         "beta is added to every sample, as the bias of a dense layer",
         "dbeta = dy.sum(axis=0)"),
    Rung("dgamma", "gamma multiplies xhat",
         gradient("batch_norm", "gamma", _FLAT),
         "y = gamma · xhat + beta. What is the slope of y in gamma?",
         "dgamma = (dy * xhat).sum(axis=0)"),
    Rung("dx", "three paths: directly, through the mean, through the variance",
         gradient("batch_norm", "x", _FLAT),
         "x reaches y directly, through the mean, and through the variance. Are all three there? One line "
         "at a time: dxhat = dy · gamma, then dvar, dmean, and dx as the sum of three terms",
         "with r = 1/√(var + epsilon) and dxhat = dy · gamma: dvar = Σ dxhat · (x - mean) · (-r³/2), dmean "
         "= -r · Σ dxhat, dx = dxhat · r + dvar · 2 · (x - mean)/m + dmean/m; sums over the samples, m = N"),
    Rung("images: forward", "images: a channel has N·H·W entries",
         forward("batch_norm_forward", _MAPS,
             {"each pixel has its own mean: a channel is normalized over samples, rows and columns":
                 lambda x, gamma, beta: gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 0.001) + beta}),
         "mean and variance over all axes but the channel's",
         "axes = {tuple(range(x.ndim - 1))|(0, *range(2, x.ndim))}, all but the channel's: x.mean(axis=axes, keepdims=True)"
         "{|. gamma and beta need the shape (C, 1, 1) there, and (C,) for (N, C): gamma.reshape(-1, *[1] * (x.ndim - 2))}"),
    Rung("images", "dx of images: m is N·H·W",
         gradient("batch_norm", "x", _MAPS),
         "m is the number of entries of a channel, not the number of samples",
         "m = x.size / C, and every sum is over the same axes as the mean{|, with keepdims=True where it meets an image}"),
    Rung("images: dgamma", "the same for dgamma",
         gradient("batch_norm", "gamma", _MAPS),
         "sum over all axes but the channel's",
         "dgamma has the shape (C,)"),
    Rung("images: dbeta", "the same for dbeta",
         gradient("batch_norm", "beta", _MAPS),
         "sum over all axes but the channel's",
         "dbeta has the shape (C,)"),
)

"""Pooling, broken."""

import numpy as np

from minicnn.ops import reference
from tests.minicnn.gradient_check.broken.faults import fault


def pool(rng, backward, ties=False, **options):
    """Return a max-pooling of random geometry."""
    shape = (2, int(rng.integers(5, 7)), int(rng.integers(5, 7)), int(rng.integers(1, 4)))
    x = rng.integers(0, 3, shape).astype(float) if ties else rng.standard_normal(shape)
    return (reference.max_pool2d_forward, backward), {"x": x}, options


def into_windows(dy, cache, shares):
    """Return dx, where window entry number e gets shares[e] of its window's dy."""
    _, padded_shape, windows = cache
    dxp = np.zeros(padded_shape)
    for share, (_, _, index) in zip(shares, windows.entries()):
        dxp[index] += dy * share
    return windows.crop(dxp)


def of_ties(kind):
    """Return forward and backward of a max-pooling that treats ties in a way of its own."""

    def forward(x, **options):
        y, cache = reference.max_pool2d_forward(x, **options)
        return y, (x, y, cache)

    def backward(dy, cache):
        x, y, (_, _, windows) = cache
        wins = np.stack([windows.pad(x, -np.inf)[index] == y for _, _, index in windows.entries()])
        if kind == "shared":
            wins = wins / wins.sum(axis=0)
        if kind == "last":
            wins = wins & (np.cumsum(wins, axis=0) == wins.sum(axis=0))
        return into_windows(dy, cache[2], wins)

    return forward, backward


@fault("x", "several equal maxima, and each of them gets the whole gradient")
def pool_ties_duplicated(rng):
    return of_ties("duplicated"), pool(rng, None, ties=True)[1], {"strides": (1, 2), "padding": "same"}


@fault("x", "several equal maxima, and they share the gradient")
def pool_ties_shared(rng):
    return of_ties("shared"), pool(rng, None, ties=True)[1], {"pool_size": (2, 3)}


@fault("x", "several equal maxima, and the last of them gets the gradient")
def pool_ties_to_the_last(rng):
    return of_ties("last"), pool(rng, None, ties=True)[1], {"pool_size": (3, 2), "strides": (2, 1)}


@fault("x", "dy counts only in its first sample (axis 0): an early return in a loop")
def pool_early_return(rng):
    def backward(dy, cache):
        seen = np.zeros_like(dy)
        for n in range(len(dy)):
            seen[n] = dy[n]
            break
        return reference.max_pool2d_backward(seen, cache)

    return pool(rng, backward, pool_size=(2, 2), strides=(1, 2))


@fault("x", "dy counts only in its first sample (axis 0) and first channel (axis 3)")
def pool_early_return_in_the_inner_loop(rng):
    def backward(dy, cache):
        seen = np.zeros_like(dy)
        seen[0, :, :, 0] = dy[0, :, :, 0]
        return reference.max_pool2d_backward(seen, cache)

    forward_backward, arrays, options = pool(rng, backward)
    return forward_backward, {"x": np.concatenate([arrays["x"], arrays["x"] + 1], axis=3)}, options


@fault("x", "the number of entries that each output is computed from")
def average_pool_not_divided(rng):
    def backward(dy, cache):
        return reference.average_pool2d_backward(dy, cache) * 6

    return (reference.average_pool2d_forward, backward), pool(rng, None)[1], {"pool_size": (2, 3)}

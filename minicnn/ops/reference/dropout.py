"""Dropout: set random entries to 0 while training, and scale the others so that the mean stays the same.

    y = x·mask / (1 − rate)        dx = dy·mask / (1 − rate)        mask = 1 with probability 1 − rate, else 0

Spatial dropout sets whole maps to 0: one decision for each sample and channel.

The mask is a function of (key, index), not a sequence of random numbers: the bits of entry i are a hash of
the key and i. So the mask is the same in any order of computation and with any number of threads.

    gamma = 0x9E3779B97F4A7C15              mix(z): z ^= z >> 30;  z *= 0xBF58476D1CE4E5B9
    bits(key, i) = mix(mix(key) + (i + 1)·gamma)    z ^= z >> 27;  z *= 0x94D049BB133111EB;  z ^= z >> 31
    kept  where  bits >> 40  >=  rate·2²⁴           (the top 24 of 64 bits; arithmetic is modulo 2⁶⁴)

Shapes: x, y (…); the mask is x's shape, or (N, 1, 1, C) for spatial dropout of (N, H, W, C).
Source: SplitMix64, by Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
"""

import math

import numpy as np
from numpy.typing import NDArray

from minicnn.ops.types import Array, Cache

__all__ = ["dropout_backward", "dropout_forward", "dropout_mask"]

_WORD = (1 << 64) - 1
_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def dropout_mask(key: int, shape: tuple[int, ...], rate: float) -> NDArray[np.bool_]:
    """Return a bool array of ``shape``, True = kept; ``key`` is any integer, and determines the mask."""
    start, threshold = start_and_threshold(key, rate)
    index = np.arange(math.prod(shape), dtype=np.uint64)
    bits = _mix(start + index * _GAMMA)
    return ((bits >> np.uint64(40)) >= threshold).reshape(shape)


def start_and_threshold(key: int, rate: float) -> tuple[np.uint64, np.uint64]:
    """Return mix(key) + gamma, the start of the hash, and rate·2²⁴, which its bits are compared with."""
    if not 0 <= rate < 1:
        raise ValueError(f"rate={rate!r}: expected a fraction to drop, 0 <= rate < 1")
    # an array: NumPy warns when a scalar wraps around
    start = _mix(np.array([key & _WORD], np.uint64)) + _GAMMA
    return start[0], np.uint64(round(rate * 2**24))


def dropout_forward(x: Array, rate: float, key: int, spatial: bool = False) -> tuple[Array, Cache]:
    """Return (y, cache); see the module's equations. ``key`` is any integer;
    another key gives another mask.
    """
    mask = dropout_mask(key, (x.shape[0], 1, 1, x.shape[3]) if spatial else x.shape, rate)
    scaled_mask = (mask / (1 - rate)).astype(x.real.dtype)
    return x * scaled_mask, scaled_mask


def dropout_backward(dy: Array, cache: Cache) -> Array:
    """Return dx = dy · mask / (1 − rate), with the mask of the forward pass."""
    scaled_mask = cache
    return dy * scaled_mask


def _mix(z: Array) -> Array:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))

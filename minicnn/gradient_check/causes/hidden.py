"""Two dense layers with an activation between them, in one function: slips on the way back through the first.

z = x·w1 + b1;   h = f(z);   o = h·w2 + b2;   y is any function of each sample's o, or a loss of all

do (N, K) from above;   dw2 = hᵀ·do;   dh = do·w2ᵀ;   dz = dh·f′(z);   dw1 = xᵀ·dz;   dx = dz·w1ᵀ
"""

from typing import NamedTuple

import numpy as np

from minicnn.gradient_check.causes.activations import renamed
from minicnn.gradient_check.causes.evidence import Evidence, Unanswered
from minicnn.gradient_check.causes.sequences import FUNCTIONS

MOST_CALLS = 400


class Layers(NamedTuple):
    """What was recognized; ``names`` of x, w1, b1, w2, b2 ("" for no bias)."""

    names: tuple[str, str, str, str, str]
    x: np.ndarray
    z: np.ndarray
    h: np.ndarray
    w1: np.ndarray
    w2: np.ndarray
    do: np.ndarray
    slope: np.ndarray
    activation: str


def hidden_slips(e: Evidence) -> str | None:
    """Recognize two dense layers; then compare the slips."""
    known = _recognized(e)
    if known is None or e.gradient.name not in known.names:
        return None
    right = _gradient(known, e.gradient.name, known.do @ known.w2.T * known.slope)
    if not e.is_right(right.reshape(e.array.shape)):
        return None
    slips = _slips(known, e.gradient.name)
    return e.explained_by({text: values.reshape(e.array.shape) for text, values in slips.items()})


def _recognized(e: Evidence) -> Layers | None:
    x = e.input
    if x.ndim != 2:
        return None
    x_name, *others = e.arrays
    kernels = [name for name in others if e.arrays[name].ndim == 2 and 1 not in e.arrays[name].shape]
    biases = [name for name in others if name not in kernels]
    for first in (name for name in kernels if len(e.arrays[name]) == x.shape[1]):
        w1 = e.arrays[first]
        for second in (name for name in kernels if name != first and len(e.arrays[name]) == w1.shape[1]):
            w2 = e.arrays[second]
            b1 = next((b for b in biases if e.arrays[b].size == w1.shape[1]), "")
            b2 = next((b for b in reversed(biases) if b != b1 and e.arrays[b].size == w2.shape[1]), "")
            z = x @ w1 + (e.arrays[b1].reshape(1, -1) if b1 else 0)
            try:
                dz = _upstream(e, first, b1, x)
                for name, (f, slope) in FUNCTIONS.items():
                    h = f(z)
                    do = _upstream(e, second, b2, h)
                    if name == "identity" or dz is None or do is None:
                        continue
                    apart = np.abs(do @ w2.T * slope(h) - dz).max()
                    if apart <= 1e-6 * np.abs(dz).max():
                        return Layers((x_name, first, b1, second, b2), x, z, h, w1, w2, do, slope(h), name)
            except Unanswered:
                continue
    return None


def _upstream(e: Evidence, kernel: str, bias: str, x: np.ndarray) -> np.ndarray | None:
    """Return the gradient at x·w + b, (N, outputs), by nudges of the bias, or of the kernel for one sample."""
    w = e.arrays[kernel]
    n, outputs = len(x), w.shape[1]
    gradient = np.empty((n, outputs))
    if bias and e.dy.ndim and e.dy.shape[0] == n:
        b = e.arrays[bias]
        for j in range(outputs):
            moved = e.along(bias, np.eye(outputs)[j].reshape(b.shape))
            gradient[:, j] = (e.dy * moved).reshape(n, -1).sum(axis=1)
        return gradient
    if n > x.shape[1] or n * outputs > MOST_CALLS:
        return None
    one = np.linalg.pinv(x)  # x·one = identity: column i of it changes sample i only
    if not np.allclose(x @ one, np.eye(n)):
        return None
    for i, j in np.ndindex(n, outputs):
        gradient[i, j] = np.sum(e.dy * e.along(kernel, np.outer(one[:, i], np.eye(outputs)[j])))
    return gradient


def _gradient(k: Layers, name: str, dz: np.ndarray) -> np.ndarray:
    """Return the gradient of one of the five arrays, for any dz."""
    x, w1, b1, w2, _ = k.names
    if name == w2:
        return k.h.T @ k.do
    return {x: dz @ k.w1.T, w1: k.x.T @ dz, b1: dz.sum(axis=0)}.get(name, k.do.sum(axis=0))


def _slips(k: Layers, name: str) -> dict[str, np.ndarray]:
    z, h, do, slope = k.z, k.h, k.do, k.slope
    if name == k.names[3]:
        return {
            "z, before the activation, is used instead of h = f(z): dw2 is hᵀ·do": z.T @ do,
            "multiplied by the hidden activation's slope: dw2 is hᵀ·do": (h * slope).T @ do,
        }
    dh = do @ k.w2.T
    which = "f′(z), relu's mask where z > 0" if k.activation == "relu" else f"f′(z), f is {k.activation}"
    slips = {
        f"the slope of the hidden activation is missing: dh must be multiplied by {which}": dh,
        "the slope of the hidden activation is applied twice": dh * slope**2,
        "the mask is where dh > 0: it must be where z > 0 in the forward pass": dh * (dh > 0),
        "only the slope of the hidden activation is there: dh is missing": slope,
    }
    if k.w2.shape[0] == k.w2.shape[1]:
        slips["the second kernel is not transposed: dh is do·w2ᵀ"] = do @ k.w2 * slope
    for text, values in renamed(z, h, "z", "h"):
        slips[f"the slope of the hidden activation is wrong: {text} is used"] = dh * values
    return {text: _gradient(k, name, dz) for text, dz in slips.items()}

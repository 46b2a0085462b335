"""Attention, recognized by its values; and its usual slips.

a = softmax(q·kᵀ/√d);  y = a·v
da = dy·vᵀ;  ds = a·(da − Σ da·a);  dq = ds·k/√d;  dk = dsᵀ·q/√d;  dv = aᵀ·dy
"""

from itertools import permutations

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.causes.softmax import softmax


def attention_slips(e: Evidence) -> str | None:
    """Recognize queries, keys and values; then compare the slips."""
    if len(e.arrays) < 3 or e.dy.ndim < 2:
        return None
    for names in permutations(e.arrays, 3):
        q, k, v = (e.arrays[name] for name in names)
        if (
            q.ndim < 2
            or not q.ndim == k.ndim == v.ndim
            or q.shape[-1] != k.shape[-1]
            or k.shape[-2] != v.shape[-2]
        ):
            continue
        for scale in (1 / np.sqrt(q.shape[-1]), 1.0):
            try:
                a = softmax(scale * (q @ _t(k)), -1)
                y = a @ v
            except ValueError:
                continue
            if y.shape == e.y.shape and np.allclose(y, e.y) and e.gradient.name in names:
                return e.explained_by(_of_attention(q, k, v, a, e.dy, scale, names.index(e.gradient.name)))
    return None


def _t(v: np.ndarray) -> np.ndarray:
    return v.swapaxes(-1, -2)


def _of_attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, a: np.ndarray, dy: np.ndarray, scale: float, which: int
) -> dict[str, np.ndarray]:
    """Return the slips for dq (which = 0), dk (1) or dv (2)."""
    if which == 2:
        of_v = {
            "the scores' gradient is used for the attention weights: dv is aᵀ·dy": a * (dy @ _t(v)),
            "the scores are used before their softmax: dv is aᵀ·dy with a = softmax(scores)": scale
            * (q @ _t(k)),
        }
        slips = {text: _t(weights) @ dy for text, weights in of_v.items()}
        if a.shape[-1] == a.shape[-2]:
            slips["the attention weights are not transposed: dv is aᵀ·dy"] = a @ dy
            slips["this is dy itself: dv is aᵀ·dy, dy weighted by the attention"] = dy
        return slips

    def total(u: np.ndarray, axis: int = -1) -> np.ndarray:
        return u.sum(axis=axis, keepdims=True)

    def given(ds: np.ndarray, scale: float = scale) -> np.ndarray:
        return (ds @ k if which == 0 else _t(ds) @ q) * scale

    da = dy @ _t(v)
    ds = a * (da - total(da * a))
    root = q.shape[-1]
    constant = "softmax's denominator is treated as a constant: this is a·da, and −a·Σ da·a is missing"
    slips = {
        f"the scale 1/√{root} of the scores is forgotten: the gradient needs it too": given(ds, 1.0),
        f"the scale 1/√{root} of the scores is applied twice": given(ds, scale**2),
        f"multiplied by √{root} instead of divided by it": given(ds, 1 / scale),
        "the softmax of the scores is left out of the backward pass: its Jacobian is missing": given(da),
        constant: given(a * da),
        "only the diagonal of the softmax's Jacobian is used: a·(1 − a)": given(a * (1 - a) * da),
        "the softmax's sum is over the wrong axis: it must be over the keys": given(
            a * (da - total(da * a, -2))
        ),
        "the sign of the softmax's sum is wrong: a·(da + Σ da·a)": given(a * (da + total(da * a))),
    }
    if ds.shape[-1] == ds.shape[-2]:
        other = "the keys are used for the queries, or the queries for the keys"
        slips["the gradient of the scores is transposed (or not, where it must be)"] = given(_t(ds))
        slips[other] = (ds @ q if which == 0 else _t(ds) @ k) * scale
    return slips

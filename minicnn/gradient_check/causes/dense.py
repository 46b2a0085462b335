"""A dense layer, also with an activation in the same function: y = f(x·w + b). Slips around f′ and the products.

dz = dy·f′(z)        dx = dz·wᵀ        dw = xᵀ·dz        db = Σ dz, over the samples

If samples are columns, y = f(w·x + b), the same with every array transposed.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from minicnn.gradient_check.causes.activations import renamed
from minicnn.gradient_check.causes.evidence import Evidence, Unanswered


class Layer(NamedTuple):
    """What was recognized, samples as rows: the kernel's name, whether it is stored transposed, and the arrays."""

    name: str
    w_transposed: bool
    columns: bool  # whether samples are columns
    x: np.ndarray
    w: np.ndarray
    dy: np.ndarray
    y: np.ndarray
    slope: np.ndarray

    def gradient(self, e: Evidence, dz: np.ndarray, **other: np.ndarray) -> np.ndarray:
        """Return the gradient of the array in question, for any dz (and another x or w)."""
        x, w = other.get("x", self.x), other.get("w", self.w)
        if e.of_input:
            return (dz @ w.T).T if self.columns else dz @ w.T
        if e.gradient.name == self.name:
            return (x.T @ dz).T if self.w_transposed else x.T @ dz
        return dz.sum(axis=0).reshape(e.array.shape)


def dense_slips(e: Evidence) -> str | None:
    """Recognize x·w + b inside of the function by its right gradients; then compare the slips."""
    if e.input.ndim != 2 or e.dy.ndim != 2:
        return None
    for name, w in e.arrays.items():
        for columns, transposed in ((False, False), (False, True), (True, True), (True, False)):
            if w.ndim == 2 and w is not e.input:
                known = _recognized(e, name, columns, transposed)
                cause = e.explained_by(_slips(e, known)) if known else None
                if cause:
                    return cause
    return None


def _recognized(e: Evidence, name: str, columns: bool, transposed: bool) -> Layer | None:
    """Find f′(z), how y changes when a column of x·w grows: each column of w is nudged along one x."""
    x, dy, y = (v.T if columns else v for v in (e.input, e.dy, e.y))
    w = e.arrays[name].T if transposed else e.arrays[name]
    if w.shape[0] != x.shape[1] or dy.shape != (len(x), w.shape[1]):
        return None
    slope = np.zeros(dy.shape)
    for n in range(len(x)):
        direction = np.outer(x[n], np.ones(dy.shape[1])) / max(float(x[n] @ x[n]), 1e-12)
        try:
            moved = e.along(name, direction.T if transposed else direction)
        except Unanswered:
            return None
        slope[n] = (moved.T if columns else moved)[n]
    known = Layer(name, transposed, columns, x, w, dy, y, slope)
    is_bias = not e.of_input and e.gradient.name != name
    if is_bias and e.array.size != dy.shape[1]:
        return None
    return known if e.is_right(known.gradient(e, dy * slope)) else None


def _slips(e: Evidence, k: Layer) -> Iterator[tuple[str, np.ndarray]]:
    x, w, dy, y, slope = k.x, k.w, k.dy, k.y, k.slope
    dz = dy * slope
    z = x @ w
    for array in e.arrays.values():
        is_bias = array.size == z.shape[1] and array.ndim <= 2 and 1 in (array.ndim, *array.shape)
        z = z + array.reshape(1, -1) if is_bias else z
    slips = {}
    if np.abs(slope - 1).max() > 1e-6:
        is_relu = np.isin(slope, (0.0, 1.0)).all()
        mask = " (for ReLU: 0 where z < 0, the mask)" if is_relu else ""
        slips = {
            f"the slope of the activation is missing: dy must be multiplied by f′(z) first{mask}": dy,
            "the slope of the activation is applied twice": dz * slope,
            "the mask is where dy > 0: it must be where z > 0 in the forward pass": dy * (dy > 0),
            "the mask is where z > 0 and dy > 0: negative gradients must pass too": dz * (dy > 0),
            "multiplied by z once too many": dz * z,
            "multiplied by y once too many": dz * y,
            "the upstream gradient dy is not used": slope,
        }
        for text, values in renamed(z, y, "z", "y"):
            slips[f"the slope of the activation is wrong: {text} is used"] = dy * values
    yield from ((text, k.gradient(e, values)) for text, values in slips.items())
    if e.gradient.name == k.name:
        product = np.outer(x.sum(axis=0), dz.sum(axis=0))
        summed = "summed over the samples before the product: (Σ x)·(Σ dy) is not Σ x·dy"
        yield summed, product.T if k.w_transposed else product
        if x.shape[0] != x.shape[1]:
            text = "x is reshaped where it must be transposed"
            yield text, k.gradient(e, dz, x=np.ascontiguousarray(x.T).reshape(x.shape))
            yield text, k.gradient(e, dz, x=x.reshape(x.T.shape).T)
    if e.of_input and w.shape[0] != w.shape[1]:
        text = "the kernel is reshaped where it must be transposed"
        yield text, k.gradient(e, dz, w=w.reshape(w.T.shape).T)
        yield text, k.gradient(e, dz, w=w.T.copy().reshape(w.shape))

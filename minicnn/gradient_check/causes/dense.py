"""A dense layer, also with an activation in the same function: y = f(x·w + b).
Slips around f′ and the products.

dz = dy·f′(z)        dx = dz·wᵀ        dw = xᵀ·dz        db = Σ dz, over the samples
"""

from collections.abc import Iterator

import numpy as np

from minicnn.gradient_check.causes.activations import renamed
from minicnn.gradient_check.causes.evidence import Evidence, Unanswered


def dense_slips(e: Evidence) -> str | None:
    """Recognize x·w + b inside of the function by its right gradients; then compare the slips."""
    x = e.input
    kernels = {name: w for name, w in e.arrays.items() if w.ndim == 2 and w is not x and x.ndim == 2}
    for name, w in kernels.items():
        for transposed in (False, True):
            matrix = w.T if transposed else w
            if matrix.shape[0] != x.shape[1] or e.dy.shape != (len(x), matrix.shape[1]):
                continue
            slope = _slope(e, name, x, transposed)
            if slope is None:
                continue
            cause = e.explained_by(_slips(e, name, matrix, transposed, slope))
            if cause:
                return cause
    return None


def _slope(e: Evidence, name: str, x: np.ndarray, transposed: bool) -> np.ndarray | None:
    """Return f′(z): how y changes when a column of x·w grows. Each column of w is nudged along one x."""
    w = e.arrays[name]
    slope = np.zeros(e.dy.shape)
    for n in range(len(x)):
        direction = np.outer(x[n], np.ones(e.dy.shape[1])) / max(float(x[n] @ x[n]), 1e-12)
        direction = direction.T if transposed else direction
        try:
            slope[n] = (along(e, name, w, direction))[n]
        except Unanswered:
            return None
    dz = e.dy * slope
    w2 = w.T if transposed else w
    right = {name: (x.T @ dz).T if transposed else x.T @ dz, next(iter(e.arrays)): dz @ w2.T}
    of_this = right.get(e.gradient.name)
    if of_this is None:
        of_this = dz.sum(axis=0).reshape(e.array.shape) if e.array.size == dz.shape[1] else None
    return slope if of_this is not None and e.is_right(of_this) else None


def along(e: Evidence, name: str, w: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return the derivative of y as an array moves along a direction, of y's shape."""
    if e.gradient.method == "complex step":
        return np.imag(e.ask(**{name: w + 1e-30j * direction})) / 1e-30
    h = 1e-4
    coarse, fine = (
        (np.real(e.ask(**{name: w + s * direction})) - np.real(e.ask(**{name: w - s * direction}))) / (2 * s)
        for s in (h, h / 2)
    )
    return (4 * fine - coarse) / 3


def _slips(
    e: Evidence, name: str, w: np.ndarray, transposed: bool, slope: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    x, dy, y = e.input, e.dy, e.y
    z = x @ w
    for array in e.arrays.values():
        z = (
            z + array.reshape(1, -1)
            if array.size == z.shape[1] and array.ndim <= 2 and 1 in (array.ndim, len(array))
            else z
        )

    def of(dz: np.ndarray, x: np.ndarray = x, w: np.ndarray = w) -> np.ndarray:
        if e.of_input:
            return dz @ w.T
        if e.gradient.name == name:
            return (x.T @ dz).T if transposed else x.T @ dz
        return dz.sum(axis=0).reshape(e.array.shape)

    dz = dy * slope
    if np.ptp(slope) > 1e-6 or abs(slope - 1).max() > 1e-6:
        yield "the slope of the activation is missing: dy must be multiplied by f′(z) first", of(dy)
        yield "the slope of the activation is applied twice", of(dz * slope)
        yield "the mask is where dy > 0: it must be where z > 0 in the forward pass", of(dy * (dy > 0))
        yield "the mask is where z > 0 and dy > 0: negative gradients must pass too", of(dz * (dy > 0))
        yield "multiplied by z once too many", of(dz * z)
        yield "multiplied by y once too many", of(dz * y)
        yield "y is used instead of the activation's slope", of(dy * y)
        yield "the upstream gradient dy is not used", of(slope)
        for text, values in renamed(z, y, "z", "y"):
            yield f"the slope of the activation is wrong: {text} is used", of(dy * values)
    if e.of_input or e.gradient.name == name:
        yield (
            "summed over the samples before the product: (Σ x)·(Σ dy) is not Σ x·dy",
            np.outer(x.sum(0), dz.sum(0)).reshape(e.array.shape)
            if not e.of_input and not transposed
            else of(0 * dz),
        )
        yield "only the sign of x is used", of(dz, x=np.sign(x))
        yield "y is used instead of x", of(dz, x=y) if y.shape == x.shape else of(0 * dz)
        if x.shape[0] != x.shape[1]:
            reshaped = np.ascontiguousarray(x.T).reshape(x.shape)
            yield "x is reshaped where it must be transposed", of(dz, x=reshaped)
            yield "x is reshaped where it must be transposed", of(dz, x=x.reshape(x.T.shape).T)
        if w.shape[0] != w.shape[1]:
            yield "the kernel is reshaped where it must be transposed", of(dz, w=w.reshape(w.T.shape).T)
            yield "the kernel is reshaped where it must be transposed", of(dz, w=w.T.copy().reshape(w.shape))

"""Recurrent layers and attention, recognized by their values; and their usual slips.

recurrent    h[t] = f(x[t]·wx + h[t−1]·wh + b)           f is tanh, a sigmoid or ReLU; h[−1] = 0
attention    a = softmax(q·kᵀ/√d);  y = a·v
             da = dy·vᵀ;  ds = a·(da − Σ da·a);  dq = ds·k/√d;  dk = dsᵀ·q/√d;  dv = aᵀ·dy
"""

from collections.abc import Callable
from itertools import permutations
from typing import NamedTuple

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.causes.softmax import softmax

Curve = Callable[[np.ndarray], np.ndarray]

FUNCTIONS: dict[str, tuple[Curve, Curve]] = {
    "tanh": (np.tanh, lambda h: 1 - h**2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda h: h * (1 - h)),
    "relu": (lambda z: np.maximum(z, 0), lambda h: (h > 0).astype(float)),
    "identity": (lambda z: z, lambda h: 0 * h + 1),
}

# a change in the loop of _gradients -> what the report says
OF_RECURRENT = {
    "assigned": "only one time step counts, the first: = is used instead of += in the loop over time steps",
    "not passed on": "the gradient is not passed on to the time step before: each step counts only for its own output",
    "not transposed": "the recurrent kernel is not transposed when the gradient goes to the time step before",
    "own state": "the state of the same time step is used, h[t]: dwh is Σ h[t−1]ᵀ·dz[t]",
    "slope before": "the slope is that of the state before, h[t−1]: dz[t] needs f′ at time step t",
    "no slope": "the slope of the activation is missing: dz = dh·f′(z)",
    "no slope back": "the slope of the activation is missing where the gradient goes back through time",
    "forward": "the loop over time steps runs forward: it must run from the last step to the first",
    "one step": "only the last time step counts: the gradient must go back through all time steps",
    "last dy": "only the last output's dy counts: each time step has a dy of its own",
    "averaged": "averaged over the time steps: a weight is used at every step, so its gradient is a sum",
}


class Recurrent(NamedTuple):
    """What was recognized, with x (time, sample, feature) and dy for each time step's state."""

    names: dict[str, str]
    x: np.ndarray
    wx: np.ndarray
    wh: np.ndarray
    states: list[np.ndarray]
    dy: list[np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    time_axis: int


def sequence_slips(e: Evidence) -> str | None:
    """Recognize a recurrent layer or attention; then compare the slips."""
    known = _recurrent(e)
    if known is not None:
        right = _gradients(known).get(e.gradient.name)
        if right is None or not e.is_right(right.reshape(e.array.shape)):
            return None
        return e.explained_by(
            (text, _gradients(known, slip)[e.gradient.name].reshape(e.array.shape))
            for slip, text in OF_RECURRENT.items()
        )
    return _attention(e)


def _recurrent(e: Evidence) -> Recurrent | None:
    x, *rest = e.arrays.items()
    square = [(name, w) for name, w in rest if w.ndim == 2 and w.shape[0] == w.shape[1]]
    if x[1].ndim not in (2, 3) or not square or len(rest) > 4:
        return None
    for (h_name, wh), time_axis in ((s, axis) for s in square for axis in range(x[1].ndim - 1)):
        steps = np.moveaxis(x[1], time_axis, 0)
        steps = steps if steps.ndim == 3 else steps[:, None]
        for x_name, wx in rest:
            if x_name == h_name or wx.ndim != 2 or wx.shape != (steps.shape[2], len(wh)):
                continue
            others = [(name, b) for name, b in rest if name not in (h_name, x_name)]
            bias = [(name, b) for name, b in others if b.size == len(wh)]
            start = [(name, b) for name, b in others if b.shape == (steps.shape[1], len(wh))]
            if len(others) > 2 or len(bias[:1]) + len(start) < len(others):
                continue
            b = bias[0][1].reshape(-1) if bias else np.zeros(len(wh))
            for f, slope in FUNCTIONS.values():
                states = [
                    start[0][1] if start and start[0] not in bias[:1] else np.zeros((steps.shape[1], len(wh)))
                ]
                for step in steps:
                    states.append(f(step @ wx + states[-1] @ wh + b))
                whole = np.moveaxis(np.stack(states[1:]), 0, min(time_axis, 1))
                zero = [np.zeros_like(states[0])] * (len(steps) - 1)
                if e.y.size == states[-1].size and np.allclose(e.y.ravel(), states[-1].ravel()):
                    dy = [*zero, e.dy.reshape(states[-1].shape)]
                elif e.y.size == whole.size and np.allclose(e.y.ravel(), whole.ravel()):
                    dy = list(np.moveaxis(e.dy.reshape(whole.shape), min(time_axis, 1), 0))
                else:
                    continue
                names = {"x": x[0], "wx": x_name, "wh": h_name, "b": bias[0][0] if bias else ""}
                return Recurrent(names, steps, wx, wh, states, dy, slope, time_axis)
    return None


def _gradients(k: Recurrent, slip: str = "") -> dict[str, np.ndarray]:
    dx, dwx, dwh, db = np.zeros(k.x.shape), np.zeros(k.wx.shape), np.zeros(k.wh.shape), np.zeros(len(k.wh))
    steps = range(len(k.x))
    back = 0 * k.states[0]
    for t in steps if slip == "forward" else reversed(steps):
        last = t == steps[-1]
        dh = back if slip == "last dy" and not last else k.dy[t] + back
        slope = k.slope(k.states[t if slip == "slope before" else t + 1])
        dz = dh if slip == "no slope" else dh * slope
        state = k.states[t + 1 if slip == "own state" else t]
        if slip == "assigned":
            dwx, dwh, db = 0 * dwx, 0 * dwh, 0 * db
        dwx, dwh, db = dwx + k.x[t].T @ dz, dwh + state.T @ dz, db + dz.sum(axis=0)
        dx[t] = dz @ k.wx.T
        back = (dh if slip == "no slope back" else dz) @ (k.wh if slip == "not transposed" else k.wh.T)
        if slip == "not passed on":
            back = 0 * back
        if slip == "one step":
            break
    if slip == "averaged":
        dwx, dwh, db = dwx / len(k.x), dwh / len(k.x), db / len(k.x)
    dx = np.moveaxis(dx, 0, k.time_axis)
    return {k.names["x"]: dx, k.names["wx"]: dwx, k.names["wh"]: dwh, k.names["b"]: db}


def _attention(e: Evidence) -> str | None:
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

"""Is a hand-written gradient right? Ask the function itself, by the complex step.

For an analytic function f and a tiny real h,

    f(x + i·h) = f(x) + i·h·f'(x) − h²/2·f''(x) − …      so      f'(x) = Im f(x + i·h) / h + O(h²)

Nothing is subtracted, so nothing cancels: with h = 1e-30 the result is exact to the last digit of float64, where a
finite difference (f(x + h) − f(x − h)) / 2h keeps half of the digits. Every decision in the reference operations
(which side of zero ReLU is on, which pixel wins the pool) is taken on the real part, which the step does not move:
the check never crosses a kink.

Source: Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40 (1998).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minicnn import ops, random
from minicnn.layers.base import Layer

STEP = 1e-30


def complex_step(
    function: Callable[..., np.ndarray], arrays: Mapping[str, np.ndarray], dy: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the gradient of ``sum(dy * function(**arrays))`` with respect to every entry of every array.

    Args:
        function: called with each array as a keyword; returns y, of dy's shape. Must accept complex arrays.
        arrays: name -> float64 array, the points at which to differentiate.
        dy: the upstream gradient. Take it at random: an all-ones dy hides errors (of batch norm, all of them).

    Returns:
        name -> gradient, of the array's shape, exact to rounding.
    """
    gradients = {}
    for name, array in arrays.items():
        gradient = np.empty(array.shape)
        for entry in np.ndindex(array.shape):
            nudged = array.astype(complex)
            nudged[entry] += 1j * STEP
            gradient[entry] = np.sum(dy * np.imag(function(**{**arrays, name: nudged}))) / STEP
        gradients[name] = gradient
    return gradients


def worst_error(analytic: np.ndarray, exact: np.ndarray) -> float:
    """Return the largest difference between two arrays of one shape, relative to the largest entry of either (or 1)."""
    if analytic.shape != exact.shape:
        raise ValueError(f"analytic has shape {analytic.shape}, expected {exact.shape}")
    if exact.size == 0:
        return 0.0
    scale = max(np.abs(analytic).max(), np.abs(exact).max(), 1.0)
    return float(np.abs(analytic - exact).max() / scale)


def check_layer(layer: Layer, x: np.ndarray, training: bool = True, seed: int = 0) -> dict[str, float]:
    """Return the worst error of a layer's backward pass: for "x", and for each trainable weight by its path.

    Every entry of every gradient is compared with the complex step, for a random upstream gradient. The layer runs on
    the reference operations, in float64; random layers (dropout, augmentation) draw the same numbers each time.

    Args:
        layer: any layer, built or not; its weights are left as they were.
        x: float64 input, with the batch's axis.
        training: whether it runs as in training.
        seed: of the upstream gradient.
    """
    with ops.use("reference"):
        layer(x, training)  # builds it
        states = [random.state(generator) for generator in layer.generators]
        weights = {weight.path: weight for weight in layer.trainable_weights}
        values = {path: weight.value for path, weight in weights.items()}

        def run(**arrays: np.ndarray) -> np.ndarray:
            for generator, state in zip(layer.generators, states):
                random.restore(generator, state)
            for path, weight in weights.items():
                weight.value = arrays[path]
            return layer.forward(arrays["x"], training)

        arrays = {"x": x, **values}
        y = run(**arrays)
        dy = np.random.default_rng(seed).standard_normal(y.shape)
        analytic: dict[str, Any] = {"x": layer.backward(dy)}
        analytic |= {path: weight.grad for path, weight in weights.items()}
        try:
            exact = complex_step(run, arrays, dy)
        finally:
            for path, weight in weights.items():
                weight.value = values[path]
    return {name: worst_error(analytic[name], exact[name]) for name in exact}

"""The temperature of a network: one number that makes its confidence as high as its accuracy.

    q = softmax(z / T) = p^(1/T) / Σ p^(1/T)      where p = softmax(z)

T > 1 lowers the confidence, T < 1 raises it. The order of the classes stays, so the accuracy does too. T is the one for
which the labels of faces that did not train the network are most probable: with l = ln p and b = 1/T,

    L(b) = mean of ln Σ_k e^(b·l_k) − b·l_y         is convex in b
    L'(b) = mean of Σ_k q_k·l_k − l_y               is 0 at its lowest point, which is found by halving
    L''(b) = mean of the variance of l under q      so b has the standard error 1/√(N·L''(b))

It is fitted for each way of prediction (views.py), because means are less confident, and saved with the model:
``metadata["temperature"] = {"none": 0.96, "flip": 0.92, "shifts": 0.91}``. ``python -m fer.calibrate`` does that.

Source: Guo et al., "On Calibration of Modern Neural Networks", arXiv:1706.04599.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from fer.errors import BadInput
from fer.networks.views import TTA
from minicnn.saving import shown

LOWEST, HIGHEST = 0.05, 20.0  # temperatures
LEAST_FACES = 50  # with fewer, the temperature is mostly chance


def applied(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities (N, classes) at another temperature than 1."""
    if temperature == 1:
        return probabilities
    # of the largest in each row, so that no power is 0 for all classes
    powers = (probabilities / probabilities.max(axis=1, keepdims=True)) ** (1 / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the temperature for which the labels (N,) are most probable, and its standard error.

    Args:
        probabilities: (N, classes), at temperature 1.
        labels: (N,).

    Raises:
        BadInput: there are too few faces, or the labels are the more probable the higher (or the lower) the
            confidence is.
    """
    if len(labels) < LEAST_FACES:
        raise BadInput(
            f"{len(labels)} faces are too few to fit a temperature: expected {LEAST_FACES} or more"
        )
    logs = np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float64).tiny))
    own = logs[np.arange(len(labels)), labels]
    low, high = math.log(1 / HIGHEST), math.log(1 / LOWEST)  # of ln b
    for _ in range(60):
        middle = (low + high) / 2
        shares = _softmax(math.exp(middle) * logs)
        slope = float(((shares * logs).sum(axis=1) - own).mean())
        low, high = (low, middle) if slope > 0 else (middle, high)
    temperature = math.exp(-low)
    if not LOWEST * 1.001 < temperature < HIGHEST / 1.001:
        raise BadInput(
            f"no temperature from {LOWEST} to {HIGHEST} fits these {len(labels)} faces: "
            f"{(probabilities.argmax(axis=1) == labels).mean():.0%} of the predictions are right; give more faces"
        )
    means = (shares * logs).sum(axis=1, keepdims=True)
    curvature = float((shares * (logs - means) ** 2).sum(axis=1).mean())
    return temperature, temperature**2 / math.sqrt(len(labels) * curvature)


def of(metadata: Mapping[str, Any], tta: str) -> float:
    """Return the temperature that is saved with a network for this way of prediction; 1 if there is none.

    Raises:
        BadInput: what is saved is no temperature.
    """
    saved = metadata.get("temperature", {})
    if not isinstance(saved, Mapping) or not all(
        name in TTA and isinstance(value, float | int) and LOWEST <= value <= HIGHEST
        for name, value in saved.items()
    ):
        raise BadInput(
            f"the network's temperature is {shown(saved)}; expected a number from {LOWEST} to {HIGHEST} for each of "
            f"{', '.join(TTA)}"
        )
    return float(saved.get(tta, 1.0))


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))

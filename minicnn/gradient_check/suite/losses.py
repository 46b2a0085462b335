"""Every loss and every regularizer: how to draw one and its arguments."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minicnn import losses, regularizers
from minicnn.gradient_check.suite.draw import Draw


@dataclass(frozen=True)
class LossCase:
    """A loss, targets and predictions for it, and weights of the samples (or None)."""

    loss: losses.Loss
    y_true: np.ndarray
    y_pred: np.ndarray
    sample_weight: np.ndarray | None


def _weighted(draw: Draw, loss: losses.Loss, y_true: np.ndarray, y_pred: np.ndarray) -> LossCase:
    weights = draw.rng().uniform(0, 2, len(y_pred)) * draw.integer(0, 4) if draw.boolean() else None
    return LossCase(loss, y_true, y_pred, weights)


def _scores(draw: Draw, shape: tuple[int, int]) -> np.ndarray:
    return draw.array(shape, ["normal", "zero", "large"])


def _one_hot(draw: Draw, shape: tuple[int, int]) -> np.ndarray:
    return np.eye(shape[1])[draw.rng().integers(shape[1], size=shape[0])]


def _shape(draw: Draw) -> tuple[int, int]:
    return draw.integer(1, 4), draw.integer(2, 6)


def _options(draw: Draw) -> dict:
    return {
        "from_logits": draw.boolean(),
        "label_smoothing": draw.choice([0.0, 0.1]),
        "reduction": draw.choice(losses.REDUCTIONS),
    }


def _categorical(draw: Draw) -> LossCase:
    options, shape = _options(draw), _shape(draw)
    y_true = _one_hot(draw, shape)
    if draw.boolean():  # targets with several classes
        y_true = draw.rng().dirichlet(np.ones(shape[1]), shape[0])
    scores = _scores(draw, shape) if options["from_logits"] else draw.rng().uniform(0.05, 1, shape)
    return _weighted(draw, losses.CategoricalCrossentropy(**options), y_true, scores)


def _sparse_categorical(draw: Draw) -> LossCase:
    options, shape = _options(draw), _shape(draw)
    y_true = draw.rng().integers(shape[1], size=shape[0])
    scores = _scores(draw, shape) if options["from_logits"] else draw.rng().uniform(0.05, 1, shape)
    return _weighted(draw, losses.SparseCategoricalCrossentropy(**options), y_true, scores)


def _binary(draw: Draw) -> LossCase:
    options, shape = _options(draw), _shape(draw)
    y_true = draw.rng().integers(0, 2, shape).astype(float)
    # Some are below 0, where they are clipped and the gradient is 0. None is near 1: float32 is too coarse.
    scores = _scores(draw, shape) if options["from_logits"] else draw.rng().uniform(-0.05, 0.97, shape)
    return _weighted(draw, losses.BinaryCrossentropy(**options), y_true, scores)


def _squared_error(draw: Draw) -> LossCase:
    shape = _shape(draw)
    loss = losses.MeanSquaredError(draw.choice(losses.REDUCTIONS))
    return _weighted(draw, loss, draw.moderate(shape), draw.moderate(shape))


def _absolute_error(draw: Draw) -> LossCase:
    shape = _shape(draw)
    loss = losses.MeanAbsoluteError(draw.choice(losses.REDUCTIONS))
    # numbers that float32 has: else two that differ by 1e-9 are equal there, and the slope is 0
    y_true, y_pred = (draw.moderate(shape).astype(np.float32).astype(float) for _ in range(2))
    return _weighted(draw, loss, y_true, y_pred)


def _huber(draw: Draw) -> LossCase:
    shape = _shape(draw)
    loss = losses.Huber(draw.choice([0.5, 1.0, 2.0]), draw.choice(losses.REDUCTIONS))
    return _weighted(draw, loss, draw.moderate(shape), draw.moderate(shape))


def _divergence(draw: Draw) -> LossCase:
    shape = _shape(draw)
    y_true = draw.rng().dirichlet(np.ones(shape[1]), shape[0])
    loss = losses.KLDivergence(draw.choice(losses.REDUCTIONS))
    return _weighted(draw, loss, y_true, draw.rng().uniform(0.05, 0.97, shape))


def _categorical_focal(draw: Draw) -> LossCase:
    case = _categorical(draw)
    options = {key: getattr(case.loss, key) for key in ("from_logits", "label_smoothing", "reduction")}
    one_each = [draw.rng().uniform(0.1, 1) for _ in range(case.y_pred.shape[1])]
    alpha = one_each if draw.boolean() else 0.25
    loss = losses.CategoricalFocalCrossentropy(alpha, draw.choice([0.0, 1.0, 1.5, 2.0]), **options)
    return LossCase(loss, case.y_true, case.y_pred, case.sample_weight)


def _binary_focal(draw: Draw) -> LossCase:
    case = _binary(draw)
    options = {key: getattr(case.loss, key) for key in ("from_logits", "label_smoothing", "reduction")}
    gamma = draw.choice([0.0, 1.0, 1.5, 2.0])
    loss = losses.BinaryFocalCrossentropy(draw.boolean(), draw.choice([0.25, 0.7]), gamma, **options)
    return LossCase(loss, case.y_true, case.y_pred, case.sample_weight)


def _hinge(draw: Draw) -> LossCase:
    shape = _shape(draw)
    loss = losses.CategoricalHinge(draw.choice(losses.REDUCTIONS))
    return _weighted(draw, loss, _one_hot(draw, shape), draw.moderate(shape))


LOSSES: dict[type[losses.Loss], Callable[[Draw], LossCase]] = {
    losses.CategoricalCrossentropy: _categorical,
    losses.SparseCategoricalCrossentropy: _sparse_categorical,
    losses.BinaryCrossentropy: _binary,
    losses.MeanSquaredError: _squared_error,
    losses.MeanAbsoluteError: _absolute_error,
    losses.CategoricalHinge: _hinge,
    losses.Huber: _huber,
    losses.KLDivergence: _divergence,
    losses.CategoricalFocalCrossentropy: _categorical_focal,
    losses.BinaryFocalCrossentropy: _binary_focal,
}


def _factor(draw: Draw) -> float:
    return draw.choice([0.0, 0.01, 2.5])


REGULARIZERS: dict[type[regularizers.Regularizer], Callable[[Draw], regularizers.Regularizer]] = {
    regularizers.L1: lambda draw: regularizers.L1(_factor(draw)),
    regularizers.L2: lambda draw: regularizers.L2(_factor(draw)),
    regularizers.L1L2: lambda draw: regularizers.L1L2(_factor(draw), _factor(draw)),
}

"""Losses as metrics: reported, not minimised. They are those of minicnn.losses, without the regularisers.

As in Keras, probabilities count as no nearer to 0 and 1 than 1e-7. (In a loss they do not, since its gradient would
be lost there.)
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn import losses
from minicnn._base import keras_errors
from minicnn.metrics.base import MeanMetricWrapper


def _clipped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a cross-entropy whose probabilities are kept in [1e-7, 1 − 1e-7]; rows made to sum to 1 before that."""

    @functools.wraps(function)
    def values(y_true: Any, y_pred: Any, from_logits: bool = False, **options: Any) -> Any:
        p = np.asarray(y_pred)
        if not from_logits:
            whole = 1 if function is losses.binary_crossentropy else p.sum(-1, keepdims=True)
            p = np.clip(p / whole, losses.EPSILON, 1 - losses.EPSILON)
        return function(y_true, p, from_logits=from_logits, **options)

    return values


class _Loss(MeanMetricWrapper):
    direction = "down"
    function: Callable[..., Any]

    def __init__(self, name: str | None, dtype: Any, others: dict[str, Any], **arguments: Any) -> None:
        keras_errors.check_arguments("metric", type(self), others)
        super().__init__(type(self).function, name, dtype, **arguments)


class MeanSquaredError(_Loss):
    """The mean of losses.mean_squared_error."""

    function = staticmethod(losses.mean_squared_error)

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None, **others: Any) -> None:
        super().__init__(name, dtype, others)


class MeanAbsoluteError(_Loss):
    """The mean of losses.mean_absolute_error."""

    function = staticmethod(losses.mean_absolute_error)

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None, **others: Any) -> None:
        super().__init__(name, dtype, others)


class KLDivergence(_Loss):
    """The mean of losses.kl_divergence."""

    function = staticmethod(losses.kl_divergence)

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None, **others: Any) -> None:
        super().__init__(name, dtype, others)


class BinaryCrossentropy(_Loss):
    """The mean of losses.binary_crossentropy."""

    function = staticmethod(_clipped(losses.binary_crossentropy))

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        **others: Any,
    ) -> None:
        super().__init__(name, dtype, others, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(BinaryCrossentropy):
    """The mean of losses.categorical_crossentropy."""

    function = staticmethod(_clipped(losses.categorical_crossentropy))


class SparseCategoricalCrossentropy(_Loss):
    """The mean of losses.sparse_categorical_crossentropy."""

    function = staticmethod(_clipped(losses.sparse_categorical_crossentropy))

    def __init__(
        self, name: str | None = None, dtype: Any = None, from_logits: bool = False, **others: Any
    ) -> None:
        super().__init__(name, dtype, others, from_logits=from_logits)

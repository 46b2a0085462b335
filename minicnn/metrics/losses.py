"""Losses as metrics: reported, not minimised. They are those of minicnn.losses, without the regularisers."""

from collections.abc import Callable
from typing import Any

from minicnn import losses
from minicnn._base import keras_errors
from minicnn.metrics.base import MeanMetricWrapper


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


class BinaryCrossentropy(_Loss):
    """The mean of losses.binary_crossentropy."""

    function = staticmethod(losses.binary_crossentropy)

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

    function = staticmethod(losses.categorical_crossentropy)


class SparseCategoricalCrossentropy(_Loss):
    """The mean of losses.sparse_categorical_crossentropy."""

    function = staticmethod(losses.sparse_categorical_crossentropy)

    def __init__(
        self, name: str | None = None, dtype: Any = None, from_logits: bool = False, **others: Any
    ) -> None:
        super().__init__(name, dtype, others, from_logits=from_logits)

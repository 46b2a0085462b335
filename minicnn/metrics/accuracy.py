"""The share of predictions that are right.

    CategoricalAccuracy          argmax y_true = argmax y_pred           y_true one-hot (N, K)
    SparseCategoricalAccuracy    y_true = argmax y_pred                  y_true class numbers (N,) or (N, 1)
    BinaryAccuracy               y_true = (y_pred > threshold)           0 or 1, any shape
    TopK…                        fewer than k classes have a higher score than the true one

Predictions (N, K), or (N, …, K) for maps with a class for each pixel, may be probabilities or logits; binary ones
are probabilities unless the threshold is 0.
"""

import math
from typing import Any

import numpy as np

from minicnn._base import keras_errors
from minicnn.metrics.base import MeanMetricWrapper


class Accuracy(MeanMetricWrapper):
    """How often y_pred equals y_true."""

    def __init__(self, name: str = "accuracy", dtype: Any = None) -> None:
        super().__init__(_equal, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often y_pred, above ``threshold`` or not, equals y_true, 1 or 0."""

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the highest score is that of the true class, given one-hot."""

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the highest score is that of the true class, given as a number."""

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the true class, given one-hot, is among the ``k`` highest scores."""

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the true class, given as a number, is among the ``k`` highest scores."""

    def __init__(
        self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy", dtype: Any = None, **others: Any
    ) -> None:
        keras_errors.check_arguments("metric", type(self), others)
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k)


def class_numbers(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Return sparse targets (N,) or (N, 1) as integers (N,); for maps (N, …) or (N, …, 1) as (N, …).

    Raises:
        ValueError: there is not one for each prediction.
    """
    rows = y_pred.shape[:-1]
    if y_true.size != math.prod(rows) or (len(rows) > 1 and y_true.shape not in (rows, (*rows, 1))):
        raise ValueError(
            f"y_true of shape {y_true.shape} for y_pred of shape {y_pred.shape}: expected {rows}, "
            "a class number for each row of scores; for one-hot targets use the metric without 'Sparse'"
        )
    return y_true.reshape(rows).astype(np.int64)


def in_columns(y_true: Any, y_pred: Any) -> np.ndarray:
    """Return the predictions; as a column (N, 1) if the targets are one."""
    y_pred = np.asarray(y_pred)
    return y_pred[:, None] if y_pred.ndim == 1 and np.shape(y_true) == (len(y_pred), 1) else y_pred


def _equal(y_true: np.ndarray, y_pred: np.ndarray) -> Any:
    y_pred = in_columns(y_true, y_pred)
    return _alike(y_true, y_pred) == y_pred


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> np.ndarray:
    """Return where y_pred, above ``threshold`` or not, equals y_true, 1 or 0: of their shape."""
    y_true, y_pred = np.asarray(y_true), in_columns(y_true, y_pred)
    return _alike(y_true, y_pred) == (y_pred > threshold)


def categorical_accuracy(y_true: Any, y_pred: Any) -> np.ndarray:
    """Return for each sample whether its highest score is that of the true class, given one-hot: (N,)."""
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    return sparse_categorical_accuracy(np.argmax(_alike(y_true, y_pred), axis=-1), y_pred)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> np.ndarray:
    """Return for each sample whether its highest score is that of the true class, given as a number: (N,)."""
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    return class_numbers(y_true, y_pred) == np.argmax(y_pred, axis=-1)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> np.ndarray:
    """Return for each sample whether the true class, given one-hot, is among the ``k`` highest: (N,)."""
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    return sparse_top_k_categorical_accuracy(np.argmax(_alike(y_true, y_pred), axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> np.ndarray:
    """Return for each sample whether the true class, given as a number, is among the ``k`` highest: (N,)."""
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    scores = np.take_along_axis(y_pred, class_numbers(y_true, y_pred)[..., None], axis=-1)  # (N, 1)
    return (np.sum(y_pred > scores, axis=-1) < k) & np.isfinite(scores[..., 0])


def _alike(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Return y_true in the shape of y_pred: (N,) and (N, 1) are the same thing."""
    if y_true.shape == y_pred.shape:
        return y_true
    if y_true.size != y_pred.size or len(y_true) != len(y_pred):
        raise ValueError(
            f"y_true of shape {y_true.shape} for y_pred of shape {y_pred.shape}: expected the same shape"
        )
    return y_true.reshape(y_pred.shape)

"""Precision, recall and F1: ratios of the counts of right and wrong positives.

    precision = TP / (TP + FP)      the share of the samples called positive that are positive
    recall    = TP / (TP + FN)      the share of the positive samples that are called positive
    F1        = 2·TP / (2·TP + FP + FN)      their harmonic mean

Targets are 0/1 of the predictions' shape (one-hot for classes), or class numbers (N,) for predictions (N, K).
Errors in a rare class hardly change the accuracy; they change the recall of the class.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minicnn._base.registry import arguments_of
from minicnn.metrics.accuracy import class_numbers, in_columns
from minicnn.metrics.base import Metric, ratio, weights_of_entries

Thresholds = float | Sequence[float] | None
AVERAGES = (None, "micro", "macro", "weighted")


class Counts(Metric):
    """Base class: weighted numbers of right and wrong positives and negatives."""

    def reset_state(self) -> None:
        """Start again, without batches."""
        self.true_positives: Any = 0.0
        self.false_positives: Any = 0.0
        self.true_negatives: Any = 0.0
        self.false_negatives: Any = 0.0

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON-able values."""
        return super().get_config() | arguments_of(self)

    def _count(self, positive: np.ndarray, called: np.ndarray, weights: np.ndarray) -> None:
        """Add a batch: what is positive and what was called so, (N, …), and the weights, which broadcast to
        these; sums go over the samples.
        """
        self.true_positives = self.true_positives + np.sum(weights * (positive & called), axis=0)
        self.false_positives = self.false_positives + np.sum(weights * (~positive & called), axis=0)
        self.true_negatives = self.true_negatives + np.sum(weights * (~positive & ~called), axis=0)
        self.false_negatives = self.false_negatives + np.sum(weights * (positive & ~called), axis=0)


class Precision(Counts):
    """The share of the samples called positive that are positive.

    Args:
        thresholds: predictions above it are called positive; 0.5 by default. A list gives a result for each.
        top_k: call the k highest scores of each sample positive, and no others.
        class_id: count this class only.
        name: by default "precision".
    """

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, dtype)
        self.thresholds: Any = thresholds
        self.top_k, self.class_id = top_k, class_id

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: y_pred (N, K) or (N,), y_true alike or class numbers."""
        y_pred = in_columns(y_true, y_pred)
        positive = indicators(y_true, y_pred)
        default = 0.5 if self.top_k is None else -np.inf
        thresholds = np.atleast_1d(default if self.thresholds is None else self.thresholds)
        called = y_pred[..., None] > thresholds  # (N, K, T)
        if self.top_k is not None:
            rank = np.argsort(np.argsort(-y_pred, axis=-1, kind="stable"), axis=-1)  # 0 for the highest
            called &= (rank < self.top_k)[..., None]
        if self.class_id is not None:
            positive, called = positive[:, [self.class_id]], called[:, [self.class_id]]
        weights = weights_of_entries(sample_weight, positive.shape)
        flat = (len(y_pred), math.prod(positive.shape[1:]))
        positive, weights = positive.reshape(*flat, 1), weights.reshape(*flat, 1)
        self._count(positive, called.reshape(*flat, -1), weights)

    def result(self) -> Any:
        """Return TP / (TP + FP): a float, or an array for a list of thresholds."""
        return self._of_thresholds(self.false_positives)

    def _of_thresholds(self, wrong: Any) -> Any:
        right = np.sum(self.true_positives, axis=0)
        shares = ratio(right, right + np.sum(wrong, axis=0))
        return shares if np.ndim(self.thresholds) else float(np.sum(shares))


class Recall(Precision):
    """The share of the positive samples that are called positive. Arguments as for :class:`Precision`."""

    def result(self) -> Any:
        """Return TP / (TP + FN): a float, or an array for a list of thresholds."""
        return self._of_thresholds(self.false_negatives)


class TruePositives(Precision):
    """How many positives were called positive. Arguments as for :class:`Precision`."""

    count = "true_positives"

    def __init__(self, thresholds: Thresholds = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, name=name, dtype=dtype)

    def result(self) -> Any:
        """Return the number: a float, or an array for a list of thresholds."""
        numbers = np.sum(getattr(self, self.count), axis=0)
        return numbers if np.ndim(self.thresholds) else float(np.sum(numbers))


class FalsePositives(TruePositives):
    """How many negatives were called positive."""

    count = "false_positives"


class TrueNegatives(TruePositives):
    """How many negatives were not called positive."""

    count = "true_negatives"


class FalseNegatives(TruePositives):
    """How many positives were missed."""

    count = "false_negatives"


class F1Score(Counts):
    """The harmonic mean of precision and recall, class by class.

    Args:
        average: None for an array with the score of each class; "macro" for their mean, "weighted" for their
            mean by the number of samples of each class; "micro" for the score of the counts summed over
            classes.
        threshold: scores above it are called positive; by default the highest score of each sample.
        name: by default "f1_score".

    Raises:
        ValueError: there is no such average, or the threshold is not in (0, 1].
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        if average not in AVERAGES:
            raise ValueError(f"average={average!r}: expected one of {AVERAGES}")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"threshold={threshold!r}: expected a number above 0 and up to 1, or None")
        super().__init__(name, dtype)
        self.average, self.threshold = average, threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: y_pred (N, K), y_true one-hot (N, K) or class numbers (N,)."""
        y_pred = np.asarray(y_pred)
        if y_pred.ndim != 2:
            raise ValueError(f"y_pred of shape {y_pred.shape}: expected (samples, classes)")
        if self.threshold is not None:
            called = y_pred > self.threshold
        else:
            # as in Keras: classes that tie are all called, and a row of zeros calls none
            called = (y_pred >= y_pred.max(axis=-1, keepdims=True)) & (np.abs(y_pred) > 1e-9)
        if sample_weight is not None and np.ndim(sample_weight) != 1:
            raise ValueError(
                f"sample_weight of shape {np.shape(sample_weight)}: expected ({len(y_pred)},), one a sample"
            )
        weights = weights_of_entries(sample_weight, (len(y_pred), 1))
        self._count(indicators(y_true, y_pred), called, weights)

    def result(self) -> Any:
        """Return a float, or with ``average=None`` an array of one score for each class."""
        right, wrong = self.true_positives, self.false_positives + self.false_negatives
        if self.average == "micro":
            right, wrong = np.sum(right), np.sum(wrong)
        scores = ratio(2 * right, 2 * right + wrong)
        if self.average == "macro":
            return float(np.mean(scores))
        if self.average == "weighted":
            support = self.true_positives + self.false_negatives
            return ratio(np.sum(scores * support), np.sum(support))
        return scores


def indicators(y_true: Any, y_pred: np.ndarray) -> np.ndarray:
    """Return where the targets are positive, of y_pred's shape; class numbers become one-hot rows."""
    y_true = np.asarray(y_true)
    if y_true.shape == y_pred.shape:
        return y_true.astype(bool)
    if y_true.size == y_pred.size and len(y_true) == len(y_pred):
        return y_true.reshape(y_pred.shape).astype(bool)
    return class_numbers(y_true, y_pred)[..., None] == np.arange(y_pred.shape[-1])

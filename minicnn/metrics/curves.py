"""The area under the ROC or PR curve, whose points belong to thresholds from 0 to 1, as Keras computes it.

    ROC     y = TP / (TP + FN), recall        x = FP / (FP + TN), the share of negatives that are called positive
    PR      y = TP / (TP + FP), precision     x = recall

The ROC curve's area is that of the trapezia between neighbouring thresholds. Between two points of a PR
curve, TP and P = TP + FP are linear, not the precision; with the slope s = ΔTP / ΔP and the intercept b = TP
− s·P of the line

    ∫ precision dTP = s · ∫ TP / P dP = s · ∫ s + b / P dP = s · (ΔTP + b · ln(P_b / P_a))

0.5 is chance for ROC; for PR it is the share of positives. Source: Davis and Goadrich, "The relationship
between precision-recall and ROC curves" (2006).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minicnn.metrics.accuracy import in_columns
from minicnn.metrics.base import ratio, weights_of_entries
from minicnn.metrics.counts import Counts, indicators

CURVES = ("ROC", "PR")
EPSILON = 1e-7  # Keras's: the distance of the first and last threshold from 0 and 1


class AUC(Counts):
    """The area under the ROC or the PR curve.

    Args:
        num_thresholds: their number, evenly spaced from 0 to 1.
        curve: "ROC" or "PR".
        name: by default "auc".
        thresholds: those between 0 and 1, in place of evenly spaced ones.
        multi_label: the mean of an area for each class; otherwise one area of all entries.
        others: for the error message: minicnn._base.keras_errors.

    Raises:
        ValueError: there is no such curve, or there are less than two thresholds.
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        **others: Any,
    ) -> None:
        if curve not in CURVES:
            raise ValueError(f"curve={curve!r}: expected one of {', '.join(CURVES)}")
        if num_thresholds < 2:
            raise ValueError(f"num_thresholds={num_thresholds!r}: expected an integer from 2")
        super().__init__(name, dtype, **others)
        self.num_thresholds, self.curve, self.multi_label = num_thresholds, curve, multi_label
        self.thresholds = None if thresholds is None else [float(one) for one in thresholds]
        inner = np.linspace(0, 1, num_thresholds)[1:-1] if thresholds is None else np.sort(thresholds)
        self._levels = np.array([-EPSILON, *inner, 1 + EPSILON])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: y_pred (N, K) or (N,), y_true alike or class numbers."""
        y_pred = in_columns(y_true, y_pred)
        flat = (len(y_pred), math.prod(y_pred.shape[1:]), 1)
        positive = indicators(y_true, y_pred).reshape(flat)
        called = y_pred.reshape(flat) > self._levels  # (N, K, T)
        self._count(positive, called, weights_of_entries(sample_weight, y_pred.shape).reshape(flat))

    def result(self) -> float:
        """Return the area so far."""
        if np.ndim(self.true_positives) == 0:
            return 0.0
        counts = (self.true_positives, self.false_positives, self.true_negatives, self.false_negatives)
        if not self.multi_label:
            counts = tuple(count.sum(axis=0, keepdims=True) for count in counts)
        area = _roc if self.curve == "ROC" else _precision_recall
        return float(np.mean(area(*counts)))


def _roc(tp: np.ndarray, fp: np.ndarray, tn: np.ndarray, fn: np.ndarray) -> np.ndarray:
    recall, false_alarms = ratio(tp, tp + fn), ratio(fp, fp + tn)  # (K, T), both fall with the threshold
    heights = (recall[:, :-1] + recall[:, 1:]) / 2
    return np.sum(-np.diff(false_alarms, axis=1) * heights, axis=1)


def _precision_recall(tp: np.ndarray, fp: np.ndarray, tn: np.ndarray, fn: np.ndarray) -> np.ndarray:
    called = tp + fp
    slope = ratio(-np.diff(tp, axis=1), -np.diff(called, axis=1))
    intercept = tp[:, 1:] - slope * called[:, 1:]
    both = (called[:, :-1] > 0) & (called[:, 1:] > 0)
    growth = np.where(both, ratio(called[:, :-1], called[:, 1:]), 1)
    areas = slope * (-np.diff(tp, axis=1) + intercept * np.log(growth))
    return np.sum(ratio(areas, (tp + fn)[:, 1:]), axis=1)

"""How good are predictions? The figures of one split, from its labels and the probabilities predicted for them.

Precision, recall and F1 of each emotion and their averages are `minicnn.metrics`'. Beside them stand the accuracy with
its standard error, √(accuracy·(1 − accuracy) / N), the share of faces whose emotion is among the two most probable, and
the confusion matrix, whose row is the true emotion and whose column the predicted one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fer.emotions import EMOTIONS
from minicnn import metrics


@dataclass(frozen=True)
class Report:
    """The figures of one split.

    Attributes:
        scores: precision, recall, F1 and support of each emotion, their averages, and the accuracy.
        confusion: (7, 7) int, row = true emotion, column = predicted.
        top2: the share of faces whose emotion is first or second.
    """

    scores: metrics.ClassificationReport
    confusion: np.ndarray
    top2: float

    @property
    def samples(self) -> int:
        """The number of faces."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """The share of faces whose emotion is the most probable one."""
        return self.scores.accuracy

    @property
    def standard_error(self) -> float:
        """How far the accuracy may be off by the choice of the faces alone: one standard deviation."""
        return float(np.sqrt(self.accuracy * (1 - self.accuracy) / self.samples))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-able values."""
        return {
            "samples": self.samples,
            "standard_error": self.standard_error,
            "top2_accuracy": self.top2,
            **self.scores.to_dict(),
            "confusion_matrix": self.confusion.tolist(),
        }

    def to_text(self, title: str) -> str:
        """Return a table to read."""
        return f"{title}\n\n{self.scores}\n\naccuracy  {self}\ntop-2     {self.top2:.2%}\n"

    def confusion_csv(self) -> str:
        """Return the confusion matrix as CSV: a row for each true emotion, a column for each predicted."""
        rows = [
            ["true \\ predicted", *EMOTIONS],
            *([name, *row] for name, row in zip(EMOTIONS, self.confusion)),
        ]
        return "".join(",".join(map(str, row)) + "\n" for row in rows)

    def __str__(self) -> str:
        """Return the accuracy with its standard error: "61.23% ± 0.81% (3589 faces)"."""
        return f"{self.accuracy:.2%} ± {self.standard_error:.2%} ({self.samples} faces)"


def measure(labels: np.ndarray, probabilities: np.ndarray) -> Report:
    """Return the figures for labels (N,) and the probabilities predicted for them, (N, 7).

    Raises:
        ValueError: the shapes do not fit, or there is no sample.
    """
    classes = len(EMOTIONS)
    if len(labels) == 0 or probabilities.shape != (len(labels), classes):
        raise ValueError(
            f"probabilities has shape {probabilities.shape} for {len(labels)} labels, expected (N, {classes})"
        )
    # A stable sort: of equal probabilities the first class leads, as in argmax.
    best_two = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return Report(
        scores=metrics.classification_report(labels, probabilities, EMOTIONS),
        confusion=metrics.confusion_matrix(labels, probabilities, classes),
        top2=float((best_two == labels[:, None]).any(axis=1).mean()),
    )

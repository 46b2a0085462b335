"""How good are predictions? Numbers from the labels and the probabilities of a split, and a table of them.

From the confusion matrix C, C[t, p] = how many faces of emotion t were taken for p:

    accuracy    Σ C[k,k] / N,  with the standard error √(accuracy·(1 − accuracy) / N)
    precision   C[k,k] / Σ_t C[t,k]        of those called k, how many are       0 if nothing was called k
    recall      C[k,k] / Σ_p C[k,p]        of those that are k, how many were found   0 if there are none
    F1          2·precision·recall / (precision + recall)                        0 if both are 0

A macro average counts each emotion alike, however rare: over the emotions that the split holds.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fer.emotions import EMOTIONS


@dataclass(frozen=True)
class Report:
    """The figures of one split; arrays have one entry an emotion, in the order of EMOTIONS."""

    samples: int
    accuracy: float
    standard_error: float
    top2: float
    precision: np.ndarray  # (7,)
    recall: np.ndarray  # (7,)
    f1: np.ndarray  # (7,)
    support: np.ndarray  # (7,) int
    confusion: np.ndarray  # (7, 7) int: row = true emotion, column = predicted

    @property
    def macro(self) -> dict[str, float]:
        """Mean precision, recall and F1 over the emotions that occur."""
        occurs = self.support > 0
        columns = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return {name: float(column[occurs].mean()) for name, column in columns.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-able values."""
        return {
            "samples": self.samples,
            "accuracy": self.accuracy,
            "standard_error": self.standard_error,
            "top2_accuracy": self.top2,
            "macro": self.macro,
            "classes": {
                emotion: {
                    "precision": float(self.precision[k]),
                    "recall": float(self.recall[k]),
                    "f1": float(self.f1[k]),
                    "support": int(self.support[k]),
                }
                for k, emotion in enumerate(EMOTIONS)
            },
            "confusion_matrix": self.confusion.tolist(),
        }

    def to_text(self, title: str) -> str:
        """Return a table to read."""
        lines = [title, "", f"{'':10}{'precision':>11}{'recall':>9}{'F1':>9}{'support':>9}"]
        rows: list[tuple] = [*zip(EMOTIONS, self.precision, self.recall, self.f1, self.support)]
        rows.append(("macro", *self.macro.values(), self.samples))
        lines += [f"{name:10}{p:11.3f}{r:9.3f}{f:9.3f}{n:9d}" for name, p, r, f, n in rows]
        lines += ["", f"accuracy  {describe(self)}", f"top-2     {self.top2:.2%}"]
        return "\n".join(lines) + "\n"

    def confusion_csv(self) -> str:
        """Return the confusion matrix as CSV: a row for each true emotion, a column for each predicted."""
        rows = [
            ["true \\ predicted", *EMOTIONS],
            *([name, *row] for name, row in zip(EMOTIONS, self.confusion)),
        ]
        return "".join(",".join(map(str, row)) + "\n" for row in rows)


def describe(report: Report) -> str:
    """Return the accuracy with its standard error: "61.23% ± 0.81% (3589 faces)"."""
    return f"{report.accuracy:.2%} ± {report.standard_error:.2%} ({report.samples} faces)"


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
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (labels, probabilities.argmax(axis=1)), 1)
    hits, support, called = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    accuracy = hits.sum() / len(labels)
    # A stable sort: of equal probabilities the first class leads, as in argmax.
    best_two = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return Report(
        samples=len(labels),
        accuracy=float(accuracy),
        standard_error=float(np.sqrt(accuracy * (1 - accuracy) / len(labels))),
        top2=float((best_two == labels[:, None]).any(axis=1).mean()),
        precision=hits / np.maximum(called, 1),
        recall=hits / np.maximum(support, 1),
        f1=2 * hits / np.maximum(called + support, 1),  # the same as from precision and recall
        support=support,
        confusion=confusion,
    )

"""How good are predictions? Numbers for one split, from its labels and the predicted probabilities.

Precision, recall and F1 of each class, and their averages, come from `minicnn.metrics`; the macro average leaves
out classes without faces. The others are

    accuracy's standard error   √(accuracy·(1 − accuracy) / N)
    accuracy without copies     of the faces that have no copy among the training faces
    top-2                       the share of faces whose emotion is one of the two most probable
    confusion matrix            row = true emotion, column = predicted

The calibration is in calibration.py, the average precision in precision_recall.py.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fer import outputs
from fer.emotions import EMOTIONS
from fer.reports import precision_recall
from fer.reports.calibration import Calibration, calibrate
from fer.reports.precision_recall import Curve
from minicnn import metrics
from minicnn.terminal import printable


@dataclass(frozen=True)
class Report:
    """The numbers for one split.

    Attributes:
        scores: precision, recall, F1 and support of each emotion, their averages, and the accuracy.
        confusion: (classes, classes) int, row = true emotion, column = predicted.
        top2: the share of faces whose emotion is first or second.
        calibration: accuracy and confidence, bin by bin.
        curves: precision and recall of each class at every threshold; None for a class without faces.
        without_copies: the numbers for the faces that have no copy in Training;
            None if all have one, or none.
        classes: the names of the classes.
    """

    scores: metrics.ClassificationReport
    confusion: np.ndarray
    top2: float
    calibration: Calibration
    curves: Sequence[Curve | None]
    without_copies: "Report | None" = None
    classes: tuple[str, ...] = EMOTIONS

    def __repr__(self) -> str:
        """Return it in one line, without the matrix."""
        return f"<Report: accuracy {self}>"

    def _repr_html_(self) -> str:
        table = self.to_text("").strip("\n")
        return f"<pre>{html.escape(table)}</pre>"

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
        """One standard deviation of the accuracy, caused by the choice of the faces alone."""
        return float(np.sqrt(self.accuracy * (1 - self.accuracy) / self.samples))

    @property
    def mean_average_precision(self) -> float:
        """The mean over the classes that have faces."""
        return float(np.mean([each.average_precision for each in self.curves if each is not None]))

    @property
    def shares(self) -> np.ndarray:
        """The confusion matrix, each row divided by its sum; a row without faces is 0."""
        return self.confusion / np.maximum(self.confusion.sum(axis=1, keepdims=True), 1)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as values that JSON can hold."""
        return {
            "samples": self.samples,
            "standard_error": self.standard_error,
            "class_names": list(self.classes),
            **self._without_copies(),
            "top2_accuracy": self.top2,
            "average_precision": [None if each is None else each.average_precision for each in self.curves],
            "mean_average_precision": self.mean_average_precision,
            "calibration_error": self.calibration.error,
            "calibration_error_by_chance": self.calibration.error_by_chance,
            **self.scores.to_dict(),
            "confusion_matrix": self.confusion.tolist(),
        }

    def _without_copies(self) -> dict[str, Any]:
        rest = self.without_copies
        if rest is None:
            return {}
        names = ("samples", "accuracy", "standard_error")
        return {"without_copies": {name: getattr(rest, name) for name in names}}

    def to_text(self, title: str) -> str:
        """Return a table as text."""
        rest = self.without_copies
        copies = [] if rest is None else [f"without copies     {rest}; the others are in Training too"]
        lines = [
            printable(title),
            "",
            printable_table(self.scores),
            "",
            f"accuracy           {self}",
            *copies,
            f"top-2              {self.top2:.2%}",
            f"average precision  {self.mean_average_precision:.4f}, the mean of the classes",
            f"calibration error  {self.calibration.error:.2%}; {self.calibration.error_by_chance:.2%} by chance, if "
            "the confidence is exactly right",
        ]
        return "\n".join(lines) + "\n"

    def confusion_csv(self) -> str:
        """Return the confusion matrix as CSV: a row for each true emotion, a column for each predicted."""
        return self._matrix_csv(self.confusion.tolist())

    def shares_csv(self) -> str:
        """Return the confusion matrix, each row divided by its sum, as CSV: the diagonal is the recall. A row
        without faces is empty.
        """
        rows = [
            [f"{share:.4f}" if total else "" for share in row]
            for row, total in zip(self.shares, self.confusion.sum(axis=1))
        ]
        return self._matrix_csv(rows)

    def _matrix_csv(self, matrix: list[list[Any]]) -> str:
        names = [printable(name) for name in self.classes]
        return outputs.csv_text(("true \\ predicted", *names), [(n, *row) for n, row in zip(names, matrix)])

    def calibration_csv(self) -> str:
        """Return the bins of the calibration as CSV."""
        return outputs.csv_text(
            ("from", "to", "faces", "confidence", "accuracy", "low", "high"), self.calibration.rows()
        )

    def __str__(self) -> str:
        """Return the accuracy with its standard error: "61.23% ± 0.81% (3589 faces)"."""
        return f"{self.accuracy:.2%} ± {self.standard_error:.2%} ({self.samples} faces)"


def measure(
    labels: np.ndarray,
    probabilities: np.ndarray,
    copies: np.ndarray | None = None,
    classes: tuple[str, ...] = EMOTIONS,
) -> Report:
    """Return the numbers for labels (N,) and predicted probabilities (N, classes).

    Args:
        labels: (N,) int.
        probabilities: (N, classes).
        copies: (N,) bool, which faces are in Training too.
        classes: the names of the classes.

    Raises:
        ValueError: the shapes do not fit, or there are no faces.
    """
    if len(labels) == 0 or probabilities.shape != (len(labels), len(classes)):
        raise ValueError(
            f"probabilities has shape {probabilities.shape} for {len(labels)} labels, expected (N, {len(classes)})"
        )
    rest = None
    if copies is not None and copies.any() and not copies.all():
        rest = measure(labels[~copies], probabilities[~copies], classes=classes)
    # A stable sort: of equal probabilities the first class comes first, as in argmax.
    best_two = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return Report(
        scores=_scores(labels, probabilities, classes),
        confusion=metrics.confusion_matrix(labels, probabilities, len(classes)),
        top2=float((best_two == labels[:, None]).any(axis=1).mean()),
        calibration=calibrate(probabilities.max(axis=1), best_two[:, 0] == labels),
        curves=[precision_recall.curve(labels == k, probabilities[:, k]) for k in range(len(classes))],
        without_copies=rest,
        classes=classes,
    )


def _scores(
    labels: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]
) -> metrics.ClassificationReport:
    """Return the scores of each class; the macro average is that of the classes that have faces."""
    scores = metrics.classification_report(labels, probabilities, classes)
    filled = [each for each in scores.classes if each.support]
    means: dict[str, Any] = {
        name: float(np.mean([getattr(each, name) for each in filled]))
        for name in ("precision", "recall", "f1")
    }
    return replace(scores, macro=replace(scores.macro, **means))


def printable_table(scores: metrics.ClassificationReport) -> str:
    """Return the scores as a table; of a class without faces, it only says that there are none."""
    rows = [replace(each, name=printable(each.name, 30)) for each in scores.classes]
    width = max(len(row.name) for row in (*rows, scores.weighted))
    empty = {
        f"{row.name:{width}}  {row.precision:9.4f} {row.recall:9.4f} {row.f1:9.4f} {0:9d}" for row in rows
    }
    lines = replace(scores, classes=rows).to_text().splitlines()
    return "\n".join(f"{line[:width]}  {'no faces':>39}" if line in empty else line for line in lines)

"""The confusion matrix, and the scores of each class that follow from it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from minicnn._base import notebook
from minicnn.metrics.base import ratio


def confusion_matrix(y_true: Any, y_pred: Any, num_classes: int | None = None) -> np.ndarray:
    """Return how often each class was predicted as each: rows are true classes, columns predicted ones.

    Args:
        y_true: class numbers (N,) or (N, 1), or one-hot (N, K).
        y_pred: class numbers, or scores (N, K): the class with the highest one.
        num_classes: K; by default the largest number + 1.

    Returns:
        (K, K) integers; row i sums to the number of samples of class i.

    Raises:
        ValueError: the lengths differ, or a class number is not in 0 … K − 1.
    """
    true, predicted = _classes(y_true, "y_true"), _classes(y_pred, "y_pred")
    if len(true) != len(predicted):
        raise ValueError(f"y_true has {len(true)} samples and y_pred {len(predicted)}: expected as many")
    if num_classes is None:
        num_classes = max(np.shape(y)[1] if np.ndim(y) == 2 else 0 for y in (y_true, y_pred))
        num_classes = max(num_classes, int(max(true.max(initial=-1), predicted.max(initial=-1))) + 1)
    for name, numbers in (("y_true", true), ("y_pred", predicted)):
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < num_classes:
            wrong = numbers[(numbers < 0) | (numbers >= num_classes)][0]
            raise ValueError(f"{name} holds class {wrong}: expected 0 to {num_classes - 1}")
    cells = np.bincount(true * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def _classes(y: Any, name: str) -> np.ndarray:
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] > 1:
        return np.argmax(y, axis=1)
    numbers = y.reshape(-1).astype(np.int64)
    if y.ndim not in (1, 2) or np.any(numbers != y.reshape(-1)):
        raise ValueError(
            f"{name} of shape {y.shape}, {y.dtype}: expected class numbers (N,) or scores (N, K)"
        )
    return numbers


@dataclass(frozen=True)
class Scores:
    """Precision, recall and F1 of a class, or their averages; support is the number of its samples."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class ClassificationReport:
    """Scores class by class, with their averages.

    Attributes:
        classes: the :class:`Scores` of each class.
        macro: their means, in which a rare class counts as much as a frequent one.
        weighted: their means by support.
        accuracy: the share of all samples that are right.
    """

    classes: list[Scores]
    macro: Scores
    weighted: Scores
    accuracy: float

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the report as a table."""
        rows = [*self.classes, self.macro, self.weighted]
        width = max(len(row.name) for row in rows)
        lines = [f"{'':{width}}  precision    recall        f1   support", ""]
        for row in rows:
            if row is self.macro:
                lines += ["", f"{'accuracy':{width}}  {'':9} {'':9} {self.accuracy:9.4f} {row.support:9d}"]
            lines.append(
                f"{row.name:{width}}  {row.precision:9.4f} {row.recall:9.4f} {row.f1:9.4f} {row.support:9d}"
            )
        return "\n".join(lines)

    __str__ = to_text

    def _repr_html_(self) -> str:
        rows = [
            (row.name, *(f"{score:.4f}" for score in (row.precision, row.recall, row.f1)), row.support)
            for row in (*self.classes, self.macro, self.weighted)
        ]
        head = ("", "precision", "recall", "f1", "support")
        return notebook.table(head, rows, below=[f"accuracy: {self.accuracy:.4f}"])


def classification_report(
    y_true: Any, y_pred: Any, class_names: Sequence[str] | None = None
) -> ClassificationReport:
    """Return precision, recall, F1 and support of each class, their averages, and the accuracy.

    Args:
        y_true: class numbers (N,) or one-hot (N, K).
        y_pred: class numbers, or scores (N, K).
        class_names: one for each class; numbers by default.

    Raises:
        ValueError: as :func:`confusion_matrix`, with K the number of names.
    """
    matrix = confusion_matrix(y_true, y_pred, None if class_names is None else len(class_names))
    right, support, called = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    shares = ratio(right, called), ratio(right, support), ratio(2 * right, called + support)
    columns = np.stack(shares)  # (3, K)
    names = list(class_names) if class_names is not None else [str(i) for i in range(len(matrix))]
    total = int(support.sum())

    def scores(name: str, values: np.ndarray, count: int) -> Scores:
        precision, recall, f1 = (float(value) for value in values)
        return Scores(name, precision, recall, f1, int(count))

    return ClassificationReport(
        classes=[scores(*row) for row in zip(names, columns.T, support)],
        macro=scores("macro average", columns.mean(axis=1) if len(matrix) else np.zeros(3), total),
        weighted=scores("weighted average", ratio(columns @ support, np.full(3, total)), total),
        accuracy=ratio(right.sum(), total),
    )

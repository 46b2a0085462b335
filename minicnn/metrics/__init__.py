"""Metrics: results for people to read, beside the loss. They have no gradients.

    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy", metrics.F1Score("macro")])
    print(metrics.classification_report(y_test, model.predict(x_test), class_names).to_text())

Names, arguments and values are Keras 3's, except that sums are in float64, class numbers are accepted in
place of one-hot targets, and 0/0 is 0 without an epsilon in the denominators.
"""

from typing import Any

import minicnn.losses as loss_functions
from minicnn._base import keras_errors
from minicnn._base.registry import Registry, serialize
from minicnn.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    huber,
    kl_divergence,
    mean_squared_error,
    mse,
    sparse_categorical_crossentropy,
)
from minicnn.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from minicnn.metrics.base import Mean, MeanMetricWrapper, Metric
from minicnn.metrics.counts import (
    F1Score,
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from minicnn.metrics.curves import AUC
from minicnn.metrics.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from minicnn.metrics.report import ClassificationReport, classification_report, confusion_matrix

_CLASSES = [
    *(AUC, Accuracy, BinaryAccuracy, BinaryCrossentropy, CategoricalAccuracy, CategoricalCrossentropy),
    *(F1Score, KLDivergence, FalseNegatives, FalsePositives, Mean, MeanAbsoluteError, MeanSquaredError),
    *(
        Precision,
        Recall,
        SparseCategoricalAccuracy,
        SparseCategoricalCrossentropy,
        SparseTopKCategoricalAccuracy,
    ),
    *(TopKCategoricalAccuracy, TrueNegatives, TruePositives),
]
_registry = Registry(
    "metric", _CLASSES, {"mse": MeanSquaredError, "mae": MeanAbsoluteError, "kld": KLDivergence}
)
# losses without a class here; "kl_divergence" names the class
_FUNCTIONS = {
    each.__name__: each
    for each in (huber, categorical_hinge, binary_focal_crossentropy, categorical_focal_crossentropy)
}
keras_errors.add_getattr(__name__)

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "ClassificationReport",
    "F1Score",
    "FalseNegatives",
    "FalsePositives",
    "KLDivergence",
    "Mean",
    "MeanAbsoluteError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "Precision",
    "Recall",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "classification_report",
    "confusion_matrix",
    "deserialize",
    "get",
    "huber",
    "kl_divergence",
    "mae",
    "mean_absolute_error",
    "mean_squared_error",
    "mse",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]


def get(
    identifier: Any,
    loss: Any = None,
    output_shape: tuple[int | None, ...] | None = None,
    target_shape: tuple[int | None, ...] | None = None,
) -> Metric:
    """Return the metric of a name, a dictionary, a function of (y_true, y_pred) or a Metric.

    "accuracy" and "acc" mean, as in Keras, what fits the predictions and targets: BinaryAccuracy for one
    output, SparseCategoricalAccuracy for class numbers, CategoricalAccuracy for one-hot targets.

    Args:
        identifier: a name, a dictionary, a function or a Metric. A metric made from a name gets that name.
        loss: the model's loss; with "sparse" in its name, targets are class numbers.
        output_shape: shape of the predictions.
        target_shape: shape of the targets: where it is known, it decides, not the loss.

    Raises:
        ValueError: there is no metric of that name.
        TypeError: ``identifier`` is something else.
        NotImplementedError: Keras has it, minicnn has not.
    """
    metric: Any
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        metric = _accuracy(loss, output_shape, target_shape)
    else:
        known = _FUNCTIONS.get(identifier) if isinstance(identifier, str) else None
        metric = known or _registry.get(identifier)
    if not isinstance(metric, Metric):
        if not callable(metric):
            raise TypeError(f"metric={identifier!r}: expected a name, a function or a Metric")
        of_function = MeanMetricWrapper(metric)
        is_loss = isinstance(metric, loss_functions.Loss) or metric in vars(loss_functions).values()
        of_function.direction = "down" if is_loss else "up"
        return of_function
    if isinstance(identifier, str):
        metric.name = identifier
    return metric


deserialize = get


def _accuracy(loss: Any, output_shape: Any, target_shape: Any) -> Metric:
    if output_shape is None:
        return Accuracy()
    if output_shape[-1] == 1:
        return BinaryAccuracy()
    if target_shape is not None:
        sparse = len(target_shape) < len(output_shape) or target_shape[-1] == 1
    else:
        sparse = "sparse" in (loss if isinstance(loss, str) else type(loss).__name__).lower()
    return SparseCategoricalAccuracy() if sparse else CategoricalAccuracy()

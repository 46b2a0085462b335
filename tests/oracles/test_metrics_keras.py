"""Metrics against Keras: random predictions and weights, in batches."""

import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

from minicnn import metrics  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras

ONE_HOT = ["CategoricalAccuracy", "TopKCategoricalAccuracy", "Precision", "Recall", "F1Score"]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("CategoricalAccuracy", {}),
        ("SparseCategoricalAccuracy", {}),
        ("TopKCategoricalAccuracy", {"k": 2}),
        ("SparseTopKCategoricalAccuracy", {"k": 3}),
        ("BinaryAccuracy", {"threshold": 0.4}),
        ("Precision", {}),
        ("Precision", {"thresholds": [0.1, 0.3, 0.7], "class_id": 2}),
        ("Precision", {"top_k": 2}),
        ("Recall", {"thresholds": 0.3}),
        ("Recall", {"top_k": 2, "class_id": 1}),
        ("F1Score", {}),
        ("F1Score", {"average": "micro"}),
        ("F1Score", {"average": "macro", "threshold": 0.3}),
        ("F1Score", {"average": "weighted"}),
    ],
)
def test_metric(name, options, weighted):
    rng = np.random.default_rng(5)
    ours, theirs = getattr(metrics, name)(**options), getattr(keras.metrics, name)(**options)
    for samples in (7, 12, 1):
        scores = rng.dirichlet(np.ones(5), samples).astype(np.float32)
        y_true = rng.integers(4, size=samples)  # the last class never occurs
        if name == "BinaryAccuracy":
            y_true, scores = rng.integers(2, size=(samples, 1)), scores[:, :1] * 3
        elif name in ONE_HOT:
            y_true = np.eye(5, dtype=np.float32)[y_true]
        weight = rng.uniform(0, 2, samples).astype(np.float32) if weighted else None
        for metric in (ours, theirs):
            metric.update_state(y_true, scores, sample_weight=weight)
    expected = keras.ops.convert_to_numpy(theirs.result())
    np.testing.assert_allclose(ours.result(), expected, rtol=1e-5, atol=1e-6)
    assert ours.name.split("_")[0] == theirs.name.split("_")[0]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("AUC", {}),
        ("AUC", {"curve": "PR"}),
        ("AUC", {"num_thresholds": 11, "multi_label": True}),
        ("AUC", {"curve": "PR", "multi_label": True, "thresholds": [0.3, 0.1, 0.8]}),
        ("TruePositives", {}),
        ("FalsePositives", {"thresholds": [0.1, 0.4]}),
        ("TrueNegatives", {"thresholds": 0.2}),
        ("FalseNegatives", {}),
        ("MeanSquaredError", {}),
        ("MeanAbsoluteError", {}),
        ("CategoricalCrossentropy", {"label_smoothing": 0.2}),
        ("BinaryCrossentropy", {}),
        ("SparseCategoricalCrossentropy", {}),
    ],
)
def test_curves_counts_and_losses(name, options, weighted):
    rng = np.random.default_rng(8)
    ours, theirs = getattr(metrics, name)(**options), getattr(keras.metrics, name)(**options)
    for samples in (9, 14, 1):
        scores = rng.dirichlet(np.ones(5), samples).astype(np.float32)
        labels = rng.integers(4, size=samples)  # the last class never occurs
        y_true = labels if name.startswith("Sparse") else np.eye(5, dtype=np.float32)[labels]
        weight = rng.uniform(0, 2, samples).astype(np.float32) if weighted else None
        for metric in (ours, theirs):
            metric.update_state(y_true, scores, sample_weight=weight)
    np.testing.assert_allclose(
        ours.result(), keras.ops.convert_to_numpy(theirs.result()), rtol=1e-5, atol=1e-6
    )
    again = type(ours).from_config(ours.get_config())
    assert again.get_config() == ours.get_config()

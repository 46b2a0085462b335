"""Weights of every shape beside Keras: the same result of a metric and of a loss, or an error in both."""

import itertools
import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

import minicnn  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # of Keras
N, K = 4, 3
WEIGHTS = [
    (),
    (1,),
    (N,),
    (K,),
    (N, 1),
    (1, N),
    (1, K),
    (N, K),
    (K, N),
    (1, 1),
    (N, N),
    (N, K, 1),
    (N, 1, 1),
    (2,),
]
MAP_WEIGHTS = [
    (),
    (1,),
    (N,),
    (N, 1, 1),
    (N, 2, 5),
    (N, 2, 1),
    (N, 2, 5, 1),
    (N, 2, 5, K),
    (3, 2, 5),
    (N, 1, 1, 1),
]


def drawn(shape, rng):
    """Random numbers from 0 to 2; one is 0."""
    weights = np.asarray(rng.uniform(0, 2, shape))
    weights.reshape(-1)[0] = 0 if weights.size > 1 else 0.75
    return weights.astype("float32")


def outcome(call, *arguments):
    """The result, or "error"."""
    try:
        return call(*arguments)
    except Exception:  # PyTorch raises RuntimeError, Keras and NumPy ValueError and others
        return "error"


def alike(call, *arguments):
    """Check that both libraries give the same."""
    same(*(outcome(call, library, *arguments) for library in (minicnn, keras)))


def same(ours, theirs):
    assert isinstance(ours, str) == isinstance(theirs, str), (ours, theirs)
    if not isinstance(ours, str):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-6)


def of_metric(library, name, options, batches):
    metric = getattr(library.metrics, name)(**options)
    for arguments, weights in batches:
        metric.update_state(*arguments, sample_weight=weights)
    result = metric.result()
    return np.asarray(result if library is minicnn else keras.ops.convert_to_numpy(result))


METRICS = {
    "BinaryAccuracy": {},
    "CategoricalAccuracy": {},
    "TopKCategoricalAccuracy": {"k": 2},
    "MeanSquaredError": {},
    "BinaryCrossentropy": {},
    "CategoricalCrossentropy": {},
    "AUC": {},
    "Precision": {},
    "Recall": {"class_id": 1},
    "TruePositives": {},
    "FalsePositives": {"thresholds": [0.2, 0.4]},
    "TrueNegatives": {"thresholds": [0.1, 0.3, 0.5]},
    "FalseNegatives": {"thresholds": 0.3},
    "F1Score": {},
}
OPTIONS = [*METRICS.items(), ("AUC", {"multi_label": True, "num_thresholds": 7}), ("Precision", {"top_k": 2}),
           ("AUC", {"thresholds": [0.1, 0.25, 0.6], "curve": "PR"}), ("F1Score", {"average": "weighted"})]  # fmt: skip


@pytest.mark.parametrize("shape", WEIGHTS, ids=str)
@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_metrics_of_rows(name, options, shape, rng):
    batches = []
    for _ in range(2):
        p = rng.dirichlet(np.ones(K), N).astype("float32")
        batches.append(((np.eye(K, dtype="float32")[rng.integers(K, size=N)], p), drawn(shape, rng)))
    alike(of_metric, name, options, batches)


@pytest.mark.parametrize("shape", WEIGHTS, ids=str)
@pytest.mark.parametrize(
    "name", ["SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "SparseCategoricalCrossentropy"]
)
def test_metrics_of_class_numbers(name, shape, rng):
    options = {"k": 2} if "TopK" in name else {}
    p = rng.dirichlet(np.ones(K), N).astype("float32")
    batch = [((rng.integers(K, size=N), p), drawn(shape, rng))]
    alike(of_metric, name, options, batch)


COLUMNS = [((N, 1), (N, 1)), ((N,), (N, 1)), ((N, 1), (N,)), ((N,), (N,))]


@pytest.mark.parametrize("shape", WEIGHTS, ids=str)
@pytest.mark.parametrize("shapes", COLUMNS, ids=str)
@pytest.mark.parametrize(
    "name", ["BinaryAccuracy", "Accuracy", "AUC", "Precision", "TrueNegatives", "Recall"]
)
def test_metrics_of_columns(name, shapes, shape, rng):
    y_true, y_pred = rng.integers(0, 2, shapes[0]), rng.uniform(size=shapes[1]).astype("float32")
    y_pred = y_pred.round() if name == "Accuracy" else y_pred
    batch = [((y_true.astype("float32"), y_pred), drawn(shape, rng))]
    alike(of_metric, name, {}, batch)


@pytest.mark.parametrize("values", [(), (1,), (N,), (N, 1), (N, K), (N, 2, K), (1, N)], ids=str)
@pytest.mark.parametrize("weights", [None, *WEIGHTS, (N, 2), (N, 2, 1), (N, 2, K), (N, 1, K)], ids=str)
def test_means(values, weights, rng):
    batches = [
        ((rng.standard_normal(values).astype("float32"),), None if weights is None else drawn(weights, rng))
        for _ in range(2)
    ]
    alike(of_metric, "Mean", {}, batches)


@pytest.mark.parametrize(
    "name", ["MeanSquaredError", "BinaryCrossentropy", "BinaryAccuracy", "AUC", "TruePositives"]
)
@pytest.mark.parametrize("shape", MAP_WEIGHTS, ids=str)
def test_metrics_of_maps(name, shape, rng):
    """One weight an image, (N,), is ours alone: Keras would have it along the last axis, or not at all."""
    y_true = rng.integers(0, 2, (N, 2, 5, K)).astype("float32")
    y_pred, weights = rng.uniform(size=y_true.shape).astype("float32"), drawn(shape, rng)
    ours = outcome(of_metric, minicnn, name, {}, [((y_true, y_pred), weights)])
    if shape == (N,) and name in ("AUC", "TruePositives"):
        weights = weights.reshape(N, 1, 1, 1)
    same(ours, outcome(of_metric, keras, name, {}, [((y_true, y_pred), weights)]))


# ---- losses ------------------------------------------------------------------------------------------------


def of_loss(library, name, options, arguments):
    loss = getattr(library.losses, name)(**options)
    value = loss(*arguments)
    return np.asarray(value if library is minicnn else keras.ops.convert_to_numpy(value))


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("shape", WEIGHTS, ids=str)
@pytest.mark.parametrize(
    "name",
    [
        "MeanSquaredError",
        "BinaryCrossentropy",
        "CategoricalCrossentropy",
        "SparseCategoricalCrossentropy",
        "CategoricalHinge",
    ],
)
def test_losses_of_rows(name, shape, reduction, rng):
    p = rng.dirichlet(np.ones(K), N).astype("float32")
    labels = rng.integers(K, size=N)
    y_true = labels if name.startswith("Sparse") else np.eye(K, dtype="float32")[labels]
    arguments = y_true, p, drawn(shape, rng)
    alike(of_loss, name, {"reduction": reduction}, arguments)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("shape", MAP_WEIGHTS, ids=str)
@pytest.mark.parametrize("name", ["MeanSquaredError", "BinaryCrossentropy"])
def test_losses_of_maps(name, shape, reduction, rng):
    """As for metrics, one weight an image is ours alone; Keras needs it as (N, 1, 1)."""
    y_true = rng.integers(0, 2, (N, 2, 5, K)).astype("float32")
    y_pred, weights = rng.uniform(size=y_true.shape).astype("float32"), drawn(shape, rng)
    theirs = weights.reshape(N, 1, 1) if shape == (N,) else weights
    same(
        outcome(of_loss, minicnn, name, {"reduction": reduction}, (y_true, y_pred, weights)),
        outcome(of_loss, keras, name, {"reduction": reduction}, (y_true, y_pred, theirs)),
    )


@pytest.mark.parametrize(
    ("name", "from_logits"),
    list(itertools.product(["Binary", "Categorical"], [False, True])),
)
def test_values_of_cross_entropies_at_moderate_probabilities(name, from_logits, rng):
    p = rng.uniform(1e-6, 1 - 1e-6, (50, K)).astype("float32")
    y_true = np.eye(K, dtype="float32")[rng.integers(K, size=50)]
    options = {"from_logits": from_logits, "label_smoothing": 0.1}
    alike(of_loss, f"{name}Crossentropy", options, (y_true, p))


@pytest.mark.parametrize("name", ["BinaryCrossentropy", "CategoricalCrossentropy"])
def test_metrics_clip_as_keras_does(name):
    p = np.array([[1e-12, 1.0, 0.0], [0.0, 0.5, 0.5]], "float32")
    y_true = np.array([[1, 0, 0], [0.5, 0.5, 0]], "float32")
    alike(of_metric, name, {}, [((y_true, p), None)])

"""Metrics: against counting by hand, over batches, with weights; the confusion matrix and report; names."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn
from minicnn import losses, metrics

TRUE = np.array([0, 1, 2, 2, 1, 0])
SCORES = np.array(
    [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.3, 0.4, 0.3]]
)  # predicted 0 0 2 1 1 1: right, wrong, right, wrong, right, wrong
ONE_HOT = np.eye(3)[TRUE]
WEIGHTS = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])


def result(metric, y_true, y_pred, weight=None):
    metric.update_state(y_true, y_pred, sample_weight=weight)
    return metric.result()


@pytest.mark.parametrize(
    ("metric", "y_true", "y_pred", "plain", "weighted"),
    [
        (metrics.Accuracy(), TRUE, SCORES.argmax(1), 3 / 6, 21 / 63),
        (metrics.CategoricalAccuracy(), ONE_HOT, SCORES, 3 / 6, 21 / 63),
        (metrics.SparseCategoricalAccuracy(), TRUE, SCORES, 3 / 6, 21 / 63),
        (metrics.SparseCategoricalAccuracy(), TRUE[:, None].astype(np.float32), SCORES, 3 / 6, 21 / 63),
        (metrics.TopKCategoricalAccuracy(k=1), ONE_HOT, SCORES, 3 / 6, 21 / 63),
        (
            metrics.SparseTopKCategoricalAccuracy(k=2),
            TRUE,
            SCORES,
            6 / 6,
            63 / 63,
        ),  # 0.3 ties with 0.3: not above it
        (metrics.BinaryAccuracy(), [1, 0, 1, 0, 1, 1], SCORES[:, :1], 3 / 6, 11 / 63),
        (metrics.BinaryAccuracy(threshold=0.25), [1, 0, 1, 0, 1, 1], SCORES[:, 0], 3 / 6, 41 / 63),
        (metrics.Precision(class_id=1), TRUE, SCORES, 1 / 1, 16 / 16),
        (metrics.Recall(class_id=1), ONE_HOT, SCORES, 1 / 2, 16 / 18),
        (metrics.Precision(thresholds=0.25), TRUE, SCORES, 6 / 11, 63 / 141),
        (metrics.Recall(top_k=1), TRUE, SCORES, 3 / 6, 21 / 63),
        (metrics.F1Score("micro"), TRUE, SCORES, 3 / 6, 21 / 63),
        (
            metrics.F1Score("macro"),
            TRUE,
            SCORES,
            (2 / 4 + 2 / 5 + 2 / 3) / 3,
            (2 / 36 + 32 / 74 + 8 / 16) / 3,
        ),
    ],
)
def test_by_hand(metric, y_true, y_pred, plain, weighted):
    assert result(metric, y_true, y_pred) == pytest.approx(plain)
    metric.reset_state()
    assert result(metric, y_true, y_pred, WEIGHTS) == pytest.approx(weighted)
    metric.reset_state()
    assert np.sum(metric.result()) == 0.0


EVERY = [
    metrics.CategoricalAccuracy(),
    metrics.SparseCategoricalAccuracy(),
    metrics.TopKCategoricalAccuracy(2),
    metrics.SparseTopKCategoricalAccuracy(2),
    metrics.Precision(),
    metrics.Precision([0.2, 0.5]),
    metrics.Recall(top_k=2),
    metrics.Recall(0.3, class_id=1),
    metrics.F1Score(),
    metrics.F1Score("weighted"),
    metrics.F1Score("micro", threshold=0.4),
]


@pytest.mark.parametrize("metric", EVERY, ids=lambda one: one.name)
@given(cut=st.integers(1, 11), seed=st.integers(0, 99))
def test_batches_add_up_to_the_whole(metric, cut, seed):
    rng = np.random.default_rng(seed)
    y_true, y_pred, weights = rng.integers(3, size=12), rng.dirichlet(np.ones(3), 12), rng.uniform(0, 2, 12)
    if isinstance(metric, metrics.CategoricalAccuracy | metrics.TopKCategoricalAccuracy):
        y_true = np.eye(3)[y_true]
    metric.reset_state()
    whole = result(metric, y_true, y_pred, weights)
    metric.reset_state()
    metric.update_state(y_true[:cut], y_pred[:cut], weights[:cut])
    np.testing.assert_allclose(result(metric, y_true[cut:], y_pred[cut:], weights[cut:]), whole, rtol=1e-12)


@pytest.mark.parametrize("metric", EVERY, ids=lambda one: one.name)
def test_whole_weights_count_like_repeated_samples(metric):
    repeats = np.array([1, 2, 0, 3, 1, 2])
    true = (
        ONE_HOT if isinstance(metric, metrics.CategoricalAccuracy | metrics.TopKCategoricalAccuracy) else TRUE
    )
    metric.reset_state()
    weighted = result(metric, true, SCORES, repeats)
    metric.reset_state()
    np.testing.assert_allclose(result(metric, true.repeat(repeats, 0), SCORES.repeat(repeats, 0)), weighted)


@pytest.mark.parametrize("metric", EVERY, ids=lambda one: one.name)
def test_serialises(metric):
    again = metrics.get(json.loads(json.dumps(metrics.serialize(metric))))
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()


def test_mean_weighs_values_and_averages_over_inner_axes():
    mean = metrics.Mean("loss")
    mean.update_state([2.0], sample_weight=[3])
    mean.update_state(6.0)
    assert mean.result() == 3.0
    mean.update_state([[1.0, 3.0], [5.0, 7.0]])
    assert mean.result() == pytest.approx((2 * 3 + 6 + 2 + 6) / 6)
    assert mean.name == "loss"


def test_nan_predictions_are_never_right_in_the_top_k():
    scores = np.array([[np.nan, np.nan, np.nan], [0.1, np.nan, 0.9]])
    assert result(metrics.SparseTopKCategoricalAccuracy(1), [1, 1], scores) == 0.0


def test_f1_is_zero_for_a_class_that_never_occurs():
    scores = result(metrics.F1Score(), [0, 0], np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]]))
    np.testing.assert_array_equal(scores, [1.0, 0.0, 0.0])


# ---- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["accuracy", "acc"])
@pytest.mark.parametrize(
    ("loss", "output", "target", "expected"),
    [
        (None, (8, 1), None, metrics.BinaryAccuracy),
        (losses.SparseCategoricalCrossentropy(), (8, 3), None, metrics.SparseCategoricalAccuracy),
        ("sparse_categorical_crossentropy", (8, 3), None, metrics.SparseCategoricalAccuracy),
        (losses.CategoricalCrossentropy(), (8, 3), None, metrics.CategoricalAccuracy),
        (losses.CategoricalCrossentropy(), (8, 3), (8,), metrics.SparseCategoricalAccuracy),
        (None, (8, 3), (8, 1), metrics.SparseCategoricalAccuracy),
        (None, (8, 3), (8, 3), metrics.CategoricalAccuracy),
        (None, None, None, metrics.Accuracy),
    ],
)
def test_accuracy_is_what_fits(name, loss, output, target, expected):
    metric = metrics.get(name, loss, output, target)
    assert (type(metric), metric.name) == (expected, name)


def test_get_by_name_and_function():
    assert isinstance(metrics.get("sparse_top_k_categorical_accuracy"), metrics.SparseTopKCategoricalAccuracy)
    assert isinstance(metrics.get("f1_score"), metrics.F1Score)

    def distance(y_true, y_pred):
        return np.abs(y_true - y_pred)

    metric = metrics.get(distance)
    assert (metric.name, result(metric, [1.0, 2.0], [2.0, 5.0])) == ("distance", 2.0)
    with pytest.raises(ValueError, match="did you mean 'Precision'"):
        metrics.get("precison")
    with pytest.raises(TypeError, match="metric=3"):
        metrics.get(3)
    with pytest.raises(ValueError, match="cannot be saved"):
        metrics.serialize(metric)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: metrics.F1Score("mean"), "average='mean'"),
        (lambda: metrics.F1Score(threshold=1.5), "threshold=1.5"),
        (lambda: result(metrics.F1Score(), TRUE, TRUE), r"y_pred of shape \(6,\)"),
        (lambda: result(metrics.SparseCategoricalAccuracy(), ONE_HOT, SCORES), "without 'Sparse'"),
        (lambda: result(metrics.CategoricalAccuracy(), TRUE, SCORES), "expected the same shape"),
        (lambda: result(metrics.SparseCategoricalAccuracy(), TRUE, SCORES, [1.0, 2.0]), "one a sample"),
    ],
)
def test_wrong_arguments_are_named(call, match):
    with pytest.raises(ValueError, match=match):
        call()


# ---- confusion matrix and report ---------------------------------------------------------------------------


def test_confusion_matrix_has_true_classes_in_rows():
    expected = [[1, 1, 0], [1, 1, 0], [0, 1, 1]]
    np.testing.assert_array_equal(metrics.confusion_matrix(TRUE, SCORES), expected)
    np.testing.assert_array_equal(metrics.confusion_matrix(ONE_HOT, SCORES.argmax(1)[:, None], 3), expected)
    assert metrics.confusion_matrix([0, 3], [3, 3]).shape == (4, 4)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=30))
def test_confusion_matrix_counts_each_pair(pairs):
    true, predicted = np.array(pairs, int).reshape(-1, 2).T
    matrix = metrics.confusion_matrix(true, predicted, 5)
    for i in range(5):
        for j in range(5):
            assert matrix[i, j] == pairs.count((i, j))


@pytest.mark.parametrize(
    ("true", "predicted", "match"),
    [
        ([0, 3], [0, 1], "y_true holds class 3"),
        ([0, 1], [0, -1], "y_pred holds class -1"),
        ([0], [0, 1], "as many"),
    ],
)
def test_confusion_matrix_refuses_wrong_classes(true, predicted, match):
    with pytest.raises(ValueError, match=match):
        metrics.confusion_matrix(true, predicted, 3)
    with pytest.raises(ValueError, match="float64"):
        metrics.confusion_matrix([0.5], [0], 3)


def test_report_by_hand():
    report = metrics.classification_report(TRUE, SCORES, ["cat", "dog", "emu"])
    cat, dog, emu = report.classes
    assert (cat.name, cat.precision, cat.recall, cat.f1, cat.support) == ("cat", 1 / 2, 1 / 2, 1 / 2, 2)
    assert (dog.precision, dog.recall, dog.f1) == (pytest.approx(1 / 3), 1 / 2, pytest.approx(2 / 5))
    assert (emu.precision, emu.recall, emu.f1) == (1.0, 1 / 2, pytest.approx(2 / 3))
    assert report.accuracy == 0.5
    assert report.macro.f1 == pytest.approx((1 / 2 + 2 / 5 + 2 / 3) / 3)
    assert (report.weighted.recall, report.weighted.support) == (pytest.approx(report.accuracy), 6)
    assert json.loads(json.dumps(report.to_dict()))["classes"][1]["name"] == "dog"
    assert report.to_text().splitlines()[2].split() == ["cat", "0.5000", "0.5000", "0.5000", "2"]
    assert report.to_text().splitlines()[-2].split() == [
        "macro",
        "average",
        "0.6111",
        "0.5000",
        "0.5222",
        "6",
    ]


def test_report_agrees_with_the_metrics():
    rng = np.random.default_rng(0)
    true, scores = rng.choice(4, 200, p=[0.7, 0.2, 0.1, 0.0]), rng.dirichlet(np.ones(4), 200)
    report = metrics.classification_report(true, scores)
    np.testing.assert_allclose([one.f1 for one in report.classes], result(metrics.F1Score(), true, scores))
    assert report.macro.f1 == pytest.approx(result(metrics.F1Score("macro"), true, scores))
    assert report.weighted.f1 == pytest.approx(result(metrics.F1Score("weighted"), true, scores))
    assert report.accuracy == pytest.approx(result(metrics.SparseCategoricalAccuracy(), true, scores))
    assert report.classes[3].support == 0


def test_report_of_nothing_is_zero():
    report = metrics.classification_report([], [], ["a", "b"])
    assert (report.accuracy, report.macro.f1, report.weighted.f1, report.weighted.support) == (0, 0, 0, 0)


def test_auc_by_hand():
    y_true, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    area = metrics.AUC(num_thresholds=1001)
    assert area.result() == 0.0
    area.update_state(y_true[:3], scores[:3])
    area.update_state(y_true[3:], scores[3:])
    assert area.result() == pytest.approx(3 / 4)  # of the four pairs of one and zero, three are in order
    precise = metrics.AUC(curve="PR", thresholds=[0.2, 0.5])
    precise.update_state([1, 1, 0], [0.9, 0.8, 0.1])
    assert precise.result() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="curve='roc'"):
        metrics.AUC(curve="roc")
    with pytest.raises(NotImplementedError, match="multi_label"):
        metrics.AUC(label_weights=[1, 2])


def test_names_are_numbered_as_keras_numbers_them():
    minicnn.backend.clear_session()
    assert [metrics.Recall().name, metrics.Recall().name, metrics.AUC().name] == ["recall", "recall_1", "auc"]
    assert [metrics.F1Score().name, metrics.F1Score().name] == ["f1_score", "f1_score"]


def test_weights_broadcast_to_the_values():
    """By hand: Σ w·v over Σ w, both as means over each sample's entries first."""
    for weights, expected in (
        ([[1, 0]], 3.0),
        ([[1], [0]], 2.0),
        ([[1, 3], [0, 0]], 2.5),
        (5.0, 4.0),
        ([1, 3], 5.0),
    ):
        mean = metrics.Mean()
        mean.update_state([[1, 3], [5, 7]], sample_weight=weights)
        assert mean.result() == pytest.approx(expected)
    mean.update_state(1.0, sample_weight=2.0)
    assert mean.result() == pytest.approx((1 * 2 + 3 * 6 + 2 * 1) / (1 + 3 + 2))
    with pytest.raises(
        ValueError, match=r"sample_weight of shape \(3,\): expected \(2,\).*broadcasts to \(2,\)"
    ):
        mean.update_state([[1, 3], [5, 7]], sample_weight=[1, 2, 3])
    negatives = metrics.TrueNegatives(thresholds=[0.1, 0.5])
    negatives.update_state([[0, 0], [0, 1]], [[0.3, 0.05], [0.4, 0.2]], sample_weight=[[2, 3]])
    np.testing.assert_array_equal(negatives.result(), [3, 2 + 3 + 2])
    with pytest.raises(ValueError, match=r"shape \(2, 2\): expected \(6,\), one a sample"):
        metrics.F1Score().update_state(ONE_HOT, SCORES, sample_weight=np.ones((2, 2)))


@pytest.mark.parametrize(
    "name", ["huber", "kl_divergence", "kld", "categorical_focal_crossentropy", "binary_focal_crossentropy"]
)
def test_a_loss_by_its_name_is_a_metric_and_better_when_smaller(name, rng):
    metric = metrics.get(name)
    y_true, y_pred = rng.dirichlet(np.ones(3), 5), rng.dirichlet(np.ones(3), 5)
    metric.update_state(y_true, y_pred)
    assert metric.name == name
    assert metric.direction == "down"
    assert metric.result() == pytest.approx(float(getattr(losses, name)(y_true, y_pred).mean()))


def test_every_loss_as_a_function_or_an_object_is_better_when_smaller():
    names = [
        name for name in losses.__all__ if name.islower() and name not in ("get", "serialize", "deserialize")
    ]
    assert {"mse", "mae", "huber"} <= set(names)
    for loss in (*(getattr(losses, name) for name in names), losses.MeanSquaredError()):
        assert metrics.get(loss).direction == "down"
    assert metrics.get(metrics.categorical_accuracy).direction == "up"

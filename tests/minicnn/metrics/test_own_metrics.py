"""Metrics of one's own in Keras's style: add_weight, update_state, result, reset_state; calling a metric."""

import copy

import numpy as np
import pytest

import minicnn
from minicnn import layers, metrics

TRUE = np.array([0, 1, 2, 2, 1, 0])
SCORES = np.eye(3)[[0, 0, 2, 1, 1, 1]]  # right, wrong, right, wrong, right, wrong


class Errors(metrics.Metric):
    """Counts errors, weighted, and samples."""

    def __init__(self, name="errors", **kwargs):
        super().__init__(name=name, **kwargs)
        self.wrong = self.add_weight(name="wrong", initializer="zeros")
        self.each = self.add_variable(shape=(3,), initializer="zeros", name="each")

    def update_state(self, y_true, y_pred, sample_weight=None):
        wrong = (np.argmax(y_pred, -1) != y_true) * (1 if sample_weight is None else sample_weight)
        self.wrong.assign_add(np.sum(wrong))
        self.each.assign_sub([-np.sum(wrong[y_true == number]) for number in range(3)])

    def result(self):
        return self.wrong


class ErrorsReset(Errors):
    """The same with a reset of its own, as scripts often have one."""

    def reset_state(self):
        self.wrong.assign(0.0)
        self.each.assign(np.zeros(3))


class F1(metrics.Metric):
    """Made of two other metrics."""

    def __init__(self, name="f1", **kwargs):
        super().__init__(name=name, **kwargs)
        self.precision, self.recall = metrics.Precision(), metrics.Recall()

    def update_state(self, y_true, y_pred, sample_weight=None):
        for metric in (self.precision, self.recall):
            metric.update_state(y_true, y_pred, sample_weight)

    def result(self):
        p, r = self.precision.result(), self.recall.result()
        return 2 * p * r / (p + r + 1e-7)


class EachClass(Errors):
    """A result for each class, which is the variable itself."""

    def result(self):
        return self.each


@pytest.mark.parametrize("kind", [Errors, ErrorsReset])
def test_sums_by_add_weight(kind):
    metric = kind()
    assert float(metric(TRUE, SCORES)) == 3
    assert float(metric(TRUE, SCORES, sample_weight=np.array([1, 2, 4, 8, 16, 32]))) == 3 + 42
    np.testing.assert_array_equal(metric.each.numpy(), [1 + 32, 1 + 2, 1 + 8])
    assert [variable.shape for variable in metric.variables] == [(), (3,)]
    metric.reset_state()
    assert float(metric.result()) == 0
    assert not metric.each.any()


def test_the_initializer_gives_the_first_values_and_reset_0():
    class Ones(Errors):
        def __init__(self):
            super().__init__()
            self.start = self.add_weight(shape=(2,), initializer="ones", dtype="int32")

    metric = Ones()
    assert metric.start.tolist() == [1, 1]
    assert metric.start.dtype == np.int32
    metric.reset_state()
    assert metric.start.tolist() == [0, 0]


def test_a_metric_of_metrics():
    metric, whole = F1(), metrics.F1Score(average="macro")
    metric(np.array([1, 0, 1, 1]), np.array([0.9, 0.8, 0.2, 0.7]))
    assert metric.result() == pytest.approx(2 / 3)  # 2 of 3 called are right, 2 of 3 are found
    again = F1()
    again.set_state(copy.deepcopy(metric.get_state()))
    assert again.result() == metric.result()
    metric.reset_state()
    assert metric.result() == 0
    assert again.result() > 0
    assert whole(np.eye(2)[[0, 1]], np.eye(2)[[0, 1]]) == 1


def test_a_metric_that_is_reset_in_its_own_way_is_reset_when_made():
    class Largest(metrics.Metric):
        def __init__(self, start):
            super().__init__()
            self.start = start

        def reset_state(self):
            self.value = self.start

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.value = max(self.value, float(np.max(y_pred)))

        def result(self):
            return self.value

    assert Largest(2)(None, [1.0]) == 2
    assert Largest(2)(None, [5.0]) == 5


def test_a_metric_without_sums_says_how_to_have_them():
    class Nothing(metrics.Metric):
        pass

    with pytest.raises(NotImplementedError, match="add_weight"):
        Nothing()


def test_in_training_each_epoch_begins_at_0_and_the_state_can_be_kept():
    minicnn.random.set_seed(1)
    model = minicnn.Sequential([layers.Input((2,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", [Errors(), "accuracy", EachClass("each")])
    x, y = np.random.default_rng(0).normal(size=(12, 2)), np.arange(12) % 3
    history = model.fit(x, y, epochs=2, batch_size=5, verbose=0, validation_data=(x, y)).history
    assert list(history) == [
        "loss", "errors", "accuracy", "each", "val_loss", "val_errors", "val_accuracy", "val_each",
    ]  # fmt: skip
    for errors, accuracy, each in zip(history["val_errors"], history["val_accuracy"], history["val_each"]):
        assert errors == pytest.approx(12 * (1 - accuracy))
        assert each.sum() == errors
    assert history["each"][0] is not history["each"][1]
    kept = model.compiled_metrics.get_state()
    other = model.compiled_metrics.copy()
    other.set_state(kept)
    assert other.logs()["errors"] == model.compiled_metrics.logs()["errors"]
    other.metrics[1].reset_state()
    assert other.logs()["errors"] == 0
    np.testing.assert_array_equal(model.compiled_metrics.metrics[1].wrong, kept[1]["sums"]["variables/0"])

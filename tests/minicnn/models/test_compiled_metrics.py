"""The names under which results are reported."""

from minicnn import losses
from minicnn.models.compiled_metrics import CompiledMetrics


def test_a_name_that_is_taken_is_changed_as_keras_does():
    results = CompiledMetrics(
        losses.get("mse"), ["accuracy", "mse", "accuracy"], ["accuracy", "accuracy", "mae_of_mine"]
    )
    assert results.names == [
        "loss",
        "accuracy",
        "mse",
        "accuracy_1",
        "weighted_accuracy",
        "weighted_accuracy_1",
        "mae_of_mine",
    ]

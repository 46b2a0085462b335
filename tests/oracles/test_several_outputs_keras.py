"""Several outputs in training: the names and values of Keras's History, with losses by list, name and weight."""

import numpy as np
import pytest

import minicnn

pytest.importorskip("torch")
keras = pytest.importorskip("keras")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 6)).astype("float32")
A, B = np.arange(20) % 3, RNG.normal(size=(20, 1)).astype("float32")
ENTROPY = "sparse_categorical_crossentropy"


def build(library):
    inputs = library.Input((6,), name="x")
    x = library.layers.Dense(5, activation="tanh", name="h", kernel_regularizer="l2")(inputs)
    a = library.layers.Dense(3, activation="softmax", name="a")(x)
    return library.Model(inputs, [a, library.layers.Dense(1, name="b")(x)])


BY_NAME = {"loss": {"a": ENTROPY, "b": "mse"}, "metrics": {"a": ["accuracy"], "b": ["mse"]}}
IN_ORDER = {"loss": [ENTROPY, "mse"], "loss_weights": [2.0, 0.5], "metrics": ["accuracy", "mse"]}
WEIGHTED = {"loss": [ENTROPY, "mse"], "weighted_metrics": [["accuracy"], ["mse"]]}


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(
    ("compiled", "y", "weights"),
    [
        (BY_NAME | {"loss_weights": {"a": 1.0, "b": 0.3}}, {"a": A, "b": B}, None),
        (IN_ORDER | {"weighted_metrics": {"a": "accuracy"}}, [A, B], None),
        ({"loss": [ENTROPY, "mse"], "metrics": {"a": "accuracy"}}, (A, B), None),
        ({"loss": [None, "mse"], "metrics": {"a": "accuracy"}}, [A, B], None),
        (WEIGHTED, [A, B], [np.arange(20.0), np.arange(20.0) / 5]),
    ],
)
def test_history(compiled, y, weights):
    minicnn.random.set_seed(3)
    ours, theirs = build(minicnn), build(keras)
    theirs.set_weights(ours.get_weights())
    histories = []
    for model in (ours, theirs):
        model.compile("sgd", **compiled)
        weight = None if weights is None else [np.asarray(each, "float32") for each in weights]
        options = {"epochs": 3, "batch_size": 6, "shuffle": False, "verbose": 0, "validation_data": (X, y)}
        histories.append(model.fit(X, y, sample_weight=weight, **options).history)
    assert set(histories[0]) == set(histories[1])
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[0][name], values, rtol=2e-5, atol=1e-6, err_msg=name)
    for a, b in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)

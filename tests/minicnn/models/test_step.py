"""One step on one batch, by hand."""

import numpy as np
import pytest

from minicnn import Input, Sequential, layers, losses, optimizers, regularizers

X, Y = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[1.0], [2.0]])


@pytest.fixture
def line():
    """The model y = x·w with w = (0.5, −0.5), trained on the mean squared error and Σ 0.1·w²."""
    dense = layers.Dense(1, use_bias=False, kernel_regularizer=regularizers.L2(0.1))
    model = Sequential([Input((2,), dtype="float64"), dense])
    model.set_weights([np.array([[0.5], [-0.5]])])
    model.compile(optimizers.SGD(0.1), "mse")
    return model


def test_a_step_moves_the_weights_against_the_gradient(line):
    loss, prediction = line.train_step(X, Y)
    assert np.allclose(prediction, [[-0.5], [2.0]])
    assert loss == pytest.approx((1.5**2 + 0) / 2 + 0.1 * 0.5)
    # dL/dw = 2/N Σ (p − y)·x + 0.2·w
    gradient = np.array([[-1.5 * 1], [-1.5 * 2]]) + 0.2 * np.array([[0.5], [-0.5]])
    assert np.allclose(line.get_weights()[0], [[0.5], [-0.5]] - 0.1 * gradient)


def test_each_weight_has_its_penalty():
    rate, weights = 0.1, [np.array([[0.5]]), np.array([[-2.0]])]
    dense = [layers.Dense(1, use_bias=False, kernel_regularizer=regularizers.L2(each)) for each in (0.1, 0.3)]
    model = Sequential([Input((1,), dtype="float64"), *dense])
    model.compile(optimizers.SGD(rate), "mse")
    model.set_weights(weights)
    model.train_step(np.zeros((1, 1)), np.zeros((1, 1)))  # the loss is 0, and so is its gradient
    for weight, before, strength in zip(model.get_weights(), weights, (0.1, 0.3)):
        assert np.allclose(weight, before - rate * 2 * strength * before)


def test_a_test_step_moves_nothing(line):
    before = line.get_weights()[0].copy()
    loss, _ = line.test_step(X, Y)
    assert loss == pytest.approx(1.5**2 / 2 + 0.1 * 0.5)
    assert np.array_equal(line.get_weights()[0], before)


def test_cross_entropy_after_another_activation_than_softmax_takes_the_prediction():
    model = Sequential([Input((2,), dtype="float64"), layers.Dense(3, "sigmoid")])
    model.compile("sgd", "categorical_crossentropy")
    target = np.eye(3)[:2]
    loss, prediction = model.test_step(X, target)
    assert loss == pytest.approx(losses.CategoricalCrossentropy()(target, prediction))


def small_step(kind):
    model = kind([Input((2,)), layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model, np.ones((3, 2)), np.array([0, 1, 1]), np.ones(3)


def test_an_evaluation_calls_a_forward_loss_of_ones_own():
    calls = []

    class Mine(Sequential):
        def forward_loss(self, *arguments, **options):
            calls.append((*arguments, options))
            return 7.0, arguments[1]

    model, x, y, weights = small_step(Mine)
    assert model.test_step(x, y, weights) == (7.0, y)
    ((first, second, third, options),) = calls
    assert first is x
    assert second is y
    assert third is weights
    assert options == {"training": False}


def test_an_evaluation_calls_no_forward_loss_of_the_library():
    model, x, y, _ = small_step(Sequential)
    expected = model.forward_loss(x, y, training=False)[0]
    model.forward_loss = None
    assert model.test_step(x, y)[0] == pytest.approx(expected, rel=1e-6)


def test_a_model_without_weights_to_train_is_told_what_to_do():
    frozen = Sequential([Input((4,)), layers.Dense(2)])
    frozen.trainable = False
    for model, fix in (
        (Sequential([Input((2,)), layers.Activation("softmax")]), "add a layer that has some"),
        (frozen, f"{frozen.name}.trainable = True before it is trained"),
    ):
        model.compile("sgd", "mse")
        x = np.ones((3, *model.input_shape[1:]))
        with pytest.raises(ValueError, match=f"no weights to train: {fix}"):
            model.fit(x, np.ones((3, 2)), verbose=0)
        assert model.evaluate(x, np.ones((3, 2)), verbose=0) >= 0

"""Losses where a probability is clipped, where predictions have more axes, where weights come as a column."""

import numpy as np
import pytest

from minicnn import layers, losses, models, ops, regularizers
from minicnn.gradient_check import check_model, complex_step, worst_error


def gradients(loss, y_true, y_pred, weights=None):
    """The analytic gradient and the complex step's."""
    with ops.use("reference"):
        loss.forward(y_true, y_pred, weights)
        analytic = loss.backward()
        exact = complex_step(
            lambda y_pred: loss.forward(y_true, y_pred, weights), {"y_pred": y_pred}, np.array(1.0)
        )
    return analytic, exact["y_pred"]


@pytest.mark.parametrize("target", range(3))
def test_a_clipped_probability_has_no_gradient_of_its_own(target):
    """Rows whose entries lie outside [EPSILON, 1 − EPSILON], all of them or some; they sum to 1 and not."""
    y_pred = np.array([[1.0, 0.0, 0.0], [0.0, 0.4, 0.6], [1e-9, 0.5, 0.7], [0.2, 0.3, 0.5]])
    y_true = np.eye(3)[[target] * 4]
    analytic, exact = gradients(losses.CategoricalCrossentropy(), y_true, y_pred)
    assert worst_error(analytic, exact) <= 1e-12
    assert not analytic[0].any()


def test_a_clipped_probability_of_two_classes_has_no_gradient():
    y_pred, y_true = np.array([[0.0, 1.0, 0.25]]), np.array([[1.0, 1.0, 0.0]])
    analytic, exact = gradients(losses.BinaryCrossentropy(), y_true, y_pred)
    assert worst_error(analytic, exact) <= 1e-12
    np.testing.assert_allclose(analytic, [[0, 0, 1 / 0.75 / 3]])


@pytest.mark.parametrize(
    "loss", [losses.MeanSquaredError(), losses.BinaryCrossentropy()], ids=lambda loss: loss.name
)
def test_maps_are_predictions_too(loss, rng):
    y_pred, y_true = rng.uniform(0.1, 0.9, (4, 2, 3, 5)), rng.uniform(size=(4, 2, 3, 5))
    analytic, exact = gradients(loss, y_true, y_pred, rng.uniform(size=4))
    assert worst_error(analytic, exact) <= 1e-12


def test_sample_weights_may_stand_in_a_column(rng):
    loss, y_true, y_pred = losses.MeanSquaredError(), *rng.standard_normal((2, 4, 3))
    weights = rng.uniform(size=4)
    expected = loss(y_true, y_pred, weights), loss.backward()
    assert loss(y_true, y_pred, weights[:, None]) == expected[0]
    np.testing.assert_array_equal(loss.backward(), expected[1])


# ---- the loss of a whole model -----------------------------------------------------------------------------


def small_model(activation, loss, **options):
    model = models.Sequential([layers.Dense(4, "gelu"), layers.Dense(3, activation, **options)])
    model.compile("sgd", loss)
    return model


@pytest.mark.parametrize(
    ("activation", "loss"),
    [("tanh", "mse"), ("softmax", "mse"), ("sigmoid", "binary_crossentropy"), ("softmax", "categorical_crossentropy"),
     (None, "categorical_hinge"), ("relu", "mse")],
)  # fmt: skip
def test_the_last_activation_is_gone_through_unless_the_loss_includes_it(activation, loss, rng):
    x, y = rng.standard_normal((5, 2)), np.eye(3)[rng.integers(3, size=5)]
    report = check_model(small_model(activation, loss), x, y, entries=None)
    assert report.error <= 1e-12, str(report)


def test_the_loss_that_is_reported_has_its_penalties(rng):
    model = small_model(None, "mse", kernel_regularizer=regularizers.L2(0.5))
    x, y = rng.standard_normal((5, 2)).astype("float32"), rng.standard_normal((5, 3)).astype("float32")
    model.build(x.shape)
    plain = float(((model.predict(x) - y) ** 2).mean())
    penalty = 0.5 * float((model.layers[1].kernel.value ** 2).sum())
    assert penalty > 0.01
    for training in (False, True):
        value, _ = model.forward_loss(x, y, training=training)
        assert value == pytest.approx(plain + penalty, rel=1e-6)


def test_the_gradient_of_the_input_is_computed_where_it_is_asked_for(rng):
    model = small_model(None, "mse")
    x, y = rng.standard_normal((5, 2)).astype("float32"), rng.standard_normal((5, 3)).astype("float32")
    model.build(x.shape)
    model.forward_loss(x, y)
    assert model.set_gradients() is None
    assert not model.layers[0].needs_dx
    assert model.set_gradients(need_dx=True).shape == x.shape


def test_no_decision_of_l1_is_taken_on_an_imaginary_part():
    """So its gradient can be differentiated once more: 2·l2 everywhere, at the kink too."""
    w = np.array([-1.0, 0.0, 2.0])
    slope = regularizers.L1L2(0.3, 0.2).gradient(w + 1e-30j)
    np.testing.assert_allclose(slope.real, [-0.3 - 0.4, 0, 0.3 + 0.8])
    np.testing.assert_allclose(slope.imag / 1e-30, 0.4)

"""Losses where a probability is near 0 or 1, where predictions have more axes, where weights come as a column."""

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
def test_a_small_probability_has_the_slope_of_its_logarithm(target):
    """Rows whose entries lie far outside [1e-7, 1 − 1e-7], all of them or some; they sum to 1 and not."""
    y_pred = np.array([[1.0, 1e-18, 1e-12], [1e-9, 0.5, 0.7], [0.2, 0.3, 0.5]])
    y_true = np.eye(3)[[target] * 3]
    analytic, exact = gradients(losses.CategoricalCrossentropy(), y_true, y_pred)
    assert worst_error(analytic, exact) <= 1e-12
    formula = -y_true / y_pred + 1 / y_pred.sum(1, keepdims=True)
    np.testing.assert_allclose(analytic, formula / 3, rtol=1e-12, atol=1e-15)


def test_where_a_probability_is_exactly_0_the_slope_is_finite():
    loss, t = losses.CategoricalCrossentropy(), np.array([[0.0, 1.0, 0.0]])
    for zero in (0.0, 1e-310):  # too small for a normal number
        assert loss(t, np.array([[0.5, zero, 1.5]])) == pytest.approx(-np.log(1e-7))
        np.testing.assert_allclose(loss.backward(), [[0, -1e7 / 2, 0]], atol=1e-300)
    # no probability at all: it counts as one, and has no slope of its own
    assert loss(t, np.array([[1.5, -0.5, 1.0]])) == pytest.approx(-np.log(1e-7))
    assert not loss.backward().any()
    assert loss(t, np.array([[-0.5, 2.5, 0.0]])) == 0
    assert not loss.backward().any()


@pytest.mark.parametrize("p", [1e-18, 1e-12, 0.3, 0.5, 0.9, 1 - 1e-12])
@pytest.mark.parametrize("t", [0.0, 0.25, 1.0])
def test_binary_cross_entropy_has_the_slope_of_the_formula(p, t):
    analytic, exact = gradients(losses.BinaryCrossentropy(), np.array([[t]]), np.array([[p]]))
    assert worst_error(analytic, exact) <= 1e-12
    assert analytic == pytest.approx(-t / p + (1 - t) / (1 - p), rel=1e-12)


def test_the_smallest_numbers_have_the_slope_of_the_formula_too():
    """Where the complex step, 1e-30, would be larger than the number."""
    loss = losses.BinaryCrossentropy()
    for dtype, p in (("float32", 1e-37), ("float64", 1e-300)):
        assert loss([[1]], np.array([[p]], dtype)) == pytest.approx(-np.log(p), rel=1e-6)
        assert loss.backward() == pytest.approx(-1 / p, rel=1e-6)


def test_a_probability_of_exactly_0_or_1_has_a_finite_slope():
    loss, p = losses.BinaryCrossentropy(), np.array([[0.0, 0.0, 1.0, 1.0, 1e-310]])
    assert loss([[1, 0, 1, 0, 1]], p) == pytest.approx(-3 * np.log(1e-7) / 5)
    np.testing.assert_allclose(loss.backward(), [[-1e7 / 5, 1 / 5, -1 / 5, 1e7 / 5, -1e7 / 5]], rtol=1e-12)
    # outside [0, 1] it is no probability: the loss is that of the edge, and has no slope
    assert loss([[1, 0, 1, 0]], np.array([[-0.5, -0.5, 1.5, 1.5]])) == pytest.approx(-2 * np.log(1e-7) / 4)
    np.testing.assert_array_equal(loss.backward(), 0)


def test_the_logarithm_of_1_minus_a_small_probability_is_not_rounded():
    """log(1 − p) = −p − p²/2 − …; 1 − p itself is 1 in float32."""
    loss = losses.BinaryCrossentropy()
    assert loss([[0]], np.array([[1e-10]], "float32")) == pytest.approx(1e-10, rel=1e-6)


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


@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
@pytest.mark.parametrize(
    ("samples", "weights"),
    [(4, (4,)), (4, (4, 1)), (4, ()), (4, (1, 4)), (4, (4, 4)), (1, (3,)), (1, (2, 3))],
)
def test_the_gradient_has_the_weights_that_each_loss_meets(samples, weights, reduction, rng):
    loss, y_pred = losses.MeanSquaredError(reduction), rng.standard_normal((samples, 3))
    analytic, exact = gradients(loss, y_pred + 1, y_pred, rng.uniform(0.5, 2, weights))
    assert worst_error(analytic, exact) <= 1e-12
    assert analytic.any()


@pytest.mark.parametrize(
    "weights", [(4,), (4, 2, 3), (4, 2, 3, 1), (4, 1, 1), (2, 3), (3,), (), (2, 4, 2, 3)]
)
@pytest.mark.parametrize("loss", [losses.MeanSquaredError(), losses.BinaryCrossentropy(from_logits=True)])
def test_maps_may_have_a_weight_for_each_pixel(loss, weights, rng):
    y_pred, y_true, w = (
        rng.uniform(0.1, 0.9, (4, 2, 3, 5)),
        rng.uniform(size=(4, 2, 3, 5)),
        rng.uniform(size=weights),
    )
    analytic, exact = gradients(loss, y_true, y_pred, w)
    assert worst_error(analytic, exact) <= 1e-12
    assert analytic.any()
    if weights == (4,):  # one an image, not one for each place of the last axis
        np.testing.assert_allclose(gradients(loss, y_true, y_pred, w[:, None, None])[0], analytic)


@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
@pytest.mark.parametrize("weights", [None, (), (4,), (1, 4), (4, 4), (3, 4), (2, 1)])
@pytest.mark.parametrize("samples", [4, 1])
def test_the_loss_is_the_sum_over_all_pairs_of_a_loss_and_a_weight(samples, weights, reduction, rng):
    y_true, y_pred = rng.standard_normal((2, samples, 3))
    each = ((y_pred - y_true) ** 2).mean(1)
    given = None if weights is None else rng.uniform(0.5, 2, weights)
    w = np.ones(samples) if given is None else given
    if w.shape == (2, 1):
        w = w[:, 0]
    if w.shape == (2,) and samples == 4:
        with pytest.raises(
            ValueError, match=r"sample_weight has 2 entries, expected 4.*\(2,\) does not broadcast"
        ):
            losses.MeanSquaredError(reduction)(y_true, y_pred, given)
        return
    pairs = each * w
    divisor = {"sum": 1, "mean_with_sample_weight": w.sum()}.get(reduction, pairs.size)
    assert losses.MeanSquaredError(reduction)(y_true, y_pred, given) == pytest.approx(
        pairs.sum() / divisor, rel=1e-12
    )


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

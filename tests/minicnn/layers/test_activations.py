"""Activation layers: their options reach both passes and the configuration."""

import json
import math

import numpy as np
import pytest

from minicnn import Sequential, activations, initializers, layers, models

X = np.array([[-2.0, 0.0, 3.0]])


@pytest.mark.parametrize(
    ("make", "y", "slope"),
    [
        (lambda: layers.ReLU(), [0, 0, 3], [0, 0, 1]),
        (lambda: layers.ReLU(negative_slope=0.25), [-0.5, 0, 3], [0.25, 0.25, 1]),
        (lambda: layers.ReLU(2.5), [0, 0, 2.5], [0, 0, 0]),  # the first argument is Keras's
        (lambda: layers.ReLU(None, 0.5, 1), [-1.5, -0.5, 3], [0.5, 0.5, 1]),
        (lambda: layers.LeakyReLU(), [-0.6, 0, 3], [0.3, 0.3, 1]),
        (lambda: layers.LeakyReLU(0.25), [-0.5, 0, 3], [0.25, 0.25, 1]),
        (lambda: layers.LeakyReLU(alpha=0.25), [-0.5, 0, 3], [0.25, 0.25, 1]),
        (lambda: layers.Activation("leaky_relu"), [-0.4, 0, 3], [0.2, 0.2, 1]),
        (lambda: layers.ELU(), [math.exp(-2) - 1, 0, 3], [math.exp(-2), 1, 1]),
        (lambda: layers.ELU(2.0), [2 * math.exp(-2) - 2, 0, 3], [2 * math.exp(-2), 2, 1]),
        (lambda: layers.PReLU(initializers.Constant(0.25)), [-0.5, 0, 3], [0.25, 0.25, 1]),
    ],
)
def test_values_and_slopes_by_hand(make, y, slope):
    layer = make()
    for each in (layer, type(layer).from_config(layer.get_config())):
        np.testing.assert_allclose(each(X), [y], rtol=1e-15)
        np.testing.assert_allclose(each.backward(np.ones_like(X)), [slope], rtol=1e-15)


def test_the_options_of_one_layer_are_not_those_of_another(monkeypatch):
    one, other = layers.Activation("leaky_relu"), layers.Activation("leaky_relu")
    monkeypatch.setitem(one.options, "negative_slope", 0.5)
    assert other.options == {"negative_slope": 0.2}


def test_below_an_activation_is_what_it_is_given():
    layer, dy = layers.Activation("tanh"), np.ones_like(X)
    np.testing.assert_allclose(layer.forward(X), np.tanh(X))
    assert layer.pre_activation_forward(X) is X
    assert layer.pre_activation_backward(dy) is dy
    np.testing.assert_allclose(layer.backward(dy), 1 - np.tanh(X) ** 2)


@pytest.mark.parametrize("axes", [1, [1], np.array([1])], ids=["integer", "list", "array"])
def test_prelu_shares_its_alpha_along_one_axis_or_several(axes):
    layer = layers.PReLU(shared_axes=axes)
    layer(np.array([[[-1.0, -2.0, 3.0], [-4.0, 5.0, 6.0]]]))
    assert layer.alpha.shape == (1, 3)
    layer.backward(np.ones((1, 2, 3)))
    np.testing.assert_array_equal(layer.alpha.grad, [[-5, -2, 0]])
    assert json.dumps(layer.get_config()["shared_axes"]) == "[1]"


@pytest.mark.parametrize("make", [lambda: layers.Dense(3, "softmax"), lambda: layers.Activation("softmax")])
@pytest.mark.parametrize("new", ["sigmoid", activations.sigmoid])
def test_another_activation_is_used_from_the_next_pass_on(make, new, tmp_path):
    """As in Keras; a compiled model's loss then begins at the logits of the new one, and a saved one keeps it."""
    z, t = np.array([[20.0, -20.0, 1.0]]), np.array([[0.0, 1.0, 1.0]])
    model = Sequential([layers.Input((3,), dtype="float64"), make()])
    for weight in model.weights:
        weight.assign(np.eye(3) if weight.name == "kernel" else np.zeros(3))
    model.compile("sgd", "binary_crossentropy")
    model.layers[-1].activation = new
    p = 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(model.predict(z), p, rtol=1e-12)
    value, _ = model.forward_loss(z, t)
    assert value == pytest.approx((20 + 20 + np.log1p(np.exp(-1))) / 3, rel=1e-8)
    np.testing.assert_allclose(model.set_gradients(need_dx=True), (p - t) / 3, rtol=1e-12)
    model.save(tmp_path / "model.npz")
    loaded = models.load_model(tmp_path / "model.npz")
    assert loaded.layers[-1].activation == "sigmoid"
    np.testing.assert_allclose(loaded.predict(z), p, rtol=1e-12)


def test_another_activation_has_its_usual_options():
    layer = layers.Activation("leaky_relu")
    layer.activation = "tanh"
    np.testing.assert_allclose(layer.forward(X), np.tanh(X))
    assert layer.options == {}
    with pytest.raises(ValueError, match="activation"):
        layer.activation = "tanhh"
    assert layer.activation == "tanh"


def test_the_activation_at_the_end_of_a_layer():
    own = layers.ReLU(negative_slope=0.5)
    for given, kept in ((None, None), ("relu", "relu"), (activations.relu, "relu"), (own, own)):
        layer = layers.Dense(2, given, name="last")
        assert layer.activation == kept
        assert (layer.final_activation is own) == (given is own)
        assert layer.final_activation.name == (own.name if given is own else "last/activation")
        assert layer.final_activation.activation == ("leaky_relu" if given is own else kept or "linear")


@pytest.mark.parametrize(
    ("layer", "name", "values", "at_minus_2"),
    [
        (layers.ReLU(), "negative_slope", (0.25, 0.0), (-0.5, 0.0)),  # slope · x
        (layers.LeakyReLU(0.5), "negative_slope", (0.25, 1), (-0.5, -2.0)),
        (layers.ELU(), "alpha", (0.5, 2.0), (0.5 * math.expm1(-2), 2 * math.expm1(-2))),  # alpha · (eˣ − 1)
    ],
)
def test_an_option_that_is_set_later_is_used(layer, name, values, at_minus_2):
    x = np.array([[-2.0, 3.0]])
    for value, expected in zip(values, at_minus_2):
        setattr(layer, name, value)
        assert getattr(layer, name) == value
        assert layer.get_config()[name] == value
        np.testing.assert_allclose(layer(x), [[expected, 3.0]], rtol=1e-15)
        slope = value * math.exp(-2) if name == "alpha" else value
        np.testing.assert_allclose(layer.backward(np.array([[7.0, 11.0]])), [[7 * slope, 11.0]], rtol=1e-15)
    with pytest.raises(ValueError, match=f"{name}=nan: expected a number"):
        setattr(layer, name, float("nan"))


@pytest.mark.parametrize(
    "wrong", [{"max_value": -1.0}, {"threshold": -0.5}, {"threshold": None}, {"negative_slope": None}]
)
def test_relu_refuses(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}=.*: expected a number"):
        layers.ReLU(**wrong)

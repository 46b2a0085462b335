"""Lambda: a function as a layer, with a gradient of one's own or none."""

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, layers
from minicnn.gradient_check import check_layer, check_model
from minicnn.models import clone_model, load_model

SQUARE = {"function": lambda x: x**2, "gradient": lambda dy, x: 2 * x * dy}


def net(*between, first=()):
    model = Sequential(
        [Input((4,)), *first, layers.Dense(3), *between, layers.Dense(2, activation="softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_its_gradient_is_used_and_can_be_checked(rng):
    layer = layers.Lambda(lambda x, power: x**power, arguments={"power": 3}, gradient=cubed)
    x = rng.standard_normal((3, 4))
    np.testing.assert_array_equal(layer(x), x**3)
    np.testing.assert_array_equal(layer.backward(np.full(x.shape, 2.0)), 2 * 3 * x**2)
    assert check_layer(layer, x).passed
    assert not check_layer(layers.Lambda(SQUARE["function"], gradient=lambda dy, x: dy * x), x).passed
    assert check_model(net(layers.Lambda(**SQUARE)), x, np.array([0, 1, 1])).passed


def test_what_its_gradient_returns_is_an_array_of_dys_type():
    layer = layers.Lambda(SQUARE["function"], gradient=lambda dy, x: (2.0 * x * dy).tolist())
    x = np.ones((2, 3), "float32")
    layer(x)
    dx = layer.backward(x)
    assert dx.dtype == "float32"
    np.testing.assert_array_equal(dx, 2 * x)


def cubed(dy, x, power):
    return dy * power * x ** (power - 1)


def test_without_a_gradient_it_predicts_and_stands_before_the_first_weight(rng):
    x, y = rng.standard_normal((6, 4)).astype("float32"), np.arange(6) % 2
    first = net(first=[layers.Lambda(lambda x: x / 2)])
    assert np.isfinite(first.fit(x, y, verbose=0).history["loss"]).all()
    middle = net(layers.Lambda(np.abs, name="size"))
    assert middle.predict(x, verbose=0).shape == (6, 2)
    before = middle.get_weights()
    with pytest.raises(
        NotImplementedError, match=r"size: a Lambda without gradient cannot train .*gradient=lambda"
    ):
        middle.fit(x, y, verbose=0)
    for one, other in zip(middle.get_weights(), before):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (None, 5, 2)),  # tried
        ({"output_shape": (5, 2)}, (None, 5, 2)),
        ({"output_shape": lambda shape: (shape[0], shape[1], 2)}, (None, 5, 2)),
    ],
)
def test_the_shape_of_its_output(options, shape):
    x = Input((5, 3))
    y = layers.Lambda(lambda x: x[..., 1:], **options)(x)
    assert y.shape == shape
    assert Model(x, y)(np.ones((2, 5, 3))).dtype == np.float32
    if options:
        assert layers.Lambda(lambda x: x, **options).compute_output_shape((None, 5, None)) == shape


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda x: layers.Lambda("relu"), "function='relu': expected a function"),
        (lambda x: layers.Lambda(np.abs, gradient=3), "gradient=3: expected a function"),
        (lambda x: layers.Lambda(np.sum)(x), r"the function made \(\) of \(2, 3\)"),
        (
            lambda x: backward(lambda dy, x: dy[:, :1], x),
            r"gradient returned \(2, 1\), expected x's shape \(2, 3\)",
        ),
        (lambda x: layers.Lambda(np.abs)(Input((None, 3))), "give output_shape"),
    ],
)
def test_mistakes_are_named(run, message):
    with pytest.raises((TypeError, ValueError), match=message):
        run(np.ones((2, 3)))


def backward(gradient, x):
    layer = layers.Lambda(np.abs, gradient=gradient)
    return layer.backward(layer(x))


def test_it_is_in_no_file(tmp_path):
    model = net(layers.Lambda(**SQUARE))
    for save in (lambda: model.save(tmp_path / "x.npz"), model.to_json, lambda: clone_model(model)):
        with pytest.raises(ValueError, match="a function cannot be in a file; save the weights"):
            save()
    assert not (tmp_path / "x.npz").exists()
    model.save_weights(tmp_path / "w.npz")
    same = net(layers.Lambda(**SQUARE))
    same.load_weights(tmp_path / "w.npz")
    np.testing.assert_array_equal(same(np.ones((1, 4))), model(np.ones((1, 4))))
    saved = net(layers.Lambda(**SQUARE).from_config({"function": np.abs, "name": "a"}))
    assert saved.get_layer("a").function is np.abs
    with pytest.raises(ValueError, match="unknown layer 'Lambda' in a file"):
        layers.Lambda.from_config({"name": "a"})
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "x.npz")

"""A layer at several places of a graph: one set of weights, whose gradients add; and a layer without weights."""

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, layers, ops
from minicnn.gradient_check import check_model
from minicnn.models import clone_model, load_model, model_from_json

SHAPE = (6, 6, 2)


class Gated(layers.Layer):
    """x · tanh(x), by two layers in attributes that ``sublayers`` does not name: they have no weights."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inside = {"tanh": [layers.Activation("tanh")]}
        self.product = layers.Multiply()

    def forward(self, x, training=False):
        return self.product.forward([x, self.inside["tanh"][0].forward(x)])

    def backward(self, dy):
        first, second = self.product.backward(dy)
        return first + self.inside["tanh"][0].backward(second)


def ending(x, y):
    model = Model(x, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(y)))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def convolution():
    """One convolution, its activation too, three times in a row and beside each other."""
    x = Input(SHAPE)
    one = layers.Conv2D(2, 3, padding="same", activation="tanh", bias_initializer="random_normal")
    return ending(x, layers.Multiply()([one(one(x)), one(layers.ReLU()(x))]))


def network():
    """A network inside, for two views of an image; its batch norm sees both, one after the other."""
    x = Input(SHAPE)
    inner = Sequential(
        [
            Input(SHAPE),
            layers.Conv2D(3, 3, activation="relu"),
            layers.MaxPooling2D(2, 1),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    )
    return ending(x, layers.Subtract()([inner(x), inner(layers.Rescaling(-2.0)(x))]))


def without_weights():
    """Layers without weights, at places of several shapes."""
    x = Input(SHAPE)
    relu, pool, gated = layers.Activation("relu"), layers.MaxPooling2D(2), Gated()
    y = pool(relu(layers.Conv2D(4, 3, padding="same")(x)))
    y = pool(relu(layers.Conv2D(3, 2, padding="same")(gated(y))))
    return ending(x, layers.Add()([gated(y), y]))


def last():
    """The layer at the end, with the softmax, is at the beginning too."""
    x, top = Input((3,)), layers.Dense(3, activation="softmax")
    model = Model(x, top(layers.Rescaling(3.0)(top(x))))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


MODELS = [convolution, network, without_weights, last]


def test_a_shared_last_layer_gives_its_output_to_the_loss():
    assert last().last_function is None


def test_what_is_set_between_the_passes_stays(rng):
    model = network()
    x = rng.standard_normal((3, *model.input_shape[1:]))
    shared = next(layer for layer in model.layers if layer.trainable_weights)
    y = model(x, training=True)
    shared.trainable = False
    model.backward(np.ones_like(y))
    assert not shared.trainable


def test_by_hand():
    x, dense = Input((1,), dtype="float64"), layers.Dense(1, use_bias=False)
    model = Model(x, dense(dense(x)))
    model.set_weights([np.array([[3.0]])])
    np.testing.assert_array_equal(model(np.array([[2.0]])), [[18]])  # w²·x
    np.testing.assert_array_equal(model.backward(np.array([[1.0]])), [[9]])  # w²
    np.testing.assert_array_equal(dense.kernel.grad, [[12]])  # 2·w·x
    assert model.count_params() == 1


@pytest.mark.parametrize("make", MODELS)
def test_gradients(make, rng):
    model = make()
    assert check_model(model, rng.standard_normal((3, *model.input_shape[1:])), np.array([0, 2, 1])).passed


@pytest.mark.parametrize(
    "make", [convolution, without_weights, last, pytest.param(network, marks=pytest.mark.slow)]
)
def test_one_step_and_a_second_are_the_same_with_kernels_and_reference(make, rng):
    model = make()
    x, y = rng.standard_normal((4, *model.input_shape[1:])).astype("float32"), np.array([0, 2, 1, 1])
    weights = model.get_weights()
    trained = []
    for implementation in ops.IMPLEMENTATIONS:
        model.set_weights(weights)
        with ops.use(implementation):
            model.fit(x, y, epochs=2, verbose=0, shuffle=False)
        trained.append(model.get_weights())
    for one, other in zip(*trained):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("make", MODELS)
def test_files_and_copies(make, tmp_path, rng):
    model = make()
    x = rng.standard_normal((2, *model.input_shape[1:])).astype("float32")
    expected = model(x)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-6)
    known = {"Gated": Gated}
    model.save(tmp_path / "x.npz")
    np.testing.assert_array_equal(load_model(tmp_path / "x.npz", known)(x), expected)
    for copy in (clone_model(model), model_from_json(model.to_json(), known)):
        assert len(copy.layers) == len(model.layers)
        copy.set_weights(model.get_weights())
        np.testing.assert_array_equal(copy(x), expected)


def test_the_summary_names_each_layer_once_and_counts_its_weights_once(capsys):
    model = convolution()
    model.summary()
    text = capsys.readouterr().out
    name = next(layer.name for layer in model.layers if isinstance(layer, layers.Conv2D))
    assert text.count(f"{name} (Conv2D)") == 1
    assert f"{name}[1][0], {name}[2][0]" in text or f"{name}[2][0], {name}[1][0]" in text
    assert f"Total params: {3 * 3 * 2 * 2 + 2 + 2 * 3 + 3}" in text

"""What layers and graphs promise beside their numbers: decisions, memory, what is not
computed, what is not trained.
"""

import numpy as np
import pytest

from minicnn import initializers, layers, models, ops, regularizers
from minicnn.gradient_check import STEP

IMAGES = (3, 5, 4, 2)


@pytest.mark.parametrize(
    "make",
    [
        layers.Maximum,
        layers.Minimum,
        lambda **k: layers.PReLU(alpha_initializer=initializers.Constant(0.25), **k),
    ],
    ids=["Maximum", "Minimum", "PReLU"],
)
def test_a_tiny_imaginary_part_changes_no_decision(make, rng):
    """At ties and at 0 too: there the real parts do not tell, and the imaginary ones may not."""
    several = make().multiple_inputs
    x = [rng.integers(-1, 2, IMAGES).astype(float) for _ in range(3 if several else 1)]
    nudged = [each + 1j * STEP * rng.standard_normal(IMAGES) for each in x]
    dy, results = rng.standard_normal(IMAGES), []
    for given in (x, nudged):
        layer = make(dtype="float64")
        with ops.use("reference"):
            layer(given if several else given[0])
            dx = layer.backward(dy)
        results.append(
            [np.real(each) for each in (dx if several else [dx])] + [np.real(w.grad) for w in layer.weights]
        )
    for real, other in zip(*results):
        np.testing.assert_array_equal(other, real)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Permute((3, 1, 2)),
        layers.ZeroPadding2D(1),
        layers.Reshape((4, 10)),
        layers.UpSampling2D(2),
        layers.Flatten(),
    ],
    ids=lambda layer: layer.name,
)
def test_dx_lies_in_one_piece(layer, rng):
    y = layer(rng.standard_normal(IMAGES))
    assert layer.backward(rng.standard_normal(y.shape)).flags.c_contiguous


def test_every_part_of_a_concatenation_lies_in_one_piece(rng):
    layer = layers.Concatenate()
    y = layer([rng.standard_normal(IMAGES), rng.standard_normal(IMAGES)])
    parts = layer.backward(rng.standard_normal(y.shape))
    assert all(part.flags.c_contiguous for part in parts)


def test_prelu_gives_its_regularizer_to_alpha():
    one = regularizers.L2(0.1)
    layer = layers.PReLU(alpha_regularizer=one)
    layer(np.ones(IMAGES))
    assert layer.alpha.regularizer is one


@pytest.mark.parametrize("shape", [(6, 2), IMAGES], ids=["rows", "images"])
def test_batch_normalization_without_scale_or_center(shape, rng):
    x = rng.standard_normal(shape)
    y = layers.BatchNormalization(scale=False, center=False, epsilon=1e-9)(x, training=True)
    axes = tuple(range(x.ndim - 1))
    np.testing.assert_allclose(y.mean(axes), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(axes), 1, rtol=1e-8)


# ---- what is trained ---------------------------------------------------------------------------------------


def test_trainable_is_true_or_false_and_is_handed_on():
    inner = [layers.Dense(2, trainable=1), layers.Dense(3)]
    chain = layers.Chain(inner)
    chain(np.ones((1, 4)))
    assert inner[0].trainable is True
    chain.trainable = 0
    assert [layer.trainable for layer in (chain, *inner)] == [False] * 3
    assert chain.trainable is False
    assert chain.trainable_weights == []
    chain.trainable = True
    assert [layer.trainable for layer in inner] == [True] * 2
    assert len(chain.trainable_weights) == 4


def branches(weights_first):
    """A branch with weights and one without, added in either order."""
    x = layers.Input((3,), dtype="float64")
    trained = layers.Dense(3, name="trained", kernel_initializer="ones")(x)
    plain = layers.Activation("tanh")(x)
    y = layers.Add()([trained, plain] if weights_first else [plain, trained])
    return models.Model(x, y)


@pytest.mark.parametrize("weights_first", [True, False])
def test_a_branch_without_weights_keeps_no_other_from_its_gradient(weights_first, rng):
    model = branches(weights_first)
    x, dy = rng.standard_normal((5, 3)), rng.standard_normal((5, 3))
    model.forward(x)
    model.needs_dx = False
    assert model.backward(dy) is None
    np.testing.assert_allclose(model.get_layer("trained").kernel.grad, x.T @ dy, rtol=1e-12)


def test_a_graph_of_two_inputs_gives_no_dx_where_none_is_needed(rng):
    one, two = layers.Input((3,)), layers.Input((3,))
    model = models.Model([one, two], layers.Add()([layers.Dense(3)(one), layers.Dense(3)(two)]))
    y = model.forward([np.ones((2, 3), "float32")] * 2)
    assert len(model.backward(y)) == 2
    model.needs_dx = False
    assert model.backward(y) is None


def test_a_tuple_of_symbols_is_several():
    one, two = layers.Input((3,), dtype="float32"), layers.Input((3,))
    y = layers.Add()((one, two))
    assert y.inputs == (one, two)
    assert isinstance(y.shape, tuple)
    assert type(y.dtype) is str


def test_after_the_gradients_a_model_is_as_it_was(rng):
    model = models.Sequential([layers.Dense(3)])
    model.compile("sgd", "mse")
    model.build((None, 2))
    model.forward_loss(np.ones((2, 2), "float32"), np.ones((2, 3), "float32"))
    for need_dx in (False, True):
        model.set_gradients(need_dx)
        assert model.needs_dx


def test_who_changes_the_array_of_a_weight_does_not_change_the_weight():
    layer = layers.Dense(2, kernel_initializer="ones", use_bias=False)
    layer(np.ones((1, 3)))
    for copied in (
        layer.kernel.numpy(),
        np.asarray(layer.kernel),
        np.array(layer.kernel),
        layer.get_weights()[0],
    ):
        copied[...] = 7
    np.testing.assert_array_equal(layer.kernel.value, 1)
    assert np.asarray(layer.kernel, "float32").dtype == "float32"

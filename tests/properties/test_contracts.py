"""What operations and layers promise beside their numbers: the planted faults of
tests/mutation asked for these.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import activations, layers, models, ops, regularizers
from minicnn.gradient_check import STEP
from minicnn.gradient_check.suite.operations import OPERATIONS
from tests.properties.draw import HypothesisDraw, seeds

IMAGES = (3, 5, 4, 2)
CONVOLUTIONS = {
    "conv2d": (3, 3, 2, 4),
    "conv2d_transpose": (3, 3, 4, 2),
    "depthwise_conv2d": (3, 3, 2, 2),
}


@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data(), seed=seeds)
def test_a_tiny_imaginary_part_changes_no_decision(name, data, seed):
    """On the reference, of the backward pass too: which side of a kink, which
    maximum, is the real part's affair.
    """
    op, rng = OPERATIONS[name], np.random.default_rng(seed)
    case = op.draw(HypothesisDraw(data), False)
    nudged = {
        array: value + 1j * STEP * rng.standard_normal(value.shape) for array, value in case.arrays.items()
    }
    with ops.use("reference"):
        (y, *_), cache = op.forward(case.arrays, case.options)
        dy = rng.standard_normal(y.shape)
        expected = op.backward(dy, cache, case.arrays)
        gradients = op.backward(dy, op.forward(nudged, case.options)[1], case.arrays)
    for array, gradient in gradients.items():
        scale = max(1.0, np.abs(expected[array]).max(initial=0))
        np.testing.assert_allclose(gradient.real, expected[array], rtol=0, atol=1e-12 * scale)


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data())
def test_a_gradient_belongs_to_who_asked_for_it(name, implementation, data):
    """It may be written to, in memory of its own, and lies in one piece."""
    op = OPERATIONS[name]
    case = op.draw(HypothesisDraw(data), False)
    with ops.use(implementation):
        (y, *_), cache = op.forward(case.arrays, case.options)
        dy = np.random.default_rng(0).standard_normal(y.shape)
        gradients = op.backward(dy, cache, case.arrays)
    for gradient in gradients.values():
        assert gradient.flags.writeable
        assert gradient.flags.c_contiguous
        assert not np.shares_memory(gradient, dy)


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_what_is_not_needed_is_not_returned(name, implementation, rng):
    x, kernel = rng.standard_normal(IMAGES), rng.standard_normal(CONVOLUTIONS[name])
    with ops.use(implementation):
        y, cache = getattr(ops, f"{name}_forward")(x, kernel)
        dy = rng.standard_normal(y.shape)
        dx, dkernel, dbias = getattr(ops, f"{name}_backward")(dy, cache)
        nothing, alone, _ = getattr(ops, f"{name}_backward")(dy, cache, need_dx=False)
    assert dx.shape == x.shape
    assert dbias is None
    assert nothing is None
    np.testing.assert_array_equal(alone, dkernel)


# random erasing is the reference's own; convolutions and dense cast dy to x's type, which NumPy warns of
@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - {"random_erasing", "dense", *CONVOLUTIONS}))
@given(data=st.data())
def test_no_kernel_takes_a_complex_upstream_gradient(name, data):
    op = OPERATIONS[name]
    case = op.draw(HypothesisDraw(data), False)
    with ops.use("kernels"):
        (y, *_), cache = op.forward(case.arrays, case.options)
        with pytest.raises(TypeError, match="for complex numbers use"):
            op.backward(y.astype(complex), cache, case.arrays)


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize("row", activations.TABLE.values(), ids=lambda row: row.name)
def test_no_entries_are_no_error(row, implementation):
    with ops.use(implementation):
        y, cache = row.forward(np.zeros((0, 3)))
        assert y.shape == row.backward(y, cache).shape == (0, 3)


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
def test_the_squared_norm_is_a_python_float(implementation):
    """A float64 of NumPy would make float64 of every float32 that it multiplies."""
    with ops.use(implementation):
        assert type(ops.squared_norm(np.ones(3, np.float32))) is float


def test_no_kernel_squares_a_complex_gradient():
    with pytest.raises(TypeError, match="for complex numbers use"):
        ops.kernels.squared_norm(np.ones(3, complex))


# ---- layers ------------------------------------------------------------------------------------------------


def test_a_dropout_that_drops_nothing_draws_nothing(rng):
    layer = layers.Dropout(0.0)
    x, before = rng.standard_normal(IMAGES), layer.generator.bit_generator.state
    assert layer(x, training=True) is x
    assert layer.generator.bit_generator.state == before


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda **r: layers.Conv2D(2, 2, **r), {"kernel": "kernel", "bias": "bias"}),
        (lambda **r: layers.Dense(2, **r), {"kernel": "kernel", "bias": "bias"}),
        (lambda **r: layers.DepthwiseConv2D(2, **r), {"depthwise": "kernel", "bias": "bias"}),
        (
            lambda **r: layers.SeparableConv2D(2, 2, **r),
            {"depthwise": "depthwise_kernel", "pointwise": "pointwise_kernel", "bias": "bias"},
        ),
        (lambda **r: layers.BatchNormalization(**r), {"gamma": "gamma", "beta": "beta"}),
    ],
    ids=["Conv2D", "Dense", "DepthwiseConv2D", "SeparableConv2D", "BatchNormalization"],
)
def test_every_regularizer_reaches_its_weight(make, names):
    given_ones = {name: regularizers.L2(0.1) for name in names}
    layer = make(**{f"{name}_regularizer": one for name, one in given_ones.items()})
    layer(np.ones(IMAGES))
    for name, weight in names.items():
        assert getattr(layer, weight).regularizer is given_ones[name]


@pytest.mark.parametrize(
    "layer",
    [layers.Conv2D(2, 2), layers.DepthwiseConv2D(2), layers.SeparableConv2D(2, 2), layers.MaxPooling2D()],
    ids=lambda layer: layer.name,
)
def test_images_without_channels_are_refused(layer):
    with pytest.raises(ValueError, match=r"expected \(batch, height, width, channels\)"):
        layer(np.ones(IMAGES[:3]))


def test_nothing_is_computed_for_a_dx_that_nobody_needs(rng):
    block = layers.Residual([layers.Conv2D(2, 3, padding="same")], [layers.Conv2D(2, 1)])
    y = block(rng.standard_normal(IMAGES), training=True)
    dy = rng.standard_normal(y.shape)
    assert block.backward(dy).shape == IMAGES
    block.needs_dx = False
    assert block.backward(dy) is None
    assert not any(layer.needs_dx for layer in (block.main[0], block.shortcut[0]))


@pytest.mark.parametrize(
    "inner",
    [[layers.BatchNormalization(), layers.Conv2D(2, 1)], [layers.Flatten()], []],
    ids=["a layer that always returns one", "nothing to train", "no layers"],
)
def test_a_chain_returns_dx_only_where_it_is_needed(inner, rng):
    chain = layers.Chain(inner)
    y = chain(rng.standard_normal(IMAGES), training=True)
    dy = rng.standard_normal(y.shape)
    assert chain.backward(dy).shape == IMAGES
    chain.needs_dx = False
    assert chain.backward(dy) is None


def test_an_empty_chain_ends_in_no_activation():
    assert layers.Chain([]).last_function is None


def test_no_two_dropout_masks_are_alike():
    layer, x = layers.Dropout(0.5, seed=3), np.ones((1, 99))
    assert len({layer(x, training=True).tobytes() for _ in range(400)}) == 400


def test_a_model_that_ends_in_softmax_learns_from_a_probability_of_zero():
    """Its gradient is p − t, taken at the logits: through the probability, which
    underflows, there would be none.
    """
    model = models.Sequential(
        [layers.Dense(3, activation="softmax", kernel_initializer="ones", dtype="float64")]
    )
    model.compile("sgd", "categorical_crossentropy")
    model.build((None, 1))
    model.layers[0].kernel.assign([[1.0, -1.0, 0.0]])
    x, t = np.array([[1000.0]]), np.array([[0.0, 1.0, 0.0]])
    model.train_on_batch(x, t)
    np.testing.assert_allclose(model.layers[0].bias.grad, [1, -1, 0], atol=1e-15)
    np.testing.assert_allclose(model.layers[0].kernel.grad, [[1000, -1000, 0]], atol=1e-12)


def test_normalization_by_hand():
    np.testing.assert_allclose(layers.Normalization(mean=0.5, variance=4.0)(np.array([[0.5, 4.5]])), [[0, 2]])
    # a deviation of 0 counts as 1e-7, as in Keras
    np.testing.assert_allclose(layers.Normalization(mean=0.0, variance=0.0)(np.array([[2.0]])), [[2e7]])


@pytest.mark.parametrize("name", [*CONVOLUTIONS, "dense"])
def test_an_upstream_gradient_of_another_float_type_is_cast(name, rng):
    shapes = (IMAGES, CONVOLUTIONS[name]) if name in CONVOLUTIONS else ((5, 3), (3, 4))
    x, kernel = (rng.standard_normal(shape).astype("float32") for shape in shapes)
    with ops.use("kernels"):
        y, cache = getattr(ops, f"{name}_forward")(x, kernel)
        dy = rng.standard_normal(y.shape)
        gradients = getattr(ops, f"{name}_backward")(dy, cache)
        expected = getattr(ops, f"{name}_backward")(dy.astype("float32"), cache)
    for gradient, same in zip(gradients[:2], expected):
        assert gradient.dtype == "float32"
        np.testing.assert_array_equal(gradient, same)

"""What layers do beside their gradients: shapes, statistics, modes, dtypes, errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn
from minicnn import layers, ops
from minicnn.gradient_check.suite import Draw
from minicnn.gradient_check.suite.layers import LAYERS

IMAGES = (4, 6, 5, 2)


def cases(kind):
    """Some of the cases that the gradient suite draws for a layer, each with a
    layer that takes x's type, and x.
    """
    for seed in range(4):
        case = LAYERS[kind](Draw(np.random.default_rng(seed)), False)
        # where layers join, the case is a graph, and a graph has the type of its input, not of x
        yield (lambda dtype, case=case: case.make(dtype if kind.multiple_inputs else None)), case.x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
def test_shape_and_dtype_are_kept_through_both_passes(kind, dtype):
    for make, x in cases(kind):
        layer = make(dtype)
        x = x.astype(dtype)
        for training in (True, False):
            y = layer(x, training=training)
            assert y.shape == layer.compute_output_shape(x.shape)
            assert y.dtype == dtype
            dx = layer.backward(np.ones_like(y))
            assert dx.shape == x.shape
            assert dx.dtype == dtype
            for weight in layer.trainable_weights:
                assert weight.grad.shape == weight.shape
                assert weight.grad.dtype == weight.dtype == dtype


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
def test_neither_pass_changes_its_input(kind, rng):
    for make, x in cases(kind):
        x = x.astype("float32")
        before = x.copy()
        layer = make("float32")
        y = layer(x, training=True)
        dy = rng.standard_normal(y.shape).astype("float32")
        dy_before = dy.copy()
        layer.backward(dy)
        np.testing.assert_array_equal(x, before)
        np.testing.assert_array_equal(dy, dy_before)


def test_batch_normalization_statistics_by_hand():
    layer = layers.BatchNormalization(momentum=0.9, epsilon=1e-3)
    x = np.array([[1.0, 10.0], [3.0, 10.0]])
    y = layer(x, training=True)
    np.testing.assert_allclose(y, [[-1 / np.sqrt(1.001), 0], [1 / np.sqrt(1.001), 0]])
    np.testing.assert_allclose(layer.moving_mean.value, [0.2, 1.0])
    np.testing.assert_allclose(layer.moving_variance.value, [0.9 + 0.1, 0.9])
    before = layer.get_weights()
    np.testing.assert_allclose(layer(x), (x - [0.2, 1.0]) / np.sqrt(np.array([1.0, 0.9]) + 1e-3))
    for a, b in zip(layer.get_weights(), before):
        np.testing.assert_array_equal(a, b)  # evaluation moves nothing


def test_frozen_batch_normalization_uses_the_moving_statistics():
    layer = layers.BatchNormalization(trainable=False)
    x = np.array([[1.0], [3.0]])
    np.testing.assert_allclose(layer(x, training=True), x / np.sqrt(1.001))
    assert layer.trainable_weights == []
    assert layer.moving_mean.value == 0


@pytest.mark.parametrize(
    ("groups", "y"),
    [
        (2, [-1, 1, -1, 1]),  # means 2 and 30, deviations 1 and 10
        (4, [0, 0, 0, 0]),
        (-1, [0, 0, 0, 0]),  # one group for each channel: an entry is its own mean
    ],
)
def test_group_normalization_by_hand(groups, y):
    layer = layers.GroupNormalization(groups, epsilon=1e-12)
    np.testing.assert_allclose(layer(np.array([[1.0, 3.0, 20.0, 40.0]])), [y], rtol=1e-11)


@given(rate=st.floats(0, 0.9), spatial=st.booleans(), seed=st.integers(0, 1000))
def test_dropout(rate, spatial, seed):
    layer = (layers.SpatialDropout2D if spatial else layers.Dropout)(rate, seed=seed)
    x = np.ones((3, 4, 4, 5))
    y = layer(x, training=True)
    assert np.isin(y, [0, 1 / (1 - rate)]).all() or np.allclose(y[y != 0], 1 / (1 - rate))
    np.testing.assert_array_equal(layer.backward(x), y)  # the same mask and scale on the way back
    if spatial:
        np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1, :1], y.shape))
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layer.backward(x), x)


def test_dropout_keeps_the_mean():
    y = layers.Dropout(0.3, seed=0)(np.ones((200, 500)), training=True)
    assert y.mean() == pytest.approx(1, abs=0.01)  # 100,000 draws: 5 standard deviations
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)


def test_two_draws_differ():
    layer = layers.Dropout(0.5)
    x = np.ones((10, 10))
    assert not np.array_equal(layer(x, training=True), layer(x, training=True))


def moved(layer, image):
    return layer(image[None, :, :, None].astype(float), training=True)[0, :, :, 0]


def test_augmentation_goes_the_way_keras_says():
    image = np.zeros((5, 5))
    image[2, 4] = 1  # at the right edge
    np.testing.assert_allclose(moved(layers.RandomTranslation((0.2, 0.2), (-0.4, -0.4)), image)[3, 2], 1)
    np.testing.assert_allclose(
        moved(layers.RandomRotation((0.25, 0.25)), image)[0, 2], 1, atol=1e-12
    )  # to the top
    np.testing.assert_allclose(
        moved(layers.RandomZoom((-0.5, -0.5)), np.eye(5)[[2] * 5])[0, 1:4], [0.5, 1, 0.5], atol=0.51
    )
    out = moved(layers.RandomZoom((1.0, 1.0), fill_mode="constant"), np.ones((5, 5)))
    np.testing.assert_allclose(out, np.pad(np.ones((3, 3)), 1))  # twice as far away: half as large


@pytest.mark.parametrize(
    ("arguments", "alone", "drawn_before"),  # for each image, by the rotation and the zoom
    [
        ({"rotation_factor": 0.2}, lambda: layers.RandomRotation(0.2), 0),
        ({"zoom_factor": (0.1, 0.3)}, lambda: layers.RandomZoom((0.1, 0.3)), 1),
        ({"flip": "horizontal"}, lambda: layers.RandomFlip("horizontal"), 2),
        ({"height_factor": 0.2, "width_factor": 0.3}, lambda: layers.RandomTranslation(0.2, 0.3), 2),
    ],
    ids=["rotation", "zoom", "flip", "translation"],
)
def test_affine_with_one_argument_is_that_layer(arguments, alone, drawn_before, rng):
    affine, other = layers.RandomAffine(**arguments, seed=3), alone()
    other.generator = np.random.default_rng(3)
    other.generator.random(6 * drawn_before)
    x = rng.standard_normal((6, 9, 8, 2))
    np.testing.assert_allclose(affine(x, training=True), other(x, training=True), atol=1e-12)


def test_affine_is_layers_in_a_row(rng):
    """A quarter turn and a shift by one pixel read whole pixels, so that one map and two agree."""
    turn, move = (0.25, 0.25), (1 / 6, 1 / 6)
    x = rng.standard_normal((3, 6, 6, 1))
    together = layers.RandomAffine(rotation_factor=turn, height_factor=move, width_factor=move)
    first, second = layers.RandomTranslation(move, move), layers.RandomRotation(turn)
    y = second(first(x, training=True), training=True)
    np.testing.assert_allclose(together(x, training=True), y, atol=1e-12)


def test_flips():
    image = np.arange(12.0).reshape(3, 4)
    seen = {moved(layers.RandomFlip("horizontal"), image).tobytes() for _ in range(30)}
    assert seen == {image.tobytes(), image[:, ::-1].tobytes()}
    seen = {moved(layers.RandomFlip("vertical"), image).tobytes() for _ in range(30)}
    assert seen == {image.tobytes(), image[::-1].tobytes()}


def test_erasing_paints_one_box_of_the_right_size():
    layer = layers.RandomErasing(1.0, scale=(0.1, 0.2), fill_value=7.0)
    y = layer(np.zeros((50, 20, 20, 2)), training=True)
    for image in y[..., 0] == 7:
        rows, columns = image.any(1), image.any(0)
        np.testing.assert_array_equal(image, np.outer(rows, columns))
        assert 0.07 * 400 <= image.sum() <= 0.23 * 400
        assert np.diff(np.flatnonzero(rows)).max(initial=1) == 1
    never = layers.RandomErasing(0.0)
    np.testing.assert_array_equal(never(np.ones((5, 4, 4, 1)), training=True), np.ones((5, 4, 4, 1)))


RANDOM = [kind for kind in LAYERS if next(cases(kind))[0]("float32").generator]


@pytest.mark.parametrize("kind", RANDOM, ids=lambda kind: kind.__name__)
def test_evaluation_is_the_identity_for_random_layers(kind, rng):
    for make, _ in cases(kind):
        layer, x = make("float32"), rng.standard_normal(IMAGES).astype("float32")
        np.testing.assert_array_equal(layer(x, training=False), x)
        np.testing.assert_array_equal(layer.backward(x), x)


def test_the_random_layers_are_known_to_be_random():
    assert {layers.Dropout, layers.GaussianNoise, layers.RandomFlip, layers.RandomErasing} < set(RANDOM)


def test_normalization_adapts(rng):
    x = rng.normal([5, -3], [2, 0.1], (1000, 3, 3, 2))
    layer = layers.Normalization()
    layer.adapt(x)
    y = layer(x)
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(y.std((0, 1, 2)), 1, atol=1e-12)
    constant = layers.Normalization()
    constant.adapt(np.full((3, 2, 2, 1), 4.0))
    np.testing.assert_array_equal(constant(np.full((3, 2, 2, 1), 4.0)), 0)


def test_residual_without_shortcut_adds_x(rng):
    layer = layers.Residual(layers.Rescaling(2.0))
    x = rng.standard_normal(IMAGES)
    np.testing.assert_array_equal(layer(x), 3 * x)
    np.testing.assert_array_equal(layer.backward(x), 3 * x)


def test_a_layer_casts_integers_but_no_other_float(rng):
    layer = layers.Dense(2, dtype="float32")
    assert layer(np.ones((1, 3), np.uint8)).dtype == "float32"
    with pytest.raises(TypeError, match=r'x.astype\("float32"\)'):
        layer(np.ones((1, 3)))


def test_complex_numbers_go_through_the_reference_only():
    x = np.ones((1, 3), complex)
    layer = layers.Dense(2, dtype="float64")
    with ops.use("reference"):
        assert layer(x).dtype == complex
    with pytest.raises(TypeError, match="reference"):
        layer(x)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Conv2D(0, 3), ValueError, "filters=0"),
        (lambda: layers.Conv2D(4, (3, 0)), ValueError, r"kernel_size=\(3, 0\)"),
        (lambda: layers.Conv2D(4, 3, padding="full"), ValueError, "padding='full'"),
        (lambda: layers.Conv2D(4, 3)(np.ones((1, 2, 2, 1))), ValueError, "does not fit"),
        (lambda: layers.Conv2D(4, 3)(np.ones((2, 8, 8))), ValueError, "one channel"),
        (lambda: layers.MaxPooling2D(3)(np.ones((1, 2, 2, 1))), ValueError, "does not fit"),
        (lambda: layers.Activation("rely"), ValueError, "activation='rely'"),
        (lambda: layers.Dense(3, activation="rely"), ValueError, "activation='rely'"),
        (lambda: layers.Dropout(1.0), ValueError, r"rate=1\.0"),
        (lambda: layers.RandomFlip("diagonal"), ValueError, "mode='diagonal'"),
        (lambda: layers.RandomZoom(0.1, fill_mode="mirrored"), ValueError, "fill_mode='mirrored'"),
        (lambda: layers.RandomTranslation(2, 0), ValueError, "height_factor=2"),
        (lambda: layers.RandomErasing(2), ValueError, "factor=2"),
        (lambda: layers.BatchNormalization(epsilon=0), ValueError, "epsilon=0"),
        (lambda: layers.BatchNormalization(axis=1)(np.ones(IMAGES)), NotImplementedError, "last axis"),
        (lambda: layers.Softmax(axis=1)(np.ones(IMAGES)), NotImplementedError, "last axis"),
        (lambda: layers.Residual(layers.Conv2D(3, 1))(np.ones(IMAGES)), ValueError, "cannot be added"),
        (lambda: layers.Dense(3, unit=4), TypeError, "'unit'"),
        (lambda: layers.Normalization(mean=1), ValueError, "both mean and variance"),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_names_count_up():
    first, second = layers.Conv2D(1, 1), layers.MaxPooling2D()
    assert first.name.startswith("conv2d")
    assert second.name.startswith("max_pooling2d")
    assert layers.Conv2D(1, 1).name != first.name
    assert layers.Dense(1, name="top").name == "top"


def test_layers_that_only_move_numbers():
    x = np.arange(1.0, 13).reshape(1, 2, 3, 2)
    np.testing.assert_array_equal(layers.Reshape((-1, 4))(x), np.arange(1.0, 13).reshape(1, 3, 4))
    np.testing.assert_array_equal(layers.Permute((3, 1, 2))(x)[0, 1], [[2, 4, 6], [8, 10, 12]])
    padded = layers.ZeroPadding2D(((1, 0), (0, 2)))(x)
    np.testing.assert_array_equal(padded[0, ..., 0], [[0, 0, 0, 0, 0], [1, 3, 5, 0, 0], [7, 9, 11, 0, 0]])
    assert layers.ZeroPadding2D(2).padding == layers.ZeroPadding2D((2, 2)).padding == ((2, 2), (2, 2))
    cropped = layers.Cropping2D(((1, 0), (0, 2)))
    np.testing.assert_array_equal(cropped(padded + 1)[0, ..., 0], [[2, 4, 6], [8, 10, 12]])
    np.testing.assert_array_equal(cropped.backward(x), padded)
    layer = layers.UpSampling2D((2, 1))
    np.testing.assert_array_equal(layer(x)[0, ..., 0], [[1, 3, 5], [1, 3, 5], [7, 9, 11], [7, 9, 11]])
    np.testing.assert_array_equal(layer.backward(layer(x)), 2 * x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Reshape((5,))(np.ones(IMAGES)), "60 entries, which do not fit"),
        (lambda: layers.Reshape((-1, 7))(np.ones(IMAGES)), "60 entries, which do not fit"),
        (lambda: layers.Reshape((-1, -1)), "at most one of them -1"),
        (lambda: layers.Permute((0, 1, 2)), "counted from 1"),
        (lambda: layers.Permute((2, 1))(np.ones(IMAGES)), "expected 2 axes after the batch's"),
        (lambda: layers.ZeroPadding2D((1, 2, 3)), "padding="),
        (lambda: layers.ZeroPadding2D(-1), "from 0"),
        (lambda: layers.Cropping2D(2)(np.ones((1, 4, 9, 1))), "leaves nothing of 4 × 9 pixels"),
        (lambda: layers.Cropping2D((0, 5)).compute_output_shape((None, None, 9, 1)), "leaves nothing"),
        (lambda: layers.UpSampling2D(0), "size=0"),
        (lambda: layers.PReLU(shared_axes=[0]), "0 is the batch"),
        (lambda: layers.GaussianNoise(-1), "stddev=-1"),
    ],
)
def test_their_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_noise_has_its_deviation_in_training_only():
    layer = layers.GaussianNoise(0.5, seed=3)
    x = np.zeros((100, 100))
    assert layer(x) is x
    noise = layer(x, training=True)
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 0.5) < 0.02
    assert not np.array_equal(noise, layer(x, training=True))
    assert np.array_equal(noise, layers.GaussianNoise(0.5, seed=3)(x, training=True))


def test_a_flatten_at_the_head_comes_back_from_its_configuration(tmp_path):
    model = minicnn.Sequential([layers.Flatten(input_shape=(4, 3, 1)), layers.Dense(2)])
    model.save(tmp_path / "model.npz")
    loaded = minicnn.models.load_model(tmp_path / "model.npz")
    assert loaded.input_shape == (None, 4, 3, 1)
    x = np.ones((2, 4, 3, 1), "float32")
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


def test_rows_by_input_dim():
    model = minicnn.Sequential([layers.Dense(3, input_dim=5)])
    assert model.input_shape == (None, 5)


@pytest.mark.parametrize(
    ("size", "stride", "padding", "dilation", "length"),
    [
        # Keras 3.15, keras.layers.Conv2DTranspose(1, size, stride, padding, dilation_rate=…) of 5 pixels
        *((3, 2, "same", 1, 10), (3, 2, "valid", 1, 11), (2, 2, "valid", 1, 10), (2, 3, "valid", 1, 15)),
        *((2, 3, "same", 1, 15), (4, 1, "valid", 1, 8), (3, 1, "valid", 2, 9), (3, 1, "same", 2, 5)),
    ],
)
def test_the_size_of_a_transposed_convolution(size, stride, padding, dilation, length):
    layer = layers.Conv2DTranspose(1, (1, size), (1, stride), padding, dilation_rate=(1, dilation))
    assert layer(np.zeros((1, 4, 5, 2))).shape == (1, 4, length, 1)
    assert layer.compute_output_shape((None, 4, 5, 2)) == (None, 4, length, 1)
    assert layer.compute_output_shape((None, 4, None, 2)) == (None, 4, None, 1)


def test_a_transposed_convolution_is_built_for_maps_with_its_regularizer():
    layer = layers.Conv2DTranspose(2, 3, kernel_regularizer="l2")
    with pytest.raises(ValueError, match="expected \\(batch, height, width, channels\\)"):
        layer.build((None, 5, 5))
    layer.build((None, 5, 5, 1))
    assert layer.kernel.regularizer is not None


def test_a_convolution_of_an_unknown_length_has_an_unknown_length():
    for padding in ("same", "valid"):
        layer = layers.Conv2D(2, 3, padding=padding)
        assert layer.compute_output_shape((None, None, None, 1)) == (None, None, None, 2)


def test_brightness_and_contrast_by_hand():
    x = np.array([0.0, 1.0, 2.0, 9.0]).reshape(1, 2, 2, 1)
    bright = layers.RandomBrightness((0.25, 0.25), value_range=(0, 8))
    np.testing.assert_array_equal(
        bright(x, training=True).ravel(), [2, 3, 4, 8]
    )  # plus a quarter of the range
    np.testing.assert_array_equal(bright.backward(x).ravel(), [0, 1, 2, 0])
    contrast = layers.RandomContrast((0, 0), value_range=(-9, 9))
    np.testing.assert_array_equal(contrast(x, training=True), x)
    for layer in (bright, contrast):
        assert layer(x, training=False) is x
        np.testing.assert_array_equal(layer.backward(x), x)

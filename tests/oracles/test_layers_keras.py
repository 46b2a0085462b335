"""Every layer beside Keras's: the same weights, the same output, the same gradients;
in evaluation and in training.

The lines that make a layer are the same in both vocabularies. Keras differentiates with
PyTorch; here it is by hand.
"""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")

import minicnn  # noqa: E402
from minicnn import activations  # noqa: E402
from minicnn.gradient_check.suite.layers import LAYERS  # noqa: E402
from tests.oracles.suite_cases import AGREEING, OURS_ALONE, SHARED, drawn  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning"
)  # of Keras and PyTorch

IMAGES, ROWS = (3, 8, 7, 4), (5, 6)
# what makes a layer, the shapes of its inputs, and whether the layer does the same in training
CASES = [
    (lambda L: L.Dense(3), [ROWS]),
    (lambda L: L.Dense(3, "relu", use_bias=False), [IMAGES]),
    (lambda L: L.Conv2D(5, 3), [IMAGES]),
    (lambda L: L.Conv2D(5, 3, padding="same", activation="relu"), [IMAGES]),
    (lambda L: L.Conv2D(5, (3, 2), strides=(2, 1), padding="same", activation="tanh"), [IMAGES]),
    (lambda L: L.Conv2D(5, 4, strides=2, padding="same"), [IMAGES]),
    (lambda L: L.Conv2D(2, 1, strides=3, use_bias=False), [IMAGES]),
    (lambda L: L.Conv2D(5, 3, dilation_rate=2, padding="same", activation=L.LeakyReLU(0.1)), [IMAGES]),
    (lambda L: L.Conv2D(16, 3, padding="same"), [(2, 12, 12, 16)]),
    (lambda L: L.Convolution2D(3, 2, padding="VALID"), [IMAGES]),
    (lambda L: L.Conv2DTranspose(5, 3, strides=2, padding="same", activation="relu"), [IMAGES]),
    (lambda L: L.Conv2DTranspose(5, (3, 2), strides=(2, 3)), [IMAGES]),
    (lambda L: L.Conv2DTranspose(16, 3, padding="same", use_bias=False), [(2, 12, 12, 16)]),
    (lambda L: L.Convolution2DTranspose(2, 2, dilation_rate=(2, 3)), [IMAGES]),
    (lambda L: L.DepthwiseConv2D(3, depth_multiplier=2), [IMAGES]),
    (lambda L: L.DepthwiseConv2D(3, padding="same", activation="elu"), [IMAGES]),
    (lambda L: L.DepthwiseConv2D((2, 2), strides=(2, 2), padding="same", use_bias=False), [IMAGES]),
    (lambda L: L.SeparableConv2D(5, 3, padding="same", activation="gelu"), [IMAGES]),
    (lambda L: L.SeparableConv2D(5, 2, strides=2, depth_multiplier=2), [IMAGES]),
    (lambda L: L.MaxPooling2D(), [IMAGES]),
    (lambda L: L.MaxPool2D(3, 2, "same"), [IMAGES]),
    (lambda L: L.MaxPooling2D((2, 3), (1, 2)), [IMAGES]),
    (lambda L: L.AveragePooling2D(2), [IMAGES]),
    # uneven padding: in test_layers_torch.py, because Keras 3.15 counts the padding on
    # PyTorch (keras-team/keras#23233)
    (lambda L: L.AvgPool2D(3, 1, padding="same"), [IMAGES]),
    (lambda L: L.GlobalAveragePooling2D(), [IMAGES]),
    (lambda L: L.GlobalMaxPooling2D(keepdims=True), [IMAGES]),
    (lambda L: L.BatchNormalization(), [IMAGES]),
    (lambda L: L.BatchNormalization(axis=3, momentum=0.8, epsilon=0.01), [IMAGES]),
    (lambda L: L.BatchNormalization(center=False), [ROWS]),
    (lambda L: L.BatchNormalization(scale=False), [ROWS]),
    (lambda L: L.BatchNormalization(trainable=False), [IMAGES]),
    (lambda L: L.LayerNormalization(), [IMAGES]),
    (lambda L: L.LayerNormalization(axis=[-1], center=False, epsilon=0.01), [ROWS]),
    (lambda L: L.Normalization(mean=[0.5, 1, 2, 3], variance=[1.0, 2, 3, 4]), [IMAGES]),
    (lambda L: L.Rescaling(1 / 255, offset=-0.5), [IMAGES]),
    (lambda L: L.Flatten(), [IMAGES]),
    (lambda L: L.Reshape((7, -1)), [IMAGES]),
    (lambda L: L.Permute((3, 1, 2)), [IMAGES]),
    (lambda L: L.ZeroPadding2D(), [IMAGES]),
    (lambda L: L.ZeroPadding2D(((0, 2), (1, 3))), [IMAGES]),
    (lambda L: L.Cropping2D(((0, 2), (1, 3))), [IMAGES]),
    (lambda L: L.UpSampling2D((2, 3)), [IMAGES]),
    (lambda L: L.ReLU(negative_slope=0.2), [IMAGES]),
    (lambda L: L.LeakyReLU(), [IMAGES]),
    (lambda L: L.LeakyReLU(alpha=0.1), [IMAGES]),
    (lambda L: L.PReLU("random_normal", shared_axes=[1, 2]), [IMAGES]),
    (lambda L: L.PReLU("random_normal"), [ROWS]),
    (lambda L: L.ELU(0.7), [IMAGES]),
    (lambda L: L.Softmax(), [ROWS]),
    *((lambda L, name=name: L.Activation(name), [ROWS]) for name in activations.TABLE),
    (lambda L: L.Add(), [IMAGES, IMAGES, IMAGES]),
    (lambda L: L.Subtract(), [IMAGES, IMAGES]),
    (lambda L: L.Multiply(), [IMAGES, IMAGES]),
    (lambda L: L.Average(), [IMAGES, IMAGES]),
    (lambda L: L.Maximum(), [IMAGES, IMAGES]),
    (lambda L: L.Minimum(), [IMAGES, IMAGES]),
    (lambda L: L.Concatenate(), [IMAGES, (3, 8, 7, 2)]),
]
# random in training: held to Keras in evaluation only
RANDOM = [
    (lambda L: L.Dropout(0.4), [ROWS]),
    (lambda L: L.SpatialDropout2D(0.4), [IMAGES]),
    (lambda L: L.GaussianNoise(0.4), [ROWS]),
    (lambda L: L.RandomFlip(), [IMAGES]),
    (lambda L: L.RandomRotation(0.1), [IMAGES]),
    (lambda L: L.RandomTranslation(0.1, 0.1), [IMAGES]),
    (lambda L: L.RandomZoom(0.1), [IMAGES]),
    (lambda L: L.RandomContrast(0.1), [IMAGES]),
]
TRIALS = [(*case, training) for case in CASES for training in (False, True)] + [(*c, False) for c in RANDOM]


def random_weights(layer, rng):
    return [
        rng.uniform(0.5, 2, w.shape) if w.name == "moving_variance" else rng.standard_normal(w.shape)
        for w in layer.weights
    ]


def one_or_all(values):
    return values if len(values) > 1 else values[0]


def name_of(trial):
    make, _, training = trial
    layer = make(minicnn.layers)
    return f"{type(layer).__name__}-{getattr(layer, 'activation', '')}-{'training' if training else 'evaluation'}"


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize(("make", "shapes", "training"), TRIALS, ids=[name_of(trial) for trial in TRIALS])
def test_layer(make, shapes, training, dtype, tolerance, computing_in, rng):
    computing_in(dtype)
    ours, theirs = make(minicnn.layers), make(keras.layers)
    inputs = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    leaves = [torch.tensor(x, requires_grad=True) for x in inputs]

    ours(one_or_all(inputs))
    theirs(one_or_all(leaves))
    weights = [w.astype(dtype) for w in random_weights(ours, rng)]
    assert [w.shape for w in theirs.weights] == [w.shape for w in weights]
    theirs.set_weights(weights)
    ours.set_weights(theirs.get_weights())  # there, and back
    for a, b in zip(ours.get_weights(), weights):
        np.testing.assert_array_equal(a, b)

    compare(ours, theirs, inputs, leaves, training, tolerance, rng)


def compare(ours, theirs, inputs, leaves, training, tolerance, rng):
    """Outputs, the gradients of inputs and weights, and the moving statistics,
    for a random upstream gradient.
    """
    y = ours(one_or_all(inputs), training=training)
    expected = theirs(one_or_all(leaves), training=training)
    dy = rng.standard_normal(y.shape).astype(y.dtype)
    dx = ours.backward(dy)
    expected.backward(torch.tensor(dy))

    def alike(a, b):
        assert a.dtype == y.dtype == inputs[0].dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1, np.abs(b).max()))

    alike(y, expected.detach().numpy())
    for ours_dx, leaf in zip(dx if len(inputs) > 1 else [dx], leaves):
        alike(ours_dx, leaf.grad.numpy())
    for parameter, variable in zip(ours.trainable_weights, theirs.trainable_weights, strict=True):
        alike(parameter.grad, variable.value.grad.numpy())
    for parameter, variable in zip(ours.weights, theirs.weights):  # moving statistics moved alike
        alike(parameter.value, variable.numpy())


@pytest.mark.parametrize(
    ("name", "given", "low", "high"),
    [
        ("RandomContrast", (0.25, 0.75), 0.75, 1.75),
        ("RandomContrast", 0.5, 0.5, 1.5),  # as Keras's documentation says; Keras 3.15 draws from (1, 1.5)
        ("RandomBrightness", (-0.5, 0.25), -0.5, 0.25),
        ("RandomBrightness", 0.25, -0.25, 0.25),
    ],
)
def test_contrast_and_brightness_in_training(name, given, low, high, computing_in, rng):
    computing_in("float64")
    ours = getattr(minicnn.layers, name)(given, value_range=(-1, 3), seed=5)
    theirs = getattr(keras.layers, name)(given, value_range=(-1, 3))
    x = rng.uniform(-1, 3, IMAGES)
    drawn_number = np.random.default_rng(5).uniform(low, high, (3, 1, 1, 1))
    key, span = ("contrast_factor", 1) if name == "RandomContrast" else ("rgb_delta", 4)
    leaf = torch.tensor(x, requires_grad=True)
    expected = theirs.transform_images(leaf + 0.0, {key: torch.tensor(drawn_number * span)})
    y, dy = ours(x, training=True), rng.standard_normal(IMAGES)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    assert ((y == -1) | (y == 3)).any()  # some were outside
    expected.backward(torch.tensor(dy))
    np.testing.assert_allclose(ours.backward(dy), leaf.grad.numpy(), rtol=1e-12, atol=1e-12)


# ---- every layer, as the gradient suite draws it -----------------------------------------------------------


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("kind", SHARED, ids=lambda kind: kind.__name__)
def test_layers_of_the_suite(kind, dtype, tolerance, computing_in, rng):
    computing_in(dtype)
    cases = list(drawn(kind, dtype))
    assert len(cases) == AGREEING
    for ours, theirs, x, training in cases:
        theirs.set_weights([w.astype(dtype) for w in random_weights(ours, rng)])
        ours.set_weights(theirs.get_weights())
        compare(ours, theirs, [x], [torch.tensor(x, requires_grad=True)], training, tolerance, rng)


def test_only_these_layers_are_not_those_of_keras():
    assert {kind for kind in LAYERS if not hasattr(keras.layers, kind.__name__)} == OURS_ALONE

"""The losses of logits, and models whose loss takes probabilities, since another function is the last.

Right values are those of the formulas in float64, computed here from the logits: no probability is rounded.
Where the function stands: test_logits_everywhere.py.
"""

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, activations, layers, losses, ops
from minicnn.gradient_check import check_model, complex_step, worst_error
from minicnn.models.logits import of_logits

CLASSES = 3


def log_sigmoid(z):
    return -np.logaddexp(0, -z)


def log_softmax(z):
    return z - np.logaddexp.reduce(z, axis=-1, keepdims=True)


def log_others(z):
    """log(1 − softmax(z)), from the sum of the others."""
    return np.stack(
        [
            np.logaddexp.reduce(np.delete(z, k, axis=-1), axis=-1) - np.logaddexp.reduce(z, axis=-1)
            for k in range(z.shape[-1])
        ],
        axis=-1,
    )


def loss_of(kind, function, t, z):
    """The loss of each row, from its logits."""
    if kind == "binary_crossentropy":
        yes = log_sigmoid(z) if function == "sigmoid" else log_softmax(z)
        no = log_sigmoid(-z) if function == "sigmoid" else log_others(z)
        return -(t * yes + (1 - t) * no).mean(-1)
    log_p = log_sigmoid(z) if function == "sigmoid" else log_softmax(z)
    return -(t * (log_p - np.logaddexp.reduce(log_p, axis=-1, keepdims=True))).sum(-1)


def slope_of(kind, function, t, z, step=1e-4):
    """Central differences of the mean loss; z may be large, the loss is nearly linear there."""
    slope = np.empty_like(z)
    for place in np.ndindex(z.shape):
        moved = np.zeros_like(z)
        moved[place] = step
        up, down = (loss_of(kind, function, t, z + sign * moved).mean() for sign in (1, -1))
        slope[place] = (up - down) / (2 * step)
    return slope


def dense(function):
    """A model whose logits are its input."""
    return Sequential(
        [Input((CLASSES,), dtype="float64"), layers.Dense(CLASSES, function, kernel_initializer="identity")]
    )


LOGITS = np.array([[2.0, -1.0, 0.5], [-2.0, 1.5, 1.0], [0.0, 0.5, -0.25]])
TARGETS = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
PAIRS = [
    (function, loss)
    for function in ("softmax", "sigmoid")
    for loss in ("categorical_crossentropy", "binary_crossentropy")
]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(("function", "loss"), PAIRS)
def test_smoothing_and_weights_enter_the_loss_of_the_logits(function, loss, smoothing):
    model, z = dense(function), 20 * LOGITS
    model.compile("sgd", losses.get(loss).__class__(label_smoothing=smoothing))
    weights = np.array([0.5, 2.0, 1.0])
    value, _ = model.forward_loss(z, TARGETS, weights, training=True)
    dx = model.set_gradients(need_dx=True)
    smooth = TARGETS * (1 - smoothing) + smoothing / (2 if loss == "binary_crossentropy" else CLASSES)
    np.testing.assert_allclose(value, (weights * loss_of(loss, function, smooth, z)).mean(), rtol=1e-12)
    np.testing.assert_allclose(dx, weights[:, None] * slope_of(loss, function, smooth, z), atol=1e-7)


def in_a_row(row):
    return Sequential([Input((2,), dtype="float64"), *row])


def in_a_graph(row):
    x = start = Input((2,), dtype="float64")
    for layer in row:
        x = layer(x)
    return Model(start, x)


def in_parts(row):
    """Layers that are called with another ``training`` are parts of their own."""
    x = start = Input((2,), dtype="float64")
    for number, layer in enumerate(row):
        x = layer(x, training=(None, False)[number % 2])
    return Model(start, x)


@pytest.mark.parametrize("make", [in_a_row, in_a_graph, in_parts], ids=lambda make: make.__name__)
@pytest.mark.parametrize(("function", "loss"), PAIRS)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_every_gradient_of_such_a_model_is_exact(function, loss, scale, make, rng):
    model = make(
        [
            layers.Dense(4, "gelu"),
            layers.Dense(CLASSES, function),
            layers.Reshape((1, CLASSES)),
            layers.Flatten(),
        ]
    )
    assert model.last_function == function
    model.compile("sgd", loss)
    x, y = scale * rng.standard_normal((5, 2)), np.eye(CLASSES)[rng.integers(CLASSES, size=5)]
    report = check_model(model, x, y, entries=None)
    assert report.error <= 1e-12, str(report)


@pytest.mark.parametrize("make", [in_a_row, in_a_graph], ids=lambda make: make.__name__)
def test_training_reaches_the_layers_below(make, rng):
    """Batch norm uses the batch's statistics in training, the moving ones, 0 and 1, otherwise."""
    model = make([layers.BatchNormalization(), layers.Dense(2, "softmax", kernel_initializer="identity")])
    model.compile("sgd", "categorical_crossentropy")
    x, y = rng.normal(3, 2, (5, 2)), np.eye(2)[rng.integers(2, size=5)]
    in_training = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3)
    for training, z in ((False, x / np.sqrt(1 + 1e-3)), (True, in_training)):
        value, prediction = model.forward_loss(x, y, training=training)
        assert value == pytest.approx(loss_of("categorical_crossentropy", "softmax", y, z).mean(), rel=1e-12)
        np.testing.assert_allclose(prediction, np.exp(log_softmax(z)), rtol=1e-12)


def test_it_learns_where_the_probability_is_1_and_should_be_0():
    """A step of SGD: the logit 20 moves by lr · (p − t) · x = 0.1, and so does the bias."""
    model = Sequential([Input((1,)), layers.Dense(1, "sigmoid", kernel_initializer="ones")])
    model.compile("sgd", "binary_crossentropy")
    model.optimizer.learning_rate = 0.005
    history = model.fit(np.array([[20.0]]), np.array([[0.0]]), verbose=0)
    assert history.history["loss"] == [20.0]
    np.testing.assert_allclose([weight.value.item() for weight in model.weights], [0.9, -0.005], rtol=1e-6)
    assert model.evaluate(np.array([[20.0]]), np.array([[1.0]]), verbose=0) == pytest.approx(
        np.logaddexp(0, -17.995), rel=1e-5
    )
    value = model.train_on_batch(np.array([[20.0]]), np.array([[0.0]]), class_weight={0: 3.0, 1: 1.0})
    assert value == pytest.approx(3 * 17.995, rel=1e-6)


def test_one_unit_of_softmax_is_always_1():
    model = Sequential([Input((1,)), layers.Dense(1, "softmax")])
    model.compile("sgd", "binary_crossentropy")
    for target, loss in ((0.0, -np.log(1e-7)), (1.0, 1e-7)):
        value, _ = model.forward_loss(np.array([[3.0]], "float32"), np.array([[target]]))
        assert value == pytest.approx(loss, rel=1e-4)
        assert model.set_gradients(need_dx=True) == 0


# ---- where there are no logits -----------------------------------------------------------------------------


class Sigmoid(layers.Layer):
    """A sigmoid of one's own."""

    def forward(self, x, training=False):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, dy):
        return dy * self.y * (1 - self.y)


class OwnDense(layers.Dense):
    def forward(self, x, training=False):
        return super().forward(x, training) ** 2

    def backward(self, dy):
        raise NotImplementedError


class OwnActivation(layers.Activation):
    def forward(self, x, training=False):
        return 1 - super().forward(x, training)


class OwnFlatten(layers.Flatten):
    def forward(self, x, training=False):
        return super().forward(x, training) / 2


class OwnModel(Sequential):
    def forward(self, x, training=False):
        return super().forward(x, training) / 2


class OwnLoss(losses.BinaryCrossentropy):
    def losses(self, y_true, y_pred):
        assert (y_pred <= 1).all()
        return super().losses(y_true, y_pred)


@pytest.mark.parametrize(
    ("function", "last"),
    [
        ("sigmoid", [OwnDense(3, "sigmoid")]),
        ("sigmoid", [layers.Dense(3, OwnActivation("sigmoid"))]),
        ("sigmoid", [OwnActivation("sigmoid")]),
        ("sigmoid", [layers.Dense(3, "sigmoid"), OwnFlatten()]),
        ("sigmoid", [layers.Dense(3, "sigmoid"), layers.Dropout(0.5)]),
        ("sigmoid", [layers.Dense(3, "sigmoid"), layers.Rescaling(0.5)]),
        ("sigmoid", [layers.Dense(3, "sigmoid"), Sequential([layers.Flatten(), layers.Rescaling(0.5)])]),
        ("sigmoid", [OwnModel([layers.Dense(3, "sigmoid")])]),
        ("sigmoid", [layers.Dense(3, "sigmoid"), OwnModel([layers.Flatten()])]),
        ("sigmoid", [layers.Residual([layers.Dense(3, "sigmoid")])]),
        ("softmax", [layers.Dense(4, "softmax"), layers.Reshape((2, 2)), layers.Flatten()]),
        ("softmax", [layers.Reshape((3, 1)), layers.Dense(2, "softmax"), layers.Permute((2, 1))]),
        ("softmax", [layers.Reshape((1, 1, 3)), layers.Dense(2, "softmax"), layers.ZeroPadding2D()]),
        ("softmax", [layers.Dense(4, "softmax"), Sequential([layers.Reshape((2, 2)), layers.Flatten()])]),
    ],
)
def test_where_another_function_is_the_last_the_loss_takes_probabilities(function, last):
    model = Sequential([Input((3,)), *last])
    assert model.last_function != function
    through = Model(model.inputs, model.outputs)
    assert through.last_function != function
    assert of_logits(losses.BinaryCrossentropy(), model.last_function) is None


def test_a_sigmoid_may_be_moved_anywhere():
    last = [
        layers.Dense(4, "sigmoid"),
        layers.Reshape((2, 2, 1)),
        layers.Permute((3, 2, 1)),
        layers.UpSampling2D(),
    ]
    assert Sequential([Input((3,)), *last, layers.Flatten()]).last_function == "sigmoid"
    rows = [
        layers.Reshape((3, 1, 1)),
        layers.Dense(2, "softmax"),
        layers.Permute((2, 1, 3)),
        layers.UpSampling2D(),
    ]
    assert Sequential([Input((3,)), *rows]).last_function == "softmax"
    moved = Sequential([Input((2,)), layers.Reshape((1, 2)), layers.Flatten()])
    for move in (moved, Model(moved.inputs, moved.outputs), Sequential([]), layers.Chain([])):
        assert Sequential([Input((3,)), layers.Dense(2, "softmax"), move]).last_function == "softmax"
    split = Sequential([Input((4,)), layers.Activation("linear"), layers.Reshape((2, 2))])
    for moves in ([split], [Model(split.inputs, split.outputs)], split.layers):
        for function, found in (("softmax", None), ("sigmoid", "sigmoid")):
            assert Sequential([Input((3,)), layers.Dense(4, function), *moves]).last_function == found
    several = Sequential([Input((3,)), layers.Dense(2, "softmax")])
    assert (
        Model(several.inputs, [several.outputs[0], layers.Flatten()(several.outputs[0])]).last_function
        is None
    )


def test_a_loss_of_ones_own_and_one_of_logits_stay_as_they_are():
    for loss in (None, OwnLoss(), losses.BinaryCrossentropy(from_logits=True), losses.MeanSquaredError()):
        assert of_logits(loss, "sigmoid") is None
    assert of_logits(losses.BinaryCrossentropy(), "tanh") is None
    given = losses.BinaryCrossentropy(label_smoothing=0.25, reduction="sum")
    found = of_logits(given, "sigmoid")
    assert (found.from_logits, found.label_smoothing, found.reduction) == (True, 0.25, "sum")
    assert not given.from_logits


@pytest.mark.parametrize("z", [-700.0, -60.0, -20.0, 0.5, 20.0, 33.0])
@pytest.mark.parametrize("t", [0.0, 1.0])
def test_a_sigmoid_of_ones_own_has_the_gradient_of_the_formula(z, t):
    """p − t, as long as p and 1 − p are not rounded to 0: in float64 up to the logit 36."""
    model = Sequential([Input((1,), dtype="float64"), Sigmoid()])
    model.compile("sgd", "binary_crossentropy")
    value, _ = model.forward_loss(np.array([[z]]), np.array([[t]]), training=True)
    close = {"rel": 1e-16 / np.exp(-max(z, 0)) * 4 + 1e-12, "abs": 1e-15}
    assert value == pytest.approx(np.logaddexp(0, -z if t else z), **close)
    exact = -np.exp(-np.logaddexp(0, z)) if t else np.exp(-np.logaddexp(0, -z))
    assert model.set_gradients(need_dx=True) == pytest.approx(exact, **close)


def test_a_softmax_before_a_dropout_has_the_gradient_of_the_formula():
    """At rate 0 the dropout changes nothing, but it stands in between: p = e^−60 has its slope −1/p."""
    model = Sequential([Input((2,), dtype="float64"), layers.Activation("softmax"), layers.Dropout(0.0)])
    model.compile("sgd", "categorical_crossentropy")
    value, _ = model.forward_loss(np.array([[60.0, 0.0]]), np.array([[0.0, 1.0]]), training=True)
    assert value == pytest.approx(60.0, rel=1e-12)
    np.testing.assert_allclose(model.set_gradients(need_dx=True), [[1, -1]], rtol=1e-12)


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2), (2, 2, 3, 4)])
@pytest.mark.parametrize("loss", ["binary_crossentropy", "mse"])
def test_the_losses_of_maps_have_the_gradient_of_their_formula(shape, loss, rng):
    """Softmax over the last axis, a binary cross-entropy of each entry."""
    found = of_logits(losses.get(loss), "softmax") or losses.get(loss)
    z, t = 3 * rng.standard_normal(shape), rng.uniform(size=shape)
    with ops.use("reference"):
        value, analytic = found.forward(t, z), found.backward()
        exact = complex_step(lambda z: found.forward(t, z), {"z": z}, np.array(1.0))["z"]
    assert worst_error(analytic, exact) <= 1e-12
    if loss != "mse":
        assert value == pytest.approx(loss_of(loss, "softmax", t, z).mean(), rel=1e-12)


@pytest.mark.parametrize("function", ["softmax", "sigmoid"])
@pytest.mark.parametrize("kind", [losses.CategoricalFocalCrossentropy, losses.BinaryFocalCrossentropy])
def test_focal_losses_of_logits(function, kind, rng):
    """The value is that of the probabilities; the gradient is exact also where they are rounded to 0 or 1."""
    forward = activations.softmax if function == "softmax" else activations.sigmoid
    z, t = 3 * rng.standard_normal((4, 3)), np.eye(3)[rng.integers(3, size=4)]
    found = of_logits(kind(), function)
    with ops.use("reference"):
        value, analytic = found.forward(t, z), found.backward()
        exact = complex_step(lambda z: found.forward(t, z), {"z": z}, np.array(1.0))["z"]
    assert worst_error(analytic, exact) <= 1e-12
    assert value == pytest.approx(kind()(t, forward(z)), rel=1e-9)
    far = np.array([[0.0, 800.0]])  # p of the right class is e^−800
    found.forward(np.array([[1.0, 0.0]]), far)
    assert found.backward()[0, 0] < 0


@pytest.mark.parametrize("loss", [losses.MeanSquaredError(), losses.BinaryCrossentropy()])
def test_numbers_without_a_second_axis_are_samples(loss, rng):
    p, t, weights = rng.uniform(0.1, 0.9, 4), rng.uniform(size=4), rng.uniform(size=4)
    value, gradient = loss(t, p, weights), loss.backward()
    assert value == loss(t[:, None], p[:, None], weights)
    np.testing.assert_array_equal(gradient, loss.backward()[:, 0])


@pytest.mark.parametrize("after", [layers.Dropout(0), layers.SpatialDropout2D(0), layers.GaussianNoise(0)])
def test_a_layer_that_passes_its_input_on_does_not_hide_the_softmax(after):
    """A loss of log(p) would be capped, at log(1/EPSILON) = 16.1; of logits it is 200 to the last digit."""
    z, shape = np.array([[0.0, 200.0, -50.0]]), (CLASSES,)
    head = [layers.Softmax()]
    if isinstance(after, layers.SpatialDropout2D):  # of maps: softmax over the channels
        z, shape, head = z.reshape(1, 1, 1, 3), (1, 1, CLASSES), [layers.Softmax()]
    model = Sequential([Input(shape, dtype="float64"), *head, after, layers.Flatten()])
    model.compile("sgd", "sparse_categorical_crossentropy")
    loss, _ = model.forward_loss(z, np.array([0]), training=True)
    assert loss == 200.0
    dx = model.set_gradients(need_dx=True)
    np.testing.assert_allclose(dx.ravel(), [-1, 1, 0], atol=1e-80)
    after.rate = after.stddev = 0.5
    assert model.last_function is None

"""What is recorded of layers that the page cannot compute: their slopes, and their output after the step."""

import copy

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, layers, ops, optimizers
from minicnn.explain.recording import response
from minicnn.explain.recording.record import record
from tests.minicnn.explain.nets import SHAPE, image, restless, sequence, shaken
from tests.minicnn.explain.test_recording import decoded

RATE = 0.05


class Softsign(layers.Layer):
    """y = s·x / (1 + |x|): each number by itself; with a weight that has a penalty."""

    def build(self, input_shape):
        self.s = self.add_weight("s", (input_shape[-1],), "ones", regularizer="l2")

    def forward(self, x, training=False):
        self.x = x
        return self.s.value * x / (1 + abs(x))

    def backward(self, dy):
        size = 1 + abs(self.x)
        self.s.grad = (dy * self.x / size).sum(axis=tuple(range(dy.ndim - 1)))
        return dy * self.s.value / size**2


class Turned(layers.Layer):
    """Softsign of the channels in reverse: of the same shape, and not each number by itself."""

    def forward(self, x, training=False):
        self.x = x
        return (x / (1 + abs(x)))[..., ::-1]

    def backward(self, dy):
        return dy[..., ::-1] / (1 + abs(self.x)) ** 2


class Product(layers.Layer):
    """y = a·b of two inputs."""

    multiple_inputs = True

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def forward(self, x, training=False):
        self.a, self.b = x
        return self.a * self.b

    def backward(self, dy):
        return [dy * self.b, dy * self.a]


def compiled(model, optimizer="adam"):
    model.compile(optimizer, "categorical_crossentropy")
    return shaken(model)


def closed(recording):
    """Return what is recorded of the only closed layer, and the number of its first input."""
    (node,) = [node for node in recording["nodes"] if node["type"] == "Opaque"]
    return node["recorded"], str(node["inputs"][0])


def matrix(slopes, shape):
    """Return the slopes as a matrix (outputs, inputs)."""
    found = np.zeros(shape)
    of, to = (decoded(slopes[name]).astype(int) for name in ("of", "to"))
    np.add.at(found, (to, of), decoded(slopes["value"]))
    return found


@pytest.mark.parametrize("layer", [Softsign, Turned])
def test_slopes_are_the_derivatives_of_the_forward_pass(layer):
    model = compiled(sequence(layers.Conv2D(3, 3), layer()))
    recorded, source = closed(record(model, image(), 1))
    with ops.use("reference"):
        x = model.layers[0].forward(image()[None])
    # d/dx of x / (1 + |x|), by hand
    own = 1 / (1 + np.abs(x[0])) ** 2
    if layer is Softsign:
        own, places = own * model.layers[1].s.value, np.arange(own.size)
    else:
        places = np.arange(own.size).reshape(own.shape)[..., ::-1].ravel()
    wanted = np.zeros((own.size, own.size))
    wanted[places, np.arange(own.size)] = own.ravel()
    np.testing.assert_allclose(matrix(recorded["slopes"][source], wanted.shape), wanted, rtol=1e-4, atol=1e-7)
    assert recorded["missing"] is None


def test_each_input_of_a_layer_has_its_slopes():
    x = Input(SHAPE, dtype="float64")
    ends = [layers.Flatten()(layers.Conv2D(2, 5)(x)), layers.Flatten()(layers.Conv2D(2, 5)(x))]
    model = compiled(Model(x, layers.Dense(3, activation="softmax")(Product()(ends))))
    recording = record(model, image(), 1)
    (node,) = [node for node in recording["nodes"] if node["type"] == "Opaque"]
    with ops.use("reference"):
        a, b = (Model(x, end)(image()[None])[0] for end in ends)
    for source, factor in zip(node["inputs"], (b, a)):
        found = matrix(node["recorded"]["slopes"][str(source)], (len(a), len(a)))
        np.testing.assert_allclose(found, np.diag(factor), rtol=1e-5)


def test_too_many_slopes_are_not_recorded_and_it_says_so(monkeypatch):
    model = compiled(sequence(layers.Conv2D(3, 3), Turned(name="turned")))
    sizes = 7 * 6 * 3
    for name, most in (("MOST_INPUTS", sizes - 1), ("MOST_SLOPES", sizes - 1)):
        with monkeypatch.context() as patched:
            patched.setattr(response, name, most)
            recorded, _ = closed(record(model, image(), 1))
        assert recorded["slopes"] == {}
        assert (
            f"output of turned follows a change is not recorded: from {sizes} numbers" in recorded["missing"]
        )
        assert "after" in recorded
    monkeypatch.setattr(response, "MOST_INPUTS", sizes)
    monkeypatch.setattr(response, "MOST_SLOPES", sizes)
    assert closed(record(model, image(), 1))[0]["missing"] is None


def test_of_a_layer_of_chance_neither_is_recorded():
    recorded, _ = closed(record(restless(), image(), 1))
    assert recorded.keys() == {"value", "gradients"}


def test_a_section_of_a_net_has_neither():
    model = compiled(sequence(layers.Conv2D(3, 3), Turned(), layers.ReLU()))
    recorded, _ = closed(record(model, image(), 1, layers="0:1"))
    assert recorded.keys() == {"value", "gradients"}


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: optimizers.Adam(RATE),
        lambda: optimizers.SGD(RATE, momentum=0.9, nesterov=True),
        lambda: optimizers.AdamW(RATE, weight_decay=0.3),
    ],
    ids=["adam", "momentum", "adamw"],
)
def test_after_is_the_output_after_a_step_of_the_library(optimizer, steps):
    """The penalty of the own layer's weight, what decays and what is frozen included."""
    model = Sequential(
        [
            Input(SHAPE, dtype="float64"),
            layers.Conv2D(3, 3, kernel_regularizer="l1"),
            layers.Conv2D(3, 1, trainable=False),
            Softsign(),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    compiled(model, optimizer())
    model.optimizer.exclude_from_weight_decay(var_names=["kernel"])
    target = np.eye(3)[[1]]
    with ops.use("reference"):
        for _ in range(steps):
            model.train_on_batch(image(1)[None], target)
        weights = copy.deepcopy(model.get_weights())
        recorded, _ = closed(record(model, image(), 1))
        for own, before in zip(model.get_weights(), weights):
            np.testing.assert_array_equal(own, before)
        model.train_on_batch(image()[None], target)
        after = image()[None]
        for layer in model.layers[:3]:
            after = layer.forward(after)
    np.testing.assert_allclose(decoded(recorded["after"]), after[0], rtol=2e-5, atol=1e-6)
    assert not np.allclose(decoded(recorded["value"]), after[0], rtol=1e-2)

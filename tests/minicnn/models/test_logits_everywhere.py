"""A model that ends in softmax or sigmoid learns from the logits, wherever that function stands."""

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, layers, ops
from tests.minicnn.models.test_logits import CLASSES, LOGITS, PAIRS, TARGETS, loss_of, slope_of

LAST = {
    "dense": lambda f: [layers.Dense(CLASSES, f)],
    "an activation layer": lambda f: [layers.Dense(CLASSES), layers.Activation(f)],
    "reshape": lambda f: [layers.Dense(CLASSES, f), layers.Reshape((1, 1, CLASSES)), layers.Flatten()],
    "convolution": lambda f: [
        layers.Reshape((1, 1, CLASSES)),
        layers.Conv2D(CLASSES, 1, activation=f),
        layers.Flatten(),
    ],
    "depthwise": lambda f: [
        layers.Reshape((1, 1, CLASSES)),
        layers.DepthwiseConv2D(1, activation=f),
        layers.Flatten(),
    ],
    "separable": lambda f: [
        layers.Reshape((1, 1, CLASSES)),
        layers.SeparableConv2D(CLASSES, 1, activation=f),
        layers.Flatten(),
    ],
    "permute": lambda f: [
        layers.Dense(CLASSES),
        layers.Reshape((1, 1, CLASSES)),
        layers.Activation(f),
        layers.Permute((2, 1, 3)),
        layers.Flatten(),
    ],
    "linear": lambda f: [layers.Dense(CLASSES, f), layers.Activation("linear")],
    "sequential in sequential": lambda f: [
        Sequential([layers.Dense(CLASSES), Sequential([layers.Activation(f)])])
    ],
    "a model that only moves": lambda f: [
        layers.Dense(CLASSES, f),
        Sequential([Input((CLASSES,)), layers.Reshape((1, CLASSES)), layers.Flatten()]),
    ],
    "a chain": lambda f: [layers.Chain([layers.Dense(CLASSES, f)])],
}


def sequential(last, function, dtype):
    return Sequential([Input((CLASSES,), dtype=dtype), *LAST[last](function)])


def graph(last, function, dtype):
    x = start = Input((CLASSES,), dtype=dtype)
    x = layers.add([x, layers.Dense(CLASSES, kernel_initializer="zeros")(x)])
    for layer in LAST[last](function):
        x = layer(x)
    return Model(start, x)


def nested(last, function, dtype):
    inner, start = graph(last, function, dtype), Input((CLASSES,), dtype=dtype)
    return Model(start, inner(start))


def fixed(last, function, dtype):
    """Layers called with a fixed ``training`` are parts of their own in a graph."""
    x = start = Input((CLASSES,), dtype=dtype)
    for number, layer in enumerate(LAST[last](function)):
        x = layer(x, training=(None, False)[number % 2])
    return Model(start, x)


def with_logits(make, last, function, dtype, scale):
    """A model whose logits are its input · scale."""
    model = make(last, function, dtype)
    for weight in model.weights:
        if weight.value.ndim > 1 and weight.value.any():  # a kernel; one of zeros stays so
            one_each = weight.shape[-1] == 1  # depthwise
            weight.assign(np.ones(weight.shape) if one_each else np.eye(CLASSES).reshape(weight.shape))
    return model, scale * LOGITS


@pytest.mark.parametrize(("dtype", "implementation"), [("float32", "kernels"), ("float64", "reference")])
@pytest.mark.parametrize(("function", "loss"), PAIRS)
@pytest.mark.parametrize("make", [sequential, graph, nested, fixed], ids=lambda make: make.__name__)
@pytest.mark.parametrize("last", LAST)
def test_the_loss_and_its_gradient_are_those_of_the_logits(last, make, function, loss, dtype, implementation):
    for scale in (1.0, 20.0, 400.0):
        model, z = with_logits(make, last, function, dtype, scale)
        model.compile("sgd", loss)
        with ops.use(implementation):
            plain = model.forward(z.astype(dtype))
            value, prediction = model.forward_loss(z.astype(dtype), TARGETS, training=True)
            dx = model.set_gradients(need_dx=True)
        # the mean over three rows; rounding is that of the numbers in it, up to 2·scale
        close = {"rtol": 1e-6 if dtype == "float32" else 1e-12, "atol": 2e-7 if dtype == "float32" else 1e-12}
        np.testing.assert_allclose(value, loss_of(loss, function, TARGETS, z).mean(), **close)
        np.testing.assert_allclose(
            dx, slope_of(loss, function, TARGETS, z), atol=1e-8 * max(scale, 1) + close["atol"]
        )
        np.testing.assert_array_equal(prediction, plain)  # the prediction is what it was

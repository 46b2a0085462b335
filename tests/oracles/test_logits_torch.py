"""Models that end in softmax or sigmoid beside PyTorch's losses of logits, at logits that are rounded to 0 and 1."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

from minicnn import Input, Sequential, layers, losses  # noqa: E402


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 30.0, 800.0])
@pytest.mark.parametrize("function", ["softmax", "sigmoid"])
def test_the_last_function_and_its_cross_entropy(function, scale, dtype, rng):
    """A dense layer whose weights are learned: its gradients too."""
    x = rng.standard_normal((6, 4)).astype(dtype)
    y = (
        np.eye(3)[rng.integers(3, size=6)]
        if function == "softmax"
        else rng.integers(0, 2, (6, 3)).astype(float)
    )
    weights = rng.uniform(0, 2, 6)
    model = Sequential(
        [Input((4,), dtype=dtype), layers.Dense(3, function), layers.Reshape((1, 3)), layers.Flatten()]
    )
    model.set_weights([(scale * rng.standard_normal(weight.shape)) for weight in model.get_weights()])
    model.compile("sgd", "categorical_crossentropy" if function == "softmax" else "binary_crossentropy")
    value, _ = model.forward_loss(x, y, weights, training=True)
    model.set_gradients()

    kernel, bias = (torch.tensor(weight, requires_grad=True) for weight in model.get_weights())
    z, t = torch.tensor(x) @ kernel + bias, torch.tensor(y.astype(dtype))
    if function == "softmax":
        each = functional.cross_entropy(z, t, reduction="none")
    else:
        each = functional.binary_cross_entropy_with_logits(z, t, reduction="none").mean(1)
    expected = (each * torch.tensor(weights.astype(dtype))).sum() / 6
    expected.backward()
    close = {"rtol": 1e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(value, expected.item(), **close)
    for ours, theirs in zip(model.weights, (kernel, bias)):
        np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), **close)


def test_binary_cross_entropy_of_probabilities(rng):
    """PyTorch's slope is that of the formula from p = 1e-12 on; Keras's is 0 already at 1e-8."""
    p = np.concatenate(
        [rng.uniform(size=40), 10.0 ** rng.uniform(-12, -1, 40), 1 - 10.0 ** rng.uniform(-12, -1, 40)]
    )
    p, t = p[:, None], rng.uniform(size=(120, 1))
    loss = losses.BinaryCrossentropy()
    value = loss(t, p)
    theirs = torch.tensor(p, requires_grad=True)
    expected = functional.binary_cross_entropy(theirs, torch.tensor(t))
    expected.backward()
    np.testing.assert_allclose(value, expected.item(), rtol=1e-12)
    np.testing.assert_allclose(loss.backward(), theirs.grad.numpy(), rtol=1e-10)

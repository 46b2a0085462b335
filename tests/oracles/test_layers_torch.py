"""PyTorch's autograd as a second opinion on outputs and gradients, where its conventions are ours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import layers, losses, ops

torch = pytest.importorskip("torch")
F = torch.nn.functional

ACTIVATIONS = {
    "relu": F.relu,
    "gelu": F.gelu,
    "elu": F.elu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softmax": lambda x: F.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, 1),
}


def tensor(array):
    """A leaf in PyTorch's order of axes, (N, C, H, W)."""
    return torch.tensor(np.moveaxis(array, -1, 1) if array.ndim == 4 else array, requires_grad=True)


def back(gradient):
    return np.moveaxis(gradient.numpy(), 1, -1) if gradient.ndim == 4 else gradient.numpy()


def compare(layer, function, x, weights=()):
    """Outputs, dx and the gradient of each weight, for a random upstream gradient."""
    y = layer(x, training=True)
    ours, theirs = tensor(x), None
    theirs = function(ours)
    np.testing.assert_allclose(y, back(theirs.detach()), rtol=1e-10, atol=1e-10)
    dy = np.random.default_rng(5).standard_normal(y.shape)
    dx = layer.backward(dy)
    theirs.backward(torch.tensor(np.moveaxis(dy, -1, 1) if dy.ndim == 4 else dy))
    np.testing.assert_allclose(dx, back(ours.grad), rtol=1e-10, atol=1e-10)
    for parameter, leaf, order in weights:
        gradient = leaf.grad.numpy()
        np.testing.assert_allclose(parameter.grad, gradient.transpose(order), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@given(
    side=st.integers(5, 9), channels=st.integers(1, 4), size=st.integers(1, 3), stride=st.integers(1, 3),
    dilation=st.integers(1, 2), activation=st.sampled_from([*ACTIVATIONS, None]), seed=st.integers(0, 2**16),
)  # fmt: skip
def test_conv2d(implementation, side, channels, size, stride, dilation, activation, seed):
    x = np.random.default_rng(seed).standard_normal((2, side, side + 1, channels))
    layer = layers.Conv2D(
        3, size, stride, dilation_rate=dilation, activation=activation, bias_initializer="random_normal"
    )
    with ops.use(implementation):
        layer(x)
        kernel = torch.tensor(layer.kernel.value.transpose(3, 2, 0, 1), requires_grad=True)
        bias = torch.tensor(layer.bias.value, requires_grad=True)
        f = ACTIVATIONS.get(activation, lambda y: y)
        compare(
            layer,
            lambda x: f(F.conv2d(x, kernel, bias, stride, dilation=dilation)),
            x,
            [(layer.kernel, kernel, (2, 3, 1, 0)), (layer.bias, bias, (0,))],
        )


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@given(side=st.integers(4, 9), size=st.integers(1, 3), stride=st.integers(1, 3), seed=st.integers(0, 2**16))
def test_pooling(implementation, side, size, stride, seed):
    x = np.random.default_rng(seed).standard_normal((2, side, side + 1, 3))
    with ops.use(implementation):
        compare(layers.MaxPooling2D(size, stride), lambda x: F.max_pool2d(x, size, stride), x)
        compare(layers.AveragePooling2D(size, stride), lambda x: F.avg_pool2d(x, size, stride), x)
        compare(layers.GlobalAveragePooling2D(), lambda x: x.mean((2, 3)), x)


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
def test_average_pooling_does_not_count_uneven_padding(implementation, rng):
    x = rng.standard_normal((2, 7, 8, 3))

    def sums(x):  # windows of 3, 2 apart: of 8 columns none is padded before, one after
        return F.avg_pool2d(F.pad(x, (0, 1, 1, 1)), 3, 2, divisor_override=1)

    with ops.use(implementation):
        compare(layers.AveragePooling2D(3, 2, "same"), lambda x: sums(x) / sums(torch.ones_like(x)), x)


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
def test_max_pool_ties_go_to_the_first(implementation, rng):
    x = rng.integers(0, 2, (2, 6, 6, 2)).astype(float)
    with ops.use(implementation):
        compare(layers.MaxPooling2D(3, 2), lambda x: F.max_pool2d(x, 3, 2), x)


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
def test_batch_normalization_and_its_moving_statistics(implementation, rng):
    x = rng.normal(3, 2, (4, 5, 6, 3))
    layer = layers.BatchNormalization(momentum=0.9, gamma_initializer="random_normal")
    with ops.use(implementation):
        layer(x)
        gamma = torch.tensor(layer.gamma.value, requires_grad=True)
        beta = torch.tensor(layer.beta.value, requires_grad=True)
        mean, variance = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)

        def norm(x):
            return F.batch_norm(x, mean, variance, gamma, beta, training=True, momentum=0.1, eps=1e-3)

        compare(layer, norm, x, [(layer.gamma, gamma, (0,)), (layer.beta, beta, (0,))])
    np.testing.assert_allclose(layer.moving_mean.value, mean.numpy(), rtol=1e-12)
    m = x.size // 3  # PyTorch's moving variance is the unbiased one, Keras's and ours is not
    unbiased = (layer.moving_variance.value - 0.9) * m / (m - 1) + 0.9
    np.testing.assert_allclose(unbiased, variance.numpy(), rtol=1e-12)


@given(samples=st.integers(1, 5), smoothing=st.floats(0, 0.5), seed=st.integers(0, 2**16))
def test_cross_entropy(samples, smoothing, seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.standard_normal((samples, 7)), rng.integers(7, size=samples)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    ours = tensor(logits)
    theirs = F.cross_entropy(ours, torch.tensor(labels), label_smoothing=smoothing)
    theirs.backward()
    assert loss(labels, logits) == pytest.approx(theirs.item(), rel=1e-12)
    np.testing.assert_allclose(loss.backward(), ours.grad.numpy(), atol=1e-12)

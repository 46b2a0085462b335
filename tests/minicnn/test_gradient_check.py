"""The proof itself: right gradients pass, wrong ones do not."""

import numpy as np
import pytest

from minicnn import layers
from minicnn.gradient_check import check_layer, complex_step, worst_error


def test_the_complex_step_is_exact():
    x = np.array([0.3, -1.2, 2.0])
    dy = np.array([1.0, -2.0, 0.5])
    gradient = complex_step(lambda x: np.exp(x) * np.sin(x), {"x": x}, dy)["x"]
    np.testing.assert_allclose(gradient, dy * np.exp(x) * (np.sin(x) + np.cos(x)), rtol=1e-15)


def test_worst_error():
    assert worst_error(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0
    assert worst_error(np.array([0.0, 0.5]), np.array([0.0, 0.0])) == 0.5  # absolute below 1
    assert worst_error(np.array([0.0, 150.0]), np.array([0.0, 200.0])) == 0.25  # relative above
    with pytest.raises(ValueError, match=r"shape \(2,\), expected \(3,\)"):
        worst_error(np.zeros(2), np.zeros(3))


class Broken(layers.Conv2D):
    """A convolution with one fault at a time."""

    def __init__(self, fault, **kwargs):
        super().__init__(3, 3, padding="same", **kwargs)
        self.fault = fault

    def backward(self, dy):
        dx = super().backward(dy)
        if self.fault == "kernel not rotated":
            dx = np.asarray(super().backward(dy[:, ::-1, ::-1]))[:, ::-1, ::-1]
            super().backward(dy)
        if self.fault == "bias summed over the wrong axes":
            self.bias.grad = dy.sum(axis=(1, 2, 3))
        if self.fault == "kernel gradient divided by the batch":
            self.kernel.grad = self.kernel.grad / len(dy)
        return dx


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        (None, None),
        ("kernel not rotated", "x"),
        ("bias summed over the wrong axes", "bias"),
        ("kernel gradient divided by the batch", "kernel"),
    ],
)
def test_a_fault_is_found_where_it_is(fault, where, rng):
    layer = Broken(fault, name="conv")
    errors = check_layer(layer, rng.standard_normal((3, 4, 4, 2)))  # batch = filters: no shape gives it away
    found = [name.removeprefix("conv/") for name, error in errors.items() if error > 1e-12]
    assert found == ([where] if where else [])


def test_the_layer_is_left_as_it_was(rng):
    layer = layers.Dense(2, dtype="float64")
    x = rng.standard_normal((2, 3))
    y = layer(x)
    check_layer(layer, x)
    np.testing.assert_array_equal(layer(x), y)
    assert layer.kernel.dtype == "float64"

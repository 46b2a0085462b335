"""The forms in which people write two passes, called as they would call them."""

import numpy as np
import pytest

from minicnn import Sequential, layers
from minicnn.gradient_check import check_layer, check_model, check_op, check_optimizer

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 5)), RNG.standard_normal(5)


class Affine:
    """Its cache and its gradients are attributes."""

    wrong = 1.0

    def __init__(self):
        self.W, self.b = W.copy(), B.copy()

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout * self.wrong
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class InDicts:
    """Weights and gradients are in dicts; the weights come first; the object is called."""

    def __init__(self):
        self.params, self.grads = {"W": W.copy(), "b": B.copy()}, {}

    def __call__(self, x):
        self.cache = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, grad):
        self.grads["dW"], self.grads["db"] = self.cache.T @ grad, grad.sum(axis=0)
        return grad @ self.params["W"].T


class Updating(Affine):
    """It trains inside backward."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.W = self.W - 0.1 * self.dW
        return dx


def names_of(report):
    return [name for name, gradient in report.items() if gradient.passed]


@pytest.mark.parametrize("layer", [Affine(), InDicts()])
def test_an_object_with_two_methods(layer):
    report = check_op(layer, {"W": W, "x": X, "b": B})
    assert report.passed
    assert list(report) == ["W", "x", "b"]
    assert report.title == type(layer).__name__
    assert np.allclose(report["W"].numeric, X.T @ np.random.default_rng([0, 1]).standard_normal((3, 5)))


def test_the_object_itself_is_not_touched():
    layer = Affine()
    before = layer.W
    assert check_op(layer, {"x": X, "W": 2 * W}).passed
    assert layer.W is before
    assert np.array_equal(layer.W, W)
    assert not hasattr(layer, "x")


def test_a_wrong_gradient_kept_in_the_object_is_found():
    layer = Affine()
    layer.wrong = 2.0
    report = check_op((layer.forward, layer.backward), {"x": X, "W": W, "b": B})
    assert report.failures == ["W"]
    assert "multiplied by 2" in report["W"].cause


def test_a_weight_without_gradient_is_told():
    layer = Affine()
    layer.scale = np.ones(5)
    report = check_op(layer, {"x": X, "scale": np.ones(5)})
    assert report["scale"].analytic is None
    assert not report.passed


def test_an_object_that_updates_its_weights_in_backward():
    report = check_op(Updating(), {"x": X, "W": W})
    assert any(problem.startswith("backward changed W in place") for problem in report.problems)


def tanh(x):
    return np.tanh(x)


def tanh_backward(dout, x):
    return dout * (1 - np.tanh(x) ** 2)


def test_backward_may_take_the_arrays_by_name():
    assert check_op((tanh, tanh_backward), {"x": X}).passed
    report = check_op((lambda x, w: x @ w, lambda w, x, grad: (grad @ w.T, 2 * x.T @ grad)), {"x": X, "w": W})
    assert names_of(report) == ["x"]


def test_the_upstream_gradient_may_come_second():
    assert check_op(
        (lambda x: (np.tanh(x), x), lambda cache, dout: tanh_backward(dout, cache)), {"x": X}
    ).passed
    report = check_op((lambda x: (np.tanh(x), x), lambda cache, dout: dout * cache), {"x": X})
    assert report["x"].analytic == pytest.approx(X * np.random.default_rng([0, 1]).standard_normal(X.shape))


def test_a_slope_without_upstream_gradient_says_how_to_call_it():
    def slope(x):
        return 1 - np.tanh(x) ** 2

    message = r"no argument for the upstream gradient .* lambda dy, x: dy \* slope\(x\)"
    with pytest.raises(ValueError, match=message):
        check_op((tanh, slope), {"x": X})


@pytest.mark.parametrize(
    "returned",
    [
        lambda x, w: (np.sum((x @ w) ** 2), (2 * x @ w @ w.T, 2 * x.T @ x @ w)),
        lambda x, w: (np.sum((x @ w) ** 2), 2 * x @ w @ w.T, 2 * x.T @ x @ w),
        lambda x, w: (np.sum((x @ w) ** 2), {"w": 2 * x.T @ x @ w, "x": 2 * x @ w @ w.T}),
        lambda x, w: ({"dw": 2 * x.T @ x @ w, "dx": 2 * x @ w @ w.T}, np.sum((x @ w) ** 2)),
    ],
)
def test_a_loss_that_returns_its_gradients(returned):
    report = check_op(returned, {"x": X, "w": W})
    assert report.passed
    assert np.allclose(report["w"].numeric, 2 * X.T @ X @ W)  # the upstream gradient is 1
    report = check_op(lambda x: (np.sum(x**2), x), {"x": X})
    assert report.failures == ["x"]
    assert report["x"].cause.startswith("divided by 2")


def test_a_function_that_returns_its_backward_pass():
    def forward(x):
        y = np.tanh(x)
        return y, lambda dy: dy * (1 - y * y)

    assert check_op(forward, {"x": X}).passed


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_op(Affine, {"x": X}), r"op=Affine: expected an object, not its class: Affine\("),
        (
            lambda: check_op((tanh, None), {"x": X}),
            r"expected a name, a pair \(forward, backward\), an object",
        ),
        (lambda: check_op(tanh, {"x": X}), r"tanh returned ndarray, expected \(loss, gradients\)"),
        (
            lambda: check_op((tanh, tanh_backward), X),
            'arrays: expected a dict, name -> array, such as {"x": x}',
        ),
        (lambda: check_op(layers.Dense(2), {"x": X}), "this is a layer, use check_layer"),
        (
            lambda: check_layer(Affine(), (3, 4)),
            "expected a layer of minicnn; for another object .* use check_op",
        ),
        (lambda: check_layer(layers.Dense(2), 4), "input_shape=4: expected a batch's shape"),
        (lambda: check_model(Sequential([layers.Dense(2)]), X, X[:, :2]), "not compiled: call model.compile"),
        (
            lambda: check_op((lambda x, y: (x * y, y), lambda dy, y: dy * y), {"x": X, "y": X}),
            r"Labels are an option: check_op\(…, y=labels\)",
        ),
    ],
)
def test_a_call_that_cannot_be_understood_says_how_to_make_it(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_x_of_a_layer_may_be_a_list():
    assert check_layer(layers.Dense(2), [[1.0, 2.0], [3.0, 4.0]])["x"].analytic.shape == (2, 2)


class OfDicts:
    """An optimizer of a dict of arrays, with momentum."""

    def __init__(self, sign=-1.0):
        self.v, self.sign = None, sign

    def update(self, params, grads):
        if self.v is None:
            self.v = {key: np.zeros_like(value) for key, value in params.items()}
        for key in params:
            self.v[key] = 0.9 * self.v[key] + self.sign * 0.01 * grads[key]
            params[key] += self.v[key]


def test_an_optimizer_may_take_dicts():
    assert check_optimizer(OfDicts(), "momentum").passed
    assert not check_optimizer(OfDicts(1.0), "momentum").passed


def test_a_step_that_changes_nothing_is_told_how_to():
    def step(w, g, state):
        w = w - 0.01 * g

    assert check_optimizer(step, "sgd").cause.endswith("return the new w, or change it in place with w -= …")

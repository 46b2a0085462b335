"""The forms in which people write two passes, called as they would call them."""

import numpy as np
import pytest

from minicnn import Model, Sequential, layers
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


CALLED = "ctx g, cache d, x g, cache dL, x dL_dy, inputs grads, z dOut, saved gout, tape upstream_grad, c err, a b, p q"
BACKWARDS = [
    eval(f"lambda {pair.replace(' ', ', ')}: PASS({pair.replace(' ', ', ')})") for pair in CALLED.split(", ")
]


def PASS(cache, dy):
    """A backward pass whose cache is an array, a tuple or a dict."""
    x = cache["x"] if isinstance(cache, dict) else cache[0] if isinstance(cache, tuple) else cache
    return dy * np.cos(x)


@pytest.mark.parametrize("backward", BACKWARDS, ids=CALLED.split(", "))
@pytest.mark.parametrize("cache", [lambda x: x, lambda x: (x, 2), lambda x: {"x": x}])
def test_the_upstream_gradient_is_known_by_the_names_or_by_what_is_right(backward, cache):
    def forward(x):
        return np.sin(x), cache(x)

    assert check_op((forward, backward), {"x": X}).passed
    assert check_op((forward, lambda dy, cache: PASS(cache, dy)), {"x": X}).passed
    assert check_op((forward, lambda p, q: PASS(q, p)), {"x": X}).passed  # names that say nothing
    assert not check_op((lambda x: (np.cos(x), cache(x)), backward), {"x": X}).passed


def test_what_is_right_in_one_order_only_is_said():
    report = check_op((lambda x: (np.sin(x), x), lambda a, b: np.cos(a) * b), {"x": X})
    assert report.passed
    assert "called as backward(cache, dy)" in str(report)
    report = check_op((lambda x: (np.sum(x**2), x), lambda dloss, d: dloss * 2 * d / d.size), {"x": X})
    assert not report.passed  # with the two exchanged it would be right


def test_an_error_of_a_backward_pass_is_its_own_in_any_order():
    with pytest.raises(ZeroDivisionError, match="mine"):
        check_op(
            (lambda x: (np.sin(x), x), lambda a, b: (_ for _ in ()).throw(ZeroDivisionError("mine"))),
            {"x": X},
        )


class Exponential:
    """An autograd function of PyTorch's style, with a factor."""

    @staticmethod
    def forward(ctx, x, scale=2.0):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return np.exp(scale * x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * ctx.scale * np.exp(ctx.scale * x)


def test_an_autograd_function_keeps_its_arrays_in_a_context():
    assert check_op(Exponential, {"x": X}, scale=0.5).passed
    assert check_op(Exponential(), {"x": X}).passed
    assert check_op((Exponential.forward, Exponential.backward), {"x": X}).passed
    assert not check_op((Exponential.forward, lambda ctx, g: g * ctx.saved_tensors[0]), {"x": X}).passed


class Parameter:
    """A weight with its gradient."""

    def __init__(self, data):
        self.data, self.grad = data, np.zeros_like(data)


class Summing:
    """Its weights are objects, and their gradients add up until zero_grad()."""

    def __init__(self, wrong=1.0):
        self.W, self.b, self.wrong = Parameter(W.copy()), Parameter(B.copy()), wrong

    def zero_grad(self):
        for each in (self.W, self.b):
            each.grad = np.zeros_like(each.data)

    def forward(self, x):
        self.x = x
        return x @ self.W.data + self.b.data

    def backward(self, dout):
        self.W.grad += self.wrong * self.x.T @ dout
        self.b.grad += dout.sum(axis=0)
        return dout @ self.W.data.T


def test_weights_that_are_objects_and_gradients_that_add_up():
    layer = Summing()
    layer.W.grad += 1  # from an earlier step
    report = check_op(layer, {"x": X, "W": layer.W.data, "b": layer.b.data})
    assert report.passed, report
    assert np.all(layer.W.grad == 1)
    assert names_of(check_op(Summing(wrong=2.0), {"x": X, "W": W, "b": B})) == ["x", "b"]
    Summing.zero_grad, kept = None, Summing.zero_grad
    try:
        problems = check_op(Summing(), {"x": X, "W": W, "b": B}).problems
    finally:
        Summing.zero_grad = kept
    assert "backward keeps a state" in problems[0]


class GivenWeights:
    """Its weights are arguments of forward; only dx is returned."""

    def forward(self, x, W, b):
        self.x, self.W = x, W
        return x @ W + b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class GivenWeightsWrong(GivenWeights):
    def backward(self, dout):
        dx = super().backward(dout)
        self.db = self.db * 2
        return dx


def test_weights_may_be_arguments_and_their_gradients_attributes():
    arrays = {"x": X, "W": W, "b": B}
    assert check_op(GivenWeights(), arrays).passed
    assert names_of(check_op(GivenWeightsWrong(), arrays)) == ["x", "W"]
    nothing = type("Nothing", (GivenWeights,), {"backward": lambda self, dout: dout @ self.W.T})
    with pytest.raises(ValueError, match="returned 1 gradients, expected 3"):
        check_op(nothing(), arrays)


def test_a_fourier_transform_is_said_to_have_no_exact_derivative():
    def smooth(x):
        return np.fft.ifft(np.fft.fft(x) * np.arange(X.shape[1])).real, x

    def backward(dy, x):
        return np.fft.fft(np.fft.ifft(dy) * np.arange(X.shape[1])).real

    report = check_op((smooth, backward), {"x": X})
    assert report.passed, report
    assert (
        "to 7 digits: the complex step has no exact derivative of one of its functions (it uses fft)"
        in str(report)
    )


def test_a_slope_without_upstream_gradient_says_how_to_call_it():
    def slope(x):
        return 1 - np.tanh(x) ** 2

    message = r"no argument for the upstream gradient .* lambda dy, x: dy \* slope\(x\)"
    with pytest.raises(ValueError, match=message):
        check_op((tanh, slope), {"x": X})


class Loss:
    """Without an argument, or with one that need not be given."""

    def forward(self, x):
        self.x = x
        return np.sum(x**2)

    def backward(self, dout=1):
        return 2 * dout * self.x

    def without(self):
        return self.backward()


def test_the_upstream_gradient_of_a_loss_may_have_a_default():
    assert check_op(Loss(), {"x": X}).passed
    loss = Loss()
    with pytest.raises(ValueError, match=r"pass \(forward, lambda dy: dy \* without\(\)\)"):
        check_op((loss.forward, loss.without), {"x": X})
    assert check_op((loss.forward, lambda dy: dy * loss.without()), {"x": X}).passed


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


class WithoutTraining(layers.Layer):
    def forward(self, x):
        return x

    def backward(self, dy):
        return dy


def test_a_layer_whose_forward_does_not_take_training():
    with pytest.raises(ValueError, match=r"write def forward\(self, x, training=False\)"):
        check_layer(WithoutTraining(), (2, 3))


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


class Scale(layers.Layer):
    """y = γ·x with a γ of ones, and faults by name."""

    fault = ""

    def build(self, input_shape):
        super().build(input_shape)
        self.gamma = self.add_weight("gamma", (input_shape[-1],), "ones")

    def forward(self, x, training=False):
        self.x = x
        return x * self.gamma.value

    def backward(self, dy):
        axes = tuple(range(dy.ndim - 1))
        grad = (dy * self.x).sum(axis=axes)
        if self.fault == "adds up":
            grad += getattr(self, "sum", 0)
            self.sum = grad
        self.gamma.grad = grad
        if self.fault == "updates":
            self.gamma.value = self.gamma.value - 0.1 * grad
        if self.fault == "updates in place":
            self.gamma.value -= 0.1 * grad
        return dy if self.fault == "without gamma" else dy * self.gamma.value


def scale(fault):
    layer = Scale(name="scale")
    layer.fault = fault
    return layer


def model_of(fault):
    model = Sequential([layers.Dense(4), scale(fault), layers.Dense(2)])
    model.compile("sgd", "mse")
    return model


def test_a_forgotten_gamma_is_seen_though_it_is_1():
    assert check_layer(scale(""), (2, 3, 4)).passed
    layer = scale("without gamma")
    assert check_layer(layer, (2, 3, 4)).failures == ["x"]
    assert np.array_equal(layer.gamma.value, np.ones(4))
    failures = check_model(model_of("without gamma"), X, X[:, :2]).failures
    assert failures[0] == "x"
    assert [name.split("/")[1] for name in failures[1:]] == ["kernel", "bias"]  # of the layer before


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("updates", "backward changed scale/gamma: leave the update to the optimizer"),
        ("updates in place", "backward changed scale/gamma in place: leave the update to the optimizer"),
        ("adds up", "backward keeps a state: the next forward and backward pass"),
    ],
)
def test_a_model_whose_layer_keeps_or_changes_something(fault, problem):
    assert check_model(model_of(""), X, X[:, :2]).passed
    report = check_model(model_of(fault), X, X[:, :2])
    assert report.problems[0].startswith(problem)
    assert all(gradient.cause is None for gradient in report.values())


class Weighted(layers.Layer):
    """Two inputs: a + k·b."""

    multiple_inputs = True
    k = 2.0

    def forward(self, x, training=False):
        return x[0] + 2 * x[1]

    def backward(self, dy):
        return [dy, self.k * dy]


def test_a_layer_with_two_inputs():
    report = check_layer(Weighted(), [(2, 3), (2, 3)])
    assert report.passed
    assert list(report) == ["x[0]", "x[1]"]
    wrong = Weighted()
    wrong.k = 4.0
    assert check_layer(wrong, [X, X + 1]).failures == ["x[1]"]
    assert check_layer(layers.Concatenate(), [(2, 3), (2, 4)])["x[1]"].numeric.shape == (2, 4)
    with pytest.raises(ValueError, match="has several inputs, a list of them"):
        check_layer(Weighted(), (2, 3))


def test_a_model_with_two_inputs():
    a, b = layers.Input((4,)), layers.Input((3,))
    model = Model([a, b], layers.Dense(2)(layers.Concatenate()([a, b])))
    model.compile("sgd", "mse")
    report = check_model(model, [X, X[:, :3]], X[:, :2])
    assert report.passed
    assert [gradient.numeric.shape for gradient in report.values()][:2] == [(3, 4), (3, 3)]


def test_what_was_not_judged_is_not_ok():
    def noisy(x):
        return x * np.random.default_rng().random(x.shape), x

    report = check_op((noisy, lambda dy, x: dy), {"x": X})
    assert report["x"].mark == "--"
    assert " ok " not in str(report)
    assert ">ok<" not in report._repr_html_()
    assert "0 entries were compared" not in str(report)


def test_numbers_that_are_no_numbers_fit_only_where_both_have_them():
    def not_squared(w, g, state):
        """Adam with g for g² in v: a root of negative numbers, in some entries."""
        t = state["t"] = state.get("t", 0) + 1
        m = state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
        v = state["v"] = 0.999 * state.get("v", 0) + 0.001 * g
        with np.errstate(invalid="ignore"):
            return w - 0.001 * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)

    assert check_optimizer(not_squared, "adam").cause == "the gradient is not squared in v"

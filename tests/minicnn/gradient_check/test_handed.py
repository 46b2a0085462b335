"""What the two passes do to what they get, and the form of what they return: said in words, each of it."""

import functools

import numpy as np
import pytest

from minicnn import Input, Sequential, layers
from minicnn.gradient_check import check_layer, check_model, check_op

X = np.random.default_rng(0).standard_normal((3, 5))
W = np.random.default_rng(1).standard_normal((5, 4))
SQUARE = np.random.default_rng(2).standard_normal((4, 4))


def square(x):
    return x * x, x


def product(x, w):
    return x @ w, (x, w)


def right(dy, cache):
    x, w = cache
    return dy @ w.T, x.T @ dy


# ---- changes in place --------------------------------------------------------------------------------------


def times_three_in_place(dout, x):
    dout *= 3
    return dout * 2 * x


def doubled_in_place(dout, x):  # the numbers are right
    dout *= 2
    return dout * x


def zeroed(dout, x):
    dout[:] = 0
    return dout


def through_a_view(dout, x):
    dout.reshape(-1)[0] = 7
    return 2 * dout * x


@pytest.mark.parametrize(
    ("backward", "gradient_is_right"),
    [(times_three_in_place, False), (doubled_in_place, True), (zeroed, False), (through_a_view, False)],
)
def test_dy_changed(backward, gradient_is_right):
    report = check_op((square, backward), {"x": X})
    assert not report.passed
    assert report["x"].passed == gradient_is_right
    assert "backward changed dy in place" in str(report).splitlines()[0]
    assert any("dy = dy * 2 instead of dy *= 2" in problem for problem in report.problems)


def test_weights_changed_in_backward():
    def updates(dy, cache):
        dx, dw = right(dy, cache)
        cache[1][...] -= 0.1 * dw
        return dx, dw

    report = check_op((product, updates), {"x": X, "w": W})
    assert [problem.split(":")[0] for problem in report.problems] == ["backward changed w in place"]
    assert report.failures == []  # judged with the numbers as they were


def test_forward_in_place():
    def relu(x):
        x[x < 0] = 0
        return x, x

    report = check_op((relu, lambda dy, x: dy * (x > 0)), {"x": X})
    assert report.problems == ("forward changed x in place: let it work on a copy, x = x.copy()",)
    assert report.failures == []


def test_an_option_changed():
    def forward(x, mask):
        mask *= 2
        return x * mask, mask

    report = check_op((forward, lambda dy, mask: dy * mask), {"x": X}, mask=np.ones((3, 5)))
    assert "forward changed mask in place" in report.problems[0]


def test_y_changed():
    def forward(x):
        y = np.tanh(x)
        return y, y

    def backward(dy, y):
        np.square(y, out=y)
        return dy * (1 - y)

    report = check_op((forward, backward), {"x": X})
    assert "backward changed y in place" in str(report)
    assert report.failures == []


def test_a_buffer_of_its_own_may_change():
    def backward(dy, cache):
        x, buffer = cache
        np.multiply(dy, x, out=buffer)
        return 2 * buffer

    assert check_op((lambda x: (x * x, (x, np.empty_like(x))), backward), {"x": X}).passed


def doubles_its_cache(dy, cache):
    cache[0] *= 2
    return dy * cache[0]


def test_a_cache_that_serves_only_once():
    report = check_op((lambda x: (x * x, [x.copy()]), doubles_its_cache), {"x": X})
    assert "backward changed the cache in place (cache[0]): called again with the same cache" in str(report)
    assert report.failures == []


def test_gradients_may_add_up_in_a_cache():
    def backward(dy, cache):
        cache["dx"] += 2 * dy * cache["x"]
        return cache["dx"]

    assert check_op((lambda x: (x * x, {"x": x, "dx": np.zeros_like(x)}), backward), {"x": X}).passed
    assert check_op((lambda x: (x * x, [x]), lambda dy, cache: 2 * dy * cache.pop()), {"x": X}).passed


def test_a_random_number_in_backward():
    draw = np.random.default_rng(0)
    report = check_op((square, lambda dy, x: 2 * dy * x + 1e-14 * draw.random() + draw.random()), {"x": X})
    assert "backward keeps a state" in str(report)


def test_a_sum_that_goes_on_over_calls():
    total = np.zeros((5, 4))

    def backward(dy, cache):
        dx, dw = right(dy, cache)
        total[...] += dw
        return dx, total

    report = check_op((product, backward), {"x": X, "w": W})
    assert "backward keeps a state" in str(report)
    assert report.failures == []


class Dense:
    def __init__(self):
        self.w = W.copy()

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, dy, in_place):
        dx = dy @ self.w.T
        if in_place:
            self.w -= 0.1 * self.x.T @ dy
        else:
            self.w = self.w - 0.1 * self.x.T @ dy
        return dx


@pytest.mark.parametrize("in_place", [True, False])
def test_an_object_that_updates_its_own_weights(in_place):
    dense = Dense()
    passes = (lambda x: (dense.forward(x), None)), (lambda dy, _: dense.backward(dy, in_place))
    report = check_op(passes, {"x": X})
    assert "backward changed what forward reads" in str(report)
    assert report.failures == []  # compared with the old weights, which are put back
    np.testing.assert_array_equal(dense.w, W)


# ---- not functions -----------------------------------------------------------------------------------------


def dropout_from(draw):
    def forward(x):
        mask = draw(x.shape) > 0.5
        return x * mask * 2, mask

    return forward, lambda dy, mask: dy * mask * 2


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda shape: np.random.random_sample(shape), "it draws from np.random"),  # noqa: NPY002
        (np.random.default_rng(0).random, "it draws random numbers, or keeps a state"),
    ],
)
def test_random_numbers_inside(draw, words):
    report = check_op(dropout_from(draw), {"x": X})
    assert not report.passed
    assert report.failures == []
    assert report["x"].right == 0
    assert "forward is not a function" in str(report).splitlines()[0]
    assert words in report.problems[0]
    assert "pass it as an option" in report.problems[0]


def test_random_numbers_from_a_seed_are_a_function():
    assert check_op(dropout_from(lambda shape: np.random.default_rng(3).random(shape)), {"x": X}).passed


def test_a_counter():
    calls = []

    def forward(x):
        calls.append(1)
        return x * len(calls), len(calls)

    report = check_op((forward, lambda dy, n: dy * n), {"x": X})
    assert "15 of 15 entries of y differ" in report.problems[0]


def test_nan_in_y():
    report = check_op((lambda x: (np.where(x > 0, x, np.nan), x), lambda dy, x: dy), {"x": X})
    assert "are nan or inf" in report.problems[0]
    assert not report.passed


# ---- the form of the answer --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (list, "backward returned a list: return a tuple, return dx, dw"),
        (
            lambda both: {"x": both[0], "weights": both[1]},
            "backward returned a dict: return the gradients in the order",
        ),
        (
            lambda both: (both[0].astype(complex), both[1]),
            "the gradient of x is complex: return its real part, dx.real",
        ),
        (lambda both: (both[0].astype(object), both[1]), "the gradient of x has dtype object"),
    ],
)
def test_another_form_with_the_right_numbers(change, words):
    report = check_op((product, lambda dy, cache: change(right(dy, cache))), {"x": X, "w": W})
    assert not report.passed
    assert words in str(report)
    assert report.failures == []


@pytest.mark.parametrize("keys", [("x", "w"), ("dx", "dw"), ("dw", "dx")])
def test_a_dict_with_the_names_of_the_arrays_is_an_answer(keys):
    def backward(dy, cache):
        both = dict(zip(("x", "w"), right(dy, cache)))
        return {key: both[key[-1]] for key in keys}

    assert check_op((product, backward), {"x": X, "w": W}).verdict == "every gradient is right"


@pytest.mark.parametrize("name", ["weight_grad", "grad_weight", "gradweight", "gradWeight", "dweight"])
def test_gradients_in_attributes_of_several_names(name):
    class Linear:
        def __init__(self, weight):
            self.weight = weight

        def forward(self, x):
            self.x = x
            return x @ self.weight

        def backward(self, dy):
            setattr(self, name, self.x.T @ dy)
            return dy @ self.weight.T

    assert check_op(Linear(W), {"x": X, "weight": W}).verdict == "every gradient is right"
    name = "grads_of_weight"
    said = str(check_op(Linear(W), {"x": X, "weight": W})["weight"].cause)
    assert "looked for as dweight, grad_weight, weight_grad, gradweight, weight.grad" in said


@pytest.mark.parametrize(
    ("change", "failures", "words"),
    [
        (lambda both: None, ["x", "w"], "backward returned nothing: is its return missing?"),
        (lambda both: ("dx", both[1]), ["x"], "the gradient of x is not an array of numbers, but dx"),
        (lambda both: both[::-1], ["x", "w"], "number 2 is the gradient of x, expected the order x, w"),
        (lambda both: (None, *both), ["x", "w"], "number 3 is the gradient of w"),
        (
            lambda both: (both[0].astype(np.float32), both[1]),
            ["x"],
            "right, but rounded to float32: x is float64",
        ),
        (lambda both: (both[0].astype(int), both[1]), ["x"], "its dtype is int64, so fractions are cut off"),
    ],
)
@pytest.mark.parametrize("arrays", [{"x": X, "w": W}, {"x": SQUARE.T.copy(), "w": SQUARE}])
def test_another_form_with_wrong_numbers(change, failures, words, arrays):
    report = check_op((product, lambda dy, cache: change(right(dy, cache))), arrays)
    assert report.failures == failures
    assert words in str(report)


@pytest.mark.parametrize(
    ("passes", "message"),
    [
        ((lambda x: x * x, lambda dy, a: 2 * dy * a), r"returned y alone, expected \(y, cache\)"),
        ((lambda x: None, lambda dy, x: 2 * dy * x), "returned NoneType as y, expected an array of floats"),
        ((lambda x: ("y", x), lambda dy, x: dy), "returned str as y, expected an array of floats"),
        (
            (lambda image: (image, None), lambda dy, _: dy),
            "called with the arrays as keywords, x: .* Name the arrays",
        ),
        ((square, lambda dy, x: ()), "returned 0 gradients, expected 1: of x"),
    ],
)
def test_what_cannot_be_checked_says_how_to_wrap_it(passes, message):
    with pytest.raises(ValueError, match=message):
        check_op(passes, {"x": X})


@pytest.mark.parametrize("cut", [lambda x: x > 0, lambda x: (10 * x).astype(int)])
def test_y_without_fractions(cut):
    report = check_op((lambda x: (cut(x), x), lambda dy, x: 0 * dy), {"x": X})
    assert "forward returned" in report.problems[0]
    assert "fractions are cut off" in report.problems[0]


def test_the_wrapping_that_the_message_gives_works():
    forward, backward = (lambda x: x * x), (lambda dy, x: 2 * dy * x)
    assert check_op((lambda x: (forward(x), (x,)), lambda dy, cache: backward(dy, *cache)), {"x": X}).passed


def test_any_callable_will_do():
    class Backward:
        def __call__(self, dy, x):
            return 2 * dy * x

    assert check_op((functools.partial(square), Backward()), {"x": X}).title == "Backward"
    assert check_op(
        (square, functools.partial(lambda dy, x, factor: factor * dy * x, factor=2)), {"x": X}
    ).passed


# ---- layers and models -------------------------------------------------------------------------------------


class Spoils(layers.Dense):
    def __init__(self, what, **kwargs):
        super().__init__(4, **kwargs)
        self.what = what

    def forward(self, x, training=False):
        if self.what == "x":
            x *= 1
            x[0, 0] += 1
        y = super().forward(x, training)
        return y * np.random.random_sample() if self.what == "random" else y  # noqa: NPY002

    def backward(self, dy):
        if self.what == "dy":
            dy *= 5
        dx = super().backward(dy)
        if self.what == "kernel":
            self.kernel.value = self.kernel.value - 0.1 * self.kernel.grad
        if self.what == "kernel in place":
            self.kernel.value -= 0.1 * self.kernel.grad
        return dx


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("x", "forward changed x in place"),
        ("dy", "backward changed dy in place"),
        ("kernel", "backward changed kernel: leave the update to the optimizer"),
        ("kernel in place", "backward changed kernel in place"),
        ("random", "forward is not a function"),
    ],
)
def test_a_layer(what, words):
    report = check_layer(Spoils(what), (3, 5))
    assert not report.passed
    assert words in str(report)
    assert report.failures == (["x", "kernel", "bias"] if what == "dy" else [])
    assert check_layer(Spoils("nothing"), (3, 5)).passed


def test_a_model_that_is_not_a_function():
    model = Sequential([Input((5,)), Spoils("random")])
    model.compile(loss="mse")
    report = check_model(model, X, np.zeros((3, 4)))
    assert not report.passed
    assert "forward is not a function: called twice with the same arrays, the loss is" in str(report)

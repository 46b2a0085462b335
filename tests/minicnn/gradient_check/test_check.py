"""check_op, check_layer, check_model: right gradients pass, wrong ones do not, and
nothing is left changed.
"""

import numpy as np
import pytest

from minicnn import Input, Sequential, layers
from minicnn.gradient_check import Report, check_layer, check_model, check_op, compare


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
        if self.fault == "one entry of one gradient off by a millionth of a millionth of it":
            self.kernel.grad = self.kernel.grad.copy()
            self.kernel.grad[1, 2, 0, 1] += 1e-10
        return dx


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        (None, None),
        ("kernel not rotated", "x"),
        ("bias summed over the wrong axes", "bias"),
        ("kernel gradient divided by the batch", "kernel"),
        ("one entry of one gradient off by a millionth of a millionth of it", "kernel"),
    ],
)
def test_a_fault_is_found_where_it_is(fault, where):
    report = check_layer(Broken(fault, name="conv"), (3, 4, 4, 2))  # batch = filters: no shape gives it away
    assert report.failures == ([where] if where else [])
    assert report.passed == (where is None)
    assert all(gradient.method == "complex step" for gradient in report.values())


def test_the_worst_entry_is_named():
    fault = "one entry of one gradient off by a millionth of a millionth of it"
    kernel = check_layer(Broken(fault, name="conv"), (3, 4, 4, 2))["kernel"]
    assert kernel.worst == (1, 2, 0, 1)
    assert kernel.analytic[1, 2, 0, 1] - kernel.numeric[1, 2, 0, 1] == pytest.approx(1e-10, rel=1e-3)
    assert "[1, 2, 0, 1]" in kernel.line()


def test_a_gradient_that_is_missing_or_of_another_shape_is_wrong(rng):
    arrays = {"x": rng.standard_normal((2, 3)), "w": rng.standard_normal((3, 2))}

    def forward(x, w):
        return x @ w, (x, w)

    missing = check_op((forward, lambda dy, cache: (dy @ cache[1].T, None)), arrays)
    assert missing.failures == ["w"]
    assert "no gradient was given" in str(missing)
    wrong = check_op((forward, lambda dy, cache: (dy @ cache[1].T, cache[0][:1].T @ dy[:1, :1])), arrays)
    assert wrong.failures == ["w"]
    assert "shape (3, 1), expected (3, 2)" in str(wrong)
    with pytest.raises(ValueError, match="returned 1 gradients, expected 2: of x, w"):
        check_op((forward, lambda dy, cache: dy @ cache[1].T), arrays)


@pytest.mark.parametrize("nan", [np.nan, np.inf])
def test_what_is_not_a_number_is_wrong(nan):
    report = check_op((lambda x: (x * x, x), lambda dy, x: np.where(x > 1, nan, 2 * dy * x)), {"x": [0.5, 2]})
    assert not report.passed
    assert report["x"].worst == (1,)


def test_an_operation_by_its_name(rng):
    arrays = {"x": rng.standard_normal((2, 5, 4, 3)), "kernel": rng.standard_normal((3, 2, 3, 2))}
    report = check_op("conv2d", arrays, strides=(2, 1), padding="same")
    assert report.passed
    assert set(report) == {"x", "kernel"}
    assert check_op(
        "batch_norm", {"x": arrays["x"], "gamma": np.ones(3), "beta": np.zeros(3)}, epsilon=0.1
    ).passed


def test_what_does_not_take_complex_numbers_is_checked_by_differences_with_its_kinks():
    def forward(x):
        return np.abs(x) + np.maximum(x, 2.0), x

    def backward(dy, x):
        return dy * (np.sign(x) + (x >= 2))

    x = np.array([-1.5, 0.0, 0.7, 2.0])
    exact = check_op((forward, backward), {"x": x})["x"]
    assert exact.method == "complex step"  # |x| and the maximum are continued
    report = check_op((forward, backward), {"x": x}, method="central differences")
    assert report.passed
    assert report["x"].method == "central differences"
    for both in zip(exact.kinks, report["x"].kinks):
        assert both[0].left == pytest.approx(both[1].left)
        assert both[0].right == pytest.approx(both[1].right)
        assert both[0].valid
        assert both[1].valid
    assert [kink.entry for kink in report["x"].kinks] == [(1,), (3,)]
    assert [kink.side for kink in report["x"].kinks] == [
        "between",
        "right" if report["x"].kinks[1].right else "left",
    ]
    for method in ("auto", "central differences"):
        wrong = check_op((forward, lambda dy, x: 1.001 * backward(dy, x)), {"x": x}, method=method)
        assert wrong.failures == ["x"]
        off = [tuple(entry) for entry in np.argwhere(wrong["x"].errors > wrong["x"].bound).tolist()]
        assert set(off) >= {(0,), (2,)}
        assert (1,) not in off  # 0 is a subgradient, whatever it is multiplied by
        assert wrong["x"].kinks[1].valid is False  # 1.001 times the largest slope of the two sides


def test_a_kink_says_which_side_was_taken(rng):
    x = np.zeros((1, 2))  # a tie: the first maximum wins, so moving it down changes nothing
    report = check_op(
        "max_pool2d", {"x": x.reshape(1, 1, 2, 1)}, pool_size=(1, 2), method="central differences"
    )
    first, second = report["x"].kinks
    assert first.side != second.side
    assert {round(first.left, 9), round(first.right, 9)} == {0.0, round(first.right or first.left, 9)}
    assert check_op("max_pool2d", {"x": x.reshape(1, 1, 2, 1)}, pool_size=(1, 2)).error == 0  # the convention


def small_model():
    model = Sequential(
        [
            Input((6, 5, 1)),
            layers.Conv2D(2, 3, kernel_regularizer="l2", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2, 1),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def test_a_whole_model(rng):
    x, y = rng.standard_normal((4, 6, 5, 1)), np.array([0, 2, 1, 1])
    weights = np.array([1.0, 0.5, 2.0, 1.0])
    model = small_model()
    for training in (True, False):
        report = check_model(model, x, y, sample_weight=weights, training=training, entries=None)
        assert report.passed, str(report)
        assert {"x", *(weight.path for weight in model.trainable_weights)} == set(report)
    some = check_model(model, x, y, entries=5)
    assert {int(gradient.checked.sum()) for gradient in some.values()} <= {2, 3, 5}
    assert "5 of 120" in str(some)


def test_a_regularizer_without_its_gradient_is_found(rng):
    model = small_model()
    conv = model.layers[1] if isinstance(model.layers[1], layers.Conv2D) else model.layers[0]

    class Forgetful(type(conv.kernel.regularizer)):
        def gradient(self, w):
            return np.zeros_like(w)

    conv.kernel.regularizer = Forgetful()
    report = check_model(model, rng.standard_normal((4, 6, 5, 1)), np.array([0, 2, 1, 1]))
    assert report.failures == [conv.kernel.path]


def test_everything_is_left_as_it_was(rng):
    model = small_model()
    x, y = rng.standard_normal((4, 6, 5, 1)), np.array([0, 2, 1, 1])
    model.train_on_batch(x, y)
    before = model.get_weights()
    states = [generator.bit_generator.state for generator in model.generators]
    check_model(model, x, y, entries=2)
    check_layer(model, x.astype(np.float32), entries=2)
    assert all(np.array_equal(old, new) for old, new in zip(before, model.get_weights()))
    assert [weight.dtype for weight in model.weights] == [np.float32] * len(before)
    assert states == [generator.bit_generator.state for generator in model.generators]
    model.train_on_batch(x, y)  # still computes in float32


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"op='conv3d': expected a pair of functions or one of .*conv2d"):
        check_op("conv3d", {"x": np.ones(3)})
    with pytest.raises(ValueError, match="method='guess': expected one of auto, complex step, central diff"):
        check_layer(layers.ReLU(), (2, 3), method="guess")
    layer = layers.Dense(2)
    layer.build((None, 3))
    with pytest.raises(ValueError, match=r"input of shape \(2, 4\), expected \(None, 3\)"):
        check_layer(layer, (2, 4))


def test_a_report_reads_well():
    report = check_layer(Broken("kernel gradient divided by the batch", name="conv"), (3, 4, 4, 2))
    assert isinstance(report, Report)
    first, _, *rows = str(report).splitlines()
    assert first == "conv (Broken): WRONG: kernel (complex step, bound 1e-12)"
    assert [row.split()[0] for row in rows if not row.startswith("      ")][:3] == ["x", "kernel", "bias"]
    assert "FAIL" in next(row for row in rows if row.split()[0] == "kernel")
    # y = x·w, so dw = Σ x·dy: here 2·3 + 5·(−4) = −14, with terms of size 6 + 20 = 26. Half of it, −7, is wrong by
    # 7/26 = 0.269…
    x, dy = np.array([[2.0], [5.0]]), np.array([[3.0], [-4.0]])
    by_hand = compare("xw", lambda w: x @ w, {"w": np.ones((1, 1))}, dy, {"w": np.array([[-7.0]])})
    assert by_hand.error == pytest.approx(7 / 26, rel=1e-12)
    assert repr(by_hand) == "<Report xw: failed: w, worst error 2.7e-01>"
    assert str(by_hand).splitlines()[2].split() == [
        "w",
        "2.7e-01",
        "FAIL",
        "1",
        "of",
        "1",
        "[0,",
        "0]",
        "-7",
        "-14",
    ]


def test_a_build_of_ones_own_need_not_call_that_of_layer():
    """As for a layer that is called: Keras's layers do not either."""

    class Scale(layers.Layer):
        def build(self, input_shape):
            self.s = self.add_weight("s", (input_shape[-1],), "ones")

        def forward(self, x, training=False):
            self.x = x
            return x * self.s.value

        def backward(self, dy):
            self.s.grad = (dy * self.x).sum(axis=(0, 1, 2))
            return dy * self.s.value

    layer = Scale()
    report = check_layer(layer, (2, 3, 3, 2))
    assert report.passed
    assert report.keys() == {"x", "s"}
    assert check_layer(layer, (4, 3, 3, 2)).passed


def dead(x, W, shift=1e2):
    """ReLU(xW − 100): the factors 7 and 3 are wrong, and 7·0 is 0."""
    on = x @ W > shift
    return np.maximum(x @ W - shift, 0), lambda dy: (7 * (dy * on) @ W.T, 3 * x.T @ (dy * on))


def far_apart(a, b):
    """The loss of two triplets that are far enough apart: the signs are wrong."""
    d = np.maximum(0, ((a - b) ** 2).sum(1) - 1e3)
    return d.mean(), {"a": -(a - b) * np.sign(d)[:, None], "b": (a - b) * np.sign(d)[:, None]}


@pytest.mark.parametrize(
    ("op", "shapes"),
    [
        (dead, {"x": (3, 4), "W": (4, 2)}),
        (far_apart, {"a": (2, 3), "b": (2, 3)}),
        (lambda x: (np.clip(x - 9, 0, 1), lambda dy: 0 * dy), {"x": (3, 4)}),
    ],
)
def test_a_check_at_a_point_where_all_slopes_are_0_says_that_it_tested_nothing(op, shapes, rng):
    report = check_op(op, {name: rng.standard_normal(shape) for name, shape in shapes.items()})
    names = ", ".join(shapes)
    assert report.verdict == f"nothing was tested: y does not depend on {names} here: all slopes are 0"
    assert not report.passed
    assert not report.failures
    assert [gradient.mark for gradient in report.values()] == ["--"] * len(shapes)
    assert f"Take other numbers, such as −{names[0]}" in str(report)


def test_slopes_that_are_too_small_to_compare_are_not_said_to_be_0():
    def forward(x):
        p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        return p, lambda dy: p * (dy - (dy * p).sum(axis=1, keepdims=True))

    report = check_op(forward, {"x": np.array([[30.0, -30.0]])})
    # p·(1 − p) is e⁻⁶⁰ = 8.7565e-27 here
    assert report.verdict.startswith(
        "nothing was tested: y hardly depends on x here: all slopes are at most "
    )
    assert 1e-27 < report["x"].steepest < 1e-25
    assert "Take other numbers, such as x/10" in str(report)


def test_dead_units_beside_a_bias_are_not_judged(rng):
    def forward(x, W, b):
        y, backward = dead(x, W)
        return y + b, lambda dy: (*backward(dy), dy.sum(axis=0))

    report = check_op(
        forward,
        {"x": rng.standard_normal((3, 4)), "W": rng.standard_normal((4, 2)), "b": rng.standard_normal(2)},
    )
    assert report.verdict == "2 right, 20 not judged (y does not depend on them here: all slopes are 0)"


def test_a_gradient_that_is_0_everywhere_is_judged(rng):
    """A bias before batch normalization, and the sign of a number."""

    def forward(x, b):
        z = x + b
        y = (z - z.mean(axis=0)) / z.std(axis=0)

        def backward(dy):
            dx = (dy - dy.mean(axis=0) - y * (dy * y).mean(axis=0)) / z.std(axis=0)
            return dx, dx.sum(axis=0)

        return y, backward

    report = check_op(forward, {"x": rng.standard_normal((5, 3)), "b": rng.standard_normal(3)})
    assert report.verdict == "every gradient is right"
    assert report.passed
    stairs = check_op(lambda x: (np.sign(x), lambda dy: 0 * dy), {"x": rng.standard_normal((5, 3))})
    assert stairs.verdict == "every gradient is right"
    assert stairs.passed

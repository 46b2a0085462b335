"""At kinks and ties: every choice that a convention may make is right, and nothing else; for code in other styles."""

import numpy as np
import pytest

from minicnn.gradient_check import check_op

TIES = np.random.default_rng(0).integers(-1, 2, (2, 4, 4, 2)).astype(float)  # zeros, and equal maxima
ROUND = np.round(np.random.default_rng(1).standard_normal((3, 5)))
METHODS = ("auto", "central differences")


def relu_into_zeros(x):
    out = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        out[i] = x[i] if x[i] > 0 else 0.0
    return out, x


def relu_with_python(x):
    return np.array([max(v, 0) for v in x.ravel()]).reshape(x.shape), x


def relu_masked(x):
    out = x.copy()
    out[out < 0] = 0
    return out, x


RELUS = {
    "maximum": lambda x: (np.maximum(x, 0), x),
    "where": lambda x: (np.where(x > 0, x, 0), x),
    "mask": lambda x: (x * (x > 0), x),
    "clip": lambda x: (np.clip(x, 0, None), x),
    "average with |x|": lambda x: ((x + np.abs(x)) / 2, x),
    "fmax": lambda x: (np.fmax(x, 0), x),
    "loop": relu_into_zeros,
    "Python's max": relu_with_python,
    "index": relu_masked,
}


@pytest.mark.parametrize("style", RELUS)
@pytest.mark.parametrize("at_0", [0.0, 0.3, 1.0])
def test_any_slope_from_0_to_1_is_right_at_relus_kink(style, at_0):
    report = check_op((RELUS[style], lambda dy, x: dy * np.where(x == 0, at_0, x > 0)), {"x": TIES})
    assert report.passed, str(report)
    assert len(report["x"].kinks) == np.count_nonzero(TIES == 0)
    assert all(kink.valid for kink in report["x"].kinks)
    assert "every gradient is right" in str(report).splitlines()[0]
    assert "a valid choice" in str(report)


@pytest.mark.parametrize("style", RELUS)
@pytest.mark.parametrize("at_0", [-0.01, 1.01, 2.0])
def test_another_slope_is_wrong(style, at_0):
    report = check_op((RELUS[style], lambda dy, x: dy * np.where(x == 0, at_0, x > 0)), {"x": TIES})
    assert report.failures == ["x"]
    wrong = {kink.entry for kink in report["x"].kinks if kink.valid is False}
    assert wrong == {tuple(entry) for entry in np.argwhere(TIES == 0).tolist()}
    assert "not a valid choice" in str(report)


ABSOLUTE = {
    "abs": np.abs,
    "fabs": np.fabs,
    "sign": lambda x: x * np.sign(x),
    "where": lambda x: np.where(x < 0, -x, x),
    "maximum": lambda x: np.maximum(x, -x),
    "root": lambda x: np.sqrt(x * x),  # complex numbers give one slope for both sides at 0
    "norm": lambda x: np.linalg.norm(x[:, None], axis=1),
}


@pytest.mark.parametrize(
    ("slope", "right"), [(-1.0, True), (0.0, True), (0.5, True), (1.0, True), (1.1, False), (-1.1, False)]
)
@pytest.mark.parametrize("style", ABSOLUTE)
def test_the_absolute_value(slope, right, style):
    x = np.array([0.0, 1.0, -2.0, 0.0])
    passes = lambda x: (ABSOLUTE[style](x), x), lambda dy, x: dy * np.where(x == 0, slope, np.sign(x))
    report = check_op(passes, {"x": x})
    assert report.passed == right, str(report)
    assert [kink.entry for kink in report["x"].kinks] == [(0,), (3,)]
    assert [(kink.left / kink.right) for kink in report["x"].kinks] == pytest.approx([-1, -1])


# ---- maxima ------------------------------------------------------------------------------------------------


def pool(x):
    """Non-overlapping 2x2 windows by a reshape, as fast layers do it."""
    n, h, w, c = x.shape
    windows = x.reshape(n, h // 2, 2, w // 2, 2, c)
    y = windows.max(axis=(2, 4))
    return y, (windows, y)


def shares(weights):
    """A backward pass that gives each entry of a window ``weights(which are the maximum)`` of dy."""

    def backward(dy, cache):
        windows, y = cache
        ties = windows == y[:, :, None, :, None]
        return (weights(ties) * dy[:, :, None, :, None]).reshape(TIES.shape)

    return backward


def only(which):
    def weights(ties):
        n, h, _, w, _, c = ties.shape
        flat = ties.transpose(0, 1, 3, 5, 2, 4).reshape(n, h, w, c, 4)
        winner = flat.argmax(-1) if which == "first" else 3 - flat[..., ::-1].argmax(-1)
        one = np.arange(4) == winner[..., None]
        return one.reshape(n, h, w, c, 2, 2).transpose(0, 1, 4, 2, 5, 3)

    return weights


CHOICES = {
    "the first": (only("first"), True),
    "the last": (only("last"), True),
    "equal shares": (lambda ties: ties / ties.sum(axis=(2, 4), keepdims=True), True),
    "each all of it": (lambda ties: ties, False),
    "none, if there are several": (lambda ties: ties * (ties.sum(axis=(2, 4), keepdims=True) == 1), False),
    "half of it each": (
        lambda ties: ties * np.where(ties.sum(axis=(2, 4), keepdims=True) > 1, 0.5, 1),
        False,
    ),
    "shared, and again shared": (lambda ties: ties / ties.sum(axis=(2, 4), keepdims=True) ** 2, False),
}


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("constant", [False, True])
def test_the_winners_of_a_tie_share_dy_and_no_more(choice, method, constant):
    weights, right = CHOICES[choice]
    x = TIES * 0 if constant else TIES
    report = check_op((pool, shares(weights)), {"x": x}, method=method)
    assert report.passed == right, str(report)


def overlapping(x):
    y = np.zeros((2, 2, 2, 2), dtype=x.dtype)
    for n, i, j, c in np.ndindex(y.shape):
        y[n, i, j, c] = np.max(x[n, i : i + 3, j : j + 3, c])
    return y, x


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("all_of_them", [False, True])
def test_overlapping_windows(method, all_of_them):
    def backward(dy, x):
        dx = np.zeros_like(x)
        for n, i, j, c in np.ndindex(dy.shape):
            window = x[n, i : i + 3, j : j + 3, c]
            if all_of_them:
                dx[n, i : i + 3, j : j + 3, c] += dy[n, i, j, c] * (window == window.max())
            else:
                a, b = np.unravel_index(np.argmax(window), window.shape)
                dx[n, i + a, j + b, c] += dy[n, i, j, c]
        return dx

    report = check_op((overlapping, backward), {"x": TIES}, method=method)
    assert report.passed != all_of_them, str(report)


# ---- neither convex nor concave ----------------------------------------------------------------------------


def middle(x):
    return np.median(x, axis=1), np.argsort(x, axis=1, kind="stable")[:, x.shape[1] // 2]


@pytest.mark.parametrize("x", [ROUND, np.zeros((3, 5))])
def test_a_right_median_is_never_called_wrong(x):
    def backward(dy, winner):
        dx = np.zeros(x.shape)
        dx[np.arange(len(dy)), winner] = dy
        return dx

    assert check_op((middle, backward), {"x": x}).passed


def test_a_sort_gives_each_gradient_back_once():
    def backward(dy, order):
        dx = np.zeros(ROUND.shape)
        np.put_along_axis(dx, order, dy, axis=1)
        return dx

    forward = lambda x: (np.sort(x, axis=1), np.argsort(x, axis=1))  # noqa: E731
    assert check_op((forward, backward), {"x": ROUND}).passed
    twice = check_op((forward, lambda dy, order: 2 * backward(dy, order)), {"x": ROUND})
    assert twice.failures == ["x"]


def test_a_root_at_0_is_not_said_to_jump():
    def backward(dy, x):
        return dy / (2 * np.sqrt(np.where(x > 0, x, 1)))

    report = check_op((lambda x: (np.sqrt(x), x), backward), {"x": np.array([0.0, 1.0, 4.0])})
    assert "2 right, 1 not judged (y has no slope there" in report.verdict
    assert "no slope at [0]: y jumps there, or is too steep, as √x at 0; not judged" in str(report)


def test_where_the_function_jumps_nothing_is_judged_and_the_first_line_says_so():
    x = np.array([0.0, 1.0, 1.5, 2.5])
    report = check_op((lambda x: (np.floor(x) * x, x), lambda dy, x: dy * np.floor(x)), {"x": x})
    # floor(x)·x is 0 on both sides of x = 0 in value, but not at 1
    assert report.passed
    first = str(report).splitlines()[0]
    assert "every gradient is right" not in first
    assert f"{report['x'].right} right, " in first
    assert "not judged (y has no slope there: it jumps, or is as steep as √x at 0)" in first
    assert [kink.entry for kink in report["x"].kinks if kink.valid is None] == [(1,)]

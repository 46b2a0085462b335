"""Numbers of other people's functions: exact where they can be, rough where not, and never another function's."""

import math

import numpy as np
import pytest

from minicnn.gradient_check import check_op
from minicnn.gradient_check.foreign import Nudged
from minicnn.gradient_check.numeric import STEP
from minicnn.gradient_check.slopes import Slopes

X = np.random.default_rng(0).standard_normal((3, 4))
V = np.random.default_rng(1).standard_normal((3, 4))
A, DA = X.ravel(), V.ravel()


def nudged(x=X, v=V):
    return (x + 1j * STEP * v).view(Nudged)


def slope(y):
    return np.asarray(np.imag(y)) / STEP


SIGN = np.sign(X)
# function -> its derivative along V, by hand
BY_HAND = {
    "abs": (np.abs, SIGN * V),
    "fabs": (np.fabs, SIGN * V),
    "Python's abs": (abs, SIGN * V),
    "sign": (lambda x: np.sign(x) * x, SIGN * V),
    "copysign": (lambda x: np.copysign(x, -1.0), -SIGN * V),
    "conjugate": (lambda x: np.conj(x) * x, 2 * X * V),
    "method conj": (lambda x: x.conj() * x, 2 * X * V),
    "hypot": (lambda x: np.hypot(x, 2.0), X * V / np.hypot(X, 2)),
    "arctan2": (lambda x: np.arctan2(x, 2.0), V * 2 / (X**2 + 4)),
    "arctan2, second": (lambda x: np.arctan2(2.0, x), -V * 2 / (X**2 + 4)),
    "logaddexp": (lambda x: np.logaddexp(0, x), V / (1 + np.exp(-X))),
    "logaddexp2": (lambda x: np.logaddexp2(0, x), V / (1 + 2.0**-X)),
    "cbrt": (np.cbrt, V / (3 * np.cbrt(X) ** 2)),
    "floor": (lambda x: np.floor(x) * x, np.floor(X) * V),
    "ceil": (lambda x: np.ceil(x) * x, np.ceil(X) * V),
    "trunc": (lambda x: np.trunc(x) * x, np.trunc(X) * V),
    "remainder": (lambda x: np.remainder(x, 0.7), V),
    "floor_divide": (lambda x: (x // 0.7) * x, (X // 0.7) * V),
    "heaviside": (lambda x: np.heaviside(x, 0.5) * x, (X > 0) * V),
    "signbit": (lambda x: np.where(np.signbit(x), x, 0), (X < 0) * V),
    "var": (np.var, (2 * (X - X.mean()) * V).mean()),
    "method var": (lambda x: x.var(axis=0, ddof=1), (2 * (X - X.mean(0)) * V).sum(0) / 2),
    "std": (lambda x: np.std(x, axis=1), ((X - X.mean(1)[:, None]) * V).mean(1) / X.std(1)),
    "method std": (
        lambda x: x.std(axis=1, keepdims=True),
        ((X - X.mean(1)[:, None]) * V).mean(1)[:, None] / X.std(1)[:, None],
    ),
    "norm": (np.linalg.norm, (X * V).sum() / np.linalg.norm(X)),
    "norm of rows": (lambda x: np.linalg.norm(x, axis=1), (X * V).sum(1) / np.linalg.norm(X, axis=1)),
    "norm of sums": (lambda x: np.linalg.norm(x, 1, axis=1), (SIGN * V).sum(1)),
    "norm, largest": (lambda x: np.linalg.norm(x.ravel(), np.inf), (SIGN * V).ravel()[np.abs(X).argmax()]),
    "vdot": (lambda x: np.vdot(x, x), 2 * (X * V).sum()),
    "correlate": (
        lambda x: np.correlate(x[0], x[1][:2]),
        np.correlate(X[0], V[1][:2]) + np.correlate(V[0], X[1][:2]),
    ),
    "maximum": (lambda x: np.maximum(x, 0.1), (X > 0.1) * V),
    "clip": (lambda x: np.clip(x, -0.5, 0.5), (np.abs(X) < 0.5) * V),
    "max": (lambda x: x.max(axis=1), V[np.arange(3), X.argmax(1)]),
    "median": (lambda x: np.median(x[:, :3], axis=1), np.take_along_axis(V, X[:, :3].argsort(1), 1)[:, 1]),
    "sort": (np.sort, np.take_along_axis(V, X.argsort(1), 1)),
    "ptp": (np.ptp, DA[A.argmax()] - DA[A.argmin()]),
    "einsum": (lambda x: np.einsum("ij,kj->ik", x, x), V @ X.T + X @ V.T),
    "in place": (lambda x: np.multiply(x, x, out=np.empty_like(x)), 2 * X * V),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_the_derivative_is_the_one_by_hand(name):
    function, expected = BY_HAND[name]
    y = function(nudged())
    np.testing.assert_allclose(slope(y), expected, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(np.real(np.asarray(y)), function(X), rtol=1e-13)


def test_numbers_of_an_array_decide_and_count_as_real_ones():
    z = nudged(np.array([0.0, 0.0, 2.0]), np.array([1.0, -1.0, 3.0]))
    assert z[0] > 0 > z[1]
    assert max(z[1], 0) == 0
    assert max(z[0], 0) is not 0  # noqa: F632
    assert [slope(abs(each)) for each in z] == [1, 1, 3]
    total = kept = z[2]
    total += 1  # a number is never changed where it is used elsewhere
    assert kept == z[2]
    assert sorted(z, reverse=True)[0] == z[2]
    assert (np.floor(z)[:2] == [0, -1]).all()
    assert (np.sign(z) == [1, -1, 1]).all()


LOSES = {
    "a buffer of zeros": lambda z: np.zeros(z.shape).__setitem__(..., z),
    "a number of one": lambda z: np.zeros(3).__setitem__(0, z[0, 0]),
    "float": lambda z: float(z[0, 0]),
    "math": lambda z: math.exp(z[0, 0]),
    "astype": lambda z: z.astype(float),
    "asarray": lambda z: np.asarray(z, dtype=np.float64),
    "+=": lambda z: np.zeros(z.shape).__iadd__(z),
    "fft": np.fft.fft,
    "svd": np.linalg.svd,
    "cov": np.cov,
    "norm of matrices": lambda z: np.linalg.norm(z, 2),
    "out": lambda z: z.var(out=np.empty(())),
}


@pytest.mark.parametrize("name", LOSES)
@pytest.mark.filterwarnings("error")
def test_what_would_lose_the_imaginary_part_raises(name):
    with pytest.raises((TypeError, np.exceptions.ComplexWarning)):
        LOSES[name](nudged())


def gelu(x):
    return np.array([[v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in row] for row in x])


def through_fourier(x):
    return np.fft.ifft(np.fft.fft(x, axis=1) * np.fft.fft(X, axis=1), axis=1).real


def eight_bytes(x):
    return np.lib.stride_tricks.as_strided(np.ascontiguousarray(x).ravel(), (4, 2), (8, 8)).sum(1)


@pytest.mark.parametrize(
    ("function", "method", "why"),
    [
        (np.tanh, "complex step", None),
        (lambda x: np.abs(x) @ W_ABS, "complex step", None),
        (lambda x: np.array([abs(v) for v in x.flat]), "central differences", "its result is real"),
        (gelu, "central differences", "TypeError"),
        (through_fourier, "central differences", "it uses fft"),
        (eight_bytes, "central differences", "computes something else"),
        (lambda x: x.real * 1.0, "central differences", "its result is real"),
        (lambda x: np.tanh(x.astype(np.float32)).astype(float), "differences in float32", "ComplexWarning"),
        (lambda x: np.tanh(x).astype(np.float32), "differences in float32", "ComplexWarning"),
        (lambda x: np.round(x, 1), "complex step", None),
    ],
)
def test_the_method_is_the_best_that_can_be_trusted(function, method, why):
    slopes = Slopes(lambda x: function(x), {"x": X}, "x")
    assert slopes.method == method
    assert (why is None) == (slopes.lost is None)
    assert why is None or why in slopes.lost
    # whatever the method: what central differences of large steps give
    h = 1e-4
    expected = (np.asarray(function(X + h * V), float) - np.asarray(function(X - h * V), float)) / (2 * h)
    tolerance = 2e-2 if method == "differences in float32" else 1e-6
    np.testing.assert_allclose(slopes.along(V).right, expected, atol=tolerance)


W_ABS = np.random.default_rng(5).standard_normal((4, 2))


def test_float32_inside_is_named_and_large_errors_are_found():
    forward = lambda x: (np.tanh(x.astype(np.float32)).astype(float), x)  # noqa: E731
    report = check_op((forward, lambda dy, x: dy * (1 - np.tanh(x) ** 2)), {"x": X})
    assert report.passed
    assert "differences in float32" in str(report).splitlines()[0]
    assert "float32 inside the forward pass" in str(report)
    assert not check_op((forward, lambda dy, x: dy * (1 - np.tanh(x))), {"x": X}).passed


def test_the_report_says_how_the_check_becomes_exact():
    def scaled(allocate):
        def forward(x):
            out = allocate(x)
            for i in np.ndindex(x.shape):
                out[i] = 3 * x[i] ** 2
            return out, x

        return forward, lambda dy, x: 6 * dy * x

    report = check_op(scaled(lambda x: np.zeros(x.shape)), {"x": X})
    assert report.passed
    assert "np.zeros(shape, dtype=x.dtype) or np.zeros_like(x) instead, the check is exact" in str(report)
    for allocate in (np.zeros_like, lambda x: np.zeros(x.shape, dtype=x.dtype)):
        exact = check_op(scaled(allocate), {"x": X})
        assert exact["x"].method == "complex step"
        assert exact.notes == ()


def test_a_function_with_a_domain():
    x = np.abs(X) * 0.05 + 1e-3
    report = check_op(
        (lambda x: (np.array([[math.log(v) for v in row] for row in x]), x), lambda dy, x: dy / x), {"x": x}
    )
    assert report.passed
    assert report["x"].right == x.size


# ---- limits beside a kink ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["auto", "central differences"])
def test_a_limit_is_the_slope_where_the_tie_is_broken(method):
    slopes = Slopes(
        lambda x: np.array([np.max(x), np.min(x), np.sum(np.maximum(x, 0))]), {"x": np.zeros(3)}, "x", method
    )
    assert not slopes.smooth
    v = np.array([1.0, 10.0, 100.0])
    for r, expected in (
        (np.array([3.0, 1.0, 2.0]), [1, 10, 111]),
        (np.array([1.0, -2.0, -1.0]), [1, 10, 1]),
        (slopes.first_wins, [1, 100, 0]),
    ):
        np.testing.assert_allclose(slopes.limit(v, r), expected, rtol=1e-9, atol=1e-9)


def test_the_convention_reads_as_a_complex_step():
    slopes = Slopes(lambda x: np.maximum(x, 0) * x.sum(), {"x": np.array([0.0, 0.0, 2.0])}, "x")
    v = np.array([1.0, 0.0, 0.0])
    y = slopes.convention(x=slopes.x + 1j * STEP * v)
    np.testing.assert_allclose(np.imag(y) / STEP, [0, 0, 2], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(slopes.convention(x=np.array([1.0, 0.0, -1.0])), [0, 0, 0])

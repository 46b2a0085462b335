"""All entries are judged, also of large arrays and slow functions: along directions, then one by one."""

import numpy as np
import pytest

from minicnn.gradient_check import check_op, compare
from minicnn.gradient_check.judge import judge
from minicnn.gradient_check.slopes import Slopes

X = np.random.default_rng(0).standard_normal((20, 30))
DY = np.random.default_rng(1).standard_normal((20, 30))


def slopes(method="auto", x=X):
    return Slopes(lambda x: np.tanh(x) * x[:, :1], {"x": x}, "x", method)


def right(x=X, dy=DY):
    dx = dy * x[:, :1] / np.cosh(x) ** 2
    dx[:, 0] += (dy * np.tanh(x)).sum(axis=1)
    return dx


@pytest.mark.parametrize(("method", "off"), [("auto", 1e-9), ("central differences", 1e-4)])
def test_without_time_directions_test_all_entries_and_find_the_wrong_one(method, off):
    gradient = judge(slopes(method), DY, right(), seconds=0)
    assert gradient.passed
    assert gradient.right == X.size
    assert np.count_nonzero(gradient.checked) == 12
    assert len(gradient.along) == 4
    wrong = right()
    wrong[13, 7] += off
    gradient = judge(slopes(method), DY, wrong, seconds=0)
    assert not gradient.passed
    assert gradient.worst == (13, 7)
    assert gradient.errors[13, 7] == pytest.approx(off / gradient.scale, rel=1e-3)
    assert np.count_nonzero(gradient.checked) == 13


def test_with_time_all_entries_are_compared():
    gradient = judge(slopes(), DY, right())
    assert gradient.passed
    assert gradient.checked.all()
    assert gradient.along == ()
    assert gradient.error < 1e-14


def test_a_number_of_entries():
    wrong = right()
    wrong[3, 4] *= 1.1
    gradient = judge(slopes(), DY, wrong, entries=5)
    assert gradient.worst == (3, 4)
    assert 5 <= np.count_nonzero(gradient.checked) <= 6


def test_no_verdict_from_another_shape():
    gradient = judge(slopes(), DY, right().T, seconds=0)
    assert not gradient.passed
    assert gradient.along == ()
    assert np.count_nonzero(~np.isnan(gradient.numeric)) == 12
    assert not judge(slopes(), DY, None, entries=3).passed


def test_nan_is_wrong():
    bad = right()
    bad[0, 0] = np.nan
    assert judge(slopes(), DY, bad).worst == (0, 0)


@pytest.mark.parametrize("method", ["auto", "central differences"])
def test_directions_at_kinks(method):
    """With zeros all over, directions allow every choice, and no more."""
    x = np.round(X)
    relu = Slopes(lambda x: np.maximum(x, 0), {"x": x}, "x", method)
    for at_0, fine in ((0.0, True), (0.5, True), (1.0, True), (-1.0, False), (2.5, False)):
        gradient = judge(relu, DY, DY * np.where(x == 0, at_0, x > 0), seconds=0)
        assert gradient.passed == fine, at_0


def test_the_chance_that_an_error_goes_unseen_is_said():
    arrays = {"x": X}
    report = compare(
        "tanh", lambda x: np.tanh(x), arrays, DY, {"x": DY / np.cosh(X) ** 2}, "complex step", 60
    )
    assert "60 right, 540 not compared" in str(report).splitlines()[0]
    assert "60 entries were compared: a single wrong entry goes unseen with a chance of 90%" in str(report)


def test_the_first_line_of_a_slow_check(monkeypatch):
    monkeypatch.setattr("minicnn.gradient_check.comparison.SECONDS", 0.0)
    passes = (lambda x: (np.tanh(x), x)), (lambda dy, x: dy / np.cosh(x) ** 2)
    report = check_op(passes, {"x": X})
    assert "every gradient is right" in str(report).splitlines()[0]
    assert "all 600 entries agree along 4 random directions" in str(report)
    assert "12 of 600" in str(report)
    thorough = check_op(passes, {"x": X}, thorough=True)
    assert "600 of 600" in str(thorough)
    wrong = check_op((passes[0], lambda dy, x: dy / np.cosh(x) ** 2 + 1e-6 * (x == x[5, 5])), {"x": X})
    assert wrong["x"].worst == (5, 5)
    assert "along a random direction it is" in str(wrong)
    assert "wrong at [5, 5], to which the direction led; the 12 other entries compared are right" in str(
        wrong
    )
    assert wrong["x"].cause is None

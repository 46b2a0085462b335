"""A report as text and as HTML: the first line says what was and what was not judged; nothing is hidden or injected."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from minicnn.gradient_check import Gradient, Kink, Report, check_op
from minicnn.gradient_check.html import entry_map


def gradient(**changes):
    numeric = np.arange(6.0).reshape(2, 3)
    return Gradient(
        **{"name": "x", "analytic": numeric.copy(), "numeric": numeric, "method": "complex step"} | changes
    )


def kink(entry, valid, left=0.0):
    return Kink(entry, 1.0, left, 2.0, valid)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "every gradient is right"),
        ({"kinks": (kink((0, 1), True),)}, "every gradient is right"),
        ({"kinks": (kink((0, 1), None), kink((1, 1), True))}, "5 right, 1 not judged (kinks)"),
        (
            {"kinks": (kink((0, 1), None), kink((1, 1), None, np.nan))},
            "4 right, 1 not judged (kinks), 1 not judged (y has no slope there: it jumps, or is as steep as √x at 0)",
        ),
        ({"kinks": (kink((0, 1), False),)}, "WRONG: x"),
        ({"numeric": np.array([[0, np.nan, 2], [3, 4, np.nan]])}, "4 right, 2 not compared"),
        ({"analytic": np.zeros((2, 3))}, "WRONG: x"),
    ],
)
def test_the_verdict(changes, verdict):
    report = Report("f", {"x": gradient(**changes)})
    assert report.verdict == verdict
    assert report.passed == (not verdict.startswith("WRONG"))
    assert str(report).startswith(f"f: {verdict} (complex step, bound 1e-12)\n")


def test_a_problem_is_a_failure_of_its_own():
    report = Report("f", {"x": gradient()}, problems=("backward changed dy in place: let it work on a copy",))
    assert not report.passed
    assert report.failures == []
    assert report.verdict == "WRONG: backward changed dy in place"
    assert "let it work on a copy" in str(report)
    assert repr(report) == "<Report f: failed: backward changed dy in place, worst error 0.0e+00>"


def test_only_some_kinks_are_listed():
    kinks = tuple(kink((i, j), True) for i in range(2) for j in range(3))
    text = str(Report("f", {"x": gradient(kinks=kinks)}))
    assert text.count("kink at") == 3
    assert "and 3 more kinks with a valid choice" in text


def test_no_known_cause_is_said():
    noise = np.random.default_rng(0).standard_normal
    report = check_op((lambda x: (x**2, x), lambda dy, x: noise(x.shape)), {"x": noise((3, 4))})
    assert "none of the known causes gives these numbers" in str(report)


# ---- HTML --------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """Checks that tags are closed in order; collects them, and the text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_a_notebook_shows_table_map_and_cause():
    x = np.random.default_rng(0).standard_normal((3, 4))
    report = check_op(
        (lambda x, w: (w * x, (x, w)), lambda dy, c: (dy * c[1], 2 * dy * c[0])), {"x": x, "w": x + 3}
    )
    page = Tags(report._repr_html_())
    text = " ".join(page.text)
    assert "WRONG: w" in text
    assert "likely cause: multiplied by 2" in text
    assert [tag for tag, _ in page.tags].count("svg") == 1
    assert [tag for tag, _ in page.tags].count("rect") == x.size
    rows = re.findall(r"<tr><th>(\w)</th>.*?>(ok|FAIL)<", report._repr_html_())
    assert rows == [("x", "ok"), ("w", "FAIL")]
    # it has to be read on a light and on a dark page: no background, and no color for plain text
    assert "background" not in report._repr_html_()
    assert "black" not in report._repr_html_()


def test_names_are_escaped():
    bad = '<script>alert("1")</script>'
    wrong = gradient(name=bad, analytic=np.zeros((2, 3)), cause=bad)
    html = Report(bad, {bad: wrong}, problems=(bad,), notes=(bad,))._repr_html_()
    assert "<script>" not in html
    assert '"1"' not in html.replace("&quot;", "")
    assert "script" not in [tag for tag, _ in Tags(html).tags]


def colors(picture):
    return [attrs["fill"] for tag, attrs in Tags(picture).tags if tag == "rect"]


def test_the_map_shows_what_is_right_wrong_and_unknown():
    wrong = gradient(
        numeric=np.array([[0, np.nan, 2.0], [3, 4, 5]]),
        analytic=np.array([[0, 1.0, 2], [3, 4, 6]]),
        kinks=(kink((0, 0), None), kink((0, 2), True)),
    )
    right, bad, unknown = "#2e9e5b", "#e0483e", "#9a9a9a"
    assert colors(entry_map(wrong)) == [unknown, unknown, right, right, right, bad]
    assert "[1, 2] wrong" in entry_map(wrong)
    assert "rows: axis 0, columns: axis 1" in entry_map(wrong)


@pytest.mark.parametrize(
    "shape", [(), (1,), (5,), (2, 3), (2, 3, 4), (3, 3, 2, 2), (100, 300), (40_000,), (9, 1, 7000)]
)
def test_a_map_of_any_shape_stays_small_and_shows_every_error(shape):
    numeric = np.zeros(shape)
    analytic = np.zeros(shape)
    analytic.reshape(-1)[-1] = 1
    picture = entry_map(gradient(numeric=numeric, analytic=analytic))
    assert len(colors(picture)) <= 4096
    assert colors(picture)[-1] == "#e0483e"
    assert colors(picture).count("#e0483e") == 1
    if numeric.size <= 4096:
        assert len(colors(picture)) == numeric.size


def test_a_missing_gradient_and_another_shape_have_a_row():
    html = Report(
        "f", {"x": gradient(analytic=None), "w": gradient(name="w", analytic=np.zeros(2))}
    )._repr_html_()
    assert "no gradient was given" in html
    assert "shape (2,), expected (2, 3)" in html
    assert "<svg" not in html


@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (7, 3, 20, 30), (40, 3, 2), (5,), (2, 3)])
def test_maps_of_other_axes_are_side_by_side_and_apart(shape):
    picture = entry_map(Gradient("x", np.zeros(shape), np.ones(shape), "complex step"))
    tags = Tags(picture).tags
    places = [(int(a["x"]), int(a["y"])) for tag, a in tags if tag == "rect"]
    size = next(int(a["width"]) for tag, a in tags if tag == "rect")
    svg = next(a for tag, a in tags if tag == "svg")
    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) + size <= int(svg["width"])
    assert max(y for _, y in places) + size <= int(svg["height"])
    if shape == (2, 3, 5, 4):  # six maps of 5 × 4 in a row
        assert len({y for _, y in places}) == 5
        assert len({x for x, _ in places}) == 24


def test_a_small_error_is_not_left_without_a_word(rng):
    """Cross-entropy with log(p + ε), and p − t, which is right for log(p)."""
    t = np.eye(4)[[0, 2, 1]]

    def forward(x, epsilon):
        p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        return -np.sum(t * np.log(p + epsilon)), p

    passes, x = (forward, lambda dy, p: dy * (p - t)), rng.standard_normal((3, 4))
    assert check_op(passes, {"x": x}, epsilon=0.0).passed
    report = check_op(passes, {"x": x}, epsilon=1e-7)
    assert report["x"].cause.startswith("epsilon is left out: this is the gradient for epsilon = 0")

    class Hidden:  # an attribute is no number that can be exchanged
        epsilon = 1e-7

        def forward(self, x):
            y, self.p = forward(x, self.epsilon)
            return y

        def backward(self, dy):
            return dy * (self.p - t)

    report = check_op(Hidden(), {"x": x})
    assert not report.passed
    assert re.search(r"it agrees to [67] digits: is there an ε in one pass only", str(report))
    assert "digits" not in str(check_op((forward, lambda dy, p: dy * p**3), {"x": x}, epsilon=0.0))


def test_a_cause_that_several_arrays_share_is_said_once(rng):
    def forward(x, w):
        h = np.maximum(x @ w, 0)
        return np.tanh(h), lambda dy: (dy * (h > 0) @ w.T, x.T @ (dy * (h > 0)))  # right: … · (1 − tanh²)

    report = check_op(forward, {"x": rng.standard_normal((4, 3)), "w": rng.standard_normal((3, 5))})
    assert report["x"].cause == report["w"].cause
    assert str(report).count(report["x"].cause) == 1
    assert "likely cause, of x, w: " in str(report)

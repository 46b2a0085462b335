"""Each exercise is held to the truth: right answers in three styles, wrong answers as students write them, and the
solution beside minicnn's own operations.
"""

import re
import warnings

import numpy as np
import pytest

from minicnn.exercises import LADDER, check
from minicnn.exercises.exercise import LAYOUTS, in_layout
from minicnn.exercises.ladder import make_it_fast
from minicnn.exercises.rungs import OPEN, PASSED, TODO
from minicnn.ops import reference
from tests.minicnn.exercises.right import RIGHT
from tests.minicnn.exercises.wrong import WRONG

BOTH = [
    (name, layout)
    for name, each in LADDER.items()
    for layout in LAYOUTS
    if layout == "nhwc" or each.has_layouts
]


@pytest.fixture(autouse=True)
def measured_once(monkeypatch):
    """Time is not what is tested here."""
    monkeypatch.setattr(make_it_fast, "ROUNDS", 1)


def code(name, layout="nhwc", solved=True):
    """Return an exercise's file without its text."""
    return LADDER[name].file(layout, solved).partition('\n"""\n')[2]


def judged(name, source):
    names = {}
    exec(compile(source, "student.py", "exec"), names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return check(name, names)


def test_each_exercise_has_enough_answers():
    assert set(RIGHT) == set(WRONG) == set(LADDER)
    assert min(map(len, WRONG.values())) >= 8
    assert min(map(len, RIGHT.values())) >= 2  # and the solution


@pytest.mark.parametrize(("name", "layout"), BOTH)
def test_the_solution_is_right_in_each_layout(name, layout):
    verdict = judged(name, code(name, layout))
    assert verdict.failed is None, str(verdict)
    assert "All of it is right." in str(verdict)


@pytest.mark.parametrize(("name", "number"), [(name, i) for name in RIGHT for i in range(len(RIGHT[name]))])
def test_other_styles_are_right(name, number):
    verdict = judged(name, f"{code(name)}\n\n{RIGHT[name][number]}\n")
    assert verdict.failed is None, str(verdict)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), [(name, i) for name in WRONG for i in range(len(WRONG[name]))])
def test_wrong_answers_get_the_right_verdict_and_hint(name, number):
    old, new, rung, words = WRONG[name][number]
    source = code(name)
    assert old in source
    verdict = judged(name, source.replace(old, new, 1))
    failed = verdict.failed
    assert failed is not None, "it passed"
    assert failed.rung == rung, str(verdict)
    text = str(verdict)
    said = text[text.index(f"✗ {rung}") :]
    assert re.search("|".join(map(re.escape, words.split("|"))), said), text


@pytest.mark.parametrize(("name", "layout"), BOTH)
def test_at_the_start_the_first_rung_is_not_done_yet(name, layout):
    verdict = judged(name, code(name, layout, solved=False))
    states = [each.state for each in verdict.outcomes]
    assert states == [TODO] + [OPEN] * (len(states) - 1)
    assert verdict.exercise.rungs[0].hint in str(verdict)


@pytest.mark.parametrize(("name", "layout"), BOTH)
def test_the_file_shows_nothing_of_the_solution(name, layout):
    start, solved = LADDER[name].file(layout), LADDER[name].file(layout, solved=True)
    assert "# your code" in start
    assert "# your code" not in solved
    assert "nchw:" not in start + solved
    assert ("(N, H, W, C)" in start) <= (layout == "nhwc")
    assert not [line for line in start.splitlines() if len(line) > 120]


# The solutions are what forward passes are compared with, so they are compared with the library.


def case(rng, *shapes):
    return [rng.standard_normal(shape) for shape in shapes]


def same(given, right):
    given, right = (each if isinstance(each, tuple) else (each,) for each in (given, right))
    for a, b in zip(given, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def passes(name, *arguments):
    right = LADDER[name].right("nhwc")
    op = next(key.removesuffix("_forward") for key in right if key.endswith("_forward"))
    y, cache = right[f"{op}_forward"](*arguments)
    dy = np.random.default_rng(9).standard_normal(y.shape)
    return y, dy, right[f"{op}_backward"](dy, cache)


def test_the_solutions_compute_what_the_library_does(rng):
    x, W, b = case(rng, (4, 3), (3, 5), (5,))
    y, dy, given = passes("dense", x, W, b)
    right, cache = reference.dense_forward(x, W, b)
    same((y, *given), (right, *reference.dense_backward(dy, cache)))
    for name, op in (("max_pool", "max_pool2d"), ("average_pool", "average_pool2d")):
        (x,) = case(rng, (2, 6, 7, 3))
        y, dy, given = passes(name, x, (3, 2), 2)
        right, cache = getattr(reference, f"{op}_forward")(x, (3, 2), (2, 2))
        same((y, given), (right, getattr(reference, f"{op}_backward")(dy, cache)))
    x, gamma, beta = case(rng, (3, 4, 2, 5), (5,), (5,))
    y, dy, given = passes("batch_norm", x, gamma, beta, 1e-3)
    right, _, _, cache = reference.batch_norm_forward(x, gamma, beta, 1e-3)
    same((y, *given), (right, *reference.batch_norm_backward(dy, cache)))
    x, kernel, b = case(rng, (2, 7, 6, 3), (3, 3, 3, 4), (4,))
    right, cache = reference.conv2d_forward(x, kernel, b)
    y, dy, given = passes("make_it_fast", x, kernel, b)
    same((y, *given), (right, *reference.conv2d_backward(dy, cache)))
    y, dy, given = passes("im2col", x, kernel)
    same((y, *given), (right - b, *reference.conv2d_backward(dy, cache)[:2]))


@pytest.mark.parametrize("geometry", [(1, 0, 1), (2, 1, 1), (1, 2, 2), (3, 1, 2)])
def test_the_convolution_is_the_librarys(rng, geometry):
    stride, padding, dilation = geometry
    x, kernel, b = case(rng, (2, 7, 8, 3), (3, 2, 3, 4), (4,))
    y, dy, (dx, dkernel, dbias) = passes("conv2d", x, kernel, b, stride, padding, dilation)
    sides = (padding, padding)
    xp = np.pad(x, ((0, 0), sides, sides, (0, 0)))
    right, cache = reference.conv2d_forward(xp, kernel, b, (stride, stride), "valid", (dilation, dilation))
    dxp, *others = reference.conv2d_backward(dy, cache)
    inner = slice(padding, padding + 7), slice(padding, padding + 8)
    same((y, dx, dkernel, dbias), (right, dxp[:, *inner], *others))


def test_the_softmax_and_the_residual_are_those_of_their_equations(rng):
    right = LADDER["softmax_cross_entropy"].right("nhwc")
    loss, dz = right["cross_entropy"](np.log([[1.0, 3.0]]), np.array([1]))
    same((loss, dz), (-np.log(0.75), np.array([[0.25, -0.25]])))  # by hand: p = 1/4, 3/4
    x, W = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0], [1.0, -1.0]])
    names = LADDER["residual"].right("nhwc")
    y, cache = names["residual_forward"](x, W)
    dx, dW = names["residual_backward"](np.array([[1.0, 10.0]]), cache)
    same((y, dx, dW), (np.array([[4.0, 2.0]]), np.array([[2.0, 11.0]]), np.array([[1.0, 0.0], [2.0, 0.0]])))


def row(*pixels):
    return np.array(pixels, float).reshape(1, 1, -1, 1)


@pytest.mark.parametrize(
    ("name", "arguments", "y", "dy", "gradients"),
    [
        ("dense", ([[1, 2]], [[1, 0, 3], [2, 1, 0]], [0, 0, 1]), [5, 2, 4], [[1, 10, 100]],
         ([301, 12], [1, 10, 100, 2, 20, 200], [1, 10, 100])),
        ("relu", ([-1, 0, 2],), [0, 0, 2], [10, 20, 30], ([0, 0, 30],)),
        ("max_pool", (row(1, 5, 2, 4, 0), (1, 3), 1), [5, 5, 4], row(1, 10, 100), ([0, 11, 0, 100, 0],)),
        ("average_pool", (row(2, 4, 6), (1, 2), 1), [3, 5], row(10, 100), ([5, 55, 50],)),
        ("conv2d", (row(1, 2, 3), np.array([10.0, 100.0]).reshape(1, 2, 1, 1), [0]), [210, 320], row(1, 2),
         ([10, 120, 200], [5, 8], [3])),
        ("dropout", ([1, 2, 3, 4], 0.5, [0.9, 0.1, 0.5, 0.3]), [2, 0, 6, 0], [1, 1, 1, 1], ([2, 0, 2, 0],)),
        ("batch_norm", ([[1], [1], [3], [3]], [2], [10], 0.0), [8, 8, 12, 12], [[1], [2], [3], [6]],
         ([-1, 1, -3, 3], [6], [12])),
    ],
)  # fmt: skip
def test_the_worked_numbers_of_the_texts(name, arguments, y, dy, gradients):
    text = " ".join(LADDER[name].text().split())
    for numbers in (y, gradients[0]):
        assert (
            ", ".join(f"{n:g}" for n in numbers) in text.replace(" + 20", "").replace("[[", "[")
            or name == "dropout"
        )
    names = LADDER[name].right("nhwc")
    arguments = [np.array(a, float) if isinstance(a, list) else a for a in arguments]
    given, cache = names[f"{name}_forward"](*arguments)
    same(given.ravel(), np.array(y, float))
    results = names[f"{name}_backward"](np.array(dy, float), cache)
    results = results if isinstance(results, tuple) else (results,)
    same(tuple(each.ravel() for each in results), tuple(np.array(each, float) for each in gradients))


def test_the_worked_numbers_of_the_optimizers():
    names = LADDER["optimizers"].right("nhwc")
    for rule, path in (("sgd", [0.8, 0.6]), ("momentum", [0.8, 0.42]), ("adam", [0.9, 0.8])):
        w, state = np.array([1.0]), {}
        for expected in path:
            w = names[f"{rule}_step"](w, np.array([2.0]), state, learning_rate=0.1)
            assert w.item() == pytest.approx(expected, abs=1e-7)


def test_the_ratio_of_make_it_fast_is_a_remark():
    verdict = judged("make_it_fast", code("make_it_fast"))
    assert re.fullmatch(
        r"yours takes \d+\.\d times as long as the kernels of minicnn", verdict.outcomes[-1].remark
    )


@pytest.mark.parametrize(
    ("name", "done", "rungs", "next_one"),
    [
        ("dense", {"y": "x @ W + b", "db": "dy.sum(axis=0)"}, ["forward", "db"], "dW"),
        ("conv2d", {"dbias": "dy.sum(axis=(0, 1, 2))"}, ["dbias"], "dkernel"),
        ("relu", {"y": "np.maximum(x, 0)"}, ["forward"], "dx"),
        ("optimizers", {"w": "w - learning_rate * g"}, ["sgd"], "momentum"),
        ("scalars", {"da": "dy"}, ["add"], "add: b"),
    ],
)
def test_what_is_not_done_yet_is_no_error(name, done, rungs, next_one):
    source = code(name, solved=False)
    for variable, value in done.items():
        source = source.replace(f"{variable} = None  # your code", f"{variable} = {value}", 1)
    verdict = judged(name, source)
    assert verdict.passed == rungs
    assert (verdict.failed.rung, verdict.failed.state) == (next_one, TODO)


def test_a_rung_that_passed_stays_passed_when_a_later_one_fails():
    verdict = judged("conv2d", code("conv2d", "nchw").replace("dkernel +=", "dkernel ="))
    assert verdict.passed == ["dbias"]
    assert [each.state for each in verdict.outcomes].count(PASSED) == 1
    assert re.search(r"dkernel\[\d, \d, \d, \d\]: yours is -?[\d.]+, right is -?[\d.]+", str(verdict))


@pytest.mark.parametrize(("name", "layout"), BOTH)
def test_texts_and_hints_speak_of_the_students_layout(name, layout):
    each = LADDER[name]
    hints = [in_layout(hint, layout) for rung in each.rungs for hint in (rung.hint, rung.more)]
    words = "\n".join([each.text(layout), *hints])
    others = {
        "nchw": r"N, H, W, C|kh, kw, C|kh·kw·C|a, b, c|i, j, k|dy\[:, i|kernel\[a|padded\[:, p|dx\[:, a",
        "nhwc": r"N, C, H, W|C, kh, kw|C·kh·kw|c, a, b|k, i, j|\[:, :|reshape\(-1, \*",
    }
    assert re.findall(others[layout], words) == []
    assert not set("{|}") & set("".join(hints))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_failure_says_what_the_functions_were_given(layout):
    forward, backward = code("conv2d", layout).split("def conv2d_backward")
    backward = backward.replace("slice(i * stride, i * stride +", "slice(i, i +")
    sizes = {
        "nhwc": "checked with x (2, 6, 5, 2), kernel (3, 2, 2, 3), bias (3,), stride = 2",
        "nchw": "checked with x (2, 2, 6, 5), kernel (3, 2, 3, 2), bias (3,), stride = 2",
    }
    assert f"    {sizes[layout]}\n" in str(judged("conv2d", f"{forward}def conv2d_backward{backward}")) + "\n"
    text = str(judged("scalars", code("scalars").replace("da = dy * b", "da = dy * a")))
    assert "    checked with a = 2.1, b = 3.6, dy = 1.7\n" in text
    assert "checked with" not in str(judged("scalars", code("scalars", solved=False)))


def test_a_line_that_raises_an_error_comes_with_the_hint():
    text = str(judged("dense", code("dense").replace("dy @ W.T", "dy.T @ W")))
    assert "the function stopped at this line" in text
    assert f"hint: {LADDER['dense'].rungs[1].hint}" in text


def test_a_gradient_of_a_loss_that_is_still_none_is_not_done_yet():
    verdict = judged(
        "softmax_cross_entropy", code("softmax_cross_entropy").replace("dz = dz / len(labels)", "dz = None")
    )
    assert (verdict.failed.rung, verdict.failed.state) == ("dz", TODO)

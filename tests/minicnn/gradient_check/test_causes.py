"""The report names the right cause for broken copies of the real thing, and none
where there is nothing to name.
"""

import contextlib
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn import Input, Sequential, layers, ops, regularizers
from minicnn.gradient_check import check_layer, check_model, check_op
from minicnn.gradient_check.causes import OF_NUMBERS, Evidence, likely_cause
from minicnn.gradient_check.causes.evidence import Unanswered
from minicnn.gradient_check.causes.rearranged import moves
from minicnn.gradient_check.numeric import complex_step
from minicnn.gradient_check.report import Gradient
from tests.minicnn.gradient_check.broken import FAULTS

# The more thorough the Hypothesis profile, the more geometries of each case.
GEOMETRIES = range(max(1, settings().max_examples // 25))

# Cases whose operations, unbroken, serve below.
RIGHT = [
    "conv_kernel_not_rotated",
    "pool_ties_duplicated",
    "average_pool_not_divided",
    "batch_norm_mean_constant",
    "softmax_diagonal_only",
    "cross_entropy_upstream_ignored",
    "relu_mask_not_applied",
    "tanh_slope_not_applied",
    "dropout_fresh_mask",
    "dense_kernel_not_transposed",
]


def check(fault, seed, **how):
    case, array, words = FAULTS[fault]
    operation, arrays, options = case(np.random.default_rng(seed + 100))  # another than dy's
    return check_op(operation, arrays, seed=seed, **how, **options), array, words


@pytest.mark.parametrize("fault", FAULTS)
def test_the_cause_is_named(fault):
    # those of a table have one geometry each, and many neighbors
    seeds = GEOMETRIES[:2] if isinstance(FAULTS[fault][0], partial) else GEOMETRIES
    for seed in seeds:
        report, array, words = check(fault, seed)
        assert report.failures == [array]
        assert words in str(report[array].cause), f"{fault}, seed {seed}"
        assert report[array].cause is None or f"likely cause: {report[array].cause}" in str(report)


@pytest.mark.parametrize(
    "fault",
    [
        "dense_kernel_not_transposed",
        "dense_bias_over_wrong_axes",
        "batch_norm_mean_constant",
        "softmax_diagonal_only",
        "dropout_mask_and_scale_not_applied",
        "conv_bias_over_wrong_axes",
    ],
)
def test_differences_do_where_complex_numbers_do_not(fault):
    report, array, words = check(fault, 2, method="central differences")
    assert words in str(report[array].cause)


@pytest.mark.parametrize(
    "fault", ["conv_kernel_not_rotated", "conv_padding_cropped_at_the_wrong_side", "minus"]
)
def test_a_few_entries_suffice(fault):
    report, array, words = check(fault, 3, entries=8)
    assert words in str(report[array].cause)


def test_with_few_entries_nothing_is_guessed():
    # a pooling's gradient is mostly 0, and of 12 entries a few zeros are wrong: it could be this or that
    for seed in range(20):
        report, _, _ = check("pool_early_return", seed, entries=8)
        cause = report["x"].cause
        assert cause is None or "only in its first sample" in cause or "of the 8 entries compared" in cause


# ---- nothing to name ---------------------------------------------------------------------------------------


def evidence(operation, arrays, options, change):
    """Return the evidence on each array, where the gradient is ``change(the right one)``."""
    forward, _ = operation

    def function(**values):
        return forward(**values, **options)[0]

    dy = np.random.default_rng(0).standard_normal(function(**arrays).shape)
    right = complex_step(function, arrays, dy)
    for name in arrays:
        scale = np.abs(right[name]).max()
        yield Evidence(
            Gradient(name, change(right[name]), right[name], "complex step", scale), function, arrays, dy
        )


@pytest.mark.parametrize("operation", RIGHT)
def test_a_right_gradient_has_no_cause(operation, rng):
    operation, arrays, options = FAULTS[operation][0](rng)
    rounding = lambda right: right + 1e-14 * rng.standard_normal(right.shape)  # noqa: E731
    for each in evidence(operation, arrays, options, rounding):
        with np.errstate(all="ignore"):
            claims = [hypothesis.__name__ for hypothesis in OF_NUMBERS if hypothesis(each)]
        assert claims == []


@pytest.mark.parametrize("operation", RIGHT)
def test_noise_has_no_cause(operation, rng):
    operation, arrays, options = FAULTS[operation][0](rng)
    for noise in (
        lambda right: rng.standard_normal(right.shape),
        lambda right: right * rng.uniform(0.5, 2, right.shape),
    ):
        for each in evidence(operation, arrays, options, noise):
            assert likely_cause(each) is None


def test_a_kernel_that_is_its_own_rotation_is_not_blamed(rng):
    kernel = rng.standard_normal((3, 3, 2, 2))
    kernel = kernel + kernel[::-1, ::-1]
    arrays = {"x": rng.standard_normal((2, 4, 4, 2)), "kernel": kernel}
    forward, backward = ops.reference.conv2d_forward, ops.reference.conv2d_backward
    report = check_op((forward, lambda dy, cache: (-backward(dy, cache)[0], backward(dy, cache)[1])), arrays)
    assert report["x"].cause == "the sign is wrong: this is minus the right gradient"


def test_one_number_has_no_odd_factor(rng):
    """Any two numbers have a ratio: it is named if it is the same for other arrays."""
    forward, backward = ops.reference.dense_forward, ops.reference.dense_backward
    arrays = {"x": rng.standard_normal((3, 2)), "kernel": rng.standard_normal((2, 1)), "bias": np.ones(1)}
    for factor, words in ((0.1234, "0.1234 times"), (3, "3 times"), (None, "None")):

        def broken(dy, cache, factor=factor):
            dx, dkernel, dbias = backward(dy, cache)
            return dx, dkernel, dbias * (factor or 2 + dx[0, 0])

        assert words in str(check_op((forward, broken), arrays)["bias"].cause)


def test_a_function_that_refuses_to_experiment_is_no_obstacle(rng):
    """A function may refuse kernels that are far from its own: then hypotheses that
    try one are passed over.
    """
    own = rng.standard_normal((3, 3))

    def forward(x, kernel):
        if np.abs(kernel - own).max() > 0.1:
            raise ValueError("another kernel")
        return x @ kernel, (x, kernel)

    operation = (forward, lambda dy, cache: (dy @ cache[1], cache[0].T @ dy))
    report = check_op(operation, {"x": rng.standard_normal((4, 3)), "kernel": own})
    assert report.failures == ["x"]
    assert report["x"].cause == "the Jacobian is not transposed: this is J·dy instead of Jᵀ·dy"


# 5,000 with the thorough profile
NOISES = 25 * settings().max_examples


@pytest.mark.slow
def test_no_cause_in_thousands_of_noises():
    """Random gradients, alone or added to the right one, everywhere or in some entries: no cause, at most a place."""
    names = [name for name in FAULTS if evidence_is_small(name)]
    tried = 0
    rng = np.random.default_rng(0)
    while tried < NOISES:
        for name in names:
            for e in noisy(name, rng):
                tried += 1
                cause = likely_cause(e)
                assert cause is None or cause.startswith(PLACES), f"{name}: {cause}"


# what where.py says: it names no cause
PLACES = ("right everywhere but", "wrong only", "right only", "of the ")


def evidence_is_small(name):
    _, arrays, _ = FAULTS[name][0](np.random.default_rng(0))
    return sum(array.size for array in arrays.values()) <= 30


def noisy(name, rng):
    """Yield evidence with a noisy gradient of each array."""
    (forward, _), arrays, options = FAULTS[name][0](rng)

    def function(**values):
        return forward(**values, **options)[0]

    dy = rng.standard_normal(np.shape(function(**arrays)))
    for array, right in complex_step(function, arrays, dy).items():
        scale = np.abs(right).max()
        noise = rng.standard_normal(right.shape)
        somewhere = np.where(rng.random(right.shape) < 0.5, noise, 0)
        for wrong in (
            noise,
            right + noise,
            right * (1 + noise),
            right + somewhere,
            noise * (np.round(noise) + 0.5),
        ):
            gradient = Gradient(array, wrong, right, "complex step", scale)
            if not gradient.passed:
                yield Evidence(gradient, function, arrays, dy)


@given(shape=st.lists(st.integers(1, 3), max_size=4).map(tuple))
@settings(max_examples=20)
def test_moves_keep_the_shape_and_change_the_order(shape):
    array = np.arange(int(np.prod(shape))).reshape(shape)
    seen = {array.tobytes()}
    for move in moves(shape):
        moved = move(array)
        assert moved.shape == shape
        assert moved.tobytes() not in seen, str(move)
        seen.add(moved.tobytes())


@pytest.mark.slow
def test_no_hypothesis_fails(monkeypatch):
    """likely_cause passes over a hypothesis that raises: here each is called by itself."""
    seen = []
    monkeypatch.setattr("minicnn.gradient_check.comparison.likely_cause", seen.append)
    for fault in [*FAULTS][:: max(1, 200 // settings().max_examples)]:  # all with the thorough profile
        check(fault, 0)
    for each in seen:
        if each.gradient.fits:
            for hypothesis in OF_NUMBERS:
                with np.errstate(all="ignore"), contextlib.suppress(Unanswered):
                    hypothesis(each)


def test_an_error_of_the_search_is_raised_here_and_never_to_a_user(monkeypatch):
    def broken(_):
        raise KeyError("a slip in the search")

    monkeypatch.setattr("minicnn.gradient_check.causes.OF_NUMBERS", [broken])
    op = lambda x: x**2, lambda dy, x: dy * x
    with pytest.raises(KeyError):
        check_op(op, {"x": np.arange(4.0)})
    monkeypatch.setattr("minicnn.gradient_check.causes.RAISES", False)
    assert check_op(op, {"x": np.arange(4.0)})["x"].cause is None


def test_a_slow_function_is_called_seldom():
    """Code in six loops takes a tenth of a second: a convolution is recognized by some twenty calls."""
    (forward, backward), arrays, _ = FAULTS["conv_nchw_dx_stride_forgotten"][0](np.random.default_rng(0))
    calls = []

    def function(**values):
        calls.append(1)
        return forward(**values)[0]

    y, cache = forward(**arrays)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    padded = np.pad(arrays["x"].transpose(0, 2, 3, 1), ((0, 0), (1, 1), (1, 1), (0, 0)))
    _, cache_of_right = ops.reference.conv2d_forward(
        padded, arrays["w"].transpose(2, 3, 1, 0), arrays["b"], (2, 2)
    )
    dxp, *_ = ops.reference.conv2d_backward(dy.transpose(0, 2, 3, 1), cache_of_right)
    numeric = dxp[:, 1:-1, 1:-1].transpose(0, 3, 1, 2)
    gradient = Gradient("x", backward(dy, cache)[0], numeric, "complex step", np.abs(numeric).max())
    assert "the stride is forgotten" in likely_cause(Evidence(gradient, function, arrays, dy))
    assert len(calls) < 40


# ---- words that fit the function ---------------------------------------------------------------------------


def test_an_embedding_has_no_windows(rng):
    indices = np.array([0, 2, 2, 1, 2])

    def backward(dy, shape):
        dtable = np.zeros(shape)
        dtable[indices] = dy
        return dtable

    report = check_op(
        (lambda table: (table[indices], table.shape), backward), {"table": rng.standard_normal((4, 3))}
    )
    assert "an index that repeats" in report["table"].cause
    assert "window" not in report["table"].cause


def test_a_pooling_without_padding_is_not_blamed_for_padding(rng):
    def forward(x):
        return np.stack([x[:, i : i + 3].mean(axis=1) for i in (0, 2, 4)], axis=1), x.shape

    def backward(dy, shape):
        dx = np.zeros(shape)
        for j, i in enumerate((0, 2, 4)):
            dx[:, i : i + 3] = dy[:, j : j + 1] / 3
        return dx

    cause = check_op((forward, backward), {"x": rng.standard_normal((2, 7, 2))})["x"].cause
    assert "overlapping windows overwrite each other" in cause
    assert "padding" not in cause


def test_a_concatenation_is_cut_at_the_wrong_place(rng):
    def forward(a, b):
        return np.concatenate([a, b], axis=1), a.shape[1]

    arrays = {"a": rng.standard_normal((3, 2)), "b": rng.standard_normal((3, 4))}
    report = check_op((forward, lambda dy, n: (dy[:, : n + 1], dy[:, n:])), arrays)
    assert report["a"].cause.startswith("dy is cut at the wrong place")


def test_samples_as_columns_are_told_by_the_shape_of_the_bias(rng):
    arrays = {
        "w": rng.standard_normal((3, 4)),
        "x": rng.standard_normal((4, 5)),
        "b": rng.standard_normal((3, 1)),
    }
    operation = (
        lambda x, w, b: (w @ x + b, (x, w)),
        lambda dy, cache: (cache[1].T @ dy, dy @ cache[0].T / 5, dy.sum(axis=1, keepdims=True) / 5),
    )
    report = check_op(operation, {name: arrays[name] for name in "xwb"})
    assert report["w"].cause == report["b"].cause == "divided by 5: the batch size"


# ---- layers and models -------------------------------------------------------------------------------------


class SumsTheBiasWrongly(layers.Conv2D):
    def backward(self, dy):
        dx = super().backward(dy)
        self.bias.grad = dy.sum(axis=(0, 2, 3))
        return dx


def test_a_layer():
    report = check_layer(SumsTheBiasWrongly(4, 3), (2, 6, 5, 3))
    rightly = "over axes (0, 1, 2): all but the channel (axis 3)"
    assert report["bias"].cause == f"summed over axes (0, 2, 3) of dy instead of {rightly}"
    assert report["x"].cause is report["kernel"].cause is None


class DropsAgain(layers.Dropout):
    def backward(self, dy):
        return self.forward(dy, training=True)


def test_a_random_layer():
    report = check_layer(DropsAgain(0.5, seed=1), (4, 20))
    assert "another mask than the forward pass's" in report["x"].cause


class Forgetful(regularizers.L1L2):
    def gradient(self, w):
        return 0 * w


class Doubled(regularizers.L1L2):
    def gradient(self, w):
        return 2 * super().gradient(w)


@pytest.mark.parametrize(
    ("penalty", "words"),
    [
        (Forgetful(l2=0.05), "0.1·kernel (L2) is missing"),
        (Forgetful(l1=0.02), "0.02·sign(kernel) (L1) is missing"),
        (Doubled(l2=0.05), "0.1·kernel (L2) is too much"),
        (Forgetful(l1=0.02, l2=0.05), "0.1·kernel (L2) and 0.02·sign(kernel) (L1) is missing"),
    ],
)
def test_a_penalty_that_the_gradient_lacks(penalty, words, rng):
    model = Sequential([Input((6,)), layers.Dense(5, kernel_regularizer=penalty)])
    model.compile(loss="mse")
    report = check_model(model, rng.standard_normal((4, 6)), rng.standard_normal((4, 5)))
    assert report.failures == ["kernel"]
    assert words in report["kernel"].cause

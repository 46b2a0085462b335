"""Causes that were false, or only one of several that the numbers fit: each sentence is what the fault is."""

import numpy as np
import pytest

from minicnn.gradient_check import check_op, comparison


def causes(op, arrays, **options):
    return {name: gradient.cause for name, gradient in check_op(op, arrays, **options).items()}


def dense_block(x, A, B):
    a = np.maximum(x @ A, 0)
    u = np.concatenate([x, a], 1)
    b = np.maximum(u @ B, 0)
    return np.concatenate([u, b], 1), (x, A, B, a, u, b)


def dense_block_backward(dy, cache):
    x, A, B, a, u, b = cache
    n, m = x.shape[1], a.shape[1]
    db = dy[:, n + m :] * (b > 0)
    du = db @ B.T
    da = dy[:, n : n + m] * (a > 0)  # right: (dy[:, n : n + m] + du[:, n:]) * (a > 0)
    return dy[:, :n] + du[:, :n] + da @ A.T, x.T @ da, u.T @ db


@pytest.mark.parametrize("seed", range(4))
def test_a_replaced_array_that_stops_a_relu_explains_nothing(seed):
    draw = np.random.default_rng(seed).standard_normal
    said = causes(
        (dense_block, dense_block_backward), {"x": draw((6, 3)), "A": draw((3, 4)), "B": draw((7, 2))}
    )
    assert said["A"] == said["x"]
    assert said["x"] == (
        "the path through “a” in “u = np.concatenate([x, a], 1)” is missing, one part of this array: at “u @ B” in "
        "“b = np.maximum(u @ B, 0)”"
    )


def huber(p, t, delta):
    e = p - t
    a = np.abs(e)
    linear = delta * (a - 0.5 * delta)
    return np.where(a <= delta, 0.5 * e * e, linear).sum(), np.where(
        a <= delta, e, np.sign(e)
    )  # right: delta·sign


@pytest.mark.parametrize(("delta", "twice"), [(0.5, ", or: the path through it counts twice"), (0.3, "")])
def test_all_slips_that_fit_are_named(delta, twice):
    draw = np.random.default_rng(0).standard_normal
    assert causes(huber, {"p": draw(12)}, t=draw(12), delta=delta)["p"] == (
        f"the other factor of the product, “delta”, is missing{twice}, or: sign(v) is used for the slope, with v = "
        "“e”: at “linear = delta * (a - 0.5 * delta)”"
    )


def own_norm(x, shift):
    mean = x.mean(1, keepdims=True)
    square = (x * x).mean(1, keepdims=True)
    return np.exp(mean) * x + square * shift, (x, shift, mean, square)


def own_norm_backward(dy, cache):
    x, shift, mean, square = cache
    n = 2  # right: 4, twice
    through_mean = (dy * x * np.exp(mean)).sum(1, keepdims=True) / n
    through_square = (dy * shift).sum(1, keepdims=True) * 2 * x / n
    return dy * np.exp(mean) + through_mean + through_square, dy * square


def test_all_lines_with_the_slip_are_quoted(rng):
    said = causes(
        (own_norm, own_norm_backward),
        {"x": rng.standard_normal((3, 4)), "shift": rng.standard_normal((3, 4))},
    )
    assert said["x"] == (
        "the path through it counts twice: at “mean = x.mean(1, keepdims=True)” and "
        "“square = (x * x).mean(1, keepdims=True)”"
    )


def group_norm(x, groups):
    r = x.reshape(len(x), groups, -1)
    c = r - r.mean(-1, keepdims=True)
    s = np.sqrt((c * c).mean(-1, keepdims=True) + 1e-5)
    return (c / s).reshape(x.shape), (c / s, s)


def group_norm_backward(dy, cache):
    hat, s = cache
    d, m = dy.reshape(hat.shape), 9  # right: 18, the two channels of a group
    total = lambda v: v.sum(-1, keepdims=True) / m  # noqa: E731
    return ((d - total(d) - hat * total(d * hat)) / s).reshape(dy.shape)


def test_the_count_of_a_group_norm(rng):
    said = causes((group_norm, group_norm_backward), {"x": rng.standard_normal((2, 4, 3, 3))}, groups=2)
    assert said["x"] == "both paths, through mean and variance, are divided by 9 instead of n = 18"


def scan(x, w):
    c, out = np.zeros(x.shape[1:]), []
    for t in range(len(x)):
        f = np.tanh(x[t] * w)
        c = f * c + x[t]
        out.append(c)
    return np.stack(out), (x, w, out)


def scan_backward(dy, cache):
    x, w, out = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in reversed(range(len(x))):
        f = np.tanh(x[t] * w)  # right: dy[t] + the dc of the next step · f of the next step
        df = dy[t] * (out[t - 1] if t else 0) * (1 - f * f)
        dx[t] = dy[t] + df * w
        dw += df * x[t]
    return dx, dw


def test_the_factor_whose_path_is_missing_is_named(rng):
    said = causes((scan, scan_backward), {"x": rng.standard_normal((4, 3)), "w": rng.standard_normal(3)})
    assert said["w"].endswith("the path through it is missing: at “c” in “f * c” in “c = f * c + x[t]”")


def max_pool(x):
    y = np.stack([x[a : a + 3, b : b + 3] for a in (0, 2) for b in (0, 2)])
    return y.max((1, 2)).reshape(2, 2), x


def max_pool_backward(dy, x):
    dx = np.zeros_like(x)
    for i in range(2):
        for j in range(2):
            window = x[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            dx[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] = dy[i, j] * (window == window.max())  # right: +=
    return dx


def test_a_square_window_has_one_width(rng):
    x = rng.standard_normal((5, 5))
    x[2, 2] = 9
    said = causes((max_pool, max_pool_backward), {"x": x})
    assert "overlapping windows overwrite each other" in said["x"]
    assert "divmod" not in said["x"]


def smoothed(z, y, in_loss, in_gradient):
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    hot = np.eye(z.shape[1])[y]
    loss, gradient = (hot * (1 - by) + by / z.shape[1] for by in (in_loss, in_gradient))
    return -(loss * np.log(p)).sum() / len(y), (p - gradient) / len(y)


@pytest.mark.parametrize(
    ("by", "values"),
    [((0.1, 0), ("1", "0", "0.925", "0.025")), ((0, 0.1), ("0.925", "0.025", "1", "0")),
     ((0.1, 0.2), ("0.85", "0.05", "0.925", "0.025"))],
)  # fmt: skip
def test_label_smoothing(rng, by, values):
    z, y = rng.standard_normal((5, 4)), np.array([0, 1, 3, 3, 2])
    assert causes(smoothed, {"z": z}, y=y, in_loss=by[0], in_gradient=by[1])["z"] == (
        "label smoothing: the targets are {} (right class) and {} (others) in the gradient, but {} and {} in the "
        "loss".format(*values)
    )


def heads(q, k, v, causal):
    s = np.einsum("nthd,nshd->nhts", q, k) / np.sqrt(q.shape[-1])
    if causal:
        s = np.where(np.tri(s.shape[2], s.shape[3]) > 0, s, -1e9)
    e = np.exp(s - s.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    return np.einsum("nhts,nshd->nthd", p, v), (q, k, v, p)


def heads_backward(dy, cache):
    q, k, v, p = cache
    dp = np.einsum("nthd,nshd->nhts", dy, v)
    ds = p * (dp - (dp * p).sum(-2, keepdims=True)) / np.sqrt(q.shape[-1])  # right: sum(-1)
    return (
        np.einsum("nhts,nshd->nthd", ds, k),
        np.einsum("nhts,nthd->nshd", ds, q),
        np.einsum("nhts,nthd->nshd", p, dy),
    )


@pytest.mark.parametrize("causal", [True, False])
def test_a_softmax_in_a_chain_over_the_wrong_axis(rng, causal):
    arrays = {name: rng.standard_normal((2, 3, 2, 4)) for name in "qkv"}
    said = causes((heads, heads_backward), arrays, causal=causal)
    wrong = "the softmax's sum is over the wrong axis, 2 instead of 3 of (2, 2, 3, 3): at “p = e / e.sum("
    assert said["q"].startswith(wrong)
    assert said["k"].startswith(wrong)


def between(x, f):
    return (1 - f) * x[:, :-1] + f * x[:, 1:], (x.shape, f)


def between_backward(dy, cache):
    shape, f = cache
    dx = np.zeros(shape)
    dx[:, :-1] += f * dy  # right: 1 - f
    dx[:, 1:] += (1 - f) * dy
    return dx


def test_exchanged_weights(rng):
    said = causes((between, between_backward), {"x": rng.standard_normal((2, 5))}, f=rng.uniform(0, 1, 4))
    assert said["x"].startswith("the weights of products are exchanged: “f”, “1 - f”: at “f * x[:, 1:]”")


def test_an_array_has_its_own_name(rng):
    z = rng.standard_normal((2, 4, 3))
    said = causes((lambda z: (np.tanh(z), z), lambda dy, z: 4 * dy / np.cosh(z) ** 2), {"z": z})
    assert " of z" in said["z"]
    assert " of x" not in said["z"]
    said = causes((lambda z: (np.tanh(z), z), lambda dy, z: dy * (1 - z**2)), {"z": z})
    assert said["z"].endswith("(x stands for z)")


def test_what_was_not_judged_has_no_numbers():
    report = check_op(
        (lambda x: (np.random.default_rng().random(x.shape) * x, x), lambda dy, x: dy),
        {"x": np.ones((2, 3))},
    )
    assert "nan" not in str(report) + report._repr_html_()
    assert str(report).splitlines()[-1].split() == ["x", "-", "--", "0", "of", "6"]


def test_what_was_changed_in_place_comes_first(rng):
    def backward(dy, cache):
        x, w = cache
        dy *= x @ w > 0
        return dy @ w.T + dy, x.T @ dy

    arrays = {"x": rng.standard_normal((4, 3)), "w": rng.standard_normal((3, 3))}
    report = check_op((lambda x, w: (np.maximum(x @ w, 0) + x, (x, w)), backward), arrays)
    assert "mend first what is said above the table" in str(report)
    assert "none of the known causes" not in str(report)


def add_and_norm(x, w):
    h = x + np.maximum(x @ w, 0)
    c = h - h.mean(1, keepdims=True)
    s = np.sqrt((c * c).mean(1, keepdims=True) + 1e-5)
    return c / s, (x, w, c / s, s)


def add_and_norm_backward(dy, cache):
    x, w, y, s = cache
    dh = (dy - y * (dy * y).mean(1, keepdims=True)) / s  # right: dy − mean(dy) − …
    dz = dh * (x @ w > 0)
    return dh + dz @ w.T, x.T @ dz


def test_two_lines_are_no_loop(rng):
    arrays = {"x": rng.standard_normal((4, 5)), "w": rng.standard_normal((5, 5))}
    said = causes((add_and_norm, add_and_norm_backward), arrays)
    mean = (
        "the path through it is missing: at “h.mean(1, keepdims=True)” in “c = h - h.mean(1, keepdims=True)”"
    )
    assert said["x"] == f"the value is treated as a constant: {mean}"


def gate(x, a, b):
    p, g = x @ a, 1 / (1 + np.exp(-(x @ b)))
    return np.tanh(p) * g, (x, a, b, np.tanh(p), g)


def gate_backward(dy, cache):
    x, a, b, t, g = cache
    da, db = dy * g * (1 - t * t), dy * t * g  # right: … · (1 − g)
    return da @ a.T + db @ b.T, x.T @ da, x.T @ db


def test_of_one_slip_in_a_chain_the_simplest_formula_is_named(rng):
    arrays = {
        name: rng.standard_normal(shape) for name, shape in (("x", (4, 3)), ("a", (3, 5)), ("b", (3, 5)))
    }
    said = causes((gate, gate_backward), arrays)
    line = "“1 / (1 + np.exp(-(x @ b)))” in “p, g = x @ a, 1 / (1 + np.exp(-(x @ b)))”"
    assert said["b"] == f"y is used for the slope, with the y that comes out: at {line}"


def distances(a, b):
    return (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, (a, b)


def distances_backward(dy, cache):
    a, b = cache
    return 2 * a * dy.sum(1, keepdims=True) - dy @ b, 2 * b * dy.sum(0)[
        :, None
    ] - 2 * dy.T @ a  # right: 2 · dy @ b


def test_a_constant_factor_of_a_product(rng):
    said = causes(
        (distances, distances_backward), {"a": rng.standard_normal((4, 3)), "b": rng.standard_normal((5, 3))}
    )
    assert said["a"].startswith("the other factor of the product, “2”, is missing: at “2 * a” in")


def test_n_less_one_of_several_axes(rng):
    def forward(x):
        c = x - x.mean((1, 2), keepdims=True)
        return (c**2).sum((1, 2)) / (x[0].size - 1), (c, x[0].size)  # backward: / x[0].size

    op = forward, lambda dy, cache: dy[:, None, None] * 2 * cache[0] / cache[1]
    assert "n for n − 1, with n = 12" in causes(op, {"x": rng.standard_normal((2, 3, 4))})["x"]


def classifier(W, X, y):
    """The course's softmax classifier, in one line; the −1 at the right class is forgotten."""
    s = X @ W
    p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y]).mean(), X.T @ p / len(y)


def focal_in_one_line(z, t):
    p = 1 / (1 + np.exp(-z))
    pt, a = t * p + (1 - t) * (1 - p), 0.25 * t + 0.75 * (1 - t)
    return np.mean(-a * (1 - pt) ** 2 * np.log(pt)), a * (1 - pt) ** 2 * (p - t) / z.size


def three_factors(x):
    return 3 * x**2 * np.sin(x), lambda dy: dy * 3 * x**2 * np.cos(x)


def test_one_line_that_holds_an_operation_twice_is_no_loop():
    draw = np.random.default_rng(0).standard_normal
    constant = "the value is treated as a constant: the path through it is missing: at "
    said = causes(classifier, {"W": draw((4, 3))}, X=draw((6, 4)), y=np.array([0, 1, 2, 1, 0, 2]))
    assert said["W"].startswith("the −1 at the right class is forgotten: this is p, and p − t is right")
    assert said["W"].endswith(": at “s = X @ W”")
    t = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    assert causes(focal_in_one_line, {"z": draw((4, 2))}, t=t)["z"].startswith(
        f"{constant}“-a * (1 - pt) ** 2”"
    )
    assert causes(three_factors, {"x": draw((3, 4))})["x"].startswith(f"{constant}the first “3 * x**2”")


def rmse(p, t, root=1):
    """Both gradients have a factor that depends on the numbers."""
    loss = np.sqrt(np.mean((p - t) ** 2))
    return loss, root * (p - t) / p.size


def test_a_factor_that_depends_on_the_numbers_is_no_constant():
    draw = np.random.default_rng(0).standard_normal
    arrays, t = {"p": draw((3, 4))}, draw((3, 4))
    place = ": at “loss = np.sqrt(np.mean((p - t) ** 2))”"
    of_root = "of the slope k·v^(k − 1), with k = 0.5, only the k is there"
    assert "the slope is missing" in causes(rmse, arrays, t=t, root=2)["p"].partition(place)[0]
    said, _, where = causes(rmse, arrays, t=t)["p"].partition(place)
    assert said.startswith(of_root)
    assert not where
    other = causes(lambda p, t: (np.exp(rmse(p, t)[0]), rmse(p, t)[1]), arrays, t=t)["p"]
    assert other is None or "factor" not in other


def squeeze(x, W1, W2):
    """Squeeze and excitation with 2 samples and 3 hidden units, as many as a map has pixels."""
    s = x.mean(axis=(2, 3))
    h = np.maximum(s @ W1, 0)
    g = 1 / (1 + np.exp(-(h @ W2)))

    def backward(dy):
        dg = (dy * x).sum(axis=(2, 3)) * g * (1 - g)
        dh = dg @ W2.T * (h > 0)
        ds = dh @ W1.T  # right: / 6
        return dy * g[:, :, None, None] + ds[:, :, None, None], s.T @ dh, h.T @ dg

    return x * g[:, :, None, None], backward


def test_another_batch_size_tells_a_length_from_a_divisor():
    draw = np.random.default_rng(0).standard_normal
    arrays = {"x": draw((2, 4, 3, 2)) + 0.5, "W1": draw((4, 3)), "W2": draw((3, 4))}
    assert causes(squeeze, arrays)["x"] == "the divisor, 6, is missing: at “s = x.mean(axis=(2, 3))”"


@pytest.mark.parametrize("seed", range(4))
def test_a_position_by_chance_is_no_cause(seed):
    """A residual block without the mask of its last ReLU on the shortcut: wrong where the sum is negative."""
    draw = np.random.default_rng(seed).standard_normal

    def block(x, W1, W2):
        a = x @ W1
        h = np.maximum(a, 0)
        b = h @ W2 + x

        def backward(dy):
            db = dy * (b > 0)
            da = db @ W2.T * (a > 0)
            return da @ W1.T + dy, x.T @ da, h.T @ db

        return np.maximum(b, 0), backward

    said = causes(block, {"x": draw((4, 3)), "W1": draw((3, 5)), "W2": draw((5, 3))})["x"]
    assert said is None


def lstm(x, Wx, Wh, b):
    h = c = np.zeros((x.shape[1], len(Wh)))
    tape, out = [], []
    for x_t in x:
        i, f, g, o = np.split(x_t @ Wx + h @ Wh + b, 4, axis=1)
        i, f, g, o = (*(1 / (1 + np.exp(-z)) for z in (i, f)), np.tanh(g), 1 / (1 + np.exp(-o)))
        c_new = f * c + i * g
        tape.append((x_t, h, c, i, f, g, o, np.tanh(c_new)))
        c, h = c_new, o * np.tanh(c_new)
        out.append(h)
    return np.array(out), (Wx, Wh, tape)


def lstm_backward(dout, cache):
    Wx, Wh, tape = cache
    dx, dWx, dWh, db = [], 0 * Wx, 0 * Wh, np.zeros(Wx.shape[1])
    dh, dc = 0, 0
    for d, (x_t, h, c, i, f, g, o, tanh_c) in zip(dout[::-1], tape[::-1]):
        dh, dc = dh + d, dc + (dh + d) * o * (1 - tanh_c**2)
        di, df, dg, do = (
            dc * g * i * (1 - i),
            dc * c * f * (1 - f),
            dc * i * (1 - g**2),
            dh * tanh_c * o * (1 - o),
        )
        da = np.concatenate([di, df, do, dg], 1)  # right: i, f, g, o
        dWx, dWh, db = dWx + x_t.T @ da, dWh + h.T @ da, db + da.sum(0)
        dx.append(da @ Wx.T)
        dh, dc = da @ Wh.T, dc * f
    return np.array(dx[::-1]), dWx, dWh, db


def test_gates_in_another_order_are_named_for_every_array():
    draw = np.random.default_rng(0).standard_normal
    said = causes(
        (lstm, lstm_backward), {"x": draw((2, 2, 3)), "Wx": draw((3, 8)), "Wh": draw((2, 8)), "b": draw(8)}
    )
    assert len(said) == 4
    for each in said.values():
        assert each.startswith(
            "the pieces of an array are exchanged: their gradients are put together in the order"
        )
        assert "(0, 1, 3, 2): at “i, f, g, o = np.split(x_t @ Wx" in each


def attention(q, k, v):
    s = q @ k.swapaxes(-1, -2)
    a = np.exp(s) / np.exp(s).sum(-1, keepdims=True)

    def backward(dy):
        da = dy @ v.swapaxes(-1, -2)
        ds = a * (da - (da * a).sum(-1, keepdims=True))
        return ds @ q, ds.swapaxes(-1, -2) @ k, a.swapaxes(-1, -2) @ dy  # right: ds @ k, dsᵀ @ q

    return a @ v, backward


def test_queries_and_keys_that_are_mixed_up_are_both_named():
    draw = np.random.default_rng(0).standard_normal
    said = causes(attention, {name: draw((2, 4, 3)) for name in "qkv"})
    for name in "qk":
        assert said[name].startswith(
            f"the derivative is computed with another array, “{name}”: at “s = q @ k.swap"
        )


def variational(mu, logvar, eps):
    z = mu + np.exp(logvar / 2) * eps
    kl = 0.5 * (np.exp(logvar) - logvar).sum()
    d = z * eps * np.exp(logvar / 2)  # right: / 2
    loss = 0.5 * (z**2).sum() + kl
    return loss, {"mu": z, "logvar": d + 0.5 * (np.exp(logvar) - 1)}


def test_a_step_that_a_right_gradient_passes_is_not_blamed():
    draw = np.random.default_rng(0).standard_normal
    said = causes(variational, {"mu": draw((4, 3)), "logvar": draw((4, 3))}, eps=draw((4, 3)))["logvar"]
    assert said.startswith("the divisor, “2”, is missing: at “logvar / 2”")
    assert "0.5" not in said


def swish(x, beta):
    s = 1 / (1 + np.exp(-beta * x))
    y = x * s
    return y, lambda dy: (dy * (y + s * (1 - y)), (dy * x * y * (1 - s)).sum(0))  # right: β·y twice


def prelu(x, a):
    slopes = np.where(x > 0, 1, a)
    return np.maximum(x, 0) + a * np.minimum(x, 0), lambda dy: (
        dy * slopes,
        (dy * (x < 0)).sum(0),
    )  # right: · x


def test_a_factor_with_a_minus_and_one_that_is_a_mask_are_named():
    draw = np.random.default_rng(0).standard_normal
    arrays = {"x": draw((4, 3)), "beta": np.array([0.5, 1.5, 2.0])}
    assert causes(swish, arrays)["x"].startswith(
        "the other factor of the product, “beta”, is missing: at “-beta * x”"
    )
    said = causes(prelu, {"x": draw((9, 3)), "a": np.array([0.1, 0.2, 0.3])})["a"]
    assert said.startswith("the path through it is not multiplied by “x”: at “np.maximum(x, 0) + a * np.min")


def test_the_search_for_causes_ends_when_its_time_is_up(monkeypatch):
    monkeypatch.setattr(comparison, "SECONDS", -1.0)
    draw = np.random.default_rng(0).standard_normal
    report = check_op(attention, {name: draw((2, 4, 3)) for name in "qkv"})
    assert [report[name].cause for name in "qk"] == [None, None]
    assert "the search for causes was cut after" in report.notes[-1]


@pytest.mark.parametrize("axis", [0, 1])
def test_a_kernel_that_is_reversed_along_one_axis_is_named_with_its_number(axis):
    windows = np.lib.stride_tricks.sliding_window_view

    def convolve(x, w):
        win = windows(x, w.shape[:2], axis=(1, 2))
        y = np.einsum("nhwcij,ijcf->nhwf", win, w)

        def backward(dy):
            padded = np.pad(dy, ((0, 0), (2, 2), (1, 1), (0, 0)))
            dx = np.einsum("nhwfij,ijcf->nhwc", windows(padded, w.shape[:2], axis=(1, 2)), np.flip(w, axis))
            return dx, np.einsum("nhwcij,nhwf->ijcf", win, dy)

        return y, backward

    draw = np.random.default_rng(0).standard_normal
    said = causes(convolve, {"x": draw((2, 5, 6, 2)), "w": draw((3, 2, 2, 3))})["x"]
    assert said.startswith(f"the kernel is reversed along axis {axis} only: it must be along both")


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        (
            lambda p, t: p - 3 * t,
            "the weight multiplies only the target, p − w·t: w·(p − 1) is right where t = 1",
        ),
        (lambda p, t: p - t, "the weight is missing, p − t: w·(p − 1) is right"),
        (lambda p, t: 3 * (p - t), "the weight is at the negative class, too"),
    ],
)
def test_a_weight_of_the_positive_class(slip, words):
    def loss(x, t):
        each = (1 - t) * x + (1 + 2 * t) * (np.log(1 + np.exp(-np.abs(x))) + np.maximum(-x, 0))
        p = 1 / (1 + np.exp(-x))
        return each.mean(), slip(p, t) / x.size  # right: where(t, 3·(p − 1), p)

    t = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0.0]])
    said = causes(loss, {"x": np.random.default_rng(0).standard_normal((5, 2))}, t=t)["x"]
    assert said.startswith(words)
    assert "with w = 3," in said

"""Embeddings, recurrent layers, attention, concatenation, upsampling, and small formulas."""

import numpy as np

from tests.minicnn.gradient_check.broken.classifiers import softmax
from tests.minicnn.gradient_check.broken.faults import faults


def embedding(rng, broken):
    ids = np.array([[1, 4, 1], [0, 4, 2]])
    return (
        (lambda table: (table[ids], table), lambda dy, t: broken(dy, t, ids)),
        {"table": rng.standard_normal((6, 3))},
        {},
    )


def added_once(dy, table, ids):
    dt = np.zeros_like(table)
    dt[ids] += dy
    return dt


def added_at_wrong(dy, table, ids):
    dt = np.zeros_like(table)
    np.add.at(dt, ids - 1, dy)
    return dt


faults(
    embedding,
    embedding_assigned=("table", "+=", added_once),
    embedding_shifted=("table", "", added_at_wrong),
)


def recurrent(last, first=False):
    def case(rng, broken):
        n, t, d, h = 3, 4, 2, 3
        names = ("x", "wx", "wh", "b")
        arrays = {
            "x": rng.standard_normal((t, n, d) if first else (n, t, d)),
            "wx": rng.standard_normal((d, h)),
            "wh": rng.standard_normal((h, h)),
            "b": rng.standard_normal(h),
        }

        def states(x, wx, wh, b):
            x = x.swapaxes(0, 1) if first else x
            hs = [np.zeros((n, h))]
            for i in range(t):
                hs.append(np.tanh(x[:, i] @ wx + hs[-1] @ wh + b))
            return hs

        def forward(x, wx, wh, b):
            hs = states(x, wx, wh, b)
            return hs[-1] if last else np.stack(hs[1:], axis=0 if first else 1), (x, wx, wh, b)

        def backward(dy, cache):
            x, wx, wh, b = cache
            hs = states(*cache)
            x = x.swapaxes(0, 1) if first else x
            dhs = [0 * hs[0]] * (t - 1) + [dy] if last else list(dy if first else dy.swapaxes(0, 1))
            results = []
            for slip in (None, broken):
                dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros_like(b)
                dh_next = np.zeros((n, h))
                for i in reversed(range(t)):
                    dh = dhs[i] + dh_next
                    slope = 1 - hs[i + 1] ** 2
                    if slip == "slope of the step before":
                        slope = 1 - hs[i] ** 2
                    if slip == "no slope":
                        slope = 1
                    da = dh * slope
                    before = hs[i + 1] if slip == "own state" else hs[i]
                    if slip == "assigned":
                        dwx, dwh, db = x[:, i].T @ da, before.T @ da, da.sum(axis=0)
                    else:
                        dwx, dwh, db = dwx + x[:, i].T @ da, dwh + before.T @ da, db + da.sum(axis=0)
                    dx[:, i] = da @ wx.T
                    dh_next = da @ (wh if slip == "not transposed" else wh.T)
                    if slip == "not passed on":
                        dh_next = 0 * dh_next
                    if slip == "only the last step":
                        break
                results.append((dx.swapaxes(0, 1) if first else dx, dwx, dwh, db))
            right, wrong = results
            only = ONLY[broken]
            return tuple(w if name == only else r for name, r, w in zip(names, right, wrong))

        return (forward, backward), arrays, {}

    return case


ONLY = {
    "assigned": "wx",
    "not passed on": "wx",
    "not transposed": "wx",
    "only the last step": "wh",
    "own state": "wh",
    "slope of the step before": "b",
    "no slope": "b",
}
RNN = {
    slip.replace(" ", "_"): (ONLY[slip], words, slip)
    for slip, words in {
        "assigned": "only its first run counts",
        "not passed on": "path through it is missing",
        "not transposed": "transposed",
        "only the last step": "only its last run counts",
        "own state": "another array",
        "slope of the step before": "1 − v² is used for the slope, with another array",
        "no slope": "slope",
    }.items()
}
# if only the last state is the output, it is the same as a loop that ends early
LAST = RNN | {"not_passed_on": ("wx", "only its last run counts", "not passed on")}
faults(recurrent(True), **{f"rnn_last_{name}": row for name, row in LAST.items()})
faults(recurrent(False, True), **{f"rnn_all_{name}": row for name, row in RNN.items()})


def attention(rng, broken):
    def forward(q, k, v):
        a = softmax(q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]))
        return a @ v, (q, k, v, a)

    def backward(dy, cache):
        q, k, v, a = cache
        da = dy @ v.swapaxes(-1, -2)
        ds = a * (da - (da * a).sum(axis=-1, keepdims=True)) / np.sqrt(q.shape[-1])
        right = ds @ k, ds.swapaxes(-1, -2) @ q, a.swapaxes(-1, -2) @ dy
        return tuple(r if w is None else w for r, w in zip(right, broken(dy, q, k, v, a, da, ds)))

    arrays = {name: rng.standard_normal((2, 4, 3)) for name in "qkv"}
    return (forward, backward), arrays, {}


faults(
    attention,
    attention_dk=("k", "transposed", lambda dy, q, k, v, a, da, ds: (None, ds @ q, None)),
    attention_dv=("v", "transposed", lambda dy, q, k, v, a, da, ds: (None, None, a @ dy)),
    attention_no_softmax=("q", "softmax", lambda dy, q, k, v, a, da, ds: (da @ k / np.sqrt(3), None, None)),
    attention_constant=(
        "q",
        "constant: the path through it is missing: at “e.sum(axis=axis",
        lambda dy, q, k, v, a, da, ds: (a * da @ k / np.sqrt(3), None, None),
    ),
    attention_dq_by_q=("q", "", lambda dy, q, k, v, a, da, ds: (ds @ q, None, None)),
)


def concatenation(rng, broken):
    arrays = {
        "a": rng.standard_normal((3, 2)),
        "b": rng.standard_normal((3, 2)),
        "c": rng.standard_normal((3, 4)),
    }
    return (lambda a, b, c: (np.concatenate([a, b, c], axis=1), None), lambda dy, _: broken(dy)), arrays, {}


faults(
    concatenation,
    concat_wrong_place=("b", "offset", lambda dy: (dy[:, :2], dy[:, 3:5], dy[:, 4:])),
    concat_from_the_start=("b", "offset", lambda dy: (dy[:, :2], dy[:, :2], dy[:, 4:])),
)


def upsampling(rng, broken):
    def forward(x):
        return x.repeat(2, axis=2).repeat(2, axis=3), None

    return (forward, lambda dy, _: broken(dy)), {"x": rng.standard_normal((2, 2, 3, 4))}, {}


faults(
    upsampling,
    upsample_one_of_four=("x", "one of", lambda dy: dy[:, :, ::2, ::2]),
    upsample_mean=("x", "divided by 4", lambda dy: dy.reshape(2, 2, 3, 2, 4, 2).mean(axis=(3, 5))),
)


def residual(rng, broken):
    def forward(x, w):
        return x + np.tanh(x @ w), (x, w)

    def backward(dy, cache):
        x, w = cache
        da = dy * (1 - np.tanh(x @ w) ** 2)
        return broken(dy, da @ w.T), x.T @ da

    return (forward, backward), {"x": rng.standard_normal((4, 3)), "w": rng.standard_normal((3, 3))}, {}


faults(
    residual,
    residual_product=("x", "", lambda dy, d: dy * d),
)


def dense(rng, broken):
    def backward(dy, cache):
        x, w = cache
        return tuple(r if g is None else g for g, r in zip(broken(dy, x, w), (dy @ w.T, x.T @ dy, dy.sum(0))))

    arrays = {"x": rng.standard_normal((5, 3)), "w": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)}
    return (lambda x, w, b: (x @ w + b, (x, w)), backward), arrays, {}


faults(
    dense,
    dense_b_one_sample=(
        "b",
        "dy counts only in its first sample (axis 0)",
        lambda dy, x, w: (None, None, dy[0]),
    ),
    dense_w_reshape=("w", "", lambda dy, x, w: (None, x.reshape(3, 5) @ dy, None)),
    dense_x_reshape=("x", "reshape", lambda dy, x, w: (dy @ w.reshape(4, 3), None, None)),
    dense_w_of_w=("w", "", lambda dy, x, w: (None, w, None)),
    dense_w_with_penalty=("w", "w", lambda dy, x, w: (None, x.T @ dy + 0.1 * w, None)),
    dense_w_x_summed=("w", "", lambda dy, x, w: (None, x.sum(0)[:, None] * dy.sum(0), None)),
)


def fused(rng, broken):
    def forward(x, w, b):
        z = x @ w + b
        return z * (z.real > 0), (x, w, z)

    def backward(dy, cache):
        x, w, z = cache
        dz = dy * (z > 0)
        return tuple(
            r if g is None else g for g, r in zip(broken(dy, x, w, z), (dz @ w.T, x.T @ dz, dz.sum(0)))
        )

    arrays = {"x": rng.standard_normal((5, 3)), "w": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)}
    return (forward, backward), arrays, {}


faults(
    fused,
    fused_no_mask=("x", "of ReLU: its mask", lambda dy, x, w, z: (dy @ w.T, None, None)),
    fused_no_mask_w=("w", "of ReLU: its mask", lambda dy, x, w, z: (None, x.T @ dy, None)),
    fused_mask_of_dy=(
        "w",
        "the mask is where the gradient that arrives is > 0",
        lambda dy, x, w, z: (None, x.T @ (dy * (dy > 0)), None),
    ),
    fused_times_z=("w", "", lambda dy, x, w, z: (None, x.T @ (dy * z * (z > 0)), None)),
)


def network(f, slope, loss):
    """Two dense layers in one function; with a loss over the batch, or without."""

    def case(rng, broken):
        t = rng.standard_normal((3, 2))

        def forward(x, w1, b1, w2, b2):
            z = x @ w1 + b1
            o = f(z) @ w2 + b2
            return (((o - t) ** 2).sum() if loss else o), (x, w1, z, w2, o)

        def backward(dy, cache):
            x, w1, z, w2, o = cache
            h = f(z)
            do = 2 * dy * (o - t) if loss else dy
            dh = do @ w2.T
            dz = dh * slope(h)
            right = (dz @ w1.T, x.T @ dz, dz.sum(0), h.T @ do, do.sum(0))
            return tuple(r if w is None else w for r, w in zip(right, broken(x, z, h, dh, do)))

        arrays = {"x": (3, 4), "w1": (4, 5), "b1": (5,), "w2": (5, 2), "b2": (2,)}
        arrays = {name: rng.standard_normal(shape) for name, shape in arrays.items()}
        arrays["b1"] += 1  # some units of each sample are active
        return (forward, backward), arrays, {}

    return case


NETWORK = {
    "slope_missing": (
        "w1",
        "the slope is missing",
        lambda x, z, h, dh, do: (None, x.T @ dh, None, None, None),
    ),
    "mask_of_dh": (
        "b1",
        "the mask is where the gradient that arrives is > 0",
        lambda x, z, h, dh, do: (None, None, (dh * (dh > 0)).sum(0), None, None),
    ),
    "z_for_h": (
        "w2",
        "another array, “z”",
        lambda x, z, h, dh, do: (None, None, None, z.T @ do, None),
    ),
}
for name, loss in (("network", False), ("network_loss", True)):
    faults(
        network(lambda z: z * (z.real > 0), lambda h: h > 0, loss),
        **{f"{name}_relu_{slip}": row for slip, row in NETWORK.items()},
    )
    faults(
        network(np.tanh, lambda h: 1 - h**2, loss),
        **{f"{name}_tanh_{slip}": row for slip, row in NETWORK.items()},
        **{
            f"{name}_tanh_of_z": (
                "w1",
                "1 − v² is used for the slope, with v = “z”",
                lambda x, z, h, dh, do: (None, x.T @ (dh * (1 - z**2)), None, None, None),
            )
        },
    )

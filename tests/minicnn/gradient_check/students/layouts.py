# ruff: noqa: RUF059 — people unpack the whole cache
"""The usual slips once more, in other layouts and sizes: channels last, one sample, columns, one dimension."""

import numpy as np

from tests.minicnn.gradient_check.students.corpus import faulty, faulty_pair, of_class, of_closure, op, right


@op(
    "nhwc(F.conv2d(nchw(x), w.permute(3, 2, 0, 1), b, stride=(2, 2)))", x=(3, 5, 7, 2), w=(3, 3, 2, 2), b=(2,)
)
def conv_nhwc(x, w, b, s=2):
    kh, kw = w.shape[:2]
    oh, ow = (x.shape[1] - kh) // s + 1, (x.shape[2] - kw) // s + 1
    y = np.empty((len(x), oh, ow, w.shape[3]), np.result_type(x, w, b))
    for i in range(oh):
        for j in range(ow):
            y[:, i, j] = np.tensordot(x[:, i * s : i * s + kh, j * s : j * s + kw], w, 3) + b
    return y, (x, w, s)


def conv_nhwc_dx(dy, x, w, s, flip=False, add=True):
    dx = np.zeros_like(x)
    k = w[::-1, ::-1] if flip else w
    for i in range(dy.shape[1]):
        for j in range(dy.shape[2]):
            part = (slice(None), slice(i * s, i * s + len(w)), slice(j * s, j * s + w.shape[1]))
            d = np.tensordot(dy[:, i, j], k, (1, 3))
            dx[part] = dx[part] + d if add else d
    return dx


def conv_nhwc_dw(dy, x, w, s):
    dw = np.zeros_like(w)
    for i in range(dy.shape[1]):
        for j in range(dy.shape[2]):
            dw += np.tensordot(x[:, i * s : i * s + 3, j * s : j * s + 3], dy[:, i, j], (0, 0))
    return dw


@right("conv NHWC, stride 2, tensordot", conv_nhwc)
def conv_nhwc_backward(dy, cache):
    x, w, s = cache
    return conv_nhwc_dx(dy, x, w, s), conv_nhwc_dw(dy, x, w, s), np.sum(dy, (0, 1, 2))


@faulty("conv NHWC, stride forgotten in dw", conv_nhwc, ["stride"])
def conv_nhwc_stride(dy, cache):
    x, w, s = cache
    return conv_nhwc_dx(dy, x, w, s), conv_nhwc_dw(dy, x, w, 1), dy.sum((0, 1, 2))


@faulty("conv NHWC, stride forgotten in dx", conv_nhwc, ["stride"])
def conv_nhwc_stride_dx(dy, cache):
    x, w, s = cache
    return conv_nhwc_dx(dy, x, w, 1), conv_nhwc_dw(dy, x, w, s), dy.sum((0, 1, 2))


@faulty("conv NHWC, overwritten windows", conv_nhwc, ["+=", "overwrit"])
def conv_nhwc_assign(dy, cache):
    x, w, s = cache
    return conv_nhwc_dx(dy, x, w, s, add=False), conv_nhwc_dw(dy, x, w, s), dy.sum((0, 1, 2))


@faulty("conv NHWC, rotated where it should not be", conv_nhwc, ["rotat", "revers", "flip"])
def conv_nhwc_flip(dy, cache):
    x, w, s = cache
    return conv_nhwc_dx(dy, x, w, s, flip=True), conv_nhwc_dw(dy, x, w, s), dy.sum((0, 1, 2))


@faulty("conv NHWC, db of the first column only", conv_nhwc, ["first column", "axis 2"])
def conv_nhwc_db(dy, cache):
    x, w, s = cache
    return conv_nhwc_dx(dy, x, w, s), conv_nhwc_dw(dy, x, w, s), dy.sum((0, 1))[0]


@faulty("conv NHWC, dw averaged over the batch", conv_nhwc, ["batch", "divided by 3"])
def conv_nhwc_mean(dy, cache):
    x, w, s = cache
    return conv_nhwc_dx(dy, x, w, s), conv_nhwc_dw(dy, x, w, s) / len(x), dy.sum((0, 1, 2))


@op("F.max_pool2d(x[None], 3)[0]", x=(2, 6, 3))
def pool_chw(x, k=3):
    c, h, w = x.shape
    tiles = x.reshape(c, h // k, k, w // k, k).swapaxes(2, 3).reshape(c, h // k, w // k, k * k)
    return tiles.max(-1), (tiles, k)


def untile(d, k):
    c, h, w, _ = d.shape
    return d.reshape(c, h, w, k, k).swapaxes(2, 3).reshape(c, h * k, w * k)


@right("max pool (C, H, W), tiles", pool_chw)
def pool_chw_backward(dy, cache):
    tiles, k = cache
    return untile(np.eye(k * k)[tiles.argmax(-1)] * dy[..., None], k)


@faulty("max pool (C, H, W), everything to each", pool_chw, ["window", "maximum", "mask"])
def pool_chw_all(dy, cache):
    tiles, k = cache
    return untile(np.ones_like(tiles) * dy[..., None], k)


@faulty("max pool (C, H, W), average shares", pool_chw, ["average", "share"])
def pool_chw_average(dy, cache):
    tiles, k = cache
    return untile(np.ones_like(tiles) * dy[..., None] / tiles.shape[-1], k)


@faulty("max pool (C, H, W), argmin", pool_chw, ["minimum", "argmin", "wrong place"])
def pool_chw_minimum(dy, cache):
    tiles, k = cache
    return untile(np.eye(k * k)[tiles.argmin(-1)] * dy[..., None], k)


@faulty(
    "max pool (C, H, W), the always first corner",
    pool_chw,
    None,
    may=["first", "corner", "wrong place", "index"],
)
def pool_chw_corner(dy, cache):
    tiles, k = cache
    return untile(np.eye(k * k)[np.zeros(dy.shape, int)] * dy[..., None], k)


@op("F.cross_entropy(z[None], torch.tensor([2]))", z=(5,))
def one_sample_loss(z):
    e = np.exp(z - z.max())
    p = e / e.sum()
    return -np.log(p[2]), p


@right("cross-entropy of one sample", one_sample_loss)
def one_sample_loss_backward(dloss, p):
    d = p.copy()
    d[2] -= 1.0
    return dloss * d


@faulty("cross-entropy of one sample, -1 forgotten", one_sample_loss, ["−1", "-1", "p − t", "target"])
def one_sample_minus(dloss, p):
    return dloss * p


@faulty(
    "cross-entropy of one sample, the minus at the wrong class",
    one_sample_loss,
    None,
    may=["class", "index", "wrong place"],
)
def one_sample_class(dloss, p):
    d = p.copy()
    d[1] -= 1.0
    return dloss * d


@faulty("cross-entropy of one sample, softmax's Jacobian again", one_sample_loss, ["softmax", "again"])
def one_sample_again(dloss, p):
    d = p - np.eye(5)[2]
    return dloss * (np.diag(p) - np.outer(p, p)) @ d


@faulty("cross-entropy of one sample, divided by the classes", one_sample_loss, None, may=["divided by 5"])
def one_sample_classes(dloss, p):
    return dloss * (p - np.eye(5)[2]) / len(p)


@op("torch.sigmoid(w @ x + b)", x=(3, 6), w=(2, 3), b=(2, 1))
def neuron_columns(x, w, b):
    A = 1 / (1 + np.exp(-(w @ x + b)))
    return A, (x, w, A)


@right("sigmoid layer in columns", neuron_columns)
def neuron_columns_backward(dA, cache):
    x, w, A = cache
    dZ = dA * A * (1 - A)
    return w.T @ dZ, dZ @ x.T, dZ.sum(1, keepdims=True)


@faulty("sigmoid layer in columns, all divided by m", neuron_columns, ["batch", "1/m", "columns", "axis 1"])
def neuron_columns_m(dA, cache):
    x, w, A = cache
    dZ = dA * A * (1 - A)
    return w.T @ dZ, dZ @ x.T / x.shape[1], dZ.sum(1, keepdims=True) / x.shape[1]


@faulty("sigmoid layer in columns, db over the wrong axis", neuron_columns, ["axis", "shape", "sum"])
def neuron_columns_db(dA, cache):
    x, w, A = cache
    dZ = dA * A * (1 - A)
    return w.T @ dZ, dZ @ x.T, dZ.sum(0, keepdims=True)


@faulty(
    "sigmoid layer in columns, slope of the sigmoid forgotten",
    neuron_columns,
    ["activation", "slope", "sigmoid"],
)
def neuron_columns_slope(dA, cache):
    x, w, A = cache
    return w.T @ dA, dA @ x.T, dA.sum(1, keepdims=True)


@op("F.layer_norm(x, (6,))", x=(6,))
def standardize(x):
    s = np.sqrt(x.var() + 1e-5)
    return (x - x.mean()) / s, ((x - x.mean()) / s, s)


@right("standardize one vector", standardize)
def standardize_backward(dy, cache):
    y, s = cache
    return (dy - dy.mean() - y * (y * dy).mean()) / s


@faulty("standardize one vector, statistics constant", standardize, ["constant"])
def standardize_constant(dy, cache):
    return dy / cache[1]


@faulty("standardize one vector, n - 1", standardize, ["n − 1", "n - 1"])
def standardize_bessel(dy, cache):
    y, s = cache
    return (dy - dy.mean() - y * (y * dy).sum() / (len(y) - 1)) / s


@faulty("standardize one vector, variance constant", standardize, ["constant"])
def standardize_variance(dy, cache):
    return (dy - dy.mean()) / cache[1]


class Tanh:
    """Tanh, with the slip of taking it again."""

    def forward(self, inputs):
        self.output = np.tanh(inputs)
        return self.output

    def backward(self, dvalues):
        return dvalues * (1 - np.tanh(self.output) ** 2)


faulty_pair(
    "tanh class, tanh of the output",
    of_class(Tanh),
    "torch.tanh(x)",
    ["output", "twice"],
    x=(2, 2, 3),
)


def make_sigmoid():
    def forward(x):
        nonlocal z
        z = x
        return 1 / (1 + np.exp(-x))

    def backward(d):
        return d * z * (1 - z)

    z = None
    return forward, backward


faulty_pair(
    "sigmoid closure, z (1 - z)", of_closure(make_sigmoid), "torch.sigmoid(x)", ["x·(1", "output"], x=(7,)
)


@op(
    "x * m * 2",
    x=(3, 2, 2),
    options={"m": np.array([[[1.0, 0], [1, 1]], [[0, 0], [1, 0]], [[1, 1], [0, 1]]])},
)
def dropout_half(x, m):
    return x * m * 2, m


@right("dropout with a half", dropout_half)
def dropout_half_backward(dy, m):
    return 2 * m * dy


@faulty("dropout with a half, scale forgotten", dropout_half, ["scale", "kept", "divided by 2"])
def dropout_half_scale(dy, m):
    return m * dy


@faulty("dropout with a half, mask forgotten", dropout_half, ["mask"])
def dropout_half_mask(dy, m):
    return 2 * dy


@op("((x - torch.arange(6.0).double()) ** 2).sum()", x=(6,))
def squares(x):
    d = x - np.arange(6.0)
    return d @ d, d


@faulty("sum of squares, dloss ignored", squares, ["upstream", "dy", "dloss"])
def squares_alone(dloss, d):
    return 2 * d


@faulty("sum of squares, a mean's gradient", squares, None, may=["divided by 6", "mean"])
def squares_mean(dloss, d):
    return dloss * 2 * d / d.size


@faulty("sum of squares, sign and factor", squares, None, may=["sign", "-0.5", "−0.5", "minus"])
def squares_sign(dloss, d):
    return -dloss * d

"""Draw the figures of docs/backprop/ from the library's own numbers: ``python docs/backprop_figures.py``.

Each function draws docs/images/backprop_NAME.png, for the page that the first word of its name stands for.
"""

from pathlib import Path

import numpy as np
from backprop_curves import activations, batch_normalization, loss_functions, optimizers, regularizer_slopes
from drawing import PAPER, gradient, graph, sheet, value

from minicnn import layers
from minicnn.exercises.ladder import scalars as exercise
from minicnn.ops import reference

IMAGES = Path(__file__).parent / "images"


def row(*pixels):
    """Return one row of pixels as a map (1, 1, W, 1)."""
    return np.array(pixels, float).reshape(1, 1, -1, 1)


def chain():
    """The example of index.md: y = x·w + b and L = y², with all slopes."""
    x, w, b = 3.0, 2.0, -1.0
    y, cache = reference.dense_forward(np.array([[x]]), np.array([[w]]), np.array([b]))
    dy = 2 * y
    dx, dw, db = (each.item() for each in reference.dense_backward(dy, cache))
    y, dy = y.item(), dy.item()
    nodes = {
        "x": (0, 0, x, dx),
        "w": (0, 1, w, dw),
        "b": (1, 1, b, db),
        "x·w": (1, 0, x * w, dy),
        "y": (2, 0, y, dy),
        "L = y²": (3, 0, y * y, 1.0),
    }
    return graph(nodes, "x>x·w w>x·w x·w>y b>y y>L")


def scalars():
    """The graph of scalars.md."""
    given = {"a": 2.0, "b": 3.0, "c": -1.0, "d": 4.0, "e": 10.0}
    y, cache = exercise.graph_forward(**given)
    s, p, m = (float(each) for each in cache[5:])
    back = dict(zip(given, exercise.graph_backward(1.0, cache)))
    e, both = given["e"], back["a"]
    places = {"a": (0, 0), "b": (0, 1), "c": (1, 0), "d": (1, 2), "e": (2, 2)}
    nodes = {name: (*places[name], given[name], float(back[name])) for name in given}
    nodes |= {
        "s = a + b": (1, 1, s, float(both)),
        "p = s · c": (2, 0, p, 1.0),
        "m = max(s, d)": (2, 1, m, e),
        "m·e": (3, 1, m * e, 1.0),
        "y": (4, 0, float(y), 1.0),
    }
    return graph(nodes, "a>s b>s s>p c>p s>m d>m m>m·e e>m·e p>y m·e>y")


def dense():
    """The example of dense.md."""
    x = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]])
    kernel = np.array([[1.0, 0.0], [2.0, 1.0], [0.0, -1.0]])
    bias, dy = np.array([10.0, 20.0]), np.array([[1.0, 2.0], [3.0, 4.0]])
    y, cache = reference.dense_forward(x, kernel, bias)
    dx, dkernel, dbias = reference.dense_backward(dy, cache)
    return sheet(
        ("forward", value(x, "x (N, D)"), "·", value(kernel, "W (D, U)"), "+", value(bias, "b (U,)"), "=",
         value(y, "y (N, U)")),
        ("backward: the frames are the two factors of dW[1, 0] = 2·1 + 1·3, and the sum",
         value(x.T, "xᵀ", [(1, 0, 1, 2)]), "·", gradient(dy, "dy", [(0, 0, 2, 1)]), "=",
         gradient(dkernel, "dW", [(1, 0, 1, 1)]),
         "", gradient(dbias, "db: sum of rows")),
        ("the same for dx[0, 1] = 1·2 + 2·1",
         gradient(dy, "dy", [(0, 0, 1, 2)]), "·", value(kernel.T, "Wᵀ", [(0, 1, 2, 1)]), "=",
         gradient(dx, "dx", [(0, 1, 1, 1)])),
    )  # fmt: skip


def convolution_row():
    """One row, one channel, one filter: what each output reads, and where its gradient goes."""
    kernel, dy = row(10, 100).reshape(1, 2, 1, 1), row(1, 2)
    y, cache = reference.conv2d_forward(row(1, 2, 3), kernel)
    dx, dkernel, _ = reference.conv2d_backward(dy, cache)
    taps, nothing = kernel.ravel(), np.nan
    return sheet(
        ("forward: the kernel at two positions", value([1, 2, 3], "x (W,)", [(0, 1, 1, 2)]), "",
         value(taps, "kernel"), "→",
         value(y.ravel(), "y (OW,)", [(0, 1, 1, 1)])),
        ("backward: each dy puts down a copy of the kernel, times dy; copies add", gradient(dy.ravel(),
         "dy"), "→",
         gradient([1 * taps[0], 1 * taps[1], nothing], "1 · kernel"), "+",
         gradient([nothing, 2 * taps[0], 2 * taps[1]], "2 · kernel"), "=", gradient(dx.ravel(), "dx",
         [(0, 1, 1, 1)])),
        ("each entry of the kernel met two pixels: dkernel[0] = 1·1 + 2·2, dkernel[1] = 2·1 + 3·2",
         gradient(dkernel.ravel(), "dkernel")),
    )  # fmt: skip


def convolution_dx():
    """The 3×3 example of convolution.md: dx by scattering, and by the rotated kernel."""
    kernel = np.array([[1.0, 2.0], [3.0, 4.0]])
    dy = np.array([[1.0, 10.0], [0.0, 100.0]])
    _, cache = reference.conv2d_forward(np.zeros((1, 3, 3, 1)), kernel[:, :, None, None])
    dx = reference.conv2d_backward(dy[None, :, :, None], cache)[0][0, :, :, 0]
    copies = []
    for i, j in np.argwhere(dy):
        copy = np.full((3, 3), np.nan)
        copy[i : i + 2, j : j + 2] = dy[i, j] * kernel
        copies += ["+", gradient(copy, f"{dy[i, j]:g} · kernel", most=dx.max())]
    right = gradient(dx, "dx", [(1, 1, 1, 1)])
    return sheet(
        ("scatter: every dy puts down a copy of the kernel; copies add", value(kernel, "kernel"), "",
         gradient(dy, "dy"), "→",
         *copies[1:], "=", right),
        ("gather: the rotated kernel slides over dy; the frame, for the centre of dx: 1·4 + 10·3 + 0·2 + 100·1 = 134",
         value(kernel[::-1, ::-1], "rotated by 180°"), "", gradient(np.pad(dy, 1), "dy with a border of 0",
         [(1, 1, 2, 2)]), "→", right),
    )  # fmt: skip


def depthwise():
    """The example of depthwise_and_separable.md: no channel meets another."""
    x = np.array([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]).reshape(1, 1, 3, 2)
    kernel = np.array([[[1.0, 1.0], [2.0, 0.0]], [[1.0, -1.0], [0.0, 2.0]]])[None]  # (1, 2, C, M)
    y, cache = reference.depthwise_conv2d_forward(x, kernel)
    dy = np.array([[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]]).reshape(1, 1, 2, 4)
    dx = reference.depthwise_conv2d_backward(dy, cache)[0]
    rows = []
    for c in (0, 1):
        own = slice(2 * c, 2 * c + 2)
        rows.append(
            (f"channel {c}", value(x[0, 0, :, c], "x"), "", value(kernel[0, :, c].T, "kernels"), "→",
             value(y[0, 0, :, own].T, "y"), "",
             gradient(dy[0, 0, :, own].T, "dy"), "→", gradient(dx[0, 0, :, c], "dx"))
        )  # fmt: skip
    return sheet(*rows)


def pooling():
    """The examples of pooling.md: who gets dy."""
    x, dy = row(1, 5, 2, 4, 0), row(1, 10, 100)
    rows = []
    for name, heading in (("max", "max, windows of three: all of dy goes to the winner"),
                          ("average", "average: a third of dy to each pixel of the window")):  # fmt: skip
        y, cache = getattr(reference, f"{name}_pool2d_forward")(x, (1, 3), (1, 1))
        dx = getattr(reference, f"{name}_pool2d_backward")(dy, cache)
        frames = [(0, 1, 1, 1), (0, 3, 1, 1)] if name == "max" else ()
        rows.append(
            (heading, value(x.ravel(), "x", frames), "→", value(y.ravel(), "y"), "", gradient(dy.ravel(),
             "dy"), "→",
             gradient(dx.ravel(), "dx", frames))
        )  # fmt: skip
    return sheet(*rows)


def softmax():
    """The example of softmax_cross_entropy.md: p − t, and the Jacobian of softmax alone."""
    z, t = np.log([[1.0, 2.0, 1.0]]), np.array([[0.0, 1.0, 0.0]])
    p, cache = reference.softmax_forward(z)
    jacobian = np.stack([reference.softmax_backward(one[None], cache)[0] for one in np.eye(3)])
    _, cache = reference.softmax_cross_entropy_forward(z, t)
    dz = reference.softmax_cross_entropy_backward(np.ones(1), cache)
    return sheet(
        ("softmax and cross-entropy together", value(z, "z"), "→", value(p, "p"), "−", value(t, "t"), "=",
         gradient(dz, "dz = p − t")),
        ("softmax alone: the slope of each p in each z; each row and each column adds up to 0",
         gradient(jacobian, "row k, column j: ∂p[k]/∂z[j]")),
    )  # fmt: skip


def group_normalization():
    """Which numbers share a mean: a channel of the batch, or a group of channels of one sample."""
    x = np.array([[1.0, 3.0, 10.0, 20.0], [5.0, 1.0, 4.0, 8.0], [3.0, 5.0, 1.0, 2.0]])
    one, zero = np.ones(4), np.zeros(4)
    batch = reference.batch_norm_forward(x, one, zero, 0.0)[0]
    group = reference.group_norm_forward(x, one, zero, 2, 0.0)[0]
    columns = [(0, c, 3, 1) for c in range(4)]
    pairs = [(n, c, 1, 2) for n in range(3) for c in (0, 2)]
    return sheet(
        ("batch normalization: one mean for each channel", value(x, "x: 3 samples, 4 channels", columns),
         "→", value(batch, "x̂", columns)),
        ("group normalization, 2 groups: one mean for each frame", value(x, "x", pairs), "→",
         value(group, "x̂", pairs)),
    )  # fmt: skip


def shape():
    """The examples of shape.md: an entry gets the sum of the gradients of all the places that it went to."""
    x = np.array([1.0, 2.0]).reshape(1, 2, 1, 1)
    rows = []
    for layer, dy, heading in (
        (layers.UpSampling2D((1, 2)), [[1, 10], [100, 1000]], "upsampling: each pixel went to two places"),
        (
            layers.ZeroPadding2D(((1, 0), (0, 1))),
            [[0, 1], [2, 3], [4, 5]],
            "zero padding: the border has no source",
        ),
    ):
        y, dy = layer(x)[0, :, :, 0], np.array(dy, float)
        dx = layer.backward(dy[None, :, :, None])[0, :, :, 0]
        rows.append(
            (
                heading,
                value(x[0, :, :, 0], "x"),
                "→",
                value(y, "y"),
                "",
                gradient(dy, "dy"),
                "→",
                gradient(dx, "dx"),
            )
        )
    return sheet(*rows)


def dropout():
    """The example of dropout.md: one mask, used twice."""
    x, dy = np.arange(1.0, 7.0), np.arange(10.0, 70.0, 10.0)
    y, cache = reference.dropout_forward(x, 0.5, key=7)
    mask = value(2.0 * reference.dropout_mask(7, (6,), 0.5), "mask / (1 − rate)")
    return sheet(
        ("forward", value(x, "x"), "·", mask, "=", value(y, "y")),
        (
            "backward",
            gradient(dy, "dy"),
            "·",
            mask,
            "=",
            gradient(reference.dropout_backward(dy, cache), "dx"),
        ),
    )


def augmentation():
    """The shift of augmentation.md as a matrix J, and its transpose."""
    shift = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.5]]])
    x, dy = row(1, 3, 8), row(1, 10, 100)
    y, cache = reference.affine_transform_forward(x, shift)
    units = np.eye(3).reshape(3, 1, 3, 1)
    jacobian = reference.affine_transform_forward(units, np.repeat(shift, 3, axis=0))[0].reshape(3, 3).T
    dx = reference.affine_transform_backward(dy, cache)
    return sheet(
        ("forward, half a pixel to the right: a row of J says what an output reads", value(jacobian, "J"),
         "·", value(x.reshape(3, 1), "x"),
         "=", value(y.reshape(3, 1), "y")),
        ("backward: the same row, now a column, says where its gradient goes", value(jacobian.T, "Jᵀ"), "·",
         gradient(dy.reshape(3, 1), "dy"), "=", gradient(dx.reshape(3, 1), "dx")),
    )  # fmt: skip


def residual():
    """The example of residual.md: two ways back."""
    w, x, dy = np.array([[0.1]]), np.array([[3.0]]), np.array([[10.0]])
    branch, cache = reference.dense_forward(x, w)
    back, dw, _ = reference.dense_backward(dy, cache)
    nodes = {
        "x": (0, 0, 3.0, (back + dy).item()),
        "w": (0, 1, 0.1, dw.item()),
        "f(x) = w · x": (1, 1, branch.item(), dy.item()),
        "y = x + f(x)": (2, 0, (x + branch).item(), dy.item()),
    }
    return graph(nodes, "x>f(x) w>f(x) x>y f(x)>y")


def graphs():
    """The example of graphs.md."""
    x, w = np.array([[3.0]]), np.array([[2.0]])
    h, cache = reference.dense_forward(x, w)
    dp, dh = np.array([[1.0]]), np.array([[1.0]]) + x
    back, dw, _ = reference.dense_backward(dh, cache)
    nodes = {
        "x": (0, 0, 3.0, (dp * h + back).item()),
        "w": (0, 1, 2.0, dw.item()),
        "h = w · x": (1, 1, h.item(), dh.item()),
        "p = h · x": (2, 0, (h * x).item(), dp.item()),
        "y = p + h": (3, 1, (h * x + h).item(), 1.0),
    }
    return graph(nodes, "x>h w>h x>p h>p p>y h>y")


def wrong_dx():
    """Three faults of convolution's dx, on the 3×3 example; the frames are entries that are wrong."""
    kernel = np.array([[1.0, 2.0], [3.0, 4.0]])
    dy = np.array([[1.0, 10.0], [5.0, 2.0]])

    def scattered(kernel, add=True):
        _, cache = reference.conv2d_forward(np.zeros((1, 3, 3, 1)), kernel[:, :, None, None])
        if add:
            return reference.conv2d_backward(dy[None, :, :, None], cache)[0][0, :, :, 0]
        dx = np.zeros((3, 3))
        for i, j in np.ndindex(2, 2):
            dx[i : i + 2, j : j + 2] = dy[i, j] * kernel
        return dx

    right = scattered(kernel)
    items = [gradient(right, "right")]
    for title, wrong in (
        ("rotated once too often", scattered(kernel[::-1, ::-1])),
        ("= for +=", scattered(kernel, add=False)),
        ("transposed kernel", scattered(kernel.T)),
    ):
        marks = [(i, j, 1, 1) for i, j in np.argwhere(~np.isclose(wrong, right))]
        items += ["", gradient(wrong, title, marks, right.max())]
    return sheet(("dx of one convolution: the pattern of the wrong entries is a hint", *items))


# page of docs/backprop/ -> its figures
def many_machines():
    """The gradient of a batch of eight in four shards, added up in the order of the tree."""
    rng = np.random.default_rng(3)
    x, w, t = (
        rng.standard_normal((8, 2)).round(1),
        rng.standard_normal((2, 2)).round(1),
        rng.standard_normal((8, 2)),
    )
    shards = []
    for s in range(4):
        rows = slice(2 * s, 2 * s + 2)
        y, cache = reference.dense_forward(x[rows], w, np.zeros(2))
        shards.append(reference.dense_backward(2 * (y - t[rows]) / t.size, cache)[1])
    left, right = shards[0] + shards[1], shards[2] + shards[3]
    most = max(np.abs(each).max() for each in (*shards, left, right, left + right))
    cells = [gradient(each, f"g{s}", most=most) for s, each in enumerate(shards)]
    return sheet(
        ("each shard's part of dw", "(", cells[0], "+", cells[1], ")  +  (", cells[2], "+", cells[3], ")"),
        ("two sums of two", gradient(left, "g0 + g1", most=most), "+", gradient(right, "g2 + g3", most=most)),
        ("dw, the same bits for 1, 2, 3 or 4 processes", gradient(left + right, "dw", most=most)),
    )


FIGURES = {
    "index": [chain],
    "scalars": [scalars],
    "dense": [dense],
    "activations": [activations],
    "convolution": [convolution_row, convolution_dx],
    "transposed_convolution": [],
    "depthwise_and_separable": [depthwise],
    "pooling": [pooling],
    "softmax_cross_entropy": [softmax],
    "batch_normalization": [batch_normalization],
    "group_normalization": [group_normalization],
    "shape": [shape],
    "dropout": [dropout],
    "augmentation": [augmentation],
    "residual": [residual],
    "graphs": [graphs],
    "losses": [loss_functions],
    "regularizers": [regularizer_slopes],
    "optimizers": [optimizers],
    "many_machines": [many_machines],
    "when_it_is_wrong": [wrong_dx],
}

if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for draw in (each for page in FIGURES.values() for each in page):
        path = IMAGES / f"backprop_{draw.__name__}.png"
        draw().savefig(path, dpi=110, facecolor=PAPER, bbox_inches="tight", pad_inches=0.12)

"""Draw the pictures of docs/backprop/ from the reference operations: ``python docs/backprop_figures.py``."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from minicnn.ops import reference

IMAGES = Path(__file__).parent / "images"


def activations():
    """Six activations, and below each its slope."""
    functions = [
        ("ReLU", "relu", ()),
        ("leaky ReLU, a = 0.3", "leaky_relu", (0.3,)),
        ("ELU, a = 1", "elu", ()),
        ("GELU", "gelu", ()),
        ("sigmoid", "sigmoid", ()),
        ("tanh", "tanh", ()),
    ]
    x = np.linspace(-4, 4, 400)
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    axes = figure.subplots(2, len(functions), sharex=True, sharey="row")
    for (title, name, options), (above, below) in zip(functions, axes.T):
        y, cache = getattr(reference, f"{name}_forward")(x, *options)
        slope = getattr(reference, f"{name}_backward")(np.ones_like(x), cache)
        above.plot(x, y, color="tab:blue")
        below.plot(x, slope, color="tab:red")
        above.set_title(title, fontsize=10)
        for axis in (above, below):
            axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
            axis.axvline(0, color="0.8", linewidth=0.8, zorder=0)
            axis.spines[["top", "right"]].set_visible(False)
            axis.tick_params(labelsize=8)
    axes[0, 0].set_ylim(-1.5, 3)
    axes[0, 0].set_ylabel("f(x)")
    axes[1, 0].set_ylabel("slope f′(x)")
    return figure


def _grid(axis, values, title, limit, border=None):
    """Show a small map with its numbers; those of a ``border`` around it are gray."""
    colours = np.sqrt(values / limit)
    axis.imshow(colours, cmap="Oranges", vmin=0, vmax=1.6)
    for (row, column), value in np.ndenumerate(values):
        outside = border and not all(border <= i < n - border for i, n in zip((row, column), values.shape))
        text = f"{value:g}"
        axis.text(
            column, row, text, ha="center", va="center", fontsize=10, color="0.6" if outside else "black"
        )
    axis.set_xticks(np.arange(0.5, values.shape[1] - 1), [])
    axis.set_yticks(np.arange(0.5, values.shape[0] - 1), [])
    axis.grid(color="white", linewidth=2)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_title(title, fontsize=10)


def convolution_dx():
    """The worked example of convolution.md: dx by scattering copies of the kernel,
    and by the rotated kernel.
    """
    kernel = np.array([[1.0, 2.0], [3.0, 4.0]])
    dy = np.array([[1.0, 10.0], [0.0, 100.0]])
    _, cache = reference.conv2d_forward(np.zeros((1, 3, 3, 1)), kernel[:, :, None, None])
    dx = reference.conv2d_backward(dy[None, :, :, None], cache)[0][0, :, :, 0]
    copies = []
    for i, j in np.argwhere(dy):
        copy = np.zeros((3, 3))
        copy[i : i + 2, j : j + 2] = dy[i, j] * kernel
        copies.append((copy, f"{dy[i, j]:g} · K at ({i}, {j})"))
    scatter = [(kernel, "kernel K"), (dy, "dy"), *copies, (dx, "dx")]
    gather = [(kernel[::-1, ::-1], "K rotated by 180°"), (np.pad(dy, 1), "dy with a border of 0"), (dx, "dx")]

    figure = Figure(figsize=(11, 4.4), layout="constrained")
    above, below = figure.subfigures(2, 1)
    above.suptitle(
        "scatter: every dy puts down a copy of the kernel; copies add", fontsize=11, x=0.01, ha="left"
    )
    below.suptitle("gather: the rotated kernel slides over dy", fontsize=11, x=0.01, ha="left")
    limit = dx.max()
    for axis, (values, title) in zip(above.subplots(1, 6), scatter):
        _grid(axis, values, title, limit)
    axes = below.subplots(1, 6)
    for axis, (values, title) in zip((axes[0], axes[1], axes[5]), gather):
        _grid(axis, values, title, limit, border=1 if len(values) == 4 else None)
    window = {"fill": False, "edgecolor": "tab:blue", "linewidth": 2.5, "clip_on": False, "zorder": 5}
    axes[1].add_patch(Rectangle((0.5, 0.5), 2, 2, **window))
    axes[5].add_patch(Rectangle((0.5, 0.5), 1, 1, **window))
    lines = [
        "the blue window, for the centre of dx:",
        "1·4 + 10·3 + 0·2 + 100·1 = 134",
    ]
    for axis in axes[2:5]:
        axis.axis("off")
    axes[3].text(
        0.5, 0.5, "\n".join(lines), ha="center", va="center", fontsize=11, transform=axes[3].transAxes
    )
    return figure


def batch_normalization():
    """The bracket of dx = γ·r·(dy − dβ/m − x̂·dγ/m): what a fitted line leaves of dy."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((14, 1))
    dy = 0.8 + 0.9 * x + 0.9 * rng.standard_normal((14, 1))
    one, zero = np.ones(1), np.zeros(1)
    x_hat, _, variance, cache = reference.batch_norm_forward(x, one, zero, 1e-12)
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, cache)
    rest = dx * np.sqrt(variance)
    line = dbeta / len(x) + np.array([-2.2, 2.7]) * dgamma / len(x)

    figure = Figure(figsize=(9, 3), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    left.plot([-2.2, 2.7], line, color="tab:blue", label="dβ/m + x̂ · dγ/m")
    left.vlines(x_hat, dy - rest, dy, color="tab:red", linewidth=1.5)
    left.scatter(x_hat, dy, color="black", s=18, zorder=3, label="dy")
    right.vlines(x_hat, 0, rest, color="tab:red", linewidth=1.5)
    right.scatter(x_hat, rest, color="tab:red", s=18, zorder=3, label="dx / (γ·r)")
    right.axhline(0, color="tab:blue")
    left.set_title("dy, and a line fitted to it", fontsize=10)
    right.set_title("dx is what the line leaves over", fontsize=10)
    for axis in (left, right):
        axis.set_xlabel("x̂")
        axis.legend(frameon=False, fontsize=9, loc="upper left")
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure


def optimizers():
    """Paths of five optimizers from the same point of a long valley, L = (x² + 30·y²)/2."""
    curvature = np.array([1.0, 30.0])

    def path(update, *state, steps=40):
        w = np.array([-4.0, 1.0])
        points = [w.copy()]
        for t in range(1, steps + 1):
            update(w, curvature * w, t)
            points.append(w.copy())
        return np.array(points)

    zeros = np.zeros((6, 2))
    rules = {
        "SGD": lambda w, g, t: reference.sgd_update(w, g, None, 0.06),
        "momentum": lambda w, g, t: reference.sgd_update(w, g, zeros[0], 0.02, 0.8),
        "Nesterov": lambda w, g, t: reference.sgd_update(w, g, zeros[1], 0.02, 0.8, nesterov=True),
        "RMSprop": lambda w, g, t: reference.rmsprop_update(w, g, zeros[2], None, None, 0.12, 0.9, 0.0, 1e-7),
        "Adam": lambda w, g, t: reference.adam_update(
            w, g, zeros[3], zeros[4], None, 0.25, 0.8, 0.9, 1e-7, t
        ),
    }
    x, y = np.meshgrid(np.linspace(-4.6, 1.6, 200), np.linspace(-1.3, 1.3, 100))
    figure = Figure(figsize=(11, 2.6), layout="constrained")
    for axis, (name, rule) in zip(figure.subplots(1, len(rules), sharey=True), rules.items()):
        points = path(rule)
        axis.contour(
            x, y, (x**2 + 30 * y**2) / 2, levels=[0.3, 1.5, 4, 8, 14, 22], colors="0.8", linewidths=0.8
        )
        axis.plot(*points.T, "-o", color="tab:blue", markersize=2.5, linewidth=1)
        axis.plot(0, 0, "x", color="tab:red")
        axis.set(xlim=(-4.6, 1.6), ylim=(-1.3, 1.3), xticks=[], yticks=[])
        axis.set_title(name, fontsize=10)
    return figure


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for draw in (activations, convolution_dx, batch_normalization, optimizers):
        draw().savefig(IMAGES / f"backprop_{draw.__name__}.png", dpi=90)

"""The curves among the figures of docs/backprop/; backprop_figures.py draws them with the others."""

import numpy as np
from drawing import ACCENT, GRADIENT, VALUE, curves

from minicnn import losses, regularizers
from minicnn.ops import reference


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
    figure, axes = curves(2, len(functions), (10, 3.4), sharex=True, sharey="row")
    for (title, name, options), (above, below) in zip(functions, axes.T):
        y, cache = getattr(reference, f"{name}_forward")(x, *options)
        slope = getattr(reference, f"{name}_backward")(np.ones_like(x), cache)
        above.plot(x, y, color=VALUE)
        below.plot(x, slope, color=GRADIENT)
        above.set_title(title, fontsize=10)
    axes[0, 0].set_ylim(-1.5, 3)
    axes[0, 0].set_ylabel("f(x)")
    axes[1, 0].set_ylabel("slope f′(x)")
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

    figure, ((left, right),) = curves(1, 2, (8, 3), sharex=True, sharey=True)
    left.plot([-2.2, 2.7], line, color=VALUE, label="dβ/m + x̂ · dγ/m")
    left.vlines(x_hat, dy - rest, dy, color=GRADIENT, linewidth=1.5)
    left.scatter(x_hat, dy, color="black", s=18, zorder=3, label="dy")
    right.vlines(x_hat, 0, rest, color=GRADIENT, linewidth=1.5)
    right.scatter(x_hat, rest, color=GRADIENT, s=18, zorder=3, label="dx / (γ·r)")
    right.axhline(0, color=VALUE)
    left.set_title("dy, and a line fitted to it", fontsize=10)
    right.set_title("dx is what the line leaves over", fontsize=10)
    for axis in (left, right):
        axis.set_xlabel("x̂")
        axis.legend(frameon=False, fontsize=9, loc="upper left")
    return figure


def loss_functions():
    """Three losses of one prediction whose target is 1, and their slopes."""
    named = [
        ("squared error", losses.MeanSquaredError(), np.linspace(-0.5, 2.5, 301), False),
        ("binary cross-entropy of p", losses.BinaryCrossentropy(), np.linspace(0.02, 0.99, 301), False),
        ("… of the logit z", losses.BinaryCrossentropy(from_logits=True), np.linspace(-4, 4, 301), False),
        ("hinge, beside a 0", losses.CategoricalHinge(), np.linspace(-0.5, 2.5, 301), True),
    ]
    figure, axes = curves(2, 4, (9, 3.6), sharex="col")
    for (title, loss, points, hinge), (above, below) in zip(named, axes.T):
        values, slopes = [], []
        for p in points:
            prediction, target = ([[p, 0.0]], [[1.0, 0.0]]) if hinge else ([[p]], [[1.0]])
            values.append(loss.forward(np.array(target), np.array(prediction)))
            slopes.append(loss.backward()[0, 0])
        above.plot(points, values, color=VALUE)
        below.plot(points, slopes, color=GRADIENT)
        above.set_title(title, fontsize=10)
        below.set_xlabel("z" if "logit" in title else "p", fontsize=9)
    axes[1, 1].set_ylim(-12, 1)
    axes[0, 0].set_ylabel("loss, target 1")
    axes[1, 0].set_ylabel("slope")
    return figure


def regularizer_slopes():
    """L2 pulls in proportion, L1 with equal force."""
    w = np.linspace(-2, 2, 401)
    figure, axes = curves(2, 3, (7, 3.4), sharex=True, sharey="row")
    named = [
        ("L2(0.5)", regularizers.L2(0.5)),
        ("L1(0.5)", regularizers.L1(0.5)),
        ("L1L2(0.5, 0.5)", regularizers.L1L2(0.5, 0.5)),
    ]
    for (title, penalty), (above, below) in zip(named, axes.T):
        above.plot(w, [penalty(np.array([each])) for each in w], color=VALUE)
        below.plot(w, penalty.gradient(w), color=GRADIENT)
        above.set_title(title, fontsize=10)
        below.set_xlabel("w", fontsize=9)
    axes[0, 0].set_ylabel("R(w)")
    axes[1, 0].set_ylabel("slope R′(w)")
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
    figure, axes = curves(1, len(rules), (10, 2.6), sharey=True)
    for axis, (name, rule) in zip(axes[0], rules.items()):
        points = path(rule)
        axis.contour(
            x, y, (x**2 + 30 * y**2) / 2, levels=[0.3, 1.5, 4, 8, 14, 22], colors="0.75", linewidths=0.8
        )
        axis.plot(*points.T, "-o", color=VALUE, markersize=2.5, linewidth=1)
        axis.plot(0, 0, "x", color=ACCENT)
        axis.set(xlim=(-4.6, 1.6), ylim=(-1.3, 1.3), xticks=[], yticks=[])
        axis.set_title(name, fontsize=10)
    return figure

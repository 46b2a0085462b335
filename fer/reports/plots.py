"""Figures of data and training. Each function returns a matplotlib Figure; nothing is shown.

Figures are made with matplotlib's objects, not with pyplot, so that they need no display and share no state.
The colours are from the Okabe-Ito palette (distinct for all kinds of colour vision) and the sequential
"Blues".
"""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fer.data.dataset import Split
from fer.emotions import EMOTIONS
from minicnn.terminal import printable

BLUE, ORANGE, GREEN, GRAY = "#0072B2", "#D55E00", "#009E73", "#666666"
_GAP = 3  # pixels between the faces of a contact sheet


def curves(history: Mapping[str, Sequence[float]], best_epoch: int) -> Figure:
    """Draw loss and accuracy, training and validation, over the epochs, and mark the best epoch.

    Args:
        history: "loss", "accuracy", "val_loss", "val_accuracy" -> one value per epoch; the val_ ones may be
            missing.
        best_epoch: the epoch whose model was kept, counted from 1.
    """
    figure = new_figure(10, 4)
    panels = figure.subplots(1, 2)
    for axes, key, title in zip(panels, ("loss", "accuracy"), ("Loss", "Accuracy")):
        for name, label, colour, marker in (
            (key, "training", BLUE, "o"),
            (f"val_{key}", "validation", ORANGE, "s"),
        ):
            if name in history:
                epochs = np.arange(1, len(history[name]) + 1)
                axes.plot(epochs, history[name], marker, ls="-", ms=4, color=colour, label=label)
        axes.axvline(best_epoch, color=GRAY, ls=":", label=f"best: epoch {best_epoch}", zorder=0)
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        plain_axes(axes)
        axes.margins(y=0.12)  # room for the best epoch's value
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    panels[1].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if "val_accuracy" in history:
        best = history["val_accuracy"][best_epoch - 1]
        panels[1].annotate(
            f"{best:.1%}",
            (best_epoch, best),
            (0, 10),
            textcoords="offset points",
            ha="center",
            color=ORANGE,
            weight="bold",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
    return figure


def confusion_matrix(confusion: np.ndarray, title: str = "") -> Figure:
    """Draw a confusion matrix (7, 7), row = true emotion: counts left, shares of each row right."""
    confusion = np.asarray(confusion)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    figure = new_figure(11, 5.2)
    headline(figure, title)
    left, right = figure.subplots(1, 2, sharey=True)
    _matrix(left, confusion, [[str(count) for count in row] for row in confusion], max(confusion.max(), 1))
    _matrix(right, shares, [[f"{share:.0%}" for share in row] for row in shares], 1.0)
    left.set(title="faces", ylabel="true")
    right.set(title="share of the true emotion (the diagonal is its recall)")
    return figure


def class_bars(splits: Mapping[str, Split], title: str = "") -> Figure:
    """Draw how many faces each emotion has: a panel for each split, with counts
    and shares beside the bars.
    """
    figure = new_figure(3.6 * len(splits) + 1, 3.2)
    headline(figure, title)
    panels = np.atleast_1d(figure.subplots(1, len(splits), sharey=True))
    for axes, (name, split) in zip(panels, splits.items()):
        counts = split.counts()
        bars = axes.barh(EMOTIONS, counts, color=BLUE)
        axes.bar_label(
            bars, [f"{count:,}  ({count / len(split):.1%})" for count in counts], padding=3, fontsize=9
        )
        axes.set(title=f"{name}: {len(split):,} faces", xlim=(0, 1.45 * counts.max()), xticks=[])
        plain_axes(axes)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(left=False)
    panels[0].invert_yaxis()  # Angry, the first, at the top
    return figure


def examples(split: Split, columns: int = 10, seed: int = 0, title: str = "") -> Figure:
    """Draw a contact sheet: for each emotion a row of ``columns`` faces, chosen at random."""
    generator = np.random.default_rng(seed)
    side = split.images.shape[1]
    step = side + _GAP
    sheet = np.full((len(EMOTIONS) * step - _GAP, columns * step - _GAP), 255, np.uint8)
    for k in range(len(EMOTIONS)):
        faces = generator.permutation(np.flatnonzero(split.labels == k))[:columns]
        for column, face in enumerate(faces):
            sheet[k * step : k * step + side, column * step : column * step + side] = split.images[face]
    # One and a half faces per inch: 48 pixels become 100 at 150 dots per inch.
    figure = new_figure(columns * 0.68 + 1.1, len(EMOTIONS) * 0.68 + (0.5 if title else 0.2))
    axes = figure.subplots()
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255)
    axes.set_yticks([k * step + side / 2 for k in range(len(EMOTIONS))], EMOTIONS, fontsize=11)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    headline(figure, title)
    return figure


def mean_faces(means: np.ndarray, overall: np.ndarray, title: str = "") -> Figure:
    """Draw the mean face of each emotion and, below, how it differs from the mean of all.

    Args:
        means: (7, H, W), 0-255; NaN where an emotion has no faces.
        overall: (H, W), the mean of all faces.
        title: written above.
    """
    figure = new_figure(11.5, 3.6 if title else 3.3)
    headline(figure, title)
    differences = means - overall
    limit = max(np.nanmax(np.abs(differences)), 1)
    above, below = figure.subplots(2, len(EMOTIONS))
    for k, emotion in enumerate(EMOTIONS):
        above[k].set_title(emotion, fontsize=11)
        above[k].imshow(means[k], cmap="gray", vmin=0, vmax=255)
        shown = below[k].imshow(differences[k], cmap="RdBu_r", vmin=-limit, vmax=limit)
        for axes in (above[k], below[k]):
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
    above[0].set_ylabel("mean", fontsize=11)
    below[0].set_ylabel("mean − all", fontsize=11)
    figure.colorbar(shown, ax=list(below), shrink=0.85, label="gray values")
    return figure


def gray_values(histograms: Mapping[str, np.ndarray], title: str = "") -> Figure:
    """Draw how often each gray value occurs: a line for each split, in shares of its pixels.

    Args:
        histograms: split -> number of pixels of each gray value (256,).
        title: written above.
    """
    figure = new_figure(8, 3.8)
    headline(figure, title)
    axes = figure.subplots()
    for (name, pixels), colour in zip(histograms.items(), (BLUE, ORANGE, GREEN)):
        axes.step(np.arange(256), pixels / pixels.sum(), where="mid", color=colour, lw=1.2, label=name)
    axes.set(xlabel="gray value (0 black, 255 white)", ylabel="share of pixels", xlim=(-1, 256))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    plain_axes(axes)
    return figure


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure with a margin; the size is in inches."""
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))


def headline(figure: Figure, title: str) -> None:
    """Write a title above a figure, in lines that are not wider than the figure."""
    if title:
        text = textwrap.fill(printable(title, 300), int(11 * figure.get_figwidth()))
        # a $ in a file's name does not begin mathematics
        figure.suptitle(text, fontsize=11, parse_math=False)


def _matrix(axes: Axes, values: np.ndarray, texts: list[list[str]], top: float) -> None:
    axes.imshow(values, cmap="Blues", vmin=0, vmax=top)
    for row, texts_of_row in enumerate(texts):
        for column, text in enumerate(texts_of_row):
            dark = values[row, column] > 0.65 * top
            axes.text(
                column, row, text, ha="center", va="center", color="white" if dark else "black", fontsize=10
            )
    axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(EMOTIONS)), EMOTIONS)
    axes.set_xlabel("predicted")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def plain_axes(axes: Axes) -> None:
    """Remove the lines at the top and at the right."""
    axes.spines[["top", "right"]].set_visible(False)

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

BLUE, ORANGE, GREEN, GRAY, PALE = "#0072B2", "#D55E00", "#009E73", "#666666", "#BBBBBB"
COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
_GAP = 3  # pixels between the faces of a contact sheet


def curves(
    history: Mapping[str, Sequence[float]], best_epoch: int, rates: Sequence[float] = (), note: str = ""
) -> Figure:
    """Draw loss and accuracy, training and validation, over the epochs, and mark the one that is kept.

    Args:
        history: "loss", "accuracy", "val_loss", "val_accuracy" -> one value per epoch; the val_ ones may be
            missing.
        best_epoch: the epoch whose model was kept, counted from 1.
        rates: the learning rate of each epoch; without them there is no panel for it.
        note: written below.
    """
    figure = new_figure(14 if rates else 10, 4.3 if note else 4)
    panels = figure.subplots(1, 3 if rates else 2, width_ratios=[1, 1, 0.75] if rates else None)
    for axes, key, title in zip(panels, ("loss", "accuracy"), ("Loss", "Accuracy")):
        for name, label, colour, marker in (
            (key, "training", BLUE, "o"),
            (f"val_{key}", "validation", ORANGE, "s"),
        ):
            if name in history:
                epochs = np.arange(1, len(history[name]) + 1)
                axes.plot(epochs, history[name], marker, ls="-", ms=4, color=colour, label=label)
        axes.axvline(best_epoch, color=GRAY, ls=":", label=f"kept: epoch {best_epoch}", zorder=0)
        axes.set(title=title)
        axes.margins(y=0.12)  # room for the best epoch's value
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
    if rates:
        panels[2].plot(np.arange(1, len(rates) + 1), rates, "o-", ms=4, color=GREEN)
        panels[2].axvline(best_epoch, color=GRAY, ls=":", zorder=0)
        panels[2].set(title="Learning rate", ylim=(0, 1.08 * max(rates)))
        panels[2].ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
    for axes in panels:
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        plain_axes(axes)
    if note:
        figure.supxlabel(textwrap.fill(note, int(11 * figure.get_figwidth())), fontsize=10, color=GRAY)
    return figure


def confusion_matrix(confusion: np.ndarray, title: str = "", classes: Sequence[str] = EMOTIONS) -> Figure:
    """Draw a confusion matrix, row = true class: counts left, shares of each row right.

    A row without faces has no shares.
    """
    confusion = np.asarray(confusion)
    totals = confusion.sum(axis=1, keepdims=True)
    shares = confusion / np.maximum(totals, 1)
    side = max(1.0, len(classes) / len(EMOTIONS))
    figure = new_figure(11 * side, 5.2 * side)
    headline(figure, title)
    left, right = figure.subplots(1, 2, sharey=True)
    texts = [[str(count) if total else "" for count in row] for row, total in zip(confusion, totals)]
    _matrix(left, confusion, texts, max(confusion.max(), 1), classes)
    texts = [[f"{share:.0%}" if total else "" for share in row] for row, total in zip(shares, totals)]
    _matrix(right, shares, texts, 1.0, classes)
    for row in np.flatnonzero(totals == 0):
        for axes in (left, right):
            axes.text(
                (len(classes) - 1) / 2, row, "no faces", ha="center", va="center", color=GRAY, fontsize=9
            )
    left.set(title="faces", ylabel="true")
    right.set(title="share of the true emotion (the diagonal is its recall)")
    return figure


def class_bars(splits: Mapping[str, Split], title: str = "") -> Figure:
    """Draw how many faces each emotion has: a panel for each split, counts and shares beside the bars."""
    classes = next(iter(splits.values())).classes
    figure = new_figure(4.2 * len(splits) + 1.2, 0.42 * len(classes) + 1.3)
    headline(figure, title)
    panels = np.atleast_1d(figure.subplots(1, len(splits), sharey=True))
    for axes, (name, split) in zip(panels, splits.items()):
        counts = split.counts()
        bars = axes.barh(range(len(classes)), counts, color=BLUE)
        texts = [f"{count:,}  ({count / len(split):.1%})" if count else "no faces" for count in counts]
        axes.bar_label(bars, texts, padding=3, fontsize=12)
        axes.set_yticks(range(len(classes)), class_names(classes), parse_math=False, fontsize=13)
        axes.set_title(f"{name}: {len(split):,} face{'s' * (len(split) != 1)}", fontsize=13)
        axes.set(xlim=(0, 1.75 * counts.max()), xticks=[])
        plain_axes(axes)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(left=False)
    panels[0].invert_yaxis()  # the first class at the top
    return figure


def examples(split: Split, columns: int = 10, seed: int = 0, title: str = "") -> Figure:
    """Draw a contact sheet: for each emotion a row of ``columns`` faces, chosen at random."""
    generator = np.random.default_rng(seed)
    rows = [
        split.images[generator.permutation(np.flatnonzero(split.labels == k))[:columns]]
        for k in range(len(split.classes))
    ]
    return _contact_sheet(rows, columns, split.classes, title)


def augmented(originals: np.ndarray, changed: np.ndarray, names: Sequence[str], title: str = "") -> Figure:
    """Draw faces, each in a row with the ways in which it is changed in training.

    Args:
        originals: (N, H, W) uint8.
        changed: (N, M, H, W) uint8.
        names: the N names of their classes.
        title: written above.
    """
    rows = [np.concatenate([one[None], others]) for one, others in zip(originals, changed)]
    figure = _contact_sheet(rows, 1 + changed.shape[1], names, title)
    (axes,) = figure.axes
    side, step = originals.shape[2], originals.shape[2] + _GAP
    axes.set_xticks(
        [side / 2, step * (1 + changed.shape[1] / 2)], ["original", "changed at random"], fontsize=11
    )
    axes.axvline(side + (_GAP - 1) / 2, color=ORANGE, lw=2)
    return figure


def _contact_sheet(rows: Sequence[np.ndarray], columns: int, names: Sequence[str], title: str) -> Figure:
    """Draw rows of faces (at most ``columns``, H, W), each with its name; of one without faces it is said."""
    side = max(faces.shape[-1] for faces in rows)
    step = side + _GAP
    sheet = np.full((len(rows) * step - _GAP, columns * step - _GAP), 255, np.uint8)
    for k, faces in enumerate(rows):
        for column, one in enumerate(faces):
            sheet[k * step : k * step + side, column * step : column * step + side] = one
    # One and a half faces per inch: 48 pixels become 100 at 150 dots per inch.
    figure = new_figure(columns * 0.68 + 1.3, len(rows) * 0.68 + (0.5 if title else 0.2))
    axes = figure.subplots()
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255)
    for k in (k for k, faces in enumerate(rows) if not len(faces)):
        axes.text(4, k * step + side / 2, "no faces", va="center", color=GRAY, fontsize=10)
    places = [k * step + side / 2 for k in range(len(rows))]
    axes.set_yticks(places, class_names(names), fontsize=12, parse_math=False)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    headline(figure, title)
    return figure


def mean_faces(
    means: np.ndarray, overall: np.ndarray, title: str = "", classes: Sequence[str] = EMOTIONS
) -> Figure:
    """Draw the mean face of each emotion and, below, how it differs from the mean of all.

    Args:
        means: (classes, H, W), 0-255; NaN where a class has no faces.
        overall: (H, W), the mean of all faces.
        title: written above.
        classes: the names of the classes.
    """
    figure = new_figure(2.3 + 1.32 * len(classes), 3.6 if title else 3.3)
    headline(figure, title)
    differences = means - overall
    limit = max(np.nanmax(np.abs(differences)), 1)
    above, below = figure.subplots(2, len(classes))
    for k, emotion in enumerate(class_names(classes)):
        above[k].set_title(emotion, fontsize=11 if len(emotion) < 15 else 8, parse_math=False)
        above[k].imshow(means[k], cmap="gray", vmin=0, vmax=255)
        shown = below[k].imshow(differences[k], cmap="RdBu_r", vmin=-limit, vmax=limit)
        for axes in (above[k], below[k]):
            if np.isnan(means[k]).all():
                axes.text(0.5, 0.5, "no faces", ha="center", color=GRAY, transform=axes.transAxes)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
    above[0].set_ylabel("mean", fontsize=11)
    below[0].set_ylabel("mean − all", fontsize=11)
    figure.colorbar(
        shown, ax=[*above, *below], shrink=0.42, anchor=(0, 0.03), label="mean − all,\ngray values"
    )
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


def class_names(classes: Sequence[str]) -> list[str]:
    """Return the names of classes as a figure shows them: printable, and not too long."""
    return [printable(name, 20) for name in classes]


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure with a margin; the size is in inches."""
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))


def headline(figure: Figure, title: str) -> None:
    """Write a title above a figure, in lines that are not wider than the figure."""
    if title:
        text = textwrap.fill(printable(title, 300), int(11 * figure.get_figwidth()))
        # a $ in a file's name does not begin mathematics
        figure.suptitle(text, fontsize=11, parse_math=False)


def _matrix(
    axes: Axes, values: np.ndarray, texts: list[list[str]], top: float, classes: Sequence[str]
) -> None:
    axes.imshow(values, cmap="Blues", vmin=0, vmax=top)
    for row, texts_of_row in enumerate(texts):
        for column, text in enumerate(texts_of_row):
            dark = values[row, column] > 0.65 * top
            axes.text(
                column, row, text, ha="center", va="center", color="white" if dark else "black", fontsize=10
            )
    names, places = class_names(classes), range(len(classes))
    axes.set_xticks(places, names, rotation=40, ha="right", rotation_mode="anchor", parse_math=False)
    axes.set_yticks(places, names, parse_math=False)
    axes.set_xlabel("predicted")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def plain_axes(axes: Axes) -> None:
    """Remove the lines at the top and at the right."""
    axes.spines[["top", "right"]].set_visible(False)

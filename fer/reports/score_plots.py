"""Figures of an evaluation: how good each class is, how far its probabilities can be trusted, what the network sees."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fer.emotions import EMOTIONS
from fer.reports.measures import Report
from fer.reports.plots import BLUE, COLOURS, GRAY, ORANGE, PALE, class_names, headline, new_figure, plain_axes
from fer.reports.precision_recall import Curve

MOST_CURVES = 24  # panels; of more classes those with the most faces
MARKERS = "osD^vPX*<>hHp8d"
MIXED = 8  # parts that are drawn one after the other


def calibration(report: Report, title: str = "") -> Figure:
    """Draw accuracy over confidence, and how many faces have which confidence.

    On the dashed line both are equal; below it the confidence is too high. Each point is a group of at least
    LEAST_FACES faces, with Wilson's 95 % interval.
    """
    figure = new_figure(5.4, 6)
    headline(figure, title)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    groups = report.calibration.grouped()
    low, high = groups.intervals.T
    above.plot([0, 1], [0, 1], "--", color=GRAY, lw=1)
    spread = np.maximum([groups.accuracy - low, high - groups.accuracy], 0)
    above.errorbar(
        groups.confidence, groups.accuracy, spread, fmt="o-", color=BLUE, capsize=3, clip_on=False, zorder=3
    )
    error, chance = report.calibration.error, report.calibration.error_by_chance
    above.set(
        ylabel="accuracy, 95 % interval",
        xlim=(0, 1),
        ylim=(0, 1),
        title=f"expected calibration error {error:.1%}\n({chance:.1%} if the confidence is exactly right)",
    )
    above.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    above.grid(alpha=0.3)
    edges, counts = report.calibration.edges, report.calibration.counts
    below.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=BLUE, edgecolor="white", lw=0.5)
    below.set(ylabel="faces", xlabel="confidence: the probability of the emotion that was predicted")
    below.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    below.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    plain_axes(above)
    plain_axes(below)
    return figure


def scores(report: Report, title: str = "") -> Figure:
    """Draw the F1 of each class as a bar, its precision and recall as marks, and the mean as a line."""
    count = len(report.classes)
    figure = new_figure(7.5, 0.36 * count + 1.7)
    headline(figure, title)
    axes = figure.subplots()
    rows = report.scores.classes
    filled = [k for k, each in enumerate(rows) if each.support]
    axes.barh(filled, [rows[k].f1 for k in filled], color=PALE, height=0.7, label="F1")
    for k in filled:
        axes.text(0.01, k, f"{rows[k].f1:.2f}", va="center", fontsize=11)
    for name, marker, colour in (("precision", "o", BLUE), ("recall", "D", ORANGE)):
        values = [getattr(rows[k], name) for k in filled]
        axes.plot(
            values, filled, marker, color=colour, ms=7, mec="white", label=name, clip_on=False, zorder=3
        )
    axes.axvline(
        report.scores.macro.f1, color=GRAY, ls=":", label=f"mean F1 {report.scores.macro.f1:.2f}", zorder=0
    )
    _say_empty(axes, [k for k in range(count) if not rows[k].support])
    names = [f"{name} ({row.support:,})" for name, row in zip(class_names(report.classes), rows)]
    axes.set_yticks(range(count), names, fontsize=11, parse_math=False)
    axes.set(xlim=(0, 1), ylim=(count - 0.4, -0.6))
    axes.tick_params(left=False)
    plain_axes(axes)
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    return figure


def precision_recall(report: Report, title: str = "") -> Figure:
    """Draw precision over recall, a panel for each class, in which the others are gray.

    The dotted line is the class's share of the faces, the precision of answers by chance.
    """
    order = sorted(range(len(report.classes)), key=lambda k: -report.scores.classes[k].support)[:MOST_CURVES]
    drawn = sorted(order)
    columns = min(4, len(drawn))
    rows = -(-len(drawn) // columns)
    figure = new_figure(2.35 * columns + 0.5, 2.25 * rows + 0.8)
    left_out = len(report.classes) - len(drawn)
    headline(figure, title + (f"; {left_out} classes with fewer faces are not drawn" if left_out else ""))
    panels = np.atleast_1d(figure.subplots(rows, columns, sharex=True, sharey=True)).ravel()
    curves = {k: report.curves[k] for k in drawn}
    names = class_names(report.classes)
    for axes, k in zip(panels, drawn):
        own = curves[k]
        for other in curves.values():
            if other is not None and other is not own and own is not None:
                axes.plot(*_steps(other), color=PALE, lw=0.6, drawstyle="steps-pre")
        words = "no faces" if own is None else f"AP {own.average_precision:.2f}"
        axes.set_title(f"{names[k]}: {words}", fontsize=10, parse_math=False)
        if own is None:
            axes.text(0.5, 0.5, "no faces", ha="center", color=GRAY, transform=axes.transAxes)
        else:
            axes.plot(*_steps(own), color=BLUE, lw=2, drawstyle="steps-pre", clip_on=False)
            axes.axhline(own.share, color=GRAY, ls=":", lw=1)
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        axes.grid(alpha=0.3)
        plain_axes(axes)
    for axes in panels[len(drawn) :]:
        axes.set_axis_off()
    for axes in panels[max(len(drawn) - columns, 0) : len(drawn)]:
        axes.tick_params(labelbottom=True)  # also where no panel is below
    figure.supxlabel("recall", fontsize=11)
    figure.supylabel("precision", fontsize=11)
    return figure


def feature_map(
    maps: dict[str, np.ndarray], labels: np.ndarray, classes: Sequence[str] = EMOTIONS, title: str = ""
) -> Figure:
    """Draw faces as points, with the colour and the mark of their true class; a large mark is the median of a class.

    Args:
        maps: what the axes are -> coordinates (N, 2); a panel for each.
        labels: the N true classes.
        classes: their names.
        title: written above.
    """
    figure = new_figure(6 * len(maps) + 2, 6)
    headline(figure, title)
    styles: list[dict[str, Any]] = [
        {"color": COLOURS[k % len(COLOURS)], "marker": MARKERS[(k // len(COLOURS) + k) % len(MARKERS)]}
        for k in range(len(classes))
    ]
    counts = np.bincount(labels, minlength=len(classes))
    order = np.random.default_rng(0).permutation(len(labels))
    for axes, (what, points) in zip(np.atleast_1d(figure.subplots(1, len(maps))), maps.items()):
        for part in np.array_split(order, MIXED):  # so that no class lies on top of the others
            for k in np.unique(labels[part]):
                axes.scatter(*points[part[labels[part] == k]].T, s=14, lw=0, alpha=0.5, **styles[k])
        for k in np.flatnonzero(counts):
            middle = np.median(points[labels == k], axis=0)
            axes.scatter(*middle, s=170, ec="white", lw=1.5, zorder=3, **styles[k])
        axes.set_title(what, fontsize=11)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color(PALE)
    names = [
        name.replace("$", r"\$") + ("" if count else " (no faces)")
        for name, count in zip(class_names(classes), counts)
    ]
    handles = [Line2D([], [], ls="", ms=9, **style) for style in styles]
    figure.legend(handles, names, loc="outside right center", frameon=False, fontsize=11)
    return figure


def _steps(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of steps whose area is the average precision."""
    return np.insert(curve.recall, 0, 0.0), np.insert(curve.precision, 0, curve.precision[0])


def _say_empty(axes: Axes, places: Sequence[int]) -> None:
    for place in places:
        axes.text(0.01, place, "no faces", va="center", color=GRAY, fontsize=10)

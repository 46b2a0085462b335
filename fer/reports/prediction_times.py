"""The emotions of the faces in a video over time."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from fer.emotions import EMOTIONS
from fer.reports.plots import headline, new_figure, plain_axes

MOST = 6  # faces
# Okabe and Ito's colours, in the order of EMOTIONS; more classes begin again
COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#0072B2", "#56B4E9", "#888888")


def over_time(
    tracks: Mapping[int, Sequence[tuple[float, Sequence[float]]]],
    title: str = "",
    step: float = 0.04,
    classes: Sequence[str] = EMOTIONS,
) -> Figure:
    """Draw the probabilities of each face over time as stacked areas; of the MOST faces that are seen longest.

    Args:
        tracks: number -> (second, a probability for each class) of each frame.
        title: written above.
        step: seconds from frame to frame. Where the face was not seen for several of them, the figure is white.
        classes: their names.
    """
    longest = sorted(sorted(tracks, key=lambda track: -len(tracks[track]))[:MOST])
    figure = new_figure(9, 0.9 + 1.7 * max(len(longest), 1))
    if len(longest) < len(tracks):
        title += f"; {len(longest)} of {len(tracks)} faces, those seen longest"
    headline(figure, title)
    panels = figure.subplots(max(len(longest), 1), 1, sharex=True, squeeze=False)[:, 0]
    for axes, track in zip(panels, longest):
        seconds = np.array([second for second, _ in tracks[track]])
        shares = np.array([values for _, values in tracks[track]])
        if len(seconds) == 1:  # one frame: a band as wide as a frame
            seconds, shares = np.array([seconds[0], seconds[0] + step]), np.repeat(shares, 2, axis=0)
        for part in np.split(
            np.arange(len(seconds)), np.flatnonzero(np.diff(seconds) > max(1.0, 2.5 * step)) + 1
        ):
            axes.stackplot(seconds[part], shares[part].T, colors=COLOURS, labels=classes, lw=0)
        axes.set(ylim=(0, 1), ylabel=f"face {track}", yticks=[0, 0.5, 1])
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.margins(x=0)
        plain_axes(axes)
    if longest:
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(
            handles[: len(classes)],
            names[: len(classes)],
            loc="outside right center",
            frameon=False,
            reverse=True,
        )
    else:
        panels[0].text(0.5, 0.5, "no face was found", ha="center", transform=panels[0].transAxes)
        panels[0].set(yticks=[])
    panels[-1].set_xlabel("seconds")
    return figure

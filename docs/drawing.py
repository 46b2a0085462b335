"""How figures of numbers are drawn: cells in the colours of the explain page, in rows or as a graph.

Values (activations, weights) are purple, black, white; gradients are blue, paper, orange. The colours are read from
the page's own palette, so figures and page cannot differ. The background is opaque paper, so that a figure can be
read on a dark page too.
"""

import json
import re
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

PALETTE = Path(__file__).parent.parent / "minicnn" / "explain" / "web" / "view" / "palette.js"
PAPER, INK, QUIET, ACCENT, LINE = "#faf9f6", "#1d1f24", "#686c75", "#00806d", "#c9c5bb"  # as style.css
LETTER = 0.22  # the width of a letter, in cells
VALUE, GRADIENT, NEGATIVE = "#565b66", "#d9761a", "#2f6fb0"  # lines and bars: as BARS of palette.js
INCHES = 0.42  # of a cell


def _stops():
    """Return the palette's colours from zero outwards: {"value" or "light": {"negative", "positive": (4, 3)}}."""
    text = re.search(r"const STOPS = (\{.*?\n\});", PALETTE.read_text(encoding="utf-8"), re.DOTALL)[1]
    text = re.sub(r",(\s*[\]}])", r"\1", re.sub(r"(\w+):", r'"\1":', text))
    return json.loads(text)


STOPS = _stops()
EXPONENT = float(re.search(r"const EXPONENT = ([\d.]+)", PALETTE.read_text(encoding="utf-8"))[1])


def colours(values, family, most=None):
    """Return the colours (…, 3) of numbers (…), from 0 to 1; ``most`` has the strongest one, NaN is white."""
    stops = STOPS["light" if family == "gradient" else "value"]
    scale = np.concatenate([stops["negative"][:0:-1], stops["positive"]]) / 255  # (7, 3)
    values, nothing = np.nan_to_num(np.asarray(values, float)), np.isnan(values)
    size = np.minimum(np.abs(values) / (most or np.abs(values).max() or 1), 1) ** EXPONENT
    places = np.sign(values) * size
    paint = np.stack([np.interp(places, np.linspace(-1, 1, 7), channel) for channel in scale.T], axis=-1)
    return np.where(nothing[..., None], 1, paint)


def curves(rows, columns, size, **options):
    """Return a figure with axes for curves, and the axes."""
    figure = Figure(figsize=size, layout="constrained", facecolor=PAPER)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for axis in axes.flat:
        axis.set_facecolor(PAPER)
        axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        axis.axvline(0, color="0.8", linewidth=0.8, zorder=0)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, axes


def value(numbers, title="", marks=(), most=None):
    """Return an array of values for :func:`sheet`; ``marks``: (row, column, height, width) of frames."""
    return np.atleast_2d(np.asarray(numbers, float)), title, "value", marks, most


def gradient(numbers, title="", marks=(), most=None):
    """Return an array of gradients for :func:`sheet`."""
    return np.atleast_2d(np.asarray(numbers, float)), title, "gradient", marks, most


def sheet(*rows):
    """Draw rows of arrays. A row is (heading, item, …); an item is a :func:`value`, a :func:`gradient` or a text."""
    widths = [sum(map(_width, items)) for _, *items in rows]
    heights = [max(len(item[0]) for item in items if not isinstance(item, str)) for _, *items in rows]
    axis = _board(max(widths) + 0.4, sum(heights) + 2.1 * len(rows))
    top = 0.4
    for (heading, *items), height in zip(rows, heights):
        axis.text(0.2, top, heading, fontsize=10.5, color=INK, va="center")
        left, middle = 0.2, top + 1.25 + height / 2
        for item in items:
            if isinstance(item, str):
                axis.text(
                    left + _width(item) / 2, middle, item, fontsize=10.5, color=INK, ha="center", va="center"
                )
            else:
                _grid(axis, left, middle - len(item[0]) / 2, *item)
            left += _width(item)
        top += height + 2.1
    return axis.figure


def graph(nodes, edges):
    """Draw a graph of numbers: ``nodes`` name -> (x, y, value, gradient), ``edges`` as "a>s b>s".

    The name of a node is a word, or begins with one: "s = a + b" is s.

    A node has its value on the left and its gradient on the right. Of each kind, the largest has the strongest colour.
    """
    across = 1 + max(x for x, *_ in nodes.values())
    down = 1 + max(y for _, y, *_ in nodes.values())
    axis = _board(3.2 * across, 1.75 * down + 1.2)
    most = [max(abs(node[k]) for node in nodes.values()) for k in (2, 3)]
    centre = {name.split()[0]: (3.2 * x + 1.6, 1.75 * y + 1.15) for name, (x, y, *_) in nodes.items()}
    for edge in edges.split():
        (x0, y0), (x1, y1) = (centre[name] for name in edge.split(">"))
        arrow = {"arrowstyle": "->", "color": QUIET, "shrinkA": 0, "shrinkB": 0}
        axis.annotate("", (x1 - 1.15, y1), (x0 + 1.15, y0), arrowprops=arrow)
    for name, (_, _, forward, backward) in nodes.items():
        x, y = centre[name.split()[0]]
        axis.text(x, y - 0.75, name, fontsize=10, color=INK, ha="center", va="center")
        _grid(axis, x - 1.1, y - 0.5, [[forward]], "", "value", (), most[0], 1.1)
        _grid(axis, x, y - 0.5, [[backward]], "", "gradient", (), most[1], 1.1)
    legend = "left: the value, computed from left to right\nright: its gradient, from right to left"
    axis.text(0.5, 1.75 * down + 0.6, legend, fontsize=9, color=QUIET, va="center")
    return axis.figure


def _board(width, height):
    """Return an empty axis whose unit is a cell; y goes down."""
    figure = Figure(figsize=(INCHES * width, INCHES * height), facecolor=PAPER)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, width), ylim=(height, 0))
    axis.axis("off")
    return axis


def _width(item):
    """Return how many cells an item of a sheet takes, with the space after it."""
    if isinstance(item, str):
        return 0.6 + LETTER * len(item)
    numbers, title, *_ = item
    return max(numbers.shape[1] * _cell(numbers), 0.87 * LETTER * len(title)) + 0.3


def _written(number):
    return f"{number + 0:.{4 if abs(number) >= 1000 else 3}g}".replace("-", "−")


def _cell(numbers):
    """Return the width of a cell, so that the longest number fits."""
    return max(1.0, 0.2 * max(len(_written(each)) for each in numbers.flat) + 0.15)


def _grid(axis, left, top, numbers, title, family, marks, most, width=0.0):
    """Draw numbers as cells; NaN is no cell."""
    width = width or _cell(numbers)
    paint = colours(numbers, family, most)
    bright = paint @ [0.299, 0.587, 0.114] > 140 / 255
    axis.text(
        left, top - 0.3, title, fontsize=9, color=GRADIENT if family == "gradient" else INK, va="center"
    )
    for (i, j), number in np.ndenumerate(numbers):
        if np.isnan(number):
            continue
        at = (left + j * width, top + i)
        axis.add_patch(Rectangle(at, width, 1, facecolor=paint[i, j], edgecolor=LINE, linewidth=0.8))
        ink = "#15171c" if bright[i, j] else "white"
        axis.text(
            at[0] + width / 2, at[1] + 0.5, _written(number), fontsize=9, color=ink, ha="center", va="center"
        )
    for row, column, height, across in marks:
        place = (left + column * width, top + row)
        axis.add_patch(
            Rectangle(place, across * width, height, fill=False, edgecolor=ACCENT, linewidth=2.2, zorder=5)
        )

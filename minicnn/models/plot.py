"""A model as a drawing: a box for each layer, an arrow for each value from one to another, top to bottom.

The positions of the boxes (Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical
system structures", 1981) are found in four steps, one function each:

    rows        a layer is below all layers that it gets its inputs from
    bends       an arrow that crosses rows gets a position in each of them, so that it goes around the boxes there
    order       in each row, from left to right by the positions of the neighbours above and below: fewer arrows cross
    positions   then x, as close as possible to that of these neighbours
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from minicnn._base.drawing import Drawing
from minicnn.layers.symbol import Symbol

# inches: between boxes, around all, of a line and of a letter
GAP, MARGIN, LINE, LETTER = 0.3, 0.2, 0.17, 0.082
LEARNS, JOINS, PLAIN, EDGE = "#d6e6f4", "#fde0c2", "#f4f4f4", "#444444"
SWEEPS = 12
MOST_PIXELS = 60_000  # on a side; the renderer cannot draw more


class Box:
    """A position in a row: a layer, or a bend of an arrow that crosses the row."""

    def __init__(self, row: int, lines: Sequence[str] = (), colour: str = PLAIN) -> None:
        self.row, self.lines, self.colour = row, lines, colour
        self.width = max(map(len, lines)) * LETTER + 0.2 if lines else 0.0
        self.height = len(lines) * LINE + 0.12
        self.above: list[Box] = []
        self.below: list[Box] = []
        self.x = 0.0


def diagram(model: Any, lines_of: Any) -> Drawing:
    """Draw a built model.

    Args:
        model: a Sequential or a Model.
        lines_of: called with each symbol, returns the lines of text in its layer's box.
    """
    boxes = _rows(model.symbols, lines_of)
    arrows = _bends(boxes)
    rows: list[list[Box]] = [[] for _ in range(1 + max(box.row for box in boxes))]
    for box in [*boxes, *(bend for arrow in arrows for bend in arrow[1:-1])]:
        rows[box.row].append(box)
    _order(rows)
    _positions(rows)
    return _drawn(rows, boxes, arrows)


def _rows(symbols: list[Symbol], lines_of: Any) -> list[Box]:
    made: dict[Symbol, Box] = {}
    for symbol in symbols:
        row = 1 + max((made[each].row for each in symbol.inputs), default=-1)
        colour = JOINS if len(symbol.inputs) > 1 else LEARNS if symbol.layer.weights else PLAIN
        made[symbol] = Box(row, lines_of(symbol), colour)
        made[symbol].above = [made[each] for each in symbol.inputs]
    return list(made.values())


def _bends(boxes: list[Box]) -> list[list[Box]]:
    """Return each arrow as the boxes that it goes through, and set the neighbours of each box."""
    arrows = [
        [source, *(Box(row) for row in range(source.row + 1, box.row)), box]
        for box in boxes
        for source in box.above
    ]
    for box in boxes:
        box.above = []
    for arrow in arrows:
        for upper, lower in pairwise(arrow):
            upper.below.append(lower)
            lower.above.append(upper)
    return arrows


def _order(rows: list[list[Box]]) -> None:
    for row in rows:
        for number, box in enumerate(row):
            box.x = number
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            row.sort(key=lambda box: _mean(box, above=sweep % 2 == 0))
            for number, box in enumerate(row):
                box.x = number - len(row) / 2


def _mean(box: Box, above: bool) -> float:
    neighbours = box.above if above else box.below
    return float(np.mean([each.x for each in neighbours])) if neighbours else box.x


def _positions(rows: list[list[Box]]) -> None:
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = [_mean(box, above=sweep % 2 == 0) for box in row]
            # distances between the middles of neighbours; without them, x would only have to rise
            steps = [(a.width + b.width) / 2 + GAP for a, b in pairwise(row)]
            offsets = np.concatenate([[0.0], np.cumsum(steps)])
            for box, x in zip(row, _rising(np.array(wanted) - offsets) + offsets):
                box.x = float(x)


def _rising(values: np.ndarray) -> np.ndarray:
    """Return the closest non-decreasing numbers: neighbours in the wrong order both get their mean."""
    groups: list[list[float]] = []
    for value in values:
        groups.append([value])
        while len(groups) > 1 and np.mean(groups[-2]) > np.mean(groups[-1]):
            last = groups.pop()
            groups[-1] += last
    return np.concatenate([[np.mean(group)] * len(group) for group in groups])


def _drawn(rows: list[list[Box]], boxes: list[Box], arrows: list[list[Box]]) -> Drawing:
    heights = [max(box.height for box in row) for row in rows]
    tops = np.concatenate([[0.0], np.cumsum([-height - GAP for height in heights])])
    left = min(box.x - box.width / 2 for row in rows for box in row) - MARGIN
    right = max(box.x + box.width / 2 for row in rows for box in row) + MARGIN
    bottom = tops[-1] + GAP - MARGIN
    figure = Drawing(figsize=(right - left, MARGIN - bottom))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(left, right), ylim=(bottom, MARGIN))
    axes.axis("off")
    for box in boxes:
        middle = tops[box.row] - heights[box.row] / 2
        corner = box.x - box.width / 2 + 0.05, middle - box.height / 2 + 0.05
        style: Any = {
            "boxstyle": "round,pad=0.05",
            "facecolor": box.colour,
            "edgecolor": EDGE,
            "linewidth": 0.8,
        }
        axes.add_patch(FancyBboxPatch(corner, box.width - 0.1, box.height - 0.1, **style))
        for number, line in enumerate(box.lines):
            y = middle + (len(box.lines) / 2 - number - 0.5) * LINE
            weight = "bold" if number == 0 else "normal"
            axes.text(
                box.x, y, line, ha="center", va="center_baseline", fontsize=8, weight=weight, parse_math=False
            )
    for arrow in arrows:
        axes.add_patch(_curve(arrow, tops, heights))
    return figure


def _curve(arrow: list[Box], tops: np.ndarray, heights: list[float]) -> FancyArrowPatch:
    """An arrow through its bends: straight down in their rows, an S between two rows."""
    first, last = arrow[0], arrow[-1]
    y = tops[first.row] - (heights[first.row] + first.height) / 2
    points, codes = [(first.x, y)], [Path.MOVETO]
    for upper, lower in pairwise(arrow):
        end = tops[lower.row]
        if lower is last:
            end -= (heights[lower.row] - lower.height) / 2
        middle = (y + end) / 2
        points += [(upper.x, middle), (lower.x, middle), (lower.x, end)]
        codes += [Path.CURVE4] * 3
        y = end
        if lower is not last:
            y -= heights[lower.row]
            points.append((lower.x, y))
            codes.append(Path.LINETO)
    style: Any = {
        "arrowstyle": "-|>",
        "mutation_scale": 8,
        "color": EDGE,
        "linewidth": 0.9,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    return FancyArrowPatch(path=Path(points, codes), **style)

"""A report as HTML, for a notebook: the table, a map of each wrong gradient, the causes.

It has no style sheet and no script, only inline styles, in colors that can be read on light and on dark pages.
"""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from minicnn.gradient_check.gradient import Gradient, remarks

RIGHT, WRONG, UNKNOWN = "#2e9e5b", "#e0483e", "#9a9a9a"
MOST_CELLS = 4_096  # of a map; more entries share cells
WIDEST = 480  # pixels
CELL = 14
GAP = 6  # between two maps


def page(
    title: str, passed: bool, verdict: str, how: str, texts: Sequence[str], gradients: Mapping[str, Gradient]
) -> str:
    """Return a report as a piece of HTML; its parts as the attributes of a Report."""
    color = RIGHT if passed else WRONG
    method = f" <small>({escape(how)})</small>" if how else ""
    parts = [
        f'<div><p><b style="color:{color}">{escape(title)}: {escape(verdict)}</b>{method}</p>',
        *(f"<p>{escape(text)}</p>" for text in texts),
    ]
    if gradients:
        heads = "".join(
            f"<th>{head}</th>" for head in ("", "error", "", "compared", "worst at", "analytic", "numeric")
        )
        rows = "".join(_row(gradient) for gradient in gradients.values())
        parts.append(f"<table cellpadding='4'><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")
    for gradient in gradients.values():
        lines = "".join(f"<p>{escape(line)}</p>" for line in remarks(gradient))
        drawn = not gradient.passed and gradient.fits and gradient.numeric.size
        if lines or drawn:
            picture = entry_map(gradient) if drawn else ""
            parts.append(f"<p><b>{escape(gradient.name)}</b></p>{lines}{picture}")
    return "".join(parts) + "</div>"


def colored(report: object, passed: bool) -> str:
    """Return a report that is a few lines of text as a piece of HTML, its first line in the color of the verdict."""
    first, *rest = str(report).split("\n")
    color = RIGHT if passed else WRONG
    lines = "\n".join(map(escape, rest))
    head = f'<p><b style="color:{color}">{escape(first)}</b></p>'
    return f'<div>{head}<pre style="white-space: pre-wrap">{lines}</pre></div>'


def _row(gradient: Gradient) -> str:
    color = {"ok": RIGHT, "FAIL": WRONG}.get(gradient.mark, UNKNOWN)
    cells = "".join(f"<td>{escape(text)}</td>" for text in gradient.cells())
    return (
        f"<tr><th>{escape(gradient.name)}</th><td>{gradient.shown_error}</td>"
        f'<td><b style="color:{color}">{gradient.mark}</b></td>{cells}</tr>'
    )


def entry_map(gradient: Gradient) -> str:
    """Return a picture (SVG) of which entries are right, wrong and not compared.

    Rows and columns are the last two axes; each index of the other axes has a map of its own, side by side as
    far as there is room. If there are too many entries, a cell stands for several and has the color of the worst,
    and the maps follow each other downwards.
    """
    states = np.where(gradient.checked, np.where(gradient.errors <= gradient.bound, 1, 2), 0)
    for kink in gradient.kinks:
        if kink.valid:
            states[kink.entry] = 1
    columns = states.shape[-1] if states.ndim else 1
    rows = states.shape[-2] if states.ndim > 1 else 1
    table = states.reshape(-1, columns)
    step_down, step_right = (1, 1)
    while -(-table.shape[0] // step_down) * -(-columns // step_right) > MOST_CELLS:
        if table.shape[0] // step_down > columns // step_right:
            step_down += 1
        else:
            step_right += 1
    cell = max(2, min(CELL, WIDEST // -(-columns // step_right)))
    width = -(-columns // step_right) * cell
    maps = len(table) // rows if step_down == 1 else 1
    beside = min(maps, max(1, (WIDEST + GAP) // (width + GAP)))
    cells, bottom = [], 0
    for top in range(0, table.shape[0], step_down):
        plane, row = divmod(top, rows) if step_down == 1 else (0, top // step_down)
        y = row * cell + plane // beside * (rows * cell + GAP)
        bottom = max(bottom, y + cell)
        for left in range(0, columns, step_right):
            state = int(table[top : top + step_down, left : left + step_right].max())
            place = ", ".join(map(str, np.unravel_index(top * columns + left, states.shape)))
            x = left // step_right * cell + plane % beside * (width + GAP)
            cells.append(
                f'<rect x="{x}" y="{y}" width="{cell - 1}" height="{cell - 1}" fill="{COLORS[state]}">'
                f"<title>[{place}] {STATES[state]}</title></rect>"
            )
    legend = ", ".join(
        f'<span style="color:{COLORS[i]}">■</span> {STATES[i]}' for i in np.unique(states).tolist()
    )
    axes = f"rows: axis {states.ndim - 2}, columns: axis {states.ndim - 1}" if states.ndim > 1 else "axis 0"
    if states.ndim > 2:
        axes += f"; a map for each index of the axes before {states.ndim - 2}"
    return (
        f'<svg role="img" aria-label="map of the entries of {escape(gradient.name, quote=True)}" '
        f'width="{beside * (width + GAP)}" height="{bottom}" xmlns="http://www.w3.org/2000/svg">{"".join(cells)}</svg>'
        f"<p><small>{legend}; {axes}</small></p>"
    )


STATES = ("not compared", "right", "wrong")
COLORS = (UNKNOWN, RIGHT, WRONG)

"""What a notebook shows: pieces of HTML without a style sheet or a script, in the notebook's own colors.

So they can be read on light and on dark pages. Texts are escaped: names of layers and metrics come from users.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

MOST_ROWS = 24  # of a table that grows with time


def table(
    head: Sequence[str], rows: Iterable[Sequence[object]], title: str = "", below: Sequence[str] = ()
) -> str:
    """Return a table; the first cell of each row is its head, the other cells are aligned at their right.

    Args:
        head: of the columns.
        rows: of texts and numbers; a number is shown with four digits.
        title: above it.
        below: lines below it.
    """
    heads = "".join(_cell("th", text, n) for n, text in enumerate(head))
    lines = "".join(
        f"<tr>{''.join(_cell('td' if n else 'th', each, n) for n, each in enumerate(row))}</tr>"
        for row in rows
    )
    parts = [f"<p><b>{_escaped(title)}</b></p>"] if title else []
    parts.append(f"<table cellpadding='4'><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>")
    return "".join(chain(["<div>"], parts, (f"<p>{_escaped(line)}</p>" for line in below), ["</div>"]))


def shortened(rows: Sequence[Sequence[object]], most: int = MOST_ROWS) -> list[Sequence[object]]:
    """Return the rows; of too many the first and the last ones, with a row of dots between them."""
    if len(rows) <= most:
        return list(rows)
    half = (most - 1) // 2
    return [*rows[:half], ["…"] * len(rows[0]), *rows[len(rows) - half :]]


def frame(page: str, height: int = 820) -> str:
    """Return a page of its own, such as that of ``minicnn.explain``, as a frame; it cannot reach the notebook."""
    return (
        f'<iframe srcdoc="{_escaped(page)}" sandbox="allow-scripts allow-popups" width="100%" '
        f'height="{height}" style="border: 1px solid #8888"></iframe>'
    )


def _escaped(text: str) -> str:
    from html import escape  # when something is shown

    return escape(text)


def _cell(tag: str, value: object, column: int) -> str:
    shown = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f'<{tag} style="text-align: {"right" if column else "left"}">{_escaped(shown)}</{tag}>'

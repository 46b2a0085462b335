"""Figures that a notebook shows, also if pyplot was never imported."""

import io
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


class Drawing(Figure):
    """A matplotlib figure; a notebook shows it as SVG, on white."""

    def svg(self) -> str:
        """Return it as SVG, which is what a notebook shows."""
        content = io.StringIO()
        self.savefig(content, format="svg", facecolor="white", metadata={"Date": None})
        # not wider than the page
        return content.getvalue().replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)

    _repr_svg_ = svg


class DrawnFile(type(Path())):  # type: ignore[misc]  # PosixPath or WindowsPath
    """The path of a file with a drawing; a notebook shows the drawing."""

    drawing: Drawing | None = None

    @classmethod
    def of(cls, path: Path, drawing: Drawing) -> "DrawnFile":
        """Return the path, with what was drawn there."""
        made: Any = cls(path)
        made.drawing = drawing
        return made

    def _repr_svg_(self) -> str | None:
        return None if self.drawing is None else self.drawing.svg()

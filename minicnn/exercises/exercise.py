"""One exercise: a module of ladder/, which is its text, its solution and its rungs in one file.

The student's file is made of that module: its docstring, and its public functions and classes. What begins with
``# your code: dx, dW`` and ends before the next such line, or before ``return``, is the solution, and becomes

    dx = None  # your code
    dW = None  # your code

For images a line has its form for the layout (N, C, H, W) behind it: ``… # nchw: h, w = x.shape[2:]``. In texts and
hints, ``{for nhwc|for nchw}`` has both.
"""

import ast
import functools
import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from minicnn.exercises.rungs import Rung

LAYOUTS = ("nhwc", "nchw")
MARK = "# your code"
_SHAPES = {
    "(N, H, W, C)": "(N, C, H, W)",
    "(N, OH, OW, C)": "(N, C, OH, OW)",
    "(N, OH, OW, K)": "(N, K, OH, OW)",
    "(kh, kw, C, K)": "(K, C, kh, kw)",
    "(3, 3, C, K)": "(K, C, 3, 3)",
    "(N, H - 2, W - 2, K)": "(N, K, H - 2, W - 2)",
    "(32, 24, 24, 16)": "(32, 16, 24, 24)",
    "kh·kw·C": "C·kh·kw",
}


@dataclass(frozen=True)
class Exercise:
    """An exercise.

    Attributes:
        name: of its file, such as "conv2d".
        module: the module of ladder/; it sets PAGE, and may set SECONDS, LIBRARY (its file imports minicnn)
            and NUMBA.
        rungs: what is checked, in this order.
    """

    name: str
    module: ModuleType
    rungs: Sequence[Rung]

    @property
    def title(self) -> str:
        """What it is about, in one line."""
        return (self.module.__doc__ or "").partition("\n")[0].rstrip(".")

    @property
    def page(self) -> str:
        """The page that derives it."""
        return self.module.PAGE

    @property
    def seconds(self) -> float:
        """How long a check may take."""
        return getattr(self.module, "SECONDS", 20.0)

    @property
    def uses_numba(self) -> bool:
        """Whether a solution may be compiled, which needs more than NumPy does."""
        return getattr(self.module, "NUMBA", False)

    @property
    def has_layouts(self) -> bool:
        """Whether it is about images, so that the layout matters."""
        return "# nchw" in inspect.getsource(self.module)

    def text(self, layout: str = "nhwc") -> str:
        """Return what there is to do."""
        return in_layout(inspect.cleandoc(self.module.__doc__ or ""), layout)

    def head(self, layout: str) -> str:
        """Return the lines above the functions: imports, and the layout where it matters."""
        lines = ["import numpy as np", *getattr(self.module, "LIBRARY", ())]
        lines += ["", f'LAYOUT = "{layout}"'] if self.has_layouts else []
        return "\n".join(lines)

    def parts(self, layout: str, solved: bool) -> list[str]:
        """Return the source of each function and class."""
        source = inspect.getsource(self.module)
        nodes = [
            node
            for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        ]
        texts = [ast.get_source_segment(source, node) or "" for node in nodes]
        return [_in_layout(text if solved else _without_solution(text), layout) for text in texts]

    def file(self, layout: str = "nhwc", solved: bool = False) -> str:
        """Return the student's file, or with ``solved`` the solution."""
        parts = "\n\n\n".join([self.head(layout), *self.parts(layout, solved)])
        return f'"""{self.text(layout)}\n"""\n\n{_marks_removed(parts) if solved else parts}\n'

    @functools.lru_cache(maxsize=64)  # noqa: B019, there are as many exercises as modules
    def right(self, layout: str) -> dict[str, Any]:
        """Return the solution's functions by name."""
        names: dict[str, Any] = {"__name__": f"solution_{self.name}"}
        exec(compile(self.file(layout, solved=True), f"<solution of {self.name}>", "exec"), names)
        return names


def in_layout(text: str, layout: str) -> str:
    """Return a text or a hint for this layout."""
    text = re.sub(r"\{([^{}|]*)\|([^{}|]*)\}", r"\2" if layout == "nchw" else r"\1", text)
    return _in_layout(text, layout)


def _in_layout(text: str, layout: str) -> str:
    """Choose of each line with two forms one; write shapes in this layout."""
    if layout == "nchw":
        text = re.sub(r"(?m)^( *)\S.*?  # nchw: (.*)$", r"\1\2", text)
        for nhwc, nchw in _SHAPES.items():
            text = text.replace(nhwc, nchw)
    return re.sub(r"(?m)  # nchw: .*$", "", text)


def _without_solution(text: str) -> str:
    lines, skipping = [], False
    for line in text.splitlines():
        start = re.match(rf"( *){MARK}: (.*)", line)
        if start:
            skipping = True
            lines += [f"{start[1]}{name} = None  {MARK}" for name in start[2].split(", ")]
        elif skipping and re.match(r" *return\b", line):
            skipping = False
        if not skipping:
            lines.append(line)
    return "\n".join(lines)


def _marks_removed(text: str) -> str:
    return re.sub(rf"(?m)^ *{MARK}: .*\n", "", text)

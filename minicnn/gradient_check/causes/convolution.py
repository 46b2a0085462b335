"""A convolution, recognized by its values (layout, stride, padding, dilation); and slips of its indices.

    y[i, j] = Σ x[i·s + a·d − p, j·s + b·d − p]·w[a, b]          s the stride, d the dilation, p the padding

Both gradients use the same indices: dx adds dy·w where x was read, dw adds dy·x. A slip is another s, d or p.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence, Unanswered
from minicnn.gradient_check.causes.layout import LAYOUTS, UNROTATED


@dataclass(frozen=True)
class Steps:
    """Where a convolution reads along one axis: x[i·stride + a·dilation − padding]."""

    stride: int
    dilation: int
    padding: int

    def index(self, outputs: int, size: int) -> np.ndarray:
        """Return the index read for output i and kernel entry a, (outputs, size)."""
        i, a = np.arange(outputs)[:, None], np.arange(size)
        return i * self.stride + a * self.dilation - self.padding


@dataclass(frozen=True)
class Convolution:
    """What was recognized. x (N, C, H, W), w (O, C, kh, kw), dy (N, O, H′, W′): letters as NCHW and OIHW."""

    x: np.ndarray
    w: np.ndarray
    dy: np.ndarray
    rows: Steps
    columns: Steps
    letters: tuple[str, str]

    def _where(self) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        r = self.rows.index(self.dy.shape[2], self.w.shape[2])[:, None, :, None]
        c = self.columns.index(self.dy.shape[3], self.w.shape[3])[None, :, None, :]
        height, width = self.x.shape[2:]
        inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
        return (r.clip(0, height - 1), c.clip(0, width - 1)), inside

    def forward(self) -> np.ndarray:
        """Return y without a bias."""
        return np.einsum("ncijab,ocab->noij", self._read(), self.w)

    def _read(self) -> np.ndarray:
        (r, c), inside = self._where()
        return self.x[:, :, r, c] * inside

    def dw(self) -> np.ndarray:
        """Return the kernel's gradient."""
        return np.einsum("noij,ncijab->ocab", self.dy, self._read())

    def dx(self) -> np.ndarray:
        """Return the gradient of x."""
        (r, c), inside = self._where()
        terms = np.einsum("noij,ocab->ncijab", self.dy, self.w) * inside
        dx = np.zeros(self.x.shape)
        place: Any = (slice(None), slice(None), r, c)
        np.add.at(dx, place, terms)
        return dx


def convolution_slips(e: Evidence) -> str | None:
    """Recognize a convolution; then compare the slips of its indices."""
    for name in list(e.arrays)[1:]:
        known = _recognized(e, name)
        if known is not None and (e.of_input or e.gradient.name == name):
            return e.explained_by(_slips(known, e.of_input))
        if known is not None:
            return None
    return None


def _axes(array: np.ndarray, letters: str, all_letters: str) -> np.ndarray:
    """Return the array with all four axes in this order; those it lacks have length 1."""
    order = [letters.index(letter) for letter in all_letters if letter in letters]
    there = [letter in letters for letter in all_letters]
    sizes = iter(array.transpose(order).shape)
    return array.transpose(order).reshape([next(sizes) if one else 1 for one in there])


def _back(array: np.ndarray, letters: str, all_letters: str) -> np.ndarray:
    kept = [letter for letter in all_letters if letter in letters]
    array = array.reshape([n for letter, n in zip(all_letters, array.shape) if letter in letters])
    return array.transpose([kept.index(letter) for letter in letters])


def _recognized(e: Evidence, name: str) -> Convolution | None:
    x, w = e.input, e.arrays[name]
    if w.ndim not in (1, 2, 3, 4) or x.ndim not in (1, 2, 3, 4) or e.dy.ndim != x.ndim or w.size < 2:
        return None
    try:
        none, half, whole = (np.real(e.ask(**{name: share * w})) for share in (0.0, 0.5, 1.0))
    except Unanswered:
        return None
    part = whole - none
    if not np.allclose(part, 2 * (half - none), rtol=0, atol=1e-8 * (1 + np.abs(part).max())):
        return None  # not linear in the kernel
    for images, kernel in LAYOUTS:
        if len(images) != x.ndim or len(kernel) != w.ndim:
            continue
        x4, w4 = _axes(x, images, "NCHW"), _axes(w, kernel, "OIHW")
        dy4, y4 = _axes(e.dy, images, "NCHW"), _axes(part, images, "NCHW")
        if w4.shape[1] != x4.shape[1] or w4.shape[0] != dy4.shape[1] or len(x4) != len(dy4):
            continue
        if w4.shape[2] > x4.shape[2] + 4 or w4.shape[3] > x4.shape[3] + 4:
            continue
        choices = [list(_steps(e, images.find(letter), w4.shape["OIHW".index(letter)])) for letter in "HW"]
        for rows, columns in product(*choices):
            known = Convolution(x4, w4, dy4, rows, columns, (images, kernel))
            if np.allclose(known.forward(), y4, rtol=0, atol=1e-8 * (1 + np.abs(y4).max())):
                return known
    return None


def _steps(e: Evidence, axis: int, size: int) -> Iterator[Steps]:
    """Yield the steps with which each output depends on those indices of x that it does depend on."""
    if axis < 0:
        yield Steps(1, 1, 0)
        return
    length, outputs = e.input.shape[axis], e.dy.shape[axis]
    reached = np.zeros((outputs, length), bool)
    others = tuple(a for a in range(e.dy.ndim) if a != axis)
    for i in range(length):
        x = e.input.copy()
        np.moveaxis(x, axis, 0)[i] += 1 + np.abs(np.moveaxis(x, axis, 0)[i])
        changed = np.abs(np.real(e.ask(**{next(iter(e.arrays)): x})) - e.y).max(axis=others, initial=0.0)
        reached[:, i] = changed > 1e-9
    whole = np.flatnonzero(reached.sum(axis=1) == size)  # outputs whose window has no padding in it
    if not len(whole) or reached.sum(axis=1).max() > size:
        return
    first = np.flatnonzero(reached[whole[0]])
    d = int(first[1] - first[0]) if size > 1 else 1
    strides = (1, 2, 3, 4) if outputs > 1 else (1,)
    if len(whole) > 1:
        strides = (int(reached[whole[1]].argmax() - first[0]) // int(whole[1] - whole[0]),)
    for stride in strides:
        steps = Steps(stride, d, stride * int(whole[0]) - int(first[0]))
        if np.array_equal((steps.index(outputs, size)[:, :, None] == np.arange(length)).any(axis=1), reached):
            yield steps


def _slips(k: Convolution, of_x: bool) -> Iterator[tuple[str, np.ndarray]]:
    images, kernel = k.letters
    two = "H" in images

    def result(**wrong: Any) -> np.ndarray:
        of = replace(k, **wrong)
        return _back(of.dx(), images, "NCHW") if of_x else _back(of.dw(), kernel, "OIHW")

    tried = [(k.rows, k.columns)]
    for where in ("", " along the rows", " along the columns") if two else ("",):
        axes = {"": [k.rows, k.columns], " along the rows": [k.rows], " along the columns": [k.columns]}[
            where
        ]
        for text, change in _changes(axes, max(k.w.shape[2:]), of_x, where).items():
            rows = change(k.rows) if two and k.rows in axes and where != " along the columns" else k.rows
            columns = change(k.columns) if where != " along the rows" else k.columns
            if (rows, columns) in tried:
                continue
            tried.append((rows, columns))
            yield text, result(rows=rows, columns=columns)
    if two and k.rows != k.columns:
        swapped = "the strides, dilations or paddings of rows and columns have changed places"
        yield swapped, result(rows=k.columns, columns=k.rows)
    if of_x:
        yield f"the kernel {UNROTATED}", result(w=k.w[:, :, ::-1, ::-1])
        if 1 not in k.w.shape[2:]:
            height, width = kernel.index("H"), kernel.index("W")
            for a, b, w in ((width, height, k.w[:, :, ::-1]), (height, width, k.w[:, :, :, ::-1])):
                must = f"(or along axis {b}, in a loop that adds to windows: there it must not be reversed at all)"
                text = f"the kernel is reversed along axis {a} only: it must be along both {must}"
                yield text, result(w=w)


def _changes(axes: list[Steps], size: int, of_x: bool, where: str) -> dict[str, Callable[[Steps], Steps]]:
    """Return what is wrong in the index x[i·stride + a·dilation − padding], and the steps that it gives."""
    stride, dilation = max(s.stride for s in axes), max(s.dilation for s in axes)
    p = max(s.padding for s in axes)
    read = "dx is written" if of_x else "x is read"
    padding = f"the padding is forgotten{where}: x is read as if it began {p} pixel{'s' * (p > 1)} earlier"
    if of_x:
        wrongly = "dx is the padded gradient from index 0 on"
        padding = f"the padding is cropped at the wrong side{where}: {wrongly}, not from index {p} on"
    changes: dict[str, Callable[[Steps], Steps]] = {
        f"the stride is forgotten{where}: {read} at i + a instead of {stride}·i + a": lambda s: replace(
            s, stride=1
        ),
        f"the dilation is forgotten{where}: {read} at i + a instead of i + {dilation}·a": (
            lambda s: replace(s, dilation=1)
        ),
        padding: lambda s: replace(s, padding=0),
    }
    for by in (1, -1, 2, -2):
        pixels = f"{by} pixel{'s' * (abs(by) > 1)}"
        text = f"shifted by {pixels}{where}: an index off by one, or the padding cropped wrongly"
        changes[text] = partial(_moved, by=by)
    return changes


def _moved(s: Steps, by: int) -> Steps:
    return replace(s, padding=s.padding + by)

"""A convolution, recognized by its values (layout, stride, padding, dilation); and slips of its indices.

    y[i, j] = Σ x[i·s + a·d − p, j·s + b·d − p]·w[a, b]          s the stride, d the dilation, p the padding

Both gradients use the same indices: dx adds dy·w where x was read, dw adds dy·x. A slip is another s, d or p.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations, product
from typing import Any

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence, Unanswered
from minicnn.gradient_check.causes.rearranged import moves

# (letters of x and y, letters of the kernel); O and I count as C of y and x
LAYOUTS = (
    ("NHWC", "HWIO"),
    ("NCHW", "OIHW"),
    ("NHWC", "OHWI"),
    ("NCHW", "HWIO"),
    ("NCHW", "IOHW"),
    ("NHWC", "OIHW"),
    ("NWC", "WIO"),
    ("NCW", "OIW"),
    ("CHW", "OIHW"),
    ("HWC", "HWIO"),
    ("HW", "HW"),
    ("NHW", "HW"),
    ("NW", "W"),
    ("W", "W"),
)


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
        part = np.real(e.ask()) - np.real(e.ask(**{name: 0 * w}))
        half = np.real(e.ask(**{name: 0.5 * w})) - np.real(e.ask(**{name: 0 * w}))
    except Unanswered:
        return None
    if not np.allclose(part, 2 * half, rtol=0, atol=1e-8 * (1 + np.abs(part).max())):
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

    def result(of: Convolution) -> np.ndarray:
        return _back(of.dx(), images, "NCHW") if of_x else _back(of.dw(), kernel, "OIHW")

    tried = [(k.rows, k.columns)]
    for which in ("", " along the rows", " along the columns"):
        for text, change in _changes(k, of_x):
            rows = k.rows if which == " along the columns" else change(k.rows)
            columns = k.columns if which == " along the rows" else change(k.columns)
            if (rows, columns) not in tried:
                tried.append((rows, columns))
                wrong = replace(k, rows=rows, columns=columns)
                yield text.replace("@", which), result(wrong)
                if of_x:
                    yield (
                        f"{text.replace('@', which)}; and the kernel is not rotated",
                        result(replace(wrong, w=k.w[:, :, ::-1, ::-1])),
                    )
    if k.rows != k.columns:
        yield (
            "the strides, dilations or paddings of rows and columns have changed places",
            result(replace(k, rows=k.columns, columns=k.rows)),
        )
    if of_x:
        yield from _of_rotation(k, result)


def _changes(k: Convolution, of_x: bool):
    where = "dx is written" if of_x else "x is read"
    yield (
        f"the stride is forgotten@: {where} at i + a instead of {k.rows.stride}·i + a",
        lambda s: replace(s, stride=1),
    )
    yield (
        f"the dilation is forgotten@: {where} at i + a instead of i + {k.rows.dilation}·a",
        lambda s: replace(s, dilation=1),
    )
    yield "stride and dilation are forgotten@", lambda s: replace(s, stride=1, dilation=1)
    p = k.rows.padding or k.columns.padding
    yield (
        "the padding is cropped at the wrong side@: dx is the padded gradient from index 0 on, not "
        f"from index {p} on"
        if of_x
        else f"the padding is forgotten@: x is read as if it began {p} pixel{'s' * (p > 1)} earlier",
        lambda s: replace(s, padding=0),
    )
    yield "stride and padding are forgotten@", lambda s: replace(s, stride=1, padding=0)
    for by in (1, -1, 2, -2):
        yield (
            f"shifted by {by} pixel{'s' * (abs(by) > 1)}@: an index off by one, or the padding "
            "cropped wrongly",
            lambda s, by=by: replace(s, padding=s.padding + by),
        )
    yield (
        "the stride is used for the dilation, and the dilation for the stride@",
        lambda s: Steps(s.dilation, s.stride, s.padding),
    )
    yield (
        "the kernel size is used as stride@: windows are taken as not overlapping",
        lambda s: replace(s, stride=k.w.shape[2]),
    )


def _of_rotation(k: Convolution, result) -> Iterator[tuple[str, np.ndarray]]:
    rotated = "the kernel is not rotated by 180°: these are the numbers that the unrotated kernel gives"
    yield rotated, result(replace(k, w=k.w[:, :, ::-1, ::-1]))
    if 1 in k.w.shape[2:]:
        return
    yield "the kernel is reversed along its rows only", result(replace(k, w=k.w[:, :, ::-1]))
    yield "the kernel is reversed along its columns only", result(replace(k, w=k.w[:, :, :, ::-1]))
    letters = k.letters[1]
    plain = _back(k.w, letters, "OIHW")
    transposed = {move(plain).tobytes() for move in moves(plain.shape)}
    for order in permutations(range(plain.ndim)):
        moved = plain.transpose(order)
        if moved.shape != plain.shape:
            moved = np.ascontiguousarray(moved).reshape(plain.shape)
            if moved.tobytes() in transposed:
                continue
            yield (
                "the kernel is reshaped where it must be transposed",
                result(replace(k, w=_axes(moved, letters, "OIHW"))),
            )

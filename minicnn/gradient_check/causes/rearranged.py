"""Faults of position: the right numbers at wrong positions, or the right formula with a rearranged array."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations, pairwise, product
from typing import NamedTuple

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence
from minicnn.gradient_check.causes.layout import UNROTATED, kernel_letters, letters, window_axes
from minicnn.gradient_check.causes.words import listed, orders

# With fewer different numbers, "in another order" could be chance.
ENOUGH = 3

# Pixels that a gradient may be shifted by: paddings are small.
FARTHEST = 3


class Move(NamedTuple):
    """A rearrangement that keeps the shape: axes in another order, then some of them reversed."""

    order: tuple[int, ...]
    flips: tuple[int, ...]

    def __call__(self, array: np.ndarray) -> np.ndarray:
        """Return the array, rearranged."""
        return np.flip(array.transpose(self.order), self.flips)

    @property
    def moved(self) -> tuple[int, ...]:
        """The axes that change place."""
        return tuple(axis for axis, source in enumerate(self.order) if axis != source)

    def __str__(self) -> str:
        parts = []
        if self.moved:
            parts.append(f"axes {listed(self.moved)} {'swapped' if len(self.moved) == 2 else 'permuted'}")
        if self.flips:
            parts.append(f"{'axis' if len(self.flips) == 1 else 'axes'} {listed(self.flips)} reversed")
        return listed(parts)


def moves(shape: tuple[int, ...]) -> list[Move]:
    """Return every rearrangement that changes something, the simplest first; axes of length 1 stay."""
    long = [axis for axis, length in enumerate(shape) if length > 1]
    every = []
    for places in orders(long):
        order = list(range(len(shape)))
        for axis, source in zip(long, places):
            order[axis] = source
        if all(shape[axis] == shape[source] for axis, source in enumerate(order)):
            every += [
                Move(tuple(order), flips) for n in range(len(long) + 1) for flips in combinations(long, n)
            ]
    return sorted(every, key=lambda move: len(move.flips) + len(move.moved))[1:]


@lru_cache(maxsize=8)
def reshapes(shape: tuple[int, ...]) -> list[tuple[str, np.ndarray]]:
    """Return (text, places) of every .transpose(a).reshape(…).transpose(b) that keeps the shape, not the order.

    Also an axis of a·b entries that is read as (a, b) for (b, a): halves for every second entry.
    """
    if not 2 <= len(shape) <= 4:
        return []
    places = np.arange(int(np.prod(shape)))
    every: dict[bytes, tuple[str, np.ndarray]] = {places.tobytes(): ("", places)}
    for first, second in product(orders(range(len(shape))), repeat=2):
        back = tuple(map(int, np.argsort(second)))
        between = tuple(shape[axis] for axis in second)
        moved = places.reshape(shape).transpose(first).reshape(between).transpose(back).ravel()
        steps = [f".transpose{first}" * (first != tuple(range(len(shape))))]
        steps += [f".reshape{between}", f".transpose{back}" * (back != tuple(range(len(shape))))]
        every.setdefault(moved.tobytes(), ("".join(steps), moved))
    for axis, length in enumerate(shape):
        for a in (a for a in range(2, length) if length % a == 0):
            cut = (*shape[:axis], a, length // a, *shape[axis + 1 :])
            moved = places.reshape(cut).swapaxes(axis, axis + 1).ravel()
            text = f" with axis {axis} in {a} blocks for every entry in {a}, or the other way round"
            every.setdefault(moved.tobytes(), (text, moved))
    return list(every.values())[1:]


def wrong_operand(e: Evidence) -> str | None:
    """The gradient is right for another kernel: rotated, transposed, or with its channels swapped.

    For stride 1, dx is dy convolved with the kernel rotated by 180° and its channels swapped. Without the
    rotation, the result is the gradient of a layer with the rotated kernel. So the function is differentiated
    again for each rearrangement of each of the other arrays. In a function with a ReLU behind the product this
    says nothing: its mask would be another one too, and may stop everything.
    """
    v = np.random.default_rng(4).standard_normal(e.array.shape)
    for name, array in e.arrays.items():
        if name == e.gradient.name or array.ndim < 2:
            continue
        if not (e.is_linear(name, v) and e.is_linear(e.gradient.name, v)):
            continue
        for move in moves(array.shape):
            if e.fits(e.with_another(name, move(array))):
                return _of_operand(e, name, array, move)
        for text, other in _repeated(array):
            if e.fits(e.with_another(name, other)):
                return f"{name} is always read at the same place: {text}"
    return None


def _repeated(array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield arrays in which the first part along an axis, or the last, is everywhere: [0] for [i] in a loop."""
    for axis, length in enumerate(array.shape):
        for part in (n for n in range(1, length) if length % n == 0):
            for which, start in (("first", 0), ("last", length - part)):
                one = array.take(range(start, start + part), axis)
                many = [1] * array.ndim
                many[axis] = length // part
                what = "index is" if part == 1 else f"{part} indices are"
                yield f"the {which} {what} used for all along axis {axis}", np.tile(one, many)


def _of_operand(e: Evidence, name: str, array: np.ndarray, move: Move) -> str:
    """Describe the rearrangement, for convolution and dense layers in their usual terms."""
    is_kernel = array is not e.input
    kernel = "the kernel" if name == "kernel" else f"the kernel {name}"
    unrotated = f"{kernel} {UNROTATED}"
    if is_kernel and array.ndim == 2 and not move.flips:
        x, y = e.input.shape, e.dy.shape
        pairs = ((x[1:], y[1:]), (x[:1], y[:1])) if len(x) == len(y) == 2 else ()
        if pairs and sorted(array.shape) not in [sorted((*a, *b)) for a, b in pairs]:  # a convolution
            return f"{kernel}'s rows and columns are swapped"
        return f"{kernel} is not transposed: dx is dy times the transposed {name}"
    if is_kernel and array.ndim == 3 and len(move.flips) == 2 and not move.moved:
        return unrotated
    known = kernel_letters(e, array, move.flips) if is_kernel else ""
    if known:
        pixels, channels = (tuple(sorted(map(known.index, pair))) for pair in ("HW", "IO"))
        swapped = f"input and output channels (axes {channels[0]} and {channels[1]})"
        if move.flips == window_axes(array, known):
            if not move.moved:
                return unrotated
            if move.moved == channels:
                return f"{kernel} is not rotated by 180°, nor are its {swapped} swapped"
        if not move.flips and move.moved == pixels:
            return f"{kernel} is transposed: its rows and columns (axes {listed(pixels)}) are swapped"
        if not move.flips and move.moved == channels:
            return f"{kernel}'s {swapped} are swapped"
    return f"{name} is rearranged: these are the numbers for {name} with {move}"


def wrong_upstream(e: Evidence) -> str | None:
    """The right sum, but of a rearranged dy: its samples in reverse order, its rows and columns swapped."""
    for move in moves(e.dy.shape):
        dy = move(e.dy)
        if e.fits(float(np.sum(column * dy)) for column in e.columns):
            return f"dy is rearranged: these are the numbers for dy with {move}"
    for text, dy in _repeated(e.dy):
        if e.fits(float(np.sum(column * dy)) for column in e.columns):
            return f"dy is always read at the same place: {text}"
    few = e.columns[:3].reshape(len(e.columns[:3]), -1)
    for text, places in reshapes(e.dy.shape):
        dy = e.dy.ravel()[places]
        if np.abs(few @ dy - e.given[:3]).max() <= e.tolerance and e.fits(
            e.columns.reshape(len(e.index), -1) @ dy
        ):
            return f"a reshape instead of a transpose: these are the numbers for dy{text}"
    return None


def wrong_order(e: Evidence) -> str | None:
    """The right numbers with axes swapped or reversed: a transposed or a rotated gradient."""
    if not _different_numbers(e):
        return None
    places = np.arange(e.array.size).reshape(e.array.shape)
    for move in moves(e.array.shape):
        if e.fits(_taken_from(e, move(places).ravel()[e.index])):
            is_kernel = e.array.ndim == 4 and not e.of_input
            known = kernel_letters(e, e.array, move.flips) if is_kernel and not move.moved else ""
            if known and move.flips == window_axes(e.array, known):
                return f"the gradient of {e.gradient.name} is rotated by 180° (axes {listed(move.flips)} reversed)"
            if not move.flips and e.array.ndim == 2:
                return f"the gradient of {e.gradient.name} is transposed: its rows and columns are swapped"
            return f"the right numbers in another order: with {move}"
    return None


def wrong_reshape(e: Evidence) -> str | None:
    """A reshape instead of a transpose, or with another order of axes than in the forward pass."""
    if not _different_numbers(e):
        return None
    places = np.arange(e.array.size).reshape(e.array.shape)
    for order in orders(range(e.array.ndim)):
        if e.fits(_taken_from(e, places.transpose(order).ravel()[e.index])):
            return f"a reshape instead of a transpose: the right numbers, read with the axes in the order {order}"
    for text, source in reshapes(e.array.shape):
        if e.fits(_taken_from(e, source[e.index])):
            return f"a reshape instead of a transpose: this is the right gradient{text}"
    return None


def shifted(e: Evidence) -> str | None:
    """given[i] = right[i + p] along one or two axes: padding cropped at the wrong side, an index off by one."""
    shape = np.array(e.array.shape)
    known = letters(e, len(shape)) if e.of_input else kernel_letters(e, e.array)
    for axes in [*((axis,) for axis in range(len(shape))), *pairwise(range(len(shape)))]:
        far = [min(shape[axis] // 2, FARTHEST) for axis in axes]
        for shifts in product(*([p for p in range(-f, f + 1) if p] for f in far)):
            places = e.places.copy()
            places[list(axes)] += np.array(shifts)[:, None]
            overlap = np.all((places >= 0) & (places < shape[:, None]), axis=0)
            source = np.where(overlap, np.ravel_multi_index(tuple(places), e.array.shape, mode="clip"), -1)
            if np.count_nonzero(overlap) < 0.3 * len(e.index) or not _different_numbers(e, overlap, 5):
                continue
            if e.fits(_taken_from(e, source)):
                by = listed(f"{p:+d} along axis {axis}" for axis, p in zip(axes, shifts))
                pixels = all(not known or known[axis] in "HW" for axis in axes)
                other = "the padding cropped at the wrong side" if pixels else "the order of channels changed"
                text = f"shifted: each entry has the value of the entry at offset {by}"
                other += ", or is it moved along another axis" * (len(axes) > 1)
                return f"{text}. Is an index off by one, or {other}?"
    return None


def elsewhere(e: Evidence) -> str | None:
    """Every number is right but at another position, by no known rule."""
    if e.complete and e.wrong.any() and _different_numbers(e):
        apart = np.abs(np.sort(e.given) - np.sort(e.right)).max()
        if apart <= e.tolerance:
            return "every number is right, but some are at the wrong place"
    return None


def _taken_from(e: Evidence, source: np.ndarray) -> Iterator[float]:
    """Yield the right gradient at the source of each entry; nan where there is none (−1)."""
    for i in source:
        yield e.right_at(int(i)) if i >= 0 else np.nan


def _different_numbers(e: Evidence, among: np.ndarray | None = None, enough: int = ENOUGH) -> bool:
    """Whether there are enough different numbers to recognize an order."""
    given = e.given if among is None else e.given[among]
    return len(np.unique(given[~e.zero(given)])) >= enough

"""Max- and average pooling with any layout, recognized by what their outputs depend on; and their usual slips.

Each output j has a window: the entries that it depends on. Max-pooling gives dy[j] to the winner, average
pooling dy[j]/k to all k entries.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from minicnn.gradient_check.causes.evidence import Evidence


@dataclass(frozen=True)
class Window:
    """The window of one output: its flat entries in order, their x, the output's index, dy there."""

    entries: np.ndarray
    x: np.ndarray
    output: tuple[int, ...]
    dy: float

    @property
    def winner(self) -> int:
        """The flat entry of the maximum."""
        return int(self.entries[self.x.argmax()])


Share = Callable[[Window], tuple[Any, Any]]  # entries, and what each gets


def pooling_slips(e: Evidence) -> str | None:
    """Recognize a pooling; then give each window's dy to the wrong entries."""
    if len(e.arrays) > 1 or e.array.ndim < 2 or not 1 < e.dy.size < e.array.size or e.windows is None:
        return None
    if e.jacobian is None:
        return None
    reached = e.windows.reshape(e.array.size, -1)
    used = e.jacobian.reshape(e.array.size, -1)
    x, dy, y = e.array.ravel(), e.dy.ravel(), e.y.ravel()
    is_max = bool((np.count_nonzero(np.abs(used) > 1e-7, axis=0) == 1).all())
    if not is_max:
        reached = np.abs(used) > 1e-7
    windows = []
    for j, output in enumerate(np.ndindex(e.dy.shape)):
        entries = np.flatnonzero(reached[:, j])
        if not len(entries):
            return None
        value = x[entries].max() if is_max else x[entries].mean()
        equal_shares = not is_max and np.ptp(used[entries, j]) < 1e-7  # an average that counts the padding
        if abs(value - y[j]) > 1e-7 * (1 + abs(y[j])) and not equal_shares:
            return None
        windows.append(Window(entries, x[entries], output, float(dy[j])))
    sizes = {len(window.entries) for window in windows}
    if max(sizes) < 2 or (len(sizes) > 1 and e.array.ndim != e.dy.ndim):  # several functions together
        return None
    return e.explained_by(_slips(e, windows, is_max, float(np.abs(used).max())))


def _shares(windows: list[Window], is_max: bool, share: float) -> dict[str, Share]:
    """Return which entries of a window get what, wrongly; share: of an average, 1 for a maximum."""
    sizes = {len(window.entries) for window in windows}
    most = max(sizes)
    right = "only the maximum should" if is_max else f"each entry needs 1/{most} of it"
    shares: dict[str, Share] = {
        f"the whole window gets the gradient dy: {right}": lambda w: (w.entries, w.dy),
        f"only the first entry of each window, its corner, gets the gradient: {right}": (
            lambda w: (w.entries[:1], w.dy)
        ),
        f"only the last entry of each window, its corner, gets the gradient: {right}": (
            lambda w: (w.entries[-1:], w.dy)
        ),
    }
    if is_max:
        as_average = f"as in average pooling: {right}"
        return shares | {
            f"every entry of a window gets an average share, dy/{most}, {as_average}": (
                lambda w: (w.entries, w.dy / len(w.entries))
            ),
            f"the minimum of each window gets the gradient: {right}": lambda w: (
                w.entries[w.x.argmin()],
                w.dy,
            ),
            f"the entry with the largest |x| of each window gets the gradient: {right}": (
                lambda w: (w.entries[np.abs(w.x).argmax()], w.dy)
            ),
            "multiplied by the maximum itself: the slope of max is 1": lambda w: (w.winner, w.dy * w.x.max()),
            f"every entry but the maximum gets the gradient, the mask is inverted: {right}": (
                lambda w: (w.entries[w.x < w.x.max()], w.dy)
            ),
        }
    shares |= {
        "only the maximum of each window gets the gradient, as in max-pooling": lambda w: (w.winner, w.dy),
        "only the maximum of each window gets a share, as in max-pooling": lambda w: (w.winner, w.dy * share),
        "multiplied by the entries: the slope of a mean is 1/k": lambda w: (w.entries, w.dy * w.x * share),
    }
    if len(sizes) > 1 and share * most > 1 + 1e-6:  # there is padding in some windows, which does not count
        shares[
            f"divided by all {most} entries of a window, also where padding is in it: it does not count in the "
            "forward pass"
        ] = lambda w: (w.entries, w.dy / most)
    elif len(sizes) > 1:
        inside = "divided by the number of entries inside the map: the padding counts in the forward pass"
        shares[inside] = lambda w: (w.entries, w.dy / len(w.entries))
    return shares


def _slips(
    e: Evidence, windows: list[Window], is_max: bool, share: float
) -> Iterator[tuple[str, np.ndarray]]:
    for text, of in _shares(windows, is_max, share).items():
        added, assigned = _given(e, windows, of)
        yield text, added
        yield f"{text}; and overlapping windows overwrite each other (= for +=)", assigned
    right: Share = (lambda w: (w.winner, w.dy)) if is_max else (lambda w: (w.entries, w.dy * share))
    overwritten = (
        "overlapping windows overwrite each other: every entry has only its last contribution (= is used instead "
        "of +=)"
    )
    if not is_max:
        yield overwritten, _given(e, windows, lambda w: (w.entries, w.dy / len(w.entries)))[1]
        yield overwritten, _given(e, windows, right)[1]
    for some, which in ((windows[:1], "first"), (windows[-1:], "last")):
        early = (
            f"only the {which} window of all gets its gradient: an early return in a loop, or = instead of +="
        )
        yield early, _given(e, some, right)[0]
    if is_max:  # a mask times dy that is assigned: later windows overwrite with 0 too
        x, axes = e.array, _spatial(e, windows)
        top = np.broadcast_to(x.max(axis=axes, keepdims=True), x.shape).ravel()
        yield overwritten, _given(e, windows, lambda w: (w.entries, w.dy * (w.x == w.x.max())))[1]
        yield overwritten, _given(e, windows, lambda w: (w.entries[w.x == w.x.max()], w.dy))[1]
        of_map = "only the maximum of the whole map gets a gradient: each window has a maximum of its own"
        yield of_map, _given(e, windows, lambda w: (w.entries, w.dy * (w.x == top[w.entries])))[0]
    yield from _wrong_places(e, windows, is_max, share)


def _given(e: Evidence, windows: list[Window], of: Share) -> np.ndarray:
    """Return dx if each window adds its share; and if each assigns it."""
    dx = np.zeros((2, e.array.size))
    for window in windows:
        entries, values = of(window)
        np.add.at(dx[0], entries, values)
        dx[1, entries] = values
    return dx.reshape(2, *e.array.shape)


def _spatial(e: Evidence, windows: list[Window]) -> tuple[int, ...]:
    """Return the axes along which windows are wide."""
    widest = max(windows, key=lambda window: len(window.entries))
    places = np.array(np.unravel_index(widest.entries, e.array.shape))
    return tuple(int(axis) for axis in np.flatnonzero(np.ptp(places, axis=1)))


def _wrong_places(
    e: Evidence, windows: list[Window], is_max: bool, share: float
) -> Iterator[tuple[str, np.ndarray]]:
    """The position is computed from the index of the window and the index inside it, with a slip."""
    if e.array.ndim != e.dy.ndim:
        return
    axes, shape = list(_spatial(e, windows)), e.array.shape
    stride, low, size = np.ones((3, e.array.ndim), int)
    for axis in axes:
        starts, lengths = {}, {}
        for w in windows:
            along = np.unravel_index(w.entries, shape)[axis]
            starts[w.output[axis]], lengths[w.output[axis]] = int(along.min()), int(np.ptp(along)) + 1
        size[axis] = max(lengths.values())
        middle = [i for i in sorted(starts) if lengths[i] == size[axis]]
        steps = [starts[b] - starts[a] for a, b in pairwise(middle) if b == a + 1]
        stride[axis] = steps[0] if steps else size[axis]
        low[axis] = starts[middle[0]] - middle[0] * stride[axis]
    rest = [axis for axis in range(len(shape)) if axis not in axes]

    def unstrided(o: np.ndarray, a: np.ndarray) -> np.ndarray:
        near = e.array[tuple(slice(i, i + n) for i, n in zip(o, size))]
        return o * stride + low + np.unravel_index(near.argmax(), near.shape)

    step = "the index of the maximum"
    makers: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
        f"{step} is used without the stride: i + a instead of i·stride + a": lambda o, a: o + a,
        f"{step} inside its window is used without the window's position": lambda o, a: a,
        f"the position of the window is used without {step} in it: i·stride": lambda o, a: o * stride,
        "the output's own position is used, instead of that of its maximum in x": lambda o, a: o,
        "row and column of the maximum inside its window have changed places": (
            lambda o, a: o * stride + low + _swapped(a, axes)
        ),
        f"{step} is looked for in the window without the stride, from i on": unstrided,
    }
    if not is_max:
        makers = {"the stride is forgotten: window i starts at i instead of i·stride": lambda o, a: o + a}
    for text, of in makers.items():
        dx, last = np.zeros((2, *shape))
        for w in windows:
            output = np.array(w.output)
            for entry in [w.winner] if is_max else w.entries:
                inside = np.array(np.unravel_index(entry, shape)) - output * stride - low
                place = of(output, inside)
                place[rest] = output[rest]
                if (place >= 0).all() and (place < shape).all():
                    dx[tuple(place)] += w.dy * (1 if is_max else share)
                    last[tuple(place)] = w.dy * (1 if is_max else share)
        if not e.is_right(dx):  # in a square window there is only one width
            yield text, dx
            yield f"{text}; and = is used instead of +=", last


def _swapped(place: np.ndarray, axes: list[int]) -> np.ndarray:
    swapped = place.copy()
    if len(axes) == 2:
        swapped[axes] = place[axes[::-1]]
    return swapped

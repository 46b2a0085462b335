"""Max- and average pooling with any layout, recognized by what their outputs
depend on; and their usual slips.

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
    if len(e.arrays) > 1 or e.array.ndim < 2 or e.dy.size >= e.array.size or e.windows is None:
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
        if len(entries) < 1 or abs((x[entries].max() if is_max else x[entries].mean()) - y[j]) > 1e-7 * (
            1 + abs(y[j])
        ):
            average_of_padding = not is_max and np.ptp(used[entries, j]) < 1e-7
            if not average_of_padding:
                return None
        windows.append(Window(entries, x[entries], output, float(dy[j])))
    if max(len(window.entries) for window in windows) < 2:
        return None
    return e.explained_by(_slips(e, windows, is_max, float(np.abs(used).max())))


def _slips(
    e: Evidence, windows: list[Window], is_max: bool, share: float
) -> Iterator[tuple[str, np.ndarray]]:
    most = max(len(window.entries) for window in windows)
    right = "only the maximum should" if is_max else f"each entry needs 1/{most} of it"
    shares: list[tuple[str, Share]] = [
        (f"the whole window gets the gradient dy: {right}", lambda w: (w.entries, w.dy)),
        (
            f"only the first entry of each window, its corner, gets the gradient: {right}",
            lambda w: (w.entries[:1], w.dy),
        ),
        (
            f"only the last entry of each window, its corner, gets the gradient: {right}",
            lambda w: (w.entries[-1:], w.dy),
        ),
    ]
    if is_max:
        shares += [
            (f"every entry of a window gets an average share, dy/{most}, as in average pooling: "
            f"{right}", lambda w: (w.entries, w.dy / len(w.entries))),
            (f"every entry of a window gets dy/{most}, as in average pooling: "
            f"{right}", lambda w: (w.entries, w.dy / most)),
            ("the minimum of each window gets the gradient, not its "
            "maximum", lambda w: (w.entries[w.x.argmin()], w.dy)),
            ("multiplied by the maximum itself: the slope of max is 1", lambda w: (w.winner, w.dy * w.x.max())),
            ("the entry with the largest |x| of each window gets the gradient, not its "
            "maximum", lambda w: (w.entries[np.abs(w.x).argmax()], w.dy)),
            ("every entry of a window that is not its maximum gets the gradient: the mask is "
            "inverted", lambda w: (w.entries[w.x < w.x.max()], w.dy)),
            ("every entry of a window above 0 gets the gradient: only the maximum "
            "should", lambda w: (w.entries[w.x > 0], w.dy)),
            ("the window is multiplied by dy and given as gradient: only the maximum should get "
            "dy", lambda w: (w.entries, w.dy * w.x)),
        ]  # fmt: skip
    else:
        shares += [
            ("only the maximum of each window gets the gradient, as in max-pooling", lambda w: (w.winner, w.dy)),
            ("only the maximum of each window gets a share, as in max-pooling", lambda w: (w.winner, w.dy * share)),
            (f"divided by all {most} entries of a window, also where padding is in it: it does not count in the "
            "forward pass", lambda w: (w.entries, w.dy / most)),
            ("divided by the number of entries inside the map: the padding counts in the forward "
            "pass", lambda w: (w.entries, w.dy / len(w.entries))),
            ("only the first entry of each window, its corner, gets a share: "
            f"{right}", lambda w: (w.entries[:1], w.dy * share)),
            ("multiplied by the entries: the slope of a mean is 1/k", lambda w: (w.entries, w.dy * w.x * share)),
        ]  # fmt: skip
    for text, of in shares:
        added, assigned = np.zeros((2, e.array.size))
        for window in windows:
            entries, values = of(window)
            np.add.at(added, entries, values)
            assigned[entries] = values
        yield text, added.reshape(e.array.shape)
        if not np.array_equal(added, assigned):
            yield (
                f"{text}; and overlapping windows overwrite each other (= for +=)",
                assigned.reshape(e.array.shape),
            )
    for some, which in ((windows[:1], "first"), (windows[-1:], "last")):
        one = np.zeros(e.array.size)
        for w in some:
            one[w.winner if is_max else w.entries] += w.dy * (1 if is_max else share)
        yield (
            f"only the {which} window of all gets its gradient: an early return in a loop, or "
            "= instead of +=",
            one.reshape(e.array.shape),
        )
    if is_max:
        yield from _zeros_overwrite(e, windows)
    yield from _wrong_places(e, windows, is_max, share)


def _zeros_overwrite(e: Evidence, windows: list[Window]) -> Iterator[tuple[str, np.ndarray]]:
    """A mask times dy that is assigned: later windows overwrite with 0 too; and a
    maximum of the whole map.
    """
    for everything in (True, False):
        dx = np.zeros(e.array.size)
        for w in windows:
            mask = w.entries if everything else w.entries[w.x == w.x.max()]
            dx[mask] = w.dy * (e.array.ravel()[mask] == w.x.max())
        yield (
            "overlapping windows overwrite each other: every entry has only its last contribution (= is used "
            "instead of +=)",
            dx.reshape(e.array.shape),
        )
    axes = _spatial(e, windows)
    top = np.broadcast_to(e.array.max(axis=axes, keepdims=True), e.array.shape).ravel()
    dx = np.zeros(e.array.size)
    for w in windows:
        np.add.at(dx, w.entries, w.dy * (w.x == top[w.entries]))
    yield (
        "only the maximum of the whole map gets a gradient: each window has a maximum of its own",
        dx.reshape(e.array.shape),
    )


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
    makers = {
        "the index of the maximum is used without the stride: i + a instead of i·stride + a": lambda o, a: o + a,
        "the index of the maximum inside its window is used without the window's position": lambda o, a: a,
        "the position of the window is used without the index of the maximum in it: i·stride": lambda o, a: o * stride,
        "the output's own position is used: i instead of i·stride + a": lambda o, a: o,
        "row and column of the maximum inside its window have changed "
        "places": lambda o, a: o * stride + low + _swapped(a, axes),
        "the window's row and column have changed places": lambda o, a: _swapped(o * stride, axes) + low + a,
        "the index of the maximum is divided by the wrong width: divmod(index, rows) for divmod(index, "
        "columns)": lambda o, a: o * stride + low + _divided(a, axes, size),
    }  # fmt: skip
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
        yield text, dx
        yield f"{text}; and = is used instead of +=", last


def _swapped(place: np.ndarray, axes: list[int]) -> np.ndarray:
    swapped = place.copy()
    if len(axes) == 2:
        swapped[axes] = place[axes[::-1]]
    return swapped


def _divided(place: np.ndarray, axes: list[int], size: np.ndarray) -> np.ndarray:
    divided = place.copy()
    if len(axes) == 2:
        index = place[axes[0]] * size[axes[1]] + place[axes[1]]
        divided[axes] = divmod(int(index), int(size[axes[0]]))
    return divided

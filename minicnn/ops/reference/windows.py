"""Sliding windows on the reference: pad the map, then slice it once for each window entry.

Entry (a, b) of every window at once is a strided slice of the padded map:

    xp[:, a*dilation : … : stride, b*dilation : … : stride, :]            # (N, OH, OW, C)

The forward pass reads this slice; the backward pass adds to it (`+=`), also where windows overlap.
"""

from collections.abc import Iterator

import numpy as np

from minicnn.ops import geometry
from minicnn.ops.types import Array, Pair


class Windows:
    """Windows of ``size`` over maps of ``shape`` (N, H, W, C)."""

    def __init__(
        self, shape: tuple[int, ...], size: Pair, strides: Pair, padding: str, dilation: Pair = (1, 1)
    ) -> None:
        self.shape, self.size, self.strides, self.dilation = shape, size, strides, dilation
        self.rows, self.columns = geometry.axes(shape[1], shape[2], size, strides, padding, dilation)
        # with strides, the last pixels may be in no window
        self.padding = ((0, 0), self.rows[1:], self.columns[1:], (0, 0))

    @property
    def padded_shape(self) -> tuple[int, ...]:
        """The shape of the maps with their padding."""
        return tuple(length + sum(pads) for length, pads in zip(self.shape, self.padding))

    def pad(self, x: Array, value: float = 0) -> Array:
        """Return x (N, H, W, C) with its padding, filled with ``value``."""
        return np.pad(x, self.padding, constant_values=value)

    def crop(self, xp: Array) -> Array:
        """Return the padded map without its padding: the adjoint of :meth:`pad`."""
        _, height, width, _ = self.shape
        top, left = self.rows.before, self.columns.before
        return np.ascontiguousarray(xp[:, top : top + height, left : left + width])

    def entries(self) -> Iterator[tuple[int, int, tuple[slice, ...]]]:
        """Yield (a, b, index): ``xp[index]`` is entry (a, b) of every window, (N, OH, OW, C)."""
        for a in range(self.size[0]):
            for b in range(self.size[1]):
                yield (
                    a,
                    b,
                    (slice(None), self._slice(a, 0, self.rows.out), self._slice(b, 1, self.columns.out)),
                )

    def _slice(self, entry: int, axis: int, out: int) -> slice:
        start, stride = entry * self.dilation[axis], self.strides[axis]
        return slice(start, start + (out - 1) * stride + 1, stride)

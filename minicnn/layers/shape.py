"""Layers that only move numbers: the same entries in another shape, repeated, or with zeros around them.

    reshape, flatten    y has the entries of x in row-major order           dx: dy in x's shape
    permute             y[n, i, j, …] = x[n, …], axes in another order      dx: dy with the axes in x's order
    zero padding        y = x with zeros around it                          dx: dy without its border
    cropping            y = x without its border                            dx: dy with zeros around it
    upsampling          y[n, i, j, c] = x[n, ⌊i/s⌋, ⌊j/t⌋, c]               dx: the sum of dy over each s × t block

Each backward pass is the adjoint of the forward pass. An entry of x gets the gradient of the entry of y that
it was copied to. If it was copied to several, it gets the sum; if it was cut off, 0. The gradient of a padded
zero goes to no entry of x.
"""

import math
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from minicnn._base.messages import shown
from minicnn.layers.arguments import Array, LayerArguments, Pair, Shape, count
from minicnn.layers.base import Layer
from minicnn.ops import geometry


class _Mover(Layer):
    """A layer that copies numbers of x, each to one place, to several or to none."""

    @property
    def only_moves(self) -> str | None:
        """ "rows" if the last axis stays as it is, otherwise "entries"."""
        if not self.has_library_passes:
            return None
        return "rows" if self.built and self.keeps_rows() else "entries"

    def keeps_rows(self) -> bool:
        """Whether the last axis stays: entries stay in their order, so its length tells."""
        return bool(self.input_shape[-1] == self.compute_output_shape(self.input_shape)[-1])


def _check_known(layer: Layer, shape: Shape) -> None:
    if None in shape[1:]:
        raise ValueError(
            f"{layer.name}: the number of entries of {tuple(shape)} is not known: give Input all lengths, such as "
            "Input((48, 48, 1)), or put GlobalAveragePooling2D() in place of this layer"
        )


class Flatten(_Mover):
    """(N, H, W, C) -> (N, H · W · C), as `keras.layers.Flatten`."""

    def build(self, input_shape: Shape) -> None:
        """Check that the number of entries is known."""
        _check_known(self, input_shape)
        super().build(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, …) -> (N, the number of entries of a sample)."""
        return input_shape[0], math.prod(input_shape[1:])

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the samples as rows."""
        self._shape = x.shape
        return x.reshape(x.shape[0], -1)

    def backward(self, dy: Array) -> Array:
        """Return the gradient in the shape that x had."""
        return dy.reshape(self._shape)


class Reshape(_Mover):
    """(N, …) -> (N, *target_shape), as `keras.layers.Reshape`.

    Args:
        target_shape: the shape of one sample; one length may be -1, which is then computed.
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(count("target_shape", length, -1) for length in target_shape)
        if sum(length == -1 for length in self.target_shape) > 1 or any(
            length == 0 for length in self.target_shape
        ):
            raise ValueError(
                f"target_shape={target_shape!r}: expected positive lengths, at most one of them "
                "-1, without the "
                "batch's axis, such as (48, 48, 1)"
            )

    def build(self, input_shape: Shape) -> None:
        """Check that the entries fit."""
        self.compute_output_shape(input_shape)
        super().build(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, …) -> (N, *target_shape)."""
        _check_known(self, input_shape)
        entries, known = math.prod(input_shape[1:]), math.prod(abs(length) for length in self.target_shape)
        open_ended = -1 in self.target_shape
        if entries % known or (entries != known and not open_ended):
            raise ValueError(
                f"{self.name}: samples of shape {tuple(input_shape[1:])} have {entries} entries, "
                "which do not fit "
                f"target_shape={self.target_shape}"
            )
        return input_shape[0], *(entries // known if n == -1 else n for n in self.target_shape)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the same entries in the new shape."""
        self._shape = x.shape
        return x.reshape(self.compute_output_shape(x.shape))

    def backward(self, dy: Array) -> Array:
        """Return the gradient in the shape that x had."""
        return dy.reshape(self._shape)


class Permute(_Mover):
    """Another order of axes, as `keras.layers.Permute`: Permute((2, 1, 3)) exchanges rows and columns.

    Args:
        dims: for each axis of the output, the number of the input's axis, from 1; axis 0, the batch, stays.
    """

    def __init__(self, dims: Sequence[int], **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(count("dims", axis, 0, 32) for axis in dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"dims={dims!r}: expected each axis once, counted from 1, such as (2, 1, 3)")

    def build(self, input_shape: Shape) -> None:
        """Check the number of axes."""
        if len(input_shape) != len(self.dims) + 1:
            raise ValueError(
                f"{self.name}: input of shape {input_shape}, expected {len(self.dims)} axes after the batch's"
            )
        super().build(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The lengths in the new order."""
        return input_shape[0], *(input_shape[axis] for axis in self.dims)

    def keeps_rows(self) -> bool:
        """Whether the last axis is the last of the input."""
        return self.dims[-1] == len(self.dims)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x with its axes in the new order."""
        return np.ascontiguousarray(x.transpose(0, *self.dims))

    def backward(self, dy: Array) -> Array:
        """Return dy with its axes in the order of x."""
        return np.ascontiguousarray(dy.transpose(np.argsort((0, *self.dims))))


def _sides(argument: str, given: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return ((top, bottom), (left, right)) of n, (rows, columns) or all four."""
    both = np.asarray(given)
    if (
        both.shape not in ((), (2,), (2, 2))
        or both.dtype.kind != "i"
        or not ((both >= 0) & (both <= geometry.LARGEST)).all()
    ):
        raise ValueError(
            f"{argument}={shown(given)}: expected n, (rows, columns) or ((top, bottom), (left, right)), from 0"
        )
    sides = np.broadcast_to(both.reshape(-1, 1) if both.ndim < 2 else both, (2, 2)).tolist()
    (top, bottom), (left, right) = sides
    return (top, bottom), (left, right)


def plus(length: int | None, more: int) -> int | None:
    """Return length + more; None if the length is not known."""
    return None if length is None else length + more


def _cut(x: Array, sides: tuple[tuple[int, int], tuple[int, int]]) -> Array:
    """Return x (N, H, W, C) without its sides."""
    (top, bottom), (left, right) = sides
    return np.ascontiguousarray(x[:, top : x.shape[1] - bottom, left : x.shape[2] - right])


class ZeroPadding2D(Layer):
    """Zeros around each map, as `keras.layers.ZeroPadding2D`.

    Args:
        padding: n rows and columns on each side; or (rows, columns); or ((top, bottom), (left, right)).
    """

    def __init__(
        self,
        padding: int | Sequence[int] | Sequence[Sequence[int]] = (1, 1),
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.padding = _sides("padding", padding)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, H, W, C) -> (N, top + H + bottom, left + W + right, C)."""
        batch, height, width, channels = input_shape
        rows, columns = (sum(sides) for sides in self.padding)
        return batch, plus(height, rows), plus(width, columns), channels

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x with its border of zeros."""
        return np.pad(x, ((0, 0), *self.padding, (0, 0)))

    def backward(self, dy: Array) -> Array:
        """Return dy without its border."""
        return _cut(dy, self.padding)


class Cropping2D(_Mover):
    """Each map without its border, as `keras.layers.Cropping2D`.

    Args:
        cropping: n rows and columns on each side; or (rows, columns); or ((top, bottom), (left, right)).
    """

    def __init__(
        self,
        cropping: int | Sequence[int] | Sequence[Sequence[int]] = ((0, 0), (0, 0)),
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.cropping = _sides("cropping", cropping)

    def build(self, input_shape: Shape) -> None:
        """Check that something is left."""
        self.compute_output_shape(input_shape)
        super().build(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, H, W, C) -> (N, H − top − bottom, W − left − right, C)."""
        batch, height, width, channels = input_shape
        rows, columns = (plus(each, -sum(cut)) for each, cut in zip((height, width), self.cropping))
        if any(length is not None and length < 1 for length in (rows, columns)):
            raise ValueError(
                f"{self.name}: cropping={self.cropping} leaves nothing of {height} × {width} pixels: "
                "expected less"
            )
        return batch, rows, columns, channels

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x without its border."""
        self.compute_output_shape(x.shape)
        return _cut(x, self.cropping)

    def backward(self, dy: Array) -> Array:
        """Return dy with zeros for what was cut off."""
        return np.pad(dy, ((0, 0), *self.cropping, (0, 0)))


class UpSampling2D(_Mover):
    """Each pixel repeated, as `keras.layers.UpSampling2D` with its interpolation="nearest".

    Args:
        size: the number of rows and columns that each pixel becomes.
    """

    def __init__(self, size: Pair = (2, 2), **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.size = geometry.pair(size, "size")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, H, W, C) -> (N, H · rows, W · columns, C)."""
        batch, height, width, channels = input_shape
        rows, columns = self.size
        return batch, height and height * rows, width and width * columns, channels

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x with each pixel repeated."""
        return x.repeat(self.size[0], axis=1).repeat(self.size[1], axis=2)

    def backward(self, dy: Array) -> Array:
        """Return the sum of dy over each pixel's copies."""
        batch, height, width, channels = dy.shape
        rows, columns = self.size
        return dy.reshape(batch, height // rows, rows, width // columns, columns, channels).sum(axis=(2, 4))

"""The arguments of a check, drawn at random: shapes, windows, and the numbers in the arrays.

Shapes include one pixel, one channel and a batch of one; windows overlap, touch, leave gaps or extend over
the border. There are several kinds of random numbers ("flavours"), because normal ones do not show every
error.

Every draw uses two choices: an integer from a range, and one of several options. :class:`Draw`
makes them with a NumPy generator; the tests make them with Hypothesis, which then reduces a
failure to its simplest form.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

FLAVOURS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    # equal maxima, and zeros for the kinks
    "ties": lambda rng, shape: rng.integers(-1, 2, shape).astype(float),
    # the sum is exact, so the variance is 0
    "constant": lambda rng, shape: np.full(shape, rng.integers(-8, 9) / 8),
    "zero": lambda _, shape: np.zeros(shape),
    # a mean far larger than the deviation
    "offset": lambda rng, shape: rng.standard_normal(shape) + 100,
    # exponentials overflow
    "large": lambda rng, shape: rng.standard_normal(shape) * 1000,
}
# Where an operation is linear in each array, large numbers only scale the result and test nothing more.
MODERATE = ("normal", "ties", "constant", "zero")


class Draw:
    """Random choices, from a NumPy generator."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def integer(self, least: int, most: int) -> int:
        """Return an integer from ``least`` to ``most``, both included."""
        return int(self._rng.integers(least, most, endpoint=True))

    def choice(self, options: Sequence[Any]) -> Any:
        """Return one of the options."""
        return options[self.integer(0, len(options) - 1)]

    # ---- everything else uses these two --------------------------------------------------------------------

    def boolean(self) -> bool:
        """Return True or False."""
        return bool(self.choice([False, True]))

    def rng(self) -> np.random.Generator:
        """Return a generator with a seed that was drawn."""
        return np.random.default_rng(self.integer(0, 2**32 - 1))

    def array(self, shape: Any, flavours: Sequence[str] = tuple(FLAVOURS)) -> np.ndarray:
        """Return a float64 array of one of the flavours."""
        return FLAVOURS[self.choice(flavours)](self.rng(), shape)

    def moderate(self, shape: Any) -> np.ndarray:
        """Return an array of one of the flavours without very large numbers."""
        return self.array(shape, MODERATE)

    def maps(self, wide: bool = False) -> tuple[int, int, int, int]:
        """Return (N, H, W, C); ``wide``: with enough channels for whole vectors and a remainder."""
        channels = self.integer(15, 20) if wide and self.boolean() else self.integer(1, 3)
        return self.integer(1, 3 if wide else 2), self.integer(1, 6), self.integer(1, 6), channels

    def any_shape(self, wide: bool = False) -> tuple[int, ...]:
        """Return the shape of maps or of vectors."""
        return self.maps(wide) if self.boolean() else (self.integer(1, 4), self.integer(1, 9))

    def pair(self, most: int) -> tuple[int, int]:
        """Return two integers from 1 to ``most``."""
        return self.integer(1, most), self.integer(1, most)

    def window(self, shape: Sequence[int], dilated: bool = False) -> tuple[tuple[int, int], dict[str, Any]]:
        """Return (size, options): a window that fits into maps of ``shape``;
        strides, padding and dilation.
        """
        padding = self.choice(["valid", "same"])
        dilation = self.pair(2) if dilated else (1, 1)
        fitting = [4 if padding == "same" else (side - 1) // d + 1 for side, d in zip(shape[1:3], dilation)]
        height, width = (self.integer(1, min(4, most)) for most in fitting)
        options = {"strides": self.pair(3), "padding": padding}
        return (height, width), options | ({"dilation": dilation} if dilated else {})

    def matrices(self, images: int) -> np.ndarray:
        """Return affine maps (N, 2, 3): random ones, or flips with shifts by whole and half pixels."""
        rng = self.rng()
        if self.boolean():
            return np.eye(2, 3) + rng.standard_normal((images, 2, 3))
        matrices = np.zeros((images, 2, 3))
        matrices[:, [0, 1], [0, 1]] = rng.choice([-1.0, 1.0], (images, 2))
        matrices[:, :, 2] = rng.integers(-8, 9, (images, 2)) / 2
        return matrices

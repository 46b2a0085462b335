"""Hypothesis strategies for what operations are called with: shapes, windows, and the numbers in the arrays.

Shapes include one pixel, one channel and a batch of one; windows overlap, tile, leave gaps or stick out of the
map. Numbers come in flavours, because errors hide from ordinary ones.
"""

import numpy as np
from hypothesis import strategies as st

FLAVOURS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "ties": lambda rng, shape: rng.integers(-1, 2, shape).astype(
        float
    ),  # equal maxima, and zeros for the kinks
    "constant": lambda rng, shape: np.full(shape, rng.integers(-8, 9) / 8),  # sums exactly: the variance is 0
    "zero": lambda _, shape: np.zeros(shape),
    "offset": lambda rng, shape: rng.standard_normal(shape) + 100,  # a mean far larger than the deviation
    "large": lambda rng, shape: rng.standard_normal(shape) * 1000,  # exponentials overflow
}
MODERATE = [flavour for flavour in FLAVOURS if flavour not in ("offset", "large")]

seeds = st.integers(0, 2**32 - 1)


@st.composite
def arrays(draw, shape, flavours=tuple(FLAVOURS)):
    """A float64 array of the shape, of one of the flavours."""
    flavour = draw(st.sampled_from(flavours))
    return FLAVOURS[flavour](np.random.default_rng(draw(seeds)), shape)


@st.composite
def map_shapes(draw, wide=False):
    """(N, H, W, C); ``wide`` has channels enough for whole vectors of them and a rest."""
    channels = st.integers(1, 3) | st.integers(15, 20) if wide else st.integers(1, 3)
    return draw(st.integers(1, 3)), draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(channels)


@st.composite
def windows(draw, shape, dilated=False):
    """(size, options): a window that fits into maps of ``shape``, with options strides, padding and dilation."""
    padding = draw(st.sampled_from(["valid", "same"]))
    dilation = draw(st.tuples(*[st.integers(1, 2)] * 2)) if dilated else (1, 1)
    fitting = [4 if padding == "same" else (side - 1) // d + 1 for side, d in zip(shape[1:3], dilation)]
    size = tuple(draw(st.integers(1, min(4, most))) for most in fitting)
    options = {"strides": draw(st.tuples(*[st.integers(1, 3)] * 2)), "padding": padding}
    return size, options | ({"dilation": dilation} if dilated else {})


@st.composite
def affine_matrices(draw, images):
    """(N, 2, 3): anything, or flips with shifts by whole and half pixels (a tie when rounded)."""
    rng = np.random.default_rng(draw(seeds))
    if draw(st.booleans()):
        return np.eye(2, 3) + rng.standard_normal((images, 2, 3))
    matrices = np.zeros((images, 2, 3))
    matrices[:, [0, 1], [0, 1]] = rng.choice([-1.0, 1.0], (images, 2))
    matrices[:, :, 2] = rng.integers(-8, 9, (images, 2)) / 2
    return matrices

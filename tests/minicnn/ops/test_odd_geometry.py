"""Windows at the limits: wider than the map, further apart than it is long, with
holes that step over every pixel.
"""

import numpy as np
import pytest

from minicnn import ops
from minicnn.gradient_check import worst_error

GEOMETRIES = [  # map, kernel, strides, padding, dilation
    ((1, 1), (2, 2), (2, 2), "same", (5, 5)),  # no window meets the only pixel
    ((1, 1), (2, 1), (3, 1), "same", (4, 1)),
    ((1, 3), (4, 4), (1, 1), "same", (1, 1)),
    ((2, 2), (1, 1), (5, 5), "valid", (1, 1)),
    ((3, 7), (2, 3), (5, 2), "valid", (2, 1)),
    ((7, 3), (3, 2), (2, 5), "same", (1, 2)),
    ((6, 5), (2, 4), (1, 3), "same", (3, 1)),
    ((5, 6), (4, 2), (3, 1), "same", (1, 3)),
    ((9, 4), (2, 2), (4, 3), "valid", (1, 1)),  # pixels that no window meets
    ((8, 8), (3, 3), (1, 1), "valid", (3, 3)),
]


@pytest.mark.parametrize("name", ["conv2d", "depthwise_conv2d"])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_kernels_equal_the_definition(name, geometry, rng):
    (height, width), size, strides, padding, dilation = geometry
    x, kernel = rng.standard_normal((2, height, width, 2)), rng.standard_normal((*size, 2, 3))
    results = []
    for implementation in ops.IMPLEMENTATIONS:
        with ops.use(implementation):
            y, cache = getattr(ops, f"{name}_forward")(x, kernel, None, strides, padding, dilation)
            dy = np.random.default_rng(0).standard_normal(y.shape)
            results.append([y, *getattr(ops, f"{name}_backward")(dy, cache)[:2]])
    for one, other in zip(*results):
        assert worst_error(one, other) <= 1e-12


@pytest.mark.parametrize("name", ["max_pool2d", "average_pool2d"])
@pytest.mark.parametrize("geometry", [g for g in GEOMETRIES if g[4] == (1, 1)], ids=str)
def test_pools_equal_the_definition(name, geometry, rng):
    (height, width), size, strides, padding, _ = geometry
    x, results = rng.standard_normal((2, height, width, 3)), []
    for implementation in ops.IMPLEMENTATIONS:
        with ops.use(implementation):
            y, cache = getattr(ops, f"{name}_forward")(x, size, strides, padding)
            dy = np.random.default_rng(0).standard_normal(y.shape)
            results.append([y, getattr(ops, f"{name}_backward")(dy, cache)])
    for one, other in zip(*results):
        assert worst_error(one, other) <= 1e-12

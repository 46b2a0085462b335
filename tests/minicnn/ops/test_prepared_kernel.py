"""A kernel that is prepared once and used for many forward passes: the same bits, and its own copy."""

import numpy as np
import pytest

from minicnn import ops
from minicnn.ops.kernels import convolution, winograd

GEOMETRIES = [  # height, width, channels, filters, kernel size, options
    (9, 7, 20, 24, (3, 3), {"padding": "same"}),  # Winograd, channels that fill no vector
    (6, 6, 16, 5, (3, 3), {"padding": "valid"}),
    (9, 9, 16, 16, (3, 3), {"padding": "same"}),  # three tiles of 3 outputs across
    (9, 8, 3, 5, (3, 3), {"padding": "same"}),  # direct
    (9, 8, 3, 33, (2, 4), {"strides": (2, 1), "dilation": (1, 2)}),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_it_computes_what_the_operation_computes(geometry, with_bias, dtype, rng):
    height, width, channels, filters, size, options = geometry
    kernel = rng.standard_normal((*size, channels, filters)).astype(dtype)
    bias = rng.standard_normal(filters).astype(dtype) if with_bias else None
    prepared = convolution.prepare_kernel(kernel, (0, height, width, channels), **options)
    for images in (1, 3):
        x = rng.standard_normal((images, height, width, channels)).astype(dtype)
        with ops.use("kernels"):
            y, _ = ops.conv2d_forward(x, kernel, bias, **options)
        assert np.array_equal(convolution.forward_prepared(x, prepared, bias), y)


@pytest.mark.parametrize("channels", [3, 16])
def test_it_keeps_its_numbers_when_the_weight_changes(channels, rng):
    kernel, x = rng.standard_normal((3, 3, channels, 4)), rng.standard_normal((2, 5, 5, channels))
    prepared = convolution.prepare_kernel(kernel, x.shape)
    before = convolution.forward_prepared(x, prepared)
    kernel[...] = 0
    assert np.array_equal(convolution.forward_prepared(x, prepared), before)
    assert not convolution.forward_prepared(x, convolution.prepare_kernel(kernel, x.shape)).any()


FEW_TILES = [  # height, width, channels, filters
    (6, 6, 32, 256),
    (12, 12, 20, 96),  # three panels of AVX-512, one of them half full
    (6, 5, 16, 40),
    (3, 3, 16, 5),  # no filters to share
    (24, 24, 16, 48),
]


@pytest.mark.parametrize("size", FEW_TILES, ids=str)
def test_the_threads_may_share_tiles_or_filters(size, monkeypatch, rng):
    height, width, channels, filters = size
    x = rng.standard_normal((1, height, width, channels)).astype(np.float32)
    kernel, bias = (rng.standard_normal((3, 3, channels, filters)), rng.standard_normal(filters))
    with ops.use("reference"):
        exact, _ = ops.conv2d_forward(np.float64(x), kernel, bias, padding="same")
    kernel, bias = np.float32(kernel), np.float32(bias)
    prepared = convolution.prepare_kernel(kernel, x.shape, padding="same")
    found, ways = [], set()
    for threads in (1, 2, 3, 8, 64):
        monkeypatch.setattr(winograd, "get_num_threads", lambda threads=threads: threads)
        found.append(convolution.forward_prepared(x, prepared, bias))
        lanes = winograd.VECTOR_BYTES // 4
        shape = 1, height, width, -(-channels // lanes) * lanes
        whole = -(-filters // lanes) * lanes
        plan = winograd._forward_plan(
            shape, whole, prepared.transformed.nbytes, x.dtype, 1, 1, height, width, threads
        )
        ways.add(len(plan.k_ends) - 1)
        assert plan.k_ends[0] == 0
        assert plan.k_ends[-1] == whole
    assert all(np.array_equal(found[0], each) for each in found)
    assert np.abs(found[0] - exact).max() <= 1e-5 * np.abs(exact).max()
    assert ways >= {1} | ({8} if filters == 256 else set())

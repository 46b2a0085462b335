"""Winograd's convolution cut into many blocks, pieces and panels, which small maps alone would not fill."""

import numpy as np
import pytest

from minicnn import ops
from minicnn.ops.kernels import memory, winograd

BOUNDS = {"float64": 1e-12, "float32": 1e-5}
SIZES = [  # images, height, width, channels, filters
    (2, 13, 10, 16, 16),
    (3, 6, 9, 17, 36),  # several panels of filters, and channels that do not fill a vector
    (1, 14, 14, 40, 20),
    (5, 3, 3, 24, 33),
    (2, 7, 15, 16, 16),  # one row or column more than whole tiles
    (2, 15, 7, 16, 3),
    (1, 6, 6, 16, 40),
    (13, 4, 4, 16, 16),  # one tile each: one more than a register tile of 12 (or two of 6) rows
]


@pytest.fixture(params=["whole", "small blocks", "many pieces"])
def blocks(request, monkeypatch):
    """Small blocks: each of two pieces of the work is several; many pieces: each is
    one block. All memory is fresh.
    """
    monkeypatch.setattr(memory, "_scratch", {})
    winograd._forward_plan.cache_clear()
    if request.param != "whole":
        monkeypatch.setattr(winograd, "BLOCK_BYTES", (1, 1))
        monkeypatch.setattr(winograd, "GRADIENT_BLOCK_BYTES", (1, 1))
    if request.param == "small blocks":
        monkeypatch.setattr(winograd, "CHUNKS", 2)
    yield
    winograd._forward_plan.cache_clear()


@pytest.mark.parametrize("shared_by", ["tiles", "channels"])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_blocks_change_nothing(size, dtype, padding, shared_by, blocks, monkeypatch, rng):
    monkeypatch.setattr(winograd, "PARTIAL_BYTES", 1 if shared_by == "channels" else 2**40)
    images, height, width, channels, filters = size
    arrays = [
        rng.standard_normal(shape).astype(dtype)
        for shape in ((images, height, width, channels), (3, 3, channels, filters), (filters,))
    ]
    results = []
    for implementation, kind in (("kernels", dtype), ("reference", "float64")):
        with ops.use(implementation):
            y, cache = ops.conv2d_forward(*(array.astype(kind) for array in arrays), padding=padding)
            dy = np.random.default_rng(0).standard_normal(y.shape).astype(dtype)
            results.append([y, *ops.conv2d_backward(dy.astype(kind), cache)])
    for fast, exact in zip(*results):
        assert fast.dtype == dtype
        assert fast.flags.c_contiguous
        assert np.abs(fast - exact).max() <= BOUNDS[dtype] * np.abs(exact).max()

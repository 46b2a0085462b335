"""Shift equivariance: where windows do not see the border, what moves by one stride
moves the output by one pixel.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops
from minicnn.gradient_check import worst_error
from tests.properties.draw import HypothesisDraw, seeds


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize("name", ["conv2d", "depthwise_conv2d", "max_pool2d", "average_pool2d"])
@given(data=st.data(), seed=seeds)
def test_what_moves_by_a_stride_moves_the_output_by_a_pixel(name, implementation, data, seed):
    draw, rng = HypothesisDraw(data), np.random.default_rng(seed)
    channels = draw.choice([1, 3, 16])
    size, strides, moved = draw.pair(3), draw.pair(2), (draw.integer(0, 2), draw.integer(0, 2))
    if "conv" in name:
        dilation = draw.pair(2)
        kernel = rng.standard_normal((*size, channels, 2))
        options = {"kernel": kernel, "strides": strides, "dilation": dilation}
    else:
        dilation = (1, 1)
        options = {"pool_size": size, "strides": strides}
    height, width = (
        (s - 1) * d + 1 + stride * (m + 2) for s, d, stride, m in zip(size, dilation, strides, moved)
    )
    x = rng.standard_normal((2, height, width, channels))
    down, across = moved
    shifted = x[:, down * strides[0] :, across * strides[1] :]
    with ops.use(implementation):
        forward = getattr(ops, f"{name}_forward")
        whole, part = forward(x, **options)[0], forward(shifted, **options)[0]
    assert part.shape[1] >= 2
    assert worst_error(part, whole[:, down:, across:]) <= 1e-12

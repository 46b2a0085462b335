"""Which convolutions go by Winograd's algorithm, and that those beside them are computed right."""

import numpy as np
import pytest

from minicnn import ops
from minicnn.gradient_check import worst_error
from minicnn.ops.kernels import convolution

ONE = (1, 1)


@pytest.mark.parametrize(
    ("size", "strides", "dilation", "channels", "suits"),
    [
        ((3, 3), ONE, ONE, 16, True),
        ((3, 3), ONE, ONE, 64, True),
        ((3, 3), ONE, ONE, 15, False),
        ((3, 1), ONE, ONE, 16, False),
        ((1, 3), ONE, ONE, 16, False),
        ((5, 5), ONE, ONE, 16, False),
        ((3, 3), (2, 1), ONE, 16, False),
        ((3, 3), (1, 2), ONE, 16, False),
        ((3, 3), ONE, (2, 1), 16, False),
        ((3, 3), ONE, (1, 2), 16, False),
        ((3, 3), (2, 2), (2, 2), 16, False),
        ((3, 3), (2, 1), (2, 1), 16, False),
        ((3, 3), (1, 2), (1, 2), 16, False),
    ],
)
def test_three_by_three_one_step_apart_with_channels_enough(size, strides, dilation, channels, suits, rng):
    window = strides, "same", dilation
    assert convolution._use_winograd((*size, channels, channels), window, channels) == suits
    x, kernel = rng.standard_normal((2, 7, 6, channels)), rng.standard_normal((*size, channels, channels))
    results = []
    for implementation in ops.IMPLEMENTATIONS:
        with ops.use(implementation):
            y, cache = ops.conv2d_forward(x, kernel, None, *window)
            dy = np.random.default_rng(0).standard_normal(y.shape)
            results.append([y, *ops.conv2d_backward(dy, cache)[:2]])
    assert max(worst_error(one, other) for one, other in zip(*results)) <= 1e-12


@pytest.mark.parametrize(("channels", "filters"), [(16, 3), (3, 16)])
def test_each_pass_is_chosen_by_the_channels_that_it_reads(channels, filters, monkeypatch, rng):
    went = []
    for name in ("forward", "input_gradient", "kernel_gradient"):
        real = getattr(convolution.winograd, name)
        monkeypatch.setattr(
            convolution.winograd, name, lambda *a, name=name, real=real: went.append(name) or real(*a)
        )
    x, kernel = rng.standard_normal((1, 5, 5, channels)), rng.standard_normal((3, 3, channels, filters))
    with ops.use("kernels"):
        y, cache = ops.conv2d_forward(x, kernel)
        ops.conv2d_backward(y, cache)
    assert went == (["forward", "kernel_gradient"] if channels == 16 else ["input_gradient"])

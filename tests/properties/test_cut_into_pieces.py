"""Kernels cut their work into pieces: more images, rows or entries than pieces, fewer, a
number that does not divide.

The random cases of the other tests are small, so a piece of theirs holds one image at most.
"""

import numpy as np
import pytest

from minicnn import ops
from minicnn.gradient_check import worst_error
from minicnn.gradient_check.suite.operations import Case
from minicnn.ops.kernels.parallel import CHUNKS
from tests.minicnn.ops.test_dropout import GAMMA, splitmix64
from tests.properties.fused import by_definition, by_kernel

BOUNDS = {"float64": 1e-12, "float32": 2e-5}
MAPS = {  # operation -> (shape of an image, of the kernel, options)
    "conv2d": ((4, 3, 2), (3, 2, 2, 3), {"padding": "same"}),
    "conv2d by Winograd": ((5, 4, 16), (3, 3, 16, 16), {"padding": "same"}),
    "conv2d with steps": ((5, 4, 2), (2, 3, 2, 5), {"strides": (2, 1), "dilation": (1, 1)}),
    "conv2d, one number": ((2, 2, 1), (1, 1, 1, 1), {}),
    "depthwise_conv2d": ((4, 3, 2), (2, 2, 2, 2), {"padding": "same"}),
    "dense": ((7,), (7, 5), {}),
    "max_pool2d": ((4, 3, 2), None, {"strides": (1, 1)}),
    "average_pool2d": ((4, 3, 2), None, {"strides": (1, 1), "padding": "same"}),
    "global_average_pool2d": ((2, 3, 2), None, {}),
    "softmax": ((5,), None, {}),
    "log_softmax": ((5,), None, {}),
    "relu": ((3,), None, {}),
    "gelu": ((3,), None, {}),
    "dropout": ((3, 2), None, {"rate": 0.4, "key": 5}),
}


def run(implementation, name, arrays, options, dy=None):
    with ops.use(implementation):
        y, *others, cache = getattr(ops, f"{name}_forward")(*arrays, **options)
        if dy is None:
            dy = np.random.default_rng(0).standard_normal(y.shape).astype(y.dtype)
        gradients = getattr(ops, f"{name}_backward")(dy, cache)
    return [y, *others, *(gradients if isinstance(gradients, tuple) else [gradients])]


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("images", [CHUNKS - 1, CHUNKS + 1, 2 * CHUNKS + 5])
@pytest.mark.parametrize("case", MAPS)
def test_batches_of_any_size(case, images, dtype, rng):
    image, kernel, options = MAPS[case]
    arrays = [rng.standard_normal((images, *image)).astype(dtype)]
    if kernel:
        outputs = kernel[-1] * (kernel[-2] if "depthwise" in case else 1)
        arrays += [rng.standard_normal(kernel).astype(dtype), rng.standard_normal(outputs).astype(dtype)]
    name = case.partition(" ")[0].strip(",")
    fast = run("kernels", name, arrays, options)
    exact = run("reference", name, [array.astype(float) for array in arrays], options)
    for one, other in zip(fast, exact):
        assert worst_error(one.astype(float), other) <= BOUNDS[dtype]


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("rows", [1, CHUNKS - 1, CHUNKS + 1, 5000])
def test_batch_norm_over_any_number_of_rows(rows, relu, rng):
    """5000 rows of 3 channels are several blocks to a piece."""
    x, gamma, beta = (
        rng.standard_normal((rows, 3)) + np.array([0, 5, -100]),
        rng.standard_normal(3),
        rng.standard_normal(3),
    )
    dy = rng.standard_normal((rows, 3))
    case = Case({"x": x, "gamma": gamma, "beta": beta}, {"epsilon": 1e-3})
    if relu:
        fast, exact = (compute("batch_norm", case, dy).values() for compute in (by_kernel, by_definition))
    else:
        arrays = [x, gamma, beta]
        fast, exact = (run(name, "batch_norm", arrays, case.options, dy) for name in ("kernels", "reference"))
    for one, other in zip(fast, exact, strict=True):
        assert worst_error(one, other) <= 1e-10


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
def test_an_entry_whose_bits_are_the_threshold_is_kept(implementation):
    """Kept where bits >= rate · 2²⁴: a rate made of an entry's own bits keeps it,
    the next larger one does not.
    """
    with ops.use(implementation):
        low, high = 0, 2**24  # entry 0 is kept at rate low/2²⁴, dropped at high/2²⁴
        while high - low > 1:
            middle = (low + high) // 2
            y, _ = ops.dropout_forward(np.ones((1, 1)), middle / 2**24, key=8)
            low, high = (middle, high) if y.item() else (low, middle)
    assert low == splitmix64(splitmix64(8) + GAMMA) >> 40

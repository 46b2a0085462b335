"""A NaN reaches the same entries with the kernels as by the definition, and no others."""

import numpy as np
import pytest

from minicnn import ops
from minicnn.gradient_check.suite.draw import Draw
from minicnn.gradient_check.suite.operations import OPERATIONS

# Winograd's algorithm computes a tile of outputs from a tile of inputs, so a NaN reaches the whole tile. In all three,
# where the one multiplies NaN by a weight or a padding of 0, the other leaves the term out.
NOT_ALIKE = {"conv2d", "depthwise_conv2d", "affine_transform"}

both = pytest.mark.usefixtures("implementation")


def results(name, case, dy, implementation):
    op = OPERATIONS[name]
    with ops.use(implementation), np.errstate(invalid="ignore"):
        found, cache = op.forward(case.arrays, case.options)
        return dict(enumerate(found)) | op.backward(dy, cache, case.arrays)


@pytest.mark.parametrize("where", ["x", "dy"])
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in NOT_ALIKE])
def test_nan_is_where_the_definition_has_it(name, where):
    for seed in range(6):
        case = OPERATIONS[name].draw(Draw(np.random.default_rng(seed)), False).astype("float64")
        with ops.use("reference"):
            y = OPERATIONS[name].y(case.arrays, case.options)
        dy = np.random.default_rng(seed).standard_normal(y.shape)
        array = dy if where == "dy" else next(iter(case.arrays.values()))
        array.flat[array.size // 2] = np.nan
        exact, fast = (results(name, case, dy, each) for each in ops.IMPLEMENTATIONS)
        for result in exact:
            assert np.array_equal(np.isnan(fast[result]), np.isnan(exact[result])), (seed, result)


@both
def test_frozen_batch_norm_passes_nan_of_its_own_entry_only():
    """With constant mean and variance dx = dy·γ/√(σ² + ε): of that entry alone, whatever x is."""
    x, dy = np.random.default_rng(0).standard_normal((2, 3, 4, 4, 2))
    x[0, 0, 0, 0], dy[1, 1, 1, 1] = np.nan, np.nan
    gamma, variance = np.array([2.0, -1.0]), np.array([4.0, 0.25])
    _, cache = ops.batch_norm_inference_forward(x, gamma, np.zeros(2), np.ones(2), variance, epsilon=0.0)
    dx, dgamma, dbeta = ops.batch_norm_inference_backward(dy, cache)
    np.testing.assert_allclose(dx, dy * [1, -2], rtol=1e-15)
    assert np.isnan(dgamma).all()
    assert np.isnan(dbeta).tolist() == [False, True]

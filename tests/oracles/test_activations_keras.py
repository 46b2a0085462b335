"""Every activation of the table beside Keras's of the same name: values and slopes, at
ordinary and extreme numbers.

Keras differentiates with PyTorch; here it is by hand. The kinks are in the grid too: PyTorch and minicnn
choose the same slope there.
"""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")

from minicnn import activations, layers, ops  # noqa: E402

SIZES = [
    0.0,
    1e-30,
    1e-12,
    1e-5,
    0.1,
    0.5,
    1.0,
    2.5,
    3.0,
    6.0,
    10.0,
    20.0,
    30.0,
    80.0,
    90.0,
    700.0,
    750.0,
    1e4,
]
GRID = np.array([-size for size in SIZES] + SIZES).reshape(-1, 4)
PRECISION = {"float64": 1e-12, "float32": 1e-6}


def other_options(row):
    """The options with Keras's values, and with others."""
    if row is activations.TABLE["relu6"]:
        return [row.options, {"max_value": 2.75, "negative_slope": 0.25, "threshold": 0.75}]
    others = {name: not value if isinstance(value, bool) else 0.5 for name, value in row.options.items()}
    return [row.options, others] if others else [{}]


TRIALS = [(row, options) for row in activations.TABLE.values() for options in other_options(row)]
IDS = [" ".join([row.name, *map(str, options.values())]) for row, options in TRIALS]


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize(("row", "options"), TRIALS, ids=IDS)
def test_values_and_slopes(row, options, dtype, implementation, computing_in, rng):
    computing_in(dtype)
    x, leaf = GRID.astype(dtype), torch.tensor(GRID.astype(dtype), requires_grad=True)
    name = "relu" if row.name == "relu6" else row.name  # Keras's relu6 has no options
    expected = getattr(keras.activations, name)(leaf, **options)
    dy = rng.standard_normal(x.shape).astype(dtype)
    expected.backward(torch.tensor(dy))
    with ops.use(implementation):
        y, cache = row.forward(x, **options)
        dx = row.backward(dy, cache)
        by_itself = row.function(x, **options)
        named = layers.Activation(row.name)
        named.options = options
        np.testing.assert_array_equal(named(x), by_itself)
    tolerance = PRECISION[dtype]
    for ours, theirs in ((y, expected.detach()), (by_itself, expected.detach()), (dx, leaf.grad)):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", activations.TABLE)
def test_an_activation_by_its_name_has_the_options_of_keras(name, computing_in):
    computing_in("float64")
    expected = keras.layers.Activation(name)(torch.tensor(GRID)).detach().numpy()
    np.testing.assert_allclose(layers.Activation(name)(GRID), expected, rtol=1e-12, atol=1e-12)

"""Every row of ``python -m minicnn.gradient_check``: gradients, kernels and
float32, each within its bound.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import layers, losses, ops, regularizers
from minicnn.gradient_check.suite import ROWS
from minicnn.gradient_check.suite.layers import LAYERS
from minicnn.gradient_check.suite.losses import LOSSES, REGULARIZERS
from minicnn.gradient_check.suite.operations import OPERATIONS
from minicnn.gradient_check.suite.updates import UPDATES
from tests.properties.draw import HypothesisDraw


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@given(data=st.data())
def test_every_error_is_within_its_bound(row, data):
    outcome = row.run(HypothesisDraw(data))
    assert outcome.backward is None or outcome.backward <= row.bounds["backward"], str(outcome.report)
    assert outcome.kernels is None or outcome.kernels <= row.bounds["kernels"]
    assert outcome.float32 is None or outcome.float32 <= row.bounds["float32"]


def public(module, base):
    """The classes of a module, without the base."""
    classes = {value for value in vars(module).values() if isinstance(value, type)}
    return {kind for kind in classes - {base} if issubclass(kind, base) and not kind.__name__.startswith("_")}


def test_nothing_is_left_out():
    forwards = {name.removesuffix("_forward") for name in vars(ops.reference) if name.endswith("_forward")}
    assert set(OPERATIONS) == forwards
    assert set(UPDATES) == {name for name in vars(ops.reference) if name.endswith("_update")}
    assert set(LAYERS) == public(layers, layers.Layer) - {
        layers.InputLayer,
        layers.Lambda,
    }  # nothing; a function of its user
    assert set(LOSSES) == public(losses, losses.Loss)
    assert set(REGULARIZERS) == public(regularizers, regularizers.Regularizer)

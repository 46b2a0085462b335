"""A batch is its samples: each one's y and dx are those of the sample alone, and weight gradients add up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import ops
from minicnn.gradient_check import worst_error
from minicnn.gradient_check.suite.operations import OPERATIONS
from tests.properties.draw import HypothesisDraw, seeds

BOUND = 1e-12


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
@pytest.mark.parametrize("name", [name for name, op in OPERATIONS.items() if op.samplewise])
@given(data=st.data(), seed=seeds)
def test_a_batch_is_its_samples(name, implementation, data, seed):
    op = OPERATIONS[name]
    case = op.draw(HypothesisDraw(data), False)
    samples, *weights = case.arrays
    with ops.use(implementation):
        (y,), cache = op.forward(case.arrays, case.options)
        dy = np.random.default_rng(seed).standard_normal(y.shape)
        together = op.backward(dy, cache, case.arrays)
        alone = []
        for i in range(len(y)):
            one = slice(i, i + 1)
            arrays = case.arrays | {samples: case.arrays[samples][one]}
            options = case.options | {option: case.options[option][one] for option in op.sample_options}
            (y_alone,), cache = op.forward(arrays, options)
            assert worst_error(y_alone, y[one]) <= BOUND
            alone.append(op.backward(dy[one], cache, arrays))
    assert worst_error(np.concatenate([each[samples] for each in alone]), together[samples]) <= BOUND
    for weight in weights:
        assert worst_error(sum(each[weight] for each in alone), together[weight]) <= BOUND

"""minicnn.ops from outside: names, documentation, source and types are the definition's."""

import inspect
import typing
from pathlib import Path

import numpy as np
import pytest

from minicnn import ops
from minicnn.ops import reference

OPERATIONS = [name for name in dir(reference) if inspect.isfunction(getattr(reference, name))]


def test_every_operation_is_named():
    assert len(OPERATIONS) > 40
    assert set(OPERATIONS) <= set(dir(ops))
    assert sorted(ops.NAMES) == OPERATIONS
    files = [path for path in Path(reference.__file__).parent.glob("[a-z]*.py") if path.stem != "windows"]
    listed = {
        n for path in files for n in __import__(f"{reference.__name__}.{path.stem}", fromlist="*").__all__
    }
    assert set(OPERATIONS) == listed


@pytest.mark.parametrize("name", OPERATIONS)
def test_documentation_and_source_are_the_definition(name):
    operation, definition = getattr(ops, name), getattr(reference, name)
    assert inspect.unwrap(operation) is definition
    assert operation.__doc__ == definition.__doc__
    assert Path(inspect.getsourcefile(inspect.unwrap(operation))).parent.name == "reference"
    assert inspect.getsource(operation).startswith(f"def {name}(")
    assert inspect.signature(operation) == inspect.signature(definition)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_argument_and_result_is_typed(name):
    definition = getattr(reference, name)
    assert typing.get_type_hints(definition).keys() == {*inspect.signature(definition).parameters, "return"}


def test_an_operation_runs_in_the_implementation_in_use():
    for implementation in ops.IMPLEMENTATIONS:
        with ops.use(implementation):
            assert ops.active() == implementation
            _, (first, _) = ops.gelu_forward(np.ones(2))
        # the reference keeps x first, the kernels which of two forms they ran
        assert isinstance(first, np.ndarray) == (implementation == "reference")

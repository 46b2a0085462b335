"""The table of activations holds together, and each of its rows is written down
where a reader looks for it.
"""

import inspect
import sys
from pathlib import Path

import pytest

import minicnn
from minicnn import activations, ops

DERIVATIONS = Path(minicnn.__file__).parents[1] / "docs" / "backprop"
ROWS = pytest.mark.parametrize("row", activations.TABLE.values(), ids=lambda row: row.name)


@ROWS
def test_a_row_is_found_by_its_name(row):
    assert row.name in activations.__all__
    assert getattr(activations, row.name) is activations.get(row.name) is row.function
    assert activations.serialize(row.function) == row.name


@ROWS
def test_the_options_are_those_of_the_function_and_of_the_forward_pass(row):
    own = {
        name: each.default for name, each in inspect.signature(row.function).parameters.items() if name != "x"
    }
    assert row.options.items() <= own.items()
    assert list(inspect.signature(row.forward).parameters) == ["x", *row.options]


@ROWS
def test_a_row_has_its_derivation_and_its_formula(row):
    page = "softmax_cross_entropy.md" if row.by_row else "activations.md"
    assert f"(`{row.name}`)" in (DERIVATIONS / page).read_text(encoding="utf-8")
    if row.function is not activations.linear:
        assert f"\n    {row.name} " in sys.modules[row.forward.__module__].__doc__


def test_no_two_passes_of_one_activation_are_left_out():
    """What has the name of an activation's pass is in the table: a pass without a
    row would not be tested as one.
    """
    known = {row.forward for row in activations.TABLE.values()}
    passes = vars(ops.reference.activations)["__all__"]
    assert {getattr(ops, name) for name in passes if name.endswith("_forward")} <= known

"""The table of activations holds together, and each of its rows is written down
where a reader looks for it.
"""

import inspect
import sys
from pathlib import Path

import numpy as np
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


@pytest.mark.parametrize(
    ("options", "y"),
    [  # from the documentation of keras.activations.relu
        ({"negative_slope": 0.5}, [-5.0, -2.5, 0.0, 5.0, 10.0]),
        ({"max_value": 5.0}, [0.0, 0.0, 0.0, 5.0, 5.0]),
        ({"threshold": 5.0}, [0.0, 0.0, 0.0, 0.0, 10.0]),
        ({"threshold": 5.0, "negative_slope": 2.0, "max_value": 7.0}, [-30.0, -20.0, -10.0, 0.0, 7.0]),
    ],
)
def test_relu_of_arrays(options, y):
    found = activations.relu(np.array([-10, -5, 0.0, 5, 10], np.float32), **options)
    np.testing.assert_array_equal(found, y)
    assert found.dtype == np.float32


@pytest.mark.parametrize("implementation", ops.IMPLEMENTATIONS)
def test_relu_with_a_limit_of_infinities(implementation):
    with ops.use(implementation):
        y, cache = ops.relu6_forward(np.array([-np.inf, 3, 5, 9, 1e30]), None, 0.0, 4.0)
        np.testing.assert_array_equal(y, [0, 0, 5, 9, 1e30])
        np.testing.assert_array_equal(ops.relu6_backward(np.full(5, 7.0), cache), [0, 0, 7, 7, 7])
        np.testing.assert_array_equal(activations.relu6(np.array([-np.inf, -1, np.inf])), [0, 0, 6])


def test_softmax_along_another_axis():
    x = np.arange(12.0).reshape(2, 3, 2) ** 1.5
    for function in (activations.softmax, activations.log_softmax):
        for axis in (0, 1, -2):
            np.testing.assert_array_equal(
                function(x, axis=axis), np.moveaxis(function(np.moveaxis(x, axis, -1)), -1, axis)
            )
        np.testing.assert_array_equal(function(x, axis=2), function(x))
    np.testing.assert_allclose(activations.softmax(x, axis=1).sum(axis=1), 1)


@ROWS
def test_an_activation_of_a_symbol_is_a_layer(row):
    x = minicnn.Input((5,))
    y = row.function(x)
    assert y.shape == (None, 5)
    values = np.linspace(-2, 2, 10, dtype=np.float32).reshape(2, 5)
    np.testing.assert_array_equal(minicnn.Model(x, y)(values), row.function(values))


def test_options_of_an_activation_of_a_symbol():
    x, values = minicnn.Input((5,)), np.linspace(-2, 2, 10, dtype=np.float32).reshape(2, 5)
    for function, options in (
        (activations.relu, {"negative_slope": 0.5}),
        (activations.relu, {"max_value": 1.0, "negative_slope": 0.5, "threshold": 0.25}),
        (activations.leaky_relu, {"negative_slope": 0.1}),
        (activations.elu, {"alpha": 0.7}),
        (activations.softmax, {"axis": 1}),
    ):
        model = minicnn.Model(x, function(x, **options))
        for each in (model, minicnn.models.clone_model(model)):
            np.testing.assert_array_equal(each(values), function(values, **options))
    for function, options in (
        (activations.gelu, {"approximate": True}),
        (activations.softmax, {"axis": 0}),
    ):
        with pytest.raises(NotImplementedError, match=next(iter(options))):
            function(x, **options)

"""Layers that join several inputs, by hand; their gradients are rows of the table
(tests/properties/test_rows.py).
"""

import numpy as np
import pytest

from minicnn import layers

A, B, C = np.array([[1.0, 5.0, 2.0]]), np.array([[4.0, 5.0, -1.0]]), np.array([[2.0, 2.0, 2.0]])
DY = np.array([[1.0, 10.0, 100.0]])


@pytest.mark.parametrize(
    ("layer", "x", "y", "dx"),
    [
        (layers.Add(), [A, B, C], [7, 12, 3], [[1, 10, 100]] * 3),
        (layers.Subtract(), [A, B], [-3, 0, 3], [[1, 10, 100], [-1, -10, -100]]),
        (layers.Average(), [A, C], [1.5, 3.5, 2], [[0.5, 5, 50]] * 2),
        (layers.Multiply(), [A, B, C], [8, 50, -4], [[8, 100, -200], [2, 100, 400], [4, 250, -200]]),
        # a tie: the first gets it
        (layers.Maximum(), [A, B, C], [4, 5, 2], [[0, 10, 100], [1, 0, 0], [0, 0, 0]]),
        (layers.Minimum(), [A, B, C], [1, 2, -1], [[1, 0, 0], [0, 0, 100], [0, 10, 0]]),
        (layers.Multiply(), [A], [1, 5, 2], [[1, 10, 100]]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_by_hand(layer, x, y, dx):
    np.testing.assert_array_equal(layer(x), [y])
    np.testing.assert_array_equal(layer.backward(DY), np.array(dx, float)[:, None])


def test_what_is_repeated_gets_the_sum():
    maps, pixel = np.arange(8.0).reshape(1, 2, 2, 2), np.array([10.0, 100.0]).reshape(1, 1, 1, 2)
    layer = layers.Multiply()
    np.testing.assert_array_equal(layer([maps, pixel]), maps * pixel)
    dmaps, dpixel = layer.backward(np.ones((1, 2, 2, 2)))
    np.testing.assert_array_equal(dmaps, np.broadcast_to(pixel, maps.shape))
    np.testing.assert_array_equal(dpixel, [[[[0 + 2 + 4 + 6, 1 + 3 + 5 + 7]]]])


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_concatenate_puts_together_and_cuts_apart(axis, rng):
    parts = [rng.standard_normal([length if i == axis % 4 else 3 for i in range(4)]) for length in (2, 1, 4)]
    layer = layers.Concatenate(axis)
    y = layer(parts)
    np.testing.assert_array_equal(y, np.concatenate(parts, axis))
    assert y.shape == layer.compute_output_shape([part.shape for part in parts])
    for part, dpart in zip(parts, layer.backward(y)):
        np.testing.assert_array_equal(dpart, part)


def test_small_names():
    np.testing.assert_array_equal(layers.add([A, B]), A + B)
    np.testing.assert_array_equal(layers.subtract([A, B]), A - B)
    np.testing.assert_array_equal(layers.average([A, B]), (A + B) / 2)
    np.testing.assert_array_equal(layers.multiply([A, B]), A * B)
    np.testing.assert_array_equal(layers.maximum([A, B]), np.maximum(A, B))
    np.testing.assert_array_equal(layers.minimum([A, B]), np.minimum(A, B))
    np.testing.assert_array_equal(layers.concatenate([A[:, None], B[:, None]], axis=1), [[A[0], B[0]]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "kind", ["Add", "Subtract", "Average", "Multiply", "Maximum", "Minimum", "Concatenate"]
)
def test_dtype_is_kept(kind, dtype):
    layer = getattr(layers, kind)()
    x = [A.astype(dtype), B.astype(dtype)]
    y = layer(x)
    assert y.dtype == dtype
    assert [dx.dtype for dx in layer.backward(y)] == [dtype, dtype]
    assert layer([[[1, 2, 3]], [[1, 2, 3]]]).dtype == dtype


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.Add()(A), r"expected a list of several inputs, Add\(\)\(\[a, b\]\)"),
        (lambda: layers.Add()([]), "expected a list"),
        (lambda: layers.Subtract()([A, B, C]), "expected a list of two"),
        (
            lambda: layers.Add()([np.ones((2, 3)), np.ones((2, 4))]),
            r"\(2, 3\) and \(2, 4\) do not fit together",
        ),
        (lambda: layers.Add()([np.ones((2, 3)), np.ones((2, 1, 3))]), r"\(2, 3\) and \(2, 1, 3\) do not"),
        (
            lambda: layers.add([layers.Input((4, 4, 3)), layers.Input((4, 4, 2))]),
            r"Conv2D\(3, 1, strides=…\)",
        ),
        (
            lambda: layers.Concatenate()([np.ones((2, 3, 1)), np.ones((2, 4, 1))]),
            "the same lengths on all other",
        ),
        (lambda: layers.Concatenate(axis=0), "the batch's axis"),
        (lambda: layers.Concatenate(axis=-2)([A, B]), "along axis -2"),
        (lambda: layers.Concatenate(axis=3)([A, B]), "along axis 3"),
        (lambda: layers.Concatenate(axis=-3)([A, B]), "along axis -3"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_another_float_type_is_refused():
    with pytest.raises(TypeError, match="float32 but the layer computes in float64"):
        layers.Add()([A, B.astype("float32")])


def test_lengths_that_nobody_knows_yet():
    a, b = layers.Input((None, None, 3)), layers.Input((None, None, 2))
    assert layers.concatenate([a, b]).shape == (None, None, None, 5)
    assert layers.concatenate([a, a], axis=1).shape == (None, None, None, 3)
    assert layers.add([a, layers.Input((8, 8, 1))]).shape == (None, None, None, 3)

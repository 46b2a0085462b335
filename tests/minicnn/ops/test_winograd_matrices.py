"""Winograd's matrices, in exact fractions: they multiply polynomials, whatever the points."""

import random
from fractions import Fraction

import pytest

from minicnn.ops.kernels.winograd_matrices import POINTS, TAPS, inverse, transforms, transpose


def times(matrix, vector):
    return [sum(a * b for a, b in zip(row, vector)) for row in matrix]


def fractions(*shape):
    """A vector or a matrix, the same each time."""
    numbers = random.Random(repr(shape))
    rows = [
        [Fraction(numbers.randint(-9, 9), numbers.randint(1, 9)) for _ in range(shape[-1])]
        for _ in range(shape[0])
    ]
    return rows if len(shape) == 2 else rows[0]


@pytest.mark.parametrize("matrix", [
    [[0, 1], [1, 0]],  # nothing to divide by in the first column: rows have to change places
    [[0, 2, 1], [0, 1, 1], [3, 1, 2]],
    [[1, 2, 3], [2, 4, 7], [1, 3, 5]],
    fractions(4, 4),
    fractions(5, 5),
], ids=str)  # fmt: skip
def test_the_inverse(matrix):
    matrix = [[Fraction(value) for value in row] for row in matrix]
    product = [times(matrix, column) for column in transpose(inverse(matrix))]
    assert product == [[int(i == j) for j in range(len(matrix))] for i in range(len(matrix))]


@pytest.mark.parametrize("points", [*POINTS.values(), (0.0, 1.0, -1.0, 2.0, -2.0, 0.5), (1.0, -1.0, 3.0)])
def test_a_correlation_by_its_values_at_points(points):
    m = len(points) + 2 - TAPS
    AT, G, BT = transforms(points)
    assert ([len(AT), len(G), len(BT)], [len(AT[0]), len(G[0]), len(BT[0])]) == (
        [m, m + 2, m + 2],
        [m + 2, TAPS, m + 2],
    )
    assert {type(value) for matrix in (AT, G, BT) for row in matrix for value in row} == {Fraction}
    g, d = fractions(TAPS), fractions(m + 2)
    y = times(AT, [a * b for a, b in zip(times(G, g), times(BT, d))])
    assert y == [sum(g[k] * d[i + k] for k in range(TAPS)) for i in range(m)]
    assert all(next(value for value in reversed(row) if value) == 1 for row in BT)

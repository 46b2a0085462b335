"""Image warps by hand: moves whose result can be read off, for each way to fill what lies outside."""

import numpy as np
import pytest

from minicnn import ops

pytestmark = pytest.mark.usefixtures("implementation")

FILL_MODES = ["reflect", "constant", "wrap", "nearest", "mirror"]
IDENTITY = np.eye(2, 3)


def strip(values):
    """One image of one row."""
    return np.array(values, float)[None, None, :, None]


def shifted(columns):
    """The matrix that moves an image to the right."""
    return np.array([[[1, 0, 0], [0, 1, -columns]]], float)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize(
    ("fill_mode", "shift", "expected"),
    [
        ("reflect", 5, [4, 4, 3, 2]),  # d c b a | a b c d: five to the left of a b c d is d, d c b …
        ("reflect", 2, [2, 1, 1, 2]),
        ("mirror", 5, [2, 3, 4, 3]),  # … b c d c b | a b c d
        ("mirror", 2, [3, 2, 1, 2]),
        ("mirror", -2, [3, 4, 3, 2]),
        ("wrap", 1, [4, 1, 2, 3]),
        ("wrap", -6, [3, 4, 1, 2]),
        ("nearest", 2, [1, 1, 1, 2]),
        ("nearest", -9, [4, 4, 4, 4]),
        ("constant", 2, [9, 9, 1, 2]),
        ("constant", 7, [9, 9, 9, 9]),
    ],
)
def test_what_lies_outside(fill_mode, shift, expected, interpolation):
    y, _ = ops.affine_transform_forward(
        strip([1, 2, 3, 4]), shifted(shift), fill_mode, interpolation, fill_value=9.0
    )
    assert np.array_equal(y, strip(expected))


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_moves_that_stay_on_the_grid_are_exact(fill_mode, interpolation):
    x = np.random.default_rng(0).standard_normal((3, 5, 5, 2))
    moves = np.array([[[1, 0, 0], [0, -1, 4]], [[-1, 0, 4], [0, 1, 0]], [[0, 1, 0], [-1, 0, 4]]], float)
    y, cache = ops.affine_transform_forward(x, moves, fill_mode, interpolation)
    expected = np.stack([x[0, :, ::-1], x[1, ::-1], np.rot90(x[2])])
    assert np.array_equal(y, expected)
    dx = ops.affine_transform_backward(expected, cache)
    assert np.array_equal(dx, x)  # a permutation's transpose is its inverse


@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_an_image_of_one_pixel(fill_mode):
    y, cache = ops.affine_transform_forward(strip([7]), shifted(3), fill_mode, fill_value=7.0)
    assert np.array_equal(y, strip([7]))
    assert np.array_equal(ops.affine_transform_backward(y, cache), strip([7.0 * (fill_mode != "constant")]))


def test_half_a_pixel_is_the_mean_of_two():
    x = strip([1, 2, 4, 8])
    y, cache = ops.affine_transform_forward(x, shifted(0.5), "constant", "bilinear", fill_value=3.0)
    assert np.array_equal(y, strip([2, 1.5, 3, 6]))
    dx = ops.affine_transform_backward(strip([2, 4, 8, 16]), cache)
    assert np.array_equal(dx, strip([3, 6, 12, 8]))  # the half that came from outside goes nowhere


def test_rounding_is_to_even():
    """Half-way between pixels 0 and 1 is 0, between 1 and 2 is 2: as NumPy and Keras round."""
    y, _ = ops.affine_transform_forward(strip([1, 2, 4, 8]), shifted(-0.5), "nearest", "nearest")
    assert np.array_equal(y, strip([1, 4, 4, 8]))


def test_a_pixel_read_often_gets_every_gradient():
    x = np.ones((1, 4, 4, 1))
    everything_from_one = np.array([[[0, 0, 2], [0, 0, 1]]], float)
    _, cache = ops.affine_transform_forward(x, everything_from_one)
    dx = ops.affine_transform_backward(x, cache)
    assert dx[0, 2, 1, 0] == 16
    assert dx.sum() == 16


def test_unknown_modes_are_errors():
    x, matrices = np.ones((1, 2, 2, 1)), IDENTITY[None]
    with pytest.raises(ValueError, match="fill_mode='mirrored': expected one of"):
        ops.affine_transform_forward(x, matrices, "mirrored")
    with pytest.raises(ValueError, match="interpolation='cubic': expected one of"):
        ops.affine_transform_forward(x, matrices, interpolation="cubic")


def test_random_erasing_by_hand():
    x = np.zeros((3, 3, 3, 2), np.float32)
    boxes = np.array(
        [[1, 0, 2, 2], [0, 0, 0, 3], [2, 2, 5, 5]]
    )  # the second erases nothing, the third sticks out
    y, cache = ops.random_erasing_forward(x, boxes, np.array([7.0, 8.0, 9.0]))
    assert y.dtype == np.float32
    assert np.array_equal(y[0, :, :, 1], [[0, 0, 0], [7, 7, 0], [7, 7, 0]])
    assert not y[1].any()
    assert np.array_equal(y[2, :, :, 0], [[0, 0, 0], [0, 0, 0], [0, 0, 9]])
    dx = ops.random_erasing_backward(np.ones_like(x), cache)
    assert np.array_equal(dx, y == 0)


def test_random_erasing_with_noise():
    noise = np.random.default_rng(0).standard_normal((1, 4, 4, 1))
    y, _ = ops.random_erasing_forward(np.zeros((1, 4, 4, 1)), np.array([[1, 1, 2, 3]]), noise)
    assert np.array_equal(y[0, 1:3, 1:4], noise[0, 1:3, 1:4])
    assert np.count_nonzero(y) == 6

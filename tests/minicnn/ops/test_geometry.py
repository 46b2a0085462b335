"""Where windows fall, counted by hand."""

import numpy as np
import pytest

from minicnn.ops import geometry


@pytest.mark.parametrize(
    ("length", "size", "stride", "padding", "dilation", "expected"),
    [
        (7, 3, 2, "valid", 1, (3, 0, 0)),  # windows at 0, 2, 4
        (8, 3, 2, "valid", 1, (3, 0, 0)),  # the last pixel is in none
        (3, 3, 2, "valid", 1, (1, 0, 0)),
        (7, 2, 1, "valid", 3, (4, 0, 0)),  # pixels 0 and 3, 1 and 4, 2 and 5, 3 and 6
        (6, 3, 1, "same", 1, (6, 1, 1)),
        (6, 2, 2, "same", 1, (3, 0, 0)),
        (5, 2, 2, "same", 1, (3, 0, 1)),  # the odd pixel goes to the end
        (6, 6, 1, "same", 1, (6, 2, 3)),
        (4, 2, 1, "same", 3, (4, 1, 2)),
        (5, 1, 3, "same", 1, (2, 0, 0)),  # a stride beyond the window: no padding, not a negative one
    ],
)
def test_axis_by_hand(length, size, stride, padding, dilation, expected):
    assert geometry.axis(length, size, stride, padding, dilation) == expected


def test_axes_takes_height_first():
    rows, columns = geometry.axes(9, 5, (2, 3), (3, 1), "same", (1, 2))
    assert rows == geometry.axis(9, 2, 3, "same", 1)
    assert columns == geometry.axis(5, 3, 1, "same", 2)


def test_what_does_not_fit_or_is_not_known_is_refused():
    with pytest.raises(ValueError, match="a window of 5 pixels does not fit into 4"):
        geometry.axis(4, 3, 1, "valid", dilation=2)
    with pytest.raises(ValueError, match="padding='full'"):
        geometry.axis(4, 3, 1, "full")


def test_pairs_and_their_largest_number():
    largest = 16_777_216
    assert geometry.pair(largest, "strides") == (largest, largest)
    for read in (
        geometry.pair((np.int64(1), largest), "strides"),
        geometry.pair([np.int8(1), largest], "strides"),
    ):
        assert read == (1, largest)
        assert [type(each) for each in read] == [int, int]
    for wrong in (
        largest + 1,
        (1, largest + 1),
        (largest + 1, 1),
        0,
        (1, 0),
        True,
        (1, True),
        (1, 2, 3),
        (),
        "2",
    ):
        with pytest.raises(ValueError, match=r"^strides=.* expected a positive integer or a pair of them"):
            geometry.pair(wrong, "strides")
